#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: xfs with writers through every sequence of restore, failover, failback, reverse roles, two long (LENGTH=3: three)
# REQUIRES: replica simdisk dmsetup mkfs.xfs fio python3 module:xfs
# TIMEOUT: 600
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
[ -n "${DRP_UNPROVEN-}" ] || skip "not seen passing as a whole yet: DRP_UNPROVEN=1 in the guest runs it"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/replica-fs.sh
. "$DRP_TOP/selftests/lib/replica-fs.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"
# shellcheck source=selftests/lib/directions-fs.sh
. "$DRP_TOP/selftests/lib/directions-fs.sh"

# xfs wants 300 MiB unless told; a copy has the UUID of a mounted file system.
make_fs() { run_ok mkfs.xfs -q -f -K -l size=16m "$1"; }
mount_copy() { mount -o "$1,nouuid" "$2" "$3"; }
check_fs() { xfs_repair -n "$1"; }
directions_life 304 "${LENGTH:-2}"
