/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations: what requests ask for, and what happens by itself (a leg comes or
 * goes, a copy ends). All of them run under op_lock, one at a time per pool.
 */
#ifndef DRP_OP_H
#define DRP_OP_H

#include "core/names.h"
#include "copy.h"
#include "element.h"
#include "plan.h"
#include "request.h"

#define DRP_DEADLINE_MS		5000	/* of a cut, unless the request says otherwise */
struct drp_freeze;

#define DRP_IDENTITY_BUF	(DRP_IDENTITY_MAX + 1)

/* One request under way. */
struct drp_op {
	struct drp_pool *pool;
	struct drp_request req;
	struct drp_result res;		/* written by the operation, read after done */
	int error;
	struct work_struct work;
	struct completion done;
	struct kref ref;		/* the worker's and the waiter's */
	char name[DRP_NAME_MAX + 1];	/* what req's strings point to */
	char setting_name[DRP_NAME_MAX + 1];
	char target_name[DRP_NAME_MAX + 1];
	char identity[DRP_IDENTITY_BUF];
	struct drp_freeze *frozen;	/* by the worker, until drp_op_thaw() */
	unsigned long end;		/* jiffies, while something is frozen: then it goes on */
	bool terse;			/* a dry run of which nobody reads how much would be lost */

	struct mutex lock;		/* protects what follows */
	u64 job_id;			/* 0: none yet */
	bool job_used;			/* by a copy, which ends it */
};

/* Refuse with a return value and words: the negative errno that stands for it. */
__printf(3, 4)
int drp_op_refuse(struct drp_op *op, u32 return_value, const char *fmt, ...);

/* 0, or the refusal of every request: the pool is stopped, suspended, read-only. op_lock held. */
int drp_op_admit(struct drp_op *op);

/* The job of this request for a copy of @s; 0: no job could be made. op_lock held. */
u64 drp_op_take_job(struct drp_op *op, struct drp_sync *s);

/* Jiffies that a cut of this request may stall I/O. */
long drp_op_deadline(const struct drp_op *op);

/* The kinds of requests. op_lock held, pool active. 0 (op->res filled) or a refusal's negative errno. Sleep. */
int drp_op_create_element(struct drp_op *op);
int drp_op_delete_element(struct drp_op *op);
int drp_op_create_sync(struct drp_op *op);
int drp_op_modify(struct drp_op *op);
int drp_op_set(struct drp_op *op);
int drp_op_change_job(struct drp_op *op);
int drp_op_delete_aspect(struct drp_op *op);
int drp_op_restore_aspect(struct drp_op *op);

/* Commit the removal of an object, with @extra records. 0 or -EIO. op_lock held. Sleeps. */
int drp_op_commit_del(struct drp_pool *pool, enum drp_object_kind kind, u64 id,
		      const void *extra, u32 extra_len);

/* A fresh id, committed with the object's record: encode the pool's record with it. op_lock held. */
u64 drp_op_next_id(struct drp_pool *pool);

/* ---- copies (op_copy.c) ---- */

/*
 * Make @s Unsynchronized by @rec (which the caller filled), mirror, and copy
 * what differs, as job @job_id (0: make one). @extra records join the commit.
 * op_lock held. 0 or -EIO, -ENOMEM. Sleeps.
 */
int drp_op_start_copy(struct drp_sync *s, struct drp_sync_rec *rec, u64 job_id,
		      const void *extra, u32 extra_len);

/*
 * @error has kept the copy of @s from starting: where that is memory, it starts by
 * itself, soon; the status says so until then. op_lock held.
 */
void drp_op_copy_later(struct drp_sync *s, int error);

/* By itself: Broken, Partitioned or left unsynchronized by a crash: copy again. op_lock held. */
void drp_op_restart_copy(struct drp_sync *s);

/*
 * Go on with the unfinished turn of @s, as job @job_id (0: make one), towards
 * @goal: Restored or Synchronized (0: as before). Both legs attached, op_lock
 * held. 0, -EIO, -ENOMEM. Sleeps.
 */
int drp_op_turn_continue(struct drp_sync *s, u64 job_id, u16 goal);

/* Its copy came to the end. op_lock held. Sleeps. */
void drp_op_turn_finished(struct drp_sync *s);

/* ---- clones (op_clone.c) ---- */

/* The background copy of @s goes on, as job @job_id (0: as before, or make one). Legs attached, op_lock held. 0, -EIO, -ENOMEM. Sleeps. */
int drp_op_clone_continue(struct drp_sync *s, u64 job_id);

/* Its copy came to the end. op_lock held. Sleeps. */
void drp_op_clone_finished(struct drp_sync *s);

/* Its copy failed: Broken, its point in time is kept. op_lock held. 0 or -EIO. Sleeps. */
int drp_op_clone_break(struct drp_sync *s, const char *why);

/* The source goes on without it: Broken, and the point in time is lost. op_lock held. 0 or -EIO. Sleeps. */
int drp_op_clone_give_up(struct drp_sync *s, const char *why);

/*
 * The journal says that @s is not partial any more: nothing waits for its target
 * from here on. False: I/O hangs, what looks at the turn fails; it is tried again
 * by itself, but call it before the turn is needed. op_lock held. Sleeps.
 */
bool drp_op_clone_forget(struct drp_sync *s);

/* Both legs are there. op_lock held. Sleeps. */
void drp_op_clone_legs_complete(struct drp_sync *s);

/* @e stays away: who needs it is told. op_lock held. Sleeps. */
void drp_op_clone_leg_lost(struct drp_element *e);

/*
 * A flush of the side that a turn overwrites has failed: what it may have lost is
 * read on the other side again, and copied again. Again later, if I/O hangs.
 * op_lock held. Sleeps.
 */
void drp_op_turn_take_back(struct drp_sync *s);

/* ---- both ---- */

/*
 * Do the copies come to an end that a request for @s may stop? 0, or a refusal with
 * nothing changed: a device hangs. op_lock held. Sleeps while they make progress, else
 * for the request's deadline, and 5 s at least.
 */
int drp_op_copies_end(struct drp_op *op, struct drp_sync *s);

/* Stop a copy without a change of state (the end of the pool, a leg that goes). op_lock held. */
void drp_op_pause_copy(struct drp_sync *s);

/* Both legs are there: go on from what the journal says. op_lock held. */
void drp_op_legs_complete(struct drp_sync *s);

/* While @s is Failedover its source was replaced: all of it differs. op_lock held. 0 or -EIO. */
int drp_op_source_replaced(struct drp_sync *s);

/*
 * Both legs of @s are there, and nothing said who the device of one is: do they
 * have the same in some places where they must be equal? If not, one is another
 * device: the source's while Failedover, else nobody knows. op_lock held. Reads both.
 */
void drp_op_doubt_legs(struct drp_sync *s);

/* The copier of @s, made if there is none yet: 0 or -ENOMEM. op_lock held. */
int drp_op_make_copier(struct drp_sync *s);

/* A leg is not what it was: everything may differ, nobody knows which side is right. op_lock held. 0 or -EIO: then nothing flows. */
int drp_op_invalidate(struct drp_sync *s, const char *why);

/* Work bodies. */
void drp_op_finish_work(struct work_struct *work);
void drp_leg_deadline_work(struct work_struct *work);
void drp_op_reap_work(struct work_struct *work);

/* The reaper, which tries what had to wait, runs in @delay jiffies at the latest, unless the pool ends. op_lock held. */
void drp_op_reap_within(struct drp_pool *pool, unsigned long delay);

#endif /* DRP_OP_H */
