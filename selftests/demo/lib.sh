# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # variables of demo.sh
# What the demo's steps are written with. Sourced by demo.sh.

demo_tmp=$(mktemp -d "${TMPDIR:-/tmp}/drp-demo.XXXXXX")
demo_claims=0
demo_start=$SECONDS

say() { printf '\n# %s\n' "$@" | sed '2,${/^$/d}'; }

headline() { printf '\n\n=== %s ===\n' "$*"; }

# COMMANDLINE: print it and run it as a user would; its output stays in $output.
run() {
	local status
	printf '$ %s\n' "$*"
	eval "$*" >"$demo_tmp/output" 2>&1
	status=$?
	cat "$demo_tmp/output"
	output=$(<"$demo_tmp/output")
	return $status
}

# COMMANDLINE: likewise, and it has to succeed.
must() { run "$*" || die "this command failed with $?"; }

# STATUS COMMANDLINE: likewise, and it has to end so.
refused() {
	local want=$1 status
	shift
	run "$*"
	status=$?
	[ $status -eq "$want" ] || die "this command ended with $status, not $want"
}

# TEXT COMMAND...: what the demo says is true, or the demo has failed.
claim() {
	local text=$1
	shift
	"$@" || die "NOT TRUE: $text"
	demo_claims=$((demo_claims + 1))
	printf '    [checked] %s\n' "$text"
}

die() {
	printf '\ndemo: FAILED: %s\n' "$*"
	exit 1
}

# SECONDS COMMAND...: until it succeeds.
await() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# KEY COMMAND...: a value of replctl's JSON; the name of an enumeration.
json() {
	local key=$1
	shift
	"$@" --json | python3 -c '
import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
print(value["name"] if isinstance(value, dict) else value)' "$key"
}

# DIR: a checksum of each file in it, by name.
checksums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }

same_text() { [ "$1" = "$2" ]; }
same_file() { cmp -s "$1" "$2"; }
at_most() { [ "$1" -le "$2" ]; }

# Compare what is on the disks, not what the page cache has of them.
same_disks() {
	blockdev --flushbufs "$1" "$2"
	cmp "$1" "$2"
}

# What must not outlive the demo, also when it fails half-way.
cleanup() {
	local dev
	writer_stop 2>/dev/null
	[ "$(simdisk_power)" = on ] || simdisk_control rearm
	awk '$1 ~ "^/dev/mapper/tank" { print $2 }' /proc/mounts | xargs -r -n 1 umount -l
	for dev in tank-home tank-copy tank; do
		dmsetup remove --retry "$dev" 2>/dev/null
	done
	simdisk_remove_all 2>/dev/null
	rm -rf "$demo_tmp"
}
