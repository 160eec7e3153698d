# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Pools, elements and syncs on simdisks, made with dmsetup alone. Sourced after
# drp.sh. A pool P has its metadata on the disk mP; its element E is the device
# /dev/mapper/P-E on the disk dE. Ids are remembered in element_id and sync_id.

export DM_DISABLE_UDEV=1
declare -A element_id sync_id

# Ids are chosen here, with room between for those of aspects: a request that
# takes long answers with a job before it knows one.
replica_next_id=1
next_id() {
	id=$replica_next_id
	replica_next_id=$((replica_next_id + 10))
}

# What a script must not leave behind. Devices of elements first.
replica_remove_all() {
	local dev disk
	[ "$(simdisk_power)" = on ] || simdisk_control rearm
	for disk in $(<"$SIMDISK_SYS/disks"); do
		simdisk_set "$disk" hang 0
		simdisk_set "$disk" offline 0
		simdisk_set "$disk" fail_after -1
		simdisk_set "$disk" fail_written -1
	done
	awk '$1 ~ "^/dev/" { print $2 }' /proc/mounts | tac | xargs -r -n 1 umount -l
	# Of a suspended pool no element can end its I/O.
	for dev in $(dmsetup ls --target replica-pool 2>/dev/null | awk '$1 != "No" { print $1 }'); do
		dmsetup resume "$dev" 2>/dev/null
	done
	for dev in $(dmsetup ls --target replica 2>/dev/null | awk '$1 != "No" { print $1 }') \
		$(dmsetup ls --target replica-pool 2>/dev/null | awk '$1 != "No" { print $1 }'); do
		dmsetup resume "$dev" 2>/dev/null
		dmsetup remove --retry "$dev" 2>/dev/null || dmsetup remove -f "$dev" 2>/dev/null
	done
	simdisk_remove_all
}

replica_setup() {
	need dmsetup
	simdisk_loaded || skip "the module simdisk is not loaded"
	[ -d /sys/module/dm_replica ] || skip "the module dm-replica is not loaded"
	at_exit replica_remove_all
	kernel_mark
}

# POOL [FEATURE]...: the pool's table for the disk mPOOL.
pool_table() {
	local pool=$1
	shift
	echo "0 8 replica-pool /dev/m$pool - 128 $# $*"
}

# POOL [SIMDISK-OPTION]...: a new pool with 16 MiB of metadata.
pool_create() {
	local pool=$1
	shift
	run_ok simdisk_create "m$pool" 16 "$@"
	run_ok dmsetup create "$pool" --table "$(pool_table "$pool" "name=$pool")"
}

# POOL: bring back a pool that is on its metadata device.
pool_activate() {
	run_ok dmsetup create "$1" --table "$(pool_table "$1")"
}

# POOL ELEMENT [DISK]: the element's table.
element_table() {
	local disk=${3:-d$2}
	echo "0 $(blockdev --getsz "/dev/$disk") replica /dev/mapper/$1 ${element_id[$1/$2]} /dev/$disk"
}

# POOL ELEMENT [DISK]: its device, on the disk dELEMENT unless told.
element_attach() {
	run_ok dmsetup create "$1-$2" --table "$(element_table "$@")"
}

element_remove_device() {
	run_ok dmsetup remove --retry "$1-$2"
}

# POOL ELEMENT MIB [SIMDISK-OPTION]...: a new disk under management.
element() {
	local pool=$1 name=$2 mib=$3
	shift 3
	run_ok simdisk_create "d$name" "$mib" "$@"
	next_id
	element_id[$pool/$name]=$id
	accepted "$pool" create_element "$id" "$name" size=$((mib * 2048))
	element_attach "$pool" "$name"
}

# POOL: its elements' devices, then the pool's own.
pool_deactivate() {
	local dev
	for dev in $(dmsetup ls --target replica | awk -v p="$1-" 'index($1, p) == 1 { print $1 }'); do
		run_ok dmsetup remove --retry "$dev"
	done
	run_ok dmsetup remove --retry "$1"
}

# POOL: deactivate and activate again, with all elements that have disks.
pool_restart() {
	local pool=$1 key
	pool_deactivate "$pool"
	pool_activate "$pool"
	for key in "${!element_id[@]}"; do
		[ "${key%%/*}" != "$pool" ] || element_attach "$pool" "${key#*/}"
	done
}

# POOL JOB: "STATE SYNC ERRORCODE BYTES" of a job, blanks as underscores, - for none.
job_summary() {
	replctl job show "$1/$2" | awk '
		{ key = $1; $1 = ""; sub(/^ /, ""); gsub(/ /, "_"); value[key] = $0 }
		END {
			sync = value["Synchronization"]
			print value["JobState"], sync == "" ? "-" : sync, value["ErrorCode"],
				value["BytesTotal"]
		}'
}

# POOL JOB: its end, or that a copy took it over (then it has bytes to copy).
job_is_settled() {
	local state sync code bytes
	read -r state sync code bytes < <(job_summary "$1" "$2")
	[ -n "${bytes:-}" ] && { [ "$sync" != - ] || [ "$bytes" != 0_B ] ||
		[[ $state != @(New|Starting|Running) ]]; }
}

# POOL WORD...: send a message. In $answer what it answered, or the words of
# its refusal. A slow request answers 4096 and goes on as a job: wait until it is
# known what became of it. True when it was accepted.
message() {
	local pool=$1 state sync code job
	shift
	if ! answer=$(dmsetup message "$pool" 0 "$@" 2>&1); then
		return 1
	fi
	[[ $answer =~ ^4096\ job=([0-9]+) ]] || return 0
	job=${BASH_REMATCH[1]}
	wait_until 60 job_is_settled "$pool" "$job" || fail "job $job of '$*' does not end"
	read -r state sync code _ < <(job_summary "$pool" "$job")
	[ "$sync" = - ] || return 0
	[[ $state != @(Running|Completed) ]] || return 0
	answer=$(refusal_text "$code")
	return 1
}

# CIM-NAME: the text of the errno that a message is refused with.
refusal_text() {
	case $1 in
	Not_Supported) echo "Operation not supported" ;;
	Timeout) echo "Connection timed out" ;;
	Failed) echo "Remote I/O error" ;;
	Invalid_Parameter) echo "Invalid argument" ;;
	In_Use) echo "Device or resource busy" ;;
	Invalid_State) echo "File descriptor in bad state" ;;
	Force_Required) echo "Operation canceled" ;;
	No_Space) echo "No space left on device" ;;
	Not_Found) echo "No such file or directory" ;;
	Access_Denied) echo "Permission denied" ;;
	*) echo "$1" ;;
	esac
}

# POOL WORD...: a message that must be accepted.
accepted() {
	message "$@" || fail "message '$*' was refused: $answer; $(dmsetup status "$1")"
}

# ERRNO-TEXT POOL WORD...: a message that must be refused so.
refused_message() {
	local text=$1
	shift
	! message "$@" ||
		fail "message '$*' was accepted: $answer; $(dmsetup status | grep "^$1" | tr '\n' ' ')"
	assert_match "$answer" "$text" "message '$*'"
}

# POOL SOURCE TARGET [WORD]...: a new mirror named SOURCETARGET. Does not wait.
mirror() {
	local pool=$1 source=$2 target=$3
	shift 3
	next_id
	sync_id[$source$target]=$id
	accepted "$pool" create_sync "$id" mirror "${element_id[$pool/$source]}" \
		"${element_id[$pool/$target]}" "name=$source$target" "$@"
}

# The same for a clone.
clone() {
	local pool=$1 source=$2 target=$3
	shift 3
	next_id
	sync_id[$source$target]=$id
	accepted "$pool" create_sync "$id" clone "${element_id[$pool/$source]}" \
		"${element_id[$pool/$target]}" "name=$source$target" "$@"
}

# POOL OPERATION SYNC [WORD]...: must be accepted; the answer is in $answer.
modify() {
	local pool=$1 op=$2 sync=$3
	shift 3
	accepted "$pool" modify "$op" "${sync_id[$sync]}" "$@"
}

# ERRNO-TEXT POOL OPERATION SYNC [WORD]...: must be refused with that errno.
refused() {
	local text=$1 pool=$2 op=$3 sync=$4
	shift 4
	refused_message "$text" "$pool" modify "$op" "${sync_id[$sync]}" "$@"
}

# ELEMENT-DEVICE SYNC FIELD: of the sync's words in the element's status line:
# role, state, progress, percent, dirty (sectors), flags, or state/progress of one moment.
sync_field() {
	local words n i
	read -ra words < <(dmsetup status "$1")
	case $3 in
	role) n=2 ;;
	state) n=3 ;;
	progress) n=4 ;;
	percent) n=5 ;;
	dirty) n=6 ;;
	flags) n=7 ;;
	esac
	for ((i = 9; i < ${#words[@]}; i += 8)); do
		if [ "${words[i]}" = "${sync_id[$2]}" ]; then
			if [ "$3" = state/progress ]; then
				echo "${words[i + 3]}/${words[i + 4]}"
			else
				echo "${words[i + n]}"
			fi
			return
		fi
	done
	echo none
}

# ELEMENT-DEVICE: write, read or none, as the element's status says.
host_access() { dmsetup status "$1" | cut -d ' ' -f 7; }

# POOL: rw, ro, fail or inactive.
pool_mode() { dmsetup status "$1" | cut -d ' ' -f 5; }

is_state() { [ "$(sync_field "$1" "$2" state)" = "$3" ]; }

# ELEMENT-DEVICE SYNC STATE [SECONDS]
wait_state() {
	wait_until "${4:-60}" is_state "$1" "$2" "$3" ||
		fail "$2 does not become $3: $(dmsetup status "$1")"
}

assert_state() {
	assert_eq "$(sync_field "$1" "$2" state)" "$3" "state of $2"
}

# DEVICE FILE: a value of the device's queue. The nodes may be no links.
queue_value() {
	cat "/sys/dev/block/$(($(stat -Lc '0x%t' "$1"))):$(($(stat -Lc '0x%T' "$1")))/queue/$2"
}

# DISK1 DISK2 [MIB]: the media are equal, whatever the page cache has.
assert_same() {
	same_content "/dev/$1" "/dev/$2" ${3:+$((${3} << 20))} || fail "$1 and $2 differ"
}

assert_differ() {
	! same_content "/dev/$1" "/dev/$2" || fail "$1 and $2 do not differ"
}

# DEVICE MIB-OFFSET MIB SEED: known pseudo-random data, written directly.
scribble() {
	local opts=(-K "$(printf '%032x' "$4")" -iv 00000000000000000000000000000000)
	openssl enc -aes-128-ctr -nosalt "${opts[@]}" -in /dev/zero 2>/dev/null |
		dd of="$1" bs=1M seek="$2" count="$3" iflag=fullblock oflag=direct conv=notrunc \
			status=none
}

# POOL SYNC: the id of the aspect that Dissolve or Detach of it has left; empty: none.
aspect_of() { replctl aspect list | awk -v name="$1/$2" '$1 == name { print $2 }'; }
