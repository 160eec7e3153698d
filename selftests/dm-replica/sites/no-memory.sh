#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: for as long as there is no memory for a flush, for a bitmap or for a copier, no clone and no copy breaks, and what waits for it goes on by itself
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

kernel=${VM_KERNEL:-6.1}
module=$DRP_TOP/build/module-$kernel-fail/kernel/dm-replica/dm-replica.ko
[ -e "$module" ] || skip "no module whose allocations can be made to fail (selftests/fail/build $kernel)"
parameters=/sys/module/dm_replica/parameters

need openssl replctl
run_ok rmmod dm_replica
run_ok insmod "$module"
back() {
	rmmod dm_replica
	insmod "${module/-fail/}"
}
at_exit back

# PLACE: allocations of the module there fail from now on; none: all succeed.
fail_at() {
	echo 0 >$parameters/fail_nth
	printf %s "${1:-}" >$parameters/fail_at
	[ -z "${1:-}" ] || echo 1000000 >$parameters/fail_nth
}
at_exit fail_at
# PLACE: how many did, up to the first 200 of all.
refused_at() { grep -c "^$1" $parameters/fail_nth; }
was_refused() { [ "$(refused_at "$1")" -ge "$2" ]; }

# SEEK: some writes of the source, and a FLUSH.
write_some() { dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek="$1" count=4 oflag=direct conv=notrunc,fsync status=none; }

replica_setup
cow_pool_create p 16
for e in a b c; do
	element p $e 8
	scribble /dev/mapper/p-$e 0 8 1
done
scribble /dev/mapper/p-a 0 8 2
keep /dev/mapper/p-a "$DRP_TMP/point"

clone p a b rate_limit=$SLOW
fail_at leg:
for ((i = 0; i < 8; i++)); do
	run_ok write_some $((i * 128))
done
was_refused leg: 1 || fail "no flush was without memory: $(sort $parameters/fail_nth | uniq -c)"
assert_state p-a ab unsynchronized
assert_shows /dev/mapper/p-b "$DRP_TMP/point"
ok "without memory for a flush the source of a clone can be written, and the clone stays"
fail_at
snapshot p a x
fail_at leg:
rate ab 0
mirror p a c
wait_state p-a ab synchronized
wait_state p-a ac synchronized
modify p split ac
modify p resync-replica x
assert_shows /dev/mapper/p-b "$DRP_TMP/point"
keep /dev/mapper/p-a "$DRP_TMP/now"
assert_shows /dev/mapper/p-c "$DRP_TMP/now"
assert_shows /dev/mapper/p-x "$DRP_TMP/now"
ok "copies end, a mirror is split and a snapshot taken without it"

fail_at
modify p resync-replica ab
keep /dev/mapper/p-a "$DRP_TMP/point"
wait_state p-a ab synchronized
scribble /dev/mapper/p-a 0 8 3
keep /dev/mapper/p-a "$DRP_TMP/point"
modify p resync-replica ab rate_limit=$SLOW
fail_at plane
write_some 77 2>"$DRP_TMP/dd" &
writer=$!
wait_until 60 was_refused plane 30 || fail "nothing was without memory: $(sort $parameters/fail_nth | uniq -c)"
assert_state p-a ab unsynchronized
fail_at
wait $writer || fail "a host's write failed: $(cat "$DRP_TMP/dd")"
assert_state p-a ab unsynchronized
assert_shows /dev/mapper/p-b "$DRP_TMP/point"
ok "a write that has no memory to record what it copied waits for it, and the clone stays"

scribble /dev/mapper/p-a 0 8 4
modify p resync-replica ac rate_limit=$SLOW
return_snapshot p x
pool_deactivate p
run_ok dmsetup create p --table "$(pool_table p)"
fail_at copy:
for e in a b c; do
	element_attach p $e
done
pending() { [ "$(sync_field p-a $1 state/progress)" = unsynchronized/pending ]; }
for s in ab ac; do
	wait_until 30 pending $s || fail "$s does not say that it waits: $(dmsetup status p-a)"
	replctl show p/$s | grep -q "ErrorText *no memory" || fail "no reason: $(replctl show p/$s)"
done
wait_until 30 was_refused copy: 6 || fail "it is not tried again: $(sort $parameters/fail_nth | uniq -c)"
fail_at
rate ab 0
rate ac 0
wait_state p-a ab synchronized
wait_state p-a ac synchronized
! replctl show p/ac | grep -q memory || fail "an old reason: $(replctl show p/ac)"
keep /dev/mapper/p-a "$DRP_TMP/now"
assert_shows /dev/mapper/p-b "$DRP_TMP/point"
shows /dev/dc "$DRP_TMP/now" || fail "the mirror is not what its source is"
ok "a copy that has no memory to begin with says so, and begins by itself"
