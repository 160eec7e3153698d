#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: ext4 with writers through every sequence of restore, failover, failback, reverse roles, three long (LENGTH)
# REQUIRES: replica simdisk dmsetup mkfs.ext4 fio python3
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

make_fs() { run_ok mkfs.ext4 -q -F "$1"; }
mount_copy() { mount -o "$1" "$2" "$3"; }
check_fs() { e2fsck -fn "$1"; }
directions_life 48 "${LENGTH:-3}"
