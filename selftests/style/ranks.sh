#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test follows every #include of the module: a file may use
# TIMEOUT: 900
# headers of its own rank or a lower one. The ranks are in the file "ranks".
. "$(dirname "$0")/../lib/drp.sh"

cd "$DRP_TOP/kernel/dm-replica" || skip "no module"
patterns=() values=()
while read -r pattern value; do
	case $pattern in '' | '#'*) continue ;; esac
	patterns+=("$pattern") values+=("$value")
done <"$DRP_TOP/selftests/style/ranks"

rank() {
	local i
	for i in "${!patterns[@]}"; do
		# shellcheck disable=SC2053
		if [[ $1 == ${patterns[i]} ]]; then
			echo "${values[i]}"
			return
		fi
	done
	echo unknown
}

# FILE HEADER: the path of the header, if it is one of the module.
resolve() {
	local beside
	beside=$(dirname "$1")/$2
	beside=${beside#./}
	if [ -e "$beside" ]; then
		echo "$beside"
	elif [ -e "$2" ]; then
		echo "$2"
	fi
}

bad=0 files=0
for file in $(git ls-files '*.c' '*.h' | grep -v '^compat/'); do
	[ -e "$file" ] || continue
	files=$((files + 1))
	own=$(rank "$file")
	if [ "$own" = unknown ]; then
		echo "# $file has no rank: add it to selftests/style/ranks"
		bad=1
		continue
	fi
	for name in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file"); do
		header=$(resolve "$file" "$name")
		[ -n "$header" ] || continue
		other=$(rank "$header")
		if [ "$other" = unknown ] || [ "$other" -gt "$own" ]; then
			echo "# $file (rank $own) includes $header (rank $other)"
			bad=1
		fi
	done
done
[ $bad -eq 0 ] || fail "headers of a higher rank; see above"
ok "$files files"
