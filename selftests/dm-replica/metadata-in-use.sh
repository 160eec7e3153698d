#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: what a pool uses already is no metadata device, not even with format
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 60
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 16
element p b 16
scribble /dev/mapper/p-a 0 16 1
mirror p a b
wait_state p-a ab synchronized
sum=$(sha1sum </dev/da)

# WHAT DEVICE
no_metadata() {
	if dmsetup create bad --table "0 8 replica-pool $2 - 128 2 name=x format" \
		>"$DRP_TMP/stdout" 2>&1; then
		dmsetup remove --retry bad
		fail "$1 was formatted: $(cmp /dev/da /dev/db 2>&1 | head -n 1)"
	fi
	ok "$1 is refused"
}

no_metadata "a pool's device" /dev/mapper/p
no_metadata "a pool's metadata device" /dev/mp
no_metadata "an element's device" /dev/mapper/p-a
no_metadata "a target's data device" /dev/db
no_metadata "a source's data device" /dev/da
assert_eq "$(sha1sum </dev/da)" "$sum" "the source's content"
assert_same da db
ok "nothing was written"
