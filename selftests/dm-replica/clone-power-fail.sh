#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures while a clone is copied and hosts write both sides: it goes on, the target never shows data of another time, nothing that was flushed is lost
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 900
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
element p a 8
element p b 8
scribble /dev/mapper/p-a 0 8 1
scribble /dev/mapper/p-b 0 8 2
clone p a b wait_for_copy_state=prepared
sync /dev/mapper/p-a

come_back() {
	run_ok simdisk_wait_off 30
	wait "$source_pid" "$target_pid" || fail "the writers: $(tail -n 2 "$DRP_TMP"/until*)"
	power_is_back a b
}

# The clone is being copied, or was at its end.
goes_on() {
	case $(sync_field p-a ab state) in
	unsynchronized | synchronized | skewed) ;;
	*) fail "after the power failure: $(dmsetup status p-a)" ;;
	esac
}

one_copy() {
	local round=$1 op=$2 cut
	shadow take mapper/p-a source
	modify p "$op" ab rate_limit=256K
	model_copy source target
	for cut in 1 2 3; do
		shadow_until mapper/p-a source seed="$RANDOM" max=16 procs=2
		source_pid=$shadow_pid
		mv "$DRP_TMP/until" "$DRP_TMP/until.a"
		shadow_until mapper/p-b target seed="$RANDOM" max=16 procs=2
		target_pid=$shadow_pid
		simdisk_power_fail_in_us $((RANDOM * 40 + 1000)) "$RANDOM"
		come_back
		goes_on
		shadow settle mapper/p-a source procs=2
		shadow settle mapper/p-b target procs=2
		[ "$cut" -lt 3 ] || rate ab 0
	done
	wait_until 60 is_copied p-a ab || fail "it does not end: $(dmsetup status p-a)"
	medium_is da source
	medium_is db target
	ok "copy $round: three power failures"
}

# The machine dies while the operation itself is being answered.
at_the_answer() {
	local writes=$1 state
	shadow take mapper/p-a source
	shadow write mapper/p-b target seed="$RANDOM" count=30 max=64
	sync /dev/mapper/p-a /dev/mapper/p-b
	shadow take mapper/p-b before
	simdisk_power_fail_after "$writes" "$RANDOM"
	answer=$(dmsetup message p 0 modify resync-replica "${sync_id[ab]}" rate_limit=64K 2>&1)
	[[ $answer =~ ^4096 ]] && answered=1 || answered=0
	[ "$(simdisk_power)" = off ] || simdisk_power_fail "$RANDOM"
	run_ok simdisk_wait_off
	power_is_back a b
	shadow compare mapper/p-a source
	state=$(sync_field p-a ab state)
	case $state in
	skewed)
		if [ "$answered" = 1 ]; then
			shadow compare mapper/p-b source
		else
			shadow compare mapper/p-b before
		fi ;;
	unsynchronized | synchronized) shadow compare mapper/p-b source ;;
	*) fail "neither before nor after: $(dmsetup status p-a)" ;;
	esac
	rate ab 0
	wait_until 60 is_copied p-a ab || fail "it does not end: $(dmsetup status p-a)"
	shadow take mapper/p-b target
	ok "power failure at write $writes of the operation: $state"
}

one_copy 1 activate
one_copy 2 resync-replica
one_copy 3 resync-replica
for writes in 1 2 3 5 9; do
	at_the_answer $writes
done
