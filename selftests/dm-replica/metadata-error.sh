#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a metadata device that fails makes the pool read-only; nothing lies, then and after
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 150
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
run_ok simdisk_create mp 16
# Small extents, so that the first write makes only its own run active.
run_ok dmsetup create p --table "$(pool_table p name=p extent=128)"
element p a 64
element p b 64
element p c 64
scribble /dev/mapper/p-a 0 64 1
mirror p a b
mirror p a c
wait_state p-a ab synchronized
wait_state p-a ac synchronized
modify p split ac

write_at() { dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek="$1" count=1 oflag=direct conv=fsync status=none; }
mib=$((1 << 8))

run_ok write_at 0
simdisk_set mp fail_writes 1
run_ok write_at 0
assert_same da db
ok "a write whose extent is active goes on"

run_fails any write_at $((50 * mib))
assert_eq "$(pool_mode p)" ro "the pool's mode"
ok "a write that needs a commit fails and the pool is read-only"

run_ok dd if=/dev/mapper/p-a of=/dev/null bs=1M count=64 iflag=direct status=none
ok "reads go on"

for op in suspend split fracture detach deactivate; do
	refused "Remote I/O error" p $op ab force
done
refused_message "Remote I/O error" p create_element 7777 x size=8
assert_state p-a ab synchronized
assert_state p-a ac split
ok "operations are refused"

simdisk_set mp fail_writes 0
refused "Remote I/O error" p suspend ab
assert_eq "$(pool_mode p)" ro "the pool's mode after the metadata works again"
ok "the pool stays read-only until it is activated again"

pool_restart p
assert_eq "$(pool_mode p)" rw "the pool's mode after it was activated"
wait_state p-a ab synchronized
assert_same da db
assert_state p-a ac split
run_ok write_at $((50 * mib))
assert_same da db
modify p resync-replica ac
wait_state p-a ac synchronized
assert_same da dc
ok "after it was activated again everything is right"

simdisk_set mp fail_writes 1
simdisk_set db offline 1
run_fails any write_at 0
ok "a leg that fails while the journal cannot say so: the write fails"
simdisk_set mp fail_writes 0
simdisk_set db offline 0
pool_restart p
wait_state p-a ab synchronized
assert_same da db
assert_same da dc
ok "and after activation the legs are equal"

simdisk_set mp fail_flushes 1
for i in 3 9 15 21 27 33; do write_at $((i * mib)) 2>/dev/null; done
simdisk_set mp fail_flushes 0
pool_restart p
wait_state p-a ab synchronized
assert_same da db
ok "a metadata device that fails flushes leaves nothing wrong"
