/* SPDX-License-Identifier: GPL-2.0-only */
/* What all turns have in common (op_turn.c), for clones. op_lock held everywhere. */
#ifndef DRP_OP_TURN_H
#define DRP_OP_TURN_H

#include "op_modify.h"

#define DRP_TURN_END_RETRY_MS	3000
#define DRP_TURN_END_WAIT_MS	500	/* the first time; then twice as long, up to the deadline */

/* No copy may clear what is marked of the syncs from @e. Sleeps for copies in flight. */
void drp_op_turn_stop_copies(struct drp_element *e);

/* Everything that may change on the side that @turned overwrites differs for all its other syncs. Sleeps. */
void drp_op_turn_mark_others(struct drp_sync *turned);

/* Before @here is overwritten their states say so. 0 or -EIO. Sleeps. */
int drp_op_turn_tell_others(struct drp_sync *turned, const struct drp_element *here);

/* Whether it happened or not: what mirrors @here copies again what is marked. Sleeps. */
void drp_op_turn_restart_others(struct drp_sync *turned, const struct drp_element *here);

/*
 * A C plane of at least all that differs, most of it on the device, to show the
 * other side's content on @here. I/O goes on; who marks D marks it, too, until
 * s->arming is NULL. 0 or a refusal. Sleeps.
 */
int drp_op_turn_prepare(struct drp_op *op, struct drp_sync *s, struct drp_element *here);

/*
 * Of a snapshot (op_snapshot_restore.c): its target is protected, all that differs
 * is marked in the C plane; who preserves something marks it, too, until
 * drp_preserve_arm(). 0 or a refusal. Sleeps.
 */
int drp_snapshot_mark_turn(struct drp_op *op, struct drp_sync *s);

/* In the cut, inside the closed gates: its C plane gets no marks any more, and has all of D. */
void drp_op_turn_disarm(struct drp_sync *s);

/* How long to wait for I/O that looks at it this time, in jiffies: longer each time. @ms: how long it was last. */
long drp_op_turn_end_wait(unsigned int *ms);

/* What the record of its sync becomes with its beginning; @began: the newest generation of the side that is overwritten. */
void drp_op_turn_fill(struct drp_op *op, const struct drp_transition *t, u64 began, u64 job_id,
		      struct drp_sync_rec *rec);

/* All is copied, and nobody looks at the other side: its record says so, and its job ends. Else it stays reverse. Sleeps. */
void drp_op_turn_restored(struct drp_sync *s);

/* Does I/O inside its gate end in this time? Its hosts wait meanwhile. Sleeps. */
bool drp_op_turn_drains(struct drp_element *e, long wait);

/* I/O hangs: soon, and then not so soon, drp_op_turn_try_again(). */
void drp_op_turn_try_again_soon(struct drp_sync *s);
void drp_op_turn_try_again(struct drp_pool *pool);

/* The turn is gone; no I/O looked at it (any more). Sleeps. */
void drp_op_turn_drop(struct drp_sync *s);

/* ---- clones (op_clone.c) ---- */

/* The clone that still needs what is on @e, or NULL: nothing but @e's hosts may write it. */
struct drp_sync *drp_op_clone_of(struct drp_element *e);

/* The refusal of a point in time of @source for @target, because of what else they are; or 0. */
int drp_op_clone_check(struct drp_op *op, struct drp_element *source, struct drp_element *target);

/* The refusal to overwrite @e, or to let something mirror into it, because of such a clone; or 0. */
int drp_op_refuse_cloned(struct drp_op *op, struct drp_element *e);

#endif /* DRP_OP_TURN_H */
