#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: an aspect is restored: its point in time at once on the open source, other snapshots keep theirs, mirrors follow, refusals leave nothing, power failures leave a snapshot or a restore
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
CHUNK_SECTORS=32
cow_pool_create p 32
element p a 4
element p m 4

# KIND NAME KEY: a number of what has just been made.
number_of() { replctl ${1:+"$1"} show "p/$2" --json | sed -n "s/.*\"$3\": *\([0-9]*\).*/\1/p"; }
objects() { for kind in "" element aspect; do replctl ${kind:+"$kind"} list | awk '{ print $1 }'; done; }

# NAME: the snapshot that a restore has made, attached.
adopt() {
	sync_id[$1]=$(number_of '' "$1" SynchronizationID)
	element_id[p/$1]=$(number_of element "$1" ElementID)
	virtual_sectors[p/$1]=$(blockdev --getsz /dev/mapper/p-a)
	element_attach p "$1"
}

# ERRNO-TEXT WORD...: refused, and all is as before.
leaves_nothing() {
	local text=$1 before
	shift
	before=$(objects)
	refused_message "$text" p restore_aspect "$@"
	assert_eq "$(objects)" "$before" "objects after '$*'"
}

others_keep_theirs() {
	local e
	for e in old x new; do
		assert_shows "/dev/mapper/p-$e" "$DRP_TMP/$e"
	done
}

scribble /dev/mapper/p-a 0 4 1
snapshot p a old
keep /dev/mapper/p-a "$DRP_TMP/old"
scribble /dev/mapper/p-a 1 2 2
snapshot p a x
shadow take mapper/p-a point
scribble /dev/mapper/p-x 3 1 3
keep /dev/mapper/p-x "$DRP_TMP/x"
scribble /dev/mapper/p-a 0 2 4
snapshot p a new
keep /dev/mapper/p-a "$DRP_TMP/new"
scribble /dev/mapper/p-a 2 2 5
modify p dissolve x
aspect=$(aspect_of p x)
mirror p a m
wait_state p-a am synchronized
shadow take mapper/p-a before

leaves_nothing "canceled" "$aspect"
leaves_nothing "No such file" 7777 force
leaves_nothing "Invalid argument|File exists" "$aspect" force target_name=old
leaves_nothing "Invalid argument|File exists" "$aspect" force wait_for_copy_state=fractured
leaves_nothing "Invalid argument|File exists" "$aspect" force mode=sync
leaves_nothing "Invalid argument|File exists" "$aspect" pair:1
modify p restore-from-replica new force rate_limit=$SLOW
leaves_nothing "bad state" "$aspect" force
rate new 0
wait_state p-a new restored
wait_state p-a am synchronized
scribble /dev/mapper/p-a 1 2 6
shadow take mapper/p-a before
before=$(objects)
accepted p restore_aspect "$aspect" force dry_run
assert_match "$answer" "would overwrite a: [0-9]+ MiB at most" "what a dry run says"
assert_eq "$(objects)" "$before" "objects after a dry run"
shadow compare mapper/p-a before
others_keep_theirs
ok "refusals and dry runs change nothing and leave nothing"

exec 9<>/dev/mapper/p-a
at_exit "exec 9>&-"
dd if=/dev/mapper/p-a of=/dev/null bs=1M status=none
model_copy point source
accepted p restore_aspect "$aspect" force target_name=r rate_limit=$SLOW
assert_match "$answer" "^4096 job=" "the answer"
adopt r
assert_progress r unsynchronized restoring
shadow compare mapper/p-a source
assert_eq "$(python3 -ISc 'import os; os.write(1, os.pread(9, 4096, 1 << 20))' | sha1sum)" \
	"$(dd if="$DRP_TMP/source" bs=4k count=1 skip=256 status=none | sha1sum)" \
	"what the descriptor that was open all along reads"
assert_shows /dev/mapper/p-r "$DRP_TMP/point"
assert_access p-r read "while it is restored from"
others_keep_theirs
shadow write mapper/p-a source seed=7 count=20 max=16 procs=2
ok "the open source shows the point in time at once, and takes writes"

leaves_nothing "bad state" "$aspect" force
leaves_nothing "bad state" "$aspect" force target_name=q
accepted p delete_aspect "$aspect"
assert_progress r unsynchronized restoring "without its aspect"
shadow compare mapper/p-a source
leaves_nothing "No such file" "$aspect" force
exec 9>&-
pool_restart p
assert_progress r unsynchronized restoring "after a restart of the pool"
shadow compare mapper/p-a source
rate r 0
wait_state p-a r restored
medium_is da source
assert_shows /dev/mapper/p-r "$DRP_TMP/point"
others_keep_theirs
wait_state p-a am synchronized
medium_is dm source
ok "without the aspect it goes on, and ends Restored; the mirror has the same"

accepted p modify detach "${sync_id[am]}"
modify p dissolve r
aspect=$(aspect_of p r)
element_remove_device p r
accepted p delete_element "${element_id[p/r]}"
forget_snapshot p r

# Two names, neither, one; as its own snapshot would be.
accepted p restore_aspect "$aspect" force name=one target_name=two
sync_id[one]=$(number_of '' one SynchronizationID)
wait_state p-a one restored
medium_is da point
[ "$(number_of element two ElementID)" ] || fail "there is no target of that name"
accepted p modify return-to-resource-pool "${sync_id[one]}"
scribble /dev/mapper/p-a 0 1 8
accepted p restore_aspect "$aspect" force wait_for_copy_state=restored
made=$(replctl list | awk '$1 ~ "^p/restore[0-9]+$" { sub("p/", "", $1); print $1 }')
[ "$made" ] || fail "no default name: $(replctl list)"
sync_id[$made]=$(number_of '' "$made" SynchronizationID)
wait_state p-a "$made" restored
medium_is da point
accepted p modify return-to-resource-pool "${sync_id[$made]}"
ok "names can be given or are chosen"

# WRITES: the power fails at this write of the request.
at_the_answer() {
	local made state
	scribble /dev/mapper/p-a 0 3 "$1"
	run_ok sync /dev/mapper/p-a
	shadow take mapper/p-a before
	simdisk_power_fail_after "$1" "$1"
	answered=0
	if message p restore_aspect "$aspect" force name=r rate_limit=64K; then
		! replctl show p/r | grep -qE '^CopyState +(Unsynchronized|Restored)' || answered=1
	fi
	[ "$(simdisk_power)" = off ] || simdisk_power_fail "$1"
	run_ok simdisk_wait_off
	unset "element_id[p/r]"
	power_is_back a m old x new
	made=$(number_of '' r SynchronizationID 2>/dev/null)
	if [ -z "$made" ]; then
		state=nothing
		shadow compare mapper/p-a before
	else
		adopt r
		state=$(sync_field p-a r state)
		assert_shows /dev/mapper/p-r "$DRP_TMP/point"
		case $state in
		synchronized) shadow compare mapper/p-a before ;;
		unsynchronized | restored) shadow compare mapper/p-a point ;;
		*) fail "neither before nor after: $(dmsetup status p-a)" ;;
		esac
	fi
	[ "$answered" = 0 ] || [[ $state = @(unsynchronized|restored) ]] ||
		fail "the restore was answered '$answer', after the power failure there is $state"
	others_keep_theirs
	if [ "$state" = unsynchronized ]; then
		rate r 0
		wait_state p-a r restored
	fi
	[ "$state" = nothing ] || return_snapshot p r
	ok "power failure at write $1 of the request: $state"
}

for writes in 1 3 6 9 12 16 24 48; do
	at_the_answer "$writes"
done
