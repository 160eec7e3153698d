# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# A file system through every sequence of directions. Sourced after
# replica-fs.sh and directions.sh by scripts that define make_fs DEV,
# mount_copy OPTIONS DEV DIR and check_fs DEV.

# LENGTH: one walk in which every possible sequence of so many operations occurs. What may
# follow depends on what was done; splits, resyncs and Resume come between.
directions_walk() {
	python3 - "$1" <<'PYTHON'
import sys

length = int(sys.argv[1])

def state_after(state, op):
    return "failedover" if op == "failover" else "restored" if op == "restore" else "synchronized"

def possible(state):
    return ("failback", "reverse") if state == "failedover" else ("restore", "failover", "reverse")

def sequences(state, length):
    if not length:
        return [()]
    return [(op,) + rest for op in possible(state)
            for rest in sequences(state_after(state, op), length - 1)]

def nearest(state, done, wanted):
    """The shortest way on that ends with one of the wanted sequences."""
    ways = [(state, ())]
    while True:
        longer = []
        for at, way in ways:
            for op in possible(at):
                new = way + (op,)
                if (done + new)[-length:] in wanted:
                    return new
                longer.append((state_after(at, op), new))
        ways = longer

wanted = set(sequences("synchronized", length)) | set(sequences("failedover", length))
state, done = "synchronized", ()
while wanted:
    for op in nearest(state, done, wanted):
        done += (op,)
        state = state_after(state, op)
        wanted.discard(done[-length:])
print(*done)
PYTHON
}

# ELEMENT: mount what hosts use, and let them write.
dir_host_up() {
	run_ok mount_copy rw "/dev/mapper/p-$1" "$mnt"
	active=$1
}

# DIR [REPORT]: fio's errors are in the file that fs_fio_stop looks at.
dir_writers() {
	fio --name=w --directory="$1" --size=512k --bs=4k --numjobs=4 --rw=randwrite --direct=1 \
		--ioengine=psync --verify=crc32c --do_verify=0 --fsync=16 --time_based --runtime=600 \
		--thread --output="$DRP_TMP/${2:-fio}" >/dev/null 2>&1 &
	fio_pid=$!
}

# DISK: wait until the writers have written there since.
dir_progress() {
	local writes
	kill -0 "$fio_pid" 2>/dev/null || fail "fio ended: $(tail -n 5 "$DRP_TMP/fio")"
	writes=$(simdisk_stat "d$1" writes)
	wait_until 30 eval "[ \$(simdisk_stat d$1 writes) -gt $((writes + 24)) ]" ||
		fail "the writers on $1 stand still"
}

# DIR: files that fio can tell from others by their own checksums.
dir_fio_files() {
	run_ok fio --name=v --directory="$1" --size=256k --bs=4k --numjobs=4 --rw=randwrite \
		--direct=1 --ioengine=psync --verify=crc32c --thread "${@:2}"
}

# Nothing is mounted afterwards; $sum is what the host left.
dir_host_down() {
	[ -z "$fio_pid" ] || fs_fio_stop
	fio_pid=
	echo "$RANDOM" >"$mnt/tree/number-$((RANDOM % 8))"
	sum=$(fs_sum "$mnt")
	run_ok umount "$mnt"
}

# ELEMENT: it has what the host left; every second time fio looks, too.
dir_has_all() {
	assert_eq "$(fs_sum "$mnt")" "$sum" "$step: the files on $1"
	[ $((dir_looks++ % 2)) -ne 0 ] || dir_fio_files "$mnt" --verify_only
}

# Writers go on; at a moment at which they are kept still the legs are equal.
dir_equal() {
	wait_state p-a ab synchronized
	sync -f "$mnt"
	run_ok fsfreeze -f "$mnt"
	wait_state p-a ab synchronized
	assert_same da db
	run_ok fsfreeze -u "$mnt"
}

dir_synchronized() {
	[ "$(sync_field p-a ab state)" != restored ] || modify p resync-replica ab
	dir_equal
}

# Both sides are written at the same time, then the source becomes what the target is, while its
# host is at work again.
dir_restore() {
	local other=$DRP_TMP/other source_fio target_fio
	if [ "$(sync_field p-a ab state)" = synchronized ]; then
		dir_progress "$source"
		modify p split ab
	fi
	mkdir -p "$other"
	run_ok mount_copy rw "/dev/mapper/p-$target" "$other"
	source_fio=$fio_pid
	dir_writers "$other" fio.other
	target_fio=$fio_pid
	dir_progress "$target"
	fio_pid=$source_fio
	dir_progress "$source"
	dir_host_down
	mv "$DRP_TMP/fio.other" "$DRP_TMP/fio"
	fio_pid=$target_fio
	dir_progress "$target"
	fs_fio_stop
	fio_pid=
	rm -rf "$other/tree/number-0"
	echo "$RANDOM" >"$other/tree/of-the-target"
	sum=$(fs_sum "$other")
	run_ok umount "$other"
	refused canceled p restore-from-replica ab
	modify p restore-from-replica ab force rate_limit=512K
	dir_host_up "$source"
	dir_has_all "$source"
	dir_writers "$mnt"
	dir_progress "$source"
	rate ab 0
	wait_state p-a ab restored
	dir_progress "$source"
}

dir_failover() {
	dir_synchronized
	dir_progress "$source"
	dir_host_down
	modify p failover ab
	assert_same da db
	dir_host_up "$target"
	dir_has_all "$target"
	dir_writers "$mnt"
	dir_progress "$target"
}

dir_failback() {
	dir_host_down
	modify p failback ab rate_limit=512K
	dir_host_up "$source"
	dir_has_all "$source"
	dir_writers "$mnt"
	dir_progress "$source"
	rate ab 0
	dir_equal
	dir_progress "$source"
}

# From Failedover the host that writes need not stop.
dir_reverse() {
	if [ "$(sync_field p-a ab state)" = failedover ]; then
		dir_progress "$target"
		modify p reverse-roles ab
		read -r source target <<<"$target $source"
		assert_progress ab suspended requires-resume "$step"
		dir_progress "$source"
		modify p resume ab
	else
		dir_synchronized
		dir_host_down
		modify p reverse-roles ab
		assert_same da db
		read -r source target <<<"$target $source"
		dir_host_up "$source"
		dir_has_all "$source"
		dir_writers "$mnt"
	fi
	dir_equal
	dir_progress "$source"
}

# MIB LENGTH: of the disks; of the sequences.
directions_life() {
	local mib=$1 walk op before=
	replica_setup
	need fio fsfreeze python3
	mnt=$DRP_TMP/mnt fio_pid='' dir_looks=0 source=a target=b step=start
	mkdir -p "$mnt"
	pool_create p
	element p a "$mib"
	element p b "$mib"
	make_fs /dev/mapper/p-a
	dir_host_up a
	mkdir "$mnt/tree"
	run_ok cp -a /usr/include/linux/netfilter "$mnt/tree"
	dir_fio_files "$mnt"
	mirror p a b
	wait_state p-a ab synchronized
	dir_writers "$mnt"
	read -ra walk < <(directions_walk "$2")
	[ ${#walk[@]} -ge 8 ] || fail "the walk has only ${#walk[@]} steps: ${walk[*]}"
	for op in "${walk[@]}"; do
		step="$op after ${before:-nothing}"
		"dir_$op"
		ok "$step, writers on $active at $SECONDS s"
		before=$op
	done
	dir_host_down
	run_ok check_fs "/dev/mapper/p-$active"
	if [ "$(sync_field p-a ab state)" = synchronized ]; then
		assert_same da db
	fi
	ok "the file system is whole after ${#walk[@]} operations"
}
