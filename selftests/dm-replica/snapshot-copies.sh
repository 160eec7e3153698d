#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: copies into an element that has snapshots preserve first: mirrors, resync, restore, failback, clones
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 400
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl fio
replica_setup
CHUNK_SECTORS=32
cow_pool_create p 96
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
scribble /dev/mapper/p-b 0 16 2

declare -A snapshots=()
# SOURCE NAME: a snapshot and what it must show for ever.
snap() {
	keep "/dev/mapper/p-$1" "$DRP_TMP/$2"
	snapshot p "$1" "$2"
	snapshots[$2]=$1
}
all_show() {
	local x
	for x in "${!snapshots[@]}"; do
		assert_shows "/dev/mapper/p-$x" "$DRP_TMP/$x"
	done
}
# SEED DEVICE: scattered writes, smaller and larger than chunks and regions.
scatter() {
	run_ok fio --name=w --filename="$2" --rw=randwrite --bsrange=4k-64k --size=16m --io_size=3m \
		--numjobs=2 --thread --direct=1 --ioengine=psync --randseed="$1"
}

snap b before
mirror p a b
wait_state p-a ab synchronized
assert_same da db
all_show
ok "the first copy of a mirror overwrites a target that has a snapshot"

snap a a1
snap b b1
scatter 1 /dev/mapper/p-a
assert_same da db
all_show
ok "mirrored writes, with snapshots of both sides"

modify p split ab
snap b b2
scatter 2 /dev/mapper/p-a
scatter 3 /dev/mapper/p-b
snap b b3
modify p resync-replica ab force
wait_state p-a ab synchronized
assert_same da db
all_show
ok "a resync overwrites what the target had, its snapshots keep it"

modify p split ab
scatter 4 /dev/mapper/p-a
scatter 5 /dev/mapper/p-b
snap a a2
keep /dev/mapper/p-b "$DRP_TMP/target"
modify p restore-from-replica ab force rate_limit=1
assert_shows /dev/mapper/p-a "$DRP_TMP/target"
scatter 6 /dev/mapper/p-a
all_show
accepted p set "sync:${sync_id[ab]}" rate_limit=0
wait_until 60 eval 'sync_field p-a ab state | grep -q "restored\|mixed\|split\|synchronized"' || fail "the restore does not end: $(dmsetup status p-a)"
wait_until 60 eval '! sync_field p-a ab state | grep -q unsynchronized'
all_show
ok "a restore of the source with a host that writes it, its snapshots keep what it was"

pool_restart p
all_show
ok "all of them after an activation"

modify p resync-replica ab force
wait_state p-a ab synchronized
modify p failover ab
scatter 7 /dev/mapper/p-b
snap a a3
modify p failback ab
wait_state p-a ab synchronized
assert_same da db
all_show
ok "a failback brings the changes back, the source's snapshots keep what it was"
modify p detach ab

scatter 8 /dev/mapper/p-a
keep /dev/mapper/p-a "$DRP_TMP/origin"
next_id
refused_message "bad state" p create_sync "$id" clone "${element_id[p/a]}" "${element_id[p/b]}"
for x in "${!snapshots[@]}"; do
	[ "${snapshots[$x]}" = b ] || continue
	return_snapshot p "$x"
	unset "snapshots[$x]"
done
snapshot p b loose
modify p dissolve loose
next_id
refused_message "bad state" p create_sync "$id" clone "${element_id[p/a]}" "${element_id[p/b]}"
element_remove_device p loose
accepted p delete_element "${element_id[p/loose]}"
accepted p delete_aspect "$(aspect_of p loose)"
forget_snapshot p loose
ok "a clone is not copied to what has snapshots, dissolved or not: it is refused"

clone p a b rate_limit=1
assert_shows /dev/mapper/p-b "$DRP_TMP/origin"
next_id
refused_message "bad state" p create_sync "$id" snapshot "${element_id[p/b]}" $((id + 5)) target_name=half
scatter 9 /dev/mapper/p-a
scatter 10 /dev/mapper/p-b
snap a a4
all_show
accepted p set "sync:${sync_id[ab]}" rate_limit=0
wait_until 60 eval '! sync_field p-a ab state | grep -q unsynchronized'
all_show
snap b b4
scatter 11 /dev/mapper/p-b
scatter 12 /dev/mapper/p-a
all_show
refused "bad state" p resync-replica ab force
refused "bad state" p resync-replica ab force dry_run
all_show
ok "a clone is filled while its source gets snapshots; half copied it has none itself, copied it can"

for x in "${!snapshots[@]}"; do
	return_snapshot p "$x"
done
wait_until 60 cow_uses p 0 || fail "$(cow_used p) chunks stay in use"
ok "all space comes back"
