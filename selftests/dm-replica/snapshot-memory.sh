#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: the index of COW space keeps to the memory that the pool allows it, however much it holds
# REQUIRES: replica simdisk dmsetup replctl fio python3
# TIMEOUT: 600
# GROUP: snapshot
# VM: --memory 3G
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

MIB=$((1 << 20))
SIZE_MIB=160			# of the source: 40960 chunks

# Sample how much the index of p takes until $DRP_TMP/enough is there.
cat >"$DRP_TMP/watch.py" <<'PYTHON'
import os
import sys
import time

sys.path.insert(0, sys.argv[1])
from dm import Dm

dm, most, bound, times = Dm(), 0, 0, 0
while not os.path.exists(sys.argv[2]):
    held, bound = map(int, dm.status("p").split(" ")[-2].split("/"))
    most = max(most, held)
    times += 1
    time.sleep(0.02)
print(most, bound, times)
PYTHON

# COMMAND...: in $most, what the index took at most meanwhile, in bytes.
watched() {
	local watcher bound times
	rm -f "$DRP_TMP/enough"
	python3 "$DRP_TMP/watch.py" "$DRP_TOP/selftests/lib" "$DRP_TMP/enough" >"$DRP_TMP/watched" &
	watcher=$!
	"$@" || fail "'$*' failed"
	touch "$DRP_TMP/enough"
	wait "$watcher" || fail "nobody has watched"
	read -r most bound times <"$DRP_TMP/watched"
	echo "# $1: $most of $bound bytes at most, seen $times times; now $(dmsetup status p)"
	[ "$times" -gt 3 ] || fail "the status was seen $times times while '$*' ran"
}

within() { [ "$most" -le $(($1 * MIB)) ] || fail "the index took $most bytes, $1 MiB are allowed"; }

# Every chunk once, in no order.
scatter() {
	fio --name=w --filename=/dev/mapper/p-a --rw=randwrite --bs=4k --size=${SIZE_MIB}m \
		--direct=1 --ioengine=libaio --iodepth=32 --randseed="$1" >"$DRP_TMP/fio" 2>&1
}

look() { shows /dev/mapper/p-old "$DRP_TMP/old"; }
gone() {
	return_snapshot p old
	wait_until 120 cow_uses p 0
}

replica_setup
METADATA_MIB=32
cow_pool_create p $((SIZE_MIB + 32))
element p a $SIZE_MIB
scribble /dev/mapper/p-a 0 $SIZE_MIB 1
keep /dev/mapper/p-a "$DRP_TMP/old"

assert_eq "$(cow_memory_max p)" $((32 * MIB)) "bound where nobody has set one"
accepted p set pool cow_memory=1
assert_eq "$(cow_memory_max p)" $MIB "bound that was set"
snapshot p a old
watched scatter 1
within 1
# All that the index says does not fit in there, not even without its nodes.
assert_eq "$(cow_used p)" $((SIZE_MIB * 256)) "chunks that are preserved"
[ $((SIZE_MIB * 256 * 32)) -gt $MIB ] || fail "what is preserved is too little for this test"
[ "$most" -gt $((MIB / 2)) ] || fail "the index took $most bytes only: is that all of it?"
ok "while chunks are preserved the index keeps to its bound"

watched look
within 1
ok "and while all of them are read; the snapshot shows what it has to"

pool_restart p
assert_eq "$(cow_memory_max p)" $MIB "bound after an activation"
[ "$(cow_memory p)" -le $MIB ] || fail "the index takes $(cow_memory p) bytes after an activation"
watched look
within 1
accepted p set pool cow_memory=64
assert_eq "$(cow_memory_max p)" $((64 * MIB)) "a bound that was raised"
watched look
[ "$most" -gt $((5 * MIB / 4)) ] ||
	fail "with 64 MiB the index took $most bytes: has the bound done anything?"
within 64
accepted p set pool cow_memory=1
[ "$(cow_memory p)" -le $MIB ] || fail "the index takes $(cow_memory p) bytes after its bound was lowered"
ok "the bound is kept over an activation, and changed while the pool works"

watched gone
within 1
ok "and while the space comes back"

# More large writes at a time than there is room for what they preserve: those that
# wait behind the one whose turn it is must not hold what that waits for.
snapshot p a large
run_ok timeout 240 fio --name=l --filename=/dev/mapper/p-a --rw=write --bs=1m --size=128m \
	--direct=1 --ioengine=libaio --iodepth=128
return_snapshot p large
ok "large writes that need more than the bound get on"

for value in 0 65537 -1 1M many ""; do
	refused_message "Invalid argument" p set pool "cow_memory=$value"
done
assert_match "$(dmsetup status p | cut -d ' ' -f 15)" 'cow_memory' "the last refusal"
run_fails any replctl set pool p cow_memory=65537
run_fails any replctl set pool p cow_memory=2 name=q
run_ok replctl set pool p cow_memory=2
assert_match "$(replctl pool show p --json)" '"CowMemoryMaxBytes": 2097152' "pool show"
run_ok simdisk_create mq 16
run_ok dmsetup create q --table "0 8 replica-pool /dev/mq - 8 1 name=q"
run_fails any replctl set pool q cow_memory=2
assert_eq "$(dmsetup status q | cut -d ' ' -f 18)" - "memory of an index that is not there"
run_ok dmsetup remove q
pool_deactivate p
assert_match "$(replctl pool dump /dev/mp)" 'CowMemoryMiB +2' "what is on the disk"
ok "other values are refused, and what is set is shown"
