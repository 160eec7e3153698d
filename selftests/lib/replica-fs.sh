# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The life of a file system on a mirror. Sourced after replica.sh by scripts
# that define make_fs DEV, mount_copy OPTIONS DEV DIR and check_fs DEV.

# Pages that are written while applications change them may differ on the legs
# (outside the contract), so fio writes with direct I/O; the tree is copied.
fs_fio_start() {
	fio --name=w --directory="$1" --size=2m --bs=4k --numjobs=8 --rw=randwrite \
		--direct=1 --ioengine=psync --verify=crc32c --do_verify=0 --fsync=16 \
		--time_based --runtime=600 --thread --output="$DRP_TMP/fio" >/dev/null 2>&1 &
	fio_pid=$!
}

# The writers run and have written since.
fs_fio_progress() {
	kill -0 "$fio_pid" 2>/dev/null || fail "fio ended: $(tail -n 5 "$DRP_TMP/fio")"
	local before=da writes
	writes=$(simdisk_stat "$before" writes)
	wait_until 30 eval "[ \$(simdisk_stat $before writes) -gt $((writes + 64)) ]" ||
		fail "the writers stand still"
}

fs_fio_stop() {
	kill -INT "$fio_pid"
	wait "$fio_pid" || true
	! grep -q 'err=[^0]*[1-9]' <(sed 's/err= 0//' "$DRP_TMP/fio") ||
		fail "fio had errors: $(grep 'err=' "$DRP_TMP/fio" | head -n 3)"
}

# Write a known set once and verify it by reading.
fs_fio_verify() {
	run_ok fio --name=v --directory="$1" --size=1m --bs=4k --numjobs=8 --rw=randwrite \
		--direct=1 --ioengine=psync --verify=crc32c --thread
}

# DIR: what a tree holds, by name and content.
fs_sum() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha1sum | sha1sum); }

fs_legs_equal() {
	sync -f "$1"
	run_ok fsfreeze -f "$1"
	wait_state p-a ab synchronized
	assert_same da db
	run_ok fsfreeze -u "$1"
	ok "$2: the legs are equal byte by byte"
}

# The target's file system, as a host would use it: read-only with its log
# replayed (it was mounted), read-write, and all files of the tree.
fs_check_target() {
	local dir=$DRP_TMP/copy
	mkdir -p "$dir"
	run_ok mount_copy rw /dev/mapper/p-b "$dir"
	assert_eq "$(fs_sum "$dir/tree")" "$fs_tree" "the tree on the target"
	echo changed >"$dir/tree/of-the-target"
	run_ok umount "$dir"
	run_ok mount_copy ro /dev/mapper/p-b "$dir"
	[ -e "$dir/tree/of-the-target" ] || fail "a write of the target is lost"
	run_ok umount "$dir"
	run_ok check_fs /dev/mapper/p-b
}

# Bytes that the resync copied: what the disk got beyond nothing else to do.
fs_resync_bytes() {
	local before after
	before=$(simdisk_stat db write_sectors)
	modify p resync-replica ab
	wait_state p-a ab synchronized
	after=$(simdisk_stat db write_sectors)
	copied=$(((after - before) * 512))
}

fs_split_cycle() {
	fs_fio_start "$mnt"
	fs_fio_progress
	modify p "$1" ab
	fs_fio_progress
	fs_fio_stop
}

fs_life() {
	local mib=$1 dirty
	replica_setup
	need fio fsfreeze
	mnt=$DRP_TMP/mnt
	mkdir -p "$mnt"
	pool_create p
	element p a "$mib"
	element p b "$mib"
	make_fs /dev/mapper/p-a
	run_ok mount /dev/mapper/p-a "$mnt"
	mirror p a b
	mkdir "$mnt/tree"
	run_ok cp -a /usr/include/linux "$mnt/tree"
	fs_tree=$(fs_sum "$mnt/tree")
	wait_state p-a ab synchronized
	fs_fio_verify "$mnt"
	fs_legs_equal "$mnt" "copied while the tree was written"

	fs_split_cycle split
	assert_state p-a ab split
	fs_check_target
	ok "split under 8 writers: the target's file system is whole and writable"

	run_ok umount "$mnt"
	dirty=$(($(sync_field p-a ab dirty) * 512))
	[ "$dirty" -gt 0 ] || fail "nothing is marked after writes to both sides"
	fs_resync_bytes
	assert_same da db
	[ "$copied" -le $((dirty + dirty / 16 + 65536)) ] ||
		fail "$copied bytes copied, $dirty were marked"
	[ "$copied" -lt $((mib << 19)) ] || fail "the resync copied half of the disk: $copied"
	ok "resync copied $copied bytes of $((mib << 20)); $dirty were marked"
	run_ok mount /dev/mapper/p-a "$mnt"
	assert_eq "$(fs_sum "$mnt/tree")" "$fs_tree" "the tree on the source"

	fs_fio_start "$mnt"
	modify p fracture ab
	fs_fio_progress
	modify p resync-replica ab
	fs_fio_progress
	wait_state p-a ab synchronized
	fs_fio_progress
	fs_legs_equal "$mnt" "fracture and resync under 8 writers"

	modify p suspend ab
	fs_fio_progress
	modify p resume ab
	fs_fio_progress
	wait_state p-a ab synchronized
	fs_legs_equal "$mnt" "suspend and resume under 8 writers"

	modify p split ab
	fs_fio_progress
	modify p resync-replica ab rate_limit=64K
	fs_fio_progress
	modify p abort ab
	assert_state p-a ab aborted
	fs_fio_progress
	modify p resync-replica ab rate_limit=0
	wait_state p-a ab synchronized
	fs_legs_equal "$mnt" "abort and resync under 8 writers"
	fs_fio_stop
	run_ok umount "$mnt"
	assert_same da db
	run_ok check_fs /dev/mapper/p-a
	modify p detach ab
	run_ok check_fs /dev/mapper/p-b
	ok "both are whole at the end"
}
