/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_BLKDEV_H
#define FAKE_BLKDEV_H
#include <linux/fake_kernel.h>
struct block_device;
struct bio_set;

typedef u64 sector_t;
typedef u32 blk_opf_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { int counter; } atomic_t;
typedef u8 blk_status_t;

#define atomic_inc(v)		((void)(v)->counter++)
#define atomic64_inc(v)		((void)(v)->counter++)
#define atomic64_read(v)	((u64)(v)->counter)
#endif
