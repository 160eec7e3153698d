#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a dump tells all objects of the pools that stay, although one goes in the middle of it
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
for p in first second third; do
	pool_create $p
done
for ((i = 1; i <= 60; i++)); do
	accepted first create_element "$i" "first$i" size=2048
done
for ((i = 1; i <= 3; i++)); do
	accepted second create_element "$i" "second$i" size=2048
	accepted third create_element "$i" "third$i" size=2048
done

run_ok python3 "$DRP_TOP/selftests/dm-replica/dump-steps.py" dmsetup remove --retry first
for name in first1 {second,third}{1,2,3}; do
	assert_eq "$(grep -cx "$name" "$DRP_TMP/stdout")" 1 "$name in the dump"
done
assert_eq "$(grep -cx first60 "$DRP_TMP/stdout")" 0 "what went with its pool"
ok "the pools that stay are told in full"
