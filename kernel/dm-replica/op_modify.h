/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files that implement ModifyReplicaSynchronization. op_lock held everywhere. */
#ifndef DRP_OP_MODIFY_H
#define DRP_OP_MODIFY_H

#include "op.h"

/* Is the operation built for this SyncType? Pure. */
bool drp_op_is_built(u16 sync_type, u16 operation);

/* What the state table says to the request for @s; the CopyState that it is seen in. */
u16 drp_op_decide(struct drp_op *op, struct drp_sync *s, struct drp_transition *t);

/* Does it lead to the state that is waited for? Who would be overwritten while somebody holds it? 0 or a refusal. */
int drp_op_check_wait_state(struct drp_op *op, const struct drp_sync *s);
int drp_op_check_in_use(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);

/* Fracture and Split: the target leaves, consistent with Split. Sleeps. */
int drp_op_split(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);

/* Detach and Dissolve: both elements are independent afterwards. Sleeps. */
int drp_op_remove_sync(struct drp_op *op, struct drp_sync *s);

/* Restore from Replica and Failback, begun or continued, and Resume of either. Sleeps. */
int drp_op_turn(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);

/* The source is blocked, the target takes the writes. Sleeps. */
int drp_op_failover(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);

/*
 * What the state table cannot know: are the devices there, do other syncs allow
 * it? 0 or a refusal. A dry run asks, too.
 */
int drp_op_check_clone(struct drp_op *op, struct drp_sync *s);
int drp_op_check_failover(struct drp_op *op, struct drp_sync *s);
int drp_op_check_turn(struct drp_op *op, struct drp_sync *s);
int drp_op_check_reverse(struct drp_op *op, struct drp_sync *s);

/* Source and target change places. Sleeps. */
int drp_op_reverse(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);

/* A clone's point in time: taken now, and copied. Sleeps. */
int drp_op_clone_begin(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);

/* Its background copy goes on. Sleeps. */
int drp_op_clone_resume(struct drp_op *op, struct drp_sync *s);

/* Nobody writes the target any more: 0 or a refusal with the old access. Sleeps. */
int drp_op_protect_target(struct drp_op *op, struct drp_sync *s);

/* The job of a copy that goes on, or one for this request. Sleeps. */
u64 drp_op_job_for(struct drp_op *op, struct drp_sync *s);

/* Drain the source's writes to the target and only mark from then on. A refusal if it takes too long. Sleeps. */
int drp_op_drain_mirror(struct drp_op *op, struct drp_sync *s);

/*
 * The flow has left MIRROR: what was mirrored must not stay in the target's
 * cache without a mark. Flushes, or marks what was written. Sleeps.
 */
void drp_op_flush_target(struct drp_sync *s);

/* Settings of the request that change a sync, into @rec, which the caller commits. */
void drp_op_merge_settings(const struct drp_op *op, struct drp_sync_rec *rec);

/* The same for a request that changes nothing else: committed. Sleeps. */
int drp_op_apply_settings(struct drp_op *op, struct drp_sync *s);

/* Syncs that are gone but were still in a plan: free them if they are not any more; stalls I/O at most @timeout jiffies. */
void drp_op_collect_removed(struct drp_pool *pool, long timeout);

#endif /* DRP_OP_MODIFY_H */
