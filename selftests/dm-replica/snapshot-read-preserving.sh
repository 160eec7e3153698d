#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a snapshot is read while what it shows is on its way to COW space
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 120
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

replica_setup
cow_pool_create p 16
element p a 4
scribble /dev/mapper/p-a 0 4 1
keep /dev/mapper/p-a "$DRP_TMP/one"
snapshot p a x

# The records of the old content are durable, its data is not.
simdisk_set cp hang 1
writes=$(simdisk_stat mp writes)
scribble /dev/mapper/p-a 1 1 2 &
writer=$!
wait_until 20 eval "[ \$(simdisk_stat mp writes) -gt $writes ]" || fail "no record is written"
sleep 1
{
	keep /dev/mapper/p-x "$DRP_TMP/read"
	touch "$DRP_TMP/done"
} &
reader=$!
wait_until 20 test -e "$DRP_TMP/done" || fail "a read of the snapshot waits for COW space"
cmp "$DRP_TMP/one" "$DRP_TMP/read" || fail "it shows something else"
kill -0 $writer || fail "the write did not wait for the old content"
ok "until its old content is durable a chunk is read where it was"

simdisk_set cp hang 0
wait $writer $reader
assert_shows /dev/mapper/p-x "$DRP_TMP/one"
ok "and then from COW space"
