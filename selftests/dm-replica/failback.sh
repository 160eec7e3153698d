#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a failback copies only what changed, the source is usable at once, what hosts write there reaches the target
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
element p a 64
element p b 64
scribble /dev/mapper/p-a 0 64 1
mirror p a b
wait_state p-a ab synchronized

modify p failover ab
shadow take mapper/p-b content
# 1 %: 160 regions of 4 KiB, distinct ones.
shadow write mapper/p-b content count=160 min=8 max=8 align=8
changed=$(($(sync_field p-a ab dirty) * 512))
[ $changed -ge $((130 * 4096)) ] && [ $changed -le $((160 * 4096)) ] ||
	fail "$changed bytes are marked after 160 writes of 4096"
simdisk_reset_stats da db
modify p failback ab
wait_state p-a ab synchronized
copied=$(bytes_written da)
[ "$copied" -ge $changed ] && [ "$copied" -le $((changed + changed / 20)) ] ||
	fail "$copied bytes were written to the source's disk, $changed had changed"
assert_eq "$(bytes_written db)" 0 "bytes written to the target's disk"
assert_same da db
medium_is da content
assert_access p-a write Synchronized
assert_access p-b read Synchronized
ok "$copied bytes copied for $changed that changed of $((64 << 20))"

# Usable at once, with the copy as good as standing still.
modify p failover ab
scribble /dev/mapper/p-b 8 40 2
shadow take mapper/p-b content
model_copy content target
modify p failback ab rate_limit=$SLOW
assert_progress ab unsynchronized failing-back
assert_access p-a write "failing back"
assert_access p-b read "failing back"
shadow compare mapper/p-a content
shadow mix mapper/p-a content count=100 max=64 procs=2 zeroes=1
shadow compare mapper/p-a content
medium_is db target
ok "the source shows everything and takes writes, the target stays as it was"

refused "canceled" p abort ab
modify p suspend ab
assert_progress ab suspended dormant
shadow mix mapper/p-a content seed=2 count=50 max=64
shadow compare mapper/p-a content
modify p failback ab
assert_progress ab unsynchronized failing-back "done again"
modify p abort ab force
assert_state p-a ab broken
shadow mix mapper/p-a content seed=3 count=50 max=64
refused "bad state" p failover ab
modify p failback ab
assert_progress ab unsynchronized failing-back "done again after Abort"
pool_restart p
assert_progress ab unsynchronized failing-back "after a restart"
shadow compare mapper/p-a content
ok "suspended, aborted, done again, restarted: nothing changes for the host"

rate ab 0
shadow mix mapper/p-a content seed=4 count=100 max=64 procs=2
wait_state p-a ab synchronized
assert_progress ab synchronized completed
assert_same da db
medium_is db content
shadow write mapper/p-a content seed=5 count=20
medium_is db content
ok "the host's writes reach the target, the mirror is Synchronized"
