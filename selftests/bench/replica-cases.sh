# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # results, dev and here are the sourcing script's
# What only dm-replica is asked: fracture, resync, full copy, sparse 1 TiB,
# memory. Sourced in the guest; figures go to $results/CASE.kv as key=value.

kv() {
	local file=$1
	shift
	printf '%s\n' "$@" >>"$results/$file.kv"
}

copy_time() {
	/usr/bin/python3 "$here/copy_time.py" "$@" >>"$results/$case.kv" ||
		die "$case: the copy failed: $(dmsetup status a)"
}

message() { must dmsetup message pool 0 "$@"; }

# Writes of a fractured mirror, and the resync of exactly 1310 changed regions.
fracture_case() {
	local case=fracture before
	replica_up
	disks_latency model
	settle
	message modify fracture 3
	wait_copy_state fractured
	settle
	before=$(pool_commits)
	job replica fractured-q1 randwrite 4 1 8000
	kv $case "commits=$(($(pool_commits) - before))"
	before=$(pool_commits)
	job replica fractured-hot-q1 randwrite 4 1 8000 --size=1M
	kv $case "hot_commits=$(($(pool_commits) - before))"
	message modify resync-replica 3
	wait_copy_state synchronized
	settle
	for place in '' ' --size=16M'; do
		case=resync${place:+-hot}
		message modify fracture 3
		wait_copy_state fractured
		# shellcheck disable=SC2086 # two words or none
		DIVIDE='' job replica "$case-change" randwrite 4 1 1310 $place
		kv "$case" changed_bytes=$((1310 * 4096))
		simdisk_reset_stats simA simB simM
		copy_time synchronized modify resync-replica 3
		save_counters "replica.$case.io"
		settle
	done
	disks_latency off
	pool_down
}

# Full copy: idle, then under a writer of one write at a time.
copy_case() {
	local case=copy-idle writer
	pool_up "$DISK_SECTORS"
	disks_latency model
	settle
	simdisk_reset_stats simA simB simM
	copy_time synchronized create_sync 3 mirror 1 2
	save_counters replica.$case.io
	settle
	message modify detach 3
	case=copy-busy
	settle
	fio --name=job --filename="$dev" --ioengine=libaio --direct=1 --rw=randwrite \
		--bs=4k --iodepth=1 --size="${TEST_MIB}M" --randseed=7 --time_based \
		--runtime=6 --output-format=json >"$results/replica.$case.fio" &
	writer=$!
	sleep 2
	copy_time synchronized create_sync 5 mirror 1 2
	wait $writer
	disks_latency off
	pool_down
}

# A mirror of 1 TiB: memory, clean and fully dirty; writes all over it.
big_case() {
	local case=big sectors=$((2048 * 1024 * 1024)) before slab
	must simdisk_remove simA
	must simdisk_remove simB
	must simdisk_remove simM
	must simdisk_create simA 1048576 track=0
	must simdisk_create simB 1048576 track=0
	must simdisk_create simM 256 track=0
	slab=$(kernel_memory)
	pool_up $sectors
	message create_sync 3 mirror 1 2 force skip_initial_copy=yes
	wait_copy_state synchronized
	sleep 1
	kv $case "clean_memory=$(pool_memory)" "clean_kernel=$(kernel_memory)" "before_kernel=$slab"
	disks_latency model
	settle
	before=$(pool_commits)
	TEST_MIB=1048576 job replica big-q1 randwrite 4 1 8000 --norandommap
	kv $case "commits=$(($(pool_commits) - before))" "writes=$((8000 / ${DIVIDE:-1}))" \
		"used_memory=$(pool_memory)"
	disks_latency off
	message modify detach 3 force
	slab=$(kernel_memory)
	message create_sync 4 mirror 1 2 rate_limit=1M
	sleep 1
	kv $case "dirty_memory=$(pool_memory)" "dirty_kernel=$(kernel_memory)" \
		"detached_kernel=$slab" "dirty_status=$(dmsetup status a)"
	message modify abort 4 force
	message modify detach 4 force
	pool_down
	must simdisk_remove simA
	must simdisk_remove simB
	must simdisk_remove simM
}

# "SLAB VMALLOC" in kB. With slab_nomerge and little else going on, a rough check.
kernel_memory() {
	awk '/^Slab:/ { s = $2 } /^VmallocUsed:/ { v = $2 } END { print s, v }' /proc/meminfo
}
