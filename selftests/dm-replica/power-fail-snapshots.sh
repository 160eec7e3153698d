#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures at random moments of snapshots that are made,
# written, renewed, restored, dissolved and returned, with writers on all sides, break no
# rule of the crash contract and leave no space behind (FAILURES, default 110)
# REQUIRES: replica simdisk
# GROUP: parallel
# VM: --cpus 2
# TIMEOUT: 900
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/powerfail.sh
. "$DRP_TOP/selftests/lib/powerfail.sh"

powerfail 110 --snapshots
read -r points doubtful < <(sed -n 's/^\([0-9]*\) points in time, \([0-9]*\) operations .*/\1 \2/p' "$DRP_TMP/out")
[ "${points:-0}" -ge $((failures / 2)) ] || fail "only ${points:-0} points in time"
[ "${doubtful:-0}" -ge 1 ] || fail "no failure in the middle of an operation"
read -r restores unfinished < <(sed -n 's/^\([0-9]*\) restores of snapshots, \([0-9]*\) times .*/\1 \2/p' "$DRP_TMP/out")
[ "${restores:-0}" -ge $((failures / 20)) ] || fail "only ${restores:-0} restores"
[ "${unfinished:-0}" -ge 1 ] || fail "no failure in the middle of a restore"
ok "$survived power failures, $points points in time, $restores restores ($unfinished times unfinished), seed $seed"
