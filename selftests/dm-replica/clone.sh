#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a clone's target is usable at once: it shows the source's point in time while hosts write both sides, and ends as that
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 600
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
shadow_bs=4k
pool_create p
element p a 8
element p b 10
scribble /dev/mapper/p-a 0 8 1
scribble /dev/mapper/p-b 0 10 2
shadow take mapper/p-a source
shadow take mapper/p-b old
# What lies behind the source's end is the target's own.
cp "$DRP_TMP/source" "$DRP_TMP/target"
tail -c +$((8 * 1048576 + 1)) "$DRP_TMP/old" >>"$DRP_TMP/target"

# WHEN: both sides, by whatever way they are read.
show() {
	shadow compare mapper/p-a source
	shadow compare mapper/p-b target
	dd if=/dev/mapper/p-b bs=1M count=4 status=none | cmp -s -n 4194304 - "$DRP_TMP/target" ||
		fail "$1: the page cache of the target shows something else"
	assert_access p-a write "$1"
	assert_access p-b write "$1"
	ok "$1: the source is what its host wrote, the target the point in time and its own writes"
}

# SEED: small and odd ones on either side, into regions that are copied and that are not.
host_writes() {
	shadow write mapper/p-a source seed="$1" count=60 max=16 procs=2 zeroes=1
	shadow write mapper/p-a source seed="$1" count=60 max=1 procs=2
	shadow write mapper/p-b target seed="$(($1 + 100))" count=60 max=16 procs=2 zeroes=1
	shadow write mapper/p-b target seed="$(($1 + 100))" count=60 max=1 procs=2
}

clone p a b rate_limit=$SLOW
assert_match "$answer" "^4096 job=" "the answer"
assert_progress ab unsynchronized synchronizing
show "right after create"
host_writes 1
show "while it copies"

refused "canceled" p detach ab
refused "bad state" p fracture ab
refused "bad state" p resync-replica ab
refused "bad state" p restore-from-replica ab
refused "not supported" p failover ab
assert_progress ab unsynchronized synchronizing "after refusals"

modify p suspend ab
assert_progress ab suspended dormant
host_writes 2
show "while it is suspended"
modify p resume ab
assert_progress ab unsynchronized synchronizing "after Resume"

pool_restart p
assert_progress ab unsynchronized synchronizing "after a restart of the pool"
show "after a restart of the pool"
host_writes 3
rate ab 0
host_writes 4
wait_state p-a ab skewed
assert_progress ab skewed completed
show "when all is copied"
medium_is da source
medium_is db target

scribble /dev/mapper/p-a 3 1 7
shadow take mapper/p-a source
before=$(bytes_written db)
modify p resync-replica ab rate_limit=$SLOW
cp "$DRP_TMP/source" "$DRP_TMP/new"
tail -c +$((8 * 1048576 + 1)) "$DRP_TMP/target" >>"$DRP_TMP/new"
model_copy new target
assert_progress ab unsynchronized resyncing
show "a new point in time"
host_writes 5
rate ab 0
wait_state p-a ab skewed
show "when that is copied"
[ $(($(bytes_written db) - before)) -lt $((6 * 1048576)) ] ||
	fail "a resync wrote $(($(bytes_written db) - before)) bytes"
medium_is da source
medium_is db target
ok "a resync copies what differs only"

modify p detach ab
medium_is db target
assert_access p-b write "detached"
show "detached"
