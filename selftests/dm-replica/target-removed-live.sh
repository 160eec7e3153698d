#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: the target's device is suspended or removed while the source writes
# REQUIRES: replica simdisk dmsetup fio
# TIMEOUT: 180
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need fio
pool_create p
element p a 64
element p b 64
mirror p a b
wait_state p-a ab synchronized

fio --name=w --filename=/dev/mapper/p-a --rw=randwrite --bs=4k --size=8m --numjobs=4 \
	--offset_increment=8m --thread --direct=1 --ioengine=psync --time_based --runtime=$((300 * ${DRP_SLOW:-1})) \
	--output="$DRP_TMP/fio" --thinktime=1000 >/dev/null 2>&1 &
fio_pid=$!
at_exit "kill -9 $fio_pid 2>/dev/null; wait $fio_pid 2>/dev/null"

progress() {
	local writes
	kill -0 $fio_pid || fail "the writers ended: $(tail -n 5 "$DRP_TMP/fio")"
	writes=$(simdisk_stat da writes)
	wait_until 20 eval "[ \$(simdisk_stat da writes) -gt $((writes + 50)) ]" ||
		fail "the writers stand still ($1): $(dmsetup status p-a)"
}

progress start
run_ok dmsetup suspend p-b
sleep 1
run_ok dmsetup resume p-b
progress "after a short suspend"
assert_state p-a ab synchronized
ok "a short suspend of the target delays writes and breaks nothing"

run_ok dmsetup suspend --noflush p-b
run_ok dmsetup load p-b --table "$(element_table p b)"
run_ok dmsetup resume p-b
progress "after a reload"
assert_state p-a ab synchronized
ok "a reload of the target likewise"

run_ok dmsetup suspend p-b
before=$(simdisk_stat db writes)
wait_state p-a ab partitioned 30
progress "while the target is suspended"
assert_eq "$(simdisk_stat db writes)" "$before" "writes to a suspended leg"
ok "a suspend longer than the deadline: Partitioned, writes go on, none reaches the leg"
run_ok dmsetup resume p-b
wait_state p-a ab synchronized 120
progress "after the resume"
ok "resumed: Synchronized again by itself"

run_ok dmsetup remove --retry p-b
wait_state p-a ab partitioned 30
progress "without the target"
[ "$(simdisk_stat db inflight)" = 0 ] || fail "requests are in flight to a removed leg"
ok "the target is removed while the source writes: Partitioned at once"
element_attach p b
wait_state p-a ab synchronized 120
progress "with the target again"
ok "attached again: Synchronized by itself"

kill -INT $fio_pid
wait $fio_pid
! grep -qE 'err=[ ]*[1-9]' "$DRP_TMP/fio" || fail "fio: $(grep err= "$DRP_TMP/fio" | head -n 2)"
assert_same da db
ok "no write failed and the legs are equal"
