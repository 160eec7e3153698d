#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: what is zero in a clone's source is not copied: the target writes zeroes itself, where it can
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 240
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
MIB=$((1 << 20))
pool_create p
# MiB 0 to 2 and half of 3 hold data, and one sector in 10 and in 20.
element p a 32
scribble /dev/mapper/p-a 0 3 1
for offset in $((3 * MIB)) $((10 * MIB + 777 * 512)) $((20 * MIB + 2047 * 512)); do
	count=1
	[ "$offset" -ne $((3 * MIB)) ] || count=1024
	run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=512 count=$count \
		seek=$((offset / 512)) oflag=direct conv=notrunc
done
shadow take mapper/p-a source

bytes_zeroed() { echo $(($(simdisk_stat "$1" write_zeroes_sectors) * 512)); }

# NAME WRITTEN-MIB ZEROED-MIB: what the device of NAME was told since the last call.
device_ops() {
	local written zeroed
	written=$(($(bytes_written "d$1") - ${written_before:-0}))
	zeroed=$(($(bytes_zeroed "d$1") - ${zeroed_before:-0}))
	[ "$written" -le $(($2 * MIB)) ] || fail "$written bytes were written to $1"
	[ "$zeroed" -ge $(($3 * MIB)) ] || fail "only $zeroed bytes were zeroed on $1"
	echo "# $1: $((written / 1024)) KiB written, $((zeroed / 1024)) KiB zeroed"
}
look_at() {
	written_before=$(bytes_written "d$1")
	zeroed_before=$(bytes_zeroed "d$1")
}

element p b 32
scribble /dev/mapper/p-b 0 32 2
look_at b
clone p a b
wait_state p-a ab synchronized
medium_is db source
device_ops b 8 24
ok "only what holds data is copied, and the target holds zeroes where the source does"

# Hosts on both sides, and a source that becomes zero.
modify p split ab
scribble /dev/mapper/p-b 12 8 3
run_ok blkdiscard -z -o 0 -l $((2 * MIB)) /dev/mapper/p-a
shadow take mapper/p-a source
look_at b
modify p resync-replica ab rate_limit=$SLOW
model_copy source target
shadow write mapper/p-b target seed=1 count=40 max=16 zeroes=1
shadow write mapper/p-a source seed=1 count=40 max=16 zeroes=1
rate ab 0
wait_state p-a ab skewed
medium_is da source
medium_is db target
device_ops b 8 5
ok "a resync that finds zeroes: the writes of both hosts stay"

# Zeroes that the power takes are not believed to be there.
shadow take mapper/p-a source
for loss in drop sectors; do
	scribble /dev/mapper/p-b 0 16 4
	modify p resync-replica ab rate_limit=$SLOW
	look_at b
	rate ab 0
	wait_until 30 eval "[ \$(bytes_zeroed db) -gt $zeroed_before ]" || fail "nothing is zeroed"
	simdisk_power_fail 7 $loss
	power_is_back a b
	shadow compare mapper/p-b source
	wait_state p-a ab synchronized
	medium_is db source
done
ok "after a power failure the clone shows its point in time, and ends as that"
modify p detach ab

# A target that cannot: zeroes are copied.
element p c 32 discard=0
scribble /dev/mapper/p-c 0 32 6
clone p a c
wait_state p-a ac synchronized
medium_is dc source
assert_eq "$(bytes_zeroed dc)" 0 "bytes zeroed by a disk that cannot"
modify p detach ac
ok "a target that cannot write zeroes gets them as data"

# One that says it can, and fails.
element p d 32
scribble /dev/mapper/p-d 0 32 7
simdisk_set dd fail_discards 1
clone p a d
wait_state p-a ad synchronized
medium_is dd source
ok "a target that fails to write zeroes gets them as data"

# Nor is anything zero that cannot be read.
modify p split ad
simdisk_set dd fail_discards 0
scribble /dev/mapper/p-d 0 32 8
simdisk_set da fail_range $((6 * 2048 + 3)) 1 r
modify p resync-replica ad
wait_until 30 is_state p-a ad broken || fail "not Broken: $(dmsetup status p-a)"
simdisk_set da fail_range clear
wait_state p-a ad synchronized 120
medium_is dd source
ok "what cannot be read is not taken for zeroes"
