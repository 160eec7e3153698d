#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: every operation from every copy state of a snapshot that was not restored from does what the state table says
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 400
# GROUP: snapshot
# With names of setups: only those. Those of restores are in snapshot-states-restore.sh.
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl
replica_setup
CHUNK_SECTORS=128
cow_pool_create p 12
element p a 16
run_ok scribble /dev/mapper/p-a 0 16 1

wrong=0
while read -r word text; do
	case $word in
	ok) ok "$text" ;;
	bad)
		echo "# WRONG: $text"
		wrong=$((wrong + 1)) ;;
	esac
done < <(python3 "$DRP_TOP/selftests/dm-replica/snapshot-states.py" \
	"$DRP_TOP/selftests/unit/state_golden.txt" "$DRP_TOP/Documentation/operations.rst" \
	"${element_id[p/a]}" "${@:-others}" 2>&1 || echo "bad the walk ended with $?")
[ $wrong -eq 0 ] || fail "$wrong differences from the state table"
ok "all cells are as the state table says"
