#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: reads that a leg fails are served by another leg that is equal
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
scribble /dev/mapper/p-a 0 32 1
sum=$(sha1sum </dev/da)
mirror p a b
wait_state p-a ab synchronized

read_sum() { dd if="/dev/mapper/p-$1" bs=1M iflag=direct status=none | sha1sum; }

simdisk_set da fail_reads 1
assert_eq "$(read_sum a)" "$sum" "content read through the mirror"
wait_state p-a ab synchronized 1
ok "a source that cannot be read is read from its mirror"

simdisk_set da fail_reads 0
simdisk_set da fail_range 1001 1 r
assert_eq "$(read_sum a)" "$sum" "content with one bad sector"
simdisk_set da fail_range clear
ok "one bad sector too"

accepted p set "element:${element_id[p/a]}" read_policy=balance
simdisk_reset_stats da db
simdisk_set db fail_reads 1
assert_eq "$(read_sum a)" "$sum" "content, balanced, target fails"
simdisk_set db fail_reads 0
assert_eq "$(read_sum a)" "$sum" "content, balanced"
[ "$(simdisk_stat db reads)" -gt 0 ] || fail "balanced reads never use the target"
[ "$(simdisk_stat da reads)" -gt 0 ] || fail "balanced reads never use the source"
assert_state p-a ab synchronized
ok "balanced reads use both legs, and one where the other fails"

modify p suspend ab
dd if=/dev/urandom of=/dev/mapper/p-a bs=4k count=1 oflag=direct status=none
simdisk_set da fail_reads 1
! read_sum a >/dev/null 2>&1 || [ "$(dd if=/dev/mapper/p-a bs=4k count=1 iflag=direct status=none 2>/dev/null | wc -c)" = 0 ] ||
	fail "a target that is not equal was read"
run_fails any dd if=/dev/mapper/p-a of=/dev/null bs=4k count=1 iflag=direct
ok "a target that may differ is never read instead: the error is passed on"

simdisk_set da fail_reads 0
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
simdisk_set da fail_reads 1
modify p fracture ab
dd if=/dev/urandom of=/dev/mapper/p-a bs=1M seek=3 count=1 oflag=direct status=none
modify p resync-replica ab
wait_until 20 kernel_said "sync ab is Broken: source read error" ||
	fail "a copy from a source that cannot be read does not end: $(dmsetup status p-a)"
simdisk_set da fail_reads 0
wait_state p-a ab synchronized 60
assert_same da db
ok "a copy whose source cannot be read breaks, and goes on when it can"
