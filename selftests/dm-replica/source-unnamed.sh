#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a source without identity= that dies while Failedover: an empty disk in its place is recognised by its content, the old one is too
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
