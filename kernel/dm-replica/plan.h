/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plans: where writes of an element go, and which elements share region locks.
 * Snapshots are no part of them: nothing is written to their targets.
 */
#ifndef DRP_PLAN_H
#define DRP_PLAN_H

#include "element.h"
#include "sync.h"

/* Targets beside the first that one copy can write. */
#define DRP_COPY_HOPS_MAX	(DM_KCOPYD_MAX_REGIONS - 1)

/* Would a sync from @source to @target close a circle? op_lock held. */
bool drp_plan_would_loop(struct drp_pool *pool, struct drp_element *source,
			 struct drp_element *target);

/* Would it make any element's plan longer than DRP_HOPS_MAX? op_lock held. */
bool drp_plan_would_overflow(struct drp_pool *pool, struct drp_element *source,
			     struct drp_element *target);

/*
 * Make the plans of all elements as the pool's syncs (without removed ones)
 * say: closes the gates of the elements whose plan changes, waits until they
 * are drained, at most @timeout jiffies. 0, -ETIMEDOUT (nothing changed),
 * -ENOMEM. op_lock held. Sleeps.
 */
int drp_plans_rebuild(struct drp_pool *pool, long timeout);

/*
 * The same; @inside is called with the gates of all whose plan changes closed
 * and drained, and checkpoint_lock held; if it is not 0, that is returned and
 * nothing changes.
 */
int drp_plans_rebuild_inside(struct drp_pool *pool, long timeout,
			     int (*inside)(void *ctx, unsigned long end), void *ctx);

/* Could source and target of @s change places without a copy that reaches too many? op_lock held. */
bool drp_plan_may_reverse(struct drp_pool *pool, struct drp_sync *s);

/* Close and drain the gates of two elements (or one: @b NULL): 0, or -ETIMEDOUT and both are open again. op_lock held. Sleeps. */
int drp_gates_close(struct drp_element *a, struct drp_element *b, long timeout);
void drp_gates_open(struct drp_element *a, struct drp_element *b);
/* For who opens them one by one: the stall of @pool's cut ends here. */
void drp_gates_note_stall(struct drp_pool *pool);

#endif /* DRP_PLAN_H */
