#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test shows that every planted fault still fits the code: one that
# does not apply is no proof any more.
# REQUIRES: patch
. "$(dirname "$0")/../lib/drp.sh"

cd "$DRP_TOP" || exit 1
need patch
bad=0
fits() { patch --dry-run -s -f -p1 -d "$1" <"$2" >"$DRP_TMP/said" 2>&1; }

for p in selftests/torture/faults/*.patch selftests/cut/faults/*.patch; do
	fits . "$p" || { echo "# $p: $(tr '\n' ' ' <"$DRP_TMP/said")"; bad=1; }
done
[ $bad -eq 0 ] || fail "correct these patches"
ok "the faults of torture/ and cut/ fit the sources"

# All in one tree, each behind its switch.
cp -r kernel include "$DRP_TMP/"
for p in selftests/model/faults/switch.patch selftests/model/faults/[0-9]*.patch; do
	if fits "$DRP_TMP" "$p"; then
		patch -s -f -p1 -d "$DRP_TMP" <"$p"
	else
		echo "# $p: $(tr '\n' ' ' <"$DRP_TMP/said")"
		bad=1
	fi
done
[ $bad -eq 0 ] || fail "correct these patches"
ok "the faults of model/ fit the sources, one after the other"
