#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: requests get on while a dry run of a restore counts what differs
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 240
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl
replica_setup
cow_pool_create p 64
element p a 32
snapshot p a x
snapshot p a y
scribble /dev/mapper/p-x 0 32 1
# Then no node of the index is in memory.
pool_deactivate p
simdisk_set mp read_us 300000
pool_activate p
for name in a x y; do
	element_attach p $name
done

# OPERATION SYNC: only tried; the answer, a job's if it takes more than a moment.
try() { dmsetup message p 0 modify "$1" "${sync_id[$2]}" force dry_run; }

answer=$(try restore-from-replica x) || fail "the dry run is refused"
[[ $answer =~ ^4096\ job=([0-9]+) ]] || fail "the dry run is no job: $answer"
job=${BASH_REMATCH[1]}
for ((i = 0; i < 20; i++)); do
	[[ $(try deactivate y) == 4096* ]] || break
done
read -r state _ < <(job_summary p "$job")
assert_eq "$state" Running "the state of the dry run meanwhile"
[ $i -lt 20 ] || fail "others wait for the dry run"
simdisk_set mp read_us 0
ended() { read -r state _ < <(job_summary p "$job") && [ "$state" = Completed ]; }
wait_until 60 ended || fail "the dry run is $state"
modify p restore-from-replica x force dry_run
ok "others get on beside a dry run that takes long"
