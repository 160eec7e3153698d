# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Of the command line's tests: builds the tool over the fake kernel, runs it.
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/drp.sh"

CLI=$DRP_TOP/selftests/cli/obj/replctl
unset NO_COLOR FAKE_NO_MODULE FAKE_DENY FAKE_LOG
export TZ=UTC LC_ALL=C.UTF-8

need make cc
flock "$DRP_TOP/selftests/cli/Makefile" make -s -j"$(nproc)" -C "$DRP_TOP/selftests/cli" >"$DRP_TMP/build" 2>&1 || {
	sed 's/^/# /' "$DRP_TMP/build"
	fail "the test binary cannot be built"
}

# STATUS ARGUMENT...: the tool ends with STATUS; its output stays in $DRP_TMP.
cli() {
	local want=$1 status
	shift
	"$CLI" "$@" >"$DRP_TMP/stdout" 2>"$DRP_TMP/stderr" </dev/null
	status=$?
	[ $status -eq "$want" ] ||
		fail "'replctl $*' ended with $status, expected $want: $(head -n 3 "$DRP_TMP/stderr")"
}

# REGEX: stderr of the last run says so, in the form of the tool's errors.
says() {
	grep -qE -- "$1" "$DRP_TMP/stderr" ||
		fail "stderr does not say '$1': $(head -n 3 "$DRP_TMP/stderr")"
	grep -qE '^replctl: .+: .+' "$DRP_TMP/stderr" ||
		fail "an error without form: $(head -n 3 "$DRP_TMP/stderr")"
}

# REGEX: stdout of the last run says so.
prints() {
	grep -qE -- "$1" "$DRP_TMP/stdout" ||
		fail "stdout does not say '$1': $(head -n 3 "$DRP_TMP/stdout")"
}

# Names of all commands, one in a line.
commands() {
	"$CLI" help | sed -n '/^Commands:/,/^$/s/^  \(.\{28\}\).*/\1/p' | sed 's/ *$//'
}

# Names of all options without hyphens.
options() {
	commands | while read -r c; do
		# shellcheck disable=SC2086
		"$CLI" help $c
	done | sed -n '/^Options:/,/^$/s/^  --\([a-z-]*\).*/\1/p' | sort -u
}
