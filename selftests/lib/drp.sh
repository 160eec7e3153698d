# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What test scripts share; sourced first. A script proves one idea: it says so
# in its DESCRIPTION, calls ok for each thing that it has checked, and ends.
# Exit status: 0 passed, 1 failed, 4 skipped.
#
#	. "$(dirname "$0")/../lib/drp.sh"

set -u
DRP_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
DRP_TMP=$(mktemp -d "${TMPDIR:-/tmp}/drp-test.XXXXXX")
[ ! -e "$DRP_TOP/selftests/lib/simdisk.sh" ] || . "$DRP_TOP/selftests/lib/simdisk.sh"

drp_checked=0
drp_at_exit=()

# The end of every script: undo in reverse order, and no pass without a check.
drp_end() {
	local status=$? i
	trap - EXIT
	for ((i = ${#drp_at_exit[@]} - 1; i >= 0; i--)); do
		eval "${drp_at_exit[i]}"
	done
	rm -rf "$DRP_TMP"
	if [ $status -eq 0 ] && [ $drp_checked -eq 0 ]; then
		echo "not ok 1 - nothing was checked"
		status=1
	fi
	[ $status -eq 4 ] || echo "1..$drp_checked"
	exit $status
}
trap drp_end EXIT
trap 'exit 1' INT TERM HUP

# Run COMMAND (a string) when the script ends, last one first.
at_exit() { drp_at_exit+=("$*"); }

ok() {
	drp_checked=$((drp_checked + 1))
	echo "ok $drp_checked - $*"
}

fail() {
	drp_checked=$((drp_checked + 1))
	echo "not ok $drp_checked - $* (${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-2]})"
	exit 1
}

skip() {
	echo "1..0 # SKIP $*"
	exit 4
}

# A command must be there, or the script is skipped.
need() {
	local c
	for c; do
		command -v "$c" >/dev/null || skip "$c is not installed"
	done
}

# COMMAND... must succeed; its output is shown when it does not.
run_ok() {
	local status
	"$@" >"$DRP_TMP/stdout" 2>"$DRP_TMP/stderr"
	status=$?
	if [ $status -ne 0 ]; then
		sed 's/^/# /' "$DRP_TMP/stdout" "$DRP_TMP/stderr"
		fail "'$*' failed with $status"
	fi
}

# COMMAND... must fail with STATUS ("any" = any but 0, not a signal) and say why
# on stderr. Its output stays in $DRP_TMP/stdout and stderr.
run_fails() {
	local want=$1 status
	shift
	"$@" >"$DRP_TMP/stdout" 2>"$DRP_TMP/stderr"
	status=$?
	if [ "$want" = any ]; then
		[ $status -ne 0 ] && [ $status -lt 128 ]
	else
		[ $status -eq "$want" ]
	fi || fail "'$*' ended with $status, expected $want: $(head -n 3 "$DRP_TMP/stderr")"
	[ -s "$DRP_TMP/stderr" ] || fail "'$*' failed without a word on stderr"
}

# ACTUAL EXPECTED [WHAT]
assert_eq() {
	[ "$1" = "$2" ] || fail "${3:-values differ}: got '$1', expected '$2'"
}

# STRING REGEX [WHAT]
assert_match() {
	[[ $1 =~ $2 ]] || fail "${3:-no match}: '$1' does not match '$2'"
}

# SECONDS COMMAND...: repeat COMMAND until it succeeds; fails at the deadline,
# which is later on a slow kernel.
wait_until() {
	local end=$((SECONDS + $1 * ${DRP_SLOW:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			echo "# deadline: '$*'" >&2
			return 1
		fi
		sleep 0.1
	done
}

# DEV1 DEV2 [BYTES]: compare what is on the media, not in the page cache.
same_content() {
	blockdev --flushbufs "$1" "$2" 2>/dev/null
	cmp -s ${3:+-n "$3"} "$1" "$2"
}

# Kernel log of this script: kernel_mark once, then kernel_said REGEX.
kernel_mark() {
	drp_mark="drp-mark-$$-$RANDOM"
	echo "<6>$drp_mark" >/dev/kmsg
}

kernel_said() {
	dmesg | sed "1,/$drp_mark/d" | grep -qE "$1"
}
