// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restore from Replica and Failback: the direction of a sync is turned, and its
 * source shows at once what the target has; see turn.h. Contract rules 5 and 10.
 *
 * The C plane is prepared while I/O goes on: hosts' writes mark it, too. In the
 * cut it goes to the device with a checkpoint, so that what the journal says
 * afterwards is exact. More in it than differs is harmless until then.
 */
#include <linux/slab.h>

#include "checkpoint.h"
#include "io.h"
#include "job.h"
#include "leg.h"
#include "op_cut.h"
#include "op_snapshot.h"
#include "op_turn.h"
#include "preserve.h"
#include "snapshot.h"
#include "turn.h"

/* ---- checks ---- */

static int check_devices(struct drp_op *op, struct drp_sync *s)
{
	const struct drp_sync *up = s->source->plan->up;
	const struct drp_element *absent = s->source->live ? s->target : s->source;

	if (!drp_sync_has_legs(s))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is not attached: activate it first",
				     absent->rec.name);
	if (up && !up->removed && drp_state_access(up->rec.sync_type, up->rec.copy_state,
						   up->rec.reverse).target != DRP_ACCESS_WRITE)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s is the target of sync %s: fracture or split that first",
				     s->source->rec.name, up->rec.name);
	return 0;
}

static int check_begin(struct drp_op *op, struct drp_sync *s)
{
	const u64 sectors = s->source->rec.size_sectors;

	if ((s->source->inbound && s->source->inbound != s->turn) || s->target->inbound)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is being restored: wait for that",
				     (s->target->inbound ? s->target : s->source)->rec.name);
	/* After a failback the target is mirrored to again. */
	if (drp_op_refuse_cloned(op, s->source) ||
	    (op->req.operation == DRP_OP_FAILBACK && drp_op_refuse_cloned(op, s->target)))
		return op->error;
	if (!s->turn && !drp_snapshot_is_nested(s) &&
	    !drp_catalog_has_room(op->pool, drp_catalog_plane_bytes(op->pool, sectors)))
		return drp_op_refuse(op, DRP_RV_NO_SPACE,
				     "the metadata device has no room for another bitmap of this size");
	return 0;
}

/* ---- others that have to do with the source ---- */

void drp_op_turn_stop_copies(struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&e->pool->syncs, id, s)
		if (s->source == e && s->copier)
			drp_copy_stop(s->copier);
}

void drp_op_turn_mark_others(struct drp_sync *turned)
{
	const struct drp_turn *t = turned->turn;
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&turned->pool->syncs, id, s) {
		if (s == turned || s->removed || drp_sync_is_snapshot(s) ||
		    (s->source != t->here && s->target != t->here))
			continue;
		/* Another size, or no memory: all of it. */
		if (drp_plane_or(s->d, t->c))
			drp_plane_set_all(s->d, true);
	}
}

int drp_op_turn_tell_others(struct drp_sync *turned, const struct drp_element *here)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&turned->pool->syncs, id, s) {
		struct drp_sync_rec rec = s->rec;

		if (s == turned || s->removed)
			continue;
		if (s->source == here) {
			rec.source_changed = true;
			drp_sync_source_changed_now(s);
			if (rec.copy_state == DRP_CS_SYNCHRONIZED &&
			    drp_state_mirrors(rec.sync_type, rec.copy_state))
				rec.copy_state = DRP_CS_UNSYNCHRONIZED;
		} else if (s->target == here) {
			rec.target_changed = true;
			drp_sync_target_changed_now(s);
			if (rec.copy_state == DRP_CS_SYNCHRONIZED && rec.sync_type != DRP_SYNC_MIRROR)
				rec.copy_state = DRP_CS_SKEWED;
		} else {
			continue;
		}
		rec.in_sync = rec.in_sync && drp_sync_is_snapshot(s);
		if (!memcmp(&rec, &s->rec, sizeof(rec)))
			continue;
		if (drp_sync_commit(s, &rec, NULL, 0, false))
			return -EIO;
		drp_sync_refresh(s);
	}
	return 0;
}

static void copy_again(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;
	u64 job_id = rec.job_id && xa_load(&s->pool->jobs, rec.job_id) ? rec.job_id : 0;

	drp_job_ensure_ids(s->pool);
	rec.progress_status = rec.initial_copy ? DRP_PS_SYNCHRONIZING : DRP_PS_RESYNCING;
	drp_op_copy_later(s, drp_op_start_copy(s, &rec, job_id, NULL, 0));
}

void drp_op_turn_restart_others(struct drp_sync *turned, const struct drp_element *here)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&turned->pool->syncs, id, s)
		if (s != turned && !s->removed && s->source == here && !s->rec.reverse &&
		    s->flow == DRP_FLOW_MIRROR && s->source->live && s->target->live &&
		    s->rec.copy_state == DRP_CS_UNSYNCHRONIZED)
			copy_again(s);
}

/* ---- the turn itself ---- */

static void set_turn(struct drp_sync *s, struct drp_turn *t)
{
	mutex_lock(&s->pool->checkpoint_lock);
	spin_lock(&s->pool->rec_lock);
	s->turn = t;
	spin_unlock(&s->pool->rec_lock);
	mutex_unlock(&s->pool->checkpoint_lock);
}

static void take_marks(struct drp_sync *s)
{
	/* Another size, or no memory: all of it. */
	if (drp_plane_or(s->turn->c, s->d))
		drp_plane_set_all(s->turn->c, true);
}

/* The C plane has all that D has, and gets what is marked from now on. */
static void arm(struct drp_sync *s)
{
	struct drp_turn *t = s->turn;

	WRITE_ONCE(s->arming, t->c);
	/* Who saw no C plane to mark has marked D before we look at it. */
	t->armed_late = !drp_sync_set_flow(s, s->flow);
	t->armed_late |= !drp_grace_wait(&s->target->grace, 3 * HZ);
	take_marks(s);
}

static void disarm(struct drp_sync *s)
{
	WRITE_ONCE(s->arming, NULL);
	if (drp_sync_is_snapshot(s))
		drp_preserve_arm(s->source, NULL);
}

void drp_op_turn_disarm(struct drp_sync *s)
{
	disarm(s);
	/* Who was missed by the waits has marked D by now. */
	if (s->turn->armed_late)
		take_marks(s);
}

int drp_op_turn_prepare(struct drp_op *op, struct drp_sync *s, struct drp_element *here)
{
	struct drp_turn *t = drp_turn_alloc(s, here);

	if (IS_ERR(t))
		return PTR_ERR(t) == -ENOSPC ?
			drp_op_refuse(op, DRP_RV_NO_SPACE,
				      "the metadata device has no room for another bitmap of this size") :
			drp_op_refuse(op, DRP_RV_FAILED, "no memory");
	/* Never 0, so that each point in time from now on has a greater number. */
	t->began = drp_turn_is_clone(t) ? 0 : max(here->rec.generation, 1ULL);
	set_turn(s, t);
	if (!drp_sync_is_snapshot(s))
		arm(s);
	else if (drp_snapshot_mark_turn(op, s))
		return op->error;
	if (drp_checkpoint_within(op->pool, MAX_SCHEDULE_TIMEOUT))
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	return 0;
}

void drp_op_turn_drop(struct drp_sync *s)
{
	struct drp_turn *t = s->turn;

	disarm(s);
	/* Nobody marks it any more; writers whose devices hang need not end for that. */
	synchronize_rcu();
	set_turn(s, NULL);
	if (t)
		drp_turn_free(t);
}

/* From the moment that it returns 0 the source shows what the target has. */
static int cut(struct drp_op *op, struct drp_sync *s, struct drp_op_cut *cut)
{
	/* The I/O of a snapshot's target has ended before: see drp_snapshot_mark_turn(). */
	struct drp_element *leg = drp_sync_is_snapshot(s) ? NULL : s->target;
	const unsigned long end = jiffies + drp_op_deadline(op);
	int r;

	if (drp_gates_close(s->source, leg, max_t(long, end - jiffies, 1)))
		return drp_cut_timed_out(op, "I/O in flight");
	drp_op_turn_disarm(s);
	drp_op_turn_mark_others(s);
	/* Nobody writes the target from here on, and nothing of it stays in a cache. */
	r = leg ? drp_leg_flush_inside(leg, end - jiffies) :
		  drp_cow_flush(op->pool->cow, end - jiffies);
	if (r && r != -ETIMEDOUT)
		r = -EIO;
	r = r ?: drp_checkpoint_within(op->pool, end - jiffies);
	if (r == -ETIMEDOUT)
		r = drp_cut_timed_out(op, "the flush of the target or the checkpoint");
	else if (r)
		r = drp_op_refuse(op, DRP_RV_FAILED,
				  "the target cannot be flushed, or the metadata not be written");
	else
		r = drp_cut_commit(cut, s, end, NULL, 0);
	if (!r) {
		WRITE_ONCE(s->target->access, DRP_ACCESS_READ);
		s->source->inbound = s->turn;
		/* What its hosts had changed is gone: their first write from now on is noted anew. */
		WRITE_ONCE(s->source_noted, false);
	}
	drp_gates_open(s->source, leg);
	return r;
}

void drp_op_turn_fill(struct drp_op *op, const struct drp_transition *t, u64 began, u64 job_id,
		      struct drp_sync_rec *rec)
{
	drp_op_merge_settings(op, rec);
	rec->copy_state = DRP_CS_UNSYNCHRONIZED;
	rec->requested_copy_state = t->copy_state_after;
	rec->progress_status = t->progress_during;
	rec->reverse = true;
	rec->gen_start = began;
	rec->in_sync = false;
	rec->source_changed = false;
	rec->partitioned = false;
	rec->job_id = job_id;
	rec->when_activated = drp_now();
	rec->error_text[0] = '\0';
}

/* Nothing of it was: I/O stays as it is. */
static int undo(struct drp_sync *s, int error)
{
	if (s->source->inbound != s->turn)
		drp_op_turn_drop(s);
	drp_sync_refresh(s);
	drp_op_turn_restart_others(s, s->source);
	return error;
}

static int begin_confirmed(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t,
			   struct drp_op_cut *c)
{
	u64 job_id = drp_op_take_job(op, s);
	struct drp_sync_rec rec = s->rec;

	drp_op_turn_fill(op, t, s->turn->began, job_id, &rec);
	if (drp_sync_confirm(s, &rec, drp_cut_id(c), NULL, 0)) {
		drp_turn_confirm(s->turn, false);
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	}
	drp_turn_confirm(s->turn, true);
	drp_sync_refresh(s);
	drp_element_drop_cache(s->source);
	drp_op_turn_restart_others(s, s->source);
	drp_job_set_state(s->pool, job_id, DRP_JOB_RUNNING);
	drp_copy_start(s->copier, job_id);
	op->res.return_value = DRP_RV_JOB_STARTED;
	op->res.job_id = job_id;
	return 0;
}

/*
 * Where both are alike the source keeps what it has, which must not go with a loss
 * of power. If it cannot be flushed, that counts as different.
 */
static void flush_source(struct drp_sync *s)
{
	if (!drp_sync_is_snapshot(s) && drp_leg_flush(s->source, DRP_FLUSH_TIMEOUT))
		drp_extents_to_d(s, true);
}

static int begin(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	struct drp_op_cut *c;
	int r = 0;

	/* Once before the gates close, so that the flush inside is short. */
	if (drp_sync_is_snapshot(s) ? (drp_cow_prove(op->pool->cow) ?:
				       drp_cow_flush(op->pool->cow, DRP_FLUSH_TIMEOUT)) :
				      drp_leg_flush(s->target, DRP_FLUSH_TIMEOUT))
		r = drp_op_refuse(op, DRP_RV_FAILED, "target %s cannot be flushed",
				  s->target->rec.name);
	else if (drp_op_make_copier(s))
		r = drp_op_refuse(op, DRP_RV_FAILED, "no memory for the copy");
	/* No copy may clear what is marked from now on. */
	drp_op_turn_stop_copies(s->source);
	if (!r) {
		flush_source(s);
		r = drp_op_turn_prepare(op, s, s->source);
	}
	if (!r && drp_op_turn_tell_others(s, s->source))
		r = drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	if (r)
		return undo(s, r);
	c = drp_cut_alloc(op, 0);
	r = c ? cut(op, s, c) : drp_op_refuse(op, DRP_RV_FAILED, "no memory for the cut");
	if (!r)
		r = begin_confirmed(op, s, t, c);
	if (c)
		drp_cut_end(c, !r);
	return r ? undo(s, r) : 0;
}

/* ---- going on ---- */

static bool is_turned(const struct drp_sync *s)
{
	return s->turn || drp_snapshot_nested_turned(s);
}

int drp_op_turn_continue(struct drp_sync *s, u64 job_id, u16 goal)
{
	struct drp_sync_rec rec = s->rec;
	bool failback = (goal ?: rec.requested_copy_state) == DRP_CS_SYNCHRONIZED;
	u16 operation = failback ? DRP_OP_FAILBACK : DRP_OP_RESTORE_FROM_REPLICA;
	int r = drp_op_make_copier(s);

	if (r || !is_turned(s))
		return r ?: -EIO;
	drp_copy_stop(s->copier);
	drp_job_ensure_ids(s->pool);
	if (!job_id && rec.job_id && !xa_load(&s->pool->jobs, rec.job_id) &&
	    !drp_job_resume(s->pool, rec.job_id, rec.id, rec.name, operation))
		job_id = rec.job_id;
	if (!job_id)
		job_id = drp_job_start(s->pool, rec.id, rec.name, operation);
	rec.copy_state = DRP_CS_UNSYNCHRONIZED;
	rec.requested_copy_state = failback ? DRP_CS_SYNCHRONIZED : DRP_CS_RESTORED;
	rec.progress_status = failback ? DRP_PS_FAILING_BACK : DRP_PS_RESTORING;
	rec.job_id = job_id;
	rec.partitioned = false;
	rec.error_text[0] = '\0';
	r = drp_sync_commit(s, &rec, NULL, 0, false);
	if (r)
		return r;
	drp_sync_refresh(s);
	drp_job_set_state(s->pool, job_id, DRP_JOB_RUNNING);
	drp_copy_start(s->copier, job_id);
	return 0;
}

static int go_on(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	/* Resume goes where it went before it was suspended. */
	u16 goal = op->req.operation == DRP_OP_RESUME ? 0 : t->copy_state_after;
	u64 job_id;
	int r;

	r = drp_op_apply_settings(op, s);
	if (r)
		return r;
	job_id = drp_op_job_for(op, s);
	r = drp_op_turn_continue(s, job_id, goal);
	if (r)
		return drp_op_refuse(op, DRP_RV_FAILED, r == -ENOMEM ? "no memory for the copy" :
				     "the metadata cannot be written");
	op->res.return_value = DRP_RV_JOB_STARTED;
	op->res.job_id = s->rec.job_id;
	return 0;
}

/* Nobody reads through it any more: true, or later. Everything is settled. */
static bool end_turn(struct drp_sync *s, long wait)
{
	bool drained;

	drp_gate_prepare(&s->source->gate);
	drp_gate_close(&s->source->gate);
	drained = drp_gate_wait_drained(&s->source->gate, wait);
	if (drained) {
		s->source->inbound = NULL;
		drp_preserve_set_before(s->source, false, 0);
	}
	drp_gate_open(&s->source->gate);
	return drained;
}

bool drp_op_turn_drains(struct drp_element *e, long wait)
{
	bool drained;

	drp_gate_prepare(&e->gate);
	drp_gate_close(&e->gate);
	drained = drp_gate_wait_drained(&e->gate, wait);
	drp_gate_open(&e->gate);
	return drained;
}

/* A short time at first, because hosts wait; I/O of slow disks needs more. */
long drp_op_turn_end_wait(unsigned int *ms)
{
	*ms = clamp_t(unsigned int, *ms * 2, DRP_TURN_END_WAIT_MS, DRP_DEADLINE_MS);
	return msecs_to_jiffies(*ms);
}

/* ---- what I/O that hangs keeps from being done ---- */

void drp_op_turn_try_again_soon(struct drp_sync *s)
{
	drp_op_reap_within(s->pool, drp_op_turn_end_wait(&s->turn->end_ms));
}

void drp_op_turn_try_again(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->syncs, id, s) {
		if (s->removed || !s->turn)
			continue;
		if (s->turn->given_up)
			drp_op_clone_forget(s);
		else if (READ_ONCE(s->turn->lost))
			drp_op_turn_take_back(s);
	}
}

void drp_op_turn_take_back(struct drp_sync *s)
{
	bool running = s->copier && drp_copy_running(s->copier);
	struct drp_turn *t = s->turn;
	bool drained;

	drp_gate_prepare(&t->here->gate);
	drp_gate_close(&t->here->gate);
	drained = drp_gate_wait_drained(&t->here->gate, HZ / 2);
	if (drained) {
		/* What it has copied and not cleared it copies again; nothing of it is in flight. */
		if (s->copier)
			drp_copy_stop(s->copier);
		drp_turn_unresolve(t);
	}
	drp_gate_open(&t->here->gate);
	if (!drained) {
		drp_op_turn_try_again_soon(s);
		return;
	}
	drp_element_drop_cache(t->here);
	/* One that ended with an error meanwhile: who called us sees to that. */
	if (running && !s->finish_error)
		drp_copy_start(s->copier, s->rec.job_id);
}

/* Nobody knows which side has which region: the target's, everywhere. */
static int forget_turn(struct drp_op *op, struct drp_sync *s)
{
	if (!s->turn)
		return 0;
	if (!end_turn(s, drp_op_deadline(op)))
		return drp_cut_timed_out(op, "I/O in flight");
	drp_op_turn_drop(s);
	return 0;
}

static bool goes_on(const struct drp_sync *s)
{
	return s->rec.reverse && s->rec.copy_state != DRP_CS_INVALID;
}

int drp_op_check_turn(struct drp_op *op, struct drp_sync *s)
{
	int r = check_devices(op, s);

	if (!r && s->rec.reverse && (op->req.operation == DRP_OP_RESUME || goes_on(s)) &&
	    (s->rec.copy_state == DRP_CS_INVALID || !is_turned(s)))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "which regions are restored is not known");
	return r || goes_on(s) ? r : check_begin(op, s);
}

int drp_op_turn(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	int r = drp_op_check_turn(op, s);

	if (r)
		return r;
	if (goes_on(s))
		return go_on(op, s, t);
	if (drp_snapshot_is_nested(s))
		return drp_snapshot_nested_begin(op, s, t);
	if (s->rec.copy_state == DRP_CS_INVALID)
		r = forget_turn(op, s);
	return r ?: begin(op, s, t);
}

/* ---- the end ---- */

void drp_op_turn_restored(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	/* From here on a write must find that its mark is not durable. */
	WRITE_ONCE(s->source_noted, false);
	drp_sync_set_flow(s, DRP_FLOW_TRACK);
	rec.copy_state = DRP_CS_RESTORED;
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = DRP_PS_COMPLETED;
	rec.reverse = false;
	/* A read may have left marks, too: source_changed was noted by the first write. */
	rec.in_sync = drp_plane_empty(s->d);
	/* To a snapshot the next change would not be told: see drp_snapshot_tell_changes(). */
	rec.source_changed = drp_sync_is_snapshot(s) || (rec.source_changed && !rec.in_sync);
	rec.target_changed = false;
	rec.job_id = 0;
	if (drp_sync_commit(s, &rec, NULL, 0, false)) {
		drp_job_unrecorded(s->pool, s->finish_job);
		return;
	}
	drp_sync_refresh(s);
	drp_job_end(s->pool, s->finish_job, DRP_JOB_COMPLETED, 0, NULL);
}

/* The source has all that the target had: now the target gets what hosts wrote meanwhile. */
static void failed_back(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	rec.reverse = false;
	rec.progress_status = DRP_PS_FAILING_BACK;
	if (!drp_op_start_copy(s, &rec, rec.job_id, NULL, 0))
		return;
	pr_warn("dm-replica: sync %s: the end of its failback cannot be recorded\n", rec.name);
	drp_job_unrecorded(s->pool, s->rec.job_id);
}

void drp_op_turn_finished(struct drp_sync *s)
{
	bool failback = s->rec.requested_copy_state == DRP_CS_SYNCHRONIZED;
	struct drp_turn *t = s->turn;
	int r;

	if (drp_snapshot_is_nested(s)) {
		drp_snapshot_nested_finished(s);
		return;
	}
	s->finish_job = s->rec.job_id;
	r = drp_turn_settle(t);
	if (!r && !drp_plane_empty(t->c)) {
		drp_copy_start(s->copier, s->rec.job_id);
		return;
	}
	if (r == -EAGAIN || r == -ENOMEM || (!r && !end_turn(s, drp_op_turn_end_wait(&t->end_ms)))) {
		/* A device is suspended or hangs, or memory is short: the copier finds nothing to do and comes again. */
		drp_copy_start_in(s->copier, s->rec.job_id, DRP_TURN_END_RETRY_MS);
		return;
	}
	if (r) {
		drp_fault_break(s, "the source cannot be flushed, or the metadata not written");
		return;
	}
	if (failback)
		failed_back(s);
	else
		drp_op_turn_restored(s);
	/* Else it could not be recorded: the pool is read-only. */
	if (s->rec.reverse)
		return;
	set_turn(s, NULL);
	drp_turn_free(t);
}
