#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: Restore and Failback ask for Force when the source changed or the target is a mix, and refuse elements in use
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
need replctl
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-a ab synchronized

# ELEMENT: hold its device as a file system does; nobody does after let_go.
hold() {
	python3 -c '
import os, sys, time
os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)
print("held", flush=True)
time.sleep(600)' "/dev/mapper/p-$1" >"$DRP_TMP/held" &
	holder=$!
	at_exit "kill $holder 2>/dev/null"
	wait_until 20 grep -q held "$DRP_TMP/held" || fail "nobody holds p-$1"
}

let_go() {
	kill $holder
	wait $holder 2>/dev/null
}

# OPERATION STATE ELEMENT...: In Use while one of them is held.
in_use() {
	local op=$1 state=$2 e
	shift 2
	for e; do
		hold "$e"
		refused "busy" p "$op" ab
		refused "busy" p "$op" ab dry_run
		assert_state p-a ab "$state"
		modify p "$op" ab in_use=ignore dry_run
		let_go
	done
	ok "$op: In Use while one of $* is held"
}

# The line that a dry run prints has the amount: what is in $1, in MiB.
dry_run_says() {
	replctl "$1" ab --force --dry-run >"$DRP_TMP/dry" 2>&1 ||
		fail "a dry run of $1 failed: $(<"$DRP_TMP/dry")"
	grep -qE "$2" "$DRP_TMP/dry" || fail "a dry run of $1 does not say '$2': $(<"$DRP_TMP/dry")"
	ok "a dry run of $1 says '$2'"
}

# The same of a refusal for want of Force.
refusal_says() {
	! replctl "$1" ab >"$DRP_TMP/refusal" 2>&1 || fail "$1 was accepted without Force"
	grep -qE "Force Required.*$2" "$DRP_TMP/refusal" ||
		fail "the refusal of $1 does not say '$2': $(<"$DRP_TMP/refusal")"
	ok "the refusal of $1 says '$2'"
}

# OPERATION STATE
leads_to() {
	replctl capabilities ab | grep -E "^$1 " >"$DRP_TMP/cap"
	grep -q "$2" "$DRP_TMP/cap" || fail "capabilities: $1 does not lead to $2: $(<"$DRP_TMP/cap")"
}

in_use reverse-roles synchronized a
modify p split ab
scribble /dev/mapper/p-b 0 4 2
in_use restore-from-replica split a b
# A change that is nowhere but in the page cache; a close would write it.
exec 8<>/dev/mapper/p-a
at_exit "exec 8>&-"
printf changed >&8
refused "canceled" p restore-from-replica ab dry_run
refused "canceled" p restore-from-replica ab
refusal_says restore-from-replica 'MiB differ at most, its newest change is [0-9]+ s old'
dry_run_says restore-from-replica 'b would overwrite a: [0-9]+ MiB at most'
dry_run_says restore-from-replica 'newest change is [0-9]+ s old'
assert_state p-a ab split
shadow take mapper/p-b target
hold a
dry_run_says restore-from-replica '; a is in use'
modify p restore-from-replica ab force rate_limit=$SLOW
let_go
modify p suspend ab
dry_run_says resume 'b would go on overwriting a: [0-9]+ MiB at most are left$'
dry_run_says failback 'b would go on .*; at its end b gets what hosts write to a'
leads_to Resume Restored
rate ab 0
modify p resume ab
wait_state p-a ab restored
exec 8>&-
medium_is da target
ok "Restore over changes of the source wants Force"

modify p resync-replica ab
wait_state p-a ab synchronized
in_use failover synchronized a
modify p failover ab
in_use failback failedover a b
shadow write mapper/p-b target count=20
modify p failback ab
wait_state p-a ab synchronized
assert_same da db
medium_is da target

# A failover that loses something: the source has writes that the target lacks.
modify p suspend ab
shadow write mapper/p-a none seed=2 count=20
refused "canceled" p failover ab
assert_state p-a ab suspended
refusal_says failover '[1-9][0-9]* MiB differ at most, its newest change is [0-9]+ s old'
dry_run_says failover '[0-9]+ MiB differ, its newest change is [0-9]+ s old; Force consents'
modify p failover ab force
assert_progress ab failedover completed
medium_is db target
ok "Failover to a target that lags wants Force"
shadow write mapper/p-b target seed=3 count=20
refused "canceled" p failback ab
refused "canceled" p failback ab dry_run
assert_state p-a ab failedover
refusal_says failback '[1-9][0-9]* MiB differ at most, its newest change is [0-9]+ s old'
modify p failback ab force rate_limit=$SLOW
modify p suspend ab
leads_to Resume Synchronized
rate ab 0
modify p resume ab
wait_state p-a ab synchronized
medium_is da target
assert_same da db
ok "Failback over the source's last writes wants Force"

# A target that is a mix of two moments.
modify p split ab
scribble /dev/mapper/p-a 0 16 3
modify p resync-replica ab rate_limit=$SLOW
refused "canceled" p failover ab
modify p fracture ab force
refused "canceled" p restore-from-replica ab
assert_state p-a ab fractured
ok "a mix is neither failed over to nor restored from without Force"
rate ab 0
modify p resync-replica ab
wait_state p-a ab synchronized

# The moment of a change is not in the metadata.
modify p split ab
scribble /dev/mapper/p-a 0 1 4
pool_restart p
refusal_says restore-from-replica \
	'MiB differ at most, its newest change is more than [0-9]+ s old \(older than the activation\)'
scribble /dev/mapper/p-a 1 1 5
refusal_says restore-from-replica 'its newest change is [0-9]+ s old\)'
