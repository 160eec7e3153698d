#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: 300 power failures at random moments of clones, their copies,
# resyncs and restores, with writers on both sides, break no rule of the crash
# contract
# REQUIRES: replica simdisk
# GROUP: torture
# TIMEOUT: 1500
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"

program=$DRP_TOP/build/selftests/powerfail
[ -x "$program" ] || skip "$program is not built: make -C selftests/torture"

# SEED repeats a run; what threads do when is up to the kernel.
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
"$program" --clones --seed "$seed" --failures "${FAILURES:-300}" >"$DRP_TMP/out" 2>"$DRP_TMP/err"
status=$?
sed 's/^/# /' "$DRP_TMP/out" "$DRP_TMP/err"
assert_eq $status 0 "powerfail --clones --seed $seed"
survived=$(sed -n 's/^\([0-9]*\) power failures in .* survived.*/\1/p' "$DRP_TMP/out")
[ "${survived:-0}" -ge "${FAILURES:-300}" ] || fail "only ${survived:-0} power failures"
unfinished=$(sed -n 's/^\([0-9]*\) times a restore or failback or clone was unfinished/\1/p' "$DRP_TMP/out")
[ "${unfinished:-0}" -ge "$((${FAILURES:-300} / 10))" ] ||
	fail "only ${unfinished:-0} failures in the middle of a clone's copy or restore"
ok "$survived power failures, seed $seed"
