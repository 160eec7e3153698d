#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a job whose metadata cannot be written ends with an exception, before its copy began and at its end
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 90
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need replctl
pool_create p
element p a 16
element p b 16
mirror p a b
wait_state p-a ab synchronized
modify p split ab

# JOB
ends_with_exception() {
	wait_until 30 eval "[[ \$(job_summary p $1) == Exception* ]]" ||
		fail "job $1 does not end: $(replctl job show "p/$1")"
}

# Fails after the answer: the job is the request's when the copy takes it.
simdisk_set mp write_us 300000
simdisk_set mp fua_us 300000
simdisk_set mp fail_writes 1
answer=$(dmsetup message p 0 modify resync-replica "${sync_id[ab]}")
[[ $answer =~ ^4096\ job=([0-9]+) ]] || fail "no job in '$answer'"
ends_with_exception "${BASH_REMATCH[1]}"
ok "the commit of a copy's start fails: an exception"

simdisk_set mp fail_writes 0
simdisk_set mp write_us 0
simdisk_set mp fua_us 0
pool_restart p
assert_state p-a ab split
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=1M count=8 oflag=direct status=none
modify p resync-replica ab rate_limit=64K
[[ $answer =~ job=([0-9]+) ]] || fail "no job in '$answer'"
job=${BASH_REMATCH[1]}
# The copy of what is left ends, its record cannot be written.
simdisk_set mp fail_writes 1
simdisk_set db offline 1
ends_with_exception "$job"
ok "a copy that fails and cannot be recorded: an exception"
simdisk_set mp fail_writes 0
simdisk_set db offline 0
pool_restart p
wait_state p-a ab unsynchronized
ok "after an activation it goes on"
