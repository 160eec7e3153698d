#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: requests for a copy whose device hangs time out with nothing changed; the rest of the pool goes on
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
for e in a b c d; do
	element p $e 16
done
scribble /dev/mapper/p-a 0 16 1
scribble /dev/mapper/p-c 0 16 2
mirror p c d
wait_state p-c cd synchronized

simdisk_set db hang 1
mirror p a b
assert_state p-a ab unsynchronized
for operation in fracture suspend abort detach; do
	refused "timed out" p $operation ab force deadline_ms=1000
	assert_state p-a ab unsynchronized
done
kernel_said "copy of ab does not end" || fail "nobody is told what hangs"
ok "what would stop a copy that hangs is refused, and names who hangs"

modify p fracture cd deadline_ms=60000
wait_state p-c cd fractured
modify p resync-replica cd
wait_state p-c cd synchronized
ok "another sync of the pool is changed meanwhile"

simdisk_set db hang 0
wait_state p-a ab synchronized
assert_same da db
ok "the copy goes on where it was, and ends"

# In the middle of one, without a request of its own: it can be stopped when the device answers.
modify p fracture ab
scribble /dev/mapper/p-a 0 8 3
modify p resync-replica ab rate_limit=1M
simdisk_set db hang 1
a_write_hangs() { awk '{ exit !$2 }' /sys/block/db/inflight; }
wait_until 60 a_write_hangs || fail "the copy does not write"
refused "timed out" p suspend ab deadline_ms=3000
assert_state p-a ab unsynchronized
simdisk_set db hang 0
modify p suspend ab deadline_ms=60000
assert_state p-a ab suspended
modify p resume ab rate_limit=0
wait_state p-a ab synchronized
assert_same da db
ok "a resync that hung can be suspended when its device answers, and resumed"
