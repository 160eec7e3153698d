#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: several mirrors of one source, and mirrors of mirrors
# REQUIRES: replica simdisk dmsetup fio
# TIMEOUT: 180
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need fio
pool_create p

write_random() {
	run_ok fio --name=r --filename="$1" --rw=randwrite --bs=4k --size=32m --io_size=512k \
		--numjobs=8 --thread --direct=1 --ioengine=psync --randseed="$2" --group_reporting
}

for e in a b c d e; do
	element p $e 32
done
scribble /dev/mapper/p-a 0 32 1
for t in b c d e; do
	mirror p a $t
done
write_random /dev/mapper/p-a 2
for t in b c d e; do
	wait_state p-a a$t synchronized
	assert_same da d$t
done
ok "four mirrors of one source are equal to it"

modify p split ac
write_random /dev/mapper/p-a 3
for t in b d e; do
	assert_same da d$t
done
assert_differ da dc
modify p fracture ab
write_random /dev/mapper/p-a 4
assert_same dd de
assert_same da dd
modify p resync-replica ac
modify p resync-replica ab
write_random /dev/mapper/p-a 5
for t in b c d e; do
	wait_state p-a a$t synchronized
	assert_same da d$t
done
ok "mirrors of one source are split and resynchronized one by one"

for t in b c d e; do
	modify p detach a$t
done
scribble /dev/mapper/p-b 0 32 7
mirror p b c
wait_state p-b bc synchronized
mirror p a b
write_random /dev/mapper/p-a 8
wait_state p-a ab synchronized
wait_state p-b bc synchronized
assert_same da db
assert_same da dc
ok "a -> b -> c: the copy into b reaches c"

write_random /dev/mapper/p-a 9
assert_same da dc
ok "writes of a reach c"

modify p split ab
write_random /dev/mapper/p-a 10
write_random /dev/mapper/p-b 11
assert_same db dc
assert_differ da db
ok "a and b split: b's own writes reach c"

modify p resync-replica ab
wait_state p-a ab synchronized
wait_state p-b bc synchronized
assert_same da db
assert_same da dc
ok "the resync of a -> b reaches c"

modify p split bc
write_random /dev/mapper/p-a 12
assert_same da db
assert_differ db dc
[ "$(sync_field p-b bc dirty)" -gt 0 ] || fail "writes of a are not recorded for b -> c"
modify p split ab
write_random /dev/mapper/p-a 13
modify p resync-replica ab
wait_state p-a ab synchronized
modify p resync-replica bc
wait_state p-b bc synchronized
assert_same da dc
ok "what comes into b while b -> c is split is recorded and resynchronized"

refused_message "Invalid argument" p create_sync 9999 mirror "${element_id[p/c]}" "${element_id[p/a]}"
refused_message "busy" p create_sync 9999 mirror "${element_id[p/d]}" "${element_id[p/b]}"
ok "a loop and a second source of one target are refused"
