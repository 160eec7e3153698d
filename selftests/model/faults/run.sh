#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Shows that the model finds faults: builds the module once with all patches beside
# this script, each behind a switch, in build/model-faults, and in one VM turns on
# one after the other and runs the model until it finds it. Usage:
#   run.sh [--seed N] [--budget SECONDS] [FAULT]...
# A FAULT is the name or number of a patch; without any: all. Exit status 1: one was
# not found within the budget (120 s each).
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd -P)
kernel=${KVER:-6.1} seed=1 budget=$((120 * ${DRP_SLOW:-1})) dir=$top/build/model-faults
while [[ ${1-} == --* ]]; do
	case $1 in
	--seed) seed=$2 ;;
	--budget) budget=$2 ;;
	*) echo "usage: run.sh [--seed N] [--budget SECONDS] [FAULT]..." >&2; exit 64 ;;
	esac
	shift 2
done

faults=()
for fault; do
	faults+=("$(basename "$here/$fault"*.patch .patch)")
done
[ ${#faults[@]} -gt 0 ] || mapfile -t faults < <(basename -s .patch "$here"/[0-9]*.patch)
for fault in "${faults[@]}"; do
	[ -e "$here/$fault.patch" ] || { echo "$fault: there is no such patch"; exit 64; }
done

build() {
	local patch
	rm -rf "$dir/kernel" "$dir/include" "$dir/scripts"
	mkdir -p "$dir/selftests"
	cp -r "$top/kernel" "$top/include" "$top/scripts" "$dir/"
	for patch in "$here/switch.patch" "$here"/[0-9]*.patch; do
		patch -s -p1 -d "$dir" <"$patch" || { echo "${patch##*/} does not apply"; return 1; }
	done
	DRP_CACHE=${DRP_CACHE:-$top/build} MODULE_OUT=$dir/out "$dir/scripts/module-build" "$kernel"
}

if ! build >"$dir.log" 2>&1; then
	tail -n 20 "$dir.log"
	echo "the module with the faults cannot be built"
	exit 1
fi
make -s -C "$here/.." || exit
"$top/selftests/vm/run" --kernel "$kernel" --no-module \
	--timeout $((120 + ${#faults[@]} * (budget + 60))) -- \
	"$here/guest.sh" "$dir/out/kernel/dm-replica/dm-replica.ko" "$seed" "$budget" "${faults[@]}" |
	tee "$dir.log"
[ "$(grep -c '^ok ' "$dir.log")" -eq ${#faults[@]} ]
