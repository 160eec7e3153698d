#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: suspend, resume, reload and remove in any order with I/O running
# REQUIRES: replica simdisk dmsetup fio
# TIMEOUT: 240
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need fio
pool_create p
element p a 32
element p b 32
scribble /dev/mapper/p-a 0 32 1
mirror p a b
wait_state p-a ab synchronized

fio_start() {
	fio --name=w --filename=/dev/mapper/p-a --rw=randrw --bs=4k --size=4m --numjobs=4 \
		--offset_increment=4m --thread --direct=1 --ioengine=psync --time_based \
		--runtime=$((300 * ${DRP_SLOW:-1})) --output="$DRP_TMP/fio" >/dev/null 2>&1 &
	fio_pid=$!
}

fio_stop() {
	kill -INT $fio_pid
	wait $fio_pid
	! grep -qE 'err=[ ]*[1-9]' "$DRP_TMP/fio" ||
		fail "fio: $(grep err= "$DRP_TMP/fio" | head -n 2)"
}

progress() {
	local writes
	kill -0 $fio_pid || fail "the writers ended $1: $(tail -n 5 "$DRP_TMP/fio")"
	writes=$(simdisk_stat da writes)
	wait_until 20 eval "[ \$(simdisk_stat da writes) -gt $((writes + 20)) ]" ||
		fail "the writers stand still $1: $(dmsetup status)"
}

reload() {
	run_ok dmsetup load "$1" --table "$(dmsetup table "$1")"
}

fio_start
fio_end() {
	local dev
	for dev in p p-b p-a; do
		dmsetup resume $dev
	done
	kill -9 "$fio_pid"
	wait "$fio_pid"
} 2>/dev/null
at_exit fio_end
progress "at first"
for flags in "" --noflush --nolockfs; do
	for dev in p-a p-b p; do
		# shellcheck disable=SC2086
		run_ok dmsetup suspend $flags $dev
		run_ok dmsetup resume $dev
		progress "after suspend $flags $dev"
	done
done
ok "suspend and resume, each kind, each device"

for dev in p-a p-b p; do
	reload $dev
	run_ok dmsetup resume $dev
	progress "after a reload of $dev"
	run_ok dmsetup suspend --noflush $dev
	reload $dev
	run_ok dmsetup resume $dev
	progress "after a reload of $dev while suspended"
	reload $dev
	run_ok dmsetup clear $dev
	progress "after a table that was cleared of $dev"
done
ok "reload with and without suspend, and a table that is loaded and cleared"

run_ok dmsetup suspend p
reload p-a
run_ok dmsetup resume p
run_ok dmsetup resume p-a
progress "after a reload of p-a while the pool is suspended"
run_ok dmsetup suspend p-b
run_ok dmsetup suspend p
# Refused or waits, for its pool is suspended; neither may spoil anything.
timeout 3 dmsetup resume p-b 2>/dev/null
run_ok dmsetup resume p
run_ok dmsetup resume p-b
progress "after crossed suspends"
ok "pool and elements suspended across each other"

modify p split ab
run_ok dmsetup suspend p-b
run_ok dmsetup suspend --noflush p-a
refused_message "." p modify resync-replica "${sync_id[ab]}"
run_ok dmsetup resume p-a
run_ok dmsetup resume p-b
progress "after a refused resync"
modify p resync-replica ab
run_ok dmsetup suspend --noflush p-a
run_ok dmsetup suspend --noflush p-b
run_ok dmsetup resume p-b
run_ok dmsetup resume p-a
wait_state p-a ab synchronized 120
progress "after a suspend while copying"
ok "suspend and resume while it copies"

fio_stop
assert_same da db
ok "no I/O failed, the legs are equal"

run_fails any dmsetup remove p
ok "a pool with elements cannot be removed"
element_remove_device p a
element_attach p a
element_remove_device p b
element_remove_device p a
element_attach p b
element_attach p a
wait_state p-a ab synchronized
pool_restart p
wait_state p-a ab synchronized
assert_same da db
ok "remove and create in any order"
