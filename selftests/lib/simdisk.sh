# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# RAM disks of the simdisk module, for tests and benchmarks. Sourced.
# A disk NAME is /dev/NAME. See selftests/simdisk/README.md.

SIMDISK_SYS=/sys/kernel/simdisk

simdisk_loaded() {
	[ -w "$SIMDISK_SYS/control" ]
}

# One command for the module; its own words go to the kernel log.
simdisk_control() {
	if ! simdisk_loaded; then
		echo "simdisk: $SIMDISK_SYS is missing: load the module simdisk as root" >&2
		return 1
	fi
	# One write, and no noise of the shell before our own message.
	if ! { printf '%s\n' "$*" >"$SIMDISK_SYS/control"; } 2>/dev/null; then
		echo "simdisk: '$*' was refused: see dmesg" >&2
		return 1
	fi
}

# NAME SIZE_MIB [cache=fua|flush|none] [discard=0|1] [track=0|1] [lbs=BYTES]
# [channels=N] [max_sectors=N]
simdisk_create() {
	simdisk_control add "$@" || return
	local i
	for ((i = 0; i < 50; i++)); do
		[ -b "/dev/$1" ] && return
		sleep 0.1
	done
	echo "simdisk: /dev/$1 did not appear: is devtmpfs on /dev?" >&2
	return 1
}

# Likewise with the size in 512-byte sectors.
simdisk_create_sectors() {
	simdisk_control add-sectors "$@"
}

# Waits a little for probes (udev, blkid) that have the disk open.
simdisk_remove() {
	local i
	for ((i = 0; i < 20; i++)); do
		{ echo "remove $1" >"$SIMDISK_SYS/control"; } 2>/dev/null && return
		[ -d "$SIMDISK_SYS/$1" ] || break
		sleep 0.1
	done
	echo "simdisk: $1 cannot be removed: it does not exist or is open" >&2
	return 1
}

simdisk_remove_all() {
	local name names ret=0
	simdisk_loaded || return 0
	# At once: the list changes while disks go.
	mapfile -t names <"$SIMDISK_SYS/disks"
	for name in "${names[@]}"; do
		simdisk_set "$name" hang 0
		simdisk_remove "$name" || ret=1
	done
	return $ret
}

# NAME KEY VALUE...
simdisk_set() {
	local name=$1 key=$2
	shift 2
	if ! { printf '%s\n' "$*" >"$SIMDISK_SYS/$name/$key"; } 2>/dev/null; then
		echo "simdisk: $name: $key does not take '$*', or there is no such disk" >&2
		return 1
	fi
}

# NAME KEY: prints a counter of the stats line, or the attribute of that name.
simdisk_stat() {
	local word stats
	read -r stats <"$SIMDISK_SYS/$1/stats" || return 1
	for word in $stats; do
		if [ "${word%%=*}" = "$2" ]; then
			echo "${word#*=}"
			return
		fi
	done
	cat "$SIMDISK_SYS/$1/$2"
}

# NAME...
simdisk_reset_stats() {
	local name
	for name in "$@"; do
		simdisk_set "$name" reset_stats 1 || return
	done
}

# SEED [any|keep|drop|sectors|runs|few|most]
simdisk_power_fail() {
	simdisk_control power-fail "$@"
}

# WRITES SEED [LOSS]: at the arrival of that many writes from now.
simdisk_power_fail_after() {
	simdisk_control power-fail-after "$@"
}

# DISK COMMAND...: that is done while a FLUSH of the disk fails, and takes its cache with it.
simdisk_losing() {
	local disk=$1
	shift
	simdisk_set "$disk" lose_unflushed 1
	simdisk_set "$disk" fail_flushes 1
	"$@"
	simdisk_set "$disk" fail_flushes 0
}

# MICROSECONDS SEED [LOSS]
simdisk_power_fail_in_us() {
	simdisk_control power-fail-in-us "$@"
}

# MIB: nothing may be written meanwhile, and all be flushed.
simdisk_record_start() {
	simdisk_control record-start "$1"
}

# Fails when the log was full.
simdisk_record_stop() {
	simdisk_control record-stop
}

# TEXT...: a mark in the recording.
simdisk_mark() {
	printf '%s' "$*" >/dev/simdisk-record
}

# on, armed, failing or off
simdisk_power() {
	cat "$SIMDISK_SYS/power"
}

# Waits up to SECONDS (10) for an armed failure to have happened.
simdisk_wait_off() {
	local i
	for ((i = 0; i < ${1:-10} * 20; i++)); do
		[ "$(simdisk_power)" = off ] && return
		sleep 0.05
	done
	echo "simdisk: the power did not fail within ${1:-10} s" >&2
	return 1
}

# The disks work again; what the page cache holds of them is dropped, for it
# may be content that the failure took.
simdisk_rearm() {
	local name
	simdisk_control rearm || return
	for name in $(<"$SIMDISK_SYS/disks"); do
		blockdev --flushbufs "/dev/$name" 2>/dev/null
	done
	return 0
}

# NAME off|model: model is 200 us a read or write, 400 us a FLUSH or FUA
# write, and 2 us per KiB.
simdisk_latency() {
	simdisk_set "$1" latency "$2"
}
