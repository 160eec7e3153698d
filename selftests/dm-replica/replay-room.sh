#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a replay in which more bitmaps meet than the metadata device has room for at one time
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 200
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
# Room for two bitmaps of such elements, not for three.
METADATA_MIB=8
cow_pool_create p 64
for e in a b c; do
	element p $e 30720
done
scribble /dev/mapper/p-a 0 1 1
snapshot p a x
keep_first() { dd if="/dev/$1" bs=1M count=2 iflag=direct status=none | sha1sum; }
before=$(keep_first mapper/p-x)
scribble /dev/mapper/p-a 0 2 2

# The checkpoint before the turn has its bitmap; what comes then is in the journal.
modify p restore-from-replica x force
wait_state p-a x restored
mirror p a b wait_for_copy_state=initialized
mirror p a c wait_for_copy_state=initialized
simdisk_power_fail 1
run_ok simdisk_wait_off
power_is_back a b c x
assert_state p-a ab initialized
assert_state p-a ac initialized
assert_state p-a x restored
assert_eq "$(keep_first mapper/p-a)" "$before" "what was restored"
ok "the pool is loaded"

refused "No space left" p restore-from-replica x force
assert_state p-a x restored
ok "there is no room for a third bitmap"
modify p detach ac force
scribble /dev/mapper/p-a 1 1 3
modify p restore-from-replica x force
wait_state p-a x restored
assert_eq "$(keep_first mapper/p-a)" "$before" "what was restored"
ok "there is when another one has gone"
