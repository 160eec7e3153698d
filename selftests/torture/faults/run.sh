#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Shows that powerfail can fail: builds the module once for each patch beside
# this script, in build/faults, runs it (turn-*: with --directions, clone-*: --clones,
# snapshot-*: --snapshots), and prints after how many power failures the fault was
# found. Not part of the checks. Usage:
#   run.sh [--seed N] [FAULT]...
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd -P)
kernel=${KVER:-6.1} seed=1 failures=200 status=0
[ "${1-}" != --seed ] || { seed=$2; shift 2; }
[ $# -gt 0 ] || set -- "$here"/*.patch

# FAULT: a copy of the sources with the patch, built.
build() {
	local dir=$top/build/faults/$1
	rm -rf "$dir"
	mkdir -p "$dir/selftests"
	cp -r "$top/kernel" "$top/include" "$top/scripts" "$dir/"
	cp -r "$top/selftests/simdisk" "$dir/selftests/"
	patch -s -p1 -d "$dir" <"$here/$1.patch" &&
		DRP_CACHE=${DRP_CACHE:-$top/build} MODULE_OUT=$dir/out \
			"$dir/scripts/module-build" "$kernel" >"$dir/log" 2>&1
}

# FAULT: 0 when powerfail finds it.
find_fault() {
	local out=$top/build/faults/$1/out log=$top/build/faults/$1/log options=()
	[[ $1 != turn-* ]] || options=(--directions)
	[[ $1 != clone-* ]] || options=(--clones)
	[[ $1 != snapshot-* ]] || options=(--snapshots)
	# shellcheck disable=SC2016
	"$top/selftests/vm/run" --kernel "$kernel" --no-module --timeout 420 -- bash -c '
		insmod "$1/selftests/simdisk/simdisk.ko" &&
			insmod "$1/kernel/dm-replica/dm-replica.ko" || exit 99
		shift
		exec "$@"' - "$out" "$top/build/selftests/powerfail" "${options[@]}" \
		--seed "$seed" --failures "$failures" --seconds 300 >"$log" 2>&1
	[ $? -eq 1 ] && grep -q '^FAILED' "$log"
}

make -s -C "$here/.." || exit
for fault; do
	fault=$(basename "$fault" .patch)
	if ! build "$fault"; then
		echo "$fault: cannot be built: see build/faults/$fault/log"
		status=1
	elif find_fault "$fault"; then
		echo "$fault: found by power failure $(sed -n 's/.*(\([0-9]*\) in all).*/\1/p' \
			"$top/build/faults/$fault/log"): $(sed -n 's/^FAILED: //p' "$top/build/faults/$fault/log")"
	else
		echo "$fault: NOT FOUND: $(grep -v '^vm: |' "$top/build/faults/$fault/log" | tail -n 1)"
		status=1
	fi
done
exit $status
