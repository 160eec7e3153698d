/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Region locks: sector ranges that are being written or copied. One space per
 * connected component of elements (they share sector addresses), one hash for
 * all. Overlapping ranges are granted in the order of their arrival.
 *
 * A range never crosses an extent. Who holds one does device I/O only: it never
 * waits for a commit, a gate or memory, so every range is released.
 */
#ifndef DRP_RANGE_H
#define DRP_RANGE_H

#include <linux/hash.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define DRP_RANGE_HASH_BITS	8

struct drp_range;
struct drp_range_bucket;
typedef void (*drp_range_granted_fn)(struct drp_range *range);

/* Two that overlap exclude each other, but reads, and a read and what does not write where it reads. */
enum drp_range_use {
	DRP_RANGE_WRITE,
	DRP_RANGE_COPY,		/* reads where DRP_RANGE_READ does, writes where nobody reads */
	DRP_RANGE_READ,		/* of the other side of a turn; with others like it in a virtual element */
	DRP_RANGE_SHOW,		/* reads its source's device for a snapshot: where a copy may write, too */
};

struct drp_range {
	struct list_head node;		/* under the bucket's lock, as is all of this */
	struct drp_range_bucket *bucket;
	u64 component;
	u64 start, end;			/* sectors, [start, end) */
	u8 use;				/* enum drp_range_use */
	unsigned int blockers;		/* earlier overlapping ranges */
	drp_range_granted_fn granted;	/* later grant: under the bucket's lock, so it only queues the owner */
};

struct drp_range_bucket {
	spinlock_t lock;		/* irq-safe */
	struct list_head ranges;	/* in order of arrival */
};

struct drp_range_space {
	unsigned int extent_shift;	/* log2 of the extent in sectors */
	struct drp_range_bucket buckets[1 << DRP_RANGE_HASH_BITS];
};

void drp_range_space_init(struct drp_range_space *space, unsigned int extent_shift);

/*
 * Take @range (component, start, end, use, granted are filled in): true if it is
 * held now; false: granted() will be called. Any context.
 */
bool drp_range_lock(struct drp_range_space *space, struct drp_range *range);
void drp_range_unlock(struct drp_range *range);

#endif /* DRP_RANGE_H */
