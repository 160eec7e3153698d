#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: every operation from every copy state of a clone does what the state table says
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 1800
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

need replctl
replica_setup
pool_create p
element p a 16
element p b 16
run_ok scribble /dev/mapper/p-a 0 16 1

wrong=0
while read -r word text; do
	case $word in
	ok) ok "$text" ;;
	bad)
		echo "# WRONG: $text"
		wrong=$((wrong + 1)) ;;
	esac
	# The table as text is what the unit tests hold equal to the table itself.
done < <(python3 "$DRP_TOP/selftests/dm-replica/clone-cells.py" \
	"$DRP_TOP/selftests/unit/state_golden.txt" "$DRP_TOP/Documentation/operations.rst" \
	"${element_id[p/a]}" "${element_id[p/b]}" "$@" 2>&1 ||
	echo "bad the walk ended with $?")
[ $wrong -eq 0 ] || fail "$wrong differences from the state table"
ok "all cells are as the state table says"
