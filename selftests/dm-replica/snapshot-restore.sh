#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a restore shows the snapshot's content at once on the open source, host writes win, other snapshots keep theirs, and it can be suspended, aborted and done again
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 600
# GROUP: snapshot
# CHUNK_SECTORS=N of the pool (32).
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

need replctl
replica_setup
shadow_bs=4k
: "${CHUNK_SECTORS:=32}"
cow_pool_create p 64
element p a 8
scribble /dev/mapper/p-a 0 8 1
snapshot p a old
keep /dev/mapper/p-a "$DRP_TMP/old"
shadow write mapper/p-a ignored seed=2 count=40
snapshot p a x
keep /dev/mapper/p-a "$DRP_TMP/point"
scribble /dev/mapper/p-a 1 4 3
snapshot p a new
keep /dev/mapper/p-a "$DRP_TMP/new"
scribble /dev/mapper/p-a 3 3 4
model_copy point x
shadow write mapper/p-x x seed=5 count=40 max=64
assert_state p-x x skewed
model_copy x source

others_keep_theirs() {
	assert_shows /dev/mapper/p-old "$DRP_TMP/old"
	assert_shows /dev/mapper/p-new "$DRP_TMP/new"
	assert_shows /dev/mapper/p-x "$DRP_TMP/x"
}

# The source shows what it should, by whatever way it is read.
shows_it() {
	shadow compare mapper/p-a source
	dd if=/dev/mapper/p-a bs=1M count=4 status=none | cmp -s -n 4194304 - "$DRP_TMP/source" ||
		fail "$1: the page cache shows something else"
	assert_eq "$(python3 -ISc 'import os; os.write(1, os.pread(9, 4096, 4 << 20))' | sha1sum)" \
		"$(dd if="$DRP_TMP/source" bs=4k count=1 skip=1024 status=none | sha1sum)" \
		"$1: what the descriptor that was open all along reads"
	others_keep_theirs
	assert_access p-a write "$1"
	assert_access p-x read "$1"
	ok "$1: the source shows the snapshot's content and the host's writes, the others theirs"
}

# SEED: small and odd ones, into regions that are copied and that are not.
host_writes() {
	shadow write mapper/p-a source seed="$1" count=60 max=16 procs=2 zeroes=1
	shadow write mapper/p-a source seed="$1" count=60 max=1 procs=2
}

others_keep_theirs
refused "canceled" p restore-from-replica x
assert_state p-x x skewed
assert_access p-x write "after a refusal"
# The cache holds what is about to be wrong.
exec 9<>/dev/mapper/p-a
at_exit "exec 9>&-"
dd if=/dev/mapper/p-a of=/dev/null bs=1M count=8 status=none
modify p restore-from-replica x force dry_run
assert_state p-x x skewed
modify p restore-from-replica x force rate_limit=$SLOW
assert_match "$answer" "^4096 job=" "the answer"
assert_progress x unsynchronized restoring
shows_it "while it copies"
host_writes 6
shows_it "while it copies and the host writes"

refused "bad state" p resync-replica x
refused "bad state" p deactivate x
refused "bad state" p dissolve x
refused "bad state" p return-to-resource-pool x force
refused "bad state" p restore-from-replica new force
refused "canceled" p abort x
run_fails 5 replctl diff p/new p/a
assert_progress x unsynchronized restoring "after refusals"
ok "what would take away what it needs is refused"

modify p suspend x
assert_progress x suspended dormant
host_writes 7
shows_it "while it is suspended"
modify p resume x
assert_progress x unsynchronized restoring "after Resume"
shows_it "after Resume"

modify p abort x force
assert_state p-a x broken
host_writes 8
shows_it "after Abort"
refused "bad state" p return-to-resource-pool x force
modify p restore-from-replica x
assert_progress x unsynchronized restoring "done again"
shows_it "done again"

exec 9>&-
element_remove_device p x
host_writes 9
shadow compare mapper/p-a source
element_attach p x
ok "the snapshot's device need not be there"

pool_restart p
assert_progress x unsynchronized restoring "after a restart of the pool"
exec 9<>/dev/mapper/p-a
shows_it "after a restart of the pool"

rate x 0
host_writes 10
shadow_bs=1M
wait_state p-a x restored
assert_progress x restored completed
medium_is da source
others_keep_theirs
assert_access p-x write "Restored"
exec 9>&-
ok "all is copied: Restored, the source has it itself, the snapshot can be written"

scribble /dev/mapper/p-x 1 1 11
others_written=$DRP_TMP/x
keep /dev/mapper/p-x "$others_written"
scribble /dev/mapper/p-a 0 8 12
others_keep_theirs
modify p restore-from-replica old force
wait_state p-a old restored
medium_is da old
others_keep_theirs
modify p restore-from-replica new force
wait_state p-a new restored
medium_is da new
others_keep_theirs
modify p restore-from-replica x force
wait_state p-a x restored
medium_is da x
others_keep_theirs
ok "back to an older one, to a newer one and to one that was written: the others keep theirs"

modify p resync-replica x
assert_state p-x x synchronized
scribble /dev/mapper/p-a 4 1 13
assert_shows /dev/mapper/p-x "$others_written"
return_snapshot p x
return_snapshot p new
return_snapshot p old
wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay in use: $(dmsetup status p)"
ok "a snapshot that was restored takes new points in time, and gives its space back"
