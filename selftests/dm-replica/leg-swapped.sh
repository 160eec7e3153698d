#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: another disk, or one changed while the pool was down, is Invalid until Force
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 150
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 32
element p b 32
run_ok simdisk_create dx 32
scribble /dev/mapper/p-a 0 32 1
mirror p a b
wait_state p-a ab synchronized

write_at() { run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek="$1" count=1 oflag=direct conv=fsync status=none; }

refuse_all_but_force() {
	wait_state p-a ab invalid 10
	run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=4 count=1 oflag=direct status=none
	refused "canceled" p resync-replica ab
	refused "bad state" p activate ab
	refused "bad state" p resume ab
	refused "canceled" p detach ab
	assert_state p-a ab invalid
	assert_eq "$(sync_field p-a ab dirty)" 65536 "sectors that may differ"
}

# Changed while the pool was down, e.g. mounted by accident.
pool_deactivate p
run_ok dd if=/dev/urandom of=/dev/db bs=4k count=1 oflag=direct conv=fsync status=none
pool_activate p
element_attach p a
element_attach p b
refuse_all_but_force
ok "a target that was changed is Invalid, and overwritten only with Force"
modify p resync-replica ab force
wait_state p-a ab synchronized
assert_same da db
ok "Force copies everything"

# Another disk in its place.
pool_deactivate p
scribble /dev/dx 0 32 2
before=$(sha1sum </dev/dx)
pool_activate p
element_attach p a
element_attach p b dx
refuse_all_but_force
assert_eq "$(sha1sum </dev/dx)" "$before" "the other disk's content"
ok "another disk is Invalid, nothing was written to it"

pool_deactivate p
pool_activate p
element_attach p a
element_attach p b dx
wait_state p-a ab invalid
ok "and after a second start too"
modify p resync-replica ab force
wait_state p-a ab synchronized
assert_same da dx
ok "Force takes the disk"

# While the pool runs: a reload onto another device that does not say who it is.
run_ok dmsetup suspend p-b
run_ok dmsetup load p-b --table "$(element_table p b db)"
run_ok dmsetup resume p-b
refuse_all_but_force
modify p resync-replica ab force
wait_state p-a ab synchronized
assert_same da db
ok "a reload onto another device is Invalid"

# The source changed behind the pool's back.
pool_deactivate p
run_ok dd if=/dev/urandom of=/dev/da bs=4k count=1 oflag=direct conv=fsync status=none
pool_activate p
element_attach p a
element_attach p b
wait_state p-a ab invalid
ok "a source that was changed is Invalid too"
modify p resync-replica ab force
wait_state p-a ab synchronized
assert_same da db

pool_restart p
wait_state p-a ab synchronized
assert_eq "$(sync_field p-a ab dirty)" 0 "sectors that may differ"
ok "nothing changed: Synchronized at once, nothing to copy"
