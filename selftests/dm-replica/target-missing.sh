#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a target that is missing at activation is Partitioned, and only the difference is copied when it comes
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 150
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 64
element p b 64
scribble /dev/mapper/p-a 0 64 1
mirror p a b
wait_state p-a ab synchronized

write_at() { run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek="$1" count=1 oflag=direct conv=fsync status=none; }

pool_deactivate p
pool_activate p
element_attach p a
write_at 7
wait_state p-a ab partitioned 20
write_at 300
assert_eq "$(sync_field p-a ab flags)" CS "flags"
ok "the source is usable without its target, the sync is Partitioned"

refused "bad state" p resync-replica ab
refused "bad state" p activate ab
refused "canceled" p detach ab
assert_state p-a ab partitioned
ok "what needs the target is refused"

pool_deactivate p
pool_activate p
element_attach p a
write_at 500
dirty=$(sync_field p-a ab dirty)
[ "$dirty" -ge 384 ] || fail "$dirty sectors marked after a second start, 384 at least were written"
simdisk_reset_stats db
element_attach p b
wait_state p-a ab synchronized
assert_same da db
copied=$(simdisk_stat db write_sectors)
[ "$copied" -le $((3 * 32768 + 1024)) ] || fail "$copied sectors copied of 131072"
ok "it comes back: $copied of 131072 sectors were copied, $dirty were marked"

accepted p set "sync:${sync_id[ab]}" recovery_mode=manual
element_remove_device p b
write_at 10
wait_state p-a ab partitioned
element_attach p b
wait_state p-a ab suspended
assert_eq "$(sync_field p-a ab progress)" requires-resume "progress"
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
ok "recovery mode manual: it waits for Resume"

pool_deactivate p
pool_activate p
element_attach p b
run_fails any dd if=/dev/zero of=/dev/mapper/p-b bs=4k count=1 oflag=direct
assert_eq "$(blockdev --getro /dev/mapper/p-b)" 1 "read-only"
ok "a target without its source is still protected"
element_attach p a
wait_state p-a ab synchronized
assert_same da db
ok "and is in sync when the source comes"
