/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The metadata device of one pool: block I/O for the core's protocol, and the
 * allocator of the blocks that plane pages live in.
 *
 * Blocks are never overwritten while a checkpoint may point at them (shadow
 * paging): a page is written to a free block, the block that the last durable
 * checkpoint names is freed only after the next one is durable.
 */
#ifndef DRP_METADEV_H
#define DRP_METADEV_H

#include <linux/blkdev.h>
#include <linux/spinlock.h>

#include "core/journal.h"

struct drp_metadev {
	/* fixed while the pool lives */
	struct block_device *bdev;	/* held by the pool's table */
	struct bio_set *bios;
	struct drp_io io;		/* core operations on this device; ctx is this struct */
	u64 nonce;
	u64 device_blocks;
	u64 first_page_block;		/* of the page area */
	u64 page_blocks;
	u64 memory_max;			/* bytes of page cache, a bound */

	spinlock_t lock;		/* irq-safe; protects what follows */
	u64 *used;			/* bit per page block: may not be allocated */
	u64 *pending_free;		/* freed when the checkpoint under way is durable */
	u64 nr_used;
	u64 reserved;			/* blocks promised to planes */
	u64 next;			/* rotor */
	u64 memory;			/* bytes of pages held by all planes */
	atomic64_t reads, writes, flushes;	/* operations issued */
};

/* Bind to @bdev; reads nothing. 0 or -ENOMEM. Sleeps. */
int drp_metadev_init(struct drp_metadev *md, struct block_device *bdev);
void drp_metadev_exit(struct drp_metadev *md);

/* Learn nonce and page area from @sb and set the allocator up. Sleeps; GFP_KERNEL. */
int drp_metadev_bind_super(struct drp_metadev *md, const struct drp_super *sb);

/* Take @block during load: -EBADMSG if out of the page area or taken twice. */
int drp_metadev_claim(struct drp_metadev *md, u64 block);

/* A free block, or 0 if there is none. Any context. */
u64 drp_metadev_alloc(struct drp_metadev *md);

/* @block is no longer wanted by the state in memory; reusable after the next durable checkpoint. */
void drp_metadev_free_later(struct drp_metadev *md, u64 block);

/* @block was allocated since the last durable checkpoint and is not wanted: reusable at once. */
void drp_metadev_free_now(struct drp_metadev *md, u64 block);

/* A checkpoint starts: frees from now on belong to the next one. */
void drp_metadev_checkpoint_begin(struct drp_metadev *md);
/* It is durable: what was freed before it began becomes allocatable. */
void drp_metadev_checkpoint_done(struct drp_metadev *md);

/*
 * Promise @blocks to a plane so that it can always be stored (twice, for the
 * shadow): 0 or -ENOSPC. drp_metadev_unreserve() takes the promise back.
 */
int drp_metadev_reserve(struct drp_metadev *md, u64 blocks);
void drp_metadev_unreserve(struct drp_metadev *md, u64 blocks);

#endif /* DRP_METADEV_H */
