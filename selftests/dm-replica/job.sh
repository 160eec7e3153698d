#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: jobs: progress, suspend, resume, terminate, and what stays of them
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 150
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need replctl
pool_create p
element p a 64
element p b 64
scribble /dev/mapper/p-a 0 64 1

# JOB KEY: a line of replctl job show.
job() { replctl job show "p/$1" | sed -n "s/^$2  *//p"; }
job_is() { [ "$(job "$1" JobState)" = "$2" ]; }
# Of the last answer, in $id.
job_of() {
	[[ $answer =~ job=([0-9]+) ]] || fail "no job in '$answer'"
	id=${BASH_REMATCH[1]}
}

mirror p a b rate_limit=8M
job_of
job1=$id
assert_eq "$(job "$job1" Synchronization)" ab "the job's sync"
last=-1 seen=0
for ((i = 0; i < 100; i++)); do
	percent=$(job "$job1" PercentComplete)
	percent=${percent%\%}
	[ "$percent" -ge "$last" ] || fail "percent went from $last to $percent"
	if [ "$percent" -gt 0 ] && [ "$percent" -lt 100 ] && [ "$percent" -ne "$last" ]; then
		seen=$((seen + 1))
	fi
	last=$percent
	! job_is "$job1" Completed || break
	sleep 0.3
done
assert_eq "$(job "$job1" JobState)" Completed "the job's end"
assert_eq "$(job "$job1" PercentComplete)" 100% "percent at the end"
[ $seen -ge 2 ] || fail "no percentage between 0 and 100 was ever shown"
ok "percent grows from 0 to 100 ($seen values between)"
assert_match "$(replctl job show "p/$job1" --json)" "\"BytesDone\": $((64 << 20))," "bytes"
ok "bytes are exact"

modify p split ab
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=1M seek=8 count=32 oflag=direct status=none
modify p resync-replica ab rate_limit=1M
job_of
job2=$id
[ "$job2" -gt "$job1" ] || fail "job $job2 is not newer than $job1"
accepted p job "$job2" suspend
assert_eq "$(job "$job2" JobState)" Suspended "state"
assert_state p-a ab suspended
ok "a job is suspended"
accepted p job "$job2" resume
assert_eq "$(job "$job2" JobState)" Running "state"
assert_state p-a ab unsynchronized
ok "and resumed"
accepted p job "$job2" terminate
assert_eq "$(job "$job2" JobState)" Terminated "state"
assert_state p-a ab aborted
refused_message "bad state" p job "$job2" terminate
refused_message "No such file" p job 99999 suspend
ok "and terminated; one that has ended cannot be changed"

modify p resync-replica ab rate_limit=1M
job_of
job3=$id
simdisk_set db offline 1
wait_until 30 job_is "$job3" Exception || fail "no exception: $(replctl job show "p/$job3")"
[ "$(job "$job3" ErrorCode)" != "Completed with No Error" ] || fail "no error code"
[ -n "$(job "$job3" ErrorDescription)" ] || fail "no error text"
simdisk_set db offline 0
accepted p set "sync:${sync_id[ab]}" rate_limit=0
wait_state p-a ab synchronized
assert_same da db
ok "a job whose copy fails ends with an exception and says why"

for j in "$job1" "$job2" "$job3"; do
	[ -n "$(job "$j" EndTime)$(job "$j" TimeEnded)" ] || fail "job $j has no end: $(replctl job show "p/$j")"
done
ok "jobs stay after their end"

pool_restart p
modify p split ab
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=1M seek=8 count=1 oflag=direct status=none
modify p resync-replica ab
job_of
[ "$id" -gt "$job3" ] || fail "job id $id was used before the restart"
ok "job ids are never used again"
