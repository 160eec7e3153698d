#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a write that the source fails is failed, and the legs are never believed equal there
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 32
element p b 32
element p c 32
scribble /dev/mapper/p-a 0 32 1
mirror p a b
mirror p a c
wait_state p-a ab synchronized
wait_state p-a ac synchronized

simdisk_set da fail_writes 1
run_fails any dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=100 count=1 oflag=direct
[ "$(sync_field p-a ab state)" != synchronized ] || [ "$(sync_field p-a ab dirty)" -gt 0 ] ||
	{ wait_until 5 same_content /dev/da /dev/db || fail "ab claims to be equal and is not"; }
ok "the write fails"

simdisk_set da fail_writes 0
wait_state p-a ab synchronized 60
wait_state p-a ac synchronized 60
assert_same da db
assert_same da dc
ok "when the source works again, the mirrors are made equal to it"

run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=100 count=1 oflag=direct status=none
assert_same da db
assert_same da dc
ok "and writes go on"
