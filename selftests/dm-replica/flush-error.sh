#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a leg that fails a FLUSH, whoever asked for it, makes its syncs Broken, and everything it may have lost is copied again
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 240
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

replica_setup
cow_pool_create p 16
element p a 32
element p b 32
scribble /dev/mapper/p-a 0 32 1
mirror p a b
wait_state p-a ab synchronized

write_and_sync() {
	dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek="$1" count=4 oflag=direct conv=fsync status=none
}

accepted p set "sync:${sync_id[ab]}" recovery_mode=manual
simdisk_set db fail_flushes 1
run_ok write_and_sync 8
wait_until 10 kernel_said "sync ab is Broken" || fail "not Broken: $(dmsetup status p-a)"
dirty=$(sync_field p-a ab dirty)
[ "$dirty" -ge 512 ] || fail "$dirty sectors marked: the unflushed writes are not among them"
ok "the host's sync succeeds, the sync is Broken, what was not flushed is marked"

# What the target had in its cache goes, as a disk that fails flushes may do.
simdisk_set db offline 1
run_ok write_and_sync 64
simdisk_set db fail_flushes 0
simdisk_set db offline 0
wait_state p-a ab suspended 60
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
ok "after Resume the legs are equal"

simdisk_set da fail_flushes 1
run_fails any write_and_sync 128
simdisk_set da fail_flushes 0
wait_state p-a ab suspended
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
ok "a FLUSH that the source fails is the host's error"

# A disk that loses its cache with a FLUSH that fails takes the next one.

write_only() {
	dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek="$1" count=4 oflag=direct status=none
}

# Broken, and soon after, when the leg answers again, waiting for Resume.
has_broken() { is_state "$1" "$2" broken || is_state "$1" "$2" suspended; }

# ELEMENT-DEVICE SYNC WHEN: what a leg may have lost is known.
is_known() {
	wait_until 10 has_broken "$1" "$2" || fail "$2 is $(sync_field "$1" "$2" state) after $3"
	[ "$(sync_field "$1" "$2" dirty)" -ge 512 ] || fail "$3: nothing is marked in $2"
}

# ELEMENT-DEVICE SYNC
mend() {
	wait_state "$1" "$2" suspended
	modify p resume "$2"
	wait_state "$1" "$2" synchronized
}

for op in failover reverse-roles split; do
	run_ok write_only 160
	simdisk_losing db refused "Remote I/O" p "$op" ab
	is_known p-a ab "$op"
	mend p-a ab
	assert_same da db
done
ok "Failover, Reverse Roles and Split that the target's FLUSH ended know what is lost"

element p c 32
mirror p b c recovery_mode=manual
wait_state p-b bc synchronized
run_ok write_only 192
simdisk_losing db refused "Remote I/O" p split ab
is_known p-a ab "the flush of its target"
is_known p-b bc "the flush of its source"
mend p-a ab
mend p-b bc
assert_same da db
assert_same db dc
modify p detach bc
ok "so does a mirror that starts at the target"

volatile_is_above() { [ "$(<"$SIMDISK_SYS/$1/volatile_sectors")" -gt "$2" ]; }

modify p split ab
scribble /dev/mapper/p-a 0 24 2
modify p resync-replica ab rate_limit=4M
wait_until 20 volatile_is_above db 1024 || fail "nothing is copied"
run_ok dmsetup suspend --nolockfs p-b
simdisk_losing db element_remove_device p b
element_attach p b
accepted p set "sync:${sync_id[ab]}" rate_limit=0
wait_state p-a ab synchronized
assert_same da db
ok "a copy that goes on when a leg is back copies again what it had lost"

run_ok write_only 160
simdisk_losing da refused_message "Remote I/O" p create_sync 0 snapshot "${element_id[p/a]}" 0 target_name=z
is_known p-a ab "a snapshot"
host_flush() { dd if=/dev/null of=/dev/mapper/p-a conv=fsync,notrunc status=none; }

mend p-a ab
assert_same da db
ok "a snapshot that the source's FLUSH ended tells its mirrors"
run_fails any host_flush
run_ok host_flush
run_ok write_and_sync 160
ok "and the hosts, whose next FLUSH fails, once"

# The first flush of a split succeeds, the one inside the gates outlives the deadline and
# fails then. A checkpoint may have come between, and the first one fails.
late_flush() {
	kernel_mark
	run_ok write_only 192
	simdisk_set db lose_unflushed 1
	simdisk_set db flush_us 3000000
	simdisk_set db fail_after 1
	refused "(timed out|Remote I/O)" p split ab deadline_ms=4000
	kernel_said "the flush of the target did not end" && ! kernel_said "sync ab is Broken"
}

for ((i = 0; i < 6; i++)); do
	late_flush && found=1 || found=
	is_known p-a ab "a flush that failed after the deadline"
	simdisk_set db fail_after -1
	simdisk_set db flush_us 0
	mend p-a ab
	assert_same da db
	[ -z "$found" ] || break
done
[ -n "$found" ] || fail "no flush of six splits failed late"
run_ok host_flush
ok "a flush that fails when nobody waits for it any more is told all the same"
