#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: several writers fill COW space again and again while snapshots come and go: nothing hangs, all space comes back
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# GROUP: parallel
# VM: --cpus 2
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl fio
replica_setup

# A hang is for the kernel to explain.
(
	sleep $((200 * ${DRP_SLOW:-1}))
	echo w >/proc/sysrq-trigger
) &
at_exit "kill $! 2>/dev/null"

# SEED: four writers of each element, at random, with blocks smaller and larger than chunks.
start_writers() {
	local e
	writers=()
	for e in a b; do
		fio --name=w --filename="/dev/mapper/p-$e" --rw=randwrite --bsrange=4k-128k --size=16m \
			--io_size=4m --numjobs=4 --thread --direct=1 --ioengine=psync \
			--randseed="$1" >"$DRP_TMP/fio$e" 2>&1 &
		writers+=($!)
	done
}

# Snapshots come and go under the writers, and may break at any moment.
change_snapshots() {
	local e
	for e in a b; do
		return_snapshot p "second$e"
		snapshot p $e "third$e"
		message p modify resync-replica "${sync_id[first$e]}" force
		message p modify resync-replica "${sync_id[third$e]}" force
	done
}

# With the snapshots that are left: no place belongs to two of them.
check_index() {
	local e
	pool_deactivate p
	run_ok replctl pool check /dev/mp
	pool_activate p
	for e in a b firsta firstb thirda thirdb; do
		element_attach p $e
	done
}

# CHUNK-SECTORS ROUNDS
fill_again_and_again() {
	local round e pid
	CHUNK_SECTORS=$1
	cow_pool_create p 4 channels=2
	element p a 16
	element p b 16
	for round in $(seq "$2"); do
		for e in a b; do
			snapshot p $e "first$e"
			snapshot p $e "second$e" copy_priority=low
		done
		start_writers "$round"
		change_snapshots
		for pid in "${writers[@]}"; do
			wait "$pid" || fail "a writer failed: $(tail -n 5 "$DRP_TMP"/fio?)"
		done
		kernel_said "is lost" || fail "round $round: nothing was lost, so space was not full"
		check_index
		for e in a b; do
			return_snapshot p "first$e"
			return_snapshot p "third$e"
		done
	done
	wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay in use"
	replica_remove_all
	unset 'element_id[p/a]' 'element_id[p/b]'
}

fill_again_and_again 8 3
ok "chunks of 4 KiB: full three times, all space is back"
fill_again_and_again 128 3
ok "chunks of 64 KiB: full three times, all space is back"
