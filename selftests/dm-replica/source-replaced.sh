#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a source disk that dies while Failedover and is replaced by an empty one: recognised, Failback copies everything
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

# ELEMENT DISK: attach it, under a name of its own as real disks have.
attach() {
	run_ok dmsetup create "p-$1" --table "$(element_table p "$1" "$2") 1 identity=disk-$2"
}

replica_setup
pool_create p
element p a 16
element_remove_device p a
attach a da
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-b ab synchronized
dev_of_sync=p-b

# DISK: an empty one stands in a's place.
replaced() {
	assert_progress ab failedover completed "$2"
	assert_eq "$(sync_field p-b ab dirty)" 32768 "sectors that may differ, $2"
	assert_access p-b write "$2"
	shadow compare mapper/p-b content
	modify p failback ab rate_limit=$SLOW
	assert_progress ab unsynchronized failing-back "$2"
	shadow compare mapper/p-a content
	shadow mix mapper/p-a content count=50 max=64
	rate ab 0
	wait_state p-b ab synchronized
	[ "$(bytes_written "$1")" -ge $((16 << 20)) ] || fail "$2: only $(bytes_written "$1") bytes were copied"
	assert_same "$1" db
	blockdev --flushbufs "/dev/$1"
	shadow compare "$1" content
	ok "$2: everything is copied, the source shows it at once"
}

# The disk dies while hosts use the target; a's table is made with another one.
modify p failover ab
shadow take mapper/p-b content
shadow write mapper/p-b content count=30
simdisk_set da offline 1
element_remove_device p a
run_ok simdisk_create dx 16
attach a dx
replaced dx "the pool runs"

# It dies while the pool is down, cleanly stopped.
modify p failover ab
shadow write mapper/p-b content seed=2 count=30
pool_deactivate p
run_ok simdisk_create dy 16
pool_activate p
element_attach p b
attach a dy
replaced dy "the pool was stopped"

# It dies with the machine.
modify p failover ab
shadow write mapper/p-b content seed=3 count=30
sync /dev/mapper/p-b
run_ok simdisk_create dz 16
simdisk_power_fail 7
dmsetup remove --retry p-a
power_is_back b
attach a dz
replaced dz "the machine was gone"

# The first one returns, with what it held long ago.
modify p failover ab
shadow write mapper/p-b content seed=4 count=30
element_remove_device p a
simdisk_set da offline 0
simdisk_reset_stats da
attach a da
replaced da "an old source returns"
