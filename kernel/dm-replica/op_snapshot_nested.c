// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restore from Replica where the source is a snapshot, too. It has no device that
 * could be overwritten: what it shows is in the index, newest version first. So it
 * gets a new generation, and from there on
 *
 *	here, the source	shows its versions of the new generation and later
 *				ones, else what there shows; so do the points in
 *				time of it that are taken from then on
 *	there, the target	is protected, and shows what it did
 *	older points in time	are below that generation: they never see it
 *
 * which is one commit of the element's generation and of the sync, with nothing
 * inside here and nobody writing there. Nothing else is needed to show the same
 * after a crash: while reverse is set, gen_start tells which versions count. The
 * background copy (copy_nested.c) makes here independent of there; when it is
 * through, both ways to look at here lead to the same, and here stops looking at
 * there (element->nested is NULL), then the record says so, and there is released.
 */
#include "checkpoint.h"
#include "cow.h"
#include "io.h"
#include "job.h"
#include "leg.h"
#include "op_cut.h"
#include "op_snapshot.h"
#include "op_snapshot_internal.h"
#include "op_turn.h"
#include "preserve.h"
#include "reclaim.h"

/* ---- checks ---- */

static int check_free(struct drp_op *op, struct drp_sync *s)
{
	const struct drp_sync *up = s->source->snap;
	const struct drp_element *busy = s->target->nested ? s->target : s->source;

	if (s->target->nested || (s->source->nested && s->source->nested != s))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is being restored: wait for that",
				     busy->rec.name);
	if (up && up->rec.reverse)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s is only half restored from %s: finish that first",
				     up->source->rec.name, s->source->rec.name);
	/* Nor would anybody copy what is still on the other side of that. */
	if (drp_snapshot_in_turn(s->target))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s was taken during a restore of %s, which is not finished: wait for that",
				     s->source->rec.name, drp_snapshot_root(s->source)->rec.name);
	return 0;
}

int drp_snapshot_check_nested(struct drp_op *op, struct drp_sync *s)
{
	const struct drp_element *root = drp_snapshot_root(s->source);

	if (!root || !root->live)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is not attached: activate it first",
				     (root ?: s->source)->rec.name);
	if (!drp_snapshot_live(s->source))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s has no point in time, so nothing that could be restored",
				     s->source->rec.name);
	return check_free(op, s);
}

bool drp_snapshot_nested_turned(const struct drp_sync *s)
{
	return drp_snapshot_is_nested(s) && s->source->nested == s;
}

/* ---- the beginning ---- */

static int settle(struct drp_op *op, unsigned long end)
{
	/* What hosts wrote there in place must not go with a loss of power. */
	int r = drp_cow_flush(op->pool->cow, end - jiffies);

	/* And the commit finds room in the journal. */
	r = r ?: drp_checkpoint_within(op->pool, end - jiffies);
	if (r == -ETIMEDOUT || (!r && time_after(jiffies, end)))
		return drp_cut_timed_out(op, "the flush of COW space or the checkpoint");
	if (r)
		return drp_op_refuse(op, DRP_RV_FAILED,
				     "COW space cannot be flushed, or the metadata not be written");
	return 0;
}

/* Inside the closed gate of here. */
static int commit(struct drp_op *op, struct drp_sync *s, const struct drp_sync_rec *rec)
{
	/* What here has overwritten, and nobody else needs, is garbage. */
	struct drp_changes c = { .pool = op->pool, .reclaim = true };
	struct drp_element_rec element = s->source->rec;
	int r;

	element.generation = rec->gen_start + 1;
	drp_change_element(&c, s->source, &element);
	drp_change_sync(&c, s, rec);
	r = drp_changes_commit(&c, 0);
	if (!r) {
		WRITE_ONCE(s->source->keeps_versions, true);
		/* Before the gate opens; who reads it sees the record. */
		smp_store_release(&s->source->nested, s);
		return 0;
	}
	/* It may be on the medium: what hosts wrote from here on to either side could be lost. */
	WRITE_ONCE(s->undecided, true);
	drp_element_refresh_access(s->source);
	drp_element_refresh_access(s->target);
	return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
}

static int turn(struct drp_op *op, struct drp_sync *s, const struct drp_sync_rec *rec)
{
	const unsigned long end = jiffies + drp_op_deadline(op);
	int r;

	if (drp_gates_close(s->source, NULL, drp_op_deadline(op)))
		return drp_cut_timed_out(op, "I/O in flight");
	r = settle(op, end) ?: commit(op, s, rec);
	drp_gates_open(s->source, NULL);
	return r;
}

static int prepare(struct drp_op *op, struct drp_sync *s)
{
	/* Once before the gate closes, so that the flush inside is short. */
	if (drp_cow_prove(op->pool->cow) || drp_cow_flush(op->pool->cow, DRP_FLUSH_TIMEOUT))
		return drp_op_refuse(op, DRP_RV_FAILED, "COW space cannot be flushed");
	if (drp_op_make_copier(s))
		return drp_op_refuse(op, DRP_RV_FAILED, "no memory for the copy");
	drp_copy_stop(s->copier);
	if (drp_op_protect_target(op, s))
		return op->error;
	if (drp_op_turn_tell_others(s, s->source))
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	/* So that the checkpoint inside is short, too. */
	if (drp_checkpoint_within(op->pool, MAX_SCHEDULE_TIMEOUT))
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	return 0;
}

int drp_snapshot_nested_begin(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	struct drp_sync_rec rec;
	u64 job_id = 0;
	int r = prepare(op, s);

	if (!r) {
		job_id = drp_op_take_job(op, s);
		rec = s->rec;
		/* Never 0: there is a point in time of here, which is there's. */
		drp_op_turn_fill(op, t, s->source->rec.generation, job_id, &rec);
		r = turn(op, s, &rec);
	}
	if (r) {
		drp_sync_refresh(s);
		return r;
	}
	drp_copy_nested_reset(s->copier);
	s->end_ms = 0;
	drp_sync_refresh(s);
	drp_element_drop_cache(s->source);
	drp_sync_report(s);
	drp_job_set_state(s->pool, job_id, DRP_JOB_RUNNING);
	drp_copy_start(s->copier, job_id);
	op->res.return_value = DRP_RV_JOB_STARTED;
	op->res.job_id = job_id;
	return 0;
}

/* ---- the end ---- */

/* Nobody looks at there through here any more: true, or later. @wait: for all of them. */
static bool let_go(struct drp_sync *s, long wait)
{
	struct drp_element *here = s->source, *x;
	const unsigned long end = jiffies + wait;
	unsigned long id;
	bool drained;

	drp_gate_prepare(&here->gate);
	drp_gate_close(&here->gate);
	drained = drp_gate_wait_drained(&here->gate, wait);
	if (drained) {
		/* All versions are committed: who finds no nested finds them. */
		smp_store_release(&here->nested, NULL);
	}
	drp_gate_open(&here->gate);
	/* What comes from here looks at it without its gate. */
	xa_for_each(&s->pool->elements, id, x) {
		if (!drained)
			break;
		if (x != here && drp_snapshot_comes_from(x, here))
			drained = time_before(jiffies, end) && drp_op_turn_drains(x, end - jiffies);
	}
	if (!drained) {
		/* Who finds it again finds the record as it is. */
		smp_store_release(&here->nested, s);
	}
	return drained;
}

void drp_snapshot_nested_finished(struct drp_sync *s)
{
	s->finish_job = s->rec.job_id;
	if (!let_go(s, drp_op_turn_end_wait(&s->end_ms))) {
		/* A device is suspended or hangs: the copier finds nothing to do and comes again. */
		drp_copy_start_in(s->copier, s->rec.job_id, DRP_TURN_END_RETRY_MS);
		return;
	}
	drp_op_turn_restored(s);
	/* Else it could not be recorded: the pool is read-only. */
	if (s->rec.reverse)
		return;
	WRITE_ONCE(s->source->keeps_versions, false);
	drp_reclaim_kick(s->pool);
}
