#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a snapshot is restored from a snapshot of it: it shows that at once, host writes win, all other points in time keep their content, and it can be suspended, aborted and done again
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 900
# GROUP: snapshot
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
shadow_bs=64k
CHUNK_SECTORS=32
dev_of_sync=p-s
cow_pool_create p 32
element p a 2
scribble /dev/mapper/p-a 0 2 1
snapshot p a s
shadow write mapper/p-s ignored seed=2 count=20 max=32
shadow write mapper/p-a ignored seed=3 count=20 max=32
snapshot p s old
keep /dev/mapper/p-old "$DRP_TMP/old"
shadow write mapper/p-s ignored seed=4 count=20 max=32
snapshot p s x
shadow take mapper/p-x x
shadow write mapper/p-x x seed=5 count=15 max=32
snapshot p x child
keep /dev/mapper/p-child "$DRP_TMP/child"
shadow write mapper/p-s ignored seed=6 count=15 max=32
snapshot p s new
keep /dev/mapper/p-new "$DRP_TMP/new"
shadow write mapper/p-s ignored seed=7 count=20 max=32
snapshot p a other
keep /dev/mapper/p-other "$DRP_TMP/other"
shadow write mapper/p-a a seed=8 count=20 max=32
keep /dev/mapper/p-a "$DRP_TMP/a"
model_copy x source
others="old x new child other a"

others_keep_theirs() {
	local e
	for e in $others; do
		assert_shows "/dev/mapper/p-$e" "$DRP_TMP/$e"
	done
}

# The source shows what it should, by whatever way it is read.
shows_it() {
	shadow compare mapper/p-s source
	dd if=/dev/mapper/p-s bs=1M count=1 status=none | cmp -s -n 1048576 - "$DRP_TMP/source" ||
		fail "$1: the page cache shows something else"
	assert_eq "$(python3 -ISc 'import os; os.write(1, os.pread(9, 4096, 1 << 20))' | sha1sum)" \
		"$(dd if="$DRP_TMP/source" bs=4k count=1 skip=256 status=none | sha1sum)" \
		"$1: what the descriptor that was open all along reads"
	others_keep_theirs
	assert_access p-s write "$1"
	assert_access p-x read "$1"
	ok "$1: the source shows the snapshot's content and the host's writes, the others theirs"
}

host_writes() {
	shadow write mapper/p-s source seed="$1" count=10 max=16 procs=2 zeroes=1
	shadow write mapper/p-s source seed="$1" count=10 max=1 procs=2
}

others_keep_theirs
refused "canceled" p restore-from-replica x
assert_access p-x write "after a refusal"
# The cache holds what is about to be wrong.
exec 9<>/dev/mapper/p-s
at_exit "exec 9>&-"
dd if=/dev/mapper/p-s of=/dev/null bs=1M count=2 status=none
modify p restore-from-replica x force dry_run
assert_state p-x x skewed
modify p restore-from-replica x force rate_limit=$SLOW
assert_match "$answer" "^4096 job=" "the answer"
assert_progress x unsynchronized restoring
shows_it "while it copies"
host_writes 11
shows_it "while it copies and the host writes"
assert_state p-s s skewed
run_ok blkdiscard -o 0 -l 524288 /dev/mapper/p-s
shows_it "after a discard of what is restored"

refused "bad state" p resync-replica x
refused "bad state" p deactivate x
refused "bad state" p dissolve x
refused "bad state" p return-to-resource-pool x force
refused "bad state" p restore-from-replica new force
refused "bad state" p restore-from-replica child force
refused "bad state" p restore-from-replica s force
refused "busy" p return-to-resource-pool s force
refused "busy" p resync-replica s force
refused "canceled" p abort x
assert_progress x unsynchronized restoring "after refusals"
ok "what would take away what it needs is refused"

snapshot p s during
keep /dev/mapper/p-during "$DRP_TMP/during"
cmp -s "$DRP_TMP/during" "$DRP_TMP/source" || fail "a snapshot of the middle shows something else"
others+=" during"
host_writes 12
shows_it "with a snapshot that was taken in the middle"
for pair in "p/s p/other" "p/during p/new" "p/during p/a" "p/x p/s"; do
	# shellcheck disable=SC2086 # two words
	run_fails 5 replctl diff $pair
done
run_ok replctl diff p/new p/old
refused "bad state" p dissolve during
refused "bad state" p dissolve during dry_run
ok "what would not be the truth, diff refuses; dissolve waits"

modify p suspend x
assert_progress x suspended dormant
host_writes 13
shows_it "while it is suspended"
modify p resume x
assert_progress x unsynchronized restoring "after Resume"
shows_it "after Resume"

modify p abort x force
assert_state p-s x broken
host_writes 14
shows_it "after Abort"
refused "bad state" p return-to-resource-pool x force
modify p restore-from-replica x
assert_progress x unsynchronized restoring "done again"
shows_it "done again"

exec 9>&-
element_remove_device p x
host_writes 15
shadow compare mapper/p-s source
element_attach p x
ok "the snapshot's device need not be there"

pool_restart p
assert_progress x unsynchronized restoring "after a restart of the pool"
exec 9<>/dev/mapper/p-s
shows_it "after a restart of the pool"

rate x 0
host_writes 16
wait_state p-s x restored
assert_progress x restored completed
shadow compare mapper/p-s source
others_keep_theirs
assert_access p-x write "Restored"
exec 9>&-
ok "all is copied: Restored, the snapshot can be written"

shadow write mapper/p-x x seed=17 count=20 max=32
shadow compare mapper/p-s source
host_writes 18
others_keep_theirs
pool_restart p
shadow compare mapper/p-s source
others_keep_theirs
ok "from then on neither shows what the other one gets, also after a restart"

for snap in old new during child x; do
	case $snap in child) source=x ;; *) source=s ;; esac
	dev_of_sync=p-$source
	shadow write mapper/p-$source ignored seed=19 count=20 max=64
	keep "/dev/mapper/p-$source" "$DRP_TMP/$source"
	modify p restore-from-replica $snap force
	wait_state p-$source $snap restored
	assert_shows "/dev/mapper/p-$source" "$DRP_TMP/$snap"
	model_copy $snap $source
	others_keep_theirs
done
ok "back to an older one, to newer ones, to one of the middle, and one level deeper: the others keep theirs"

modify p restore-from-replica s force
wait_state p-a s restored
assert_shows /dev/mapper/p-a "$DRP_TMP/s"
model_copy s a
others_keep_theirs
ok "what was restored restores its own source"

pool_restart p
others_keep_theirs
for snap in during child x new old s other; do
	return_snapshot p $snap
done
wait_until 60 cow_uses p 0 || fail "$(cow_used p) chunks stay in use: $(dmsetup status p)"
run_ok replctl pool show p
assert_shows /dev/mapper/p-a "$DRP_TMP/a"
ok "all space comes back"
