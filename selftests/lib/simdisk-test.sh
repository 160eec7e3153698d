# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the tests of the test disk share. Sourced by simdisk-*.sh.

SIM_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck source=selftests/lib/simdisk.sh
. "$SIM_TOP/selftests/lib/simdisk.sh"

sim_failed=0
sim_count=0
sim_disks=()

sim_cleanup() {
	local name
	simdisk_loaded || return
	simdisk_control rearm
	for name in "${sim_disks[@]}"; do
		[ -d "$SIMDISK_SYS/$name" ] || continue
		simdisk_set "$name" hang 0
		simdisk_remove "$name"
	done
}

sim_start() {
	if ! simdisk_loaded; then
		echo "1..0 # SKIP the module simdisk is not loaded"
		exit 4
	fi
	echo "TAP version 13"
	trap sim_cleanup EXIT
}

# simdisk_create, remembered for the end of the test.
sim_disk() {
	simdisk_create "$@" || sim_bail "cannot create $1"
	sim_disks+=("$1")
}

sim_bail() {
	echo "Bail out! $*"
	exit 1
}

# TEXT COMMAND...: a test point that passes when the command succeeds.
sim_check() {
	local text=$1
	shift
	sim_count=$((sim_count + 1))
	if "$@"; then
		echo "ok $sim_count $text"
	else
		echo "not ok $sim_count $text"
		sim_failed=$((sim_failed + 1))
	fi
}

# TEXT EXPECTED FOUND
sim_equal() {
	[ "$2" = "$3" ] || echo "# expected '$2', found '$3'"
	sim_check "$1" [ "$2" = "$3" ]
}

sim_end() {
	echo "1..$sim_count"
	[ $sim_failed -eq 0 ]
	exit
}

# STEP...: see simdisk-sectors.py; one process for all steps.
sim_sectors() {
	python3 "$SIM_TOP/selftests/lib/simdisk-sectors.py" "$@"
}

# DISK SECTOR COUNT LETTER [dsync]
sim_fill() {
	sim_sectors "fill $*" 2>/dev/null
}

# DISK
sim_flush() {
	sim_sectors "flush $1" 2>/dev/null
}

# DISK SECTOR COUNT
sim_letters() {
	sim_sectors "letters $*" 2>/dev/null
}

# TEXT LETTER: how often the letter is in the text.
sim_letter_count() {
	local only=${1//[^$2]/}
	echo ${#only}
}

sim_repeat() {
	printf "%$2s" '' | tr ' ' "$1"
}
