#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, through sim_check
# The test disk keeps data: fio verify, odd offsets, discard, zeroes, sizes.
# shellcheck source=selftests/lib/simdisk-test.sh
. "$(dirname "$0")/../lib/simdisk-test.sh"

verify() {
	fio --name=verify --filename="/dev/$1" --direct=1 --ioengine=libaio \
		--rw=randwrite --bsrange="$2" --bs_unaligned=0 --iodepth=16 \
		--verify=crc32c --verify_fatal=1 --size=16m --randseed=1 \
		--output-format=terse >/dev/null
}

gone() {
	[ ! -e "/sys/kernel/simdisk/$1" ] && [ ! -e "/sys/block/$1" ]
}

sim_start
sim_disk simdata 32
sim_check "fio verify, inline" verify simdata 512-128k
simdisk_latency simdata model
sim_check "fio verify, with latency" verify simdata 4k-64k
simdisk_latency simdata off
sim_disk simbig 32 lbs=4096 cache=none
sim_check "fio verify, 4096-byte blocks" verify simbig 4k-64k
sim_equal "logical block size" 4096 "$(blockdev --getss /dev/simbig)"

sim_fill simdata 3 20 A
sim_equal "a write that crosses blocks" \
	"$(sim_repeat A 20)" "$(sim_letters simdata 3 20)"

blkdiscard --force /dev/simdata 2>/dev/null
sim_equal "discard frees all once it is durable" 0 \
	"$(sim_flush simdata; simdisk_stat simdata allocated_kib)"
sim_equal "discarded sectors are zero" \
	"$(sim_repeat 0 64)" "$(sim_letters simdata 0 64)"

sim_fill simdata 0 32 B
blkdiscard --force --zeroout --offset 4096 --length 8192 /dev/simdata 2>/dev/null
sim_equal "zeroed range" "BBBBBBBB0000000000000000BBBBBBBB" \
	"$(sim_letters simdata 0 32)"

sim_disk simhuge 1048576
sim_fill simhuge 2147483640 8 C
sim_equal "the last sectors of 1 TiB" CCCCCCCC \
	"$(sim_letters simhuge 2147483640 8)"
sim_equal "1 TiB takes only what is written" 4 \
	"$(simdisk_stat simhuge allocated_kib)"

exec 5</dev/simhuge
sim_check "an open disk stays" [ -n "$({ echo remove simhuge >/sys/kernel/simdisk/control; } 2>&1 | grep busy)" ]
exec 5<&-
simdisk_remove simhuge
sim_check "a closed disk goes" gone simhuge
sim_end
