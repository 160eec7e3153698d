#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a rate limit holds from the first byte, wherever it is given
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 90
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1

# What may pass at once: the first unit and what the time allows.
slow() {
	local dirty
	sleep 2
	assert_state p-a ab unsynchronized
	dirty=$(sync_field p-a ab dirty)
	[ "$dirty" -ge 16384 ] || fail "$1: only $dirty of 32768 sectors are left after 2 s at 64 KiB/s"
	ok "$1"
}

mirror p a b rate_limit=64K
slow "given to create"
accepted p set "sync:${sync_id[ab]}" rate_limit=0
wait_state p-a ab synchronized 30
assert_same da db
ok "taken away while it copies"

modify p split ab
scribble /dev/mapper/p-a 0 16 2
modify p resync-replica ab rate_limit=64K
slow "given to an operation that copies"
modify p suspend ab
modify p resume ab
slow "kept over Suspend and Resume"
accepted p set "sync:${sync_id[ab]}" rate_limit=0
wait_state p-a ab synchronized 30
modify p split ab
scribble /dev/mapper/p-a 0 16 3
accepted p set "sync:${sync_id[ab]}" rate_limit=64K
modify p resync-replica ab
slow "set before"
