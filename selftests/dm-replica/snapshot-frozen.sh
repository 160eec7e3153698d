#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a file system that is frozen for a snapshot goes on after the deadline, whatever of the journal's hangs
# REQUIRES: replica simdisk dmsetup mkfs.ext4
# TIMEOUT: 400
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

JOB_IDS=64	# made durable at a time
stands=

replica_setup
cow_pool_create p 16
element p f 32
run_ok mkfs.ext4 -q -F /dev/mapper/p-f
mkdir "$DRP_TMP/f"
run_ok mount /dev/mapper/p-f "$DRP_TMP/f"
at_exit "umount '$DRP_TMP/f' 2>/dev/null"

# A request that ends late becomes a job, so one of these finds that there are no ids left.
for ((i = 0; i < JOB_IDS; i++)); do
	simdisk_set mp hang 1
	next_id
	first=$id
	next_id
	dmsetup message p 0 create_sync "$first" snapshot "${element_id[p/f]}" "$id" name=z \
		target_name=z deadline_ms=200 >"$DRP_TMP/answer" 2>&1 &
	asker=$!
	sleep 0.4
	timeout 20 sh -c "echo $i >'$DRP_TMP/f/file'" || stands=1
	simdisk_set mp hang 0
	wait $asker
	[ -z "$stands" ] || fail "request $i: the file system stands while the journal hangs"
done
run_ok umount "$DRP_TMP/f"
ok "also when the ids of jobs are used up"
