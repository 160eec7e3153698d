#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: other mirrors of a source that is restored become Unsynchronized and end equal, suspended and fractured ones know what differs
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
pool_create p
for e in a b c d e; do
	element p $e 24
done
scribble /dev/mapper/p-a 0 24 1
for t in b c d e; do
	mirror p a $t
done
for t in b c d e; do
	wait_state p-a a$t synchronized
done
modify p split ab
scribble /dev/mapper/p-b 2 16 2
modify p fracture ad
modify p suspend ae
shadow take mapper/p-b source

modify p restore-from-replica ab rate_limit=$SLOW
rate ac $SLOW
[ "$(sync_field p-a ac state)" != synchronized ] || assert_same mapper/p-a dc
for t in d e; do
	[ "$(sync_field p-a a$t dirty)" -ge $((16 * 2048)) ] ||
		fail "only $(sync_field p-a a$t dirty) sectors of a$t may differ"
done
ok "what the restore changes is marked in all other mirrors"

shadow write mapper/p-a source count=40 max=16 procs=2
rate ac 0
sleep 2
[ "$(sync_field p-a ac state)" != synchronized ] || medium_is dc source
assert_progress ab unsynchronized restoring
shadow write mapper/p-a source seed=2 count=40 max=16 procs=2
ok "while the source is half restored, the mirror that runs does not claim more than it has"

rate ab 0
wait_state p-a ab restored
medium_is da source
modify p resync-replica ad
modify p resume ae
for t in c d e; do
	wait_state p-a a$t synchronized
	assert_same da d$t
done
ok "all mirrors are equal to the restored source"
