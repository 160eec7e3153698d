#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: reads of any size across copied and uncopied regions give the right content while a restore runs under writers
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 500
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

HOSTS=$((28 * 2048))

replica_setup
run_ok simdisk_create mp 16
run_ok dmsetup create p --table "$(pool_table p name=p extent=256)"
element p a 32
element p b 32
element p c 32
scribble /dev/mapper/p-a 0 32 1
mirror p a b
mirror p a c
wait_state p-a ab synchronized
wait_state p-a ac synchronized

# POLICY SEED: scattered changes of the target, small and large, so that one
# read of the source meets many borders.
restored_under_readers() {
	modify p split ab
	accepted p set "element:${element_id[p/a]}" "read_policy=$1"
	shadow take mapper/p-b target
	shadow write mapper/p-b target seed="$2" count=300 max=64
	model_copy target source
	modify p restore-from-replica ab rate_limit=$SLOW
	# The hosts leave the end alone: the restore lasts as long as they are at work.
	shadow mix mapper/p-a source seed="$2" count=50 max=2048 procs=2 last=$HOSTS
	shadow compare mapper/p-a source
	shadow mix mapper/p-a source seed=$(($2 + 1)) count=80 max=32 procs=2 zeroes=1 last=$HOSTS
	assert_progress ab unsynchronized restoring "with $1"
	rate ab 1M
	shadow mix mapper/p-a source seed=$(($2 + 2)) count=60 max=512 procs=2
	rate ab 0
	wait_state p-a ab restored
	medium_is da source
	medium_is db target
	ok "read policy $1: every read was right"
	wait_state p-a ac synchronized
	assert_same da dc
	modify p resync-replica ab
	wait_state p-a ab synchronized
	assert_same da db
	ok "read policy $1: the mirrors are equal"
}

restored_under_readers source 10
restored_under_readers balance 20
