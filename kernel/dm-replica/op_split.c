// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fracture and Split. Split is a cut: gates closed, in-flight writes drained,
 * the target flushed, CUT committed, gates open, CONFIRM committed; only then
 * is the target writable. Contract rules 5 and 8: past the deadline nothing has
 * happened, now or after a crash, because replay ignores a CUT alone.
 */
#include <linux/slab.h>

#include "io.h"
#include "job.h"
#include "leg.h"
#include "op_cut.h"
#include "op_modify.h"

/* ---- the cut ---- */

/*
 * Inside the closed gates: flush the target, commit CUT. On any failure the
 * flow is as it was.
 */
static int cut_inside(struct drp_op *op, struct drp_sync *s, struct drp_op_cut *cut,
		      unsigned long end, bool block)
{
	int r;

	if (READ_ONCE(s->faults) & (BIT(DRP_FAULT_TARGET) | BIT(DRP_FAULT_SOURCE)))
		return drp_op_refuse(op, DRP_RV_FAILED, "a leg failed meanwhile; nothing was changed");
	r = drp_leg_flush_inside(s->target, end - jiffies);
	if (r == -ETIMEDOUT)
		return drp_cut_timed_out(op, "the flush of the target");
	if (r)
		return drp_op_refuse(op, DRP_RV_FAILED, "the target cannot be flushed: error %d", r);
	r = drp_cut_commit(cut, s, end, NULL, 0);
	if (r)
		return r;
	WRITE_ONCE(s->readable, false);
	WRITE_ONCE(s->flow, DRP_FLOW_TRACK);
	if (block)
		WRITE_ONCE(s->source->access, DRP_ACCESS_READ);
	return 0;
}

int drp_cut_mirror(struct drp_op *op, struct drp_sync *s, bool block, u64 *cut_id)
{
	const unsigned long end = jiffies + drp_op_deadline(op);
	struct drp_op_cut *cut = drp_cut_alloc(op, 0);
	int r;

	if (!cut)
		return drp_op_refuse(op, DRP_RV_FAILED, "no memory for the cut");
	/* Once before the gates close, so that the flush inside is short. */
	r = drp_leg_flush(s->target, end - jiffies);
	if (r == -ETIMEDOUT)
		r = drp_cut_timed_out(op, "the flush of the target");
	else if (r)
		r = drp_op_refuse(op, DRP_RV_FAILED, "the target cannot be flushed: error %d", r);
	if (r)
		goto out;
	if (drp_gates_close(s->source, s->target, max_t(long, end - jiffies, 1))) {
		r = drp_cut_timed_out(op, "I/O in flight");
		goto out;
	}
	r = cut_inside(op, s, cut, end, block);
	drp_gates_open(s->source, s->target);
	*cut_id = drp_cut_id(cut);
out:
	drp_cut_end(cut, !r);
	return r;
}

void drp_op_flush_target(struct drp_sync *s)
{
	/* Not flushed: any of it may be lost, and no mark says so. */
	if (drp_leg_flush(s->target, DRP_FLUSH_TIMEOUT) ||
	    READ_ONCE(s->faults) & (BIT(DRP_FAULT_TARGET) | BIT(DRP_FAULT_SOURCE)))
		drp_extents_to_d(s, true);
	WRITE_ONCE(s->unflushed, false);
}

int drp_op_drain_mirror(struct drp_op *op, struct drp_sync *s)
{
	if (s->flow != DRP_FLOW_MIRROR)
		return 0;
	if (drp_gates_close(s->source, s->target, drp_op_deadline(op)))
		return drp_cut_timed_out(op, "I/O in flight");
	drp_sync_store_flow(s, DRP_FLOW_TRACK);
	drp_gates_open(s->source, s->target);
	drp_op_flush_target(s);
	return 0;
}

/* ---- the operation ---- */

static void resume_after_refusal(struct drp_sync *s, bool copied)
{
	drp_sync_refresh(s);
	if (copied)
		drp_copy_start(s->copier, s->rec.job_id);
}

int drp_op_split(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	struct drp_sync_rec rec = s->rec;
	bool copied = s->copier && drp_copy_running(s->copier);
	bool mirrored = s->flow == DRP_FLOW_MIRROR;
	u64 job_id = rec.job_id, cut_id = 0;
	int r = 0;

	/* What goes on to be marked is what the first writes after this find. */
	rec.source_changed = rec.source_changed && !mirrored;
	rec.target_changed = rec.target_changed && rec.sync_type == DRP_SYNC_CLONE;
	drp_op_merge_settings(op, &rec);
	rec.copy_state = t->copy_state_after;
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = t->progress_after;
	rec.job_id = 0;
	if (copied)
		drp_copy_stop(s->copier);
	/* A write behind the cut must find that its mark is not durable yet. */
	if (mirrored) {
		WRITE_ONCE(s->source_noted, false);
		WRITE_ONCE(s->target_noted, false);
		r = op->req.operation == DRP_OP_SPLIT ? drp_cut_mirror(op, s, false, &cut_id) :
							drp_op_drain_mirror(op, s);
	}
	if (r) {
		resume_after_refusal(s, copied);
		return r;
	}
	drp_element_drop_cache(s->target);
	if (rec.sync_type != DRP_SYNC_CLONE)	/* whose point in time stays */
		rec.when_synced = drp_now();
	r = cut_id ? drp_sync_confirm(s, &rec, cut_id, NULL, 0) : drp_sync_commit(s, &rec, NULL, 0, false);
	if (r)
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	drp_sync_refresh(s);
	if (job_id)
		drp_job_end(s->pool, job_id, DRP_JOB_TERMINATED, 0, NULL);
	return 0;
}
