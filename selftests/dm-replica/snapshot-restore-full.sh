#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a restore for which COW space has no room says so and what helps, can be suspended and aborted, and goes on by itself when a snapshot is returned or the space grows
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 400
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
run_ok simdisk_create mp 16
run_ok simdisk_create cp 16
# COW space can grow: 160 chunks, then 256.
run_ok dmsetup create space --table "0 20480 linear /dev/cp 0"
at_exit "dmsetup remove --retry space 2>/dev/null"
run_ok dmsetup create p --table "0 8 replica-pool /dev/mp /dev/mapper/space 128 1 name=p"
element p a 8
element p b 8
scribble /dev/mapper/p-a 0 8 1
watch_events

full="COW space of pool p is full: grow its device or return a snapshot"

# SNAPSHOT: what is free goes to chunks that are written to it, which must be new.
fill_up() {
	local free at=0
	while free=$(($(cow_chunks p) - $(cow_used p))) && [ "$free" -gt 0 ]; do
		run_ok dd if=/dev/urandom of="/dev/mapper/p-$1" bs=64k seek=$at count=$free \
			oflag=direct status=none
		at=$((at + free))
	done
}

# What is said of x while it waits, and of its job.
says() { replctl show p/x | grep -q "ErrorText *$1" && replctl job show "p/$job" | grep -q "ErrorDescription *$1"; }
waits() { [ "$(sync_field p-a x state/progress)" = unsynchronized/pending ]; }
silent() { ! replctl show p/x | grep -q COW && ! replctl job show "p/$job" | grep -q COW; }

# It begins, and finds no room.
restore_waits() {
	kernel_mark
	modify p restore-from-replica x force
	job=${answer#*job=}
	wait_until 60 waits || fail "$1: it does not say that it waits: $(dmsetup status p-a)"
	says "$full" || fail "$1: no reason: $(replctl show p/x; replctl job show "p/$job")"
	kernel_said "$full" || fail "$1: no reason in the kernel log"
	replctl job show "p/$job" | grep -q 'JobState *Running' || fail "$1: $(replctl job show "p/$job")"
	assert_shows /dev/mapper/p-a "$DRP_TMP/x"
	assert_shows /dev/mapper/p-x "$DRP_TMP/x"
	ok "$1: the restore says that COW space is full, and what helps"
}

# What overwrites something that must be kept fails, and harms nobody.
host_write_fails() {
	! dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=120 count=1 oflag=direct 2>"$DRP_TMP/dd" ||
		fail "$1: a host's write went where nothing could be kept"
	assert_match "$(cat "$DRP_TMP/dd")" "No space left" "$1: a host's write"
	assert_shows /dev/mapper/p-a "$DRP_TMP/x"
}

# The others, by what was kept of them.
restored() {
	local name
	wait_state p-a x restored
	assert_progress x restored completed "$1"
	silent || fail "$1: an old reason: $(replctl show p/x; replctl job show "p/$job")"
	replctl job show "p/$job" | grep -q 'JobState *Completed' || fail "$1: $(replctl job show "p/$job")"
	shows /dev/da "$DRP_TMP/x" || fail "$1: the source is not what the snapshot was"
	for name in "${@:2}"; do
		assert_shows "/dev/mapper/p-$name" "$DRP_TMP/$name"
	done
}

snapshot p a x
scribble /dev/mapper/p-a 0 2 2
keep /dev/mapper/p-a "$DRP_TMP/new"
snapshot p a new failed_copy_stops_host_io=yes
run_ok dd if=/dev/urandom of=/dev/mapper/p-x bs=64k seek=64 count=16 oflag=direct status=none
keep /dev/mapper/p-x "$DRP_TMP/x"
snapshot p b other
scribble /dev/mapper/p-b 0 4 3
fill_up other
restore_waits "one that must stay"
replctl show p/x --json | grep -q "\"ErrorText\": *\"$full\"" || fail "$(replctl show p/x --json)"
replctl status | grep -q "p/x .*$full" || fail "no advice: $(replctl status)"
! replctl job wait "p/$job" --timeout 1 2>"$DRP_TMP/wait" || fail "a job that waits has ended"
grep -q "waits: $full" "$DRP_TMP/wait" || fail "who waits is told: $(cat "$DRP_TMP/wait")"
ok "so do JSON, replctl status and replctl job wait"
host_write_fails "one that must stay"
assert_shows /dev/mapper/p-new "$DRP_TMP/new"
assert_state p-b other skewed
ok "a host's write that would have to be preserved fails, reads go on"
return_snapshot p other
restored "a snapshot is returned" new x
ok "it goes on by itself when another snapshot is returned"
grep -q "\"ProgressStatus\": *{*[^}]*Pending.*$full\|\"Message\": *\"$full\"" "$DRP_TMP/events" ||
	fail "no event: $(grep -v Progress "$DRP_TMP/events" | tail -n 5)"
ok "there was an event that says why"

# All of it is kept for new: what hosts write there needs no room.
scribble /dev/mapper/p-a 0 1 4
keep /dev/mapper/p-a "$DRP_TMP/late"
snapshot p a late failed_copy_stops_host_io=yes
snapshot p b other
fill_up other
restore_waits "another one that must stay"
host_write_fails "another one that must stay"
modify p suspend x
assert_progress x suspended dormant
silent || fail "suspended: $(replctl show p/x; replctl job show "p/$job")"
modify p resume x
wait_until 60 waits || fail "it does not say that it waits after Resume: $(dmsetup status p-a)"
modify p abort x force
assert_state p-a x broken
silent || fail "aborted: $(replctl show p/x; replctl job show "p/$job")"
assert_shows /dev/mapper/p-a "$DRP_TMP/x"
restore_waits "again, after Suspend, Resume and Abort"
run_ok dmsetup load space --table "0 32768 linear /dev/cp 0"
run_ok dmsetup resume space
run_ok dmsetup suspend p
run_ok dmsetup resume p
restored "COW space has grown" new late x
assert_state p-b other skewed
ok "it goes on by itself when COW space has grown"

scribble /dev/mapper/p-a 0 1 5
snapshot p a soft
snapshot p b filler
fill_up filler
modify p restore-from-replica x force
job=${answer#*job=}
restored "one that need not stay" new late x
assert_state p-a soft broken
assert_state p-b filler skewed
ok "a snapshot that need not stay goes for it, and nobody else"
pool_deactivate p
