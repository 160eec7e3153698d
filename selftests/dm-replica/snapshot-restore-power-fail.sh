#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures while a snapshot is restored: it goes on by itself, nothing that was flushed is lost, other snapshots keep their content
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 600
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

need replctl
replica_setup
seed=${SEED:-$RANDOM}
echo "# SEED=$seed"
RANDOM=$seed
run_ok simdisk_create mp 16
run_ok simdisk_create cp 48
run_ok dmsetup create p --table "$(pool_table p name=p extent=256)"
element p a 4

come_back() {
	run_ok simdisk_wait_off 30
	shadow_ended
	power_is_back a old x new
}

# The restore is under way, or was at its end.
goes_on() {
	case $(sync_field p-a x state/progress) in
	unsynchronized/restoring | restored/*) ;;
	*) fail "after the power failure: $(dmsetup status p-a)" ;;
	esac
}

others_keep_theirs() {
	local snap
	for snap in old x new; do
		assert_shows "/dev/mapper/p-$snap" "$DRP_TMP/$snap"
	done
}

# Three points in time; the one in the middle is written.
snapshots() {
	scribble /dev/mapper/p-a 0 4 "$RANDOM"
	snapshot p a old
	keep /dev/mapper/p-a "$DRP_TMP/old"
	shadow write mapper/p-a ignored seed="$RANDOM" count=30 max=64
	snapshot p a x
	shadow take mapper/p-a x
	shadow write mapper/p-x x seed="$RANDOM" count=20 max=32
	shadow write mapper/p-a ignored seed="$RANDOM" count=40 max=128
	snapshot p a new
	keep /dev/mapper/p-a "$DRP_TMP/new"
	shadow write mapper/p-a ignored seed="$RANDOM" count=20 max=64
	sync /dev/mapper/p-a /dev/mapper/p-x
}

no_snapshots() {
	local snap
	for snap in old x new; do
		return_snapshot p "$snap"
	done
	wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay in use: $(dmsetup status p)"
	run_ok replctl pool show p
}

one_restore() {
	local round=$1 cut
	snapshots
	model_copy x source
	modify p restore-from-replica x force rate_limit=128K
	for cut in 1 2 3; do
		shadow_until mapper/p-a source seed="$RANDOM" max=16 procs=2
		simdisk_power_fail_in_us $((RANDOM * 40 + 1000)) "$RANDOM"
		come_back
		goes_on
		shadow settle mapper/p-a source procs=2
		others_keep_theirs
		[ "$cut" -lt 3 ] || rate x 0
	done
	wait_state p-a x restored
	medium_is da source
	others_keep_theirs
	no_snapshots
	ok "restore $round: three power failures"
}

# The machine dies while the operation itself is being answered.
at_the_answer() {
	local writes=$1 state
	snapshots
	shadow take mapper/p-a before
	simdisk_power_fail_after "$writes" "$RANDOM"
	# A request that takes long answers with a job that may fail: then nothing was begun.
	answered=0
	if message p modify restore-from-replica "${sync_id[x]}" force rate_limit=64K; then
		[ "$(sync_field p-a x state)" = skewed ] || answered=1
	fi
	[ "$(simdisk_power)" = off ] || simdisk_power_fail "$RANDOM"
	run_ok simdisk_wait_off
	power_is_back a old x new
	state=$(sync_field p-a x state)
	case $state in
	skewed)
		[ "$answered" = 0 ] || fail "the restore was answered '$answer' and is gone"
		shadow compare mapper/p-a before ;;
	unsynchronized | restored) shadow compare mapper/p-a x ;;
	*) fail "neither before nor after: $(dmsetup status p-a)" ;;
	esac
	others_keep_theirs
	[ "$state" != unsynchronized ] || rate x 0
	[ "$state" = skewed ] || wait_state p-a x restored
	no_snapshots
	ok "power failure at write $writes of the operation: $state"
}

for ((round = 1; round <= ${ROUNDS:-2}; round++)); do
	one_restore "$round"
done
for writes in 3 12 24 48; do
	at_the_answer "$writes"
done
