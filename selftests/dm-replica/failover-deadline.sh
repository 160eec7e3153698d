#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a planned failover that cannot end in time answers Timeout and has not happened, also after a power failure
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-a ab synchronized

# SEEK: a write of the source that must succeed within half a minute.
write_at() {
	run_ok timeout 30 dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek="$1" count=1 \
		oflag=direct status=none
}

write_at 1
simdisk_set db hang 1
dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=2 count=1 oflag=direct status=none &
writer=$!
sleep 0.5
refused "timed out" p failover ab deadline_ms=1500
assert_state p-a ab synchronized
assert_eq "$(host_access p-a)" write "the source's access"
assert_eq "$(host_access p-b)" read "the target's access"
ok "a write that hangs in the target: Timeout, still Synchronized"
simdisk_set db hang 0
wait $writer || fail "the write that hung failed"
write_at 3
assert_same da db
assert_eq "$(blockdev --getro /dev/mapper/p-a)" 0 "blockdev --getro of the source"

simdisk_set mp hang 1
dmsetup message p 0 modify failover "${sync_id[ab]}" deadline_ms=1000 >/dev/null 2>&1
sleep 3
simdisk_power_fail 5 keep
simdisk_set mp hang 0
sleep 1
power_is_back a b
wait_state p-a ab synchronized
assert_access p-a write "after a power failure"
assert_access p-b read "after a power failure"
ok "after a power failure while the journal hung it has not happened either"
is_failing_over() { [ "$(sync_field p-a ab state/progress)" = synchronized/failing-over ]; }
simdisk_set db hang 1
run_ok dmsetup message p 0 modify failover "${sync_id[ab]}" deadline_ms=60000
wait_until 30 is_failing_over || fail "it never says Failing over: $(dmsetup status p-a)"
simdisk_set db hang 0
wait_state p-a ab failedover
assert_progress ab failedover completed
assert_access p-a read "Failedover"
assert_access p-b write "Failedover"
ok "and can be done afterwards; as long as it waits it is Failing over"
modify p failback ab
wait_state p-a ab synchronized

# A restore that ends before it begins, while a write of the source hangs.
modify p split ab
scribble /dev/mapper/p-b 0 2 5
shadow take mapper/p-b target
simdisk_set da hang 1
dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=100 count=1 oflag=direct status=none &
writer=$!
is_noted() { [[ $(sync_field p-a ab flags) == *S* ]]; }
wait_until 60 is_noted || fail "the write is not noted: $(dmsetup status p-a)"
sleep 0.5
refused "timed out" p restore-from-replica ab force deadline_ms=1000
assert_state p-a ab split
simdisk_set da hang 0
wait $writer || fail "the write that hung failed"
write_at 101
modify p restore-from-replica ab force
wait_state p-a ab restored
medium_is da target
ok "a restore that timed out leaves nothing behind, and can be done afterwards"
