#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures while a restore runs: it goes on by itself, nothing that was flushed on either side is lost
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 500
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
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-a ab synchronized

come_back() {
	run_ok simdisk_wait_off 30
	shadow_ended
	power_is_back a b
}

# The restore is under way, or was at its end.
goes_on() {
	case $(sync_field p-a ab state/progress) in
	unsynchronized/restoring | restored/*) ;;
	*) fail "after the power failure: $(dmsetup status p-a)" ;;
	esac
}

one_restore() {
	local round=$1 cut
	modify p split ab
	shadow take mapper/p-b target
	shadow write mapper/p-b target seed=$RANDOM count=150 max=128
	model_copy target source
	modify p restore-from-replica ab rate_limit=512K
	for cut in 1 2 3; do
		shadow_until mapper/p-a source seed=$RANDOM max=16 procs=2
		simdisk_power_fail_in_us $((RANDOM * 40 + 1000)) $RANDOM
		come_back
		goes_on
		shadow settle mapper/p-a source procs=2
		[ "$cut" -lt 3 ] || rate ab 0
	done
	wait_state p-a ab restored
	medium_is da source
	medium_is db target
	modify p resync-replica ab
	wait_state p-a ab synchronized
	assert_same da db
	ok "restore $round: three power failures"
}

# The machine dies while the operation itself is being answered.
at_the_answer() {
	local writes=$1 state
	modify p split ab
	shadow take mapper/p-a before
	shadow take mapper/p-b target
	shadow write mapper/p-b target seed=$RANDOM count=50 max=64
	sync /dev/mapper/p-a /dev/mapper/p-b
	simdisk_power_fail_after "$writes" $RANDOM
	answer=$(dmsetup message p 0 modify restore-from-replica "${sync_id[ab]}" rate_limit=64K 2>&1)
	# A slow request is answered with a job before it is decided: then nothing has changed yet.
	[[ $answer =~ ^4096 ]] && [ "$(sync_field p-a ab state)" != split ] && answered=1 || answered=0
	[ "$(simdisk_power)" = off ] || simdisk_power_fail $RANDOM
	run_ok simdisk_wait_off
	power_is_back a b
	shadow compare mapper/p-b target
	state=$(sync_field p-a ab state)
	case $state in
	split)
		[ "$answered" = 0 ] || fail "the restore was answered '$answer' and is gone"
		shadow compare mapper/p-a before ;;
	unsynchronized | restored) shadow compare mapper/p-a target ;;
	*) fail "neither before nor after: $(dmsetup status p-a)" ;;
	esac
	rate ab 0
	[ "$state" = split ] || wait_state p-a ab restored
	modify p resync-replica ab
	wait_state p-a ab synchronized
	assert_same da db
	ok "power failure at write $writes of the operation: $state"
}

for ((round = 1; round <= 3; round++)); do
	one_restore $round
done
for writes in 1 2 3 5 9; do
	at_the_answer $writes
done
