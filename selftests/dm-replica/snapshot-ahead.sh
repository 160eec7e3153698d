#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: what a sequential writer will overwrite is preserved before it comes: bounded, never in anybody's way, shown by snapshots as it was
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need fio
replica_setup
cow_pool_create p 128
element p a 32
scribble /dev/mapper/p-a 0 32 1
keep /dev/mapper/p-a "$DRP_TMP/old"

# FROM COUNT [KIB]: writes of 64 KiB that follow each other.
write_on() {
	run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs="${3:-64}k" seek="$1" count="$2" oflag=direct \
		status=none
}
becomes() { wait_until 30 cow_uses p "$1" || fail "$(cow_used p) chunks are in use, not $1: $2"; }
# Whatever is being preserved has been: the pool waits for it.
quiet() {
	run_ok dmsetup suspend p
	run_ok dmsetup resume p
}
come_back() { becomes 0 "all snapshots were returned"; }

# ---- how much, and what it costs ----

snapshot p a x
# Before the first chunk its snapshots' records are told: that is over then.
write_on 400 1
simdisk_reset_stats da cp
write_on 0 2
quiet
assert_eq "$(cow_used p)" 48 "chunks after a write elsewhere and two that follow each other"
write_on 2 1
becomes 112 "as many ahead as the third write has come along"
assert_eq "$(simdisk_stat da read_sectors)" $((96 * 8)) "sectors read of the source: each chunk once"
assert_eq "$(simdisk_stat cp write_sectors)" $((96 * 8)) "sectors written to COW space"
ok "a sequential writer is preserved ahead of, as far as it has come along"

simdisk_reset_stats da cp
write_on 3 1
assert_eq "$(simdisk_stat da reads) $(simdisk_stat da writes) $(simdisk_stat cp writes)" "0 1 0" \
	"reads and writes of the source, writes to COW space"
ok "a write that comes after that costs one write"

write_on 4 28
quiet
used=$(cow_used p)
[ "$used" -gt $((16 + 512)) ] || fail "$used chunks in use: nothing is preserved ahead any more"
[ "$used" -le $((16 + 512 + 256)) ] || fail "$used chunks in use, more than 1 MiB ahead"
assert_eq "$(cmp -l <(head -c 2M /dev/mapper/p-x) <(head -c 2M "$DRP_TMP/old") | wc -l)" 0 "what differs"
assert_shows /dev/mapper/p-x "$DRP_TMP/old"
ok "never more than 1 MiB ahead"

write_on 32 480
quiet
assert_eq "$(cow_used p)" $((32 * 256)) "chunks of all the element"
assert_shows /dev/mapper/p-x "$DRP_TMP/old"
return_snapshot p x
come_back
ok "nor beyond the end"

# ---- who does not follow ----

keep /dev/mapper/p-a "$DRP_TMP/old"
snapshot p a x
for ((i = 0; i < 100; i++)); do
	write_on $((i * 37 % 101 * 5)) 1 4
done
quiet
assert_eq "$(cow_used p)" 100 "chunks after 100 writes here and there"
# They preserve in several operations at a time themselves.
write_on 8 4 1024
quiet
assert_eq "$(cow_used p)" $((100 + 1024)) "chunks after large writes"
assert_shows /dev/mapper/p-x "$DRP_TMP/old"
return_snapshot p x
come_back
ok "nothing is preserved ahead of random writes, nor of large ones"

# ---- nobody waits for it ----

# Three writes, and 48 chunks ahead: the second one from here asks for more.
begin_stream() {
	keep /dev/mapper/p-a "$DRP_TMP/old"
	snapshot p a x
	write_on 0 3
	becomes 96 "ahead of three writes"
}
# More is on its way, and does not get through.
ahead_hangs() {
	begin_stream
	simdisk_set cp hang 1
	simdisk_reset_stats da
	write_on 3 2
	wait_until 30 eval '[ "$(simdisk_stat da read_sectors)" = 512 ]' ||
		fail "$(simdisk_stat da read_sectors) sectors were read ahead, not 512"
}

ahead_hangs
ok "the write that asks for more does not wait for it"

run_ok dmsetup suspend p-a
run_ok dmsetup resume p-a
ok "nor does a suspend of the element"

snapshot p a y
keep /dev/mapper/p-a "$DRP_TMP/new"
return_snapshot p x
simdisk_set cp hang 0
quiet
scribble /dev/mapper/p-a 0 4 2
assert_shows /dev/mapper/p-y "$DRP_TMP/new"
return_snapshot p y
come_back
ok "nor a new snapshot or the return of one: what was preserved for nobody comes back"

ahead_hangs
return_snapshot p x
simdisk_set cp hang 0
come_back
ok "nor the return of the last one"

# A write of what is on its way waits for that and does not preserve it again.
ahead_hangs
dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=7 count=1 oflag=direct status=none &
writer=$!
simdisk_set cp hang 0
wait $writer || fail "a write failed that came while its chunks were preserved ahead"
quiet
# It asks for more in turn.
assert_eq "$(cow_used p)" 224 "chunks in use"
assert_eq "$(simdisk_stat da read_sectors)" $((128 * 8)) "sectors read: each chunk once"
assert_shows /dev/mapper/p-x "$DRP_TMP/old"
return_snapshot p x
come_back
ok "a write that comes too early waits for what is on its way"

# ---- what stops it harms nobody ----

begin_stream
simdisk_set cp offline 1
write_on 3 2
quiet
simdisk_set cp offline 0
becomes 96 "COW space was gone"
assert_state p-x x synchronized
write_on 5 4
quiet
assert_state p-x x synchronized
assert_shows /dev/mapper/p-x "$DRP_TMP/old"
return_snapshot p x
come_back
ok "COW space that takes nothing ahead breaks no snapshot: nobody had to be preserved for"

begin_stream
simdisk_set da fail_range $((100 * 8)) 8 r
write_on 3 2
quiet
assert_eq "$(cow_used p)" 96 "chunks when one of those ahead cannot be read"
assert_state p-x x synchronized
simdisk_set da fail_range clear
write_on 5 4
assert_shows /dev/mapper/p-x "$DRP_TMP/old"
return_snapshot p x
come_back
ok "nor does a source that cannot be read ahead"

# ---- the content, under writers ----

# Four writers, each in its own 4 MiB, while points in time come and go.
keep /dev/mapper/p-a "$DRP_TMP/first"
snapshot p a first
for bs in 4k 64k; do
	fio --name=w --filename=/dev/mapper/p-a --rw=write --bs=$bs --size=4m --offset_increment=8m \
		--numjobs=4 --thread --direct=1 --ioengine=libaio --iodepth=4 --randseed=5 \
		--refill_buffers >"$DRP_TMP/fio" 2>&1 &
	writer=$!
	for i in 1 2 3; do
		snapshot p a "s$i"
		keep "/dev/mapper/p-s$i" "$DRP_TMP/s$i"
		assert_shows /dev/mapper/p-first "$DRP_TMP/first"
	done
	wait $writer || fail "fio: $(<"$DRP_TMP/fio")"
	for i in 1 2 3; do
		assert_shows "/dev/mapper/p-s$i" "$DRP_TMP/s$i"
	done
	assert_shows /dev/mapper/p-first "$DRP_TMP/first"
	return_snapshot p s2
	assert_shows /dev/mapper/p-s1 "$DRP_TMP/s1"
	assert_shows /dev/mapper/p-s3 "$DRP_TMP/s3"
	return_snapshot p s1
	return_snapshot p s3
done
return_snapshot p first
come_back
ok "snapshots show what they showed at their time, whatever sequential writers do"

pool_restart p
replica_remove_all
unset 'element_id[p/a]'

# ---- little room ----

cow_pool_create p 4
element p a 32
scribble /dev/mapper/p-a 0 32 3
keep /dev/mapper/p-a "$DRP_TMP/old"
snapshot p a x failed_copy_stops_host_io=yes
slots=$(cow_chunks p)
full=$((slots / 16))
for ((i = 0; i < full; i++)); do
	write_on $i 1
	[ $((i % 7)) = 6 ] || continue
	quiet
	used=$(cow_used p)
	[ "$used" -le $(((i + 1) * 16)) ] || [ $((used * 100)) -le $((slots * 80)) ] ||
		fail "$used of $slots chunks are in use after $((i + 1)) writes: ahead of them beyond 80 %"
done
assert_eq "$(cow_used p)" $((full * 16)) "chunks in use, all of them written"
assert_state p-x x synchronized
assert_shows /dev/mapper/p-x "$DRP_TMP/old"
ok "nothing is preserved ahead that would take COW space to its watermark"

! dd if=/dev/urandom of=/dev/mapper/p-a bs=64k seek=$full count=1 oflag=direct status=none 2>/dev/null ||
	fail "a write got through without room for what it overwrites"
assert_shows /dev/mapper/p-x "$DRP_TMP/old"
return_snapshot p x
come_back
snapshot p a x
keep /dev/mapper/p-a "$DRP_TMP/old"
write_on 0 $((full + 8))
assert_eq "$(sync_field p-a x state)" broken "a snapshot without room for what it needs"
return_snapshot p x
come_back
ok "who writes on decides what full COW space means"
