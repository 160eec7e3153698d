#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: what a clone can become: prepared, inactive, split, restored from, aborted, dissolved, and what it refuses
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 600
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
pool_create p
for e in a b c d; do
	element p $e 8
	scribble /dev/mapper/p-$e 0 8 "$(printf '%d' "'$e")"
done
shadow take mapper/p-a source

clone p a b wait_for_copy_state=inactive
assert_progress ab inactive requires-activate
assert_access p-b read "before it is activated"
modify p detach ab force
clone p a b wait_for_copy_state=prepared
assert_progress ab prepared requires-activate
shadow write mapper/p-a source seed=1 count=20
modify p activate ab
wait_state p-a ab synchronized
medium_is db source
assert_match "$(sync_field p-a ab flags)" "I" "nothing differs"
ok "prepared, then activated: the target is the source when it is activated"

modify p split ab
assert_progress ab split completed
model_copy source target
shadow write mapper/p-a source seed=2 count=20
shadow write mapper/p-b target seed=3 count=20
refused "canceled" p restore-from-replica ab
modify p restore-from-replica ab force rate_limit=$SLOW
assert_progress ab unsynchronized restoring
model_copy target source
assert_access p-b read "while it is restored from"
shadow_bs=4k
shadow compare mapper/p-a source
shadow write mapper/p-a source seed=4 count=20 max=8
shadow compare mapper/p-a source
rate ab 0
wait_state p-a ab restored
medium_is da source
medium_is db target
ok "restored: the source shows what the target has at once"

before=$(bytes_written db)
shadow take mapper/p-a source
modify p resync-replica ab
wait_until 60 is_copied p-a ab || fail "it does not end: $(dmsetup status p-a)"
medium_is db source
[ $(($(bytes_written db) - before)) -lt $((4 << 20)) ] ||
	fail "a resync wrote $(($(bytes_written db) - before)) bytes"
modify p fracture ab
assert_progress ab fractured completed
ok "resynchronized, then fractured"

scribble /dev/mapper/p-a 0 6 9
shadow take mapper/p-a source
modify p resync-replica ab rate_limit=$SLOW
shadow write mapper/p-a source seed=5 count=20
refused "canceled" p deactivate ab
modify p abort ab
assert_progress ab aborted requires-resync
assert_access p-b none "aborted"
shadow write mapper/p-a source seed=6 count=20
shadow compare mapper/p-a source
modify p resync-replica ab rate_limit=0
wait_state p-a ab synchronized
medium_is da source
medium_is db source
ok "aborted: the source goes on, a new point in time makes the target good"

modify p deactivate ab
assert_progress ab inactive dormant
assert_access p-b read "inactive"
shadow write mapper/p-a source seed=7 count=20
modify p activate ab
wait_state p-a ab synchronized
medium_is db source
modify p deactivate ab
modify p prepare ab
assert_progress ab prepared requires-activate
modify p activate ab rate_limit=$SLOW
shadow compare mapper/p-b source
ok "deactivated, prepared, activated"

# What would change under the hands of a clone that is not copied yet.
refused_message "bad state" p create_sync 9001 mirror "${element_id[p/c]}" "${element_id[p/a]}"
refused_message "bad state" p create_sync 9001 clone "${element_id[p/b]}" "${element_id[p/c]}"
refused_message "busy" p create_sync 9001 clone "${element_id[p/c]}" "${element_id[p/b]}"
refused_message "Invalid argument" p create_sync 9001 clone "${element_id[p/c]}" \
	"${element_id[p/d]}" skip_initial_copy=yes force
mirror p a c
wait_state p-a ac synchronized
refused_message "bad state" p create_sync 9001 clone "${element_id[p/c]}" "${element_id[p/d]}"
refused "bad state" p reverse-roles ac
modify p split ac
refused "bad state" p restore-from-replica ac force
ok "combinations that would overwrite what a clone needs are refused"

# A second clone of the same source at another time, and a mirror of the first one.
shadow take mapper/p-b target
shadow write mapper/p-a source seed=8 count=20 max=16
clone p a d rate_limit=$SLOW
model_copy source second
shadow write mapper/p-a source seed=9 count=60 max=16
shadow compare mapper/p-a source
shadow compare mapper/p-b target
shadow compare mapper/p-d second
ok "two clones of one source, each of its own time"
rate ab 0
rate ad 0
wait_state p-a ab synchronized
wait_state p-a ad synchronized
medium_is db target
medium_is dd second
modify p detach ad
mirror p b d
wait_state p-b bd synchronized
scribble /dev/mapper/p-a 0 6 10
shadow take mapper/p-a source
modify p resync-replica ab rate_limit=$SLOW
model_copy source target
shadow write mapper/p-b target seed=10 count=20 max=16
shadow compare mapper/p-b target
assert_state p-b bd unsynchronized
rate ab 0
wait_until 60 is_copied p-a ab || fail "it does not end: $(dmsetup status p-a)"
wait_state p-b bd synchronized
assert_same db dd
medium_is db target
ok "a mirror of a clone follows its new content"

modify p dissolve ab
assert_eq "$(sync_field p-a ab state)" none "the sync"
assert_access p-b write "dissolved"
medium_is db target
assert_match "$answer" "^(0 aspect=|4096 job=)[0-9]+" "the answer"
ok "dissolved: the target keeps its content"
