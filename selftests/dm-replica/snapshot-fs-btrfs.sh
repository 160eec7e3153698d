#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: snapshots of a mounted btrfs, frozen by hand for the cut and not, mount beside it and show what it had
# REQUIRES: replica simdisk dmsetup mkfs.btrfs btrfstune fsfreeze fio module:btrfs
# TIMEOUT: 240
# GROUP: snapshot-fs
# VM: --memory 3G
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/snapshot-fs.sh
. "$DRP_TOP/selftests/lib/snapshot-fs.sh"

fs=btrfs
snapshot_fs_test

# With the id that it has in common with the source it is not mounted, and the
# source is not shown in its place.
run_ok mount -t btrfs /dev/mapper/p-a "$DRP_TMP/a"
echo "of the source" >"$DRP_TMP/a/whose"
sync -f "$DRP_TMP/a"
snapshot p a same
if mount -t btrfs -o ro /dev/mapper/p-same "$DRP_TMP/s" 2>"$DRP_TMP/refusal"; then
	fail "a snapshot was mounted beside its source with the same id: $(findmnt -no SOURCE "$DRP_TMP/s")"
fi
echo "# $(cat "$DRP_TMP/refusal")"
ok "a snapshot of the same id is refused while the source is mounted"

# The device knows of no file system on it, so nobody freezes it for the cut: what
# was synced is there all the same.
echo "later" >"$DRP_TMP/a/later"
snapshot p a unasked
echo "# not synced: $(btrfs --version | head -n 1), $(cat "$DRP_TMP/a/later")"
umount "$DRP_TMP/a"
run_ok mount -t btrfs -o ro /dev/mapper/p-unasked "$DRP_TMP/s"
assert_eq "$(cat "$DRP_TMP/s/whose")" "of the source" "what was synced before the cut"
[ -e "$DRP_TMP/s/later" ] && echo "# the cut has what was not synced" || echo "# the cut lacks what was not synced"
umount "$DRP_TMP/s"
run_ok mount -t btrfs -o ro /dev/mapper/p-same "$DRP_TMP/s"
assert_eq "$(cat "$DRP_TMP/s/whose")" "of the source" "the other one"
[ ! -e "$DRP_TMP/s/later" ] || fail "the snapshot shows what was written after it"
umount "$DRP_TMP/s"
ok "without the source it is mounted as it is"
snapshot_fs_verify
