#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: replctl pool space tells what returning a snapshot frees
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 240
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl
replica_setup
CHUNK_SECTORS=128
cow_pool_create p 64
element p a 16

# NAME KEY [POOL]: KiB of a snapshot, or None.
space() {
	replctl pool space "${3:-p}" --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)["Snapshots"]
value = [r[sys.argv[2]] for r in rows if r["ElementName"] == sys.argv[1]][0]
print(value if value is None else value // 1024)' "$1" "$2"
}

# NAME...: what is foretold is what comes back, when one after the other goes.
foretold_is_freed() {
	local name before unique
	for name in "$@"; do
		before=$(cow_used p)
		unique=$(space "$name" UniqueBytes)
		[ "$unique" != None ] || fail "nothing is foretold of $name"
		if replctl list | grep -q "^p/$name "; then
			return_snapshot p "$name"
			assert_match "$answer" "^4096 job=[0-9]+" "the answer"
			run_ok replctl job wait "p/${answer##*job=}" --timeout 60
			# There when the job has ended, not some time later.
			assert_eq $((before - $(cow_used p))) $((unique / 64)) "chunks that came back from $name"
		else
			element_remove_device p "$name"
			accepted p delete_element "${element_id[p/$name]}"
			forget_snapshot p "$name"
		fi
		wait_until 30 cow_uses p $((before - unique / 64)) ||
			fail "$((before - $(cow_used p))) chunks came back from $name, foretold were $((unique / 64))"
	done
}

snapshot p a one
scribble /dev/mapper/p-a 0 4 1
snapshot p a two
scribble /dev/mapper/p-a 2 4 2
snapshot p a three
assert_eq "$(space one HeldBytes) $(space one UniqueBytes)" "6144 4096" "held and unique by one"
assert_eq "$(space two HeldBytes) $(space two UniqueBytes)" "4096 2048" "held and unique by two"
assert_eq "$(space three HeldBytes) $(space three UniqueBytes)" "0 0" "held and unique by three"
scribble /dev/mapper/p-two 10 1 3
scribble /dev/mapper/p-two 0 1 4
assert_eq "$(space two HeldBytes) $(space two UniqueBytes)" "6144 4096" "held and unique by two, written"
ok "held and unique bytes of snapshots, shared and written ones"

foretold_is_freed two one
ok "returning a snapshot frees what was said"

snapshot p three child
scribble /dev/mapper/p-three 0 1 5
assert_eq "$(space child HeldBytes) $(space three UniqueBytes)" "0 1024" "a written snapshot and its own one"
modify p dissolve three
assert_eq "$(space three UniqueBytes)" 1024 "of one whose moment an aspect keeps: what was written to it"
run_ok replctl pool space p
grep -q "^p/*three\|three" "$DRP_TMP/stdout" || fail "the table lacks a snapshot"
foretold_is_freed child three
ok "snapshots of snapshots and aspects count"
accepted p delete_aspect "$(aspect_of p three)"
wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay"

# One's content is what another one was taken of: it stays when that goes.
snapshot p a x
scribble /dev/mapper/p-x 0 1 6
snapshot p x y
assert_eq "$(space y HeldBytes) $(space y UniqueBytes)" "1024 0" "held and unique by a copy of what was written"
foretold_is_freed y
snapshot p x y
scribble /dev/mapper/p-x 0 2 7
assert_eq "$(space y HeldBytes) $(space y UniqueBytes)" "1024 1024" "of one that alone keeps what was written"
foretold_is_freed y x
ok "what the parent has itself does not come back"

snapshot p a x
modify p dissolve x
scribble /dev/mapper/p-a 0 2 8
snapshot p a y
foretold_is_freed x
snapshot p a x
scribble /dev/mapper/p-a 1 2 9
assert_eq "$(space y HeldBytes) $(space y UniqueBytes)" "2048 0" "of two of one moment"
foretold_is_freed y
aspect=$(aspect_of p x)
snapshot p a z "aspect=$aspect"
foretold_is_freed z
snapshot p a z
scribble /dev/mapper/p-a 0 3 10
assert_eq "$(space x UniqueBytes)" 1024 "of one between an aspect without a target and another one"
foretold_is_freed x z
accepted p delete_aspect "$aspect"
wait_until 30 cow_uses p 0 || fail "$(cow_used p) chunks stay"
ok "an aspect without a target keeps what it keeps"

snapshot p a x
scribble /dev/mapper/p-x 0 1 11
scribble /dev/mapper/p-a 0 1 12
assert_eq "$(space x HeldBytes) $(space x UniqueBytes)" "2048 2048" "a chunk that is kept twice"
foretold_is_freed x
ok "a chunk that is preserved and written counts for both"

# A pool of its own: one that is full, in which one is Broken and one is being restored.
cow_pool_create q 8
element q b 16
snapshot q b lost
run_ok dd if=/dev/urandom of=/dev/mapper/q-b bs=1M count=12 oflag=direct status=none
assert_state q-lost lost broken
wait_until 30 cow_uses q 0 || fail "$(cow_used q) chunks stay in use"
assert_eq "$(replctl element show q/lost --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["ParentGeneration"])')" 0 "the point in time of one that is Broken"
snapshot q b back
scribble /dev/mapper/q-b 0 3 13
snapshot q b good
scribble /dev/mapper/q-b 4 1 14
modify q restore-from-replica back force rate_limit=64K
run_ok replctl pool space q --json
space lost UniqueBytes q >/dev/null || fail "no row of the one that is Broken"
[ "$(space good HeldBytes q)" -ge 1024 ] || fail "nothing is told of one while another one is restored"
run_ok replctl pool space q
assert_eq "$(grep -cE '^(lost|back|good) ' "$DRP_TMP/stdout")" 3 "rows of the table"
ok "a snapshot that is Broken, and a restore, stop nothing"
modify q abort back force
