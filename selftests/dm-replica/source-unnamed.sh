#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: disks without identity=: an empty one in the place of either side of a mirror, or of a source that died while Failedover, is recognised by its content, the old one is too
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
run_ok simdisk_create mp 16
run_ok dmsetup create p --table "$(pool_table p name=p extent=256)"
element p a 16
element p b 16
# Nothing in the first MiB: the start of the disk alone would not tell.
scribble /dev/mapper/p-a 1 15 1
mirror p a b
wait_state p-b ab synchronized
dev_of_sync=p-b
# What a dying disk had in its cache is marked by extents: of none that was copied.
pool_restart p
wait_state p-b ab synchronized

# It dies, and with it what the kernel knew of its content.
dies() {
	simdisk_set "$1" offline 1
	element_remove_device p a
}

# DISK WHEN: an empty one in a's place.
replaced() {
	assert_progress ab failedover completed "$2"
	assert_eq "$(sync_field p-b ab dirty)" 32768 "sectors that may differ, $2"
	modify p failback ab
	wait_state p-b ab synchronized
	[ "$(bytes_written "$1")" -ge $((16 << 20)) ] || fail "$2: only $(bytes_written "$1") bytes were copied"
	assert_same "$1" db
	medium_is "$1" content
	ok "$2: an empty disk is not taken for the source"
}

modify p failover ab
shadow take mapper/p-b content
shadow write mapper/p-b content count=10 max=16 first=2048
dies da
simdisk_set da offline 0
simdisk_reset_stats da
element_attach p a
dirty=$(sync_field p-b ab dirty)
[ "$dirty" -lt 8192 ] || fail "$dirty sectors may differ from the disk that was there before"
modify p failback ab
wait_state p-b ab synchronized
[ "$(bytes_written da)" -lt $((8192 * 512)) ] || fail "$(bytes_written da) bytes were copied back"
assert_same da db
medium_is da content
ok "the old disk comes back: only the changes are copied"

modify p failover ab
shadow write mapper/p-b content seed=2 count=30 max=16 first=2048
dies da
run_ok simdisk_create dx 16
element_attach p a dx
replaced dx "the pool runs"

modify p failover ab
shadow write mapper/p-b content seed=3 count=30 max=16 first=2048
sync /dev/mapper/p-b
run_ok simdisk_create dy 16
simdisk_power_fail 7
dmsetup remove --retry p-a
power_is_back b
element_attach p a dy
replaced dy "the machine was gone"

# ---- a mirror that runs when the machine dies ----

# SEEK: with writes that nobody flushed; power_is_back ends that.
machine_dies() {
	run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek="$1" count=8 oflag=direct status=none
	simdisk_power_fail "$1"
	for dev in p-a p-b; do
		run_ok dmsetup remove --retry $dev
	done
}

# DISK OTHER-DISK WHAT: nobody knows which side is right, so nothing is overwritten.
is_invalid() {
	local before
	before=$(sha1sum <"/dev/$2")
	wait_state p-b ab invalid
	refused "canceled" p resync-replica ab
	[ "$(bytes_written "$1")" -eq 0 ] || fail "$3: something was written to the empty disk"
	assert_eq "$(sha1sum <"/dev/$2")" "$before" "$3: content of the other side"
	ok "$3: an empty disk in its place makes the mirror Invalid"
}

machine_dies 64
power_is_back b
element_attach p a dy
wait_state p-b ab synchronized
assert_same dy db
ok "the machine dies, both disks are the old ones: Synchronized again"

machine_dies 96
run_ok simdisk_create dz 16
power_is_back b
simdisk_reset_stats dz
element_attach p a dz
is_invalid dz db "the source's disk"

scribble /dev/mapper/p-a 1 15 5
modify p resync-replica ab force
wait_state p-b ab synchronized
pool_deactivate p
pool_activate p
element_attach p a dz
element_attach p b
wait_state p-b ab synchronized
machine_dies 128
run_ok simdisk_create dw 16
power_is_back
element_attach p a dz
simdisk_reset_stats dw
element_attach p b dw
is_invalid dw dz "the target's disk"
