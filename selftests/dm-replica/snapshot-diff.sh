#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a copy of one point in time, patched where diff says, is the other one; no data is read for that
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 480
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl python3 blkdiscard

# DEVICE SEED: some chunks get known content, one part is discarded.
change() {
	run_ok python3 - "$1" "$2" <<-'PY'
	import os, random, sys
	r = random.Random(int(sys.argv[2]))
	f = os.open(sys.argv[1], os.O_WRONLY)
	for _ in range(40):
	    os.pwrite(f, r.randbytes(4096 * r.randrange(1, 4)), 4096 * r.randrange(1000))
	os.fsync(f)
	PY
	run_ok blkdiscard -o $((4096 * (20 * $2 % 1000))) -l $((4096 * 15)) "$1"
}

# ONE OTHER: both are files in $DRP_TMP, too.
assert_patches() {
	replctl diff "p/$1" "p/$2" --binary >"$DRP_TMP/extents" || fail "diff p/$1 p/$2 ended with $?"
	python3 - "$DRP_TMP/$1" "$DRP_TMP/$2" "$DRP_TMP/extents" <<-'PY' || fail "$1 patched with diff is not $2"
	import struct, sys
	one, other, extents = (open(p, 'rb').read() for p in sys.argv[1:])
	copy, end = bytearray(one), 0
	for offset, length in struct.iter_unpack('<QQ', extents):
	    assert length and offset >= end and offset + length <= len(copy)
	    end = offset + length
	    copy[offset:end] = other[offset:end]
	sys.exit(copy != other)
	PY
}

# NAME...: each with each other, in both directions.
assert_all_patch() {
	local x y
	for x; do
		for y; do
			[ "$x" = "$y" ] || assert_patches "$x" "$y"
		done
	done
}

replica_setup
cow_pool_create p 32
element p a 4
scribble /dev/mapper/p-a 0 4 1
snapshot p a one
change /dev/mapper/p-a 1
snapshot p a gone
change /dev/mapper/p-a 2
snapshot p a two
change /dev/mapper/p-two 3
snapshot p two inner
change /dev/mapper/p-inner 4
change /dev/mapper/p-two 5
change /dev/mapper/p-a 6
all=(a one gone two inner)
for x in "${all[@]}"; do
	keep "/dev/mapper/p-$x" "$DRP_TMP/$x"
done
simdisk_reset_stats da cp
assert_all_patch "${all[@]}"
assert_eq "$(simdisk_stat da reads) $(simdisk_stat cp reads)" "0 0" "reads of the source and of COW space"
ok "snapshots, one of a snapshot, and the source: diff is what differs, and reads no data"

replctl diff p/one p/two --json >"$DRP_TMP/json"
replctl diff p/one p/two --binary >"$DRP_TMP/extents"
python3 - "$DRP_TMP/json" "$DRP_TMP/extents" <<-'PY' || fail "--binary is not what --json says"
	import json, struct, sys
	j = json.load(open(sys.argv[1]))
	told = [(e['OffsetBytes'], e['LengthBytes']) for e in j['Extents']]
	assert told == list(struct.iter_unpack('<QQ', open(sys.argv[2], 'rb').read()))
	assert 0 < j['TotalBytes'] == sum(length for _, length in told) < 3 << 20
PY
ok "the bytes are the extents of the JSON, and not all of the element"

return_snapshot p gone
change /dev/mapper/p-a 7
keep /dev/mapper/p-a "$DRP_TMP/a"
assert_all_patch a one two inner
pool_restart p
simdisk_reset_stats da cp
assert_all_patch a one two inner
assert_eq "$(simdisk_stat da reads) $(simdisk_stat cp reads)" "0 0" "reads of the source and of COW space"
for x in a one two inner; do
	assert_shows "/dev/mapper/p-$x" "$DRP_TMP/$x"
done
ok "the same without a snapshot that was between, and after a restart"
