#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a pool that is suspended while a clone is half copied, or a snapshot is used: hosts wait, however long, and go on
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 300
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

replica_setup
cow_pool_create p 64
element p b 16
element p a 16
scribble /dev/mapper/p-a 0 16 1
snapshot p a x
scribble /dev/mapper/p-a 4 4 2
shadow take mapper/p-a source
model_copy source target
shadow take mapper/p-x snapshot
clone p a b rate_limit=$SLOW

declare -A host_of=([a]=source [b]=target [x]=snapshot)
hosts=()
for side in a b x; do
	python3 "$DRP_TOP/selftests/lib/shadow.py" mix /dev/mapper/p-$side "$DRP_TMP/${host_of[$side]}" \
		seed=3 count=100000 max=32 procs=2 >"$DRP_TMP/mix-$side" 2>&1 &
	hosts+=($!)
done

all_go_on() {
	local pid
	for pid in "${hosts[@]}"; do
		kill -0 "$pid" || fail "$1: a host failed: $(tail -qn 2 "$DRP_TMP"/mix-?)"
	done
}

# Longer than I/O waits for a leg that stays away.
for round in 1 2; do
	sleep 1
	all_go_on "before round $round"
	run_ok dmsetup suspend p
	sleep 7
	all_go_on "while the pool is suspended"
	run_ok dmsetup resume p
	for disk in a b; do
		before=$(simdisk_stat d$disk writes)
		wait_until 30 eval "[ \$(simdisk_stat d$disk writes) -gt $((before + 10)) ]" ||
			fail "the hosts of $disk stand still after the pool was resumed"
	done
	all_go_on "after round $round"
	assert_progress ab unsynchronized synchronizing "round $round"
	ok "round $round: hosts of the clone, its source and a snapshot waited and went on"
done
for pid in "${hosts[@]}"; do
	pkill -P "$pid"
	wait "$pid"
done
! grep -q . "$DRP_TMP"/mix-? || fail "the hosts: $(tail -qn 2 "$DRP_TMP"/mix-?)"
rate ab 0
wait_until 60 eval '! sync_field p-a ab state | grep -q unsynchronized' || fail "the clone does not end"
assert_state p-x x skewed
ok "the clone ends as if nothing had been"
