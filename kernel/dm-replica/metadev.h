/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The metadata device of one pool: block I/O for the core's protocol, and the
 * allocator of the blocks that plane pages live in.
 *
 * Blocks are never overwritten while a checkpoint may point at them (shadow
 * paging): a page is written to a free block, the block that the last durable
 * checkpoint names is freed only after the next one is durable.
 *
 * Order of a checkpoint: drp_metadev_checkpoint_begin(), then the writeback of
 * every plane, then the roots into the catalog, drp_checkpoint_write(), then
 * drp_metadev_checkpoint_done(). One that failed is not done; the next begin
 * takes its frees over.
 */
#ifndef DRP_METADEV_H
#define DRP_METADEV_H

#include <linux/blkdev.h>
#include <linux/spinlock.h>

#include "core/journal.h"

#define DRP_METADEV_MEMORY_MAX	(64ULL << 20)	/* bytes, until the owner says otherwise */

/* Memory that a checkpoint must not have to wait for. */
struct drp_metadev_scratch {
	u8 block[DRP_BLOCK_BYTES];
	u64 words[DRP_PAGE_BYTES / sizeof(u64)];
	struct drp_dir_entry dir[DRP_DIR_ENTRIES];
};

struct drp_metadev {
	/* fixed while the pool lives */
	struct block_device *bdev;	/* held by the pool's table */
	struct bio_set *bios;
	struct drp_io io;		/* core operations on this device; ctx is this struct */
	u64 nonce;
	u64 device_blocks;
	u64 first_page_block;		/* of the page area */
	u64 page_blocks;
	u64 memory_max;			/* bytes of page cache, a bound; changed at will */
	u16 activation;			/* marks the sequences of what is written from now on */
	struct drp_metadev_scratch *scratch;	/* of the one checkpoint at a time */

	spinlock_t lock;		/* irq-safe; protects what follows */
	u64 *used;			/* bit per page block: may not be allocated */
	u64 *pending_free;		/* freed when the checkpoint under way is durable */
	u64 *freed;			/* since it began: freed by the one after it */
	bool checkpoint;		/* one is under way */
	bool loading;			/* promises are given whatever there is */
	u64 nr_used;
	u64 reserved;			/* blocks promised to planes */
	u64 next;			/* rotor */
	u64 memory;			/* bytes of pages held by all planes */
	atomic64_t reads, writes, flushes;	/* operations issued */
};

/* Bind to @bdev; reads nothing. 0, -ENOMEM, or -EINVAL if its logical blocks are larger than ours. Sleeps. */
int drp_metadev_init(struct drp_metadev *md, struct block_device *bdev);
void drp_metadev_exit(struct drp_metadev *md);

/*
 * Learn nonce and page area from @sb and set the allocator up, all free (also
 * anew). 0, -ENOMEM, or -EBADMSG if there is no page area on the device.
 * Sleeps; GFP_KERNEL.
 */
int drp_metadev_bind_super(struct drp_metadev *md, const struct drp_super *sb);

/* Undo drp_metadev_bind_super(); drp_metadev_exit() calls it. Sleeps. */
void drp_metadev_unbind_super(struct drp_metadev *md);

/* Take @block during load: -EBADMSG if out of the page area or taken twice. */
int drp_metadev_claim(struct drp_metadev *md, u64 block);

/* A free block, or 0 if there is none. Any context. */
u64 drp_metadev_alloc(struct drp_metadev *md);

/* @block is no longer wanted by the state in memory; reusable after the next durable checkpoint. */
void drp_metadev_free_later(struct drp_metadev *md, u64 block);

/*
 * The checkpoint under way stored something else in place of @block and will
 * not name it: reusable when that one is durable (if none is under way, as
 * drp_metadev_free_later()). Any context.
 */
void drp_metadev_free_replaced(struct drp_metadev *md, u64 block);

/* @block was allocated since the last durable checkpoint and is not wanted: reusable at once. */
void drp_metadev_free_now(struct drp_metadev *md, u64 block);

/* A checkpoint starts: frees from now on belong to the next one. */
void drp_metadev_checkpoint_begin(struct drp_metadev *md);
/* It is durable: what was freed before it began becomes allocatable. */
void drp_metadev_checkpoint_done(struct drp_metadev *md);

/*
 * Promise @blocks to a plane so that it can always be stored (twice, for the
 * shadow: the doubling is done here): 0 or -ENOSPC. drp_metadev_unreserve()
 * takes the promise back. Any context.
 */
int drp_metadev_reserve(struct drp_metadev *md, u64 blocks);
void drp_metadev_unreserve(struct drp_metadev *md, u64 blocks);
/* What drp_metadev_reserve() can promise now, at most. Any context. */
u64 drp_metadev_room(struct drp_metadev *md);

/*
 * While the journal is replayed planes that were there one after the other are
 * there together: between these two a promise is always given. The end is -ENOSPC
 * if what is left then cannot be kept.
 */
void drp_metadev_load_begin(struct drp_metadev *md);
int drp_metadev_load_end(struct drp_metadev *md);

/* Account for @bytes of page memory unless the sum would pass @max. Any context. */
bool drp_metadev_charge(struct drp_metadev *md, u64 bytes, u64 max);
void drp_metadev_uncharge(struct drp_metadev *md, u64 bytes);

/* Is more held than memory_max? Any context. */
bool drp_metadev_over_memory(struct drp_metadev *md);

#endif /* DRP_METADEV_H */
