#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: power failures at random moments of snapshots that are made,
# written, renewed, dissolved and returned, with writers on all sides, break no
# rule of the crash contract and leave no space behind (FAILURES, default 60)
# REQUIRES: replica simdisk
# GROUP: torture
# TIMEOUT: 900
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"

program=$DRP_TOP/build/selftests/powerfail
[ -x "$program" ] || skip "$program is not built: make -C selftests/torture"

# SEED repeats a run; what threads do when is up to the kernel.
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
failures=${FAILURES:-60}
"$program" --snapshots --seed "$seed" --failures "$failures" >"$DRP_TMP/out" 2>"$DRP_TMP/err"
status=$?
sed 's/^/# /' "$DRP_TMP/out" "$DRP_TMP/err"
assert_eq $status 0 "powerfail --snapshots --seed $seed"
survived=$(sed -n 's/^\([0-9]*\) power failures in .* survived.*/\1/p' "$DRP_TMP/out")
[ "${survived:-0}" -ge "$failures" ] || fail "only ${survived:-0} power failures"
read -r points doubtful < <(sed -n 's/^\([0-9]*\) points in time, \([0-9]*\) operations .*/\1 \2/p' "$DRP_TMP/out")
[ "${points:-0}" -ge $((failures / 2)) ] || fail "only ${points:-0} points in time"
[ "${doubtful:-0}" -ge 1 ] || fail "no failure in the middle of an operation"
ok "$survived power failures, $points points in time, seed $seed"
