#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: discard and write-zeroes leave equal legs
# REQUIRES: replica simdisk dmsetup fio blkdiscard
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
mirror p a b
wait_state p-a ab synchronized

run_ok blkdiscard -z -o $((1 << 20)) -l $((3 << 20)) /dev/mapper/p-a
assert_same da db
assert_eq "$(dd if=/dev/mapper/p-a bs=1M skip=1 count=3 iflag=direct status=none | tr -d '\0' | wc -c)" 0 \
	"bytes that are not zero after write-zeroes"
run_ok blkdiscard -z -o $((9 << 20 | 4096)) -l 8192 /dev/mapper/p-a
assert_same da db
ok "write-zeroes reach both legs"

if [ "$(queue_value /dev/mapper/p-a discard_max_bytes)" -gt 0 ]; then
	run_ok blkdiscard -o $((8 << 20)) -l $((8 << 20)) /dev/mapper/p-a
	assert_same da db
	run_ok blkdiscard -o $((21 << 20 | 4096)) -l $((5 << 20)) /dev/mapper/p-a
	assert_same da db
	ok "discards leave equal legs"
else
	run_fails any blkdiscard -o $((8 << 20)) -l $((8 << 20)) /dev/mapper/p-a
	assert_same da db
	ok "discard is not offered"
fi

modify p split ab
run_ok blkdiscard -z -o $((16 << 20)) -l $((2 << 20)) /dev/mapper/p-a
assert_differ da db
dirty=$(sync_field p-a ab dirty)
[ "$dirty" -ge 4096 ] || fail "write-zeroes of 4096 sectors marked only $dirty"
modify p resync-replica ab
wait_state p-a ab synchronized
assert_same da db
ok "write-zeroes while split are tracked"

fio --name=w --filename=/dev/mapper/p-a --rw=randwrite --bs=4k --size=16m --io_size=8m \
	--direct=1 --ioengine=psync --thread --numjobs=4 >/dev/null 2>&1 &
for ((i = 0; i < 16; i++)); do
	run_ok blkdiscard -z -o $((i << 20)) -l $((1 << 20)) /dev/mapper/p-a
done
wait $! || fail "fio failed"
assert_same da db
ok "write-zeroes among writes of the same sectors"

for key in fail_discards offline; do
	simdisk_set db $key 1
	run_ok blkdiscard -z -o $((4 << 20)) -l $((1 << 20)) /dev/mapper/p-a
	simdisk_set db $key 0
	wait_state p-a ab synchronized
	assert_same da db
	ok "a target with $key is made equal again"
done
