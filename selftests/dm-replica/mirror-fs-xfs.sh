#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: xfs on a mirror with 8 writers, through split, fracture, resync, suspend and abort
# REQUIRES: replica simdisk dmsetup mkfs.xfs fio module:xfs
# TIMEOUT: 400
# GROUP: parallel
# VM: --cpus 2
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/replica-fs.sh
. "$DRP_TOP/selftests/lib/replica-fs.sh"

# xfs wants 300 MiB unless told; a copy has the UUID of a mounted file system.
make_fs() { run_ok mkfs.xfs -q -f -K -l size=64m "$1"; }
mount_copy() { mount -o "$1,nouuid" "$2" "$3"; }
check_fs() { xfs_repair -n "$1"; }
fs_life 320
