#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a failover without the source: its disk fails, its device is gone, the mirror is suspended or broken
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
dev_of_sync=p-b
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-b ab synchronized
shadow take mapper/p-b content

# Back to Synchronized with the target's content.
back() {
	modify p failback ab "$@"
	wait_state p-b ab synchronized
	assert_same da db
	medium_is da content
}

# Force, if it asks for that.
failover_anyhow() {
	if ! message p modify failover "${sync_id[ab]}"; then
		assert_match "$answer" canceled "the refusal"
		modify p failover ab force
	fi
	assert_progress ab failedover completed
	assert_access p-b write Failedover
}

# The source's disk fails in the middle of its writers' work.
shadow_until mapper/p-a content max=32 procs=2 acked=1
sleep 1
simdisk_set da offline 1
shadow_ended
failover_anyhow
shadow settle mapper/p-b content procs=2
shadow write mapper/p-b content seed=2 count=50
ok "the source's disk fails: the target has what was acknowledged"
simdisk_set da offline 0
refused_or_done() { message p modify failback "${sync_id[ab]}" || modify p failback ab force; }
refused_or_done
wait_state p-b ab synchronized
assert_same da db
medium_is da content
ok "and goes back when the disk works again"

# The source's device goes.
shadow write mapper/p-a content seed=3 count=50
element_remove_device p a
modify p failover ab
assert_progress ab failedover completed
assert_access p-b write Failedover
shadow compare mapper/p-b content
shadow write mapper/p-b content seed=4 count=50
element_attach p a
assert_progress ab failedover completed "with the source attached again"
assert_access p-a read "attached again"
back
ok "the source's device is gone: no Force, nothing is lost; it comes back Failedover"

# The source is missing when the pool starts.
pool_deactivate p
pool_activate p
element_attach p b
modify p failover ab
assert_progress ab failedover completed
shadow compare mapper/p-b content
shadow write mapper/p-b content seed=5 count=50
element_attach p a
back
ok "the source is missing after a start: the same"

# The target has not got all: the amount is said, Force takes what is there.
modify p suspend ab
shadow write mapper/p-a lost seed=6 count=50 max=64
element_remove_device p a
refused "canceled" p failover ab
assert_progress ab suspended dormant
modify p failover ab force dry_run
assert_progress ab suspended dormant
modify p failover ab force
shadow compare mapper/p-b content
shadow write mapper/p-b content seed=7 count=50
element_attach p a
assert_match "$(sync_field p-b ab flags)" S "the flags"
refused "canceled" p failback ab
back force
ok "Suspended: Force to fail over, Force to overwrite the source's last writes"

# The target failed, then came back; the source fails after that.
simdisk_set db offline 1
shadow write mapper/p-a lost seed=8 count=50 max=64
wait_state p-b ab broken
element_remove_device p a
simdisk_set db offline 0
says_why() { replctl failover ab 2>&1 | tee "$DRP_TMP/refusal" | grep -q 'Force Required.*Broken because of: [a-z]'; }
wait_until 30 says_why || fail "the refusal does not say what broke it: $(<"$DRP_TMP/refusal")"
modify p failover ab force
assert_progress ab failedover completed
shadow take mapper/p-b content
shadow write mapper/p-b content seed=9 count=50
element_attach p a
back force
ok "Broken: likewise"

# The target fails the flush: what its cache may lose, the source may have alone.
simdisk_set db fail_flushes 1
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=8 count=4 oflag=direct status=none
element_remove_device p a
failover_anyhow
simdisk_set db fail_flushes 0
dirty=$(sync_field p-b ab dirty)
[ "$dirty" -ge 512 ] || fail "$dirty sectors marked: what was not flushed is not among them"
assert_match "$(sync_field p-b ab flags)" S "the flags"
shadow take mapper/p-b content
element_attach p a
refused "canceled" p failback ab
back force
ok "a target that cannot be flushed: what it may lack is marked, Failback wants Force"
