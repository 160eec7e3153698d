#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a planned failover under writers: they get errors, the target has all that was acknowledged, and takes the writes
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
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-a ab synchronized
shadow take mapper/p-a content

# ELEMENT MODIFY-WORD...: writers on it meet the operation that protects it.
writers_move() {
	local from=$1
	shift
	shadow_until mapper/p-$from content seed=$RANDOM max=32 procs=4 acked=1
	sleep 1
	modify p "$@"
	shadow_ended
}

writers_move a failover ab
[[ $answer == "4096 job="* ]] || assert_eq "$answer" 0 "the answer"
assert_progress ab failedover completed
assert_access p-a read "Failedover"
assert_access p-b write "Failedover"
shadow settle mapper/p-b content procs=4
assert_same da db
ok "the writers end, the target has all that they were told is written"

modify p failover ab
assert_progress ab failedover completed
refused "bad state" p resync-replica ab
refused "bad state" p split ab
refused "bad state" p suspend ab
assert_progress ab failedover completed
shadow take mapper/p-a old
shadow write mapper/p-b content seed=$RANDOM count=100 max=32 procs=2
medium_is da old
[ "$(sync_field p-a ab dirty)" -gt 0 ] || fail "the target's writes are not tracked"
assert_match "$(sync_field p-a ab flags)" T "the flags"
ok "the target's writes are tracked and do not reach the source"

pool_restart p
assert_progress ab failedover completed "after a restart"
assert_access p-a read "after a restart"
assert_access p-b write "after a restart"
shadow compare mapper/p-b content
ok "Failedover outlives a restart of the pool"

modify p failback ab
wait_state p-a ab synchronized
assert_access p-a write "Synchronized"
assert_access p-b read "Synchronized"
assert_same da db
shadow compare mapper/p-a content
for ((i = 0; i < 3; i++)); do
	writers_move a failover ab
	shadow settle mapper/p-b content procs=4
	writers_move b failback ab
	shadow settle mapper/p-a content procs=4
	shadow write mapper/p-a content seed=$RANDOM count=20
	wait_state p-a ab synchronized
	assert_same da db
	medium_is da content
done
ok "to and fro under writers, nothing that was acknowledged is lost"
