#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: allocations of the module that fail at random (debug kernel) spoil
# neither the kernel, nor the pool, nor the equality of the legs
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 240
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

failslab=/sys/kernel/debug/failslab
[ -w $failslab/require-start ] ||
	skip "this kernel cannot fail allocations of a module alone (make kernel-debug)"

# PERCENT of the allocations that have a function of the module on their stack.
fail_allocations() {
	local start size
	start=$(cat /sys/module/dm_replica/sections/.text)
	size=$(awk '$1 == "dm_replica" { print $2 }' /proc/modules)
	echo N >$failslab/ignore-gfp-wait
	echo 1 >$failslab/verbose
	echo -1 >$failslab/times
	echo "$start" >$failslab/require-start
	printf '0x%x\n' $((start + size)) >$failslab/require-end
	echo "$1" >$failslab/probability
}
at_exit 'echo 0 >$failslab/probability; echo 0 >$failslab/require-end'

# Until it is told to end: one block after the other; how many succeeded.
writer() {
	local n=0
	while [ -e "$DRP_TMP/write" ]; do
		dd if=/dev/urandom of=/dev/mapper/p-a bs=16k seek=$((RANDOM % 2000)) count=1 \
			oflag=direct status=none 2>/dev/null && n=$((n + 1))
		echo "$n" >"$DRP_TMP/written"
	done
}

# WORD...: a message whose fate is unknown; counts both. True if it was accepted.
try() {
	timeout $((30 * ${DRP_SLOW:-1})) dmsetup message p 0 "$@" >"$DRP_TMP/answer" 2>&1
	case $? in
	0) accepted=$((accepted + 1)) ;;
	124) fail "message '$*' has no end" ;;
	*) refused=$((refused + 1)); return 1 ;;
	esac
}

replica_setup
pool_create p
element p a 32
element p b 32
element p c 32
mirror p a b
wait_state p-a ab synchronized
: >"$DRP_TMP/write"
writer &
writer=$!
accepted=0 refused=0
next_id
fail_allocations 5
for ((round = 0; round < 12; round++)); do
	for op in split resync-replica suspend resume fracture; do
		try modify $op "${sync_id[ab]}"
	done
	try create_sync "$id" mirror "${element_id[p/a]}" "${element_id[p/c]}" name=ac
	try modify detach "$id" force && next_id
	try modify resync-replica "${sync_id[ab]}" force
	dmsetup status p-a >/dev/null
done
fail_allocations 0
rm "$DRP_TMP/write"
wait $writer
echo "# $accepted requests accepted, $refused refused, $(cat "$DRP_TMP/written") blocks written"
[ $accepted -gt 0 ] || fail "nothing was accepted"
kernel_said 'FAULT_INJECTION: forcing a failure' || fail "no allocation failed"
ok "requests end, whatever memory they did not get"
assert_eq "$(pool_mode p)" rw "mode of the pool: $(dmsetup status p)"
ok "the pool goes on"

settle() {
	message p modify resync-replica "${sync_id[ab]}" force || message p modify resume "${sync_id[ab]}"
	wait_until 5 is_state p-a ab synchronized
}
wait_until 60 settle || fail "ab does not settle: $(dmsetup status p-a)"
assert_same da db
ok "the mirror becomes synchronized again, and its legs are equal"
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=1M count=4 oflag=direct status=none
pool_restart p
wait_state p-a ab synchronized
assert_same da db
ok "also after a restart"
