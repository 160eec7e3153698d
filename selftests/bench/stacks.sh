# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The stacks that are compared: stack_up NAME sets $dev, stack_down undoes it.
# All stand on the same two disks simA and simB (and simM for metadata).
# Sourced in the guest.

export DM_DISABLE_UDEV=1 MDADM_NO_UDEV=1 MDADM_NO_SYSTEMCTL=1
DISK_MIB=512
DISK_SECTORS=$((DISK_MIB * 2048))
# dm-raid's metadata areas are the last 4 MiB of each disk, as LVM has them on
# the same physical volume.
RAID_SECTORS=$((DISK_SECTORS - 8192))

# A command must succeed; what it said is shown otherwise.
must() {
	local said
	said=$("$@" 2>&1) || die "'$*' failed: $said"
}

die() {
	echo "bench: $*" >&2
	exit 1
}

dm_create() { must dmsetup create "$1" --table "$2"; }

# ---- device mapper's own ----

linear_up() {
	dm_create lin "0 $DISK_SECTORS linear /dev/simA 0"
	dev=/dev/mapper/lin
}

mirror_up() {
	modprobe dm-mirror
	dm_create mir "0 $DISK_SECTORS mirror $1 2 /dev/simA 0 /dev/simB 0 1 handle_errors"
	dev=/dev/mapper/mir
}

dmraid_up() {
	local d
	modprobe dm-raid
	for d in A B; do
		dm_create "data$d" "0 $RAID_SECTORS linear /dev/sim$d 0"
		dm_create "meta$d" "0 8192 linear /dev/sim$d $RAID_SECTORS"
		must dd if=/dev/zero of="/dev/mapper/meta$d" bs=1M count=4 oflag=direct
	done
	dm_create rd "0 $RAID_SECTORS raid raid1 4 0 nosync region_size 4096 2 \
		/dev/mapper/metaA /dev/mapper/dataA /dev/mapper/metaB /dev/mapper/dataB"
	dev=/dev/mapper/rd
}

dmraid_down() {
	local d
	must dmsetup remove --retry rd
	for d in dataA metaA dataB metaB; do
		must dmsetup remove --retry $d
	done
}

# ---- md ----

# BITMAP-OPTION...
md_up() {
	modprobe raid1
	must mdadm --create /dev/md0 --run --assume-clean --level=1 --raid-devices=2 \
		"$@" /dev/simA /dev/simB
	dev=/dev/md0
	md_wait_clean
}

# --assume-clean leaves every bit of the bitmap set for a while; with bits set
# md writes no bitmap and looks too good.
md_wait_clean() {
	local i dirty
	for ((i = 0; i < 30; i++)); do
		sleep 4
		dirty=$(mdadm -X /dev/simA 2>/dev/null | awk '/Bitmap :/ { print $6 }')
		[ "${dirty:-0}" != 0 ] || break
	done
	[ "${dirty:-0}" = 0 ] || die "md's bitmap does not become clean: $dirty chunks"
}

md_down() {
	must mdadm --stop /dev/md0
	must mdadm --zero-superblock /dev/simA /dev/simB
}

# ---- DRBD 8.4: two nodes in one guest, over the loopback ----

drbd_tool=/lib/drbd/drbdsetup-84

drbd_node() {
	local n=$1 disk=$2 mine=$3 peer=$4
	must $drbd_tool new-resource "r$n"
	must $drbd_tool new-minor "r$n" "$n" 0
	must drbdmeta --force "$n" v08 "$disk" internal create-md
	must $drbd_tool attach "$n" "$disk" "$disk" internal
	must $drbd_tool connect "r$n" "ipv4:127.0.0.1:$mine" "ipv4:127.0.0.1:$peer" \
		--protocol=C
}

drbd_up() {
	local i
	modprobe drbd minor_count=4 usermode_helper=disabled 2>/dev/null
	mkdir -p /var/run/drbd /run/lock /var/lib/drbd
	drbd_node 1 /dev/simA 7000 7001
	drbd_node 2 /dev/simB 7001 7000
	for ((i = 0; i < 60; i++)); do
		grep -q 'cs:Connected' /proc/drbd && break
		sleep 1
	done
	must $drbd_tool new-current-uuid --clear-bitmap 1
	must $drbd_tool primary 1
	dev=/dev/drbd1
	[ -b $dev ] || die "DRBD did not come up: $(cat /proc/drbd)"
}

drbd_down() {
	local n
	must $drbd_tool secondary 1
	for n in 1 2; do
		must $drbd_tool disconnect "ipv4:127.0.0.1:$((6999 + n))" \
			"ipv4:127.0.0.1:$((7002 - n))"
		must $drbd_tool detach $n
		must $drbd_tool down "r$n"
	done
}

# ---- dm-replica ----

# SECTORS [KEY=VALUE]...: pool and two elements; no sync yet.
pool_up() {
	local sectors=$1
	dm_create pool "0 8 replica-pool /dev/simM - 128 2 format name=pool"
	must dmsetup message pool 0 create_element 1 a "size=$sectors"
	must dmsetup message pool 0 create_element 2 b "size=$sectors"
	dm_create a "0 $sectors replica /dev/mapper/pool 1 /dev/simA"
	dm_create b "0 $sectors replica /dev/mapper/pool 2 /dev/simB"
	dev=/dev/mapper/a
}

pool_down() {
	must dmsetup remove --retry a
	must dmsetup remove --retry b
	must dmsetup remove --retry pool
}

# STATE: of sync 3, as the source's status line has it.
wait_copy_state() {
	local i
	for ((i = 0; i < 600; i++)); do
		[[ $(dmsetup status a) == *" 3 mirror s $1 "* ]] && return
		sleep 0.1
	done
	die "the mirror does not become $1: $(dmsetup status a)"
}

replica_up() {
	pool_up $DISK_SECTORS
	must dmsetup message pool 0 create_sync 3 mirror 1 2
	wait_copy_state synchronized
}

balance_up() {
	replica_up
	must dmsetup message pool 0 set element:1 read_policy=balance
}

# Journal commits since activation.
pool_commits() { dmsetup status pool | awk '{ print $10 }'; }
# Bytes: held now, and at worst.
pool_memory() { dmsetup status pool | awk '{ print $13, $14 }'; }

stack_up() {
	case $1 in
	raw) dev=/dev/simA ;;
	linear) linear_up ;;
	mirror-core) mirror_up 'core 2 1024 nosync' ;;
	mirror-disk) mirror_up 'disk 3 /dev/simM 1024 nosync' ;;
	md-none) md_up --bitmap=none ;;
	md-int) md_up --bitmap=internal ;;
	md-1M) md_up --bitmap=internal --bitmap-chunk=1M ;;
	md-64K) md_up --bitmap=internal --bitmap-chunk=64K ;;
	dmraid-2M) dmraid_up ;;
	drbd-C) drbd_up ;;
	replica) replica_up ;;
	replica-balance) balance_up ;;
	*) die "unknown stack $1" ;;
	esac
}

stack_down() {
	case $1 in
	raw) ;;
	linear) must dmsetup remove --retry lin ;;
	mirror-*) must dmsetup remove --retry mir ;;
	md-*) md_down ;;
	dmraid-*) dmraid_down ;;
	drbd-*) drbd_down ;;
	replica*) pool_down ;;
	esac
}
