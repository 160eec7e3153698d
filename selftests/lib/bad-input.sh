# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A quiet pool with one mirror and two snapshots for tests of bad input, made with
# dmsetup alone. Sourced after drp.sh. Pool "bad", elements 1 (a) and 2 (b), sync 3
# (ab); snapshots 4 (of a, target 5, x) and 6 (of a, target 7, y); aspect 13, of which
# the element 12 (z) is left.

# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

BAD_SECTORS=32768

# The pool's and both elements' status without what a refusal or time changes:
# metadata use, commits, checkpoints, stalls, memory, last refusal, extents.
bad_state() {
	dmsetup status bad | cut -d ' ' -f 1-8
	dmsetup status bad-a | sed -E 's|[0-9]+/([0-9]+)|/\1|'
	dmsetup status bad-b | sed -E 's|[0-9]+/([0-9]+)|/\1|'
}

bad_is_synchronized() {
	[[ "$(dmsetup status bad-a)" == *" 3 mirror s synchronized completed 100 0 "* ]]
}

bad_is_fractured() {
	[[ "$(dmsetup status bad-a)" == *" 3 mirror s fractured "* ]]
}

# What the last test of a script asks: the pool does what it is told.
bad_still_works() {
	accepted bad modify fracture 3
	wait_until 30 bad_is_fractured || fail "the mirror is not fractured: $(dmsetup status bad-a)"
}

bad_remove() {
	local dev
	for dev in bad-x bad-b bad-a bad; do
		dmsetup remove --retry "$dev" 2>/dev/null
	done
	for dev in badmeta badcow bada badb; do
		[ ! -e "/dev/$dev" ] || simdisk_remove "$dev"
	done
}

bad_setup() {
	local pool
	need dmsetup
	simdisk_loaded || skip "the module simdisk is not loaded"
	[ -d /sys/module/dm_replica ] || skip "the module dm-replica is not loaded"
	at_exit bad_remove
	run_ok simdisk_create badmeta 16
	run_ok simdisk_create badcow 32
	run_ok simdisk_create bada $((BAD_SECTORS / 2048))
	run_ok simdisk_create badb $((BAD_SECTORS / 2048))
	run_ok dmsetup create bad --table "0 8 replica-pool /dev/badmeta /dev/badcow 128 2 format name=bad"
	# Not /dev/mapper/bad: without udev nobody makes that link.
	pool=$(dmsetup info -c --noheadings --separator : -o major,minor bad)
	accepted bad create_element 1 a size=$BAD_SECTORS
	accepted bad create_element 2 b size=$BAD_SECTORS
	run_ok dmsetup create bad-a --table \
		"0 $BAD_SECTORS replica $pool 1 /dev/bada"
	run_ok dmsetup create bad-b --table \
		"0 $BAD_SECTORS replica $pool 2 /dev/badb"
	accepted bad create_sync 3 mirror 1 2 name=ab
	wait_until 30 bad_is_synchronized || fail "the mirror does not become synchronized"
	accepted bad create_sync 4 snapshot 1 5 target_name=x name=x
	accepted bad create_sync 6 snapshot 1 7 target_name=y name=y
	accepted bad create_sync 11 snapshot 1 12 target_name=z name=z
	accepted bad modify dissolve 11
	run_ok dmsetup create bad-x --table "0 $BAD_SECTORS replica $pool 5"
	# What is overwritten later changes nothing in what is kept.
	run_ok dd if=/dev/urandom of=/dev/mapper/bad-a bs=1M count=16 oflag=direct status=none
}

# DEVICE...: write to them, and read, until the script ends. Failures are allowed:
# what is asked for meanwhile may take the device away from its host.
bad_load() {
	local dev
	for dev; do
		while :; do
			dd if=/dev/zero of="$dev" bs=16k count=64 oflag=direct conv=notrunc
			dd if="$dev" of=/dev/null bs=64k count=32 iflag=direct
			sleep 0.1
		done >/dev/null 2>&1 &
		at_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
	done
}
