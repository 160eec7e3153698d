#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a mounted target is not overwritten without Force
# REQUIRES: replica simdisk dmsetup mkfs.ext4 python3
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 32
element p b 32
run_ok mkfs.ext4 -q -F /dev/mapper/p-b
mnt=$DRP_TMP/mnt
mkdir "$mnt"
run_ok mount /dev/mapper/p-b "$mnt"
new=(create_sync 9001 mirror "${element_id[p/a]}" "${element_id[p/b]}")
refused_message "busy" p "${new[@]}"
refused_message "busy" p "${new[@]}" dry_run
run_ok umount "$mnt"
ok "create over a mounted target: In Use"

run_ok mkfs.ext4 -q -F /dev/mapper/p-a
mirror p a b
wait_state p-a ab synchronized
modify p split ab
run_ok mount /dev/mapper/p-b "$mnt"
echo mine >"$mnt/file"
sync -f "$mnt"
for op in resync-replica deactivate prepare; do
	refused "busy" p $op ab
	refused "busy" p $op ab dry_run
done
assert_state p-a ab split
assert_eq "$(cat "$mnt/file")" mine "the mounted file"
ok "resync, deactivate and prepare of a mounted target: In Use"
run_ok umount "$mnt"

python3 -c '
import os, time
os.open("/dev/mapper/p-b", os.O_RDWR | os.O_EXCL)
print("held", flush=True)
time.sleep(600)' >"$DRP_TMP/held" &
holder=$!
wait_until 20 grep -q held "$DRP_TMP/held" || fail "nobody holds the target"
refused "busy" p resync-replica ab
ok "a target that is held exclusively: In Use"
modify p resync-replica ab in_use=ignore
wait_state p-a ab synchronized
kill $holder
wait $holder 2>/dev/null
assert_same da db
ok "in_use=ignore overwrites it"

modify p split ab
exec 9</dev/mapper/p-b
modify p resync-replica ab
exec 9<&-
wait_state p-a ab synchronized
ok "a target that is only open is not In Use"

modify p split ab
run_ok mount -o ro /dev/mapper/p-b "$mnt"
modify p resync-replica ab force
wait_state p-a ab synchronized
run_ok umount "$mnt"
assert_same da db
ok "Force overwrites a mounted target"
