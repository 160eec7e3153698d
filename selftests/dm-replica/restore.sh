#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a restore shows the target's content at once on the open source, host writes win, and it can be suspended, aborted and done again
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
shadow_bs=4k
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-a ab synchronized
modify p split ab
scribble /dev/mapper/p-b 2 12 2
shadow take mapper/p-b target

# The source shows what it should, by whatever way it is read.
shows() {
	shadow compare mapper/p-a source
	dd if=/dev/mapper/p-a bs=1M count=4 status=none | cmp -s -n 4194304 - "$DRP_TMP/source" ||
		fail "$1: the page cache shows something else"
	assert_eq "$(python3 -ISc 'import os; os.write(1, os.pread(9, 4096, 8 << 20))' | sha1sum)" \
		"$(dd if="$DRP_TMP/source" bs=4k count=1 skip=2048 status=none | sha1sum)" \
		"$1: what the descriptor that was open all along reads"
	assert_access p-a write "$1"
	assert_access p-b read "$1"
	medium_is db target
	ok "$1: the source shows the target's content and the host's writes"
}

# SEED: small and odd ones, into regions that are copied and that are not.
host_writes() {
	shadow write mapper/p-a source seed="$1" count=60 max=16 procs=2 zeroes=1
	shadow write mapper/p-a source seed="$1" count=60 max=1 procs=2
}

# The cache holds what is about to be wrong.
exec 9<>/dev/mapper/p-a
at_exit "exec 9>&-"
dd if=/dev/mapper/p-a of=/dev/null bs=1M count=16 status=none

modify p restore-from-replica ab dry_run
assert_state p-a ab split
modify p restore-from-replica ab rate_limit=$SLOW
assert_match "$answer" "^4096 job=" "the answer"
assert_progress ab unsynchronized restoring
model_copy target source
shows "while it copies"
host_writes 1
shows "while it copies and the host writes"

refused "bad state" p detach ab
refused "bad state" p resync-replica ab
refused "bad state" p failover ab
refused "canceled" p abort ab
assert_progress ab unsynchronized restoring "after refusals"

modify p suspend ab
assert_progress ab suspended dormant
host_writes 2
shows "while it is suspended"
modify p resume ab
assert_progress ab unsynchronized restoring "after Resume"
shows "after Resume"

modify p abort ab force
assert_state p-a ab broken
host_writes 3
shows "after Abort"
refused "bad state" p detach ab force
modify p restore-from-replica ab
assert_progress ab unsynchronized restoring "done again"
shows "done again"

exec 9>&-
pool_restart p
assert_progress ab unsynchronized restoring "after a restart of the pool"
exec 9<>/dev/mapper/p-a
shows "after a restart of the pool"

rate ab 0
host_writes 4
shadow_bs=1M
wait_state p-a ab restored
assert_progress ab restored completed
medium_is da source
medium_is db target
assert_access p-b write "Restored"
ok "all is copied: Restored, both sides are writable"

refused "canceled" p restore-from-replica ab
shadow write mapper/p-a source seed=5 count=20
shadow write mapper/p-b target seed=6 count=20
exec 9>&-
modify p resync-replica ab
wait_state p-a ab synchronized
assert_same da db
medium_is da source
ok "what hosts wrote since the restore began is known: a resync makes both equal"
