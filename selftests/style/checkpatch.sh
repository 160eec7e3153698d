#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test passes every C file through the kernel's checkpatch.
# TIMEOUT: 900
. "$(dirname "$0")/../lib/drp.sh"

need perl
cd "$DRP_TOP" || exit 1
checkpatch=$(scripts/checkpatch-fetch) || skip "checkpatch.pl cannot be had"
# The stand-ins for the kernel in user space have to use the kernel's own names.
mapfile -t files < <(git ls-files '*.c' '*.h' ':!selftests/unit/fake' \
	':!kernel/dm-replica/core/user')
[ ${#files[@]} -gt 0 ] || skip "no C files"
perl "$checkpatch" -f "${files[@]}" >"$DRP_TMP/out" 2>&1
# checkpatch counts CHECKs as success; errors and warnings are not.
if grep -E '(ERROR|WARNING):' "$DRP_TMP/out"; then
	fail "$(grep -cE '(ERROR|WARNING):' "$DRP_TMP/out") complaints"
fi
ok "${#files[@]} files"
