#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, through sim_check
# A power failure takes what was not flushed, any part of it, and nothing else.
# shellcheck source=selftests/lib/simdisk-test.sh
. "$(dirname "$0")/../lib/simdisk-test.sh"

fails() {
	! "$@"
}

old=$(sim_repeat A 64)
new=$(sim_repeat B 64)

# DISK...: durable A everywhere, volatile B over it
fresh() {
	local disk steps=()
	for disk; do
		steps+=("fill $disk 0 64 A dsync" "fill $disk 0 64 B")
	done
	sim_sectors "${steps[@]}"
}

sim_start
sim_disk simpow 16
sim_disk simpow2 16

fresh simpow
sim_equal "64 sectors are volatile" 64 \
	"$(simdisk_stat simpow volatile_sectors)"
simdisk_power_fail 1 drop
sim_equal "the power is off" off "$(simdisk_power)"
sim_check "reads fail while it is off" fails sim_letters simpow 0 1
sim_check "writes fail while it is off" fails sim_fill simpow 0 1 C
sim_check "flushes fail while it is off" fails sim_flush simpow
sim_check "other disks fail too" fails sim_letters simpow2 0 1
simdisk_rearm
sim_equal "the cache is lost" "$old" "$(sim_letters simpow 0 64)"
sim_equal "nothing is volatile afterwards" 0 \
	"$(simdisk_stat simpow volatile_sectors)"

fresh simpow
simdisk_power_fail 1 keep
simdisk_rearm
sim_equal "the cache was destaged" "$new" "$(sim_letters simpow 0 64)"

fresh simpow
sim_flush simpow
simdisk_power_fail 1 drop
simdisk_rearm
sim_equal "flushed data survives" "$new" "$(sim_letters simpow 0 64)"

fresh simpow
sim_flush simpow
sim_fill simpow 8 8 C
simdisk_power_fail 1 drop
simdisk_rearm
sim_equal "what came after the flush is lost alone" "$new" \
	"$(sim_letters simpow 0 64)"

# A write that completes while a flush runs is not covered by it, but what it
# overwrites is.
fresh simpow
simdisk_set simpow flush_us 3000000
sim_flush simpow &
pid=$!
while [ "$(simdisk_stat simpow inflight)" = 0 ] && kill -0 $pid; do
	sleep 0.02
done
sim_fill simpow 8 8 C
sim_equal "the flush still runs" 1 "$(simdisk_stat simpow inflight)"
wait $pid
simdisk_set simpow flush_us 0
simdisk_power_fail 1 drop
simdisk_rearm
sim_equal "a flush covers what was complete when it came" "$new" \
	"$(sim_letters simpow 0 64)"

# The flush behind a FUA write is made to fail, so only FUA can save it.
fresh simpow
simdisk_set simpow fail_flushes 1
sim_fill simpow 16 8 F dsync
simdisk_set simpow fail_flushes 0
simdisk_power_fail 1 drop
simdisk_rearm
sim_equal "FUA saves its own sectors and no others" \
	"${old:0:16}FFFFFFFF${old:24}" "$(sim_letters simpow 0 64)"

blkdiscard --force --offset 0 --length 32768 /dev/simpow 2>/dev/null
simdisk_power_fail 1 drop
simdisk_rearm
sim_equal "a discard is volatile" "${old:0:16}FFFFFFFF${old:24}" \
	"$(sim_letters simpow 0 64)"

outcome() {
	fresh simpow simpow2
	simdisk_power_fail "$1" "${2:-any}"
	simdisk_rearm
	sim_sectors "letters simpow 0 64" "letters simpow2 0 64" | xargs
}

torn=$(outcome 5 sectors)
sim_check "torn sectors are old or new, never mixed" \
	[ "$(sim_letter_count "$torn" AB)" -eq 128 ]
sim_check "part is lost" [ "$(sim_letter_count "$torn" A)" -gt 30 ]
sim_check "part is kept" [ "$(sim_letter_count "$torn" B)" -gt 30 ]
sim_check "torn inside a 4 KiB block" \
	[ -n "$(fold -w 8 <<<"${torn% *}" | grep A | grep B)" ]
sim_check "the two disks differ" [ "${torn% *}" != "${torn#* }" ]
sim_equal "the same seed, the same outcome" "$torn" "$(outcome 5 sectors)"
sim_check "another seed, another outcome" [ "$torn" != "$(outcome 6 sectors)" ]

whole=0 lost=0 kept=0
for seed in $(seq 12); do
	result=$(outcome "$seed")
	a=$(sim_letter_count "$result" A)
	b=$(sim_letter_count "$result" B)
	[ $((a + b)) -eq 128 ] && whole=$((whole + 1))
	[ "$a" -gt 0 ] && lost=$((lost + 1))
	[ "$b" -gt 0 ] && kept=$((kept + 1))
done
sim_equal "12 seeds: every sector is old or new" 12 $whole
sim_check "12 seeds: most lose something ($lost)" [ $lost -ge 6 ]
sim_check "12 seeds: most keep something ($kept)" [ $kept -ge 6 ]

sim_disk simsafe 16 cache=none
sim_fill simsafe 0 64 B
simdisk_power_fail 1 drop
simdisk_rearm
sim_equal "a disk without a cache loses nothing" "$new" \
	"$(sim_letters simsafe 0 64)"
sim_end
