#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: while I/O of the source hangs, so that no room comes back, AutoDelete gives up one snapshot and no more
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

replica_setup
CHUNK_SECTORS=128
# 127 chunks: the reserve is touched with 121.
cow_pool_create p 8
element p a 16
element p b 16

below_reserve() { [ "$(cow_level p)" -lt 2 ]; }
sleeps() { grep -q '^State:.*D' "/proc/$1/status"; }

# 16 chunks for "one" and 16 that only "two" needs.
scribble /dev/mapper/p-a 0 4 1
keep /dev/mapper/p-a "$DRP_TMP/one"
snapshot p a one auto_delete=yes
scribble /dev/mapper/p-a 0 1 2
snapshot p a two auto_delete=yes copy_priority=low
scribble /dev/mapper/p-a 0 1 3
snapshot p b plain
scribble /dev/mapper/p-b 0 5 4
assert_eq "$(cow_used p) $(cow_level p)" "112 1" "used chunks and level below the reserve"

simdisk_set da hang 1
dd if=/dev/mapper/p-a of=/dev/null bs=4k count=1 iflag=direct status=none &
reader=$!
wait_until 30 sleeps $reader || fail "the read does not hang"
run_ok dd if=/dev/urandom of=/dev/mapper/p-b bs=64k seek=96 count=10 oflag=direct status=none
wait_until 60 is_broken a two || fail "nothing is given up at the reserve: $(dmsetup status p)"
# Longer than the source's I/O is waited for; then there is time to give up the next one.
sleep 20
simdisk_set da hang 0
wait $reader || fail "the read failed"
wait_until 90 below_reserve || fail "the reserve stays touched: $(dmsetup status p)"
wait_until 30 cow_uses p 106 || fail "$(cow_used p) chunks are in use"
! is_broken a one || fail "the next snapshot was given up although the first one brings enough"
assert_shows /dev/mapper/p-one "$DRP_TMP/one"
ok "what was given up while the source hangs brings its room later, and the others stay"
