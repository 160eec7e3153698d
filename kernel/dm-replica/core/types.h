/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure core needs from its surroundings, in the kernel and in user
 * space alike: integer types, endian conversion, crc32c and string helpers.
 * Nothing here allocates, locks, sleeps or reads a clock.
 */
#ifndef DRP_CORE_TYPES_H
#define DRP_CORE_TYPES_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#include <uapi/linux/dm-replica.h>
#else
#include "user.h"	/* the same names for user space; on the tool's and the tests' include path */
#include <linux/dm-replica.h>
#endif

#define DRP_SECTOR_SHIFT	9
#define DRP_BLOCK_BYTES		4096U	/* unit of metadata I/O */

#endif /* DRP_CORE_TYPES_H */
