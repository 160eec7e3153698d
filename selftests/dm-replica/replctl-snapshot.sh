#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: replctl makes, lists, compares and returns snapshots, and brings their devices back
# REQUIRES: replica simdisk dmsetup replctl mkfs.ext4
# TIMEOUT: 240
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

# STATUS ARGUMENT...: replctl ends so; its output stays in $DRP_TMP.
ctl() {
	local want=$1 status
	shift
	timeout 90 replctl "$@" >"$DRP_TMP/stdout" 2>"$DRP_TMP/stderr" </dev/null
	status=$?
	[ $status -eq "$want" ] ||
		fail "'replctl $*' ended with $status, expected $want: $(head -n 3 "$DRP_TMP/stderr")"
}
says() { grep -qE -- "$1" "$DRP_TMP/stderr" || fail "stderr lacks '$1': $(head -n 3 "$DRP_TMP/stderr")"; }
prints() { grep -qE -- "$1" "$DRP_TMP/stdout" || fail "stdout lacks '$1': $(head -n 9 "$DRP_TMP/stdout")"; }

replica_setup
run_ok simdisk_create meta 16
run_ok simdisk_create cow 64
run_ok simdisk_create one 64

ctl 0 pool create tank --metadata /dev/meta --cow /dev/cow
ctl 0 element add tank/one /dev/one
mkfs.ext4 -q -F /dev/mapper/tank-one
mkdir "$DRP_TMP/mnt"
run_ok mount /dev/mapper/tank-one "$DRP_TMP/mnt"
at_exit "umount '$DRP_TMP/mnt' /mnt 2>/dev/null"
echo before >"$DRP_TMP/mnt/file"
ctl 0 create --type snapshot --source tank/one --target monday --name monday
prints '^ReturnValue=(0|4096) .*Object=tank/monday$'
[ -b /dev/mapper/tank-monday ] || fail "the snapshot has no device"
echo after >"$DRP_TMP/mnt/file"
sync -f "$DRP_TMP/mnt"
run_ok mount -o ro /dev/mapper/tank-monday /mnt
assert_eq "$(</mnt/file)" before "file on the snapshot"
ctl 0 list
prints 'tank/monday +Snapshot +one +monday +Synchronized'
ctl 0 element list
prints 'tank/monday '
ctl 0 pool show tank
prints 'CowUsedBytes +[1-9]'
ctl 0 diff tank/monday tank/one --json
prints '"TotalBytes": *[1-9]'
ctl 5 create --type snapshot --source tank/one --target monday
says 'exists'
ctl 0 capabilities monday
prints 'Return To ResourcePool'
ok "a snapshot of a mounted file system is made, shown and compared"

ctl 6 return-to-resource-pool monday
says 'open'
umount /mnt
ctl 0 dissolve monday
prints 'SettingsState=[0-9]+'
ctl 0 aspect list
prints 'monday'
ctl 0 aspect copy-to-target tank/monday --target again
run_ok mount -o ro /dev/mapper/tank-again /mnt
assert_eq "$(</mnt/file)" before "file on what an aspect keeps"
umount /mnt
ctl 0 element remove monday
umount "$DRP_TMP/mnt"
ctl 0 pool deactivate tank
ctl 0 pool activate /dev/meta
prints 'tank/again +.*activated'
run_ok mount -o ro /dev/mapper/tank-again /mnt
assert_eq "$(</mnt/file)" before "file after the pool was activated again"
umount /mnt
ok "its device comes back with the pool"

ctl 17 aspect restore tank/monday
says 'Force Required'
ctl 0 aspect restore tank/monday --dry-run --force
prints 'would overwrite one'
ctl 0 aspect restore tank/monday --force --target back --wait-for-copy-state restored
prints 'one gets what tank/back shows'
ctl 0 list
prints 'tank/back +Snapshot +one +back +Restored'
[ -b /dev/mapper/tank-back ] || fail "the snapshot that was restored has no device"
run_ok mount /dev/mapper/tank-one "$DRP_TMP/mnt"
assert_eq "$(<"$DRP_TMP/mnt/file")" before "file on the source that was restored"
umount "$DRP_TMP/mnt"
ctl 0 return-to-resource-pool back
ok "the source gets what an aspect keeps"

ctl 0 return-to-resource-pool again
[ ! -e /dev/mapper/tank-again ] || fail "the device of a snapshot that is gone stays"
ctl 0 aspect delete monday
ctl 0 element list
! grep -q again "$DRP_TMP/stdout" || fail "the target of a snapshot that is gone stays"
ok "and goes with the snapshot"
