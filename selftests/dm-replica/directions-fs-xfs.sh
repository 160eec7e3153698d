#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: xfs with writers through every sequence of restore, failover, failback, reverse roles, three long (LENGTH)
# REQUIRES: replica simdisk dmsetup mkfs.xfs fio python3 module:xfs
# TIMEOUT: 3600
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/replica-fs.sh
. "$DRP_TOP/selftests/lib/replica-fs.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"
# shellcheck source=selftests/lib/directions-fs.sh
. "$DRP_TOP/selftests/lib/directions-fs.sh"

# Whole disks are compared: a small one, which mkfs calls unsupported. A copy has
# the UUID of a mounted file system.
make_fs() { run_ok mkfs.xfs -q -f -K --unsupported "$1"; }
mount_copy() { mount -o "$1,nouuid" "$2" "$3"; }
check_fs() { xfs_repair -n "$1"; }
directions_life 48 "${LENGTH:-3}"
