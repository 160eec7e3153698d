// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restore of ModifySettingsDefineState: the source of an aspect gets its point in
 * time. That is a snapshot of the aspect and its Restore from Replica, which all
 * rules and promises of restores hold for. Two commits: between them there is a
 * snapshot, and the source is as it was.
 */
#include "job.h"
#include "op_snapshot.h"
#include "op_snapshot_internal.h"
#include "reclaim.h"

/* Target and sync are called alike, unless both names are given. */
static void choose_names(struct drp_op *op)
{
	struct drp_settings *set = &op->req.settings;

	if (!(set->mask & DRP_SET_TARGET_NAME)) {
		if (set->mask & DRP_SET_NAME)
			strscpy(op->target_name, set->name, sizeof(op->target_name));
		else
			snprintf(op->target_name, sizeof(op->target_name), "restore%llu",
				 op->pool->rec.next_id);
		set->target_name = op->target_name;
	}
	if (!(set->mask & DRP_SET_NAME)) {
		strscpy(op->setting_name, set->target_name, sizeof(op->setting_name));
		set->name = op->setting_name;
	}
	set->mask |= DRP_SET_TARGET_NAME | DRP_SET_NAME;
}

/* As for one that is asked for by create_sync; NULL: refused. */
static struct drp_sync *make(struct drp_op *op, const struct drp_aspect_rec *a)
{
	struct drp_settings *set = &op->req.settings;
	const u32 wait = set->mask & DRP_SET_WAIT_STATE;
	struct drp_sync *s;

	choose_names(op);
	op->req.id = 0;
	op->req.source_id = a->source_id;
	set->aspect_id = a->id;
	set->mask |= DRP_SET_ASPECT;
	/* That is a state of the restore. */
	set->mask &= ~wait;
	s = drp_snapshot_make(op);
	set->mask |= wait;
	return s;
}

static int check(struct drp_op *op, struct drp_sync *s, const struct drp_aspect_rec *a,
		 struct drp_transition *t)
{
	drp_op_decide(op, s, t);
	if (t->verdict != DRP_VERDICT_EXECUTE)
		return drp_op_refuse(op, t->return_value, "Restore of the aspect %s: %s", a->name,
				     t->reason);
	return drp_op_check_wait_state(op, s) ?: drp_op_check_in_use(op, s, t) ?:
	       drp_op_snapshot_check_restore(op, s);
}

static int dry_run(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	const u64 id = op->req.settings.aspect_id;
	s64 chunks = drp_snapshot_chunks(s);

	if (drp_op_admit(op))
		return op->error;
	/* It keeps the source. */
	if (!xa_load(&op->pool->aspects, id))
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no aspect %llu", id);
	return drp_snapshot_say_overwritten(op, s, t, chunks);
}

/* Its restore is refused: it goes, too, or who asked is told that it stays. */
static void take_back(struct drp_op *op, struct drp_sync *s)
{
	const size_t len = strlen(op->res.text);

	op->res.object_id = 0;
	/* Of one that may be recorded all the same the next activation says what holds. */
	if (!s->turn && !s->undecided && !s->target->bound && !drp_snapshot_remove(op, s)) {
		/* Nobody can do anything to it through the sync. */
		if (op->job_used)
			drp_job_set_sync(op->pool, op->job_id, 0, "");
		drp_reclaim_kick(op->pool);
		drp_snapshot_unmake(s);
		return;
	}
	scnprintf(op->res.text + len, sizeof(op->res.text) - len,
		  "; the snapshot %s, which was made for it, is left", s->rec.name);
}

int drp_op_restore_aspect(struct drp_op *op)
{
	const struct drp_aspect_rec *a = xa_load(&op->pool->aspects, op->req.id);
	struct drp_transition t;
	struct drp_sync *s;
	int r;

	if (!a)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no aspect %llu", op->req.id);
	if (!a->generation)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "the aspect %s keeps no point in time: its target %s has that",
				     a->name, a->target_name);
	s = make(op, a);
	if (!s)
		return op->error;
	r = check(op, s, a, &t);
	if (!r)
		r = op->req.dry_run ? dry_run(op, s, &t) : drp_op_copies_end(op, s);
	if (r || op->req.dry_run) {
		drp_snapshot_unmake(s);
		return r;
	}
	r = drp_snapshot_add(op, s);
	if (r)
		return r;
	r = drp_op_turn(op, s, &t);
	if (r)
		take_back(op, s);
	return r;
}
