# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The "# KEY: value" lines at the head of a test script.

# FILE KEY: print the value, empty when there is none.
header() { sed -n "1,30s/^# $2: *//p" "$1" | head -n 1; }
