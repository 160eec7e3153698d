/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations of SyncType Snapshot, and what a full COW space leads to. */
#ifndef DRP_OP_SNAPSHOT_H
#define DRP_OP_SNAPSHOT_H

#include "op.h"

struct drp_transition;

/* create_sync of SyncType Snapshot; its target is made with it. op_lock held. 0 or a refusal. Sleeps. */
int drp_op_create_snapshot(struct drp_op *op);

/*
 * If a point in time will be taken: freeze the file system on its source, within
 * the request's deadline. NULL: none is, or it shall not be frozen. ERR_PTR. No
 * lock held. Sleeps.
 */
struct drp_freeze *drp_op_freeze_source(struct drp_op *op);
/* What op->frozen is, if anything, may go on: soon, not under the caller's locks. */
void drp_op_thaw(struct drp_op *op);

/* ModifyReplicaSynchronization of one: which operations are built; what @t leads to. op_lock held. Sleeps. */
bool drp_op_snapshot_built(u16 operation);
int drp_op_snapshot(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);
/* Would it be accepted, and what would it do? */
int drp_op_snapshot_dry_run(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);

/* A virtual element that no sync belongs to, and an aspect that keeps a generation, go. op_lock held. Sleep. */
int drp_op_delete_virtual(struct drp_op *op, struct drp_element *x);
int drp_op_delete_generation(struct drp_op *op, struct drp_aspect_rec *a);

/*
 * @e found no slot for a chunk that its newest snapshot needs: its snapshots
 * become Broken, or the writes fail; then drp_preserve_decided(). Queues a work
 * of op_wq. Any context.
 */
void drp_snapshot_exhausted(struct drp_element *e);

/*
 * All that shows a point in time of @e, or of what comes from it, loses that:
 * its syncs become @state (Broken or Invalid), aspects go. op_lock held. 0 or a
 * negative errno: some may be left. Sleeps.
 */
int drp_snapshot_lose_all(struct drp_element *e, u16 state, const char *why);
/* The same of those that were taken since the restore of @e, which is lost, began. */
int drp_snapshot_lose_in_turn(struct drp_element *e, const char *why);

/* ---- restores of sources that are snapshots (op_snapshot_nested.c). op_lock held ---- */

/* Does the source of @s show what the target has, because of such a restore? */
bool drp_snapshot_nested_turned(const struct drp_sync *s);
/* It begins; the checks were made. 0 or a refusal. Sleeps. */
int drp_snapshot_nested_begin(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);
/* Its copy came to the end. Sleeps. */
void drp_snapshot_nested_finished(struct drp_sync *s);

/* Work body. */
void drp_snapshot_full_work(struct work_struct *work);

/*
 * Look how full COW space is: listeners are told, and while the reserve is
 * touched snapshots with AutoDelete are given up. Queues a work of op_wq, which
 * drp_cow asks for, too, when a mark is passed. Any context.
 */
void drp_snapshot_watch_kick(struct drp_pool *pool);
/* Its body. */
void drp_snapshot_watch_work(struct work_struct *work);

/*
 * The generations of @e that somebody needs: of virtual elements that came from
 * it and of aspects. The newest one (0: none); up to @max of all in @gens,
 * ascending, their number in *@n. op_lock or rec_lock held.
 */
u64 drp_snapshot_generations(struct drp_element *e, u64 *gens, u32 max, u32 *n);
/* Is one of the @n ascending @gens in (@above, @upto]? Any context. */
bool drp_snapshot_any_within(const u64 *gens, u32 n, u64 above, u64 upto);

#endif /* DRP_OP_SNAPSHOT_H */
