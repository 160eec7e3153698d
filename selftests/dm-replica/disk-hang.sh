#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a disk that hangs stops requests for what it takes part in, with an answer in time, and no other of the pool
# REQUIRES: replica simdisk dmsetup replctl
# TIMEOUT: 300
# GROUP: parallel
# VM: --cpus 2
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

# DISK: something is on its way to it.
has_io() { awk '{ exit !($1 + $2) }' "/sys/block/$1/inflight"; }

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
wait_until 60 has_io db || fail "the copy does not write"
refused "timed out" p suspend ab deadline_ms=3000
assert_state p-a ab unsynchronized
simdisk_set db hang 0
modify p suspend ab deadline_ms=60000
assert_state p-a ab suspended
modify p resume ab rate_limit=0
wait_state p-a ab synchronized
assert_same da db
ok "a resync that hung can be suspended when its device answers, and resumed"

# The command in the background has come to where it waits for the disk.
waits_for_disk() { grep -q submit_bio_wait "/proc/$waits/stack"; }

# STEP: a request for the other sync is answered while the device of d does not answer.
others_go_on() {
	wait_until 60 waits_for_disk || fail "$1 asks nothing of the disk"
	run_ok timeout 60 dmsetup message p 0 modify fracture "${sync_id[ab]}" >/dev/null
	wait_state p-a ab fractured
	modify p resync-replica ab
	wait_state p-a ab synchronized
	kill -0 "$waits" || fail "$1 did not wait for the device"
}
scribble /dev/mapper/p-c 0 1 4
simdisk_set dd hang 1
dmsetup remove p-d &
waits=$!
others_go_on "the removal of a device"
simdisk_set dd hang 0
wait $waits || fail "the device of d was not removed"
ok "while a device is removed whose disk hangs, the pool goes on"

table=$(element_table p d)
simdisk_set dd hang 1
dmsetup create p-d --table "$table" &
waits=$!
others_go_on "the activation of a device"
simdisk_set dd hang 0
wait $waits || fail "the device of d was not activated"
wait_state p-c cd synchronized
assert_same dc dd
ok "while one is activated whose disk hangs, too"

pool_create q
listed() { timeout 60 replctl pool list --json >"$DRP_TMP/list" && grep -q "\"$1\"" "$DRP_TMP/list"; }
# STEP: the others are listed while the pool q waits for its metadata device; then it ends.
listed_meanwhile() {
	wait_until 60 waits_for_disk || fail "$1 asks nothing of the metadata device"
	listed p || fail "pools are not listed during $1"
	kill -0 "$waits" || fail "$1 did not wait for the metadata device"
	simdisk_set mq hang 0
	wait "$waits" || fail "$1 failed"
}
simdisk_set mq hang 1
dmsetup remove q &
waits=$!
listed_meanwhile "the end of pool q"
ok "while a pool ends whose metadata device hangs, the others are listed"

simdisk_set mq hang 1
dmsetup create q --table "$(pool_table q)" &
waits=$!
listed_meanwhile "the activation of pool q"
listed q || fail "pool q is not listed"
ok "while one is loaded, too"
