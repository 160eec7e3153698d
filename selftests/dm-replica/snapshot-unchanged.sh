#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: SourceChanged of a snapshot is false until the source is written, and a restore asks for Force from then on only
# REQUIRES: replica simdisk dmsetup
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

need replctl
replica_setup
CHUNK_SECTORS=128
cow_pool_create p 64
element p a 8
element p b 8
scribble /dev/mapper/p-a 0 8 1
scribble /dev/mapper/p-b 0 8 2
run_ok sync /dev/mapper/p-a /dev/mapper/p-b

# NAME true|false [WHEN]
changed() {
	run_ok replctl show "p/$1" --json
	assert_match "$(<"$DRP_TMP/stdout")" "\"SourceChanged\": *$2" "$1 ${3:-now}"
}
# DEVICE CHUNK: 4 KiB of it.
write_one() {
	run_ok dd if=/dev/urandom of="/dev/mapper/p-$1" bs=4k seek=$(($2 * 16)) count=1 \
		oflag=direct status=none
}
# NAME: the restore asks for Force, also when it is only tried.
wants_force() {
	refused "canceled" p restore-from-replica "$1"
	run_ok replctl restore-from-replica "p/$1" --force --dry-run
	grep -q 'Force consents to' "$DRP_TMP/stdout" || fail "a dry run of $1: $(<"$DRP_TMP/stdout")"
}
# NAME: it does not.
wants_none() {
	run_ok replctl restore-from-replica "p/$1" --dry-run
	! grep -q 'Force' "$DRP_TMP/stdout" || fail "a dry run of $1: $(<"$DRP_TMP/stdout")"
	modify p restore-from-replica "$1"
	wait_state p-a "$1" restored
}

snapshot p a x
changed x false "just taken"
dd if=/dev/mapper/p-a of=/dev/null bs=1M iflag=direct status=none
write_one x 3
keep /dev/mapper/p-x "$DRP_TMP/x"
changed x false "when only the snapshot was written"
wants_none x
assert_shows /dev/mapper/p-a "$DRP_TMP/x"
ok "a restore of a snapshot whose source was not written asks for no Force"

snapshot p a y
pool_restart p
changed y false "after a restart"
write_one y 5
keep /dev/mapper/p-y "$DRP_TMP/y"
wants_none y
assert_shows /dev/mapper/p-a "$DRP_TMP/y"
ok "nor after a restart"

# One write is one for all of them; it is known when it is answered.
snapshot p a older
snapshot p a newer
changed older false "before a write"
write_one a 9
changed older true "after a write"
changed newer true "after a write"
wants_force older
wants_force newer
pool_restart p
changed older true "after a write and a restart"
wants_force newer
ok "after one write it does, and after a restart"

# A chunk that is preserved for an older one is not for a newer one.
snapshot p a newest
changed newest false "where the older ones have the chunk"
write_one a 9
changed newest true "after the same chunk was written again"
modify p resync-replica newest
changed newest false "a new point in time"
modify p resync-replica newest
write_one a 9
changed newest true "after a write behind the new point in time"
modify p restore-from-replica newest force
wait_state p-a newest restored
ok "each point in time has its own"

# Whoever writes: the first copy of a mirror, what it mirrors, zeroes.
snapshot p b under
changed under false "before the first copy"
mirror p a b
wait_state p-a ab synchronized
changed under true "after the first copy"
snapshot p b beside
changed beside false "before a mirrored write"
write_one a 20
changed beside true "after a mirrored write"
snapshot p a zeroed
run_ok blkdiscard -z -o 1048576 -l 65536 /dev/mapper/p-a
changed zeroed true "after zeroes were written"
ok "copies of the engine, mirrored writes and zeroes count"

# Writers at work while points in time are taken.
for i in 1 2 3; do
	dd if=/dev/urandom of=/dev/mapper/p-a bs=4k count=400 oflag=direct status=none &
	writer=$!
	sleep 0.1
	snapshot p a "busy$i"
	wait $writer || fail "a writer failed"
	write_one a 100
	changed "busy$i" true "under a writer"
	keep /dev/mapper/p-a "$DRP_TMP/now"
	! shows "/dev/mapper/p-busy$i" "$DRP_TMP/now" || fail "nothing was written"
done
ok "under writers"

# The power fails behind the answer to a write that was flushed, or on the way to it.
snapshot p a last
run_ok sync /dev/mapper/p-a
run_ok simdisk_power_fail_after $((1 + RANDOM % 4)) "$RANDOM" drop
dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=1000 count=16 oflag=direct,dsync status=none 2>/dev/null
run_ok simdisk_wait_off 30
power_is_back a b x y older newer newest under beside zeroed busy1 busy2 busy3 last
keep /dev/mapper/p-a "$DRP_TMP/now"
shows /dev/mapper/p-last "$DRP_TMP/now" || changed last true "after a power failure"
run_ok replctl show p/last
ok "a source that differs after a power failure is known to"

# ---- many ----

commits() { dmsetup status p | cut -d ' ' -f 10; }

for ((i = 1; i <= 12; i++)); do
	snapshot p a "many$i"
done
before=$(commits)
write_one a 7
after=$(commits)
for ((i = 1; i <= 12; i++)); do
	changed "many$i" true "after the first write"
done
# Two for twelve records, and that of what was preserved.
((after - before <= 4)) || fail "$((after - before)) commits for one write"
ok "the first write of a source tells all its snapshots in a few commits"
