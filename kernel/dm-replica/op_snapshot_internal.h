/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files that implement the operations of snapshots. op_lock held everywhere; all sleep. */
#ifndef DRP_OP_SNAPSHOT_INTERNAL_H
#define DRP_OP_SNAPSHOT_INTERNAL_H

#include "op_commit.h"
#include "op_modify.h"
#include "snapshot.h"

/* Can a point in time of @e be taken now? 0 or a refusal. */
int drp_snapshot_check_source(struct drp_op *op, struct drp_element *e);

/* May the content of the virtual element @x go: does no snapshot or aspect of it need that? 0 or a refusal. */
int drp_snapshot_check_unused(struct drp_op *op, struct drp_element *x);

/*
 * The snapshot that a request for one of an aspect wants: made, its target, too,
 * but not there yet; NULL: refused. Then it is added to the pool (0, or a refusal
 * and it is freed), or unmade. Sleep.
 */
struct drp_sync *drp_snapshot_make(struct drp_op *op);
int drp_snapshot_add(struct drp_op *op, struct drp_sync *s);
void drp_snapshot_unmake(struct drp_sync *s);

/* @s and its target, which nobody needs or holds open, go in one commit; the caller frees them. 0, -ENOMEM, -EIO. Sleeps. */
int drp_snapshot_remove(struct drp_op *op, struct drp_sync *s);

/* A dry run says that a restore copies @chunks (or why drp_snapshot_chunks() failed). 0 or a refusal. */
int drp_snapshot_say_overwritten(struct drp_op *op, const struct drp_sync *s,
				 const struct drp_transition *t, s64 chunks);

/* Activate, Resync Replica: a new point in time; the one before and what was written to the target go. */
int drp_op_snapshot_point(struct drp_op *op, struct drp_sync *s);

/* Deactivate: the same without a new one. */
int drp_op_snapshot_drop(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t);

/* Dissolve: an aspect keeps the point in time, the target lives on. */
int drp_op_snapshot_dissolve(struct drp_op *op, struct drp_sync *s);

/* Return To ResourcePool: sync and target go; the job ends when their space is back. */
int drp_op_snapshot_return(struct drp_op *op, struct drp_sync *s);

/* Restore from Replica, Resume of one: may it begin or go on? 0 or a refusal. */
int drp_op_snapshot_check_restore(struct drp_op *op, struct drp_sync *s);

/* The same of one whose source is a snapshot, beside what drp_op_check_turn() looks at. */
int drp_snapshot_check_nested(struct drp_op *op, struct drp_sync *s);

/* Chunks that a restore would copy at most, or a negative errno. Gives op_lock up meanwhile: @s may be gone then. */
s64 drp_snapshot_chunks(struct drp_sync *s);

/* A restore ends without success: its point in time is lost. No I/O is inside the source's gate, nor (nested) does anything that comes from it live. */
void drp_snapshot_restore_lost(struct drp_sync *s);

/* ---- whose loss matters least (op_snapshot_victim.c) ---- */

/* One whose restore is not finished goes with what it is restored from: that, or NULL. Neither is anything without the other. */
struct drp_element *drp_snapshot_goes_with(struct drp_element *x);

struct drp_victim {
	struct drp_element *x;		/* either this one */
	struct drp_aspect_rec *aspect;	/* or this one */
	bool keeps;			/* no AutoDelete */
	u16 prio;
	u64 time;
};

/*
 * The next that goes: of @e, up to generation @newest of it, also an aspect; NULL:
 * of all, with AutoDelete only. False: none may go.
 */
bool drp_snapshot_victim(struct drp_pool *pool, struct drp_element *e, u64 newest,
			 struct drp_victim *best);

/* Does anything of @e up to generation @newest stop its hosts' I/O rather than go? */
bool drp_snapshot_stops_host(struct drp_element *e, u64 newest);

#endif /* DRP_OP_SNAPSHOT_INTERNAL_H */
