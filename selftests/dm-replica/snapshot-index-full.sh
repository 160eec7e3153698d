#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: an index that is full on the metadata device counts as full COW space: watermarks, AutoDelete, stop
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 900
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl
replica_setup
# Most of the metadata is promised to bitmaps of large mirrors; what is left is for some 10,000 chunks.
METADATA_MIB=8
cow_pool_create p 256
for e in m n o; do
	element p $e 30720
done
mirror p m n wait_for_copy_state=initialized
mirror p m o wait_for_copy_state=initialized
element p a 64
element p b 64
scribble /dev/mapper/p-a 0 64 1
scribble /dev/mapper/p-b 0 64 2
scribble /dev/mapper/p-m 0 1 3

watch_events

cow_is_far_from_full() {
	[ $(($(cow_used p) * 100)) -lt $(($(cow_chunks p) * 50)) ] || fail "COW space is used: $(dmsetup status p)"
}
level_is() { [ "$(cow_level p)" -eq "$1" ]; }
below_reserve() { [ "$(cow_level p)" -lt 2 ]; }
is_told() { [ "$(told "$1")" -gt 0 ]; }

# How full it is is known as of the last checkpoint, and a suspend makes one.
checkpoint() { run_ok dmsetup suspend p && run_ok dmsetup resume p; }

keep /dev/mapper/p-a "$DRP_TMP/a"
keep /dev/mapper/p-b "$DRP_TMP/b"
kernel_mark
# Of another element, and the only one that may go; what is written of its source needs room for 7,000 chunks.
snapshot p b hourly auto_delete=yes
scribble /dev/mapper/p-b 0 14 4
checkpoint
scribble /dev/mapper/p-b 14 14 4
checkpoint
snapshot p a plain copy_priority=low
snapshot p b kept
for i in $(seq 0 39); do
	scribble /dev/mapper/p-a "$i" 1 5
	checkpoint
	! is_broken a plain || fail "a snapshot without auto_delete is lost after $((i + 1)) MiB: $(dmsetup status p)"
	! is_broken b hourly || break
done
cow_is_far_from_full
is_broken b hourly || fail "nothing is given up: $(dmsetup status p)"
kernel_said "snapshot hourly is lost: given up for room in COW space" || fail "it is not said why"
wait_until 60 below_reserve || fail "the reserve stays touched: $(dmsetup status p)"
! is_broken a plain || fail "a snapshot without auto_delete is lost"
! is_broken b kept || fail "a snapshot without auto_delete is lost"
assert_shows /dev/mapper/p-plain "$DRP_TMP/a"
ok "AutoDelete gives up for room in the index, and nobody else is lost"

wait_until 30 is_told 1 || fail "no event of the first watermark: $(cat "$DRP_TMP/events")"
wait_until 30 is_told 2 || fail "no event of the second watermark: $(cat "$DRP_TMP/events")"
grep -q 'its index takes [0-9]* of [0-9]* blocks of the metadata device' "$DRP_TMP/events" ||
	fail "it is not said what is scarce: $(cat "$DRP_TMP/events")"
kernel_said "its index takes .* return snapshots: the metadata device cannot grow" || fail "no remedy in the kernel log"
first=$(grep -n '"CowLevel": *1\b' "$DRP_TMP/events" | head -n 1 | cut -d: -f1)
given=$(grep -n 'given up' "$DRP_TMP/events" | head -n 1 | cut -d: -f1)
[ "$first" -lt "$given" ] || fail "it was given up before anybody was warned: $(cat "$DRP_TMP/events")"
ok "watermarks tell before, and what helps"

run_ok replctl pool show p --json
python3 - "$DRP_TMP/stdout" "$(cow_index p)" "$(cow_index_max p)" <<'END' || fail "pool show: $(cat "$DRP_TMP/stdout")"
import json, sys
pool = json.load(open(sys.argv[1]))
pool = pool.get("Pools", [pool])[0]
used, full = pool["CowIndexBytes"], pool["CowIndexMaxBytes"]
sys.exit(not (0 < used < full and used == int(sys.argv[2]) * 4096 and full == int(sys.argv[3]) * 4096))
END
ok "pool show and the status line tell how full the index is"

# Nobody may go now, and a write fails rather than the snapshots that stop it.
accepted p set "sync:${sync_id[plain]}" failed_copy_stops_host_io=yes
accepted p set "sync:${sync_id[kept]}" failed_copy_stops_host_io=yes
! dd if=/dev/urandom of=/dev/mapper/p-a bs=64k count=1024 oflag=direct status=none 2>/dev/null ||
	fail "everything could be overwritten: $(dmsetup status p)"
assert_state p-plain plain synchronized
assert_state p-kept kept synchronized
assert_shows /dev/mapper/p-plain "$DRP_TMP/a"
cow_is_far_from_full
assert_eq "$(cow_level p)" 2 "level of a full index"
kernel_said "no room for more of the COW index: return a snapshot" || fail "no remedy in the kernel log"
ok "FailedCopyStopsHostIO fails the write, and keeps its snapshots"

# What is set aside does for all else: state changes, an activation, deletion.
run_ok dd if=/dev/urandom of=/dev/mapper/p-m bs=64k count=16 oflag=direct status=none
element p c 16
accepted p set "sync:${sync_id[plain]}" copy_priority=high
pool_restart p
assert_match "$(dmsetup status p)" " rw " "mode of the pool"
assert_eq "$(cow_level p)" 2 "level after an activation"
assert_state p-plain plain synchronized
assert_shows /dev/mapper/p-plain "$DRP_TMP/a"
return_snapshot p hourly
return_snapshot p plain
return_snapshot p kept
wait_until 60 cow_uses p 0 || fail "$(cow_used p) chunks stay in use: $(dmsetup status p)"
wait_until 60 level_is 0 || fail "the watermark stays: $(dmsetup status p)"
assert_match "$(dmsetup status p)" " rw " "mode of the pool"
ok "all else goes on with a full index, and returning snapshots empties it"

keep /dev/mapper/p-b "$DRP_TMP/b"
kernel_mark
snapshot p a low copy_priority=low
snapshot p b other
scribble /dev/mapper/p-b 0 4 6
scribble /dev/mapper/p-a 0 64 7
assert_eq "$(sync_field p-a low state)" broken "one of the element that is written"
kernel_said "snapshot low is lost: the index of COW space is full" || fail "it is not said what is full"
assert_state p-other other synchronized
assert_shows /dev/mapper/p-other "$DRP_TMP/b"
cow_is_far_from_full
assert_match "$(dmsetup status p)" " rw " "mode of the pool"
return_snapshot p low
snapshot p a again
scribble /dev/mapper/p-a 0 4 8
assert_state p-again again synchronized
ok "without AutoDelete one of the element that is written breaks, and the source goes on"
return_snapshot p again
return_snapshot p other
