#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a split that cannot end in time answers Timeout, I/O goes on, nothing changed
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 180
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 32
element p b 32
scribble /dev/mapper/p-a 0 32 1
mirror p a b
wait_state p-a ab synchronized

# SEEK [FLAGS]: a write that must succeed within half a minute.
write_at() {
	run_ok timeout 30 dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek="$1" count=1 \
		oflag="direct${2:-}" status=none
}

write_at 1
simdisk_set db hang 1
dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=2 count=1 oflag=direct status=none &
writer=$!
sleep 0.5
start=$SECONDS
refused "timed out" p split ab deadline_ms=1500
[ $((SECONDS - start)) -le 30 ] || fail "it took $((SECONDS - start)) s"
assert_state p-a ab synchronized
run_ok timeout 30 dd if=/dev/mapper/p-a of=/dev/null bs=4k skip=100 count=1 iflag=direct
ok "a write that hangs in the target: Timeout, still Synchronized, reads go on"
simdisk_set db hang 0
wait $writer || fail "the write that hung failed"
write_at 3
wait_state p-a ab synchronized
assert_same da db
modify p split ab
assert_state p-a ab split
modify p resync-replica ab
wait_state p-a ab synchronized
ok "afterwards a split is possible"

# Of the journal's write nobody knows when it ends: the answer may wait for it.
write_at 4
simdisk_set mp hang 1
dmsetup message p 0 modify split "${sync_id[ab]}" deadline_ms=1500 >"$DRP_TMP/split" 2>&1 &
sleep 4
write_at 4
assert_state p-a ab synchronized
assert_eq "$(host_access p-b)" read "the target's access"
ok "the journal hangs: writes go on after the deadline, still Synchronized"
simdisk_set mp hang 0
wait
[[ $(<"$DRP_TMP/split") =~ job=([0-9]+) ]] || fail "the split answered '$(<"$DRP_TMP/split")'"
job=${BASH_REMATCH[1]}
wait_until 30 job_is_settled p "$job" || fail "job $job does not end"
assert_match "$(job_summary p "$job")" "^Exception - Timeout " "the job's end"
assert_state p-a ab synchronized
write_at 6
assert_same da db
ok "and the answer was Timeout"

write_at 7
simdisk_set mp hang 1
dmsetup message p 0 modify split "${sync_id[ab]}" deadline_ms=1000 >/dev/null 2>&1
sleep 3
write_at 7 ,dsync
# What the journal's write may have left behind survives: the worst case.
simdisk_power_fail 5 keep
simdisk_set mp hang 0
sleep 1
for dev in p-a p-b p; do
	run_ok dmsetup remove --retry $dev
done
simdisk_rearm
pool_activate p
element_attach p a
element_attach p b
wait_state p-a ab synchronized
assert_same da db
assert_eq "$(host_access p-b)" read "the target's access"
ok "after a power failure at that moment it has not happened either"
