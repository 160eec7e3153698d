#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: FailedCopyStopsHostIO: a write that the mirror cannot take fails
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
mirror p a b failed_copy_stops_host_io=yes
wait_state p-a ab synchronized

write_one() { dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek="$1" count=1 oflag=direct status=none; }

run_ok write_one 5
simdisk_set db offline 1
run_fails any write_one 6
assert_state p-a ab broken
ok "the write whose copy fails is failed"
run_fails any write_one 7
ok "and so are the writes after it"
run_ok dd if=/dev/mapper/p-a of=/dev/null bs=4k count=16 iflag=direct status=none
ok "reads go on"

accepted p set "sync:${sync_id[ab]}" failed_copy_stops_host_io=no
run_ok write_one 8
ok "with the setting off, writes go on at once"

simdisk_set db offline 0
wait_state p-a ab synchronized
assert_same da db
ok "after the recovery the legs are equal"
