#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: FLUSH and FUA reach every leg, whatever the source's own cache is
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 32 cache=none
element p b 32 cache=fua
element p c 32 cache=flush
mirror p a b
mirror p b c
wait_state p-a ab synchronized
wait_state p-b bc synchronized

assert_eq "$(queue_value /dev/mapper/p-a write_cache)" "write back" "the element's cache, its source has none"

one() { run_ok dd if=/dev/urandom of=/dev/mapper/p-a bs=4k seek=1 count=1 status=none "$@"; }

# Once before, so that the extent is active.
one oflag=direct conv=fsync
simdisk_reset_stats db dc
one oflag=direct conv=fsync
[ "$(simdisk_stat db flushes)" -ge 1 ] || fail "no FLUSH reached the mirror"
[ "$(simdisk_stat dc flushes)" -ge 1 ] || fail "no FLUSH reached the mirror's mirror"
ok "FLUSH reaches every leg"

# O_DSYNC with direct I/O is a FUA write.
simdisk_reset_stats db dc
one oflag=direct,dsync
[ $(($(simdisk_stat db fua) + $(simdisk_stat db flushes))) -ge 1 ] ||
	fail "FUA did not reach the mirror"
[ "$(simdisk_stat dc flushes)" -ge 1 ] || fail "a mirror without FUA was not flushed"
for d in db dc; do
	assert_eq "$(simdisk_stat $d volatile_sectors)" 0 "volatile sectors of $d"
done
ok "FUA reaches every leg, nothing that was written is volatile"

simdisk_reset_stats da db dc
one oflag=direct
assert_eq "$(simdisk_stat db flushes) $(simdisk_stat dc flushes)" "0 0" "flushes that nobody asked for"
for d in da db dc; do
	assert_eq "$(simdisk_stat $d writes)" 1 "writes of $d"
done
ok "one write is one write of each leg, without a flush"

one oflag=direct conv=fsync
simdisk_power_fail 7 drop
simdisk_rearm
assert_same da db
assert_same da dc
ok "after a power failure the legs hold what was synced"
