#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: an answer of diff or map whose parts are not of one point in time is an error
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 300
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need python3
ESTALE=116

# DEVICE: every other chunk of the 16 MiB is written: as many extents as there can be.
stripe() {
	run_ok python3 - "$1" <<-'PY'
	import os, sys
	f = os.open(sys.argv[1], os.O_WRONLY)
	for i in range(0, 4096, 2):
	    os.pwrite(f, bytes([1 + i % 250]) * 4096, 4096 * i)
	os.fsync(f)
	PY
}

# SUBJECT FUNCTION: who asks has the first part of the answer when FUNCTION runs, and reads on after it.
asked_around() {
	local asker
	rm -f "$DRP_TMP/came" "$DRP_TMP/go"
	python3 "$DRP_TOP/selftests/lib/map.py" p "$1" \
		"touch '$DRP_TMP/came'; while [ ! -e '$DRP_TMP/go' ]; do sleep 0.1; done" >"$DRP_TMP/answer" &
	asker=$!
	wait_until 60 test -e "$DRP_TMP/came" || fail "no part of an answer"
	"$2"
	touch "$DRP_TMP/go"
	wait "$asker" || fail "the answer cannot be read"
	read -r errno parts extents <"$DRP_TMP/answer"
	[ "$parts" -gt 2 ] || fail "the answer has only $parts parts"
}

replica_setup
cow_pool_create p 64
element p a 16
snapshot p a one
stripe /dev/mapper/p-a
snapshot p a two
snapshot p a other

ids=${element_id[p/one]},${element_id[p/two]}
asked_around "$ids" true
assert_eq "$errno $extents" "0 2048" "errno and extents"
resync_other() { modify p resync-replica other; }
asked_around "$ids" resync_other
assert_eq "$errno $extents" "0 2048" "errno and extents when another snapshot has a new point in time"
resync_two() { modify p resync-replica two; }
asked_around "$ids" resync_two
assert_eq "$errno" $ESTALE "errno when one of both has a new point in time"
asked_around "${sync_id[one]}" true
assert_eq "$errno $extents" "0 2048" "errno and extents of the map of a snapshot"
resync_one() { modify p resync-replica one; }
asked_around "${sync_id[one]}" resync_one
assert_eq "$errno" $ESTALE "errno of the map of a snapshot"
ok "diff of snapshots: a new point in time of either ends the answer with an error"

element p b 16
element p c 16
mirror p b c
wait_state p-b bc synchronized
modify p fracture bc
stripe /dev/mapper/p-b
for ids in "${sync_id[bc]}" "${element_id[p/b]},${element_id[p/c]}"; do
	write_more() { scribble /dev/mapper/p-b 0 1 1; }
	asked_around "$ids" write_more
	assert_eq "$errno" 0 "errno when there are only writes"
	stripe /dev/mapper/p-b
	fracture_again() {
		modify p resync-replica bc
		wait_state p-b bc synchronized
		modify p fracture bc
	}
	asked_around "$ids" fracture_again
	assert_eq "$errno" $ESTALE "errno when it was resynchronized and fractured meanwhile"
	stripe /dev/mapper/p-b
done
ok "map and diff of the sides of a sync: likewise"
