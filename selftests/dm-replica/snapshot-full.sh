#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: COW space that is full breaks snapshots in order, or fails the write when they say so
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 240
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
cow_pool_create p 8
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
keep /dev/mapper/p-a "$DRP_TMP/a"
keep /dev/mapper/p-b "$DRP_TMP/b"

# Of another element: full space is none of its business.
snapshot p b other
scribble /dev/mapper/p-b 0 1 2
watch_events

# LEVEL N: more than so many events told of it.
told_again() { [ "$(told "$1")" -gt "$2" ]; }
last_told() { grep -o '"CowLevel": *[0-9]*' "$DRP_TMP/events" | tail -n 1 | grep -q "\b$1\$"; }

# LEVEL: it was told, and is while it holds: the pool looks every 30 seconds.
assert_told() {
	local n
	wait_until 30 told_again "$1" 0 || fail "no event of level $1: $(tail -n 3 "$DRP_TMP/events")"
	assert_eq "$(cow_level p)" "$1" "level of $(dmsetup status p)"
	n=$(told "$1")
	wait_until 60 told_again "$1" "$n" || fail "level $1 is not told again"
}
snapshot p a old copy_priority=high
scribble /dev/mapper/p-a 0 2 3
keep /dev/mapper/p-a "$DRP_TMP/middle"
snapshot p a middle
scribble /dev/mapper/p-a 2 2 4
snapshot p a low copy_priority=low
assert_eq "$(cow_level p)" 0 "level of $(dmsetup status p)"
assert_eq "$(told "[0-9]")" 0 "events before a watermark is reached"
scribble /dev/mapper/p-a 4 2 5
assert_told 1
assert_eq "$(told 2)" 0 "events of level 2"
ok "the lower watermark is reported, again while it holds"
scribble /dev/mapper/p-a 6 10 6
assert_eq "$(sync_field p-a low state)" broken "the one that matters least"
assert_eq "$(sync_field p-a middle state)" broken "the next one"
assert_eq "$(sync_field p-a old state)" broken "the one that matters most, when the rest is gone"
assert_state p-b other synchronized
assert_shows /dev/mapper/p-other "$DRP_TMP/b"
dd if=/dev/mapper/p-a bs=1M skip=6 count=10 iflag=direct status=none >"$DRP_TMP/end"
openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' 6)" -iv 00000000000000000000000000000000 \
	-in /dev/zero 2>/dev/null | cmp -s -n $((10 << 20)) - "$DRP_TMP/end" ||
	fail "the source does not have what was written to it"
! dd if=/dev/mapper/p-old of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null ||
	fail "a broken snapshot can be read"
ok "a full space breaks snapshots of the element that is written; the source goes on"

wait_until 30 told_again 2 0 || fail "no event told of a full space: $(cat "$DRP_TMP/events")"
ok "the upper one is reported"

for name in low middle old; do
	return_snapshot p $name
done
wait_until 30 cow_uses p 16 || fail "$(cow_used p) chunks stay in use"
assert_eq "$(cow_level p)" 0 "level after snapshots are gone"
wait_until 60 last_told 0 || fail "the end of the watermarks is not reported: $(tail -n 3 "$DRP_TMP/events")"
ok "so is that none is reached any more"

keep /dev/mapper/p-a "$DRP_TMP/a"
snapshot p a low copy_priority=low
snapshot p a kept failed_copy_stops_host_io=yes
! dd if=/dev/urandom of=/dev/mapper/p-a bs=64k count=256 oflag=direct status=none 2>/dev/null ||
	fail "everything could be overwritten"
assert_eq "$(sync_field p-a low state)" broken "a snapshot that stops nobody"
assert_state p-kept kept synchronized
assert_shows /dev/mapper/p-kept "$DRP_TMP/a"
ok "FailedCopyStopsHostIO fails the write and keeps the snapshot"

assert_told 2
ok "the upper watermark is reported again while it holds"

return_snapshot p low
return_snapshot p kept
wait_until 30 cow_uses p 16 || fail "$(cow_used p) chunks stay in use"
keep /dev/mapper/p-a "$DRP_TMP/a"
snapshot p a parent copy_priority=low
snapshot p parent kept failed_copy_stops_host_io=yes
! dd if=/dev/urandom of=/dev/mapper/p-a bs=64k count=256 oflag=direct status=none 2>/dev/null ||
	fail "everything could be overwritten"
assert_state p-parent parent synchronized
assert_state p-kept kept synchronized
assert_shows /dev/mapper/p-kept "$DRP_TMP/a"
ok "so does that of a snapshot of a snapshot"

return_snapshot p kept
return_snapshot p parent
scribble /dev/mapper/p-a 0 16 7
ok "writes go on when it is gone"

keep /dev/mapper/p-a "$DRP_TMP/a"
snapshot p a x
modify p dissolve x
scribble /dev/mapper/p-a 0 16 8
! dd if=/dev/mapper/p-x of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null ||
	fail "the target of a lost point in time can be read"
replctl aspect list | grep -q ' x ' && fail "an aspect without a point in time stays"
pool_restart p
! dd if=/dev/mapper/p-x of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null ||
	fail "the target of a lost point in time can be read after a restart"
element_remove_device p x
accepted p delete_element "${element_id[p/x]}"
forget_snapshot p x
wait_until 30 cow_uses p 16 || fail "$(cow_used p) chunks stay in use"
ok "an aspect and the target that Dissolve left lose their point in time"

# Each keeps 32 chunks for itself, 15 are free: the oldest makes room for 16.
for name in first second third; do
	snapshot p a $name
	scribble /dev/mapper/p-a 0 2 9
	modify p dissolve $name
	element_remove_device p $name
	accepted p delete_element "${element_id[p/$name]}"
	forget_snapshot p $name
done
aspects() { replctl aspect list | awk '/^p\// { print substr($1, 3) }' | xargs; }
assert_eq "$(aspects)" "first second third" "aspects while there is room"
scribble /dev/mapper/p-a 2 1 10
assert_eq "$(aspects)" "second third" "aspects when room for one more MiB was needed"
ok "aspects go one after the other, the oldest first"

snapshot p a high copy_priority=high
keep /dev/mapper/p-a "$DRP_TMP/a"
scribble /dev/mapper/p-a 4 3 11
assert_eq "$(aspects)" third "aspects beside a snapshot that matters more"
accepted p set "sync:${sync_id[high]}" failed_copy_stops_host_io=yes
scribble /dev/mapper/p-a 7 2 12
assert_eq "$(aspects)" "" "aspects beside a snapshot that must stay"
assert_state p-high high synchronized
assert_shows /dev/mapper/p-high "$DRP_TMP/a"
ok "aspects go before snapshots that matter more, and before a write fails"
return_snapshot p high
return_snapshot p other
