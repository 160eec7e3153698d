#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: writes of a protected target fail before they reach the disk
# REQUIRES: replica simdisk dmsetup blkdiscard
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1

# What a writer that opened the device while it was writable can still do.
held_write() { dd if=/dev/zero bs=4k count=1 oflag=direct conv=notrunc status=none >&9; }

# STATE: the target takes no write, its disk's content stays.
protected() {
	local sum
	assert_eq "$(blockdev --getro /dev/mapper/p-b)" 1 "blockdev --getro while $1"
	assert_eq "$(host_access p-b)" read "status while $1"
	sum=$(dd if=/dev/db bs=64k count=1 iflag=direct status=none | sha1sum)
	run_fails any dd if=/dev/zero of=/dev/mapper/p-b bs=4k count=1 oflag=direct
	run_fails any blkdiscard -z -l 1048576 /dev/mapper/p-b
	run_fails any held_write
	assert_eq "$(dd if=/dev/db bs=64k count=1 iflag=direct status=none | sha1sum)" "$sum" \
		"the target's content while $1"
	run_ok dd if=/dev/mapper/p-b of=/dev/null bs=4k count=1 iflag=direct
	ok "$1: protected"
}

writable() {
	assert_eq "$(blockdev --getro /dev/mapper/p-b)" 0 "blockdev --getro while $1"
	assert_eq "$(host_access p-b)" write "status while $1"
	run_ok dd if=/dev/urandom of=/dev/mapper/p-b bs=4k count=1 oflag=direct status=none
	run_ok held_write
	ok "$1: writable"
}

exec 9<>/dev/mapper/p-b
at_exit "exec 9>&-"
writable "no sync"
mirror p a b rate_limit=1
protected Unsynchronized
modify p suspend ab
protected Suspended
modify p resume ab rate_limit=0
wait_state p-a ab synchronized
protected Synchronized
assert_same da db
modify p split ab
writable Split
modify p resync-replica ab
wait_state p-a ab synchronized
protected "Synchronized again"
assert_same da db
modify p fracture ab
writable Fractured
modify p deactivate ab
protected Inactive
modify p prepare ab
protected Prepared
modify p activate ab rate_limit=1
modify p abort ab
protected Aborted
modify p resync-replica ab rate_limit=0
wait_state p-a ab synchronized
assert_same da db

modify p split ab
exec 8<>/dev/mapper/p-b
printf 'dirty in the cache' >&8
modify p resync-replica ab
wait_state p-a ab synchronized
exec 8>&- 9>&-
sync
assert_same da db
ok "what a writer left in the page cache does not reach the disk"
modify p detach ab
exec 9<>/dev/mapper/p-b
writable Detached
