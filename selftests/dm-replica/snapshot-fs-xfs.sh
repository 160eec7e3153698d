#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: snapshots of a mounted xfs, frozen for the cut and not, mount and show what it had
# REQUIRES: replica simdisk dmsetup mkfs.xfs fio module:xfs
# TIMEOUT: 240
# GROUP: snapshot-fs
# VM: --memory 3G
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/snapshot-fs.sh
. "$DRP_TOP/selftests/lib/snapshot-fs.sh"

fs=xfs
snapshot_fs_test
snapshot_fs_verify
