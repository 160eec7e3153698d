// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clones: a point in time of the source, shown by the target at once and copied
 * in the background. See turn.h for who reads what where, clone.c for the
 * writes of the source. Contract rules 2, 5 and 10.
 *
 * The point in time is a cut: both gates closed and drained, the source flushed,
 * the C plane on the device, CUT; the source's gate opens, CONFIRM, the
 * target's. While the record says "partial", the C plane holds; it is given up by
 * committing a record that does not say so.
 */
#include "checkpoint.h"
#include "io.h"
#include "job.h"
#include "leg.h"
#include "op_cut.h"
#include "op_turn.h"
#include "preserve.h"
#include "snapshot.h"
#include "turn.h"

/* ---- who depends on whom ---- */

struct drp_sync *drp_op_clone_of(struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&e->pool->syncs, id, s)
		if (!s->removed && s->source == e && s->rec.partial)
			return s;
	return NULL;
}

int drp_op_refuse_cloned(struct drp_op *op, struct drp_element *e)
{
	struct drp_sync *s = drp_op_clone_of(e);

	if (!s)
		return 0;
	return drp_op_refuse(op, DRP_RV_INVALID_STATE,
			     "%s is the source of clone %s, which is not copied yet: wait for that",
			     e->rec.name, s->rec.name);
}

/* ---- checks ---- */

int drp_op_clone_check(struct drp_op *op, struct drp_element *source, struct drp_element *target)
{
	const struct drp_element *snapshot = drp_snapshot_child(target);
	const struct drp_sync *up = source->plan->up;

	if (drp_element_virtual(source) || drp_element_virtual(target))
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED,
				     "a snapshot cannot be source or target of a clone: clone its source");
	if (!source->live || !target->live)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is not attached: activate it first",
				     (source->live ? target : source)->rec.name);
	/* Hosts of the target read the source's disk for what is not copied yet. */
	if (bdev_logical_block_size(target->bdev) < bdev_logical_block_size(source->bdev))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "target %s of a clone has smaller logical blocks (%u) than source %s (%u)",
				     target->rec.name, bdev_logical_block_size(target->bdev),
				     source->rec.name, bdev_logical_block_size(source->bdev));
	/* Dissolved or not: a write of the source would have to wait for what it needs. */
	if (snapshot)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s is a snapshot of %s, which no clone can be copied to then: return it to the pool first, or delete it if it was dissolved",
				     snapshot->rec.name, target->rec.name);
	if (source->inbound)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s is not copied completely itself: wait for that",
				     source->rec.name);
	if (up && !up->removed &&
	    (up->rec.reverse || drp_state_access(up->rec.sync_type, up->rec.copy_state,
						 false).target != DRP_ACCESS_WRITE))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s is the target of sync %s: fracture or split that first",
				     source->rec.name, up->rec.name);
	return drp_op_refuse_cloned(op, target);
}

int drp_op_check_clone(struct drp_op *op, struct drp_sync *s)
{
	const u64 sectors = s->source->rec.size_sectors;
	int r;

	r = drp_op_clone_check(op, s->source, s->target);
	if (r)
		return r;
	if (s->target->inbound && s->target->inbound != s->turn)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is being restored: wait for that",
				     s->target->rec.name);
	if (!s->turn && !drp_catalog_has_room(op->pool, drp_catalog_plane_bytes(op->pool, sectors)))
		return drp_op_refuse(op, DRP_RV_NO_SPACE,
				     "the metadata device has no room for another bitmap of this size");
	return 0;
}

/* ---- the end of a turn ---- */

/*
 * No I/O looks at it any more: true; false: I/O hangs. The target first: it is what
 * hangs, and the source's hosts need not wait for that.
 */
static bool unhook(struct drp_sync *s, long wait)
{
	if (s->target->inbound != s->turn)
		return true;
	if (!drp_op_turn_drains(s->target, wait) || drp_gates_close(s->source, s->target, wait))
		return false;
	s->target->inbound = NULL;
	WRITE_ONCE(s->flow, s->removed ? DRP_FLOW_NONE : DRP_FLOW_TRACK);
	drp_gates_open(s->source, s->target);
	return true;
}

bool drp_op_clone_forget(struct drp_sync *s)
{
	if (!s->turn || s->rec.reverse)
		return true;
	/* Writes of the source need not wait for the target any more. */
	WRITE_ONCE(s->turn->given_up, true);
	drp_sync_refresh(s);
	if (!unhook(s, HZ / 2)) {
		drp_op_turn_try_again_soon(s);
		return false;
	}
	drp_op_turn_drop(s);
	return true;
}

static void no_longer_partial(struct drp_sync_rec *rec)
{
	rec->partial = false;
	rec->target_consistent = false;
	rec->in_sync = false;
}

/* What can fail fails as long as nothing has changed. 0, *@cut must be ended, or a refusal. */
static int get_ready(struct drp_op *op, struct drp_sync *s, struct drp_op_cut **cut)
{
	/* Once before the gates close, so that the flush inside is short. */
	if (drp_leg_flush(s->source, DRP_FLUSH_TIMEOUT))
		return drp_op_refuse(op, DRP_RV_FAILED, "source %s cannot be flushed",
				     s->source->rec.name);
	if (drp_op_make_copier(s))
		return drp_op_refuse(op, DRP_RV_FAILED, "no memory for the copy");
	/* I/O that hangs would keep the old point in time, and then the cut, from its end. */
	if (s->rec.partial) {
		const unsigned long end = jiffies + drp_op_deadline(op);

		if (!drp_op_turn_drains(s->target, drp_op_deadline(op)) ||
		    drp_gates_close(s->source, s->target, max_t(long, end - jiffies, 1)))
			return drp_cut_timed_out(op, "I/O in flight");
		drp_gates_open(s->source, s->target);
	}
	*cut = drp_cut_alloc(op, 0);
	return *cut ? 0 : drp_op_refuse(op, DRP_RV_FAILED, "no memory for the cut");
}

/* A point in time that was kept for a recovery goes before the next is taken. */
static int forget_old(struct drp_op *op, struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	if (s->copier)
		drp_copy_stop(s->copier);
	no_longer_partial(&rec);
	/* If it ends before there is a new one: there is nothing to recover any more. */
	rec.progress_status = DRP_PS_REQUIRES_RESYNC;
	strscpy(rec.error_text, "the last point in time is gone, no new one was taken",
		sizeof(rec.error_text));
	if (s->rec.partial && drp_sync_commit(s, &rec, NULL, 0, false))
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	if (!drp_op_clone_forget(s))
		return drp_cut_timed_out(op, "I/O in flight");
	/* Who wanted that, and waits, runs again anyway. */
	clear_bit(DRP_NOTE_GIVE_UP, &s->faults);
	return 0;
}

/* ---- the cut ---- */

/* From the moment that it returns 0 the target shows what the source has; its gate is still closed. */
static int cut(struct drp_op *op, struct drp_sync *s, struct drp_op_cut *cut)
{
	const unsigned long end = jiffies + drp_op_deadline(op);
	int r;

	if (drp_gates_close(s->source, s->target, max_t(long, end - jiffies, 1)))
		return drp_cut_timed_out(op, "I/O in flight");
	drp_op_turn_disarm(s);
	drp_op_turn_mark_others(s);
	/* What is read there later must not change with a loss of power. */
	r = drp_leg_flush_inside(s->source, end - jiffies);
	if (r && r != -ETIMEDOUT)
		r = -EIO;
	r = r ?: drp_checkpoint_within(op->pool, end - jiffies);
	if (r == -ETIMEDOUT)
		r = drp_cut_timed_out(op, "the flush of the source or the checkpoint");
	else if (r)
		r = drp_op_refuse(op, DRP_RV_FAILED,
				  "the source cannot be flushed, or the metadata not be written");
	else
		r = drp_cut_commit(cut, s, end, NULL, 0);
	if (!r) {
		s->target->inbound = s->turn;
		WRITE_ONCE(s->flow, DRP_FLOW_CLONE);
		/* Changes count from here. */
		WRITE_ONCE(s->source_noted, false);
		WRITE_ONCE(s->target_noted, false);
	}
	drp_gate_open(&s->source->gate);
	drp_gates_note_stall(op->pool);
	if (r)
		drp_gate_open(&s->target->gate);
	return r;
}

static void fill(struct drp_op *op, const struct drp_transition *t, u64 job_id,
		 struct drp_sync_rec *rec)
{
	drp_op_merge_settings(op, rec);
	rec->copy_state = DRP_CS_UNSYNCHRONIZED;
	rec->requested_copy_state = DRP_CS_SYNCHRONIZED;
	rec->progress_status = t->progress_during;
	rec->partial = true;
	rec->target_consistent = false;
	rec->in_sync = false;
	rec->source_changed = false;
	rec->target_changed = false;
	rec->job_id = job_id;
	rec->when_activated = drp_now();
	rec->when_synced = rec->when_activated;
	rec->error_text[0] = '\0';
}

static int confirm(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t,
		   struct drp_op_cut *c)
{
	u64 job_id = drp_op_take_job(op, s);
	struct drp_sync_rec rec = s->rec;
	int r;

	fill(op, t, job_id, &rec);
	r = drp_sync_confirm(s, &rec, drp_cut_id(c), NULL, 0);
	drp_turn_confirm(s->turn, !r);
	drp_sync_refresh(s);
	drp_gate_open(&s->target->gate);
	if (r)
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	drp_element_drop_cache(s->target);
	drp_op_turn_restart_others(s, s->target);
	drp_job_set_state(s->pool, job_id, DRP_JOB_RUNNING);
	drp_copy_start(s->copier, job_id);
	op->res.return_value = DRP_RV_JOB_STARTED;
	op->res.job_id = job_id;
	return 0;
}

/* Nothing of it was: I/O stays as it is. */
static int undo(struct drp_sync *s, int error)
{
	if (s->turn && s->target->inbound != s->turn)
		drp_op_turn_drop(s);
	drp_sync_refresh(s);
	drp_op_turn_restart_others(s, s->target);
	return error;
}

static int take_new(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t,
		    struct drp_op_cut *c)
{
	int r = forget_old(op, s);

	if (r)
		return r;
	/* No copy may clear what is marked from now on. */
	drp_op_turn_stop_copies(s->target);
	r = drp_op_turn_prepare(op, s, s->target);
	if (!r && drp_op_turn_tell_others(s, s->target))
		r = drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	r = r ?: cut(op, s, c);
	return r ?: confirm(op, s, t, c);
}

int drp_op_clone_begin(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	const bool partial = s->rec.partial;
	struct drp_op_cut *c;
	int r = drp_op_check_clone(op, s) ?: get_ready(op, s, &c);

	if (r)
		return r;
	r = take_new(op, s, t, c);
	drp_cut_end(c, !r);
	if (!r)
		return 0;
	if (partial && !s->rec.partial)
		drp_op_refuse(op, op->res.return_value,
			      "no new point in time could be taken, and the last one is gone: Resync Replica again");
	return undo(s, op->error);
}

/* ---- going on ---- */

int drp_op_clone_continue(struct drp_sync *s, u64 job_id)
{
	struct drp_sync_rec rec = s->rec;
	int r = drp_op_make_copier(s);

	if (r || !s->turn || !rec.partial)
		return r ?: -EIO;
	drp_copy_stop(s->copier);
	drp_job_ensure_ids(s->pool);
	if (!job_id && rec.job_id && !xa_load(&s->pool->jobs, rec.job_id) &&
	    !drp_job_resume(s->pool, rec.job_id, rec.id, rec.name, DRP_OP_RESYNC_REPLICA))
		job_id = rec.job_id;
	if (!job_id)
		job_id = drp_job_start(s->pool, rec.id, rec.name, DRP_OP_RESYNC_REPLICA);
	rec.copy_state = DRP_CS_UNSYNCHRONIZED;
	rec.requested_copy_state = DRP_CS_SYNCHRONIZED;
	rec.progress_status = rec.initial_copy ? DRP_PS_SYNCHRONIZING : DRP_PS_RESYNCING;
	rec.job_id = job_id;
	rec.error_text[0] = '\0';
	r = drp_sync_commit(s, &rec, NULL, 0, false);
	if (r)
		return r;
	drp_sync_refresh(s);
	drp_job_set_state(s->pool, job_id, DRP_JOB_RUNNING);
	drp_copy_start(s->copier, job_id);
	return 0;
}

int drp_op_clone_resume(struct drp_op *op, struct drp_sync *s)
{
	int r;

	if (!s->source->live || !s->target->live)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is not attached: activate it first",
				     (s->source->live ? s->target : s->source)->rec.name);
	r = drp_op_apply_settings(op, s) ?: drp_op_clone_continue(s, drp_op_job_for(op, s));
	if (r)
		return drp_op_refuse(op, DRP_RV_FAILED, r == -ENOMEM ? "no memory for the copy" :
				     "the metadata cannot be written");
	op->res.return_value = DRP_RV_JOB_STARTED;
	op->res.job_id = s->rec.job_id;
	return 0;
}

void drp_op_clone_legs_complete(struct drp_sync *s)
{
	if (s->turn) {
		WRITE_ONCE(s->turn->origin_lost, false);
		WRITE_ONCE(s->turn->here_lost, false);
		if (s->turn->given_up)
			drp_op_clone_forget(s);
	}
	drp_sync_refresh(s);
	if (s->rec.partial && s->rec.copy_state == DRP_CS_UNSYNCHRONIZED &&
	    !(s->copier && drp_copy_running(s->copier)))
		drp_op_copy_later(s, drp_op_clone_continue(s, 0));
	if (s->rec.partial && s->rec.copy_state == DRP_CS_BROKEN)
		mod_delayed_work(s->pool->copy_wq, &s->recover_work, HZ);
	drp_sync_report(s);
}

/* ---- the end ---- */

static void finished(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	rec.copy_state = rec.target_changed ? DRP_CS_SKEWED : DRP_CS_SYNCHRONIZED;
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = DRP_PS_COMPLETED;
	rec.partial = false;
	rec.target_consistent = true;
	rec.in_sync = drp_plane_empty(s->d);
	rec.initial_copy = false;
	rec.job_id = 0;
	rec.when_synchronized = drp_now();
	if (drp_sync_commit(s, &rec, NULL, 0, false)) {
		drp_job_unrecorded(s->pool, s->finish_job);
		return;
	}
	s->recover_delay = 0;
	drp_sync_refresh(s);
	drp_job_end(s->pool, s->finish_job, DRP_JOB_COMPLETED, 0, NULL);
}

void drp_op_clone_finished(struct drp_sync *s)
{
	struct drp_turn *t = s->turn;
	int r;

	s->finish_job = s->rec.job_id;
	/* With the journal: the source is overwritten as soon as nobody looks any more. */
	r = drp_turn_settle(t);
	if (!r && !drp_plane_empty(t->c)) {
		drp_copy_start(s->copier, s->rec.job_id);
		return;
	}
	if (r == -EAGAIN || r == -ENOMEM || (!r && !unhook(s, drp_op_turn_end_wait(&t->end_ms)))) {
		/* A device is suspended or hangs, or memory is short: the copier finds nothing to do and comes again. */
		drp_copy_start_in(s->copier, s->rec.job_id, DRP_TURN_END_RETRY_MS);
		return;
	}
	if (r) {
		drp_op_clone_break(s, "the target cannot be flushed, or the metadata not written");
		return;
	}
	finished(s);
	/* Else it could not be recorded: the pool is read-only. */
	if (!s->rec.partial)
		drp_op_turn_drop(s);
}

/* ---- faults ---- */

static int commit_broken(struct drp_sync *s, struct drp_sync_rec *rec, const char *why)
{
	u64 job_id = rec->job_id;
	int r;

	rec->job_id = 0;
	rec->copy_state = DRP_CS_BROKEN;
	rec->progress_status = rec->partial ? DRP_PS_NOT_APPLICABLE : DRP_PS_REQUIRES_RESYNC;
	strscpy(rec->error_text, why, sizeof(rec->error_text));
	r = drp_sync_commit(s, rec, NULL, 0, false);
	if (r)
		return r;
	pr_warn("dm-replica: sync %s is Broken: %s\n", rec->name, why);
	/* First: a turn that the record does not know lets nobody write. */
	if (!rec->partial)
		drp_op_clone_forget(s);
	drp_sync_refresh(s);
	if (job_id)
		drp_job_end(s->pool, job_id, DRP_JOB_EXCEPTION, DRP_RV_FAILED, why);
	return 0;
}

int drp_op_clone_break(struct drp_sync *s, const char *why)
{
	struct drp_sync_rec rec = s->rec;
	int r;

	if (rec.copy_state == DRP_CS_BROKEN)
		return 0;
	if (s->copier)
		drp_copy_stop(s->copier);
	rec.in_sync = false;
	r = commit_broken(s, &rec, why);
	if (!r)
		drp_fault_recover(s);
	return r;
}

int drp_op_clone_give_up(struct drp_sync *s, const char *why)
{
	struct drp_sync_rec rec = s->rec;

	if (!rec.partial)
		return 0;
	if (s->copier)
		drp_copy_stop(s->copier);
	no_longer_partial(&rec);
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	return commit_broken(s, &rec, why);
}

void drp_op_clone_leg_lost(struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&e->pool->syncs, id, s) {
		char why[96];

		if (s->removed || !s->turn || !s->rec.partial)
			continue;
		if (s->source == e)
			WRITE_ONCE(s->turn->origin_lost, true);
		if (s->target != e)
			continue;
		/* Somebody waits to write the source. */
		WRITE_ONCE(s->turn->here_lost, true);
		snprintf(why, sizeof(why), "the source was written while target %.32s was away",
			 e->rec.name);
		if (!s->rec.failed_copy_stops_host_io)
			drp_op_clone_give_up(s, why);
	}
}
