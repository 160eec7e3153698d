#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a FLUSH that the COW device fails, whoever asked for it, is told to the hosts of all snapshots, once
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 240
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

replica_setup
cow_pool_create p 32 cache=flush
element p a 16
scribble /dev/mapper/p-a 0 4 1
snapshot p a x
snapshot p a y

# NAME CHUNK [WORD]: 4 KiB of it.
write_one() {
	dd if=/dev/urandom of="/dev/mapper/p-$1" bs=4k seek="$2" count=1 oflag=direct conv=notrunc"${3:-}" \
		status=none
}
host_flush() { dd if=/dev/null of="/dev/mapper/p-$1" conv=fsync,notrunc status=none; }

# WHEN ASKED: x has been told, and y, unless it asked itself.
all_are_told() {
	run_fails any host_flush x
	run_ok host_flush x
	[ "$2" = y ] || run_fails any host_flush y
	run_ok host_flush y
	run_ok write_one x 3 ,fsync
	ok "$1"
}

run_ok write_one x 1 ,fsync
run_ok write_one y 1 ,fsync
all_written() { run_ok write_one x 1 && run_ok write_one y 1; }

all_written
simdisk_losing cp run_fails any host_flush y
all_are_told "a FLUSH of one snapshot's host that fails is told to that of another" y

all_written
simdisk_losing cp refused_message "Remote I/O" p create_sync 0 snapshot "${element_id[p/x]}" 0 target_name=z
all_are_told "so is that of a snapshot of a snapshot" -

all_written
simdisk_losing cp refused "Remote I/O" p restore-from-replica y
all_are_told "so is that of a restore" -

all_written
simdisk_losing cp run_fails any write_one x 9
all_are_told "so is that of a write of a new chunk" -

simdisk_losing cp run_fails any host_flush y
snapshot p a new
run_ok host_flush new
all_are_told "a snapshot that was taken since has lost nothing" y
