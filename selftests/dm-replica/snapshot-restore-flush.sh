#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a FLUSH that fails while a snapshot of the middle of a restore preserves: it keeps what hosts saw
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

replica_setup
cow_pool_create p 64
for e in a m other; do
	element p $e 8
done

# ELEMENT MIB: one request.
write_one() {
	dd if=/dev/urandom of="/dev/mapper/p-$1" bs=4k seek=$(($2 * 256)) count=1 oflag=direct \
		conv=notrunc status=none
}

# So many that reading what is preserved of it takes a while.
scribble /dev/mapper/p-other 0 8 3
snapshot p other zother
scribble /dev/mapper/p-other 0 8 4

scribble /dev/mapper/p-a 0 8 1
mirror p a m
wait_state p-a am synchronized
keep /dev/mapper/p-a "$DRP_TMP/moment"
modify p split am
scribble /dev/mapper/p-a 0 8 2
run_ok sync /dev/mapper/p-a
modify p restore-from-replica am force rate_limit=100K
snapshot p a z
run_ok write_one a 1
pool_restart p
# What is preserved of it is known now, but no free place of COW space yet.
run_ok write_one a 1

simdisk_set mp read_us 6000000
write_one other 0 &
first=$!
sleep 1
write_one a 6 &
second=$!
sleep 1
kill -0 $second || fail "it is preserved at once: nothing is tried"
# The disk loses what was brought for that write.
simdisk_losing da run_fails any sync /dev/mapper/p-a
kill -0 $second || fail "it was preserved before the FLUSH"
simdisk_set mp read_us 0
run_ok wait $first
run_ok wait $second
assert_shows /dev/mapper/p-z "$DRP_TMP/moment"
ok "what a failed FLUSH took back is brought again before it is preserved"

accepted p set "sync:${sync_id[am]}" rate_limit=0
wait_state p-a am restored
assert_shows /dev/mapper/p-z "$DRP_TMP/moment"
ok "the same when the restore is over"
