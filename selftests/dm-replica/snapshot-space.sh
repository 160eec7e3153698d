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

# NAME KEY: KiB of a snapshot.
space() {
	replctl pool space p --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)["Snapshots"]
print([r[sys.argv[2]] for r in rows if r["ElementName"] == sys.argv[1]][0] // 1024)' "$1" "$2"
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

# What is foretold is what comes back.
for name in two one; do
	before=$(cow_used p)
	unique=$(space $name UniqueBytes)
	return_snapshot p $name
	wait_until 30 cow_uses p $((before - unique / 64)) ||
		fail "$((before - $(cow_used p))) chunks came back from $name, foretold were $((unique / 64))"
done
ok "returning a snapshot frees what was said"

snapshot p three child
scribble /dev/mapper/p-three 0 1 5
assert_eq "$(space child HeldBytes) $(space three UniqueBytes)" "0 1024" "a written snapshot and its own one"
modify p dissolve three
assert_eq "$(space three UniqueBytes)" 0 "of one whose moment an aspect keeps"
run_ok replctl pool space p
grep -q "^p/*three\|three" "$DRP_TMP/stdout" || fail "the table lacks a snapshot"
ok "snapshots of snapshots and aspects count"
