#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: with chunks of 1 MiB snapshots live and are restored as with small ones
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 600
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"

for script in snapshot-life snapshot-restore; do
	CHUNK_SECTORS=2048 "$DRP_TOP/selftests/dm-replica/$script.sh" >"$DRP_TMP/tap" 2>&1
	status=$?
	sed 's/^/# /' "$DRP_TMP/tap"
	[ $status -ne 4 ] || skip "$script: $(sed -n 's/.*# SKIP //p' "$DRP_TMP/tap")"
	assert_eq $status 0 "$script"
	ok "$script: $(grep -c '^ok ' "$DRP_TMP/tap") checks"
done
