#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: metadata that fails or hangs, and devices that do not fit, while there are snapshots: none shows another time, sources go on
# REQUIRES: replica simdisk dmsetup mkfs.ext4
# TIMEOUT: 600
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

replica_setup
cow_pool_create p 2
element p a 16
scribble /dev/mapper/p-a 0 4 1

# ELEMENT MIB: in blocks of 4 KiB from the start on.
fill() { run_ok dd if=/dev/urandom of="/dev/mapper/p-$1" bs=4k count=$(($2 * 256)) oflag=direct status=none; }
# BLOCK: whatever becomes of it.
try_write() {
	timeout 60 dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek="$1" count=1 oflag=direct status=none \
		2>/dev/null
}

# ---- a point in time that is on the medium although its write failed ----

# WRITES: so many of the metadata's succeed.
answer_lost() {
	keep /dev/mapper/p-a "$DRP_TMP/a"
	next_id
	sync_id[late]=$id
	next_id
	element_id[p/late]=$id
	simdisk_set mp fail_written "$1"
	taken=accepted
	message p create_sync "${sync_id[late]}" snapshot "${element_id[p/a]}" "$id" name=late \
		target_name=late || taken=refused
	try_write 3
	try_write $((7 + $1))
	simdisk_set mp fail_written -1
	unset "element_id[p/late]"
	pool_restart p
	is_state p-a late synchronized || return
	element_id[p/late]=$id virtual_sectors[p/late]=$(blockdev --getsz /dev/mapper/p-a)
	element_attach p late
	assert_shows /dev/mapper/p-late "$DRP_TMP/a"
	[ "$taken" = accepted ] || lost=$((lost + 1))
	return_snapshot p late
}

for older in '' old; do
	[ -z "$older" ] || snapshot p a $older
	lost=0
	for n in 0 1 2 3 4 5; do
		answer_lost $n
	done
	[ $lost -gt 0 ] || fail "no snapshot was refused and is there"
	ok "a refused snapshot that is there after a restart shows its moment${older:+, beside an older one} ($lost)"
done
return_snapshot p old

# ---- what is written to a snapshot, likewise ----

snapshot p a x
run_ok dd if=/dev/urandom of=/dev/mapper/p-x bs=4k seek=1 count=1 oflag=direct status=none
keep /dev/mapper/p-x "$DRP_TMP/x"
dd if=/dev/urandom of="$DRP_TMP/block" bs=4k count=1 status=none
simdisk_set mp fail_written 0
! dd if="$DRP_TMP/block" of=/dev/mapper/p-x bs=4k seek=5 oflag=direct status=none 2>/dev/null ||
	fail "a write without a record was answered"
for n in 900 1100 1300; do
	! try_write $n || fail "a chunk that a snapshot needs was overwritten without a record"
done
simdisk_set mp fail_written -1
pool_restart p
if ! shows /dev/mapper/p-x "$DRP_TMP/x"; then
	run_ok dd if="$DRP_TMP/block" of="$DRP_TMP/x" bs=4k seek=5 conv=notrunc status=none
	assert_shows /dev/mapper/p-x "$DRP_TMP/x"
fi
ok "a chunk of a snapshot whose write was refused has what was there or what was written"
return_snapshot p x

# ---- an index that cannot be read ----

snapshot p a x
fill a 1
pool_restart p
simdisk_set mp fail_reads 1
run_ok timeout 60 dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=1000 count=1 oflag=direct status=none
simdisk_set mp fail_reads 0
assert_state p-a x broken
run_ok try_write 1001
ok "an index that cannot be read breaks the snapshot that needs it, the source is written"
return_snapshot p x

# ---- the pool is suspended while writers wait for room ----

wait_until 60 cow_uses p 0 || fail "chunks stay in use: $(dmsetup status p)"
snapshot p a x
dd if=/dev/urandom of=/dev/mapper/p-a bs=4k count=480 oflag=direct status=none
snapshot p a y
simdisk_set mp fua_us 200000
return_snapshot p x
simdisk_set mp hang 1
dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=1024 count=400 oflag=direct status=none 2>"$DRP_TMP/writer" &
writer=$!
sleep 1
dmsetup suspend p &
suspend=$!
sleep 1
simdisk_set mp fua_us 0
simdisk_set mp hang 0
wait_until 60 eval "! kill -0 $suspend 2>/dev/null" || fail "the pool's suspend does not end"
run_ok dmsetup resume p
wait $suspend || fail "the pool cannot be suspended"
wait $writer || fail "the writer failed: $(cat "$DRP_TMP/writer")"
assert_state p-a y synchronized
return_snapshot p y
ok "a pool is suspended while a writer waits for room, which comes back all the same"

# ---- a frozen file system and a journal that hangs ----

element p f 32
run_ok mkfs.ext4 -q -F /dev/mapper/p-f
mkdir "$DRP_TMP/f"
run_ok mount /dev/mapper/p-f "$DRP_TMP/f"
at_exit "umount '$DRP_TMP/f' 2>/dev/null"
simdisk_set mp hang 1
next_id
first=$id
next_id
dmsetup message p 0 create_sync "$first" snapshot "${element_id[p/f]}" "$id" name=z target_name=z \
	deadline_ms=1500 >"$DRP_TMP/answer" 2>&1 &
asker=$!
sleep 2
run_ok timeout 60 sh -c "echo text >'$DRP_TMP/f/file' && sync '$DRP_TMP/f/file'"
simdisk_set mp hang 0
wait $asker
run_ok umount "$DRP_TMP/f"
ok "the file system on the source goes on after the deadline, although the journal hangs"

# ---- disks with larger blocks ----

element p big 16 lbs=4096
element p small 16
snapshot p big s
assert_eq "$(blockdev --getss /dev/mapper/p-s)" 4096 "block size of a snapshot of a disk with such blocks"
run_ok dd if=/dev/mapper/p-s of=/dev/null bs=4k count=1 iflag=direct status=none
refused_message "nvalid argument" p create_sync 90001 clone "${element_id[p/big]}" "${element_id[p/small]}"
kernel_said "smaller logical blocks" || fail "the refusal does not say why"
ok "a snapshot has the blocks of its source, and a clone's target needs them"

# ---- COW space that grows beyond its map ----

run_ok simdisk_create mg 8
run_ok simdisk_create cg $((1 << 20))
run_ok dmsetup create space --table "0 65536 linear /dev/cg 0"
at_exit "dmsetup remove --retry space 2>/dev/null"
run_ok dmsetup create g --table "0 8 replica-pool /dev/mg /dev/mapper/space 8 1 name=g"
element g e 16
snapshot g e t
element g m 16
mirror g e m
wait_state g-e em synchronized
chunks=$(cow_chunks g)
run_ok dmsetup load space --table "0 $((2048 << 20)) linear /dev/cg 0"
run_ok dmsetup resume space
kernel_mark
run_ok dmsetup suspend g
run_ok dmsetup resume g
assert_eq "$(cow_chunks g)" "$chunks" "chunks of a space whose map has no room"
kernel_said "COW space stays at" || fail "the log does not say that it stays small"
run_ok dd if=/dev/urandom of=/dev/mapper/g-e bs=4k count=8 oflag=direct status=none
assert_state g-e t synchronized
run_ok dmsetup remove --retry g-t
run_ok dmsetup remove --retry g-e
run_ok dmsetup remove --retry g-m
run_ok dmsetup remove --retry g
run_ok dmsetup create g --table "0 8 replica-pool /dev/mg /dev/mapper/space 8"
element_attach g m
element_attach g e
run_ok dd if=/dev/urandom of=/dev/mapper/g-e bs=4k seek=8 count=8 oflag=direct status=none
assert_state g-e t synchronized
assert_eq "$(cow_chunks g)" "$chunks" "chunks after an activation"
ok "a COW device that is too big for the metadata is used as far as before"

run_ok dmsetup load space --table "0 131072 linear /dev/cg 0"
run_ok dmsetup resume space
run_ok dmsetup suspend g
run_ok dmsetup resume g
assert_eq "$(cow_chunks g)" $((2 * chunks + 1)) "chunks of a space that has grown"
run_ok dd if=/dev/urandom of=/dev/mapper/g-e bs=64k count=256 oflag=direct status=none
run_ok simdisk_power_fail 7
for dev in g-e g-m g; do
	dmsetup remove --retry $dev
done
run_ok simdisk_rearm
run_ok dmsetup create g --table "0 8 replica-pool /dev/mg /dev/mapper/space 8"
element_attach g m
element_attach g e
assert_eq "$(cow_chunks g)" $((2 * chunks + 1)) "chunks after a power failure"
assert_state g-e t synchronized
for dev in g-e g-m g; do
	run_ok dmsetup remove --retry $dev
done
ok "COW space grows while the pool runs, and is that size after a power failure"
