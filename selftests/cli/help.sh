#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: the help of every command has usage, options and an example that parses
# shellcheck source=selftests/cli/common.bash
. "$(dirname "$0")/common.bash"

n=0
while read -r c; do
	# shellcheck disable=SC2086
	cli 0 help $c
	prints "^Usage: replctl $c"
	prints '^Options:'
	prints "^  replctl ${c%% *}"
	cp "$DRP_TMP/stdout" "$DRP_TMP/help"
	# shellcheck disable=SC2086
	cli 0 $c --help
	cmp -s "$DRP_TMP/help" "$DRP_TMP/stdout" || fail "'$c --help' differs from 'help $c'"
	n=$((n + 1))
done < <(commands)
[ $n -ge 55 ] || fail "only $n commands"
ok "the help of $n commands has usage, options and examples"

# No example may be answered with a usage error; names that the fake world lacks are found missing.
while read -r c; do
	case $c in monitor | "pool activate" | "job wait" | help) continue ;; esac
	# shellcheck disable=SC2086
	"$CLI" help $c | sed -n '/^Examples:/,$s/^  replctl //p' | while read -r line; do
		words=${line%% >*}	# a shell would send the output there
		[[ $words = *--binary* ]] || words+=" --json"
		# shellcheck disable=SC2086
		timeout 20 "$CLI" $words >"$DRP_TMP/stdout" 2>"$DRP_TMP/stderr" </dev/null
		status=$?
		if [ $status -eq 64 ] && ! grep -q 'several pools' "$DRP_TMP/stderr" ||
			[ $status -ge 124 ]; then
			fail "example '$line' ended with $status: $(head -n 1 "$DRP_TMP/stderr")"
		fi
	done || exit 1
done < <(commands)
ok "every example is a correct command line"

for verb in abort activate-consistency activate add-sync-pair deactivate-consistency deactivate \
	detach dissolve failover failback fracture remove-sync-pair resync-replica \
	restore-from-replica resume reset-to-sync reset-to-async return-to-resource-pool \
	reverse-roles split suspend unprepare prepare; do
	commands | grep -qx -- "$verb" || fail "the operation $verb is missing"
done
ok "all operations have a command"

for noun in pool element group job aspect; do
	cli 0 help $noun
	prints "^  $noun list"
	cli 0 $noun --help
done
cli 0 --help
cli 0 --version
prints '^replctl [0-9]+\.[0-9]+\.[0-9]+'
ok "nouns have a help, and there is a version"
