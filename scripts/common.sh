# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Where things are; sourced by the scripts of this tree.

DRP_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
DRP_BUILD=$DRP_TOP/build
# Kernels and other large downloads may be shared between checkouts.
DRP_CACHE=${DRP_CACHE:-$DRP_BUILD}

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

kernel_dir() { echo "$DRP_CACHE/kernels/$1"; }
# Is it one that scripts/kernel-debug builds, which is slow and looks for faults?
kernel_finds_faults() { [ "$1" = debug ] || [ "$1" = kcsan ]; }
kernel_release() { cat "$(kernel_dir "$1")/release"; }
# The kernel build directory (headers) that modules for this kernel use.
kernel_kdir() { cat "$(kernel_dir "$1")/kdir"; }
