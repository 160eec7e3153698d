# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # id comes from next_id()
# Pools with COW space and snapshots, made with dmsetup alone. Sourced after
# replica.sh. A pool P has its COW space on the disk cP; a snapshot's target X is
# the device /dev/mapper/P-X, its sync is called X, too.

declare -A element_id sync_id virtual_sectors

# POOL [FEATURE]...: chunks of CHUNK_SECTORS (8).
pool_table() {
	local pool=$1
	shift
	echo "0 8 replica-pool /dev/m$pool /dev/c$pool ${CHUNK_SECTORS:-8} $# $*"
}

# POOL COW-MIB [SIMDISK-OPTION]...: a new pool with 16 MiB of metadata.
cow_pool_create() {
	local pool=$1 mib=$2
	shift 2
	run_ok simdisk_create "m$pool" "${METADATA_MIB:-16}" "$@"
	run_ok simdisk_create "c$pool" "$mib" "$@"
	run_ok dmsetup create "$pool" --table "$(pool_table "$pool" "name=$pool")"
}

# POOL ELEMENT [DISK]: the element's table; a virtual one has no disk.
element_table() {
	local disk=${3:-d$2} sectors=${virtual_sectors[$1/$2]:-}
	if [ -n "$sectors" ]; then
		echo "0 $sectors replica /dev/mapper/$1 ${element_id[$1/$2]}"
	else
		echo "0 $(blockdev --getsz "/dev/$disk") replica /dev/mapper/$1 ${element_id[$1/$2]} /dev/$disk"
	fi
}

# POOL SOURCE TARGET [WORD]...: a new snapshot, not attached.
snapshot_only() {
	local pool=$1 source=$2 target=$3
	shift 3
	next_id
	sync_id[$target]=$id
	next_id
	element_id[$pool/$target]=$id
	virtual_sectors[$pool/$target]=$(blockdev --getsz "/dev/mapper/$pool-$source")
	accepted "$pool" create_sync "${sync_id[$target]}" snapshot "${element_id[$pool/$source]}" \
		"$id" "name=$target" "target_name=$target" "$@"
}

# POOL SOURCE TARGET [WORD]...: and attached.
snapshot() {
	snapshot_only "$@"
	element_attach "$1" "$3"
}

# POOL TARGET: what it was is not known any more.
forget_snapshot() {
	unset "element_id[$1/$2]" "virtual_sectors[$1/$2]"
}

# POOL TARGET [WORD]...: its device goes, then the snapshot.
return_snapshot() {
	local pool=$1 target=$2
	shift 2
	element_remove_device "$pool" "$target"
	modify "$pool" return-to-resource-pool "$target" "$@"
	forget_snapshot "$pool" "$target"
}

# DEVICE FILE: what a snapshot must show, kept outside.
keep() { dd if="$1" of="$2" bs=1M iflag=direct conv=sparse status=none; }
# DEVICE FILE: it does, whatever the page cache has.
shows() { dd if="$1" bs=1M iflag=direct status=none | cmp -s - "$2"; }
assert_shows() { shows "$1" "$2" || fail "$1 does not show what $2 has"; }

# POOL: chunks in use, chunks in all, level, bytes of memory of the index and their bound, its blocks and theirs.
cow_used() { dmsetup status "$1" | awk '{ split($16, c, "/"); print c[1] }'; }
cow_chunks() { dmsetup status "$1" | awk '{ split($16, c, "/"); print c[2] }'; }
cow_level() { dmsetup status "$1" | awk '{ print $17 }'; }
cow_memory() { dmsetup status "$1" | awk '{ split($18, c, "/"); print c[1] }'; }
cow_memory_max() { dmsetup status "$1" | awk '{ split($18, c, "/"); print c[2] }'; }
cow_index() { dmsetup status "$1" | awk '{ split($19, c, "/"); print c[1] }'; }
cow_index_max() { dmsetup status "$1" | awk '{ split($19, c, "/"); print c[2] }'; }
# Events go to $DRP_TMP/events from now on.
watch_events() {
	replctl monitor --json >"$DRP_TMP/events" 2>/dev/null &
	at_exit "kill $! 2>/dev/null"
}
# LEVEL: how many of them told of it.
told() { grep -c "\"CowLevel\": *$1\b" "$DRP_TMP/events"; }
# ELEMENT SYNC
is_broken() { [ "$(sync_field "p-$1" "$2" state)" = broken ]; }
cow_uses() { [ "$(cow_used "$1")" -eq "$2" ]; }
