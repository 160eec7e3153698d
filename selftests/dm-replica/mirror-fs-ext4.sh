#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: ext4 on a mirror with 8 writers, through split, fracture, resync, suspend and abort
# REQUIRES: replica simdisk dmsetup mkfs.ext4 fio
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/replica-fs.sh
. "$DRP_TOP/selftests/lib/replica-fs.sh"

make_fs() { run_ok mkfs.ext4 -q -F "$1"; }
mount_copy() { mount -o "$1" "$2" "$3"; }
check_fs() { e2fsck -fn "$1"; }
fs_life 192
