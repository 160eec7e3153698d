#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: 120 (FAILURES) power failures at random moments of I/O and
# operations on mirrors break no rule of the crash contract
# REQUIRES: replica simdisk
# GROUP: parallel
# VM: --cpus 2
# TIMEOUT: 900
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/powerfail.sh
. "$DRP_TOP/selftests/lib/powerfail.sh"

powerfail 120
ok "$survived power failures, seed $seed"
