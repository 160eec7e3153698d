#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures at random moments of a pool with a clone and
# snapshots on its either side, restores of both, and writers on all of them, break no rule
# of the crash contract (FAILURES, default 60)
# REQUIRES: replica simdisk
# GROUP: parallel
# VM: --cpus 2
# TIMEOUT: 900
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/powerfail.sh
. "$DRP_TOP/selftests/lib/powerfail.sh"

powerfail 60 --clones --snapshots
read -r points < <(sed -n 's/^\([0-9]*\) points in time, .*/\1/p' "$DRP_TMP/out")
[ "${points:-0}" -ge $((failures / 4)) ] || fail "only ${points:-0} points in time"
ok "$survived power failures, $points points in time, seed $seed"
