# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # results, dev and here are the sourcing script's
# Turned directions: hosts of the source during a restore and a failback, the
# time until one reads the other's content or writes the other side, what a
# failback copies. Sourced in the guest after replica-cases.sh.

scribble() { must dd if=/dev/urandom of="$1" bs=1M count="$2" iflag=fullblock oflag=direct; }

# OPERATION RW: all of the target differs. The host is at work before it counts: the copy
# has only crept until then.
under_host() {
	local operation=$1 rw=$2 apart=split end=restored host
	[ "$operation" = restore-from-replica ] || apart=failover end=synchronized
	case=turn-${operation%%-*}-$rw
	replica_up
	message modify $apart 3
	scribble /dev/mapper/b "$DISK_MIB"
	disks_latency model
	settle
	message modify "$operation" 3 force rate_limit=64K
	fio --name=job --filename="$dev" --ioengine=libaio --direct=1 --rw="$rw" \
		--bs=4k --iodepth=1 --size="${TEST_MIB}M" --randseed=7 --time_based \
		--runtime=10 --output-format=json >"$results/replica.$case.fio" &
	host=$!
	sleep 3
	copy_time $end set sync:3 rate_limit=0
	kill -0 $host 2>/dev/null || die "$case: the host had ended before the copy"
	wait $host
	disks_latency off
	pool_down
}

turn_case() {
	local case
	disks_latency model
	dev=/dev/simA
	settle
	job raw turn-randwrite randwrite 4 1 8000
	job raw turn-randread randread 4 1 8000
	disks_latency off
	under_host restore-from-replica randwrite
	under_host restore-from-replica randread
	under_host failback randwrite
	under_host failback randread
	case=turn-changes
	replica_up
	disks_latency model
	settle
	message modify failover 3
	dev=/dev/mapper/b
	DIVIDE='' job replica "$case" randwrite 4 1 1310
	kv $case changed_bytes=$((1310 * 4096))
	copy_time synchronized modify failback 3
	disks_latency off
	pool_down
}

# SECTORS: 256 changes, all over the element.
first_of() {
	local sectors=$1 mib=$(($1 / 2048))
	pool_up "$sectors"
	message create_sync 3 mirror 1 2 force skip_initial_copy=yes
	wait_copy_state synchronized
	disks_latency model
	settle
	message modify split 3
	dev=/dev/mapper/b
	TEST_MIB=$mib DIVIDE='' job replica "$case" randwrite 4 1 256 --norandommap
	/usr/bin/python3 "$here/first_byte.py" restore 3 /dev/mapper/b /dev/mapper/a "$sectors" \
		>>"$results/$case.kv" || die "$case: restore"
	wait_copy_state restored
	message modify resync-replica 3
	wait_copy_state synchronized
	settle
	/usr/bin/python3 "$here/first_byte.py" failover 3 /dev/mapper/b /dev/mapper/b "$sectors" \
		>>"$results/$case.kv" || die "$case: failover"
	disks_latency off
	pool_down
}

first_case() {
	local case=first-small
	first_of "$DISK_SECTORS"
	case=first-large
	must simdisk_remove simA
	must simdisk_remove simB
	must simdisk_remove simM
	must simdisk_create simA 1048576 track=0
	must simdisk_create simB 1048576 track=0
	must simdisk_create simM 256 track=0
	first_of $((2048 * 1024 * 1024))
	must simdisk_remove simA
	must simdisk_remove simB
	must simdisk_remove simM
}
