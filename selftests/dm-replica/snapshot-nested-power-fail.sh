#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures while a snapshot is restored from a snapshot of it: it goes on by itself, nothing that was flushed is lost, all else keeps its content
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 900
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
run_ok simdisk_create cp 24
run_ok dmsetup create p --table "$(pool_table p name=p extent=256)"
element p a 2

# The restore is under way, or was at its end.
goes_on() {
	case $(sync_field p-s x state/progress) in
	unsynchronized/restoring | restored/*) ;;
	*) fail "after the power failure: $(dmsetup status p-s)" ;;
	esac
}

others_keep_theirs() {
	local e
	for e in a old x new child; do
		assert_shows "/dev/mapper/p-$e" "$DRP_TMP/$e"
	done
}

# Points in time of a snapshot; the one in the middle is written and has one itself.
snapshots() {
	scribble /dev/mapper/p-a 0 2 "$RANDOM"
	snapshot p a s
	shadow write mapper/p-s ignored seed="$RANDOM" count=10 max=32
	shadow write mapper/p-a ignored seed="$RANDOM" count=10 max=32
	snapshot p s old
	keep /dev/mapper/p-old "$DRP_TMP/old"
	shadow write mapper/p-s ignored seed="$RANDOM" count=10 max=32
	snapshot p s x
	shadow take mapper/p-x x
	snapshot p x child
	keep /dev/mapper/p-child "$DRP_TMP/child"
	shadow write mapper/p-x x seed="$RANDOM" count=10 max=32
	shadow write mapper/p-s ignored seed="$RANDOM" count=10 max=64
	snapshot p s new
	keep /dev/mapper/p-new "$DRP_TMP/new"
	shadow write mapper/p-s ignored seed="$RANDOM" count=10 max=32
	keep /dev/mapper/p-a "$DRP_TMP/a"
	sync /dev/mapper/p-a /dev/mapper/p-s /dev/mapper/p-x
}

no_snapshots() {
	local snap
	for snap in old child x new s; do
		return_snapshot p "$snap"
	done
	wait_until 60 cow_uses p 0 || fail "$(cow_used p) chunks stay in use: $(dmsetup status p)"
	run_ok replctl pool show p
}

one_restore() {
	local round=$1 cut
	snapshots
	model_copy x source
	modify p restore-from-replica x force rate_limit=512K
	for cut in 1 2 3; do
		shadow_until mapper/p-s source seed="$RANDOM" max=16 procs=2
		simdisk_power_fail_in_us $((RANDOM * 40 + 1000)) "$RANDOM"
		run_ok simdisk_wait_off 30
		shadow_ended
		power_is_back a s old x new child
		goes_on
		shadow settle mapper/p-s source procs=2
		others_keep_theirs
		[ "$cut" -lt 3 ] || rate x 0
	done
	wait_state p-s x restored
	shadow compare mapper/p-s source
	others_keep_theirs
	no_snapshots
	ok "restore $round: three power failures"
}

# The machine dies while the operation itself is being answered.
at_the_answer() {
	local writes=$1 state
	snapshots
	shadow take mapper/p-s before
	simdisk_power_fail_after "$writes" "$RANDOM"
	# A request that takes long answers with a job that may fail: then nothing was begun.
	answered=0
	if message p modify restore-from-replica "${sync_id[x]}" force rate_limit=64K; then
		[ "$(sync_field p-s x state)" = skewed ] || answered=1
	fi
	[ "$(simdisk_power)" = off ] || simdisk_power_fail "$RANDOM"
	run_ok simdisk_wait_off
	power_is_back a s old x new child
	state=$(sync_field p-s x state)
	case $state in
	skewed)
		[ "$answered" = 0 ] || fail "the restore was answered '$answer' and is gone"
		shadow compare mapper/p-s before ;;
	unsynchronized | restored) shadow compare mapper/p-s x ;;
	*) fail "neither before nor after: $(dmsetup status p-s)" ;;
	esac
	others_keep_theirs
	[ "$state" != unsynchronized ] || rate x 0
	[ "$state" = skewed ] || wait_state p-s x restored
	[ "$state" = skewed ] || shadow compare mapper/p-s x
	others_keep_theirs
	no_snapshots
	ok "power failure at write $writes of the operation: $state"
}

for ((round = 1; round <= ${ROUNDS:-1}; round++)); do
	one_restore "$round"
done
for writes in 3 8 16; do
	at_the_answer "$writes"
done
