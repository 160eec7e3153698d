#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: diff of the two sides of a mirror or clone that does not copy
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 300
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

need replctl python3
mib=$((1 << 20))

# ELEMENT ELEMENT [COMMAND]: the extents in one line.
differs() {
	replctl "${3:-diff}" "$1" ${2:+"$2"} --json | tr -d ' \n' |
		grep -oE '"OffsetBytes":[0-9]+,"LengthBytes":[0-9]+' | grep -oE '[0-9]+' | xargs
}

# REGEX: diff of the two is refused and says why.
refuses() {
	run_fails 5 replctl diff p/a p/b
	grep -q "$1" "$DRP_TMP/stderr" || fail "the refusal does not say '$1': $(<"$DRP_TMP/stderr")"
}

replica_setup
pool_create p
element p a 8
element p b 8
element p c 8
run_fails 5 replctl diff p/a p/b
scribble /dev/mapper/p-a 0 8 1
mirror p a b
wait_state p-a ab synchronized
refuses 'fracture or split it first'
run_fails 5 replctl diff p/a p/c
ok "elements that are no sides of a sync, or mirror, are refused with the remedy"

modify p fracture ab
assert_eq "$(differs p/a p/b)" "" "what differs of a sync that was just fractured"
scribble /dev/mapper/p-a 1 1 2
scribble /dev/mapper/p-a 5 2 3
want="$mib $mib $((5 * mib)) $((2 * mib))"
simdisk_reset_stats da db
assert_eq "$(differs p/a p/b)" "$want" "what differs of a fractured sync"
assert_eq "$(differs p/b p/a)" "$want" "the same from the other side"
assert_eq "$(differs ab "" map)" "$want" "its map"
assert_eq "$(simdisk_stat da reads) $(simdisk_stat db reads)" "0 0" "reads of the sides"
pool_restart p
assert_eq "$(differs p/a p/b)" "$want" "what differs after a restart"
ok "a fractured sync: diff of its sides is its map, without reading data, after a restart, too"

modify p resync-replica ab
wait_state p-a ab synchronized
modify p split ab
scribble /dev/mapper/p-a 0 1 4
scribble /dev/mapper/p-b 3 1 5
assert_eq "$(differs p/a p/b)" "0 $mib $((3 * mib)) $mib" "what differs after a split"
replctl diff p/b p/a --binary >"$DRP_TMP/extents"
python3 - /dev/da /dev/db "$DRP_TMP/extents" <<-'PY' || fail "one side patched with diff is not the other"
	import struct, sys
	one, other, extents = (open(p, 'rb').read() for p in sys.argv[1:])
	copy = bytearray(one)
	for offset, length in struct.iter_unpack('<QQ', extents):
	    copy[offset:offset + length] = other[offset:offset + length]
	sys.exit(copy != other)
PY
ok "after a split what was written to either side differs"

clone p a c
wait_state p-a ac synchronized
assert_eq "$(differs p/a p/c)" "" "what differs of a clone that is complete"
scribble /dev/mapper/p-a 2 1 6
scribble /dev/mapper/p-c 4 1 7
assert_eq "$(differs p/a p/c)" "$((2 * mib)) $mib $((4 * mib)) $mib" "what differs of a clone"
run_fails 5 replctl diff p/b p/c
ok "the same of a clone; its other sides are not compared through two syncs"
