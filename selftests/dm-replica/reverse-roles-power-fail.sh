#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures in Reverse Roles: the roles are the old or the new ones, nothing flushed is lost
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
need replctl
seed=${SEED:-$RANDOM}
echo "# SEED=$seed"
RANDOM=$seed
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-a ab synchronized
shadow take mapper/p-a content
read_identities

source_now() {
	[ "$(sync_field p-a ab role)" = s ] && echo a || echo b
}

# WRITES: the power fails at that write of the reversal.
cut_at() {
	local before after done=0
	before=$(source_now)
	shadow write mapper/p-$before content seed=$RANDOM count=50 max=32
	sync /dev/mapper/p-$before
	simdisk_power_fail_after "$1" $RANDOM
	! answer=$(dmsetup message p 0 modify reverse-roles "${sync_id[ab]}" 2>&1) || done=1
	[[ $answer != *job=* ]] || done=0
	[ "$(simdisk_power)" = off ] || simdisk_power_fail $RANDOM
	run_ok simdisk_wait_off
	power_is_back a b
	after=$(source_now)
	[ $done = 0 ] || [ $before != $after ] || fail "the reversal was answered '$answer' and is gone"
	# What consumers know went with the roles, or stayed with them.
	if [ $after = a ]; then
		assert_identities "$wwid_a" "$wwid_b" "after the cut"
	else
		assert_identities "$wwid_b" "$wwid_a" "after the cut"
	fi
	wait_state p-a ab synchronized
	shadow compare mapper/p-$after content
	assert_access p-$after write "after the cut"
	[ $after = a ] && assert_access p-b read "after the cut" || assert_access p-a read "after the cut"
	assert_same da db
	ok "cut at write $1: the source was $before and is $after"
}

for writes in 1 2 3 5 8; do
	cut_at $writes
done
