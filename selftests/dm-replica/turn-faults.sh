#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a clone or a restore whose disks are away, hang, or fail a FLUSH and lose their cache: no data of another time, and I/O goes on
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 500
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
shadow_bs=64k
pool_create p cache=none
element p a 8
element p b 8
element p x 8
element p y 8 cache=none
scribble /dev/mapper/p-a 0 8 1
scribble /dev/mapper/p-b 0 8 2
run_ok sync /dev/mapper/p-a
shadow take mapper/p-a source

# ELEMENT BYTES OFFSET: one request of a host.
get() {
	dd if="/dev/mapper/p-$1" of="$DRP_TMP/got" bs="$2" skip="$3" count=1 \
		iflag=direct,skip_bytes status=none
}
put() {
	dd if=/dev/urandom of="$DRP_TMP/data.$1" bs="$2" count=1 status=none
	dd if="$DRP_TMP/data.$1" of="/dev/mapper/p-$1" bs="$2" seek="$3" count=1 \
		oflag=direct,seek_bytes conv=notrunc status=none
}

# ELEMENT BYTES OFFSET MODEL: what it has written is in the model, too.
note() {
	dd if="$DRP_TMP/data.$1" of="$DRP_TMP/$4" bs="$2" seek="$3" oflag=seek_bytes \
		conv=notrunc status=none
}

# ELEMENT BYTES OFFSET MODEL: there it shows what it has to.
shows() {
	run_ok get "$1" "$2" "$3"
	run_ok cmp "$DRP_TMP/got" <(dd if="$DRP_TMP/$4" bs="$2" skip="$3" count=1 \
		iflag=skip_bytes status=none)
}

MIB=$((1 << 20))
declare -A pid_of

# ---- the other side is not attached ----

# ELEMENT: of 64 KiB the first region is its own.
reads_of_both_sides_fail() {
	run_fails any get "$1" 65536 $((2 * MIB))
	shows "$1" 4096 $((2 * MIB)) target
}

clone p a b rate_limit=$SLOW
model_copy source target
run_ok put b 4096 $((2 * MIB))
note b 4096 $((2 * MIB)) target
element_remove_device p a
reads_of_both_sides_fail b
element_attach p a
shadow compare mapper/p-b target
pool_deactivate p
pool_activate p
element_attach p b
reads_of_both_sides_fail b
element_attach p a
shadow compare mapper/p-b target
element_attach p x
element_attach p y
modify p detach ab force
ok "a read of both sides of a clone fails while its source is not attached, one of what is here does not"

# ---- a clone is given up while its target hangs ----

mirror p x a
wait_state p-x xa synchronized
modify p split xa
clone p a b rate_limit=$SLOW
run_ok put b 4096 $((2 * MIB))
simdisk_set db hang 1
get b 4096 $((2 * MIB)) &
wait_until 10 awk '{ exit !($1 + $2) }' /sys/block/db/inflight || fail "the read does not hang"
modify p abort ab force
modify p resync-replica xa
run_ok put x 4096 $((3 * MIB))
run_ok sync /dev/mapper/p-x
ok "what mirrors into the source of a clone that was given up is written, although I/O of the clone hangs"

modify p deactivate ab force
simdisk_set db hang 0
run_ok wait $!
wait_until 30 get b $MIB $((4 * MIB)) || fail "the target stays closed: $(dmsetup status p-b)"
ok "when that I/O has ended the target can be read as it is"
modify p detach ab force
wait_state p-x xa synchronized
modify p detach xa

# ---- a FLUSH that takes long ----

mirror p x y
wait_state p-x xy synchronized
modify p split xy
scribble /dev/mapper/p-y 0 8 3
shadow take mapper/p-y xtarget
modify p restore-from-replica xy rate_limit=$SLOW
shadow take mapper/p-a source
clone p a b rate_limit=$SLOW
model_copy source target

for e in b x; do
	run_ok put $e 4096 $((2 * MIB))
	[ $e = x ] || note b 4096 $((2 * MIB)) target
	[ $e = b ] || note x 4096 $((2 * MIB)) xtarget
	simdisk_set d$e hang 1
	sync /dev/mapper/p-$e &
	pid_of[$e]=$!
done
put a 4096 $((2 * MIB)) &
writer=$!
sleep 11
simdisk_set db hang 0
simdisk_set dx hang 0
run_ok wait "${pid_of[b]}"
run_ok wait "${pid_of[x]}"
run_ok wait $writer
note a 4096 $((2 * MIB)) source
assert_progress ab unsynchronized synchronizing "after a long FLUSH of its target"
shadow compare mapper/p-b target
shadow compare mapper/p-x xtarget
run_ok sync /dev/mapper/p-a
ok "a FLUSH of more than ten seconds ends well, and costs a clone nothing"

# ---- a FLUSH that fails, and takes the cache with it ----

# ELEMENT: its disk alone is to lose it, for the pool goes on with its metadata.
caches_something() {
	[ "$(cat "$SIMDISK_SYS/d$1/volatile_sectors")" -gt 0 ] ||
		fail "all of d$1 is durable: nothing can be lost"
}

# The read copied what it had to: flushed, so that it is known what is not.
run_ok sync /dev/mapper/p-b
run_ok sync /dev/mapper/p-x
for e in b x; do
	run_ok put $e 512 $((5 * MIB + 1024))
	caches_something $e
	simdisk_losing d$e run_fails any sync /dev/mapper/p-$e
	# It may be told once more.
	wait_until 10 sync /dev/mapper/p-$e || fail "p-$e cannot be flushed any more"
done
shadow compare mapper/p-b target
shadow compare mapper/p-x xtarget
ok "what was copied or written behind the last FLUSH is not taken as there when one has failed"

for e in b x; do
	run_ok put $e 512 $((6 * MIB + 1024))
	caches_something $e
	simdisk_set d$e lose_unflushed 0
	simdisk_set d$e offline 1
	element_remove_device p $e
	simdisk_set d$e lose_unflushed 1
	run_fails any sync /dev/d$e
	simdisk_set d$e lose_unflushed 0
	simdisk_set d$e offline 0
	element_attach p $e
done
shows b $MIB $((6 * MIB)) target
shows x $MIB $((6 * MIB)) xtarget
ok "the same of a device that was closed and could not be flushed"

rate xy 0
wait_state p-x xy restored
medium_is dx xtarget

# ---- a point in time that is kept for a recovery, and a request that is refused ----

simdisk_set da fail_flushes 1
simdisk_set da fail_range 12288 2 r
rate ab 0
wait_state p-a ab broken
refused "Remote I/O error" p resync-replica ab
assert_progress ab broken not-applicable "after the refusal"
simdisk_set da fail_range clear
simdisk_set da fail_flushes 0
wait_until 60 is_state p-a ab skewed || fail "it does not recover: $(dmsetup status p-a)"
medium_is db target
medium_is da source
ok "Resync Replica that cannot flush the source leaves a Broken clone its point in time"

# ---- a read of the target that takes long, at the end of the copy ----

# Of all that hosts ask of the source: milliseconds.
longest_write() {
	local end=$((SECONDS + 20)) start took longest=0
	while ((SECONDS < end)); do
		start=$(date +%s%3N)
		run_ok put a 4096 $((2 * MIB))
		took=$(($(date +%s%3N) - start))
		((took <= longest)) || longest=$took
	done
	echo $longest
}
is_through() { [[ $(sync_field p-a ab percent) = 100* ]]; }

modify p detach ab
clone p a b rate_limit=$SLOW
run_ok put b 4096 0
run_ok sync /dev/mapper/p-b
simdisk_set db read_us 30000000
get b 4096 0 &
reader=$!
rate ab 0
wait_until 20 is_through || fail "it is not copied: $(dmsetup status p-a)"
longest=$(longest_write)
kill -0 $reader || fail "the read ended too early to tell"
((longest < 3500)) || fail "a write of the source waited $longest ms for a read of the clone"
simdisk_set db read_us 0
wait $reader
wait_until 60 is_copied p-a ab || fail "the copy does not end: $(dmsetup status p-a)"
ok "a read of the clone that takes long does not stop the source's hosts (longest write $longest ms)"
