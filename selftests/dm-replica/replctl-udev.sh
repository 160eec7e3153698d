#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, at the end
# DESCRIPTION: with udev, devices have their links in every state, and the source keeps those of the file system
# REQUIRES: replica simdisk dmsetup replctl mkfs.ext4 udevadm
# VM: --udev
# TIMEOUT: 180
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

pgrep -x systemd-udevd >/dev/null || skip "udev does not run"
unset DM_DISABLE_UDEV
# Runs after what replica_setup undoes.
remove_disks() {
	local disk
	for disk in $(<"$SIMDISK_SYS/disks"); do
		simdisk_remove "$disk"
	done
}

at_exit remove_disks
replica_setup
cp "$DRP_TOP"/packaging/udev/*.rules /run/udev/rules.d/ 2>/dev/null ||
	{ mkdir -p /run/udev/rules.d && cp "$DRP_TOP"/packaging/udev/*.rules /run/udev/rules.d/; }
udevadm control --reload

# LINK DEVICE-NAME
leads_to() {
	udevadm settle
	assert_eq "$(readlink -f "$1")" "$(readlink -f "/dev/mapper/$2")" "$1"
	[ -b "$1" ] || fail "$1 is no block device"
}

run_ok simdisk_create meta 16
run_ok simdisk_create one 64
run_ok simdisk_create two 64
run_ok replctl pool create ta-nk --metadata /dev/meta
run_ok replctl element add ta-nk/one /dev/one
run_ok replctl element add ta-nk/t-wo /dev/two
leads_to /dev/replica/ta-nk/t-wo ta--nk-t--wo
run_ok mkfs.ext4 -q -L drp-label /dev/mapper/ta--nk-one
run_ok replctl create --type mirror --source one --target t-wo --name m \
	--wait-for-copy-state synchronized --timeout 60
leads_to /dev/replica/ta-nk/one ta--nk-one
leads_to /dev/replica/ta-nk/t-wo ta--nk-t--wo
leads_to /dev/disk/by-label/drp-label ta--nk-one
ok "a target that became read-only keeps its links"

run_ok replctl split m
leads_to /dev/replica/ta-nk/t-wo ta--nk-t--wo
leads_to /dev/disk/by-label/drp-label ta--nk-one
run_ok replctl resync-replica m --wait-for-copy-state synchronized --timeout 60
leads_to /dev/replica/ta-nk/t-wo ta--nk-t--wo
leads_to /dev/disk/by-label/drp-label ta--nk-one
ok "the source keeps the links of the file system, the target its own"

run_ok replctl pool deactivate ta-nk
udevadm settle
[ ! -e /dev/replica ] || fail "links are left: $(find /dev/replica)"
[ ! -e /dev/mapper/ta--nk-one ] || fail "a node is left"
ok "deactivation removes nodes and links"
