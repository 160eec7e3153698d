#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures in failovers and failbacks: each operation holds or not at all, nothing flushed is lost
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 600
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
shadow take mapper/p-a content

# WRITES OPERATION [WORD]...: the power fails at that write. In $answered
# whether it was done before, in $state what holds after.
cut_in() {
	local writes=$1 op=$2
	shift 2
	sync /dev/mapper/p-a /dev/mapper/p-b
	simdisk_power_fail_after "$writes" $RANDOM
	answered=0
	! answer=$(dmsetup message p 0 modify "$op" "${sync_id[ab]}" "$@" 2>&1) || answered=1
	[[ $answer != *job=* || $op = failback ]] || answered=0
	# A slow request is answered with a job before it is decided: then nothing has changed yet.
	[ "$op" != failback ] || [ "$(sync_field p-a ab state)" != failedover ] || answered=0
	[ "$(simdisk_power)" = off ] || simdisk_power_fail $RANDOM
	run_ok simdisk_wait_off
	power_is_back a b
	state=$(sync_field p-a ab state)
}

failover_cut() {
	cut_in "$1" failover
	case $state in
	failedover)
		assert_access p-a read "after the cut"
		assert_access p-b write "after the cut"
		shadow compare mapper/p-b content ;;
	synchronized | unsynchronized)
		[ $answered = 0 ] || fail "failover was answered '$answer' and is gone"
		assert_access p-a write "after the cut"
		assert_access p-b read "after the cut"
		shadow compare mapper/p-a content
		wait_state p-a ab synchronized
		modify p failover ab ;;
	*) fail "neither before nor after: $(dmsetup status p-a)" ;;
	esac
	ok "failover cut at write $1: $state"
}

failback_cut() {
	shadow write mapper/p-b content seed=$RANDOM count=50 max=64
	cut_in "$1" failback rate_limit=64K
	case $state in
	failedover)
		[ $answered = 0 ] || fail "failback was answered '$answer' and is gone"
		shadow compare mapper/p-b content
		modify p failback ab rate_limit=64K ;;
	unsynchronized | synchronized) ;;
	*) fail "neither before nor after: $(dmsetup status p-a)" ;;
	esac
	shadow compare mapper/p-a content
	ok "failback cut at write $1: $state"
}

# Two power failures while the copy to the source runs under writers.
failback_runs() {
	local i
	for i in 1 2; do
		[ $i = 1 ] || rate ab 2M
		shadow_until mapper/p-a content seed=$RANDOM max=16 procs=2
		simdisk_power_fail_in_us $((RANDOM * 40 + 1000)) $RANDOM
		run_ok simdisk_wait_off 30
		shadow_ended
		power_is_back a b
		shadow settle mapper/p-a content procs=2
	done
	rate ab 0
	wait_state p-a ab synchronized
	assert_same da db
	medium_is da content
	ok "a failback with two power failures ends Synchronized, nothing flushed is lost"
}

for writes in 1 2 3 5; do
	failover_cut $writes
	scribble /dev/mapper/p-b $((RANDOM % 8)) 8 $writes
	shadow take mapper/p-b content
	failback_cut $writes
	failback_runs
done
