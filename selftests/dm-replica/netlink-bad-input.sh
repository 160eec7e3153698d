#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: malformed netlink requests are refused and change nothing, under I/O
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 400
# ROUNDS=N random requests as root and as many as nobody (10000), SEED=N.
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/bad-input.sh
. "$DRP_TOP/selftests/lib/bad-input.sh"

program=$DRP_TOP/build/selftests/nl_fuzz
if [ ! -x "$program" ]; then
	need make cc
	run_ok make -s -C "$DRP_TOP/selftests/dm-replica" OUT="$DRP_TMP"
	program=$DRP_TMP/nl_fuzz
fi
bad_setup
before=$(bad_state)
kernel_mark
bad_load /dev/mapper/bad-a
seed=${SEED:-$RANDOM} start=$SECONDS

"$program" bad 1 3 4 13 "${ROUNDS:-10000}" "$seed" >"$DRP_TMP/tap"
status=$?
sed 's/^/# /' "$DRP_TMP/tap"
echo "# did: $((2 * ${ROUNDS:-10000})) random netlink requests, seed $seed, $((SECONDS - start)) s"
[ $status -ne 4 ] || skip "$(sed -n 's/.*# SKIP //p' "$DRP_TMP/tap")"
assert_eq $status 0 "nl_fuzz"
[ "$(grep -c '^ok ' "$DRP_TMP/tap")" -ge 10 ] || fail "nl_fuzz ended before its tests"
ok "all malformed requests were refused, as root and as nobody"

assert_eq "$(bad_state)" "$before" "state after malformed requests"
ok "status lines are as before"

kernel_said 'BUG:|WARNING:|Oops|KASAN' && fail "the kernel complained"
ok "no complaint in the kernel log"

bad_still_works
ok "the pool still works"
