#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, through sim_check
# Injected errors hit what they name and nothing else; hung requests wait.
# shellcheck source=selftests/lib/simdisk-test.sh
. "$(dirname "$0")/../lib/simdisk-test.sh"

reads() {
	dd if=/dev/simfault of=/dev/null bs=512 skip="$1" count=1 \
		iflag=direct status=none 2>/dev/null
}

writes() {
	sim_fill simfault "$1" 1 W
}

fails() {
	! "$@"
}

refused() {
	fails simdisk_set simfault "$@" 2>/dev/null
}

sim_start
sim_disk simfault 16
sim_fill simfault 0 64 A dsync

simdisk_set simfault fail_reads 1
sim_check "reads fail" fails reads 0
sim_check "writes go on" writes 0
simdisk_set simfault fail_reads 0
sim_check "reads work again" reads 0

simdisk_set simfault fail_writes 1
sim_check "writes fail" fails writes 8
simdisk_set simfault fail_writes 0
sim_equal "a failed write changes nothing" A "$(sim_letters simfault 8 1)"

simdisk_set simfault fail_flushes 1
sim_check "flushes fail" fails sim_flush simfault
simdisk_set simfault fail_flushes 0
sim_check "flushes work again" sim_flush simfault

simdisk_set simfault fail_range 100 10 r
simdisk_set simfault fail_range 200 10 w
sim_equal "ranges are shown" "100 10 r 200 10 w" \
	"$(xargs <$SIMDISK_SYS/simfault/fail_range)"
sim_check "read before the range" reads 99
sim_check "read in the range" fails reads 100
sim_check "read at its end" fails reads 109
sim_check "read behind it" reads 110
sim_check "write in a range of reads" writes 105
sim_check "write in a range of writes" fails writes 205
sim_check "read in a range of writes" reads 205
simdisk_set simfault fail_range clear
sim_check "cleared ranges do not fail" reads 100

simdisk_set simfault fail_after 2
sim_check "fail_after 2: first" reads 0
sim_check "fail_after 2: second" writes 0
sim_check "fail_after 2: third" fails reads 0
sim_check "fail_after 2: and all after" fails writes 0
simdisk_set simfault fail_after -1
sim_check "fail_after off" reads 0

simdisk_set simfault offline 1
sim_check "offline: read" fails reads 0
sim_check "offline: write" fails writes 0
simdisk_set simfault offline 0
sim_check "online" reads 0

simdisk_set simfault hang 1
reads 0 &
pid=$!
sleep 0.5
sim_equal "a hung request is in flight" 1 "$(simdisk_stat simfault inflight)"
sim_check "its reader waits" kill -0 $pid
simdisk_set simfault hang 0
sim_check "released, it succeeds" wait $pid

simdisk_set simfault hang 1
reads 0 &
pid=$!
sleep 0.5
simdisk_power_fail 1
sim_check "a power failure ends hung requests" fails wait $pid
simdisk_set simfault hang 0
simdisk_rearm

sim_check "a bad value is refused" refused channels 0
sim_check "a bad range is refused" refused fail_range 1 0 r
sim_end
