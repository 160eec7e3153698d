#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test installs into an empty tree, and has systemd verify the
# unit and the order of a boot with it and a mounted element; then it uninstalls.
. "$(dirname "$0")/../lib/drp.sh"

need systemd-analyze
cd "$DRP_TOP" || exit 1
[ -x tools/replctl/replctl ] || skip "replctl is not built; make tool"
root=$DRP_TMP/root
run_ok env DESTDIR="$root" PREFIX=/usr/local scripts/install
unit=$root/lib/systemd/system/dm-replica.service
[ -x "$root/usr/local/sbin/replctl" ] && [ -s "$unit" ] || fail "replctl or the unit is not installed"
! grep -q '@' <(grep -v 'modprobe@' "$unit") || fail "the unit has a place that was not filled in"
ok "install puts tool and unit in their places"

# What the unit starts lies below the empty tree here.
sed -i "s|/usr/local/sbin|$root&|" "$unit"
export SYSTEMD_UNIT_PATH=$root/lib/systemd/system:/lib/systemd/system
run_ok systemd-analyze verify --man=no "$unit"
[ ! -s "$DRP_TMP/stderr" ] || fail "systemd complains: $(head -n 3 "$DRP_TMP/stderr")"
ok "the unit is well formed"

# A boot that mounts an element from /etc/fstab.
wants=$root/lib/systemd/system/local-fs.target
mkdir -p "$wants.wants" "$wants.requires"
ln -s ../dm-replica.service "$wants.wants/"
cat >"$root/lib/systemd/system/srv.mount" <<'UNIT'
[Unit]
Before=local-fs.target
[Mount]
What=/dev/mapper/tank-home
Where=/srv
Type=ext4
UNIT
ln -s ../srv.mount "$wants.requires/"
cycles() {
	systemd-analyze verify --man=no multi-user.target srv.mount dm-replica.service 2>&1 |
		grep -i 'ordering cycle'
}
cycles && fail "the unit makes an ordering cycle"
ok "no ordering cycle in a boot with the unit"
sed -i 's/^Before=local-fs-pre.target/After=local-fs.target &/; s/^After=local-fs.target Before=/After=local-fs.target\nBefore=/' "$unit"
cycles >/dev/null || fail "a planted ordering cycle was not found"
ok "a planted ordering cycle is found"

rm -r "$wants.wants" "$wants.requires" "$root/lib/systemd/system/srv.mount"
run_ok env DESTDIR="$root" PREFIX=/usr/local scripts/install --remove
left=$(find "$root" -type f -o -type l)
[ -z "$left" ] || fail "uninstall leaves $left"
ok "uninstall leaves nothing"
