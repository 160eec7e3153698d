#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a snapshot of a written snapshot, taken while space is given back, keeps its versions
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 240
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

CHUNKS=8192	# of a

replica_setup
cow_pool_create p 64
element p a 32
snapshot p a gone
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k count=1 oflag=direct status=none
before=$(cow_used p)
snapshot p a x
scribble /dev/mapper/p-x 0 32 2
keep /dev/mapper/p-x "$DRP_TMP/x"
# Then no node of the index is in memory: a pass, which one may begin now, takes long.
pool_deactivate p
simdisk_set mp read_us 300000
pool_activate p
for name in a gone x; do
	element_attach p $name
done

cow_has_less() { [ "$(cow_used p)" -lt "$1" ]; }

return_snapshot p gone
sleep 1
snapshot p x y
run_ok dd if=/dev/urandom of=/dev/mapper/p-x bs=4k seek=$((CHUNKS - 1)) count=1 oflag=direct \
	conv=notrunc status=none
used=$(cow_used p)
simdisk_set mp read_us 0
[ "$used" -eq $((before + CHUNKS + 1)) ] || fail "the pass was over before the version came: $used in use"
wait_until 60 cow_has_less "$used" || fail "nothing comes back"
assert_shows /dev/mapper/p-y "$DRP_TMP/x"
assert_eq "$(cow_used p)" $((CHUNKS + 1)) "chunks in use after the pass"
ok "a version of which a point in time was taken during a pass stays"
