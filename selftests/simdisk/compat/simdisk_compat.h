/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block layer and timer calls that differ between kernels. All version
 * tests of the module are here.
 */
#ifndef SIMDISK_COMPAT_H
#define SIMDISK_COMPAT_H

#include <linux/blk-mq.h>
#include <linux/hrtimer.h>
#include <linux/version.h>

/* What a disk promises to the block layer, in its own words. */
struct sim_limits {
	unsigned int logical_block_size;	/* bytes */
	unsigned int max_sectors;		/* of one request */
	bool write_cache;
	bool fua;
	bool discard;
};

#define SIM_MAX_DISCARD_SECTORS	(1U << 22)

/* Merging became unconditional, and the flag went away, in 6.14. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define SIM_TAG_SET_FLAGS	BLK_MQ_F_NO_SCHED_BY_DEFAULT
#else
#define SIM_TAG_SET_FLAGS	(BLK_MQ_F_SHOULD_MERGE | \
				 BLK_MQ_F_NO_SCHED_BY_DEFAULT)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static inline struct gendisk *
sim_alloc_disk(struct blk_mq_tag_set *set, const struct sim_limits *limits,
	       void *queuedata)
{
	struct queue_limits lim = {
		.logical_block_size = limits->logical_block_size,
		.physical_block_size = max(4096U, limits->logical_block_size),
		.max_hw_sectors = limits->max_sectors,
	};

	if (limits->write_cache)
		lim.features |= BLK_FEAT_WRITE_CACHE;
	if (limits->fua)
		lim.features |= BLK_FEAT_FUA;
	if (limits->discard) {
		lim.discard_granularity = 4096;
		lim.max_hw_discard_sectors = SIM_MAX_DISCARD_SECTORS;
		lim.max_write_zeroes_sectors = SIM_MAX_DISCARD_SECTORS;
	}
	return blk_mq_alloc_disk(set, &lim, queuedata);
}
#else
static inline struct gendisk *
sim_alloc_disk(struct blk_mq_tag_set *set, const struct sim_limits *limits,
	       void *queuedata)
{
	struct gendisk *gd = blk_mq_alloc_disk(set, queuedata);
	struct request_queue *q;

	if (IS_ERR(gd))
		return gd;
	q = gd->queue;
	blk_queue_logical_block_size(q, limits->logical_block_size);
	blk_queue_physical_block_size(q, max(4096U,
					     limits->logical_block_size));
	blk_queue_max_hw_sectors(q, limits->max_sectors);
	blk_queue_write_cache(q, limits->write_cache, limits->fua);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	blk_queue_flag_clear(QUEUE_FLAG_ADD_RANDOM, q);
	if (limits->discard) {
		q->limits.discard_granularity = 4096;
		blk_queue_max_discard_sectors(q, SIM_MAX_DISCARD_SECTORS);
		blk_queue_max_write_zeroes_sectors(q, SIM_MAX_DISCARD_SECTORS);
	}
	return gd;
}
#endif

/* hrtimer_setup() came in 6.13; hrtimer_init() went in 6.15. */
static inline void
sim_timer_setup(struct hrtimer *timer,
		enum hrtimer_restart (*fn)(struct hrtimer *timer))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	timer->function = fn;
#endif
}

#endif
