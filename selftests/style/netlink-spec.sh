#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test compares the netlink specification with the protocol's
# header and with the policies that the module checks requests with.
. "$(dirname "$0")/../lib/drp.sh"

need python3
"$DRP_TOP/selftests/style/netlink-spec" "$DRP_TOP" >"$DRP_TMP/out" 2>&1
status=$?
[ $status -ne 4 ] || skip "$(sed 's/^# SKIP //' "$DRP_TMP/out")"
sed 's/^/# /' "$DRP_TMP/out"
[ $status -eq 0 ] || fail "$(wc -l <"$DRP_TMP/out") differences"
ok "specification, header and policies say the same"
