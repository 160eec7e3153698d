#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, at the end
# DESCRIPTION: what the unit of systemd runs brings all pools back, and stops all but what is open
# REQUIRES: replica simdisk dmsetup replctl mkfs.ext4
# TIMEOUT: 180
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

unit=$DRP_TOP/packaging/systemd/dm-replica.service.in
read -ra start < <(sed -n 's|^ExecStart=@SBINDIR@/||p' "$unit")
read -ra stop < <(sed -n 's|^ExecStop=@SBINDIR@/||p' "$unit")
[ "${start[0]}" = replctl ] && [ "${stop[0]}" = replctl ] || fail "the unit does not run replctl"

# Runs after what replica_setup undoes.
remove_disks() {
	local disk
	for disk in $(<"$SIMDISK_SYS/disks"); do
		simdisk_remove "$disk"
	done
}

devices() { dmsetup ls --target replica-pool; dmsetup ls --target replica; }

at_exit remove_disks
replica_setup
for d in m1 m2; do
	run_ok simdisk_create $d 16
done
for d in one two three; do
	run_ok simdisk_create $d 64
done
run_ok replctl pool create tank --metadata /dev/m1
run_ok replctl pool create attic --metadata /dev/m2
run_ok replctl element add tank/one /dev/one
run_ok replctl element add tank/two /dev/two
run_ok replctl element add attic/three /dev/three
run_ok replctl create --type mirror --source tank/one --target tank/two \
	--wait-for-copy-state synchronized --timeout 60
run_ok mkfs.ext4 -q -F /dev/mapper/tank-one
mkdir "$DRP_TMP/mnt"
run_ok mount /dev/mapper/tank-one "$DRP_TMP/mnt"
at_exit "umount '$DRP_TMP/mnt' 2>/dev/null"
echo kept >"$DRP_TMP/mnt/file"

run_fails 6 "${stop[@]}"
grep -q 'tank: In Use .* open: one' "$DRP_TMP/stderr" || fail "no name: $(<"$DRP_TMP/stderr")"
dmsetup info attic >/dev/null 2>&1 && fail "attic was not stopped"
dmsetup info tank >/dev/null || fail "tank was stopped although it is mounted"
ok "while an element is mounted, its pool goes on and the others are stopped"

run_ok umount "$DRP_TMP/mnt"
run_ok "${stop[@]}"
assert_eq "$(devices | grep -v 'No devices')" "" "devices that are left"
run_ok "${stop[@]}"
ok "then all are stopped, and to stop none is no error"

for round in 1 2; do
	run_ok "${start[@]}"
	run_ok replctl show tank/one-two
	grep -qE '^CopyState +Synchronized' "$DRP_TMP/stdout" ||
		run_ok replctl resync-replica tank/one-two --wait-for-copy-state synchronized --timeout 60
	run_ok mount /dev/mapper/tank-one "$DRP_TMP/mnt"
	assert_eq "$(<"$DRP_TMP/mnt/file")" kept "the file"
	[ -b /dev/mapper/attic-three ] || fail "attic's element is not there"
	run_ok umount "$DRP_TMP/mnt"
	[ $round -eq 2 ] || run_ok "${stop[@]}"
done
run_ok "${start[@]}"
assert_eq "$(grep -c 'was active' "$DRP_TMP/stdout")" 5 "pools and elements that are there already"
ok "all is brought back, and to start it twice changes nothing"

run_ok "${stop[@]}"
run_ok simdisk_remove two
run_fails 19 "${start[@]}"
grep -q 'tank/two' "$DRP_TMP/stderr" || fail "the missing one is not named"
[ -b /dev/mapper/tank-one ] && [ -b /dev/mapper/attic-three ] || fail "the rest is not there"
grep -qE '^SuccessExitStatus=.*\b19\b' "$unit" || fail "that would fail the unit, which is then never stopped"
run_ok "${stop[@]}"
ok "what is missing is named, and the rest is started and stopped"
