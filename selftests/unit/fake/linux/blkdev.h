/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_BLKDEV_H
#define FAKE_BLKDEV_H
#include <linux/fake_kernel.h>
struct block_device;
struct bio_set;
typedef struct { s64 counter; } atomic64_t;
#endif
