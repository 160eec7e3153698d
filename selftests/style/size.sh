#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test limits files to 700 lines and functions to 80, and
# lists functions over 50.
. "$(dirname "$0")/../lib/drp.sh"

cd "$DRP_TOP" || exit 1
bad=0
for f in $(git ls-files '*.c' '*.h' '*.sh' '*.bash' '*.py' 'selftests/*/run' 'scripts/*'); do
	[ -f "$f" ] || continue
	n=$(wc -l <"$f")
	[ "$n" -le 700 ] || { echo "# $f has $n lines"; bad=1; }
done
[ $bad -eq 0 ] || fail "files over 700 lines"
ok "files have at most 700 lines"

# In kernel style a function's body is between a { and a } in column one.
git ls-files '*.c' | while read -r f; do
	[ ! -f "$f" ] || awk -v f="$f" '
		/^[a-zA-Z_].*\(/ { name = $0 }
		/^{/ { start = NR }
		/^}/ && start { if (NR - start - 1 > 50) print NR - start - 1, f ": " name; start = 0 }
	' "$f"
done | sort -rn >"$DRP_TMP/long"
sed 's/^/# lines: /' "$DRP_TMP/long"
awk '$1 > 80 { bad = 1 } END { exit bad }' "$DRP_TMP/long" || fail "functions over 80 lines"
ok "functions have at most 80 lines ($(wc -l <"$DRP_TMP/long") over 50)"
