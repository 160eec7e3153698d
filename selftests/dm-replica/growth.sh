#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: an element grows while it is used: the target first, then the source
# REQUIRES: replica simdisk dmsetup fio
# TIMEOUT: 200
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
# The data devices are linear ones over larger disks.
for e in a b; do
	run_ok simdisk_create "s$e" 48
	run_ok dmsetup create "d$e" --table "0 65536 linear /dev/s$e 0"
	ln -sf "/dev/mapper/d$e" "/dev/d$e"
	next_id
	element_id[p/$e]=$id
	accepted p create_element "$id" $e size=65536
	element_attach p $e
done
growth_remove() {
	dmsetup remove --retry p-a
	dmsetup remove --retry p-b
	dmsetup remove --retry da
	dmsetup remove --retry db
	rm -f /dev/da /dev/db
}
at_exit growth_remove
scribble /dev/mapper/p-a 0 32 1
mirror p a b
wait_state p-a ab synchronized

# ELEMENT: its data device, then its own table; true when it has grown.
grow() {
	run_ok dmsetup load "d$1" --table "0 98304 linear /dev/s$1 0"
	run_ok dmsetup resume "d$1"
	run_ok dmsetup load "p-$1" --table "$(element_table p "$1")"
	dmsetup resume "p-$1" >"$DRP_TMP/stdout" 2>&1
}

kernel_mark
! grow a || fail "the source grew beyond its mirror"
kernel_said "cannot grow" || fail "no reason in the kernel log"
dmsetup clear p-a
run_ok dmsetup load p-a --table "0 65536 replica /dev/mapper/p ${element_id[p/a]} /dev/da"
run_ok dmsetup resume p-a
run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=64k count=4 oflag=direct status=none
assert_state p-a ab synchronized
ok "a source does not grow beyond its mirror"

fio --name=w --filename=/dev/mapper/p-a --rw=randwrite --bs=4k --size=32m --direct=1 \
	--ioengine=psync --thread --numjobs=2 --time_based --runtime=$((100 * ${DRP_SLOW:-1})) --norandommap \
	--output="$DRP_TMP/fio" >/dev/null 2>&1 &
fio_pid=$!
grow b || fail "the target does not grow: $(dmesg | tail -n 3)"
grow a || fail "the source does not grow: $(dmesg | tail -n 3)"
assert_eq "$(blockdev --getsz /dev/mapper/p-a)" 98304 "the source's size"
wait_state p-a ab synchronized
kill -INT $fio_pid
wait $fio_pid
! grep -qE 'err=[ ]*[1-9]' "$DRP_TMP/fio" || fail "fio: $(grep err= "$DRP_TMP/fio" | head -n 2)"
assert_same sa sb
ok "both grow under I/O"
scribble /dev/mapper/p-a 32 16 2
assert_state p-a ab synchronized
assert_same sa sb
ok "the new part is mirrored"

pool_restart p
wait_state p-a ab synchronized
assert_eq "$(blockdev --getsz /dev/mapper/p-a)" 98304 "the source's size after a restart"
assert_same sa sb
ok "it stays that size"
run_ok dmsetup load p-a --table "0 65536 replica /dev/mapper/p ${element_id[p/a]} /dev/da"
run_fails any dmsetup resume p-a
dmsetup clear p-a
element_remove_device p a
element_attach p a
wait_state p-a ab synchronized
ok "and does not shrink"
