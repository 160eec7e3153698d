#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a discard on a snapshot's device frees chunks that only it has over zeroes; all else stays as it is
# REQUIRES: replica simdisk dmsetup blkdiscard openssl
# TIMEOUT: 600
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

need replctl
replica_setup
CHUNK_SECTORS=128
cow_pool_create p 32
run_ok simdisk_create da 8
# The last chunk is short.
next_id
element_id[p/a]=$id
accepted p create_element "$id" a size=$((8 * 2048 - 24))
run_ok dmsetup create p-a --table "0 $((8 * 2048 - 24)) replica /dev/mapper/p $id /dev/da"
element_table_a=$(dmsetup table p-a)

# DEVICE CHUNK COUNT: random content.
write_chunks() {
	run_ok dd if=/dev/urandom of="/dev/mapper/p-$1" bs=64k seek="$2" count="$3" \
		oflag=direct conv=fsync status=none
}
# FILE CHUNK COUNT: in FILE these are zeroes now.
clear_chunks() {
	run_ok dd if=/dev/zero of="$1" bs=64k seek="$2" count="$3" conv=notrunc status=none
}
discard() { run_ok blkdiscard -o $(($2 * 65536)) -l $(($3 * 65536)) "/dev/mapper/p-$1"; }
uses() { wait_until 30 cow_uses p "$1" || fail "$(cow_used p) chunks are in use, not $1: $2"; }

# At its point in time the source has zeroes from chunk 64 on.
scribble /dev/mapper/p-a 0 4 1
run_ok sync /dev/mapper/p-a
snapshot p a x
discard x 0 96
assert_eq "$(sync_field p-a x state)" synchronized "after a discard of what nobody wrote"
write_chunks x 56 24
keep /dev/mapper/p-x "$DRP_TMP/x"
uses 24 "written"
discard x 64 16
clear_chunks "$DRP_TMP/x" 64 16
uses 8 "16 discarded"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
discard x 56 8
uses 8 "discarded over what is not zeroes"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
ok "chunks that were written over zeroes come back, others are as they were"

# Parts of chunks are nobody's business.
write_chunks x 64 4
keep /dev/mapper/p-x "$DRP_TMP/x"
run_ok blkdiscard -o $((64 * 65536 + 4096)) -l $((3 * 65536 - 8192)) /dev/mapper/p-x
clear_chunks "$DRP_TMP/x" 65 1
uses 11 "one chunk and two parts discarded"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
sectors=$(blockdev --getsz /dev/mapper/p-x)
run_ok dd if=/dev/urandom of=/dev/mapper/p-x bs=4k seek=$((sectors / 8 - 1)) count=1 oflag=direct status=none
uses 12 "the last one, which is short, written"
run_ok blkdiscard -o $((127 * 65536)) -l $((sectors * 512 - 127 * 65536)) /dev/mapper/p-x
uses 11 "the last one, which is short, discarded"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
ok "only whole chunks, the short one at the end among them"

# What the source had is kept for it: 70 and 71 were zeroes, 60 was not.
write_chunks a 70 2
write_chunks a 60 1
write_chunks x 70 1
uses 15 "three preserved, one of them written"
discard x 0 127
clear_chunks "$DRP_TMP/x" 64 8
uses 11 "all discarded"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
ok "what was preserved stays, and the source's later content is never shown"

# The slots are others' now.
write_chunks x 80 8
keep /dev/mapper/p-x "$DRP_TMP/x"
write_chunks a 100 8
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
element_attach_a() { run_ok dmsetup create p-a --table "$element_table_a"; }
pool_deactivate p
pool_activate p
element_attach_a
element_attach p x
uses 27 "after a restart"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
discard x 80 4
clear_chunks "$DRP_TMP/x" 80 4
uses 23 "discarded after a restart"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
ok "the same after a restart"

# What a snapshot of it has is not its alone.
keep /dev/mapper/p-x "$DRP_TMP/child"
snapshot p x child
discard x 80 8
write_chunks x 86 2
keep /dev/mapper/p-x "$DRP_TMP/x"
discard x 80 8
uses 25 "versions that a snapshot of it needs"
assert_shows /dev/mapper/p-child "$DRP_TMP/child"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
return_snapshot p child
uses 23 "without the snapshot of it"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
discard x 86 2
clear_chunks "$DRP_TMP/x" 86 2
uses 21 "discarded without the snapshot of it"
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
write_chunks x 90 1
snapshot p x child
write_chunks child 90 4
discard child 90 4
uses 23 "those of a snapshot of a snapshot discarded, but for one over what is not zeroes"
return_snapshot p child
uses 22 "without the second snapshot of it"
ok "versions that a snapshot of the snapshot has stay"

# What was answered holds, whatever comes.
for round in 1 2 3; do
	write_chunks x 108 12
	write_chunks x 108 4
	keep /dev/mapper/p-x "$DRP_TMP/x"
	discard x 110 6
	clear_chunks "$DRP_TMP/x" 110 6
	used=$(cow_used p)
	run_ok simdisk_power_fail "$round" drop
	for dev in p-x p-a p; do
		run_ok dmsetup remove --retry $dev
	done
	run_ok simdisk_rearm
	pool_activate p
	element_attach_a
	element_attach p x
	assert_shows /dev/mapper/p-x "$DRP_TMP/x"
	uses "$used" "after power failure $round"
done
pool_deactivate p
run_ok replctl pool check /dev/mp
ok "a discard that was answered holds through power failures"
