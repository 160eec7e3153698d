#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: 300 (FAILURES) power failures at random moments of restore, failover, failback and reverse roles, with writers where they may write, break no rule of the crash contract
# REQUIRES: replica simdisk
# GROUP: parallel
# VM: --cpus 2
# TIMEOUT: 1500
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/powerfail.sh
. "$DRP_TOP/selftests/lib/powerfail.sh"

powerfail 300 --directions
unfinished=$(sed -n 's/^\([0-9]*\) times a restore or failback was unfinished/\1/p' "$DRP_TMP/out")
[ "${unfinished:-0}" -ge $((failures / 15)) ] ||
	fail "only ${unfinished:-0} failures in the middle of a restore or failback"
ok "$survived power failures, seed $seed"
