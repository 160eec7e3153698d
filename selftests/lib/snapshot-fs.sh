# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034 # fs is set by who sources this, the sizes are for snapshot.sh
# Snapshots of a mounted file system of type $fs. Sourced after snapshot.sh.

fs_mount_copy() {
	if [ "$fs" = xfs ]; then
		mount -t xfs -o nouuid "$@"
	else
		mount -t "$fs" "$@"
	fi
}

# ELEMENT: its device may be mounted beside those that it was copied from.
fs_unique() {
	[ "$fs" != btrfs ] || run_ok btrfstune -f -m "/dev/mapper/p-$1"
}

# WORD: freeze or thaw the source, where its device cannot be asked to.
fs_by_hand() {
	[ "$fs" != btrfs ] || run_ok fsfreeze "--$1" "$DRP_TMP/a"
}

# Names and sums of the files below the mount point of the source or of a snapshot.
fs_files() { (cd "$1" && find . -type f -exec cksum {} + | sort); }

snapshot_fs_test() {
	local mkfs=(-q -F) dirty as_it_is=ro
	[ "$fs" = ext4 ] || mkfs=(-q -f)
	# A frozen xfs leaves a log that a mount looks at, and nothing in it.
	[ "$fs" != xfs ] || as_it_is=ro,norecovery
	need "mkfs.$fs"
	replica_setup
	METADATA_MIB=32 CHUNK_SECTORS=128
	cow_pool_create p 128
	element p a 320
	run_ok "mkfs.$fs" "${mkfs[@]}" /dev/mapper/p-a
	mkdir "$DRP_TMP/a" "$DRP_TMP/s"
	run_ok mount -t "$fs" /dev/mapper/p-a "$DRP_TMP/a"
	at_exit "umount '$DRP_TMP/s' '$DRP_TMP/a' 2>/dev/null"
	cp -r /etc/udev "$DRP_TMP/a/before" 2>/dev/null || cp -r /usr/share/perl5 "$DRP_TMP/a/before"
	# Not on the disk yet: only a frozen file system has it in its snapshot.
	echo "still in memory" >"$DRP_TMP/a/last"
	dirty=$(fs_files "$DRP_TMP/a")

	fs_by_hand freeze
	snapshot p a frozen
	fs_by_hand unfreeze
	kernel_mark
	fs_unique frozen
	run_ok fs_mount_copy -o $as_it_is /dev/mapper/p-frozen "$DRP_TMP/s"
	! kernel_said "recovery (required|complete)|(Starting|during) recovery" ||
		fail "the snapshot of a frozen $fs needs recovery"
	assert_eq "$(fs_files "$DRP_TMP/s")" "$dirty" "files of the snapshot"
	umount "$DRP_TMP/s"
	ok "a snapshot of a mounted $fs has without recovery all that was written, as it was frozen"

	rm -rf "$DRP_TMP/a/before"
	cp -r /usr/share/perl5 "$DRP_TMP/a/after" 2>/dev/null || cp -r /usr/lib/python3 "$DRP_TMP/a/after"
	snapshot p a alive freeze=no
	kernel_mark
	fs_unique alive
	fs_mount_copy /dev/mapper/p-alive "$DRP_TMP/s"
	case $fs in
	btrfs) true ;;	# it has nothing to recover but what was fsynced
	ext4) kernel_said "recovery complete|orphan cleanup" ;;
	xfs) kernel_said "Ending recovery|Ending clean mount" ;;
	esac || fail "no word of the mount of a live $fs: $(dmesg | tail -n 3)"
	echo "written to the snapshot" >"$DRP_TMP/s/mine"
	umount "$DRP_TMP/s"
	[ ! -e "$DRP_TMP/a/mine" ] || fail "the source has what was written to its snapshot"
	ok "one that was not frozen mounts after recovery, and can be written"

	fs_mount_copy -o ro /dev/mapper/p-frozen "$DRP_TMP/s"
	assert_eq "$(fs_files "$DRP_TMP/s")" "$dirty" "files of the first snapshot"
	umount "$DRP_TMP/s" "$DRP_TMP/a"
	case $fs in
	ext4) run_ok e2fsck -fn /dev/mapper/p-a >/dev/null ;;
	xfs) run_ok xfs_repair -n /dev/mapper/p-a >/dev/null ;;
	btrfs) run_ok btrfs check --readonly /dev/mapper/p-a >/dev/null ;;
	esac
	ok "the first snapshot is what it was, and the source is sound"
	return_snapshot p frozen
	return_snapshot p alive
	ok "both are gone"
}

# fio finds in a snapshot what it wrote before the cut, while it writes the source.
snapshot_fs_verify() {
	local writer job=(--filename=v --bs=4k --size=8m --output=/dev/null)
	run_ok mount -t "$fs" /dev/mapper/p-a "$DRP_TMP/a"
	run_ok fio --name=v --directory="$DRP_TMP/a" "${job[@]}" --rw=randwrite --verify=crc32c \
		--do_verify=0 --fsync_on_close=1
	fs_by_hand freeze
	snapshot p a verified
	fs_by_hand unfreeze
	fs_unique verified
	fio --name=o --directory="$DRP_TMP/a" "${job[@]}" --rw=randwrite --randseed=9 --fsync=64 &
	writer=$!
	run_ok fs_mount_copy -o ro /dev/mapper/p-verified "$DRP_TMP/s"
	run_ok fio --name=v --directory="$DRP_TMP/s" "${job[@]}" --rw=read --verify=crc32c
	wait $writer || fail "fio could not write the source"
	blockdev --flushbufs /dev/mapper/p-verified
	run_ok fio --name=v --directory="$DRP_TMP/s" "${job[@]}" --rw=read --verify=crc32c
	umount "$DRP_TMP/s" "$DRP_TMP/a"
	ok "fio finds in the snapshot what it wrote before"
}
