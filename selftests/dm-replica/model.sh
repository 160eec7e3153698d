#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: after each of many random operations, I/Os, faults and power failures
# the module's answers, states and contents are those of the reference model: lists of
# steps that once failed, then RUNS lists of 60 random steps each
# REQUIRES: replica simdisk
# GROUP: parallel
# VM: --cpus 2
# TIMEOUT: 900
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"

program=$DRP_TOP/build/selftests/model
[ -x "$program" ] || skip "$program is not built: make -C selftests/model"
# The same lists each time: others with SEED=, or make torture.
seed=${SEED:-11} runs=${RUNS:-4}

# WHAT OPTION...: its last line are its numbers.
model() {
	local status
	"$program" "${@:2}" >"$DRP_TMP/out" 2>"$DRP_TMP/err"
	status=$?
	sed 's/^/# /; s/^# \([0-9]* \(lists\|seeds\)\b\)/# did: \1/' "$DRP_TMP/err" "$DRP_TMP/out"
	assert_eq $status 0 "$1"
}

lists=("$DRP_TOP"/selftests/model/corpus/*.steps)
model "the lists that failed once" --replay "${lists[@]}"
grep -q "^${#lists[@]} lists, " "$DRP_TMP/out" || fail "not all lists were run"
ok "${#lists[@]} lists of steps that failed once"

model "model --seed $seed --runs $runs" --seed "$seed" --runs "$runs"
grep -q "^$runs seeds from $seed, 0 failed, " "$DRP_TMP/out" || fail "not all seeds were run"
ok "$runs lists of random steps, seed $seed"
