#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: 200 (FAILURES) power failures at random moments of I/O and
# operations on mirrors break no rule of the crash contract
# REQUIRES: replica simdisk
# GROUP: torture
# TIMEOUT: 900
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"

program=$DRP_TOP/build/selftests/powerfail
[ -x "$program" ] || skip "$program is not built: make -C selftests/torture"

# SEED repeats a run; what threads do when is up to the kernel.
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
failures=${FAILURES:-200}
"$program" --seed "$seed" --failures "$failures" >"$DRP_TMP/out" 2>"$DRP_TMP/err"
status=$?
sed 's/^/# /; s/^# \([0-9]* power failures in\)/# did: \1/' "$DRP_TMP/out" "$DRP_TMP/err"
assert_eq $status 0 "powerfail --seed $seed"
survived=$(sed -n 's/^\([0-9]*\) power failures in .* survived.*/\1/p' "$DRP_TMP/out")
[ "${survived:-0}" -ge "$failures" ] || fail "only ${survived:-0} power failures"
ok "$survived power failures, seed $seed"
