#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a pool is suspended while a restore and a mirror run below hosts: I/O waits, nothing fails, no state changes
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
# Targets have the lower ids, and come first wherever ids decide.
element p c 16
element p b 16
element p a 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
mirror p a c
wait_state p-a ab synchronized
wait_state p-a ac synchronized
modify p split ab
scribble /dev/mapper/p-b 0 16 2
shadow take mapper/p-b source
modify p restore-from-replica ab force rate_limit=$SLOW

python3 "$DRP_TOP/selftests/lib/shadow.py" mix /dev/mapper/p-a "$DRP_TMP/source" seed=3 \
	count=100000 max=32 last=16384 procs=2 >"$DRP_TMP/mix" 2>&1 &
hosts=$!

# Longer than I/O waits for a leg that stays away.
for round in 1 2; do
	sleep 1
	kill -0 $hosts || fail "the hosts ended: $(tail -n 2 "$DRP_TMP/mix")"
	run_ok dmsetup suspend p
	sleep 7
	kill -0 $hosts || fail "a host failed while the pool was suspended: $(tail -n 2 "$DRP_TMP/mix")"
	run_ok dmsetup resume p
	before=$(simdisk_stat da writes)
	wait_until 30 eval "[ \$(simdisk_stat da writes) -gt $((before + 10)) ]" ||
		fail "the hosts stand still after the pool was resumed"
	assert_progress ab unsynchronized restoring "round $round"
	ok "round $round: the hosts waited and went on"
done
pkill -P $hosts
wait $hosts
! grep -q . "$DRP_TMP/mix" || fail "the hosts: $(tail -n 2 "$DRP_TMP/mix")"
[ "$(sync_field p-a ac state)" != partitioned ] || fail "the mirror was given up: $(dmsetup status p-a)"
rate ab 0
wait_state p-a ab restored
wait_state p-a ac synchronized
assert_same da dc
ok "the restore and the mirror end as if nothing had been"
