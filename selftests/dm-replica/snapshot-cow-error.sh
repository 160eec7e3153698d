#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: errors of the COW device break snapshots that need it and nothing else; other places are tried
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 240
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl
replica_setup
cow_pool_create p 32
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
scribble /dev/mapper/p-b 0 16 2
keep /dev/mapper/p-a "$DRP_TMP/a"
keep /dev/mapper/p-b "$DRP_TMP/b"

# A bad spot of the COW device, where the first chunks would go.
snapshot p a x
simdisk_set cp fail_range 8 64 w
scribble /dev/mapper/p-a 0 4 3
assert_state p-x x synchronized
assert_shows /dev/mapper/p-x "$DRP_TMP/a"
simdisk_set cp fail_range clear
kernel_said "trying another place" || fail "no place was bad"
ok "what cannot be written in one place is preserved in another"

pool_restart p
assert_state p-x x synchronized
assert_shows /dev/mapper/p-x "$DRP_TMP/a"
ok "and is there after an activation"

# Reads of what is kept.
simdisk_set cp offline 1
! dd if=/dev/mapper/p-x of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null ||
	fail "a preserved chunk was read from a dead device"
run_ok dd if=/dev/mapper/p-x of=/dev/null bs=4k count=1 skip=2048 iflag=direct status=none
simdisk_set cp offline 0
assert_shows /dev/mapper/p-x "$DRP_TMP/a"
assert_state p-x x synchronized
ok "a read of a dead COW device fails, one of what was never preserved does not; later all is back"

# Writes that need it: the snapshot goes, the source goes on.
snapshot p b other
simdisk_set cp offline 1
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=100 count=16 oflag=direct status=none
assert_eq "$(sync_field p-a x state)" broken "a snapshot whose chunks cannot be preserved"
assert_state p-b other synchronized
simdisk_set cp offline 0
assert_shows /dev/mapper/p-other "$DRP_TMP/b"
ok "a dead COW device breaks the snapshot of who writes, not the others, and writes go on"

return_snapshot p x
snapshot p a y failed_copy_stops_host_io=yes
keep /dev/mapper/p-a "$DRP_TMP/a"
simdisk_set cp offline 1
! dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=100 count=1 oflag=direct status=none 2>/dev/null ||
	fail "a write got through that breaks a snapshot"
simdisk_set cp offline 0
assert_state p-y y synchronized
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=100 count=1 oflag=direct status=none
assert_shows /dev/mapper/p-y "$DRP_TMP/a"
ok "FailedCopyStopsHostIO: the write fails, the snapshot stays, and all goes on when the device is back"

# A private write that cannot be stored fails; what was there stays.
simdisk_set cp offline 1
! dd if=/dev/urandom of=/dev/mapper/p-y bs=4k seek=200 count=1 oflag=direct status=none 2>/dev/null ||
	fail "a write of a snapshot was stored on a dead device"
simdisk_set cp offline 0
assert_shows /dev/mapper/p-y "$DRP_TMP/a"
run_ok dd if=/dev/urandom of=/dev/mapper/p-y bs=4k seek=200 count=1 oflag=direct status=none
ok "a write of a snapshot fails with the device, and its content stays"

return_snapshot p y
return_snapshot p other
wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay in use"
ok "all space is back"

# Places that took no data, all that there are: free, and good for something when the device is back.
cow_pool_create q 1
element q e 2
scribble /dev/mapper/q-e 0 2 6
snapshot q e z failed_copy_stops_host_io=yes
keep /dev/mapper/q-e "$DRP_TMP/e"
simdisk_set cq offline 1
for n in 0 1 2 3; do
	! dd if=/dev/urandom of=/dev/mapper/q-e bs=80k seek=$n count=1 oflag=direct status=none 2>/dev/null ||
		fail "a write got through that breaks a snapshot"
done
simdisk_set cq offline 0
wait_until 30 cow_uses q 0 || fail "$(cow_used q) chunks are in use, of which nothing is kept"
run_ok dd if=/dev/urandom of=/dev/mapper/q-e bs=4k count="$(cow_chunks q)" oflag=direct status=none
assert_eq "$(cow_used q)" "$(cow_chunks q)" "chunks in use"
assert_shows /dev/mapper/q-z "$DRP_TMP/e"
ok "what is not in use can be used, also where writes have failed once"
