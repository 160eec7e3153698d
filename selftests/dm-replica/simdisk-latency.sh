#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, through sim_check
# The latency model: no request is faster than it says, channels limit how
# many are served at once. Slower is the machine's doing and is not judged.
# shellcheck source=selftests/lib/simdisk-test.sh
. "$(dirname "$0")/../lib/simdisk-test.sh"

# FIO-ARGUMENT...: run time of the I/O in milliseconds
run_ms() {
	fio --name=io --filename=/dev/simlat --direct=1 --ioengine=libaio \
		--randseed=1 "$@" --output-format=json |
		python3 -c 'import json, sys
job = json.load(sys.stdin)["jobs"][0]
print(job["read"]["runtime"] + job["write"]["runtime"])'
}

at_least() {
	[ "$1" -ge "$2" ] || {
		echo "# $1 ms, expected at least $2"
		return 1
	}
}

now_ms() {
	date +%s%3N
}

sim_start
sim_disk simlat 64
simdisk_set simlat read_us 20000
simdisk_set simlat write_us 10000
sim_check "50 reads of 20 ms" at_least \
	"$(run_ms --rw=randread --bs=4k --number_ios=50)" 990
sim_check "50 writes of 10 ms" at_least \
	"$(run_ms --rw=randwrite --bs=4k --number_ios=50)" 490

sim_check "80 writes over four channels" at_least \
	"$(run_ms --rw=randwrite --bs=4k --number_ios=80 --iodepth=16)" 190
simdisk_set simlat channels 1
sim_check "80 writes over one channel" at_least \
	"$(run_ms --rw=randwrite --bs=4k --number_ios=80 --iodepth=16)" 790
simdisk_set simlat channels 4

simdisk_latency simlat off
simdisk_set simlat ns_per_kib 1000000
sim_check "10 writes of 64 KiB at 1 ms per KiB" at_least \
	"$(run_ms --rw=write --bs=64k --number_ios=10)" 630

simdisk_latency simlat off
simdisk_set simlat flush_us 300000
start=$(now_ms)
sim_flush simlat
sim_check "a flush of 300 ms" at_least $(($(now_ms) - start)) 300
simdisk_set simlat flush_us 0
simdisk_set simlat fua_us 300000
start=$(now_ms)
sim_fill simlat 0 8 A dsync
sim_check "a FUA write of 300 ms" at_least $(($(now_ms) - start)) 300

simdisk_latency simlat model
sim_equal "the model" "200 200 400 400 2000" "$(cd $SIMDISK_SYS/simlat &&
	cat read_us write_us flush_us fua_us ns_per_kib | xargs)"
simdisk_latency simlat off
sim_equal "off" "0 0 0 0 0" "$(cd $SIMDISK_SYS/simlat &&
	cat read_us write_us flush_us fua_us ns_per_kib | xargs)"
sim_end
