// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies begin and end: initial copy, resync, recovery after a fault, an absent
 * leg or a crash.
 */
#include "checkpoint.h"
#include "io.h"
#include "job.h"
#include "leg.h"
#include "op_modify.h"
#include "op_snapshot.h"
#include "op_turn.h"
#include "snapshot.h"
#include "turn.h"

static void copy_done(struct drp_sync *s, int error, bool target_failed)
{
	s->finish_error = error;
	s->finish_target = target_failed;
	/* Not from here: the end of a copy stops the copier's own work. */
	queue_work(s->pool->op_wq, &s->finish_work);
}

int drp_op_make_copier(struct drp_sync *s)
{
	if (!s->copier)
		WRITE_ONCE(s->copier, drp_copier_alloc(s, copy_done));
	return s->copier ? 0 : -ENOMEM;
}

static void run_copy(struct drp_sync *s)
{
	struct drp_pool *pool = s->pool;

	/* Writers that only marked must be through before we believe the marks. */
	drp_sync_set_flow(s, DRP_FLOW_MIRROR);
	if (s->rec.target_consistent && !drp_plane_empty(s->d)) {
		struct drp_sync_rec rec = s->rec;

		rec.target_consistent = false;
		if (drp_sync_commit(s, &rec, NULL, 0, false)) {
			/* Read-only: nothing is copied any more. */
			drp_job_unrecorded(pool, rec.job_id);
			return;
		}
	}
	drp_sync_refresh(s);
	drp_job_set_state(pool, s->rec.job_id, DRP_JOB_RUNNING);
	drp_copy_start(s->copier, s->rec.job_id);
}

int drp_op_start_copy(struct drp_sync *s, struct drp_sync_rec *rec, u64 job_id,
		      const void *extra, u32 extra_len)
{
	int r = drp_op_make_copier(s);

	if (r)
		return r;
	drp_copy_stop(s->copier);
	if (!job_id)
		job_id = drp_job_start(s->pool, rec->id, rec->name, DRP_OP_RESYNC_REPLICA);
	rec->copy_state = DRP_CS_UNSYNCHRONIZED;
	rec->requested_copy_state = DRP_CS_SYNCHRONIZED;
	rec->job_id = job_id;
	rec->partitioned = false;
	rec->in_sync = false;
	rec->target_consistent = rec->target_consistent && drp_plane_empty(s->d);
	rec->when_activated = drp_now();
	rec->error_text[0] = '\0';
	r = drp_sync_commit(s, rec, extra, extra_len, false);
	if (!r)
		run_copy(s);
	return r;
}

void drp_op_copy_later(struct drp_sync *s, int error)
{
	if (error && error != -ENOMEM)
		DMWARN("sync %s: copy cannot start (error %d)", s->rec.name, error);
	if (error != -ENOMEM || s->pool->stopping)
		return;
	s->copy_due = true;
	drp_sync_set_wait(s, DRP_WAIT_MEMORY);
	drp_op_reap_within(s->pool, HZ);
}

/* Those that had no memory for it. */
static void start_due(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;

	if (pool->suspended || pool->stopping || !drp_pool_writable(pool))
		return;
	xa_for_each(&pool->syncs, id, s) {
		if (!s->copy_due || s->removed)
			continue;
		s->copy_due = false;
		/* Otherwise that begins when they are attached. */
		if (drp_sync_has_legs(s))
			drp_op_legs_complete(s);
		if (!s->copy_due)
			drp_sync_set_wait(s, DRP_WAIT_NONE);
	}
}

void drp_op_restart_copy(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	rec.progress_status = rec.initial_copy ? DRP_PS_SYNCHRONIZING : DRP_PS_RESYNCING;
	drp_job_ensure_ids(s->pool);	/* without one the copy has no job, and goes on */
	drp_op_copy_later(s, drp_op_start_copy(s, &rec, 0, NULL, 0));
}

/* Does the request stop the copy of @x, beside that of @s? See drp_op_turn_stop_copies(). */
static bool stops_too(const struct drp_op *op, const struct drp_sync *s, const struct drp_sync *x)
{
	switch (op->req.operation) {
	case DRP_OP_RESTORE_FROM_REPLICA:
	case DRP_OP_FAILBACK:
		return x->source == s->source;
	case DRP_OP_ACTIVATE:
	case DRP_OP_RESYNC_REPLICA:
		return s->rec.sync_type == DRP_SYNC_CLONE && x->source == s->target;
	default:
		return false;
	}
}

int drp_op_copies_end(struct drp_op *op, struct drp_sync *s)
{
	/* Of a disk that is slow, and not of a cut, which has not begun. */
	const long wait = max_t(long, drp_op_deadline(op), msecs_to_jiffies(DRP_DEADLINE_MS));
	struct drp_sync *x;
	unsigned long id;

	if (op->frozen)
		return 0;
	xa_for_each(&op->pool->syncs, id, x) {
		if ((x != s && !stops_too(op, s, x)) || !x->copier || !drp_copy_running(x->copier) ||
		    drp_copy_drains(x->copier, wait))
			continue;
		return drp_op_refuse(op, DRP_RV_TIMEOUT,
				     "I/O of the copy of %s does not end: the device of %s or %s, or one behind them, hangs; nothing was changed, try again when it answers or fails",
				     x->rec.name, x->source->rec.name, x->target->rec.name);
	}
	return 0;
}

void drp_op_pause_copy(struct drp_sync *s)
{
	if (!s->copier)
		return;
	drp_copy_stop(s->copier);
	drp_job_set_state(s->pool, s->rec.job_id, DRP_JOB_SUSPENDED);
}

/* The copy that a restart interrupted, with its old job. */
static void continue_copy(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;
	int r = drp_op_make_copier(s);

	if (r) {
		drp_op_copy_later(s, r);
		return;
	}
	if (drp_copy_running(s->copier))
		return;
	if (rec.job_id && !xa_load(&s->pool->jobs, rec.job_id) &&
	    drp_job_resume(s->pool, rec.job_id, rec.id, rec.name, DRP_OP_RESYNC_REPLICA))
		DMWARN("sync %s: no memory for its job", rec.name);
	run_copy(s);
}

static void require_resume(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	rec.copy_state = DRP_CS_SUSPENDED;
	rec.progress_status = DRP_PS_REQUIRES_RESUME;
	rec.partitioned = false;
	if (!drp_sync_commit(s, &rec, NULL, 0, false))
		drp_sync_refresh(s);
}

/* Synchronized before: still so if nothing was marked, by anybody who marks. */
static void mirror_again(struct drp_sync *s)
{
	drp_sync_set_flow(s, DRP_FLOW_MIRROR);
	if (drp_plane_empty(s->d))
		drp_sync_refresh(s);
	else
		drp_op_restart_copy(s);
}

static void turn_legs_complete(struct drp_sync *s)
{
	if (s->turn)
		WRITE_ONCE(s->turn->origin_lost, false);
	if (s->rec.copy_state != DRP_CS_UNSYNCHRONIZED)
		drp_sync_refresh(s);
	else if (s->rec.recovery_mode == DRP_RECOVERY_MANUAL && s->rec.partitioned)
		require_resume(s);
	else if (!s->copier || !drp_copy_running(s->copier))
		drp_op_copy_later(s, drp_op_turn_continue(s, 0, 0));
	if (s->rec.copy_state == DRP_CS_BROKEN)
		mod_delayed_work(s->pool->copy_wq, &s->recover_work, HZ);
	drp_sync_report(s);
}

void drp_op_legs_complete(struct drp_sync *s)
{
	bool mirrors = drp_state_mirrors(s->rec.sync_type, s->rec.copy_state);

	if (s->rec.sync_type == DRP_SYNC_CLONE && !s->rec.reverse) {
		drp_op_clone_legs_complete(s);
		return;
	}
	if (s->rec.reverse) {
		turn_legs_complete(s);
		return;
	}
	if (drp_sync_is_snapshot(s)) {
		drp_sync_refresh(s);
		return;
	}
	if (s->rec.partitioned && mirrors) {
		if (s->rec.recovery_mode == DRP_RECOVERY_MANUAL)
			require_resume(s);
		else
			drp_op_restart_copy(s);
		return;
	}
	if (s->rec.copy_state == DRP_CS_UNSYNCHRONIZED)
		continue_copy(s);
	else if (mirrors)
		mirror_again(s);
	else
		drp_sync_refresh(s);
	if (s->rec.copy_state == DRP_CS_BROKEN)
		mod_delayed_work(s->pool->copy_wq, &s->recover_work, HZ);
	drp_sync_report(s);
}

int drp_op_invalidate(struct drp_sync *s, const char *why)
{
	struct drp_sync_rec rec = s->rec;
	u8 record[64];
	int len;

	if (s->copier)
		drp_copy_stop(s->copier);
	if (rec.reverse && drp_snapshot_lose_in_turn(s->source, why))
		return -EIO;
	drp_plane_set_all(s->d, true);
	rec.copy_state = DRP_CS_INVALID;
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = DRP_PS_UNKNOWN;
	rec.in_sync = false;
	rec.target_consistent = false;
	rec.partitioned = false;
	rec.partial = false;
	strscpy(rec.error_text, why, sizeof(rec.error_text));
	len = drp_encode_plane_all(rec.id, DRP_PLANE_D, true, record, sizeof(record));
	if (drp_sync_commit(s, &rec, record, max(len, 0), false)) {
		DMWARN("sync %s: cannot be made Invalid: metadata cannot be written", rec.name);
		drp_job_unrecorded(s->pool, rec.job_id);
		drp_sync_set_flow(s, DRP_FLOW_TRACK);
		return -EIO;
	}
	if (rec.job_id)
		drp_job_end(s->pool, rec.job_id, DRP_JOB_EXCEPTION, DRP_RV_FAILED, why);
	if (rec.sync_type == DRP_SYNC_CLONE)
		drp_op_clone_forget(s);
	drp_sync_refresh(s);
	WRITE_ONCE(s->unflushed, false);	/* all is marked */
	return 0;
}

/* ---- the end of a copy ---- */

/*
 * The copy was one to all that follow the target, too, but only its own legs were
 * flushed: what hosts flushed meanwhile must be durable behind mirrors that are
 * all Synchronized. The plan cannot change: op_lock.
 */
static void flush_followers(struct drp_sync *s)
{
	const struct drp_plan *plan = s->target->plan;
	unsigned int i;
	int r;

	for (i = 0; i < plan->nr_hops; i++) {
		const struct drp_hop *hop = &plan->hop[i];

		if (READ_ONCE(hop->sync->flow) != DRP_FLOW_MIRROR)
			continue;
		r = drp_leg_flush(hop->target, DRP_FLUSH_TIMEOUT);
		if (r && r != -EAGAIN)
			drp_fault_flush(hop->sync, DRP_FAULT_TARGET, r);
	}
}

static void became_synchronized(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;
	int r;

	rec.copy_state = DRP_CS_SYNCHRONIZED;
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = DRP_PS_COMPLETED;
	rec.target_consistent = true;
	rec.in_sync = true;
	rec.source_changed = false;
	rec.target_changed = false;
	rec.initial_copy = false;
	rec.job_id = 0;
	rec.when_synchronized = drp_now();
	rec.when_synced = rec.when_synchronized;
	r = drp_sync_commit(s, &rec, NULL, 0, true);
	if (r == -EAGAIN) {
		/* Marked again by a fault meanwhile: another round. */
		drp_copy_start(s->copier, s->rec.job_id);
		return;
	}
	if (r)
		drp_job_unrecorded(s->pool, s->rec.job_id);
	else
		drp_sync_refresh(s);
}

void drp_op_finish_work(struct work_struct *work)
{
	struct drp_sync *s = container_of(work, struct drp_sync, finish_work);
	unsigned int flags = drp_op_begin(s->pool);
	u64 job_id = s->rec.job_id;
	char why[64];

	if (!s->removed && !s->pool->stopping && s->turn && READ_ONCE(s->turn->lost))
		drp_op_turn_take_back(s);
	/* Without a copier it was queued for a turn that has lost something. */
	if (s->removed || s->rec.copy_state != DRP_CS_UNSYNCHRONIZED || s->pool->stopping ||
	    !s->copier || drp_copy_running(s->copier))
		goto out;
	if (s->finish_error) {
		const char *what = s->finish_target ? "write" : "read";

		snprintf(why, sizeof(why), "%s %s error %d while copying",
			 s->finish_target == s->rec.reverse ? "source" : "target", what,
			 s->finish_error);
		if (s->finish_error == -ENOSPC && drp_snapshot_nested_turned(s))
			strscpy(why, "COW space has no room for what is copied", sizeof(why));
		drp_fault_break(s, why);
		goto out;
	}
	if (s->rec.reverse) {
		drp_op_turn_finished(s);
		goto out;
	}
	if (s->rec.partial) {
		drp_op_clone_finished(s);
		goto out;
	}
	flush_followers(s);
	became_synchronized(s);
	if (s->rec.copy_state == DRP_CS_SYNCHRONIZED) {
		s->recover_delay = 0;
		drp_element_drop_cache(s->target);
		drp_job_end(s->pool, job_id, DRP_JOB_COMPLETED, 0, NULL);
	}
out:
	drp_op_end(s->pool, flags);
}

/* ---- a leg that stays away ---- */

static void partition(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	if (s->copier)
		drp_op_pause_copy(s);
	/* What the leg had in its cache may be lost with it. */
	drp_extents_to_d(s, true);
	rec.partitioned = true;
	rec.in_sync = false;
	rec.source_changed = true;
	drp_sync_source_changed_now(s);
	snprintf(rec.error_text, sizeof(rec.error_text), "target %s is not attached",
		 s->target->rec.name);
	if (drp_sync_commit(s, &rec, NULL, 0, false)) {
		/* Nobody may write what the journal cannot tell about. */
		drp_sync_set_flow(s, DRP_FLOW_STOP);
		return;
	}
	drp_sync_refresh(s);
	WRITE_ONCE(s->unflushed, false);	/* it is marked */
	drp_sync_report(s);
}

void drp_leg_deadline_work(struct work_struct *work)
{
	struct drp_element *e = container_of(to_delayed_work(work), struct drp_element,
					     leg_deadline);
	struct drp_sync *s = NULL;
	unsigned int flags = drp_op_begin(e->pool);

	/* With its pool it is not lost, however long that takes. */
	if (e->held) {
		WRITE_ONCE(e->leg_wanted, false);
	} else if (!e->live && READ_ONCE(e->leg_wanted)) {
		WRITE_ONCE(e->leg_wanted, false);
		s = e->plan->up;
		if (s && s->turn && s->turn->origin == e)
			WRITE_ONCE(s->turn->origin_lost, true);
		drp_op_clone_leg_lost(e);
		if (s && !s->removed && !s->rec.partitioned && s->flow == DRP_FLOW_MIRROR)
			partition(s);
		drp_gate_rerun(&e->gate);
	}
	drp_op_end(e->pool, flags);
}

void drp_op_reap_within(struct drp_pool *pool, unsigned long delay)
{
	unsigned long at = jiffies + delay;

	if (pool->stopping ||
	    (delayed_work_pending(&pool->reap_work) && !time_before(at, pool->reap_at)))
		return;
	pool->reap_at = at;
	mod_delayed_work(pool->op_wq, &pool->reap_work, delay);
}

void drp_op_reap_work(struct work_struct *work)
{
	struct drp_pool *pool = container_of(to_delayed_work(work), struct drp_pool, reap_work);
	unsigned int flags = drp_op_begin(pool);

	drp_job_reap(pool, false);
	drp_op_turn_try_again(pool);
	start_due(pool);
	drp_op_collect_removed(pool, msecs_to_jiffies(100));
	drp_snapshot_settle_all(pool, msecs_to_jiffies(100));
	drp_snapshot_watch_kick(pool);
	drp_op_reap_within(pool, 30 * HZ);
	drp_op_end(pool, flags);
}
