#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test builds the modules with W=1 and sparse, in a tree of
# its own: no line of warning. Where a kernel brings its own compiler (newest),
# without sparse.
# TIMEOUT: 900
. "$(dirname "$0")/../lib/drp.sh"

need sparse
cd "$DRP_TOP" || exit 1
out=build/style/module-${KVER:-6.1}
rm -rf "$out"
check=C=2 with=" and sparse"
if [ -d "$(. scripts/common.sh && kernel_dir "${KVER:-6.1}")/chroot" ]; then
	check='' with=''
fi
# shellcheck disable=SC2086
MODULE_OUT=$DRP_TOP/$out scripts/module-build "${KVER:-6.1}" '' W=1 $check \
	>"$DRP_TMP/out" 2>&1
status=$?
if grep -E 'warning:|error:|WARNING|ERROR' "$DRP_TMP/out"; then
	fail "the build has warnings"
fi
[ $status -eq 0 ] || { tail -n 30 "$DRP_TMP/out"; fail "the build failed"; }
ok "W=1$with: silent"
