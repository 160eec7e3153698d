/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reclaimer: when a generation or a virtual element is gone, one pass over
 * the index deletes the entries that nobody needs any more, in commits of
 * bounded size, beside all other work. The pool's record says durably that a
 * pass is due ("reclaim"), so that a crash leaves nothing behind.
 */
#ifndef DRP_RECLAIM_H
#define DRP_RECLAIM_H

#include <linux/list.h>
#include <linux/types.h>

struct drp_pool;
struct drp_reclaim;

/* Waits for a pass that begins after it asked. */
struct drp_reclaim_waiter {
	struct list_head node;
	u64 pass;
	/* The pass is over: 0, or an errno if it could not be done. Process context, no locks; may free the waiter. */
	void (*done)(struct drp_reclaim_waiter *w, int error);
};

/* With the pool's COW space: 0 or -ENOMEM. */
int drp_reclaim_init(struct drp_pool *pool);
/* Stop; waiters are told -ECANCELED. What is due stays so on disk. Sleeps. */
void drp_reclaim_exit(struct drp_pool *pool);

/*
 * Something has become garbage, as the pool's record says durably, and nobody
 * reads it any more: begin a pass (after the one under way). Any context.
 */
void drp_reclaim_kick(struct drp_pool *pool);
/* The same, and tell @w, whose done is set. */
void drp_reclaim_wait(struct drp_pool *pool, struct drp_reclaim_waiter *w);
/* Is a pass due, or under way? Sleeps not. Process context. */
bool drp_reclaim_due(struct drp_pool *pool);
/*
 * The pool's device is being suspended, and nobody waits for room any more: the
 * pass under way ends soon, and none begins. The caller flushes op_wq.
 */
void drp_reclaim_stop(struct drp_pool *pool);
/* The pool's device is resumed, or active: go on with what is due. Process context. */
void drp_reclaim_resume(struct drp_pool *pool);

#endif /* DRP_RECLAIM_H */
