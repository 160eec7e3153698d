#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a target that fails a FLUSH is Broken and everything it may have lost is copied again
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 32
element p b 32
scribble /dev/mapper/p-a 0 32 1
mirror p a b
wait_state p-a ab synchronized

write_and_sync() {
	dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek="$1" count=4 oflag=direct conv=fsync status=none
}

accepted p set "sync:${sync_id[ab]}" recovery_mode=manual
simdisk_set db fail_flushes 1
run_ok write_and_sync 8
wait_until 10 kernel_said "sync ab is Broken" || fail "not Broken: $(dmsetup status p-a)"
dirty=$(sync_field p-a ab dirty)
[ "$dirty" -ge 512 ] || fail "$dirty sectors marked: the unflushed writes are not among them"
ok "the host's sync succeeds, the sync is Broken, what was not flushed is marked"

# What the target had in its cache goes, as a disk that fails flushes may do.
simdisk_set db offline 1
run_ok write_and_sync 64
simdisk_set db fail_flushes 0
simdisk_set db offline 0
wait_state p-a ab suspended 60
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
ok "after Resume the legs are equal"

simdisk_set da fail_flushes 1
run_fails any write_and_sync 128
simdisk_set da fail_flushes 0
wait_state p-a ab suspended
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
ok "a FLUSH that the source fails is the host's error"
