#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a recording of the test disks has every event once, in one order over all disks, or says that it is full
# REQUIRES: simdisk python3
# TIMEOUT: 120
. "$(dirname "$0")/../lib/drp.sh"

sectors=$DRP_TOP/selftests/lib/simdisk-sectors.py

# What the log says now, in words.
log() {
	cat /dev/simdisk-record >"$DRP_TMP/log"
	python3 "$DRP_TOP/selftests/lib/simdisk-log.py" "$DRP_TMP/log"
}

at_exit 'simdisk_control record-stop 2>/dev/null; simdisk_remove_all'
run_ok simdisk_create reca 4
run_ok python3 "$sectors" "fill reca 16 8 B"
run_fails any simdisk_record_start 8
ok "a disk with volatile sectors is refused"
run_ok python3 "$sectors" "flush reca"
run_ok simdisk_record_start 8
run_fails any simdisk_record_start 8
ok "a second recording is refused"

run_ok simdisk_create recb 4 cache=none
run_ok simdisk_mark one
run_ok python3 "$sectors" "fill reca 0 8 X"
run_ok simdisk_mark two
run_ok python3 "$sectors" "fill recb 24 16 Y dsync"
run_ok python3 "$sectors" "fill reca 32 8 Z dsync"
run_ok python3 "$sectors" "flush reca"
simdisk_set reca fail_writes 1
run_fails any python3 "$sectors" "fill reca 0 8 E"
simdisk_set reca fail_writes 0
run_ok simdisk_record_stop
run_ok simdisk_mark "not any more"
run_ok python3 "$sectors" "fill reca 0 8 N"
# How often dsync flushes is up to the kernel.
assert_eq "$(log | awk '$1 == "FLUSH" { f[$3] = 1; next } $1 == "DONE" && f[$3] { n++; next }
	{ print } END { print n ? "flushed" : "not flushed" }')" "DISK reca 8192 cache
BASE reca 0 16 8 B
DISK recb 8192 plain
MARK one
WRITE reca 1 0 8 X
DONE reca 1 0 0
MARK two
WRITE recb 2 24 16 Y
DONE recb 2 0 0
WRITE reca 3 32 8 Z fua
DONE reca 3 0 0
flushed" "the log"
ok "each event is there once, in order, what failed before it began is not"

run_ok python3 "$sectors" "flush reca"
run_ok simdisk_record_start 1
run_ok blkdiscard --force --offset 16384 --length 4096 /dev/reca
run_ok simdisk_record_stop
zero=$(log | sed -n 's/^ZERO reca \([0-9]*\) 32 8$/\1/p')
log | grep -q "^DONE reca $zero " || fail "no discard in the log: $(log)"
ok "a discard is there, too"

run_ok python3 "$sectors" "flush reca"
run_ok simdisk_record_start 1
simdisk_latency reca model
run_ok fio --name=w --filename=/dev/reca --rw=randwrite --bs=4k --size=4m --direct=1 \
	--ioengine=libaio --iodepth=16 --number_ios=150 --norandommap
simdisk_latency reca off
run_ok simdisk_record_stop
log >"$DRP_TMP/words"
assert_eq "$(awk '$1 == "WRITE" { w[$3] = 1 }
	$1 == "DONE" && w[$3] { done++; delete w[$3] }
	END { print done, length(w) }' "$DRP_TMP/words")" "150 0" "writes, each before its end"
awk '$1 == "WRITE" { if (++n > max) max = n } $1 == "DONE" { n-- } END { exit max < 2 }' \
	"$DRP_TMP/words" || fail "no two writes were in flight together"
ok "with latency a request ends later than it arrives"

run_ok python3 "$sectors" "flush reca"
run_ok simdisk_record_start 1
run_ok python3 "$sectors" "fill reca 0 2048 F"
run_fails any simdisk_mark "too late"
assert_match "$(</sys/kernel/simdisk/record)" '^full used='
run_fails any simdisk_record_stop
log | grep -q "^WRITE" && fail "the log has a write that does not fit"
ok "a full log says so, to who marks and who stops"
