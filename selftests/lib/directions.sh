# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the caller
# Restore, failover, failback, reverse roles. Sourced after replica.sh.

# The copy moves on so little that a test looks at one moment.
SLOW=1K

# A read of regions of which some live on either side copies them: with small
# ones a look at the device changes nothing.
shadow_bs=1M

# VERB DEVICE MODEL [KEY=VALUE]...: of shadow.py; the model is a file below
# $DRP_TMP. What is wrong is in the failure's text.
shadow() {
	local verb=$1 device=$2 model=$3
	shift 3
	# What dd and cmp can do, they do sooner; what differs is for the program.
	case $verb$# in
	take0) run_ok dd if="/dev/$device" of="$DRP_TMP/$model" bs=1M iflag=direct status=none; return ;;
	compare0)
		! dd if="/dev/$device" bs=$shadow_bs iflag=direct status=none 2>&1 |
			cmp -s - "$DRP_TMP/$model" || return 0
		set -- differs=1 ;;
	esac
	python3 "$DRP_TOP/selftests/lib/shadow.py" "$verb" "/dev/$device" "$DRP_TMP/$model" "$@" \
		>"$DRP_TMP/shadow" 2>&1 || fail "$verb $device $model $*: $(tail -n 2 "$DRP_TMP/shadow")"
}

# DEVICE MODEL [KEY=VALUE]...: writers that run until they fail; wait for them
# with shadow_ended.
shadow_until() {
	local device=$1 model=$2
	shift 2
	python3 "$DRP_TOP/selftests/lib/shadow.py" until "/dev/$device" "$DRP_TMP/$model" "$@" \
		>"$DRP_TMP/until" 2>&1 &
	shadow_pid=$!
}

shadow_ended() {
	wait "$shadow_pid" || fail "the writers: $(tail -n 2 "$DRP_TMP/until")"
}

# MODEL NEW-MODEL
model_copy() { run_ok cp "$DRP_TMP/$1" "$DRP_TMP/$2"; }

# DISK MODEL: the medium itself, without the module between.
medium_is() {
	blockdev --flushbufs "/dev/$1"
	shadow compare "$1" "$2"
}

# ELEMENT-DEVICE ACCESS [WHEN]: as status says, as the block layer knows and as
# a write finds out.
assert_access() {
	local when=${3:-now} ro=1
	[ "$2" != write ] || ro=0
	assert_eq "$(host_access "$1")" "$2" "access of $1 $when"
	assert_eq "$(blockdev --getro "/dev/mapper/$1")" $ro "blockdev --getro $1 $when"
	[ $ro -eq 0 ] || run_fails any dd if=/dev/zero of="/dev/mapper/$1" bs=4k count=1 oflag=direct
}

# SYNC STATE PROGRESS [WHEN]
assert_progress() {
	assert_eq "$(sync_field "$dev_of_sync" "$1" state/progress)" "$2/$3" "$1 ${4:-now}"
}
dev_of_sync=p-a

# What consumers know a and b of pool p by: it moves with the roles.
identities() {
	local e
	for e in a b; do
		replctl element show "p/$e" --json | sed -n 's/.*"WWID": *"\([^"]*\)".*/\1/p'
	done | paste -sd ' '
}

# To $wwid_a and $wwid_b.
read_identities() { read -r wwid_a wwid_b <<<"$(identities)"; }

# OF-A OF-B [WHEN]
assert_identities() { assert_eq "$(identities)" "$1 $2" "what consumers see of a and b ${3:-now}"; }

# ELEMENT-DEVICE SYNC: a clone's copy has ended, and its target may have been written since.
is_copied() { is_state "$1" "$2" synchronized || is_state "$1" "$2" skewed; }

rate() { accepted p set "sync:${sync_id[$1]}" "rate_limit=$2"; }

# What the machine does when the power comes back: all devices anew.
power_is_back() {
	local e
	for e; do
		dmsetup remove --retry "p-$e" 2>/dev/null
	done
	run_ok dmsetup remove --retry p
	run_ok simdisk_rearm
	pool_activate p
	for e; do
		element_attach p "$e"
	done
}

bytes_written() { echo $(($(simdisk_stat "$1" write_sectors) * 512)); }
