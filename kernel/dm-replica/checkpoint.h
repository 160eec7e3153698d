/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checkpoints: the state of the pool goes to its pages and the catalog, idle
 * extents are retired, journal space is freed. Contract rules 1, 6 and 7.
 */
#ifndef DRP_CHECKPOINT_H
#define DRP_CHECKPOINT_H

#include "pool.h"

#define DRP_CHECKPOINT_SECONDS	5

#define DRP_CATALOG_OBJECT_BYTES	1024	/* more than any object's record */
#define DRP_DIRTY_TICKS		6	/* dirty planes alone are written every so many ticks */

/* Write one now: 0, or -EROFS if the pool is not writable (any more). Sleeps. */
int drp_checkpoint(struct drp_pool *pool);

/*
 * One without retirement, which waits for writers, and for at most @timeout
 * jiffies: 0, -ETIMEDOUT (it may still happen), -ENOMEM, -EROFS, or an error after
 * which the pool is read-only. No checkpoint_lock held. Sleeps.
 */
int drp_checkpoint_within(struct drp_pool *pool, long timeout);

/* Before @n entries of COW space are deleted: one, if they had no room. Waits for it for a while. Sleeps. */
void drp_checkpoint_make_room(struct drp_pool *pool, u32 n);

/* The last one of a pool whose elements are all detached: retires every extent that was flushed. */
int drp_checkpoint_final(struct drp_pool *pool);

/* Runs of active extents that one element may have in the catalog. */
u32 drp_catalog_runs_max(struct drp_pool *pool);

/* Does the catalog have room for @more bytes beside what it holds at most? op_lock held. */
bool drp_catalog_has_room(struct drp_pool *pool, u64 more);

/* What the plane of a sync of @sectors can take there. */
u64 drp_catalog_plane_bytes(struct drp_pool *pool, u64 sectors);

void drp_checkpoint_work(struct work_struct *work);

#endif /* DRP_CHECKPOINT_H */
