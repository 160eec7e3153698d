#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Shows that the cutter can fail: builds the module once for each patch beside
# this script, records the scenario that it names with all of them in one VM, and
# cuts until the fault is found. Usage: run.sh [--cuts N] [FAULT]...
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd -P)
kernel=${KVER:-6.1} cuts=20000 status=0
[ "${1-}" != --cuts ] || { cuts=$2; shift 2; }
[ $# -gt 0 ] || set -- "$here"/*.patch
work=$top/build/cut/faults
tree=$work/tree

scenario_of() { sed -n 's/^Scenario: //p' "$here/$1.patch"; }

# The sources once; files that did not change keep their objects.
mkdir -p "$tree/selftests" "$work/modules"
cp -ru "$top/kernel" "$top/include" "$top/scripts" "$tree/"
cp -ru "$top/selftests/simdisk" "$tree/selftests/"

# FAULT: its module, with the patch and then without it.
build() {
	patch -s -p1 -d "$tree" <"$here/$1.patch" || return
	DRP_CACHE=${DRP_CACHE:-$top/build} MODULE_OUT=$work/out \
		"$tree/scripts/module-build" "$kernel" >"$work/$1.build" 2>&1
	local ret=$?
	patch -s -R -p1 -d "$tree" <"$here/$1.patch"
	[ $ret -ne 0 ] || cp "$work/out/kernel/dm-replica/dm-replica.ko" "$work/modules/$1.ko"
	return $ret
}

make -s -C "$here/.." || exit
rm -rf "$work/logs" "$work"/modules/*.ko
mkdir -p "$work/logs"
plan=''
for fault; do
	fault=$(basename "$fault" .patch)
	if build "$fault"; then
		plan+=" $fault:$(scenario_of "$fault")"
	else
		echo "not found: $fault: cannot be built: see build/cut/faults/$fault.build"
		status=1
	fi
done

# shellcheck disable=SC2016
"$top/selftests/vm/run" --kernel "$kernel" --no-module --timeout 900 --writable "$work/logs" -- \
	bash -c '
	insmod "$1/out/selftests/simdisk/simdisk.ko" || exit 99
	for x in $2; do
		fault=${x%%:*}
		mkdir "$1/logs/$fault"
		insmod "$1/modules/$fault.ko" &&
			timeout 200 "$3" "$1/logs/$fault" "${x#*:}" && rmmod dm_replica || exit
	done' - "$work" "$plan" "$top/build/cut/record" >"$work/vm.log" 2>&1 ||
	{ echo "the VM ended with $?"; tail -n 20 "$work/vm.log"; status=1; }

for x in $plan; do
	fault=${x%%:*}
	log=$work/logs/$fault/${x#*:}.log
	if [ ! -s "$log" ]; then
		echo "not found: $fault: nothing was recorded"
		status=1
		continue
	fi
	"$top/build/cut/cut" --cuts "$cuts" "$log" >"$work/$fault.log"
	case $? in
	1) echo "found: $fault: $(sed -n 's/^FAILED: //p' "$work/$fault.log"), $(tail -n 1 "$work/$fault.log" | sed 's/ of .*//')" ;;
	*) echo "not found: $fault: $(tail -n 1 "$work/$fault.log")"; status=1 ;;
	esac
done
exit $status
