#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: new points in time, Deactivate, Dissolve with its aspect, snapshots of snapshots, what differs
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 480
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl
# SYNC: the aspect that Dissolve of it has just answered, or its job; it is the one that is there.
left_aspect() {
	local said=${answer#0 aspect=} there
	[[ $answer != 4096\ job=* ]] ||
		said=$(replctl job show "p/${answer#4096 job=}" | awk '$1 == "SettingsState" { print $2 }')
	there=$(aspect_of p "$1")
	[[ $said =~ ^[0-9]+$ && $said = "$there" ]] ||
		fail "Dissolve answered '$answer', its aspect is '$said', there is '$there'"
	echo "$said"
}

replica_setup
cow_pool_create p 64
element p a 16
scribble /dev/mapper/p-a 0 16 1
keep /dev/mapper/p-a "$DRP_TMP/one"

snapshot p a x wait_for_copy_state=inactive
assert_state p-x x inactive
assert_eq "$(host_access p-x)" none "access without a point in time"
! dd if=/dev/mapper/p-x of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null ||
	fail "an inactive snapshot is readable"
scribble /dev/mapper/p-a 0 1 2
assert_eq "$(cow_used p)" 0 "chunks for an inactive snapshot"
keep /dev/mapper/p-a "$DRP_TMP/two"
modify p activate x
assert_state p-x x synchronized
scribble /dev/mapper/p-a 0 2 3
assert_shows /dev/mapper/p-x "$DRP_TMP/two"
ok "Activate takes the point in time of an inactive snapshot"

scribble /dev/mapper/p-x 5 1 4
assert_state p-x x skewed
keep /dev/mapper/p-a "$DRP_TMP/three"
modify p resync-replica x
assert_state p-x x synchronized
assert_shows /dev/mapper/p-x "$DRP_TMP/three"
scribble /dev/mapper/p-a 0 3 5
assert_shows /dev/mapper/p-x "$DRP_TMP/three"
wait_until 30 cow_uses p $((3 * 256)) || fail "$(cow_used p) chunks are in use after a new point in time"
ok "Resync Replica takes a new point in time, what was written to the target goes"

modify p deactivate x
assert_state p-x x inactive
wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay after Deactivate"
! dd if=/dev/mapper/p-x of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null ||
	fail "a deactivated snapshot is readable"
keep /dev/mapper/p-a "$DRP_TMP/four"
modify p activate x
scribble /dev/mapper/p-a 1 1 6
assert_shows /dev/mapper/p-x "$DRP_TMP/four"
ok "Deactivate drops the point in time and its space, Activate takes another one"

snapshot p x y
scribble /dev/mapper/p-x 9 1 7
scribble /dev/mapper/p-a 9 2 8
assert_shows /dev/mapper/p-y "$DRP_TMP/four"
keep /dev/mapper/p-x "$DRP_TMP/x"
snapshot p x z
scribble /dev/mapper/p-x 9 1 9
scribble /dev/mapper/p-z 11 1 10
assert_shows /dev/mapper/p-y "$DRP_TMP/four"
refused "Device or resource busy" p deactivate x
refused "Device or resource busy" p resync-replica x
refused "Device or resource busy" p return-to-resource-pool x
pool_restart p
assert_shows /dev/mapper/p-y "$DRP_TMP/four"
dd if=/dev/mapper/p-z bs=1M count=11 iflag=direct status=none | cmp -s - "$DRP_TMP/x" -n $((11 << 20)) ||
	fail "a snapshot of a written snapshot does not show it"
return_snapshot p y
return_snapshot p z
ok "snapshots of a snapshot show what it was, and keep it"

keep /dev/mapper/p-x "$DRP_TMP/x"
modify p dissolve x
aspect=$(left_aspect x) || exit 1
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
scribble /dev/mapper/p-a 0 16 11
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
pool_restart p
assert_shows /dev/mapper/p-x "$DRP_TMP/x"
snapshot p a w "aspect=$aspect"
assert_shows /dev/mapper/p-w "$DRP_TMP/four"
ok "what Dissolve leaves: the target goes on, and its point in time takes another target"

element_remove_device p x
accepted p delete_element "${element_id[p/x]}"
forget_snapshot p x
return_snapshot p w
refused_message "Device or resource busy" p delete_element "${element_id[p/a]}"
snapshot p a w "aspect=$aspect"
assert_shows /dev/mapper/p-w "$DRP_TMP/four"
return_snapshot p w
accepted p delete_aspect "$aspect"
wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay: $(dmsetup status p)"
ok "an aspect keeps its point in time until it is deleted"

snapshot p a w
simdisk_set mp write_us 200000
simdisk_set mp fua_us 200000
answer=$(dmsetup message p 0 modify dissolve "${sync_id[w]}")
simdisk_set mp write_us 0
simdisk_set mp fua_us 0
[[ $answer =~ ^4096\ job=([0-9]+)$ ]] || fail "no job in '$answer'"
wait_until 20 job_is_settled p "${BASH_REMATCH[1]}" || fail "the job does not end"
aspect=$(left_aspect w) || exit 1
replctl job show "p/${answer#4096 job=}" --json | python3 -c '
import json, sys
assert json.load(sys.stdin)["SettingsState"] == int(sys.argv[1])' "$aspect" || fail "the job does not have it"
element_remove_device p w
accepted p delete_element "${element_id[p/w]}"
forget_snapshot p w
accepted p delete_aspect "$aspect"
ok "the job of a Dissolve that takes long has its aspect when it has ended"

snapshot p a one
scribble /dev/mapper/p-a 2 1 12
snapshot p a two
scribble /dev/mapper/p-a 5 1 13
scribble /dev/mapper/p-two 7 1 14
differs() { replctl diff "$1" "$2" --json | tr -d ' \n'; }
extents() { grep -oE '"OffsetBytes":[0-9]+,"LengthBytes":[0-9]+' <<<"$1" | grep -oE '[0-9]+' | xargs; }
mib=$((1 << 20))
assert_eq "$(extents "$(differs p/one p/two)")" "$((2 * mib)) $mib $((7 * mib)) $mib" \
	"what differs between two snapshots"
assert_eq "$(extents "$(differs p/two p/a)")" "$((5 * mib)) $mib $((7 * mib)) $mib" \
	"what differs between a snapshot and its source"
assert_eq "$(extents "$(differs p/one p/one)")" "" "what differs between a snapshot and itself"
assert_eq "$(extents "$(replctl map one --json | tr -d ' \n')")" \
	"$((2 * mib)) $mib $((5 * mib)) $mib" "the map of a snapshot"
element p b 4
run_fails 5 replctl diff p/one p/b
ok "what differs is told from the index"
return_snapshot p one
return_snapshot p two
