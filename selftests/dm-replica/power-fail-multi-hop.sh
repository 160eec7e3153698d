#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: A to B to C; what came from A and is only recorded between B and
# C survives that A to B is detached, and a power failure right after
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 200
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup

write_some() {
	local i
	for ((i = 0; i < 8; i++)); do
		printf '%4096s' "$RANDOM.$i" | dd of=/dev/mapper/p-a bs=4096 \
			seek=$((RANDOM % 4096)) oflag=direct status=none || return
	done
}

# What the copies left active in B would hide the fault.
is_quiet() { [[ $(dmsetup status p-b | cut -d ' ' -f 8) == 0/* ]]; }

power_cycle() {
	local e
	run_ok simdisk_power_fail $RANDOM drop
	for e in p-a p-b p-c p; do
		dmsetup remove --retry $e || fail "$e cannot be removed"
	done
	run_ok simdisk_rearm
	pool_activate p
	for e in a b c; do
		element_attach p $e
	done
}

run_ok simdisk_create mp 16
run_ok dmsetup create p --table "$(pool_table p name=p extent=1024)"
element p a 16
element p b 16
element p c 16
mirror p b c
wait_state p-b bc synchronized

for end in detach dissolve detach; do
	mirror p a b
	wait_state p-a ab synchronized
	wait_until 60 is_quiet || fail "extents of B stay active: $(dmsetup status p-b)"
	modify p fracture bc
	run_ok write_some
	modify p $end ab force
	power_cycle
	modify p resync-replica bc
	wait_state p-b bc synchronized
	assert_same db dc
done
ok "what differs between B and C is known"
