#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: an element whose mirrors find no room for its new size stays as it was
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 200
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
# Room for one bitmap of HUGE sectors, not for two.
run_ok simdisk_create mp 8
run_ok dmsetup create p --table "$(pool_table p name=p)"
SMALL=32771 LARGER=65536 HUGE=125829120
# The data devices are linear ones over larger disks; the size cuts a region.
for e in a b c; do
	run_ok simdisk_create "s$e" 61440
	run_ok dmsetup create "d$e" --table "0 $SMALL linear /dev/s$e 0"
	ln -sf "/dev/mapper/d$e" "/dev/d$e"
	next_id
	element_id[p/$e]=$id
	accepted p create_element "$id" $e size=$SMALL
	element_attach p $e
done
growth_remove() {
	for e in a b c; do
		dmsetup remove --retry p-$e
		dmsetup remove --retry d$e
		rm -f /dev/d$e
	done
}
at_exit growth_remove
scribble /dev/mapper/p-a 0 16 1
mirror p a b
mirror p a c
wait_state p-a ab synchronized
wait_state p-a ac synchronized
# What lies behind the end of the source is not that of its targets.
run_ok dd if=/dev/urandom of=/dev/sa bs=512 seek=$SMALL count=64 oflag=direct conv=notrunc status=none

# ELEMENT SECTORS: its data device and its own table; true when it has grown.
grow() {
	run_ok dmsetup load "d$1" --table "0 $2 linear /dev/s$1 0"
	run_ok dmsetup resume "d$1"
	run_ok dmsetup load "p-$1" --table "$(element_table p "$1")"
	dmsetup resume "p-$1" >"$DRP_TMP/stdout" 2>&1
}
grow b $HUGE || fail "the first target does not grow"
grow c $HUGE || fail "the second target does not grow"
kernel_mark
! grow a $HUGE || fail "the source grew although there is no room"
kernel_said "no room on the metadata device" || fail "no reason in the kernel log"
dmsetup clear p-a
run_ok dmsetup load p-a --table "0 $SMALL replica /dev/mapper/p ${element_id[p/a]} /dev/da"
run_ok dmsetup resume p-a
wait_state p-a ab synchronized
wait_state p-a ac synchronized
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k count=4 oflag=direct status=none
for s in ab ac; do
	assert_state p-a $s synchronized
	assert_eq "$(sync_field p-a $s dirty)" 0 "what differs of $s"
done
ok "nothing is left of a growth that had no room"

run_ok dmsetup suspend p-a
run_ok dmsetup load da --table "0 $LARGER linear /dev/sa 0"
run_ok dmsetup resume da
run_ok dmsetup load p-a --table "$(element_table p a)"
run_ok dmsetup resume p-a
wait_state p-a ab synchronized
wait_state p-a ac synchronized
assert_same sa sb $((LARGER / 2048))
assert_same sa sc $((LARGER / 2048))
ok "it grows as far as there is room, the rest of a cut region with it"
