#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a target that fails writes: Broken, the source goes on, only the difference is copied later
# REQUIRES: replica simdisk dmsetup fio
# TIMEOUT: 180
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need fio
pool_create p
element p a 64
element p b 64
scribble /dev/mapper/p-a 0 64 1
mirror p a b
wait_state p-a ab synchronized

write_all() {
	run_ok fio --name=w --filename=/dev/mapper/p-a --rw=randwrite --bs=4k --size=16m \
		--io_size=256k --numjobs=8 --thread --direct=1 --ioengine=psync --randseed="$1"
}

simdisk_set db offline 1
write_all 1
wait_state p-a ab broken 5
write_all 2
assert_match "$(sync_field p-a ab flags)" "^C?S$" "flags while Broken"
dirty=$(sync_field p-a ab dirty)
[ "$dirty" -ge 1024 ] || fail "only $dirty sectors are marked after 4 MiB of writes"
[ "$dirty" -le 40960 ] || fail "$dirty sectors marked: more than the extents written to"
assert_match "$(replctl show ab)" "ErrorText.*error" "no error text"
ok "a dead target: every write of the source succeeds, the sync is Broken"

written=$(simdisk_stat db write_sectors)
simdisk_set db offline 0
wait_state p-a ab synchronized 30
assert_same da db
copied=$(($(simdisk_stat db write_sectors) - written))
[ "$copied" -le $((dirty + 2048)) ] || fail "$copied sectors were copied, $dirty were marked"
ok "it comes back by itself and $copied of 131072 sectors are copied"

simdisk_set db fail_range 4096 8 w
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=512 count=1 oflag=direct status=none
wait_until 10 kernel_said "sync ab is Broken" || fail "not Broken by one bad sector"
ok "one bad sector breaks the sync"
sleep 3
[ "$(sync_field p-a ab state)" != synchronized ] || fail "Synchronized though a sector cannot be written"
simdisk_set db fail_range clear
wait_state p-a ab synchronized 60
assert_same da db
ok "and it recovers when the sector does"

accepted p set "sync:${sync_id[ab]}" recovery_mode=manual
simdisk_set db fail_writes 1
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=9 count=1 oflag=direct status=none
wait_until 10 is_state p-a ab suspended || wait_state p-a ab broken 1
simdisk_set db fail_writes 0
wait_state p-a ab suspended 30
assert_eq "$(sync_field p-a ab progress)" requires-resume "progress"
assert_differ da db
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=19 count=1 oflag=direct status=none
assert_state p-a ab suspended
refused "bad state" p resync-replica ab
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
ok "recovery mode manual: Suspended, Requires resume, then Resume"
