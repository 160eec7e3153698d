#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a snapshot taken while its source is restored, from a mirror or a snapshot, shows what hosts saw then, also after power failures; older ones keep theirs
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 600
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
seed=${SEED:-$RANDOM}
echo "# SEED=$seed"
RANDOM=$seed
run_ok simdisk_create mp 16
run_ok simdisk_create cp 40
# A region is larger than a chunk: of some chunks only a part is brought at a time.
# With an odd seed a chunk has many regions, as by default.
region=32
[ $((seed % 2)) -eq 0 ] || CHUNK_SECTORS=128 region=8
run_ok dmsetup create p --table "$(pool_table p name=p extent=256 region=$region)"
element p a 8
element p b 8
snapshots=

# A read of several regions would bring them.
keep_small() { run_ok dd if="$1" of="$2" bs=4k iflag=direct status=none; }
writes() { shadow write "mapper/p-$1" ignored seed="$RANDOM" count="$2" max="${3:-16}"; }

# NAME [SOURCE]: of what the source shows now; nothing of it is read before.
take() {
	snapshot p "${2:-a}" "$1"
	if [ -n "${2:-}" ]; then
		model_copy "$2" "$1"
	else
		keep_small /dev/mapper/p-a "$DRP_TMP/$1"
	fi
	snapshots+=" $1"
}

# WHEN [MIB]: all of each, or the beginning: what is read through one is brought.
all_show() {
	local snap mib=${2:-8}
	for snap in $snapshots; do
		dd if="/dev/mapper/p-$snap" bs=1M count="$mib" iflag=direct status=none |
			cmp -s -n $((mib << 20)) - "$DRP_TMP/$snap" ||
			fail "$1: p-$snap does not show its moment"
	done
	ok "$1: each of$snapshots shows its moment"
}

drop() {
	local snap
	for snap in "$@"; do
		return_snapshot p "$snap"
		snapshots=${snapshots/ $snap/}
	done
}

# A part of a chunk of what is not read yet: the rest comes from the other side of the restore.
# Flushed: a second write of a chunk needs no commit, and the power will fail.
write_target() {
	local i at
	for ((i = 0; i < 12; i++)); do
		run_ok dd if=/dev/urandom of="$DRP_TMP/sector" bs=512 count=1 status=none
		at=$((RANDOM % 16384))
		run_ok dd if="$DRP_TMP/sector" of="/dev/mapper/p-$1" bs=512 seek=$at oflag=direct \
			conv=notrunc,fsync status=none
		run_ok dd if="$DRP_TMP/sector" of="$DRP_TMP/$1" bs=512 seek=$at conv=notrunc status=none
	done
}

# DEVICE FIRST COUNT: of 4 KiB.
read_at() { run_ok dd if="/dev/mapper/p-$1" of=/dev/null bs=4k skip="$2" count="$3" iflag=direct status=none; }
write_at() { run_ok dd if=/dev/urandom of="/dev/mapper/p-$1" bs=4k seek="$2" count="$3" oflag=direct conv=notrunc status=none; }

# What was copied for a snapshot that is gone again is preserved for the older one.
one_that_goes() {
	snapshot p a gone
	read_at gone 64 4
	return_snapshot p gone
	write_at a 64 4
	all_show "after one that was there for a while" 1
}

# Up to $equal the sides differ; a write over the border copies what is before it.
over_the_border() {
	take border
	read_at border 128 4
	write_at a "$equal" 1
	write_at a $((equal - 1)) 2
	dd if=/dev/mapper/p-old bs=4k skip=$((equal - 4)) count=8 iflag=direct status=none |
		cmp -s - <(dd if="$DRP_TMP/old" bs=4k skip=$((equal - 4)) count=8 status=none) ||
		fail "what a host had written is taken for what was before the restore"
	drop border
}

# SYNC: what may happen in the middle of its restore.
during() {
	local sync=$1
	assert_progress "$sync" unsynchronized restoring
	writes a 10
	take one
	writes a 15
	take two
	writes a 15
	take deep one
	all_show "restore of $sync under way" 1
	drop two
	writes a 10
	take three
	write_target three
	write_target deep
	refused "bad state" p dissolve three
	refused "bad state" p dissolve three dry_run
	all_show "one gone, one written" 2
	assert_progress "$sync" unsynchronized restoring
}

power_fails() {
	local cut
	for cut in 1 2; do
		take "late$cut"
		# Not all of it: a restore of which hosts have written every region is complete.
		shadow_until mapper/p-a ignored seed="$RANDOM" max=16 procs=2 last=14336
		simdisk_power_fail_in_us $((RANDOM * 20 + 1000)) "$RANDOM"
		run_ok simdisk_wait_off 30
		shadow_ended
		# shellcheck disable=SC2086 # a list
		power_is_back a b $snapshots
		assert_progress "$1" unsynchronized restoring
		all_show "power failure $cut" $((cut + 2))
		writes a 10
	done
}

restore_ends() {
	rate "$1" 0
	wait_state p-a "$1" restored
	all_show "restored"
	writes a 30
	all_show "written after the restore"
	# shellcheck disable=SC2086 # a list
	drop deep three one late1 late2 $2
	wait_until 60 cow_uses p 0 || fail "$(cow_used p) chunks stay in use: $(dmsetup status p)"
	run_ok replctl pool show p
}

scribble /dev/mapper/p-a 0 8 "$RANDOM"
mirror p a b
wait_state p-a ab synchronized
modify p split ab
shadow take mapper/p-a ignored
take old
# An extent of which the second half is equal.
equal=$((7 * 256 - 16))
run_ok dd if=/dev/urandom of=/dev/mapper/p-b bs=64k count=$((equal / 16)) oflag=direct conv=notrunc status=none
keep /dev/mapper/p-b "$DRP_TMP/b"
modify p restore-from-replica ab force rate_limit=$SLOW
shows /dev/mapper/p-a "$DRP_TMP/b" || fail "a does not show what b has"
one_that_goes
over_the_border
during ab
power_fails ab
restore_ends ab old
ok "restore from a mirror"

take old
writes a 80 64
take x
writes x 20
keep /dev/mapper/p-x "$DRP_TMP/x"
writes a 80 64
take new
writes a 20 64
modify p restore-from-replica x force rate_limit=$SLOW
shows /dev/mapper/p-a "$DRP_TMP/x" || fail "a does not show what x has"
during x
power_fails x
restore_ends x "old new x"
ok "restore from a snapshot"
