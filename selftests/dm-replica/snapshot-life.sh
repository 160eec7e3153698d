#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a snapshot keeps its point in time, can be written, survives a restart, gives back its space
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 180
# GROUP: snapshot
# CHUNK_SECTORS=N of the pool (8).
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

per_mib=$((2048 / ${CHUNK_SECTORS:-8}))

replica_setup
cow_pool_create p 64
element p a 16
scribble /dev/mapper/p-a 0 16 1
keep /dev/mapper/p-a "$DRP_TMP/one"

snapshot p a s1
assert_state p-s1 s1 synchronized
assert_shows /dev/mapper/p-s1 "$DRP_TMP/one"
assert_eq "$(cow_used p)" 0 "chunks of a new snapshot"
scribble /dev/mapper/p-a 3 2 2
assert_shows /dev/mapper/p-s1 "$DRP_TMP/one"
assert_eq "$(cow_used p)" $((2 * per_mib)) "chunks after 2 MiB were overwritten"
scribble /dev/mapper/p-a 3 2 3
assert_eq "$(cow_used p)" $((2 * per_mib)) "chunks after they were overwritten again"
ok "what is overwritten is kept, once"

keep /dev/mapper/p-a "$DRP_TMP/two"
snapshot p a s2
scribble /dev/mapper/p-a 4 2 4
assert_shows /dev/mapper/p-s1 "$DRP_TMP/one"
assert_shows /dev/mapper/p-s2 "$DRP_TMP/two"
assert_eq "$(cow_used p)" $((4 * per_mib)) "chunks of two snapshots"
ok "two snapshots show two points in time"

scribble /dev/mapper/p-s1 10 1 5
assert_state p-s1 s1 skewed
cp "$DRP_TMP/one" "$DRP_TMP/one-written"
dd if=/dev/mapper/p-s1 of="$DRP_TMP/one-written" bs=1M skip=10 seek=10 count=1 iflag=direct \
	conv=notrunc status=none
! cmp -s "$DRP_TMP/one" "$DRP_TMP/one-written" || fail "the write did not arrive"
assert_shows /dev/mapper/p-s1 "$DRP_TMP/one-written"
assert_shows /dev/mapper/p-s2 "$DRP_TMP/two"
keep /dev/mapper/p-a "$DRP_TMP/a"
ok "a snapshot is written, the others do not see it"

used=$(cow_used p)
pool_restart p
assert_eq "$(cow_used p)" "$used" "chunks after a restart"
assert_state p-s1 s1 skewed
assert_state p-s2 s2 synchronized
assert_shows /dev/mapper/p-a "$DRP_TMP/a"
assert_shows /dev/mapper/p-s1 "$DRP_TMP/one-written"
assert_shows /dev/mapper/p-s2 "$DRP_TMP/two"
scribble /dev/mapper/p-a 0 8 6
assert_shows /dev/mapper/p-s1 "$DRP_TMP/one-written"
assert_shows /dev/mapper/p-s2 "$DRP_TMP/two"
ok "all of it survives a restart"

refused "Device or resource busy" p return-to-resource-pool s1
return_snapshot p s1
wait_until 30 cow_uses p $((8 * per_mib)) ||
	fail "$(cow_used p) chunks are in use, s2 needs $((8 * per_mib)): $(dmsetup status p)"
assert_shows /dev/mapper/p-s2 "$DRP_TMP/two"
return_snapshot p s2
wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay in use: $(dmsetup status p)"
scribble /dev/mapper/p-a 0 16 7
assert_eq "$(cow_used p)" 0 "chunks without snapshots"
ok "the space of snapshots that are gone comes back, others keep theirs"

pool_restart p
assert_eq "$(cow_used p)" 0 "chunks after a restart"
refused_message "No such file" p modify activate "${sync_id[s1]}"
ok "what is gone stays gone"
