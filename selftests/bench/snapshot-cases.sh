# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034 # results is the sourcing script's, dev is read by job()
# Snapshots beside dm-snapshot and dm-thin. Sourced in the guest. A stack is
# TYPE-SNAPSHOTS-CHUNK-SECTORS, such as replica-16-8; every job begins with
# snapshots that were just taken, so each write is the first one of its chunk.

COW_MIB=1024

snapshot_disks() {
	disks_create
	must simdisk_create simC $COW_MIB track=0
	dd if=/dev/zero of=/dev/simC bs=1M oflag=direct 2>/dev/null
	DISKS='simA simM simC'
}

# ---- the stacks: up, snapshots taken and dropped, down ----

dmsnap_up() {
	local i size=$((COW_MIB * 2048 / 16))
	modprobe dm-snapshot
	for ((i = 0; i < snapshots; i++)); do
		dm_create "cow$i" "0 $size linear /dev/simC $((i * size))"
	done
	dev=/dev/mapper/origin
}

dmsnap_take() {
	local i
	for ((i = 0; i < snapshots; i++)); do
		must dd if=/dev/zero of="/dev/mapper/cow$i" bs=4k count=1 oflag=direct
		dm_create "snap$i" "0 $DISK_SECTORS snapshot /dev/simA /dev/mapper/cow$i P $chunk"
	done
	dm_create origin "0 $DISK_SECTORS snapshot-origin /dev/simA"
	snap_dev=/dev/mapper/snap0
}

dmsnap_drop() {
	local i
	must dmsetup remove --retry origin
	for ((i = 0; i < snapshots; i++)); do
		must dmsetup remove --retry "snap$i"
	done
}

dmsnap_down() {
	local i
	for ((i = 0; i < snapshots; i++)); do
		must dmsetup remove --retry "cow$i"
	done
}

thin_up() {
	modprobe dm-thin-pool
	must dd if=/dev/zero of=/dev/simM bs=4k count=1 oflag=direct
	dm_create tpool "0 $((COW_MIB * 2048)) thin-pool /dev/simM /dev/simC $chunk 0 1 skip_block_zeroing"
	must dmsetup message tpool 0 create_thin 0
	dm_create thin "0 $DISK_SECTORS thin /dev/mapper/tpool 0"
	dev=/dev/mapper/thin
	must dd if=/dev/zero of=$dev bs=1M count=$DISK_MIB oflag=direct
}

thin_take() {
	local i
	must dmsetup suspend thin
	for ((i = 1; i <= snapshots; i++)); do
		must dmsetup message tpool 0 create_snap "$i" 0
	done
	must dmsetup resume thin
	dm_create tsnap "0 $DISK_SECTORS thin /dev/mapper/tpool 1"
	snap_dev=/dev/mapper/tsnap
}

thin_drop() {
	local i
	must dmsetup remove --retry tsnap
	for ((i = 1; i <= snapshots; i++)); do
		must dmsetup message tpool 0 delete "$i"
	done
}

thin_down() {
	must dmsetup remove --retry thin
	must dmsetup remove --retry tpool
}

cow_pool_up() {
	dm_create pool "0 8 replica-pool /dev/simM /dev/simC $chunk 2 format name=pool"
	must dmsetup message pool 0 create_element 1 a "size=$DISK_SECTORS"
	dm_create a "0 $DISK_SECTORS replica /dev/mapper/pool 1 /dev/simA"
	dev=/dev/mapper/a
	next_snapshot=100
}

cow_pool_take() {
	local i
	first_snapshot=$next_snapshot
	for ((i = 0; i < snapshots; i++)); do
		must dmsetup message pool 0 create_sync "$next_snapshot" snapshot 1 $((next_snapshot + 5)) \
			name=s$i target_name=t$i
		next_snapshot=$((next_snapshot + 10))
	done
	dm_create snap0 "0 $DISK_SECTORS replica /dev/mapper/pool $((first_snapshot + 5))"
	snap_dev=/dev/mapper/snap0
}

cow_chunks_used() { dmsetup status pool | awk '{ split($16, c, "/"); print c[1] }'; }

cow_pool_drop() {
	local id i
	must dmsetup remove --retry snap0
	for ((id = first_snapshot; id < next_snapshot; id += 10)); do
		must dmsetup message pool 0 modify return-to-resource-pool $id
	done
	for ((i = 0; i < 600; i++)); do
		[ "$(cow_chunks_used)" != 0 ] || return
		sleep 0.5
	done
	die "chunks stay in use: $(dmsetup status pool)"
}

cow_pool_down() { pool_stop; }

pool_stop() {
	must dmsetup remove --retry a
	must dmsetup remove --retry pool
}

# STACK up|take|drop|down
snapshot_stack() {
	local type
	IFS=- read -r type snapshots chunk <<<"$1"
	case $type in
	raw) dev=/dev/simA snap_dev=/dev/simA ;;
	dmsnap) "dmsnap_$2" ;;
	thin) "thin_$2" ;;
	replica) "cow_pool_$2" ;;
	*) die "unknown stack $1" ;;
	esac
}

# ---- the jobs ----

# STACK TEST RW BS DEPTH COUNT [OPTION]...: with new snapshots.
first_touch() {
	snapshot_stack "$1" take
	job "$@"
	snapshot_stack "$1" drop
}

# What was preserved is written again, read, and read through a snapshot.
touched() {
	local stack=$1
	snapshot_stack "$stack" take
	SETTLE_NOT=1 job "$stack" touch randwrite 4 16 2048 --size=8M
	job "$stack" again-q1 randwrite 4 1 4000 --size=8M
	job "$stack" source-r-q16 randread 4 16 4000
	dev=$snap_dev job "$stack" snapshot-r-q16 randread 4 16 4000
	snapshot_stack "$stack" drop
}

snapshots_part() {
	local stack
	snapshot_disks
	for stack; do
		snapshot_stack "$stack" up
		disks_latency model
		first_touch "$stack" w4k-q1 randwrite 4 1 3000
		first_touch "$stack" w4k-q16 randwrite 4 16 5000
		first_touch "$stack" fsync randwrite 4 1 800 --fsync=1
		first_touch "$stack" s64k-q4 write 64 4 800
		touched "$stack"
		disks_latency off
		first_touch "$stack" cpu-w-q1 randwrite 4 1 5000
		snapshot_stack "$stack" down
		echo "bench: $stack done"
	done
}

# One of a thousand snapshots is taken and returned under a writer.
thousand_part() {
	local i writer chunk=8 snapshots=1000 case=thousand
	snapshot_disks
	# In 64 MiB of metadata the catalog has room for 371 snapshots.
	must simdisk_remove simM
	must simdisk_create simM 256 track=0
	cow_pool_up
	[ -z "${DIVIDE:-}" ] || snapshots=$((snapshots / DIVIDE))
	cow_pool_take
	disks_latency model
	sleep 2
	fio --name=job --filename="$dev" --ioengine=libaio --direct=1 --rw=randwrite \
		--bs=4k --iodepth=1 --size="${TEST_MIB}M" --randseed=7 --time_based \
		--runtime=8 --output-format=json >"$results/replica.thousand.fio" &
	writer=$!
	sleep 2
	for ((i = 0; i < 5; i++)); do
		must dmsetup message pool 0 create_sync $((50000 + 10 * i)) snapshot 1 $((50005 + 10 * i)) \
			"name=n$i" "target_name=m$i"
		must dmsetup message pool 0 modify return-to-resource-pool $((first_snapshot + 10 + 10 * i))
	done
	kill -0 $writer || die "the writer ended before the last snapshot was returned"
	wait $writer
	kv $case "snapshots=$snapshots" "memory=$(pool_memory)"
	disks_latency off
}

# NAME DISK SECTORS: its first 16 MiB are the disk's, what follows keeps nothing.
# A million chunks would not fit into the guest's memory, and nobody reads them.
forgetful_disk() {
	dm_create "$1" "0 32768 linear /dev/$2 0
32768 $(($3 - 32768)) zero"
}

million_disks() {
	local sectors=$1
	disks_create
	must simdisk_remove simM
	must simdisk_create simM 512 track=0
	must simdisk_create simC 64 track=0
	dd if=/dev/zero of=/dev/simC bs=1M oflag=direct 2>/dev/null
	forgetful_disk long "simA" "$sectors"
	forgetful_disk cow "simC" "$((sectors * 2))"
	DISKS='simA simM simC'
}

# A pool whose snapshot has preserved a million chunks is stopped and activated.
million_part() {
	local chunk=8 chunks=1000000 case=million sectors slab
	modprobe dm-zero
	[ -z "${DIVIDE:-}" ] || chunks=$((chunks / DIVIDE))
	sectors=$((chunks * chunk))
	million_disks "$sectors"
	dm_create pool "0 8 replica-pool /dev/simM /dev/mapper/cow $chunk 2 format name=pool"
	must dmsetup message pool 0 create_element 1 a "size=$sectors"
	dm_create a "0 $sectors replica /dev/mapper/pool 1 /dev/mapper/long"
	must dmsetup message pool 0 create_sync 100 snapshot 1 105 name=s target_name=t
	must fio --name=fill --filename=/dev/mapper/a --ioengine=libaio --direct=1 --rw=write \
		--bs=256k --iodepth=4 --size="$((chunks * chunk / 2))k"
	kv $case "chunks=$(cow_chunks_used)" "full_memory=$(pool_memory)"
	pool_stop
	disks_latency model
	slab=$(kernel_memory)
	/usr/bin/python3 "$here/activation.py" /dev/simM /dev/mapper/cow $chunk /dev/mapper/long \
		"$sectors" >>"$results/$case.kv" || die "$case: activation"
	kv $case "memory=$(pool_memory)" "before_kernel=$slab" "kernel=$(kernel_memory)"
	udevadm settle
	must dmsetup mknodes
	dm_create snap0 "0 $sectors replica /dev/mapper/pool 105"
	must fio --name=read --filename=/dev/mapper/snap0 --ioengine=libaio --direct=1 \
		--rw=randread --bs=4k --iodepth=16 --io_size=64M --randseed=7
	kv $case "read_memory=$(pool_memory)" "read_kernel=$(kernel_memory)"
	must dmsetup remove --retry snap0
	disks_latency off
	pool_stop
}
