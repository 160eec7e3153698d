#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: who is not root may look and not touch
# REQUIRES: replica simdisk dmsetup setpriv
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

replica_setup
need replctl
cow_pool_create p 16
element p a 16
element p b 16
element p c 16
mirror p a b
wait_state p-a ab synchronized
snapshot p a x

nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$@"; }
# CAP_NET_ADMIN is what GENL_ADMIN_PERM asks for; it must not be enough.
net_admin() {
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+net_admin \
		--ambient-caps=-all,+net_admin "$@"
}
before=$(dmsetup status p-a)

for command in "list" "status" "show p/ab" "element list" "job list" "pool list" "capabilities p/ab"; do
	# shellcheck disable=SC2086
	run_ok nobody replctl $command
	[ -s "$DRP_TMP/stdout" ] || fail "'$command' shows nothing"
done
assert_match "$(nobody replctl list)" "p/ab" "list"
ok "reading is for everybody"

denied="[Pp]ermission|[Dd]enied|not permitted|CAP_SYS_ADMIN|root"
for who in nobody net_admin; do
	for command in "split p/ab" "fracture p/ab" "detach p/ab --force" "element remove p/c" \
		"map p/ab" "diff p/a p/x" "pool space p" "create --type mirror --source p/b --target p/c"; do
		# shellcheck disable=SC2086
		run_fails any $who replctl $command
		assert_match "$(<"$DRP_TMP/stderr")" "$denied" "$who: $command"
	done
	run_fails any $who dmsetup message p 0 modify split "${sync_id[ab]}"
done
ok "changing is not, nor the map of what differs or is kept; not with CAP_NET_ADMIN either"
assert_eq "$(dmsetup status p-a)" "$before" "status"
ok "nothing changed"
