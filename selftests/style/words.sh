#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test looks for what does not belong into the tree: names of
# package mirrors, paths of a workplace, BUG_ON, kernel version checks outside
# compat/, files without a licence line.
. "$(dirname "$0")/../lib/drp.sh"

cd "$DRP_TOP" || exit 1

# REGEX WHAT PATHSPEC...
none() {
	local regex=$1 what=$2
	shift 2
	if git grep -nIE "$regex" -- "$@"; then
		fail "$what"
	fi
	ok "no $what"
}

none '(deb|ftp|http|security|snapshot|archive)[.](debian|ubuntu)[.](org|com)' "mirror names" .
none '(^|[^A-Za-z0-9_.$}/])/(work|home/[a-z]+|root|Users)/[a-z]+/' "workplace paths" .
none '\bBUG(_ON)?\(' "BUG_ON" 'kernel/**/*.c' 'kernel/**/*.h' 'selftests/simdisk'
none 'LINUX_VERSION_CODE|KERNEL_VERSION\(' "version checks outside compat" \
	'kernel' ':!kernel/dm-replica/compat' 'selftests/simdisk' ':!selftests/simdisk/compat'

missing=$(git ls-files '*.c' '*.h' '*.sh' '*.bash' '*.py' '*Makefile' '*Kbuild' | while read -r f; do
	[ ! -s "$f" ] || head -n 3 "$f" | grep -q SPDX-License-Identifier || echo "$f"
done)
[ -z "$missing" ] || fail "no SPDX line in: $missing"
ok "every source has its licence"
