#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, at the end
# DESCRIPTION: replctl runs a mirror's life against the module, with the exit statuses it promises
# REQUIRES: replica simdisk dmsetup replctl mkfs.ext4 setpriv
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

# REGEX: stderr (says) or stdout (prints) of the last run has it.
says() { grep -qE -- "$1" "$DRP_TMP/stderr" || fail "stderr lacks '$1': $(head -n 3 "$DRP_TMP/stderr")"; }
prints() { grep -qE -- "$1" "$DRP_TMP/stdout" || fail "stdout lacks '$1': $(head -n 3 "$DRP_TMP/stdout")"; }

nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

# Runs after what replica_setup undoes.
remove_disks() {
	local disk
	for disk in $(<"$SIMDISK_SYS/disks"); do
		simdisk_remove "$disk"
	done
}

at_exit remove_disks
replica_setup
run_ok simdisk_create meta 16
run_ok simdisk_create one 64
run_ok simdisk_create two 64

mkfs.ext4 -q -F /dev/meta
ctl 17 pool create tank --metadata /dev/meta
says 'ext4.*--force'
ctl 0 pool create tank --metadata /dev/meta --force
ctl 6 pool create tank --metadata /dev/two
ctl 6 pool create other --metadata /dev/meta --force
ctl 0 pool list
prints '^tank +Read Write'
ok "a pool is made, foreign content and a used device are refused"

ctl 0 element add tank/one /dev/one
says 'no lasting identity'
ctl 0 element add tank/two /dev/two
ctl 6 element add tank/again /dev/one
ctl 5 create --type mirror --source one --target one
ctl 0 create --type mirror --source one --target two --wait-for-copy-state synchronized --timeout 60
prints '^ReturnValue=4096 \(Method Parameters Checked - Job Started\) Job=[0-9]+ Object=tank/one-two$'
ctl 0 show one-two
prints 'CopyState +Synchronized'
same_content /dev/one /dev/two || fail "the legs differ"
ok "a mirror is made and waited for"

mkfs.ext4 -q -F /dev/mapper/tank-one
mkdir "$DRP_TMP/mnt"
mount /dev/mapper/tank-one "$DRP_TMP/mnt"
at_exit "umount '$DRP_TMP/mnt' 2>/dev/null"
ctl 6 pool deactivate tank
says 'open: one'
ctl 6 element remove one
ctl 0 split one-two
mount -o ro /dev/mapper/tank-two /mnt
ctl 6 resync-replica one-two
umount /mnt
cp -r /etc/udev "$DRP_TMP/mnt/"
sync -f "$DRP_TMP/mnt"
ctl 0 map one-two
prints '^[0-9]+ +[0-9]+$'
ctl 0 resync-replica one-two --dry-run
prints 'one would overwrite two: [0-9]+ MiB at most'
ctl 0 show one-two
prints 'CopyState +Split'
ctl 0 resync-replica one-two --wait-for-copy-state synchronized --timeout 60
umount "$DRP_TMP/mnt"
same_content /dev/one /dev/two || fail "the legs differ after the resync"
ctl 0 map one-two
prints 'Nothing differs'
ok "split, dry run and resync"

ctl 0 fracture one-two
ctl 16 split one-two
ctl 16 suspend one-two
ctl 19 fracture nosuch
ctl 0 set sync one-two rate_limit=1M
dd if=/dev/urandom of=/dev/mapper/tank-one bs=1M count=16 oflag=direct status=none
ctl 3 resync-replica one-two --wait-for-copy-state synchronized --timeout 1
says 'Timeout \(3\).*goes on'
ctl 0 set sync one-two rate_limit=0
ctl 0 suspend one-two
ctl 0 resume one-two --wait-for-copy-state synchronized --timeout 60
ok "refusals have their exit status, and a timeout of waiting leaves the job running"

nobody replctl list >"$DRP_TMP/stdout" 2>&1 || fail "an unprivileged list: $(cat "$DRP_TMP/stdout")"
nobody replctl capabilities one-two >/dev/null || fail "unprivileged capabilities"
nobody replctl fracture one-two >/dev/null 2>"$DRP_TMP/stderr"
assert_eq $? 20 "an unprivileged change"
says 'Access Denied.*root'
ok "unprivileged callers read, and change nothing"

ctl 0 fracture one-two
ctl 0 pool deactivate tank
assert_eq "$(dmsetup ls --target replica | grep -c tank)" 0 "devices left"
ctl 0 pool check /dev/meta
prints 'Errors +0'
ctl 0 pool dump /dev/meta --json
prints '"Name": "one-two"'
ctl 0 pool activate --all
prints '^tank/two +/dev/mapper/tank-two +activated'
ctl 0 show one-two
prints 'CopyState +Fractured'
ctl 0 pool activate --all
prints 'was active'
ok "everything comes back after an activation"

ctl 0 pool deactivate tank
run_ok simdisk_remove two
ctl 19 pool activate /dev/meta
says 'tank/two: its data device is missing'
ctl 0 element list
prints '^tank/one .*yes'
run_ok simdisk_create three 64
ctl 0 element attach tank/two /dev/three
says "calls itself 'name:three'"
ctl 0 show one-two
prints 'CopyState +Invalid'
ctl 17 resync-replica one-two
ctl 0 resync-replica one-two --force --wait-for-copy-state synchronized --timeout 60
same_content /dev/one /dev/three || fail "the legs differ after the disk was replaced"
ok "a missing data device is named, and another one takes its place after a full copy"

ctl 0 dissolve one-two
# What takes longer than a request may becomes a job, which says it when it has ended.
job=$(sed -nE 's/^ReturnValue=4096 .* Job=([0-9]+).*/\1/p' "$DRP_TMP/stdout")
if [ -n "$job" ]; then
	wait_until 20 job_is_settled tank "$job" || fail "the job does not end"
	ctl 0 job show "tank/$job"
	prints '^SettingsState +[0-9]+$'
else
	prints 'SettingsState=[0-9]+$'
fi
replctl aspect list | grep -q '^tank/' || fail "no aspect is left"
ctl 0 element remove two
ctl 17 pool destroy tank
ctl 0 pool destroy tank --force
ctl 19 pool check /dev/meta
ok "dissolve leaves an aspect, destroy leaves nothing"
