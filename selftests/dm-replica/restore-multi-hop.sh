#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: A to B to C: a restore of A reaches C, and C is never called Synchronized while it is not
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
seed=${SEED:-$RANDOM}
echo "# SEED=$seed"
RANDOM=$seed
run_ok simdisk_create mp 16
run_ok dmsetup create p --table "$(pool_table p name=p extent=256)"
for e in a b c d; do
	element p $e 16
done
scribble /dev/mapper/p-a 0 16 1
mirror p a b
mirror p b c
mirror p a d
wait_state p-a ab synchronized
wait_state p-b bc synchronized
wait_state p-a ad synchronized

state_of() { sync_field "p-$1" "$1$2" state; }

# SYNC: Synchronized only if the target has what the source shows. For a moment
# at which nothing is copied.
honest() {
	local source=${1:0:1} target=${1:1:1}
	[ "$(state_of "$source" "$target")" != synchronized ] ||
		assert_same "mapper/p-$source" "d$target"
}

power_cycle() {
	simdisk_power_fail "$RANDOM"
	power_is_back a b c d
}

# The copies stand; what they say of themselves holds.
stand_and_look() {
	local s
	for s in ad ab bc; do
		[ "$(state_of "${s:0:1}" "${s:1:1}")" != unsynchronized ] || modify p suspend $s
	done
	honest ab
	honest bc
	for s in ad ab bc; do
		resume_if_possible $s
	done
}

# One whose source is being restored may have to wait for that.
resume_if_possible() {
	[ "$(state_of "${1:0:1}" "${1:1:1}")" != suspended ] ||
		message p modify resume "${sync_id[$1]}" ||
		assert_match "$answer" "bad state" "resume of $1"
}

all_equal() {
	local s
	for s in ad ab bc; do
		rate $s 0
	done
	wait_state p-a ad restored
	for s in ab bc; do
		[ "$(state_of "${s:0:1}" "${s:1:1}")" != suspended ] || modify p resume $s
	done
	wait_state p-a ab synchronized
	wait_state p-b bc synchronized
	medium_is da source
	assert_same da db
	assert_same db dc
}

for round in 1 2 3; do
	modify p split ad
	scribble /dev/mapper/p-d 2 12 $((round + 10))
	shadow take mapper/p-d source
	[ $round != 2 ] || modify p suspend bc
	for s in ab bc ad; do
		rate $s $SLOW
	done
	modify p restore-from-replica ad
	stand_and_look
	shadow write mapper/p-a source seed=$RANDOM count=40 max=64 procs=2
	rate ab 4M
	sleep 1
	stand_and_look
	shadow compare mapper/p-a source
	if [ $round = 3 ]; then
		sync /dev/mapper/p-a
		power_cycle
		stand_and_look
		shadow compare mapper/p-a source
	fi
	all_equal
	modify p resync-replica ad
	wait_state p-a ad synchronized
	ok "round $round: A restored from D, B and C follow"
done

# B is restored from C while A to B is split: A's next resync knows.
modify p split ab
modify p split bc
shadow write mapper/p-c other count=50
shadow take mapper/p-c other
modify p restore-from-replica bc
wait_state p-b bc restored
medium_is db other
modify p resync-replica ab
wait_state p-a ab synchronized
assert_same da db
modify p resync-replica bc force
wait_state p-b bc synchronized
assert_same db dc
ok "B restored from C, then overwritten by A: what differs was known all along"

# A is failed over to B, then failed back: C follows B all the time.
modify p failover ab
shadow take mapper/p-b source
shadow write mapper/p-b source seed=5 count=50
medium_is dc source
modify p failback ab rate_limit=$SLOW
shadow write mapper/p-a source seed=6 count=50
assert_eq "$(state_of b c)" synchronized "B to C while A is failed back"
assert_same db dc
rate ab 0
wait_state p-a ab synchronized
wait_state p-b bc synchronized
assert_same da db
assert_same db dc
medium_is dc source
ok "failover to B and back: C is equal to B"
