# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Runs of the torture program. Sourced after drp.sh.

# DEFAULT [OPTION]...: FAILURES (or DEFAULT) power failures must be survived. In
# $failures how many were wanted, in $survived how many there were, in $seed what
# repeats the run (what threads do when is up to the kernel); its words are in
# $DRP_TMP/out.
powerfail() {
	local program=$DRP_TOP/build/selftests/powerfail status
	failures=${FAILURES:-$1}
	seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
	shift
	[ -x "$program" ] || skip "$program is not built: make -C selftests/torture"
	"$program" "$@" --seed "$seed" --failures "$failures" >"$DRP_TMP/out" 2>"$DRP_TMP/err"
	status=$?
	sed 's/^/# /; s/^# \([0-9]* power failures in\)/# did: \1/' "$DRP_TMP/out" "$DRP_TMP/err"
	assert_eq $status 0 "powerfail $* --seed $seed"
	survived=$(sed -n 's/^\([0-9]*\) power failures in .* survived.*/\1/p' "$DRP_TMP/out")
	[ "${survived:-0}" -ge "$failures" ] || fail "only ${survived:-0} power failures"
}
