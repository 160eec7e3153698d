#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, through sim_check
# Requests in flight at a power failure are never acknowledged and may land in
# part; an armed failure comes at exactly the write that it names.
# shellcheck source=selftests/lib/simdisk-test.sh
. "$(dirname "$0")/../lib/simdisk-test.sh"

fails() {
	! "$@"
}

sim_start
sim_disk simfly 16
sim_disk simfly2 16

# SEED: a write of 64 sectors that takes a second is cut in the middle.
cut_one() {
	local pid
	sim_fill simfly 0 64 A dsync
	simdisk_set simfly write_us 5000000
	sim_fill simfly 0 64 B &
	pid=$!
	while [ "$(simdisk_stat simfly inflight)" = 0 ]; do
		kill -0 $pid 2>/dev/null || break
		sleep 0.02
	done
	simdisk_power_fail "$1"
	if wait $pid; then
		echo acknowledged
	fi
	simdisk_rearm
	simdisk_set simfly write_us 0
	sim_letters simfly 0 64
}

none=0 all=0 part=0 bad=0
for seed in $(seq 16); do
	result=$(cut_one "$seed")
	a=$(sim_letter_count "$result" A)
	b=$(sim_letter_count "$result" B)
	case $a/$b in
	64/0) none=$((none + 1)) ;;
	0/64) all=$((all + 1)) ;;
	*) [ ${#result} -eq 64 ] && [ $((a + b)) -eq 64 ] &&
		part=$((part + 1)) || bad=$((bad + 1)) ;;
	esac
done
echo "# in flight: $none not landed, $all landed, $part in part"
sim_equal "in flight: failed, and sectors old or new" 0 $bad
sim_check "in flight: some land in part" [ $part -gt 0 ]
sim_check "in flight: some do not land" [ $none -gt 0 ]
sim_check "in flight: some land" [ $all -gt 0 ]

# The fifth write over both disks is the one that is cut.
simdisk_power_fail_after 5 3 keep
sim_equal "armed" armed "$(simdisk_power)"
good=0
for i in 0 1; do
	sim_fill simfly $((i * 8)) 8 C && good=$((good + 1))
	sim_fill simfly2 $((i * 8)) 8 C && good=$((good + 1))
done
sim_equal "four writes before the one that is cut" 4 $good
sim_equal "still armed" armed "$(simdisk_power)"
sim_check "the fifth fails" fails sim_fill simfly 128 8 C
sim_check "the power is off" simdisk_wait_off
simdisk_rearm
sim_equal "acknowledged writes on both disks are kept" \
	"$(sim_repeat C 16) $(sim_repeat C 16)" \
	"$(sim_letters simfly 0 16) $(sim_letters simfly2 0 16)"

simdisk_power_fail_in_us 200000 1 keep
sim_check "the power fails by time" simdisk_wait_off
simdisk_rearm
sim_equal "on again" on "$(simdisk_power)"

# Under load: every failure ends all I/O, nothing hangs, the disk comes back.
for seed in 1 2 3; do
	simdisk_latency simfly model
	fio --name=load --filename=/dev/simfly --direct=1 --ioengine=libaio \
		--iodepth=32 --rw=randrw --bsrange=512-64k --fsync=7 \
		--runtime=20 --time_based --randseed="$seed" \
		--output-format=terse >/dev/null 2>&1 &
	pid=$!
	sleep 1
	simdisk_power_fail_in_us 100000 "$seed"
	simdisk_wait_off 10
	sim_check "load, seed $seed: fio ends with errors" fails wait $pid
	sim_equal "load, seed $seed: nothing is left in flight" 0 \
		"$(simdisk_stat simfly inflight)"
	simdisk_rearm
	sim_check "load, seed $seed: the disk works again" \
		sim_fill simfly 0 8 A dsync
done
sim_end
