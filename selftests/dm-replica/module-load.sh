#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: the module cannot go while it is used, and comes and goes ten times
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need insmod rmmod
file=$(find "$DRP_TOP/build/module-${VM_KERNEL:-6.1}" -name dm-replica.ko | head -n 1)
[ -n "$file" ] || skip "no built module found"

# A table that names a target makes dm ask for dm-TARGET; dm-replica is the name itself.
grep -qxz 'alias=dm-replica-pool' "$file" || fail "modprobe does not find the pools' target"
ok "the module is found for both targets"
pool_create p
element p a 16
element p b 16
mirror p a b
wait_state p-a ab synchronized
run_fails any rmmod dm_replica
ok "it cannot be unloaded while pools are there"

pool_deactivate p
for ((i = 0; i < 10; i++)); do
	run_ok rmmod dm_replica
	run_fails any dmsetup create p --table "$(pool_table p)"
	run_ok insmod "$file"
	pool_activate p
	element_attach p a
	element_attach p b
	wait_state p-a ab synchronized
	run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=$i count=1 oflag=direct status=none
	pool_deactivate p
done
ok "unloaded and loaded ten times"
assert_same da db
run_ok rmmod dm_replica
run_ok insmod "$file"
ok "the legs are equal"
