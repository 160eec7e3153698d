#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: source and target change places, with the identity that hosts know, and back
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

# Of a and b.
roles() { echo "$(sync_field p-a ab role)$(sync_field p-b ab role)"; }

read_identities
[[ -n $wwid_b && $wwid_a != "$wwid_b" ]] || fail "both elements have the WWID '$wwid_a'"

modify p reverse-roles ab
[[ $answer == *job=* ]] || assert_match "$answer" "updated_sync=${sync_id[ab]}" "the answer"
assert_eq "$(roles)" ts "roles of a and b"
assert_progress ab synchronized completed
assert_access p-a read reversed
assert_access p-b write reversed
assert_identities "$wwid_b" "$wwid_a" reversed
shadow write mapper/p-b content count=100 procs=2
medium_is da content
assert_same da db
ok "reversed: still Synchronized, writes of b reach a, the identity moved"

modify p split ab
shadow write mapper/p-a none count=50
shadow write mapper/p-b content count=50
modify p resync-replica ab
wait_state p-a ab synchronized
assert_same da db
medium_is da content
pool_restart p
assert_eq "$(roles)" ts "roles after a restart"
assert_identities "$wwid_b" "$wwid_a" "after a restart"
wait_state p-a ab synchronized
ok "split, resync and restart keep the new direction"

replctl reverse-roles ab --wait-for-copy-state synchronized --json >"$DRP_TMP/json" || fail "replctl reverse-roles: $(<"$DRP_TMP/json")"
grep -q "\"UpdatedSynchronization\": *${sync_id[ab]}" "$DRP_TMP/json" ||
	fail "no UpdatedSynchronization: $(<"$DRP_TMP/json")"
assert_eq "$(roles)" st "roles after the second reversal"
assert_identities "$wwid_a" "$wwid_b" "after the second reversal"
assert_access p-a write "reversed twice"
assert_access p-b read "reversed twice"
shadow compare mapper/p-a content
assert_same da db
ok "reversed twice is as before"

from=a to=b
for ((i = 0; i < 4; i++)); do
	shadow_until mapper/p-$from content seed=$RANDOM max=32 procs=2 acked=1
	sleep 1
	modify p reverse-roles ab
	shadow_ended
	shadow settle mapper/p-$to content procs=2
	assert_same da db
	read -r from to <<<"$to $from"
done
ok "under writers: they get errors, the other side has all that was acknowledged"

modify p failover ab
assert_identities "$wwid_a" "$wwid_b" "after the failover"
shadow write mapper/p-b content seed=$RANDOM count=100
modify p reverse-roles ab
assert_eq "$(roles)" ts "roles after failover and reversal"
assert_progress ab suspended requires-resume
assert_access p-b write "reversed from Failedover"
assert_access p-a read "reversed from Failedover"
assert_identities "$wwid_b" "$wwid_a" "reversed from Failedover"
shadow write mapper/p-b content seed=$RANDOM count=50
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
medium_is da content
assert_identities "$wwid_b" "$wwid_a" "after Resume"
ok "from Failedover: Suspended, Resume copies to the old source"

modify p suspend ab
shadow write mapper/p-b none seed=$RANDOM count=50
shadow take mapper/p-a content
modify p failover ab force
shadow write mapper/p-a content seed=$RANDOM count=50
modify p reverse-roles ab
assert_eq "$(roles)" st "roles after a failover with loss and a reversal"
assert_progress ab suspended requires-resume
assert_identities "$wwid_a" "$wwid_b" "reversed with loss"
refused "canceled" p resume ab
modify p resume ab force
wait_state p-a ab synchronized
assert_same da db
medium_is da content
ok "after a failover with loss, Resume over the old source's writes wants Force"
