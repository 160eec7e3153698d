#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: while a snapshot is restored from a snapshot of it, COW space is full, fails or is dead at an activation: nothing is shown that is not true, what can go on does
# REQUIRES: replica simdisk dmsetup python3
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
CHUNK_SECTORS=32
cow_pool_create p 4
element p a 4
chunks=$(cow_chunks p)

# SEED [quiet]: 64 chunks to the MiB: x has written one, and s another one unless it is quiet.
family() {
	scribble /dev/mapper/p-a 0 4 "$1"
	snapshot p a s
	snapshot p s x
	scribble /dev/mapper/p-x 0 1 $(($1 + 1))
	keep /dev/mapper/p-x "$DRP_TMP/x"
	[ -n "${2:-}" ] || scribble /dev/mapper/p-s 1 1 $(($1 + 2))
}
# [force]
no_family() {
	return_snapshot p x "$@"
	return_snapshot p s "$@"
	wait_until 60 cow_uses p 0 || fail "$(cow_used p) chunks stay in use"
}
# DEVICE BLOCK: of 4 KiB.
get() {
	timeout 60 dd if="$1" of=/dev/null bs=4k skip="$2" count=1 iflag=direct status=none 2>/dev/null
}
both_show_it() {
	assert_shows /dev/mapper/p-s "$DRP_TMP/x"
	assert_shows /dev/mapper/p-x "$DRP_TMP/x"
}

# ---- no room for what is copied ----

family 1 quiet
snapshot p a fill
scribble /dev/mapper/p-fill 0 1 9
keep /dev/mapper/p-fill "$DRP_TMP/fill"
# The rest, but a few, goes to what is to be given back later.
snapshot p a rest
free=$((chunks - $(cow_used p) - chunks / 20 - 4))
dd if=/dev/urandom of=/dev/mapper/p-rest bs=16k count=$free oflag=direct status=none
modify p restore-from-replica x force
wait_state p-s x broken
[[ $(replctl show p/x) == *"no room"* ]] || fail "it does not say why: $(replctl show p/x)"
both_show_it
assert_shows /dev/mapper/p-fill "$DRP_TMP/fill"
for e in s fill rest; do
	assert_eq "$(sync_field p-a $e state)" skewed "$e beside a restore without room"
done
ok "without room the restore is Broken and the source shows what it should; nobody else is given up for it"

return_snapshot p rest
wait_state p-s x restored 120
both_show_it
return_snapshot p fill
no_family
ok "it goes on by itself when there is room"

family 6
snapshot p a rest
free=$((chunks - $(cow_used p) - chunks / 20 - 4))
dd if=/dev/urandom of=/dev/mapper/p-rest bs=16k count=$free oflag=direct status=none
modify p restore-from-replica x force
wait_state p-s x restored
both_show_it
return_snapshot p rest
no_family
ok "what it gives back is enough for what it copies"

# ---- the root's hosts need the room ----

family 11
modify p restore-from-replica x force rate_limit=$SLOW
snapshot p s during
snapshot p x child
dd if=/dev/urandom of="$DRP_TMP/new" bs=1M count=4 status=none
run_ok dd if="$DRP_TMP/new" of=/dev/mapper/p-a bs=64k oflag=direct status=none
# Its hosts overwrite all of it, for which there is no room.
assert_eq "$(sync_field p-a s state)" broken "what is restored"
for e in during x; do
	assert_eq "$(sync_field p-$e $e state)" broken "$e, which goes with what it comes from"
	! get /dev/mapper/p-$e 0 || fail "$e is shown"
done
! get /dev/mapper/p-s 0 || fail "a broken snapshot is shown"
ok "a full space breaks the restored one with all that belongs to it; the root goes on"
assert_shows /dev/mapper/p-a "$DRP_TMP/new"
pool_restart p
assert_shows /dev/mapper/p-a "$DRP_TMP/new"
assert_eq "$(sync_field p-a s state)" broken "what was restored"
return_snapshot p during
return_snapshot p child
no_family
ok "also after a restart"

# ---- what is lost stays so ----

family 13 quiet
snapshot p a rest copy_priority=urgent
free=$((chunks - $(cow_used p) - chunks / 20 - 4))
dd if=/dev/urandom of=/dev/mapper/p-rest bs=16k count=$free oflag=direct status=none
modify p restore-from-replica x force
wait_state p-s x broken
# It tries again until there is room, which there is once both are lost.
run_ok dd if="$DRP_TMP/new" of=/dev/mapper/p-a bs=64k oflag=direct status=none
return_snapshot p rest
sleep 15
for e in s x; do
	! get /dev/mapper/p-$e 0 || fail "$e, which was lost, is shown"
done
assert_eq "$(sync_field p-s x state)" broken "what the lost one was restored from"
pool_restart p
sleep 5
! get /dev/mapper/p-x 0 || fail "x, which was lost, is shown after a restart"
assert_eq "$(sync_field p-s x state)" broken "what the lost one was restored from, after a restart"
no_family
ok "a restore that was lost when it tried again stays lost"

# ---- errors ----

family 21
modify p restore-from-replica x force rate_limit=$SLOW
simdisk_set cp offline 1
rate x 0
wait_state p-s x broken
assert_state p-a s skewed
simdisk_set cp offline 0
both_show_it
wait_state p-s x restored 120
both_show_it
no_family
ok "errors of COW space break the restore, which goes on by itself when they are over"

family 31
modify p restore-from-replica x force rate_limit=$SLOW
simdisk_set cp fail_writes 1
rate x 0
wait_state p-s x broken
both_show_it
simdisk_set cp fail_writes 0
wait_state p-s x restored 120
both_show_it
pool_restart p
both_show_it
no_family
ok "so do places that take no data"

# ---- a dead device at an activation ----

family 41
modify p restore-from-replica x force rate_limit=$SLOW
simdisk_set cp offline 1
pool_restart p
assert_eq "$(pool_mode p)" rw "mode of the pool"
! get /dev/mapper/p-s 0 || fail "a chunk of a dead device was shown"
run_ok get /dev/mapper/p-a 0
simdisk_set cp offline 0
both_show_it
rate x 0
wait_state p-s x restored 120
both_show_it
no_family
ok "a pool is activated with a dead COW device in the middle, and goes on when that is back"

family 51
modify p restore-from-replica x force rate_limit=$SLOW
modify p suspend x
before=$(cow_used p)
simdisk_set cp hang 1
timeout 60 dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=900 count=1 oflag=direct status=none 2>/dev/null &
writer=$!
wait_until 60 cow_uses p $((before + 1)) || fail "nothing is being preserved: $(dmsetup status p)"
run_ok simdisk_power_fail 7
simdisk_set cp hang 0
! wait $writer || fail "a write was acknowledged before its chunk was preserved"
pool_deactivate p
run_ok simdisk_rearm
simdisk_set cp offline 1
pool_activate p
simdisk_set cp offline 0
for e in a s x; do
	element_attach p $e
done
assert_eq "$(pool_mode p)" rw "mode of the pool"
assert_eq "$(sync_field p-a s state)" invalid "what is restored, and needs what cannot be read"
assert_eq "$(sync_field p-s x state)" invalid "what it is restored from"
for e in s x; do
	! get /dev/mapper/p-$e 0 || fail "$e is shown"
done
run_ok get /dev/mapper/p-a 0
no_family force
ok "what cannot be read after a crash loses both and keeps no pool from being activated"
