#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a COW device that is dead, in part or another one when the pool is activated: what needs it fails or is lost, nothing else is, nothing wrong is shown
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
cow_pool_create p 8
for e in a b c; do
	element p $e 8
done
scribble /dev/mapper/p-a 0 2 1
scribble /dev/mapper/p-b 0 2 2
mirror p b c
wait_state p-b bc synchronized

# DEVICE BLOCK [COUNT]: of 4 KiB, in writes of that size.
put() {
	timeout 60 dd if=/dev/urandom of="$1" bs=4k seek="$2" count="${3:-1}" oflag=direct \
		status=none 2>/dev/null
}
# DEVICE BLOCK
get() {
	timeout 60 dd if="$1" of=/dev/null bs=4k skip="$2" count=1 iflag=direct status=none 2>/dev/null
}
mirror_works() {
	run_ok put /dev/mapper/p-b 3
	wait_state p-b bc synchronized
	sync /dev/mapper/p-b
	assert_same db dc
}
# SNAPSHOT: says to its user why it is lost.
assert_invalid() {
	assert_eq "$(sync_field "p-$1" "$1" state)" invalid "state of $1"
	[[ $(replctl show "p/$1") == *"cannot be read"* ]] || fail "$1 does not say why: $(replctl show "p/$1")"
	! get "/dev/mapper/p-$1" 0 || fail "$1 is shown"
}

# ---- dead from the start, back later ----

snapshot p a x
keep /dev/mapper/p-a "$DRP_TMP/a"
run_ok put /dev/mapper/p-a 0
simdisk_set cp offline 1
pool_restart p
kernel_said "COW device cannot be read" || fail "the log does not say that the COW device is dead"
mirror_works
ok "a pool is activated with a dead COW device, and its mirrors work"

assert_state p-x x synchronized
! get /dev/mapper/p-x 0 || fail "a preserved chunk was read from a dead device"
run_ok get /dev/mapper/p-x 1
run_ok put /dev/mapper/p-a 0
assert_state p-x x synchronized
! put /dev/mapper/p-x 1 || fail "a write of a snapshot was stored on a dead device"
refused_message . p create_sync 90001 snapshot "${element_id[p/x]}" 90002 target_name=y
ok "what was preserved cannot be read, what never was can, and the source is written where nothing is to be kept"

simdisk_set cp offline 0
run_ok put /dev/mapper/p-a 1
assert_shows /dev/mapper/p-x "$DRP_TMP/a"
ok "all is back with the device"

# ---- writes that need it meanwhile ----

snapshot p b stays failed_copy_stops_host_io=yes
keep /dev/mapper/p-b "$DRP_TMP/b"
run_ok put /dev/mapper/p-b 0
simdisk_set cp offline 1
pool_restart p
run_ok put /dev/mapper/p-a 3
assert_state p-a x broken
! put /dev/mapper/p-b 4 || fail "a write got through that breaks a snapshot"
assert_state p-b stays synchronized
pool_deactivate p
simdisk_set cp offline 0
ok "a write that needs it breaks the snapshot, or fails"

# ---- which device it is, cannot be said ----

# [DEVICE]
activate() {
	local e
	run_ok dmsetup create p --table "0 8 replica-pool /dev/mp ${1:-/dev/cp} 8"
	for e in "${attached[@]}"; do
		element_attach p "$e"
	done
}
attached=(c b a x stays)
run_ok simdisk_create other 8
scribble /dev/other 0 8 5
keep /dev/other "$DRP_TMP/other"
simdisk_set other fail_range 0 8 r
activate /dev/other
simdisk_set other fail_range clear
! get /dev/mapper/p-stays 0 || fail "a chunk of another disk was shown"
! put /dev/mapper/p-b 4 || fail "a write preserved on another disk"
! put /dev/mapper/p-stays 6 || fail "a write went to another disk"
! sync /dev/mapper/p-stays 2>/dev/null || fail "a flush of another disk counts"
pool_deactivate p
shows /dev/other "$DRP_TMP/other" || fail "another disk was written"
ok "of a disk whose label could not be read nothing is shown, and nothing is written to it"

run_ok simdisk_create tiny 4
simdisk_set tiny offline 1
run_fails 1 dmsetup create p --table "0 8 replica-pool /dev/mp /dev/tiny 8"
kernel_said "smaller than it was" || fail "the refusal does not say that it is too small"
run_fails 1 dmsetup create p --table "0 8 replica-pool /dev/mp - 8"
ok "one of the wrong size and one that is missing are refused"

activate
assert_shows /dev/mapper/p-stays "$DRP_TMP/b"
assert_state p-a x broken
! get /dev/mapper/p-x 0 || fail "a broken snapshot is shown"
run_ok put /dev/mapper/p-b 4
assert_shows /dev/mapper/p-stays "$DRP_TMP/b"
return_snapshot p x
return_snapshot p stays
ok "with its own all is back that was not lost"

# ---- a chunk that was just being preserved ----

# WORD...: the COW disk is so at the activation after a crash.
crash_while_preserving() {
	local writer
	wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay in use"
	snapshot p a older
	keep /dev/mapper/p-a "$DRP_TMP/older"
	run_ok put /dev/mapper/p-a 0 2
	snapshot p a x
	snapshot p x child
	run_ok put /dev/mapper/p-a 1
	assert_eq "$(cow_used p)" 3 "chunks in use"
	simdisk_set cp hang 1
	put /dev/mapper/p-a 0 &
	writer=$!
	wait_until 60 cow_uses p 4 || fail "nothing is being preserved: $(dmsetup status p)"
	run_ok simdisk_power_fail 7
	simdisk_set cp hang 0
	! wait $writer || fail "a write was acknowledged before its chunk was preserved"
	pool_deactivate p
	run_ok simdisk_rearm
	simdisk_set cp "$@"
	activate
	simdisk_set cp offline 0
	simdisk_set cp fail_range clear
}

check_lost() {
	assert_eq "$(pool_mode p)" rw "mode of the pool"
	assert_invalid x
	assert_invalid child
	assert_state p-a older synchronized
	assert_shows /dev/mapper/p-older "$DRP_TMP/older"
}

attached=(a older x child)
crash_while_preserving fail_range 8 16376 r
check_lost
pool_deactivate p
activate
check_lost
ok "a chunk whose preserving a crash interrupted and that cannot be read takes only those that need it, for good"
return_snapshot p child force
return_snapshot p x force
return_snapshot p older

crash_while_preserving offline 1
check_lost
ok "so does a dead device"
