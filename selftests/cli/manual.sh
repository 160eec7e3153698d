#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: the manual and the completion know every command and option
# shellcheck source=selftests/cli/common.bash
. "$(dirname "$0")/common.bash"
manual=$DRP_TOP/Documentation/replctl.8
completion=$DRP_TOP/tools/replctl/completion/replctl

need mandoc
mandoc -Tlint -Wwarning "$manual" >"$DRP_TMP/lint" 2>&1
grep -vE 'unusual Xr order|outdated mandoc.db' "$DRP_TMP/lint" && fail "mandoc has complaints"
ok "the manual is well formed"

sed 's/\\-/-/g' "$manual" >"$DRP_TMP/manual"
commands | while read -r c; do
	grep -qx ".Cm $c" "$DRP_TMP/manual" || fail "the manual lacks the command '$c'"
done || exit 1
options | while read -r o; do
	grep -qE "^.It Fl Fl $o( |$)" "$DRP_TMP/manual" || fail "the manual lacks the option --$o"
done || exit 1
sed -n '/^.It Xo/{n;s/^\.Cm //p}' "$DRP_TMP/manual" | while read -r c; do
	commands | grep -qx -- "$c" || fail "the manual has a command that is not there: $c"
done || exit 1
ok "the manual has every command and option"

# WORD...: what is offered after these words, the last one being completed.
complete_after() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_replctl
	printf '%s\n' "${COMPREPLY[@]}"
}

replctl() { "$CLI" "$@"; }
# shellcheck source=tools/replctl/completion/replctl
. "$completion"
commands | while read -r first second; do
	complete_after replctl "" | grep -qx -- "$first" || fail "completion lacks '$first'"
	[ -z "$second" ] || complete_after replctl "$first" "" | grep -qx -- "$second" ||
		fail "completion lacks '$first $second'"
done || exit 1
ok "completion offers every command"

commands | while read -r c; do
	# shellcheck disable=SC2086
	"$CLI" help $c | sed -n '/^Options:/,/^$/s/^  \(--[a-z-]*\).*/\1/p' | sort >"$DRP_TMP/want"
	# shellcheck disable=SC2086
	complete_after replctl $c - | sort -u >"$DRP_TMP/have"
	cmp -s "$DRP_TMP/want" "$DRP_TMP/have" ||
		fail "completion of '$c' offers other options: $(diff "$DRP_TMP/want" "$DRP_TMP/have" | grep '^[<>]' | tr '\n' ' ')"
done || exit 1
ok "completion offers exactly the options of each command"

complete_after replctl fracture "" | grep -qx tank/home-copy || fail "no names of synchronizations"
complete_after replctl pool show "" | grep -qx tank || fail "no names of pools"
complete_after replctl create --source "" | grep -qx tank/home || fail "no names of elements"
complete_after replctl job wait "" | grep -qx tank/7 || fail "no jobs"
complete_after replctl split x --wait-for-copy-state "sp" | grep -qx split || fail "no states"
ok "completion offers the names of objects"

for o in --chunk-size --region-size --extent-size; do
	for size in $(complete_after replctl pool create t $o ""); do
		cli 66 pool create t --metadata "$DRP_TMP/none" $o "$size"
	done
done
for key in $(complete_after replctl create --setting ""); do
	case $key in *=) word=${key%=} ;; *) continue ;; esac
	"$CLI" set sync tank/home-copy "$word=" 2>&1 | grep -q 'is not known' &&
		fail "completion offers an unknown setting: $key"
done
ok "completion offers only sizes and settings that there are"
