#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test passes every shell script through shellcheck.
# TIMEOUT: 900
. "$(dirname "$0")/../lib/drp.sh"

need shellcheck
cd "$DRP_TOP" || exit 1
mapfile -t files < <(git ls-files | while read -r f; do
	[ -f "$f" ] || continue
	case $f in
	*.sh | *.bash) echo "$f" ;;
	*) head -n 1 "$f" | grep -qaE '^#!.*\b(ba)?sh\b' && echo "$f" ;;
	esac
done)
shellcheck -S warning "${files[@]}" || fail "shellcheck complains"
ok "${#files[@]} scripts"
