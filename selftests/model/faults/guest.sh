#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In the VM, started by run.sh: MODULE SEED BUDGET FAULT...
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd -P)
module=$1 seed=$2 budget=$3
shift 3
simdisk=$(find "$top"/build/module-*/selftests/simdisk -name simdisk.ko | head -n 1)
insmod "$simdisk" && insmod "$module" || exit 99
log=$(mktemp)
status=0
for fault; do
	number=$((10#${fault%%-*}))
	echo $number >/sys/module/dm_replica/parameters/drp_fault
	start=$SECONDS
	"$top/build/selftests/model" --seed "$seed" --seconds "$budget" >"$log" 2>&1
	if [ $? -eq 1 ] && grep -q '^FAILED' "$log"; then
		echo "ok $fault: found after $((SECONDS - start)) s: $(sed -n 's/^FAILED: //p' "$log") ($(sed -n 's/^# \(seed [0-9]*, step [0-9]*\).*/\1/p' "$log"))"
	else
		echo "not ok $fault: not found in $budget s: $(tail -n 1 "$log")"
		status=1
	fi
done
rm -f "$log"
exit $status
