#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a request that takes long answers with a job that tells all about it
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 90
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need replctl
pool_create p
element p a 32
element p b 32
scribble /dev/mapper/p-a 0 32 1
mirror p a b
wait_state p-a ab synchronized
modify p split ab
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=1M seek=1 count=16 oflag=direct status=none
accepted p set "sync:${sync_id[ab]}" rate_limit=64K

# A write of the target that hangs keeps the resync waiting before it copies.
simdisk_set db hang 1
dd if=/dev/zero of=/dev/mapper/p-b bs=4k count=1 oflag=direct status=none &
writer=$!
sleep 0.5
answer=$(dmsetup message p 0 modify resync-replica "${sync_id[ab]}")
[[ $answer =~ ^4096\ job=([0-9]+) ]] || fail "no job in '$answer'"
id=${BASH_REMATCH[1]}
ok "it answers with a job"
simdisk_set db hang 0
wait $writer || fail "the write that hung failed"
wait_state p-a ab unsynchronized
assert_eq "$(job_summary p "$id" | cut -d ' ' -f 2)" ab "the sync of the copy's job"
ok "the job that became a copy's knows its sync"
accepted p job "$id" terminate
wait_state p-a ab aborted
ok "and can be terminated"

# Commits that take longer than a request waits for its answer.
simdisk_set mp write_us 400000
simdisk_set mp fua_us 400000
answer=$(dmsetup message p 0 modify detach "${sync_id[ab]}" force)
simdisk_set mp write_us 0
simdisk_set mp fua_us 0
[[ $answer =~ ^4096\ job=([0-9]+) ]] || fail "no job in '$answer'"
wait_until 20 job_is_settled p "${BASH_REMATCH[1]}" || fail "the job does not end"
assert_match "$(job_summary p "${BASH_REMATCH[1]}")" "^Completed " "the job's end"
assert_eq "$(sync_field p-a ab state)" none "the sync"
ok "a slow detach is done when its job is"

mirror p a b
wait_state p-a ab synchronized
simdisk_set mp write_us 200000
simdisk_set mp fua_us 200000
run_ok replctl reverse-roles ab --wait-for-copy-state synchronized --json
cp "$DRP_TMP/stdout" "$DRP_TMP/json"
simdisk_set mp write_us 0
simdisk_set mp fua_us 0
assert_eq "$(sync_field p-a ab role)$(sync_field p-b ab role)" ts "roles of a and b after the wait"
job=$(python3 -c '
import json, sys
answer = json.load(open(sys.argv[1]))
assert answer["ReturnValue"]["value"] == 4096, answer
assert answer["UpdatedSynchronization"] == int(sys.argv[2]), answer
print(answer["Job"])' "$DRP_TMP/json" "${sync_id[ab]}") || fail "the answer: $(<"$DRP_TMP/json")"
replctl job show "p/$job" | grep -qE "^UpdatedSynchronization +${sync_id[ab]}\$" ||
	fail "the job: $(replctl job show "p/$job")"
ok "a slow reversal tells the synchronization when it is done, not before"
