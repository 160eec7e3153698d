/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of a recording, as /dev/simdisk-record gives it: events of all disks
 * in one order, each a header and a payload, padded to 8 bytes. Byte order of the
 * machine. Also for user space.
 */
#ifndef SIMDISK_RECORD_H
#define SIMDISK_RECORD_H

#include <linux/types.h>

enum sim_record_kind {
	SIM_RECORD_DISK = 1,	/* payload: its name; @sector: its size */
	SIM_RECORD_BASE,	/* payload: 4096 bytes that were at @sector at the start */
	SIM_RECORD_WRITE,	/* payload: data; a request that arrived */
	SIM_RECORD_ZERO,	/* discard or write-zeroes of @sector, @sectors; likewise */
	SIM_RECORD_FLUSH,	/* likewise */
	SIM_RECORD_DONE,	/* the request @id completed */
	SIM_RECORD_FAILED,	/* the request @id failed: what of it landed is unknown */
	SIM_RECORD_MARK,	/* payload: text of a test */
};

#define SIM_RECORD_FUA		1	/* WRITE: durable when done */
#define SIM_RECORD_CACHE	1	/* DISK: has a volatile cache */

struct sim_record {
	__u16 kind;
	__u16 flags;
	__u32 disk;		/* number of the disk; they count from 0 */
	__u64 id;		/* of the request */
	__u64 sector;		/* of 512 bytes */
	__u32 sectors;
	__u32 bytes;		/* of the payload, without padding */
};

#define SIM_RECORD_MARK_MAX	240

#endif
