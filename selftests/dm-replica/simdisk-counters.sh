#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, through sim_check
# The test disk counts exactly what it was asked.
# shellcheck source=selftests/lib/simdisk-test.sh
. "$(dirname "$0")/../lib/simdisk-test.sh"

# KEY=VALUE...: the counters that are not named must be zero.
counters_are() {
	local expected=" $* " word key
	for word in $(<"$SIMDISK_SYS/simcount/stats"); do
		key=${word%%=*}
		case $key in
		inflight | max_inflight) continue ;;
		esac
		case $expected in
		*" $key="*) [[ $expected == *" $word "* ]] && continue ;;
		*) [ "$word" = "$key=0" ] && continue ;;
		esac
		echo "# found $word, expected$expected"
		return 1
	done
}

io() {
	fio --name=io --filename=/dev/simcount --direct=1 --ioengine=libaio \
		--randseed=1 "$@" --output-format=terse >/dev/null
}

sim_start
sim_disk simcount 16
simdisk_latency simcount model
simdisk_reset_stats simcount
io --rw=randwrite --bs=4k --iodepth=8 --number_ios=100
sim_check "100 writes of 4 KiB" counters_are writes=100 write_sectors=800
sim_check "eight at once" [ "$(simdisk_stat simcount max_inflight)" -gt 1 ]
sim_check "never more than eight" \
	[ "$(simdisk_stat simcount max_inflight)" -le 8 ]
sim_equal "none left" 0 "$(simdisk_stat simcount inflight)"

simdisk_reset_stats simcount
io --rw=randread --bs=8k --iodepth=4 --number_ios=50
sim_check "50 reads of 8 KiB" counters_are reads=50 read_sectors=800

simdisk_reset_stats simcount
sim_fill simcount 0 8 A dsync
sim_check "a synchronous write is FUA and a flush" \
	counters_are writes=1 write_sectors=8 fua=1 flushes=1

simdisk_reset_stats simcount
sim_fill simcount 0 8 A
sim_flush simcount
sim_check "a write and a flush" \
	counters_are writes=1 write_sectors=8 flushes=1

simdisk_reset_stats simcount
blkdiscard --force --offset 0 --length 1048576 /dev/simcount 2>/dev/null
sim_check "a discard" counters_are discards=1 discard_sectors=2048

simdisk_reset_stats simcount
blkdiscard --force --zeroout --offset 0 --length 1048576 /dev/simcount 2>/dev/null
sim_check "a write of zeroes" \
	counters_are write_zeroes=1 write_zeroes_sectors=2048

simdisk_reset_stats simcount
simdisk_set simcount fail_writes 1
sim_fill simcount 0 8 A
sim_check "a failed write counts as an error only" counters_are errors=1
sim_end
