#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: table lines that are wrong are refused with words and change nothing
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 150
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 16
element p b 16
mirror p a b
wait_state p-a ab synchronized
run_ok simdisk_create d1 16
run_ok simdisk_create d2 4
run_ok simdisk_create d3 16
run_ok simdisk_create d4 16
for d in d1 d2 d3; do
	scribble /dev/$d 0 4 9
done
sums=$(sha1sum /dev/d1 /dev/d2 /dev/d3 /dev/d4)

# WHAT TABLE: dmsetup create must fail with words in the kernel log.
bad_table() {
	kernel_mark
	run_fails any dmsetup create bad --table "$2"
	[ ! -e /dev/mapper/bad ] || fail "$1: a device is there"
	kernel_said "replica" || fail "$1: refused without a word in the kernel log"
}

size=$((16 * 2048))
pool_args="0 8 replica-pool"
while IFS='|' read -r what words; do
	bad_table "$what" "$pool_args $words"
done <<-'TEXT'
	no arguments|
	no chunk size|/dev/d4 -
	chunk is no power of two|/dev/d4 - 100
	chunk too small|/dev/d4 - 4
	chunk is no number|/dev/d4 - x
	count without features|/dev/d4 - 128 1
	features without count|/dev/d4 - 128 name=x
	count too small|/dev/d4 - 128 1 name=x format
	count too large|/dev/d4 - 128 3 name=x format
	huge count|/dev/d4 - 128 99999999999999999999 name=x
	unknown feature|/dev/d4 - 128 1 fast
	feature twice|/dev/d4 - 128 2 name=x name=y
	name with a slash|/dev/d4 - 128 1 name=a/b
	name with two dots|/dev/d4 - 128 1 name=..
	empty name|/dev/d4 - 128 1 name=
	region larger than extent|/dev/d4 - 128 2 region=2048 extent=128
	region is no power of two|/dev/d4 - 128 1 region=9
	no such device|/dev/nothing - 128
	foreign content|/dev/d1 - 128 1 name=x
	too small|/dev/d2 - 128 2 name=x format
	COW device is the metadata device|/dev/d4 /dev/d4 128 1 name=x
	metadata of another pool's device|/dev/mp - 128
	another name than the pool has|/dev/mp - 128 1 name=other
TEXT
ok "pool tables"

while IFS='|' read -r what words; do
	bad_table "$what" "0 $size replica $words"
done <<-'TEXT'
	no arguments|
	no id|/dev/mapper/p
	no data device|/dev/mapper/p 1
	data device "-"|/dev/mapper/p 1 -
	id zero|/dev/mapper/p 0 /dev/d3
	negative id|/dev/mapper/p -1 /dev/d3
	id is no number|/dev/mapper/p a /dev/d3
	unknown element|/dev/mapper/p 77 /dev/d3
	no such pool|/dev/mapper/q 1 /dev/d3
	a disk as pool|/dev/d1 1 /dev/d3
	an element as pool|/dev/mapper/p-a 1 /dev/d3
	no such data device|/dev/mapper/p 1 /dev/nothing
	data device too small|/dev/mapper/p 1 /dev/d2
	data device of another element|/dev/mapper/p 1 /dev/db
	the pool's metadata as data|/dev/mapper/p 1 /dev/mp
	the pool as data|/dev/mapper/p 1 /dev/mapper/p
	an element's device as data|/dev/mapper/p 1 /dev/mapper/p-b
	unknown feature|/dev/mapper/p 1 /dev/da 1 fast
	wrong count|/dev/mapper/p 1 /dev/da 2 identity=x
	empty identity|/dev/mapper/p 1 /dev/da 1 identity=
TEXT
ok "element tables"

bad_table "an element that is attached already" "$(element_table p a d3)"
bad_table "an element shorter than its size" \
	"0 $((size / 2)) replica /dev/mapper/p ${element_id[p/a]} /dev/da"
ok "an attached element and one that is cut"

# Refused at load: the live table goes on.
for table in "0 $size replica /dev/mapper/p ${element_id[p/a]} /dev/d2" \
	"0 $size replica /dev/mapper/p 77 /dev/da" "0 $size replica"; do
	run_fails any dmsetup load p-a --table "$table"
	run_ok dmsetup resume p-a
done
run_fails any dmsetup load p --table "$pool_args /dev/d1 - 128"
run_ok dmsetup resume p
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k count=4 oflag=direct status=none
assert_state p-a ab synchronized
assert_same da db
ok "a load that is refused leaves the live table as it is"

assert_eq "$(sha1sum /dev/d1 /dev/d2 /dev/d3 /dev/d4)" "$sums" "the disks' content"
ok "nothing was written"

# A second pool device on the same metadata, and one whose pool is gone.
pool_deactivate p
run_fails any dmsetup create p-a --table "0 $size replica /dev/mapper/p ${element_id[p/a]} /dev/da"
ok "an element without its pool is refused"
pool_activate p
element_attach p a
element_attach p b
wait_state p-a ab synchronized
assert_same da db
ok "and everything is as before"

# The disk of a table that waits is given to another element meanwhile.
element p c $((size / 2048))
run_ok simdisk_create spare $((size / 2048))
run_ok dmsetup load p-a --table "$(element_table p a spare)"
element_remove_device p c
element_attach p c spare
run_fails any dmsetup resume p-a
kernel_said "is in use by c of pool p" || fail "the log does not name the other element"
run_ok dmsetup load p-a --table "$(element_table p a da)"
run_ok dmsetup resume p-a
wait_state p-a ab synchronized
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k count=4 oflag=direct status=none
assert_same da db
ok "two tables that were loaded for one disk: the second is not resumed"
