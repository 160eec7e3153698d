#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: snapshots with auto_delete=yes are given up at the reserve of COW space, before any other
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 480
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl
replica_setup
CHUNK_SECTORS=128
# 127 chunks: the reserve is touched with 121.
cow_pool_create p 8
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
scribble /dev/mapper/p-b 0 16 2

watch_events


# Of b: "plain" matters least and is the oldest, but has not said that it may go.
snapshot p b plain copy_priority=low
snapshot p b other auto_delete=yes copy_priority=high
keep /dev/mapper/p-plain "$DRP_TMP/plain"
scribble /dev/mapper/p-b 0 1 3
# Of a: what "low" needs "urgent" needs, too; "urgent" has 16 chunks that nobody else needs.
snapshot p a urgent auto_delete=yes copy_priority=urgent
scribble /dev/mapper/p-a 0 1 4
snapshot p a low auto_delete=yes copy_priority=low
scribble /dev/mapper/p-a 1 1 5
keep /dev/mapper/p-a "$DRP_TMP/kept"
snapshot p a kept copy_priority=low
snapshot p a late auto_delete=yes copy_priority=urgent
snapshot p a firm auto_delete=yes copy_priority=low failed_copy_stops_host_io=yes
run_ok replctl show p/low --json
grep -q '"AutoDelete": *true' "$DRP_TMP/stdout" || fail "AutoDelete is not shown"
scribble /dev/mapper/p-a 2 4 6
assert_eq "$(cow_used p) $(cow_level p)" "112 1" "used chunks and level below the reserve"
for name in b/plain b/other a/urgent a/low a/kept a/late a/firm; do
	! is_broken "${name%/*}" "${name#*/}" || fail "$name is lost below the reserve"
done
ok "nothing is given up before the reserve is touched"

# There is still room when they are given up.
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=96 count=10 oflag=direct status=none
wait_until 60 is_broken a urgent || fail "nothing is given up at the reserve: $(dmsetup status p)"
below_reserve() { [ "$(cow_level p)" -lt 2 ]; }
wait_until 60 below_reserve || fail "the reserve stays touched: $(dmsetup status p)"
wait_until 30 cow_uses p 90 || fail "$(cow_used p) chunks are in use"
dmesg | sed "1,/$drp_mark/d" |
	sed -n 's/.*snapshot \(.*\) is lost: given up for room in COW space (AutoDelete)/\1/p' >"$DRP_TMP/order"
assert_eq "$(tr '\n' ' ' <"$DRP_TMP/order")" "low other urgent " "who was given up, in order"
ok "at the reserve the lowest CopyPriority goes first, and no more than it takes"

run_ok replctl show p/low
grep -q 'given up for room in COW space (AutoDelete)' "$DRP_TMP/stdout" ||
	fail "it is not said why: $(cat "$DRP_TMP/stdout")"
wait_until 30 grep -q 'given up for room in COW space (AutoDelete)' "$DRP_TMP/events" ||
	fail "no event tells of it: $(cat "$DRP_TMP/events")"
ok "the sync and the events tell why"

for name in b/plain a/kept a/late a/firm; do
	! is_broken "${name%/*}" "${name#*/}" || fail "$name is lost"
done
assert_shows /dev/mapper/p-plain "$DRP_TMP/plain"
assert_shows /dev/mapper/p-kept "$DRP_TMP/kept"
! dd if=/dev/mapper/p-low of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null ||
	fail "a snapshot that was given up can be read"
ok "those that have not said so keep their content"

# One that others come from stays, and what is set later counts at once.
snapshot p kept child
scribble /dev/mapper/p-child 0 2 7
run_ok dd if=/dev/urandom of=/dev/mapper/p-child bs=64k seek=32 count=1 oflag=direct status=none
assert_eq "$(cow_used p) $(cow_level p)" "123 2" "used chunks and level"
wait_until 60 is_broken a late || fail "late stays"
accepted p set "sync:${sync_id[kept]}" auto_delete=yes
accepted p set "sync:${sync_id[child]}" auto_delete=yes
wait_until 60 is_broken kept child || fail "a setting that is changed later does nothing"
wait_until 60 below_reserve || fail "the reserve stays touched: $(dmsetup status p)"
! is_broken a kept || fail "a snapshot with room enough is given up"
! is_broken b plain || fail "a snapshot without auto_delete is given up"
ok "who has a snapshot stays until that is given up"

return_snapshot p late
modify p resync-replica low
assert_state p-low low synchronized
assert_eq "$(replctl show p/low --json | grep -c 'given up')" 0 "words of a new point in time"
ok "one that was given up takes a new point in time, or is returned"
