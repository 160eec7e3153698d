# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # results, dev and here are the sourcing script's
# Disks, fio jobs and counters. Sourced in the guest; results are files in
# $results: STACK.TEST.fio (fio's JSON) and STACK.TEST.io (counters).

TEST_MIB=496	# of each device; what every stack leaves of 512 MiB
DISKS="simA simB simM"
SETTLE=16	# seconds in which bitmaps become clean and extents retire

disks_create() {
	local d
	for d in simA simB; do
		must simdisk_create $d "$DISK_MIB" track=0
	done
	must simdisk_create simM 64 track=0
	for d in simA simB simM; do
		dd if=/dev/zero of=/dev/$d bs=1M oflag=direct 2>/dev/null
	done
}

# off or model, of all disks
disks_latency() {
	local d
	for d in $DISKS; do
		simdisk_latency "$d" "$1"
	done
}

settle() { [ -n "${SETTLE_NOT:-}" ] || sleep $SETTLE; }

# FILE: the disks' counters, one line each: disk key=value...
save_counters() {
	local d
	for d in $DISKS; do
		echo "$d $(cat "$SIMDISK_SYS/$d/stats")"
	done >"$results/unfinished"
	mv "$results/unfinished" "$results/$1"
}

# STACK TEST RW BS DEPTH COUNT [FIO-OPTION]...: one job, counted.
job() {
	local stack=$1 test=$2 rw=$3 bs=$4 depth=$5 count=$6
	shift 6
	[ -z "${DIVIDE:-}" ] || count=$((count / DIVIDE))
	# shellcheck disable=SC2086 # a list of words
	simdisk_reset_stats $DISKS
	fio --name=job --filename="$dev" --ioengine=libaio --direct=1 --rw="$rw" \
		--bs="${bs}k" --iodepth="$depth" --size=${TEST_MIB}M \
		--io_size=$((count * bs))k --randseed=7 --group_reporting \
		--output-format=json "$@" >"$results/unfinished" ||
		die "fio failed: $stack $test"
	mv "$results/unfinished" "$results/$stack.$test.fio"
	save_counters "$stack.$test.io"
	settle
}

# Modelled latency: rates.
latency_jobs() {
	local stack=$1
	disks_latency model
	settle
	job "$stack" w4k-q1 randwrite 4 1 8000
	job "$stack" hot-q1 randwrite 4 1 8000 --size=1M
	job "$stack" w4k-q16 randwrite 4 16 10000
	job "$stack" s64k-q4 write 64 4 3000
	job "$stack" fsync randwrite 4 1 1500 --fsync=1
	job "$stack" r4k-q16 randread 4 16 5000
	disks_latency off
}

# No latency: instructions.
cpu_jobs() {
	local stack=$1
	settle
	job "$stack" cpu-w-q1 randwrite 4 1 20000
	job "$stack" cpu-hot-q1 randwrite 4 1 20000 --size=1M
	job "$stack" cpu-w-q16 randwrite 4 16 20000
	job "$stack" cpu-r-q1 randread 4 1 20000
}
