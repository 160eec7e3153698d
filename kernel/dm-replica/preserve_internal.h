/* SPDX-License-Identifier: GPL-2.0-only */
/* Between preserve*.c and vio.c: chunks on their way, and the memory that they are moved with. */
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
	atomic_t nr_ahead;		/* operations that preserve ahead */

	spinlock_t lock;		/* irq-safe; protects what follows */
	struct bio_list starved;	/* found no struct drp_cow_op */
	struct drp_cow_op *spare;	/* taken for them by starved_work */
	struct list_head kept;		/* of ended ones: the allocator clears what it gives, 16 KiB of it */
	unsigned int nr_kept;
	struct work_struct starved_work;	/* not on slow_wq, whose works hold what it waits for */
};

/* Bits by chunk: is its old content safe for the newest snapshot? */
#define DRP_BITS_SHIFT		15
#define DRP_BITS_PER_PAGE	(1U << DRP_BITS_SHIFT)

struct drp_bits_page {
	u64 newest;			/* the bits are about this generation */
	unsigned long *bits;
};

/* Bits of all chunks. Under lock of struct drp_preserved; pages are read inside the element's gate, too. */
struct drp_bits {
	struct xarray pages;		/* struct drp_bits_page */
	u64 newest;			/* the generation that they are about; 0: none */
	bool fresh;			/* a page of another generation has no bit set; else the index knows */
};

/* Writes that follow each other over what is not preserved. In chunks; see preserve_ahead.c. */
struct drp_stream {
	u64 next;			/* where the next one is expected; 0: no stream */
	u64 run;			/* how many it has come along */
	unsigned int hits;		/* writes that came as expected */
	u64 used;			/* p->misses when it was seen last */
	u64 front;			/* preserved ahead, or on its way, before this one; 0: nothing yet */
	u64 trigger;			/* a write of it asks for more; read without the lock, as a hint */
};

#define DRP_STREAMS	4

struct drp_preserved {
	/* fixed */
	struct drp_element *e;
	unsigned int chunk_shift;	/* log2 of sectors */
	wait_queue_head_t idle;

	spinlock_t lock;		/* irq-safe; protects what follows */
	struct drp_bits now;		/* newest is e->cow_newest */
	struct drp_bits before;		/* of a turn's copies while e->cow_split is set */
	bool going;
	struct drp_plane_map *arming;	/* see drp_preserve_arm() */
	struct list_head ops;		/* under way */
	struct drp_stream streams[DRP_STREAMS];
	unsigned int nr_streams;	/* that have a front; read without the lock, as a hint */
	u64 misses;			/* writes that had to wait, as a clock */
	bool ahead_kicked;		/* ahead_work is queued, and holds this */
	struct work_struct ahead_work;	/* on vio_wq */
	unsigned int nr_held;		/* operations, with those that are ending, and who else needs it; read without the lock, as a hint */
};

/* What a turn's copy looks at. Inside the element's gate. */
static inline struct drp_bits *drp_preserved_turn_bits(struct drp_preserved *p)
{
	return p->e->cow_split ? &p->before : &p->now;
}

/* The page of @chunk in @bits of @p with bits that count, or NULL: drp_preserved_fill() it. p->lock held. */
struct drp_bits_page *__drp_preserved_page(struct drp_preserved *p, struct drp_bits *bits, u64 chunk);
/* Make the page of @chunk count, from the index if need be: 0 or a negative errno. Sleeps. */
int drp_preserved_fill(struct drp_preserved *p, struct drp_bits *bits, u64 chunk);
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
	u32 nr_pages;			/* one may be there from the start */
	bool prepared;			/* put has its memory */
	bool has_slots;			/* those of put.entries */

	/* a preserve */
	struct drp_preserved *p;
	struct drp_bits *bits;		/* now or before */
	u64 first;			/* chunk */
	u64 label;			/* bits->newest when it began */
	bool fill;			/* no preserve: the page of bits must be filled first */
	bool ahead;			/* nobody has asked: whatever stops it ends it, and who waits by then tries again */
	bool has_data;			/* the old data has been read */
	struct drp_other_leg leg;	/* it is read from there */
	unsigned int tries;		/* writes that failed */
	atomic_t writes;		/* under way */
	int error;			/* of the read, or of a write */
	/* under the lock of p */
	struct list_head node;		/* or in pr->kept */
	bool stuck;			/* until drp_preserve_decided() */
	struct bio_list waiters;
	struct list_head sleepers;

	struct bio *host;		/* a write of a virtual element */

	struct bio_vec vec[DRP_COW_OP_PAGES];
};

/* An engine's copy that waits; on its stack. */
struct drp_preserve_sleeper {
	struct list_head node;		/* under p->lock, while an operation has it */
	struct completion done;
	int error;
};

/* The operation that has @chunk under way, or NULL: then *@next is no more than where the next one begins. p->lock held. */
struct drp_cow_op *__drp_preserve_op_of(struct drp_preserved *p, u64 chunk, u64 *next);
/* Begin a new one, which is in p->ops and counted in p->nr_held. Any context. */
void drp_preserve_op_start(struct drp_cow_op *op);
/* One less of p->nr_held: @p may be gone. Any context. */
void drp_preserved_release(struct drp_preserved *p);

/* ---- ahead of writers (preserve_ahead.c) ---- */

void drp_ahead_init(struct drp_preserved *p);
/* A host's write has to wait for what these sectors lack in p->now. p->lock held. */
void __drp_ahead_missed(struct drp_preserved *p, u64 start, u64 end);
/* Streams begin anew. p->lock held. */
void __drp_ahead_forget(struct drp_preserved *p);
/* Something has stopped @p's operation ahead. Any context. */
void drp_ahead_failed(struct drp_preserved *p);
void drp_ahead_pass(struct drp_preserved *p, u64 start, u64 end);
/* These sectors are about to be written and lack nothing. Inside the gate. Any context. */
static inline void drp_ahead_passed(struct drp_preserved *p, u64 start, u64 end)
{
	if (unlikely(READ_ONCE(p->nr_streams)))
		drp_ahead_pass(p, start, end);
}
/* May what @op, which has begun, will read be preserved as it is? Inside the gate. */
bool drp_ahead_still(const struct drp_cow_op *op);

/* Made if it is not there: 0 or -ENOMEM. op_lock held, or load. Sleeps. */
int drp_preserver_make(struct drp_pool *pool);

/* @gfp with a direct reclaim: never NULL. */
struct drp_cow_op *drp_cow_op_alloc(struct drp_preserver *pr, gfp_t gfp);
/* Without waiting; NULL: no memory now. Any context. */
struct drp_cow_op *drp_cow_op_get(struct drp_preserver *pr);
/*
 * @bio, which holds nothing, runs again from the start when there may be one.
 * Whoever gives one back may need a worker for that: so one alone waits for all.
 * Any context.
 */
void drp_cow_op_starve(struct drp_preserver *pr, struct bio *bio);

/* One to preserve ahead, which leaves all reserves to others: NULL without memory. Any context. */
struct drp_cow_op *drp_cow_op_alloc_ahead(struct drp_preserver *pr);

/* With its pages; its slots and the memory of its put, if they are still its own. Any context. */
void drp_cow_op_free(struct drp_cow_op *op);

/* Its slots took no data: given back, to be tried again when there are no others. Any context. */
void drp_cow_op_spoil(struct drp_cow_op *op);

/* Give back what it took: pages (with their data), slots, the memory of its put. Any context. */
void drp_cow_op_drop(struct drp_cow_op *op);

/*
 * Memory and slots for op->put.n chunks, and pages for @bytes: 0, -EAGAIN
 * (without @wait, which is for slow_wq only), -ENOSPC, -ENODEV (the COW device is
 * not proven), -EIO (the journal cannot be written). What it got it keeps. The
 * last free slots may be fewer: then op->put.n is less than it was.
 */
int drp_cow_op_take(struct drp_cow_op *op, u32 bytes, bool wait);

/* op->bio over @bytes of its pages. Not submitted. */
void drp_cow_op_aim(struct drp_cow_op *op, struct block_device *bdev, blk_opf_t opf,
		    sector_t sector, u32 bytes, bio_end_io_t *end_io);

#endif /* DRP_PRESERVE_INTERNAL_H */
