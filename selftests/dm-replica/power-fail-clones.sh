#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: 140 (FAILURES) power failures at random moments of clones, their copies,
# resyncs and restores, with writers on both sides, break no rule of the crash
# contract
# REQUIRES: replica simdisk
# GROUP: parallel
# VM: --cpus 2
# TIMEOUT: 1500
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/powerfail.sh
. "$DRP_TOP/selftests/lib/powerfail.sh"

powerfail 140 --clones
unfinished=$(sed -n 's/^\([0-9]*\) times a restore or failback or clone was unfinished/\1/p' "$DRP_TMP/out")
[ "${unfinished:-0}" -ge $((failures / 10)) ] ||
	fail "only ${unfinished:-0} failures in the middle of a clone's copy or restore"
ok "$survived power failures, seed $seed"
