#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: errors of either disk while a clone is copied: no data of another time, the source's hosts go on, the rest recovers
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 900
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
pool_create p
element p a 8
element p b 8
shadow_bs=4k

# SEED: new content of both, and both models. No sync, or one that has ended.
fresh() {
	scribble /dev/mapper/p-a 0 8 "$1"
	shadow take mapper/p-a source
	model_copy source target
}

# NAME SECTOR SECTORS SIDE: a host's write of that side, and what it holds then.
put() {
	dd if=/dev/urandom of="$DRP_TMP/data" bs=512 count="$3" status=none
	dd if="$DRP_TMP/data" of="/dev/mapper/p-$1" bs="$(($3 * 512))" seek=$(($2 * 512)) count=1 \
		oflag=direct,seek_bytes conv=notrunc status=none 2>"$DRP_TMP/stderr" || return
	dd if="$DRP_TMP/data" of="$DRP_TMP/$4" bs=512 seek="$2" conv=notrunc status=none
}
get() {
	dd if="/dev/mapper/p-$1" of="$DRP_TMP/got" bs=$(($3 * 512)) skip=$(($2 * 512)) count=1 \
		iflag=direct,skip_bytes status=none 2>"$DRP_TMP/stderr"
}

# NAME SECTOR SECTORS SIDE: there it shows what it has to.
shows() {
	get "$1" "$2" "$3" || fail "sectors $2+$3 of $1 cannot be read: $(cat "$DRP_TMP/stderr")"
	cmp -s "$DRP_TMP/got" <(dd if="$DRP_TMP/$4" bs=512 skip="$2" count="$3" status=none) ||
		fail "sectors $2+$3 of $1 are of another time"
}

is_copying() { is_state p-a ab unsynchronized || is_copied p-a ab; }

# Both sides and both media are what their models say.
ends_well() {
	rate ab 0
	wait_until 60 is_copied p-a ab || fail "$1: does not end: $(dmsetup status p-a)"
	medium_is da source
	medium_is db target
	shadow compare mapper/p-a source
	shadow compare mapper/p-b target
	assert_access p-a write "$1"
	assert_access p-b write "$1"
	ok "$1"
}

# The device of the pool has them.
events() { dmsetup info -c --noheadings -o events p; }

# While it is Broken hosts may do nothing with its target. It tries again every few
# seconds: looked at until nothing happened meanwhile.
target_is_closed() {
	local i before access read
	for ((i = 0; i < 60; i++)); do
		wait_until 30 is_state p-a ab broken || fail "not Broken: $(dmsetup status p-a)"
		before=$(events)
		is_state p-a ab broken || continue
		access=$(host_access p-b) read=possible
		dd if=/dev/mapper/p-b of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || read=refused
		is_state p-a ab broken && [ "$(events)" = "$before" ] || continue
		assert_eq "$access $read" "none refused" "access of p-b and a read while it is Broken"
		return
	done
	fail "it is never Broken for long enough to look: $(dmsetup status p-a)"
}

# How many writers' requests of the source get through, whatever its clone suffers.
source_writes() {
	shadow write mapper/p-a source seed="$1" count="${2:-40}" max=16 procs=2
	shadow write mapper/p-a source seed="$1" count="${2:-40}" max=1 procs=2
}

# ---- a sector of the source that cannot be read ----

fresh 1
clone p a b rate_limit=$SLOW failed_copy_stops_host_io=yes
# Region 1250 is sectors 10000 to 10007.
simdisk_set da fail_range 10001 1 r
! get b 10000 8 || fail "a read of what only the source has succeeds although it fails"
! get b 10001 1 || fail "a read of the bad sector succeeds"
# Only the page around it suffers.
shows b 9992 8 target
shows b 10008 8 target
! put b 10004 1 target || fail "part of a region was written whose rest cannot be copied"
run_ok put b 12000 1 target
shows b 12000 8 target
assert_progress ab unsynchronized synchronizing "after reads that failed"
ok "where the source cannot be read the target's host gets the error, elsewhere all goes on"

! put a 10000 8 source || fail "the source was overwritten although that could not be copied"
run_ok put a 10008 8 source
shows a 10008 8 source
shows b 10008 8 target
assert_progress ab unsynchronized synchronizing "after a write that failed"
ok "FailedCopyStopsHostIO: what cannot be copied is not overwritten, the rest is"

run_ok put b 10000 8 target
shows b 10000 8 target
run_ok put a 10000 8 source
shows b 10000 8 target
ok "a host of the target writes it whole: nothing has to be read, and both sides go on"

simdisk_set da fail_range 12288 2 r
rate ab 0
wait_until 30 is_state p-a ab broken || fail "a copy that cannot read goes on: $(dmsetup status p-a)"
kernel_said "sync ab is Broken: source read error" || fail "the log does not say why"
target_is_closed
assert_access p-a write "while its clone is Broken"
source_writes 1
pool_restart p
source_writes 2
simdisk_set da fail_range clear
wait_until 120 is_copying || fail "it does not recover: $(dmsetup status p-a)"
source_writes 3
shadow write mapper/p-b target seed=3 count=40 max=16
ends_well "a copy that cannot read is Broken and goes on by itself: the source was written meanwhile, the point in time holds"

# ---- a sector of the target that cannot be written ----

modify p detach ab
fresh 2
clone p a b rate_limit=$SLOW recovery_mode=manual
simdisk_set db fail_range 8000 16 w
! put b 8004 1 target || fail "a write was acknowledged that failed"
shows b 8000 16 target
! put b 8000 8 target || fail "a write of a whole region was acknowledged that failed"
shows b 8000 16 target
assert_progress ab unsynchronized synchronizing "after writes of the target that failed"
ok "a write that the target fails leaves its content as it was"

rate ab 0
wait_until 30 is_state p-a ab broken || fail "a copy that cannot write goes on: $(dmsetup status p-a)"
kernel_said "sync ab is Broken: target write error" || fail "the log does not say why"
run_ok put a 12000 8 source
run_ok put a 100 3 source
simdisk_set db fail_range clear
wait_state p-a ab suspended 120
assert_progress ab suspended requires-resume "recovery mode manual"
source_writes 4
shadow compare mapper/p-b target
modify p resume ab
ends_well "a copy that cannot write is Broken; manual: Suspended, usable again, then Resume"

modify p resync-replica ab rate_limit=$SLOW
model_copy source target
scribble /dev/mapper/p-a 0 8 3
shadow take mapper/p-a source
wait_until 60 is_copied p-a ab || fail "a resync does not end: $(dmsetup status p-a)"
modify p resync-replica ab rate_limit=$SLOW
model_copy source target
simdisk_set db fail_range 8000 16 w
run_ok put a 8008 8 source
wait_until 30 is_state p-a ab broken || fail "not Broken: $(dmsetup status p-a)"
assert_progress ab broken requires-resync "what was overwritten could not be copied"
assert_access p-b none "a clone without its point in time"
source_writes 5
pool_restart p
assert_progress ab broken requires-resync "after a restart"
assert_access p-b none "a clone without its point in time, after a restart"
source_writes 6
simdisk_set db fail_range clear
modify p resync-replica ab rate_limit=$SLOW
model_copy source target
source_writes 7
ends_well "a write of the source is never lost for a clone that fails: that is Broken until Resync Replica"

# ---- either disk dies under load, and comes back ----

# DISK SETTING: writers on both sides; those of the source never see anything of a target that fails.
dies_under_load() {
	local disk=$1 what=$2
	scribble /dev/mapper/p-a 0 8 $((RANDOM + 10))
	shadow take mapper/p-a source
	modify p resync-replica ab rate_limit=$SLOW
	model_copy source target
	shadow_until mapper/p-b target seed=$((RANDOM + 1)) max=16 procs=2 acked=1
	source_writes 11 20
	simdisk_set "$disk" "$what" 1
	rate ab 0
	[ "$disk" != db ] || source_writes 12 100
	wait_until 30 is_state p-a ab broken || fail "not Broken: $(dmsetup status p-a)"
	shadow_ended
	target_is_closed
	simdisk_set "$disk" "$what" 0
}

accepted p set "sync:${sync_id[ab]}" recovery_mode=automatic
for what in offline fail_writes fail_flushes; do
	dies_under_load db $what
	assert_progress ab broken requires-resync "db $what"
	assert_access p-b none "db $what"
	source_writes 13
	modify p resync-replica ab rate_limit=0
	model_copy source target
	ends_well "the target's disk with $what under load: all writes of the source succeed, then Resync Replica"
done

accepted p set "sync:${sync_id[ab]}" failed_copy_stops_host_io=yes
scribble /dev/mapper/p-a 0 8 4
shadow take mapper/p-a source
modify p resync-replica ab rate_limit=$SLOW
model_copy source target
at=9000
for what in offline fail_writes fail_flushes; do
	simdisk_set db $what 1
	! put a $at 8 source || fail "$what: overwritten what the target could not get"
	simdisk_set db $what 0
	shows a $at 8 source
	run_ok put a $at 8 source
	shadow compare mapper/p-b target
	# What was copied needs the target no more.
	simdisk_set db $what 1
	run_ok put a $at 8 source
	simdisk_set db $what 0
	at=$((at + 8))
done
ends_well "FailedCopyStopsHostIO: the writes fail, the clone keeps its point in time"

for what in offline fail_reads; do
	dies_under_load da $what
	wait_until 120 is_copying || fail "it does not recover: $(dmsetup status p-a)"
	shadow settle mapper/p-b target procs=2
	ends_well "the source's disk with $what under load: the clone goes on where it was"
done
