#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a bad sector of a source's disk: its snapshots have from an equal mirror what is there, and from no other
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

# Chunks are blocks of 4 KiB. DISK BLOCK: its sixth sector cannot be read.
bad() { simdisk_set "$1" fail_range $(($2 * 8 + 5)) 1 r; }
good() {
	local disk
	for disk; do simdisk_set "$disk" fail_range clear; done
}
# DEVICE BLOCK [BLOCKS [BLOCKSIZE]]: by a host, in one write.
put() {
	timeout 60 dd if=/dev/urandom of="/dev/mapper/p-$1" bs="${4:-4k}" seek="$2" count="${3:-1}" \
		oflag=direct conv=notrunc status=none 2>"$DRP_TMP/put"
}
put_ok() { put "$@" || fail "a write of $1 at block $2 failed: $(cat "$DRP_TMP/put")"; }
# DISK: it works on something.
is_busy() { [ "$(simdisk_stat "$1" inflight)" -gt 0 ]; }
# DEVICE BLOCK: it cannot be read.
unreadable() {
	run_fails any dd if="/dev/mapper/p-$1" of=/dev/null bs=4k skip="$2" count=1 iflag=direct status=none
}
# DISK: it was read since its counters were reset.
was_read() { [ "$(simdisk_stat "$1" reads)" -gt 0 ] || fail "$1 was not read"; }
take() {
	keep /dev/mapper/p-a "$DRP_TMP/a"
	snapshot p a "$1"
}

replica_setup
cow_pool_create p 32
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-a ab synchronized

# ---- an equal mirror ----

take s
bad da 125
put_ok a 125
assert_state p-a s synchronized
assert_state p-a ab synchronized
assert_shows /dev/mapper/p-s "$DRP_TMP/a"
kernel_said "element a: read of sector 1000 for a snapshot failed, mirror b has it" ||
	fail "the log does not say whose disk failed and who had it"
ok "what a host overwrites first is preserved from the mirror"

bad da 300
put_ok a 2400 1 512
bad da 408
put_ok a 25 1 64k
for ((i = 500; i < 600; i++)); do
	[ $i != 560 ] || bad da $i
	put_ok a $i
done
good da
assert_state p-a s synchronized
assert_shows /dev/mapper/p-s "$DRP_TMP/a"
assert_same da db
ok "also for a write beside the bad sector, for many chunks, and in the middle of a stream"

return_snapshot p s
take s
snapshot p s t
bad da 700
bad da 720
assert_shows /dev/mapper/p-s "$DRP_TMP/a"
assert_shows /dev/mapper/p-t "$DRP_TMP/a"
ok "snapshots, and those of snapshots, are read through it"

put_ok s 5601 1 512
dd if=/dev/mapper/p-s of="$DRP_TMP/s" bs=1M iflag=direct status=none
cp "$DRP_TMP/a" "$DRP_TMP/want"
dd if="$DRP_TMP/s" of="$DRP_TMP/want" bs=512 skip=5601 seek=5601 count=1 conv=notrunc status=none
cmp -s "$DRP_TMP/s" "$DRP_TMP/want" || fail "a write of a part of a chunk has changed more, or nothing"
! cmp -s "$DRP_TMP/s" "$DRP_TMP/a" || fail "a write of a snapshot came to nothing"
assert_shows /dev/mapper/p-t "$DRP_TMP/a"
ok "a part of a chunk of a snapshot can be written over it"

put_ok s 720
snapshot p s u
simdisk_reset_stats db
modify p restore-from-replica t force
wait_state p-s t restored
was_read db
assert_shows /dev/mapper/p-s "$DRP_TMP/a"
ok "a restore into a snapshot copies it"
for x in u t s; do return_snapshot p $x; done
good da

# ---- another mirror ----

element p c 16
mirror p a c
wait_state p-a ac synchronized
take s
bad da 800
bad db 800
put_ok a 800
bad da 810
bad dc 810
assert_shows /dev/mapper/p-s "$DRP_TMP/a"
assert_state p-a s synchronized
ok "one mirror has what another one lacks, too"

good da db dc
bad da 820
bad db 820
bad dc 820
unreadable s 820
put_ok a 820
assert_state p-a s broken
assert_state p-a ab synchronized
kernel_said "element a: what is at sector 6560 cannot be read" || fail "the log does not say so"
good da db dc
return_snapshot p s
modify p detach ac
ok "what none of them has breaks the snapshot"

# ---- copies preserve, too ----

element p x 16
mirror p x a
wait_state p-x xa synchronized
wait_state p-a ab synchronized
modify p fracture xa
put_ok x 900
take s
bad da 900
simdisk_reset_stats db
modify p resync-replica xa
wait_state p-x xa synchronized
was_read db
assert_state p-a s synchronized
good da
assert_shows /dev/mapper/p-s "$DRP_TMP/a"
assert_same dx da
assert_same da db
return_snapshot p s
modify p detach xa
ok "a copy to the source preserves from the source's mirror"

# ---- a mirror whose gate closes meanwhile ----

# BLOCK: a write that waits while the source's disk hangs, in $writer.
put_hanging() {
	simdisk_set da hang 1
	put a "$1" &
	writer=$!
	wait_until 20 is_busy da || fail "nothing is read from the source"
}

take s
bad da 1000
put_hanging 1000
run_ok dmsetup suspend p-b
simdisk_set da hang 0
sleep 1
kill -0 $writer 2>/dev/null || fail "a write does not wait for the suspended target"
run_ok dmsetup resume p-b
wait $writer || fail "the write failed: $(cat "$DRP_TMP/put")"
assert_state p-a s synchronized
assert_shows /dev/mapper/p-s "$DRP_TMP/a"
ok "a target that is suspended just then is waited for"

bad da 1010
put_hanging 1010
element_remove_device p b
simdisk_set da hang 0
wait $writer || fail "the write failed: $(cat "$DRP_TMP/put")"
wait_state p-a s broken
unreadable s 1010
ok "one that is gone is not waited for: the snapshot is Broken, the write done"
good da
element_attach p b
wait_state p-a ab synchronized
assert_same da db
return_snapshot p s

# ---- a mirror that changes while it is read ----

# BLOCK: a write that waits while the mirror's disk hangs, in $writer.
put_mirror_hanging() {
	bad da "$1"
	simdisk_set db hang 1
	put a "$1" &
	writer=$!
	wait_until 20 is_busy db || fail "nothing is read from the mirror"
}

take s
put_mirror_hanging 1100
refused "timed out" p split ab deadline_ms=1000
refused "timed out" p fracture ab deadline_ms=1000
simdisk_set db hang 0
wait $writer || fail "the write failed: $(cat "$DRP_TMP/put")"
assert_state p-a s synchronized
assert_shows /dev/mapper/p-s "$DRP_TMP/a"
ok "a mirror is not split while a snapshot's data is read from it"

put_mirror_hanging 1110
dmsetup message p 0 modify suspend "${sync_id[ab]}" >"$DRP_TMP/answer" 2>&1 &
asker=$!
wait_until 20 is_state p-a ab suspended || fail "the mirror is not suspended"
simdisk_set db hang 0
wait $writer || fail "the write failed: $(cat "$DRP_TMP/put")"
wait $asker
wait_state p-a s broken
unreadable s 1110
ok "what was read from a mirror that follows no more does not count"
good da
modify p resume ab
wait_state p-a ab synchronized
assert_same da db
return_snapshot p s

# ---- mirrors that are not equal ----

# PREPARE: what makes the mirror something else; then it must not be read.
not_read() {
	kernel_mark
	take s
	"$@"
	bad da 200
	simdisk_reset_stats db
	unreadable s 200
	put_ok a 200
	assert_state p-a s broken
	# A Broken one is probed.
	[ "$1" = failing ] || assert_eq "$(simdisk_stat db reads)" 0 "reads of a mirror that may differ"
	! kernel_said "for a snapshot failed" || fail "a mirror that may differ was believed"
	run_fails any dd if=/dev/mapper/p-s of=/dev/null bs=4k count=1 iflag=direct status=none
	good da
	return_snapshot p s
}
fractured() { modify p fracture ab; }
written_there() {
	fractured
	put_ok b 200
}
suspended() { modify p suspend ab; }
suspended_behind() {
	suspended
	put_ok a 201
}
again() {
	modify p "$@" ab
	wait_state p-a ab synchronized
	assert_same da db
}

not_read fractured
again resync-replica
not_read written_there
again resync-replica
not_read suspended
again resume
not_read suspended_behind
again resume
ok "fractured, written, suspended, left behind: such a mirror is not read"

failing() {
	accepted p set "sync:${sync_id[ab]}" recovery_mode=manual
	simdisk_set db fail_writes 1
	put_ok a 201
	simdisk_set db fail_writes 0
	is_state p-a ab broken || is_state p-a ab suspended || fail "the mirror is not Broken"
}
not_read failing
wait_state p-a ab suspended
again resume
ok "nor one whose target took no write"

modify p detach ab
take s
bad da 210
unreadable s 210
put_ok a 210
assert_state p-a s broken
ok "nor a disk that was a mirror once"
