/* SPDX-License-Identifier: GPL-2.0-only */
/* Between preserve*.c and vio.c: the memory that chunks are moved with. */
#ifndef DRP_PRESERVE_INTERNAL_H
#define DRP_PRESERVE_INTERNAL_H

#include "io.h"
#include "preserve.h"

#define DRP_COW_OP_PAGES	((1U << 20) / PAGE_SIZE)	/* the biggest chunk */

/* Of a pool, from its first snapshot on. */
struct drp_preserver {
	struct drp_pool *pool;
	mempool_t ops;			/* struct drp_cow_op */
	mempool_t pages;
	struct bio_set bios;
	/* Ordered: one at a time waits for memory and slots, so the reserve is never shared out in halves. */
	struct workqueue_struct *slow_wq;
	struct workqueue_struct *vio_wq;	/* I/O of virtual elements; waits for nodes of the index */

	spinlock_t lock;		/* irq-safe; protects what follows */
	struct bio_list starved;	/* found no struct drp_cow_op */
	struct drp_cow_op *spare;	/* taken for them by starved_work */
	struct work_struct starved_work;	/* not on slow_wq, whose works hold what it waits for */
};

/* Bits by chunk: is its old content safe for the newest snapshot? */
#define DRP_BITS_SHIFT		15
#define DRP_BITS_PER_PAGE	(1U << DRP_BITS_SHIFT)

struct drp_preserved {
	/* fixed */
	struct drp_element *e;
	unsigned int chunk_shift;	/* log2 of sectors */
	wait_queue_head_t idle;

	struct xarray pages;		/* struct drp_bits_page; read inside e's gate, changed under lock */

	spinlock_t lock;		/* irq-safe; protects what follows */
	u64 newest;			/* as e->cow_newest */
	bool fresh;			/* a page of another generation has no bit set; else the index knows */
	bool going;
	struct drp_plane_map *arming;	/* see drp_preserve_arm() */
	struct list_head ops;		/* under way */
	unsigned int nr_held;		/* operations, with those that are ending, and who else needs it */
};

struct drp_bits_page {
	u64 newest;			/* the bits are about this generation */
	unsigned long *bits;
};

/* The page of @chunk with bits that count, or NULL: drp_preserved_fill() it. p->lock held. */
struct drp_bits_page *__drp_preserved_page(struct drp_preserved *p, u64 chunk);
/* Make the page of @chunk count, from the index if need be: 0 or a negative errno. Sleeps. */
int drp_preserved_fill(struct drp_preserved *p, u64 chunk);
/* These chunks are preserved under @label. Any context. */
void drp_preserved_set(struct drp_preserved *p, u64 first, u32 n, u64 label);

/* Where the chunk would be without the virtual element's own versions: as drp_vio_resolve(). */
int drp_vio_resolve_beneath(struct drp_element *e, u64 chunk, struct drp_vio_place *place);

/*
 * Give back what the whole chunks [@start, @end) (sectors) of the virtual
 * element @e alone have in COW space, where they read as zeroes then. Inside its
 * gate, with their range. 0 or a negative errno. Sleeps for I/O and commits.
 */
int drp_vio_discard(struct drp_element *e, u64 start, u64 end);

/* Chunks on their way to COW space. */
struct drp_cow_op {
	struct drp_cow_put put;		/* put.n chunks */
	struct drp_preserver *pr;
	struct work_struct work;	/* the next step, in whatever queue */
	struct bio bio;			/* over vec */
	u32 nr_pages;
	bool prepared;			/* put has its memory */
	bool has_slots;			/* those of put.entries */

	/* a preserve */
	struct drp_preserved *p;
	u64 first;			/* chunk */
	u64 label;			/* the newest generation when it began */
	bool fill;			/* no preserve: the page of bits must be filled first */
	bool has_data;			/* the old data has been read */
	unsigned int tries;		/* writes that failed */
	atomic_t writes;		/* under way */
	int error;			/* of the read, or of a write */
	/* under the lock of p */
	struct list_head node;
	bool stuck;			/* until drp_preserve_decided() */
	struct bio_list waiters;
	struct list_head sleepers;

	struct bio *host;		/* a write of a virtual element */

	struct bio_vec vec[DRP_COW_OP_PAGES];
};

/* Made if it is not there: 0 or -ENOMEM. op_lock held, or load. Sleeps. */
int drp_preserver_make(struct drp_pool *pool);

/* @gfp with a direct reclaim: never NULL. */
struct drp_cow_op *drp_cow_op_alloc(struct drp_preserver *pr, gfp_t gfp);
/* With its pages; its slots and the memory of its put, if they are still its own. Any context. */
void drp_cow_op_free(struct drp_cow_op *op);

/* Give back what it took: pages (with their data), slots, the memory of its put. Any context. */
void drp_cow_op_drop(struct drp_cow_op *op);

/*
 * Memory and slots for op->put.n chunks, and pages for @bytes: 0, -EAGAIN
 * (without @wait, which is for slow_wq only), -ENOSPC, -EIO (the journal cannot
 * be written). What it got it keeps. The last free slots may be fewer: then
 * op->put.n is less than it was.
 */
int drp_cow_op_take(struct drp_cow_op *op, u32 bytes, bool wait);

/* op->bio over @bytes of its pages. Not submitted. */
void drp_cow_op_aim(struct drp_cow_op *op, struct block_device *bdev, blk_opf_t opf,
		    sector_t sector, u32 bytes, bio_end_io_t *end_io);

#endif /* DRP_PRESERVE_INTERNAL_H */
