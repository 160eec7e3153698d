#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: every operation from every copy state that a restore of a snapshot leads to does what the state table says
# REQUIRES: replica simdisk dmsetup python3
# TIMEOUT: 600
# GROUP: snapshot-states
exec "$(dirname "$0")/snapshot-states.sh" "${@:-restores}"
