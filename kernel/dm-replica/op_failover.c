// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failover: the hosts of the source are blocked, those of the target may write.
 * From a mirror it is a cut like Split, so that the target has every write that
 * was acknowledged; from a lost or suspended one the target is what it was.
 */
#include "io.h"
#include "job.h"
#include "leg.h"
#include "op_cut.h"
#include "op_modify.h"
#include "turn.h"

int drp_op_check_failover(struct drp_op *op, struct drp_sync *s)
{
	const struct drp_sync *up = s->source->plan->up;

	if (!s->target->live)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "target %s is not attached: activate it first",
				     s->target->rec.name);
	if (up && !up->removed && drp_state_mirrors(up->rec.sync_type, up->rec.copy_state) &&
	    !up->rec.partitioned)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "source %s follows sync %s: fail that over, fracture or suspend it first",
				     s->source->rec.name, up->rec.name);
	if (s->source->inbound || s->target->inbound)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is being restored: wait for that",
				     (s->source->inbound ? s->source : s->target)->rec.name);
	return 0;
}

/* The source's writes were only marked, or it is gone: drain and block them. */
static int block_source(struct drp_op *op, struct drp_sync *s)
{
	if (drp_gates_close(s->source, s->target, drp_op_deadline(op)))
		return drp_cut_timed_out(op, "I/O in flight");
	WRITE_ONCE(s->source->access, DRP_ACCESS_READ);
	if (s->flow == DRP_FLOW_MIRROR)
		drp_sync_store_flow(s, DRP_FLOW_TRACK);
	drp_gates_open(s->source, s->target);
	/* What its cache loses the target lacks: that is marked before anybody asks. */
	if (READ_ONCE(s->unflushed))
		drp_op_flush_target(s);
	return 0;
}

/* *@behind: the target lacks some of the source's writes. */
static int stop_source(struct drp_op *op, struct drp_sync *s, u64 *cut_id, bool *behind)
{
	bool flushed;
	int r;

	WRITE_ONCE(s->target_noted, false);
	if (s->flow == DRP_FLOW_MIRROR && s->source->live)
		r = drp_cut_mirror(op, s, true, cut_id);
	else
		r = block_source(op, s);
	if (r)
		return r;
	*behind = !drp_plane_empty(s->d);
	/* What its cache loses the target may have: Failback must know. */
	flushed = s->source->live ? !drp_leg_flush(s->source, DRP_FLUSH_TIMEOUT) :
				    s->source->flushed;
	if (!flushed)
		drp_extents_to_d(s, true);
	return 0;
}

static int fail_over(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	bool copied = s->copier && drp_copy_running(s->copier);
	struct drp_sync_rec rec = s->rec;
	u64 job_id = rec.job_id, cut_id = 0;
	bool behind;
	int r = drp_op_check_failover(op, s);

	if (r)
		return r;
	if (copied)
		drp_copy_stop(s->copier);
	r = stop_source(op, s, &cut_id, &behind);
	if (r) {
		drp_sync_refresh(s);
		if (copied)
			drp_copy_start(s->copier, job_id);
		return r;
	}
	drp_element_drop_cache(s->target);
	drp_op_merge_settings(op, &rec);
	rec.copy_state = t->copy_state_after;
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = t->progress_after;
	rec.in_sync = drp_plane_empty(s->d);
	/* What the target lacks would be overwritten by Failback; what the source may lack not. */
	rec.source_changed = behind;
	if (behind && !s->rec.source_changed)
		drp_sync_source_changed_now(s);
	rec.target_changed = false;
	rec.partitioned = false;
	rec.job_id = 0;
	rec.when_deactivated = drp_now();
	if (cut_id)
		rec.when_synced = rec.when_deactivated;
	r = cut_id ? drp_sync_confirm(s, &rec, cut_id, NULL, 0) :
		     drp_sync_commit(s, &rec, NULL, 0, false);
	if (r)
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	drp_sync_refresh(s);
	if (job_id)
		drp_job_end(s->pool, job_id, DRP_JOB_TERMINATED, 0, NULL);
	return 0;
}

int drp_op_failover(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	int r;

	WRITE_ONCE(s->progress_now, t->progress_during);
	r = fail_over(op, s, t);
	WRITE_ONCE(s->progress_now, 0);
	return r;
}

int drp_op_source_replaced(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;
	u8 record[64];
	int len;

	drp_plane_set_all(s->d, true);
	rec.in_sync = false;
	/* Whatever is on it, it is not what the target's hosts left behind. */
	rec.source_changed = false;
	rec.initial_copy = true;
	strscpy(rec.error_text, "the source is another device: Failback copies all of it",
		sizeof(rec.error_text));
	len = drp_encode_plane_all(rec.id, DRP_PLANE_D, true, record, sizeof(record));
	if (len < 0 || drp_sync_commit(s, &rec, record, len, false))
		return -EIO;
	pr_warn("dm-replica: sync %s: its source was replaced, Failback copies all of it\n",
		rec.name);
	drp_sync_refresh(s);
	return 0;
}
