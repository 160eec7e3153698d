// SPDX-License-Identifier: GPL-2.0-only
/*
 * Points in time go: Deactivate, Dissolve, Return To ResourcePool, the removal
 * of what Dissolve has left. What they kept in COW space is garbage as soon as
 * that is committed; the reclaimer finds it.
 */
#include <linux/slab.h>

#include "io.h"
#include "job.h"
#include "op_cut.h"
#include "op_snapshot.h"
#include "op_snapshot_internal.h"
#include "preserve.h"
#include "reclaim.h"

static int metadata_failed(struct drp_op *op, int r)
{
	return drp_op_refuse(op, DRP_RV_FAILED, r == -ENOMEM ? "no memory" :
			     "the metadata cannot be written");
}

int drp_snapshot_check_unused(struct drp_op *op, struct drp_element *x)
{
	struct drp_element *child = drp_snapshot_child(x);
	struct drp_aspect_rec *a = drp_snapshot_aspect(x);

	if (child)
		return drp_op_refuse(op, DRP_RV_IN_USE,
				     "%s is a snapshot of %s and needs its content: return that to the pool first",
				     child->rec.name, x->rec.name);
	if (a)
		return drp_op_refuse(op, DRP_RV_IN_USE,
				     "the aspect %s keeps a point in time of %s: delete it first",
				     a->name, x->rec.name);
	return 0;
}

static void report_gone(struct drp_pool *pool, u64 element, u64 sync, u64 aspect)
{
	struct drp_event event = {
		.type = DRP_EVENT_DELETED,
		.element_id = element,
		.sync_id = sync,
		.aspect_id = aspect,
	};

	drp_event_report(pool, &event);
}

/* Nobody reads or writes the target any more; 0 or a refusal. Its gate is closed then. */
static int stop_target(struct drp_op *op, struct drp_element *x)
{
	drp_gate_prepare(&x->gate);
	drp_gate_close(&x->gate);
	if (drp_gate_wait_drained(&x->gate, drp_op_deadline(op)))
		return 0;
	drp_gate_open(&x->gate);
	return drp_cut_timed_out(op, "I/O of the target");
}

/* ---- Deactivate ---- */

int drp_op_snapshot_drop(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	struct drp_changes c = { .pool = op->pool, .reclaim = true };
	struct drp_element *x = s->target;
	struct drp_element_rec element = x->rec;
	struct drp_sync_rec rec = s->rec;
	int r;

	r = drp_snapshot_check_unused(op, x) ?: stop_target(op, x);
	if (r)
		return r;
	element.parent_generation = 0;
	drp_op_merge_settings(op, &rec);
	rec.copy_state = t->copy_state_after;
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = t->progress_after;
	rec.target_consistent = false;
	rec.in_sync = false;
	rec.source_changed = false;
	rec.target_changed = false;
	rec.error_text[0] = '\0';
	rec.when_deactivated = drp_now();
	drp_change_element(&c, x, &element);
	drp_change_sync(&c, s, &rec);
	r = drp_changes_commit(&c, 0);
	if (!r)
		drp_sync_refresh(s);
	drp_gate_open(&x->gate);
	if (r)
		return metadata_failed(op, r);
	drp_element_drop_cache(x);
	drp_sync_report(s);
	drp_snapshot_settle(s->source, drp_op_deadline(op));
	drp_reclaim_kick(op->pool);
	return 0;
}

/* ---- Dissolve ---- */

static struct drp_aspect_rec *make_aspect(struct drp_sync *s)
{
	struct drp_aspect_rec *a = kzalloc(sizeof(*a), GFP_NOIO);

	if (!a)
		return NULL;
	a->id = s->pool->rec.next_id;
	strscpy(a->name, s->rec.name, sizeof(a->name));
	a->source_id = s->source->rec.id;
	strscpy(a->source_name, s->source->rec.name, sizeof(a->source_name));
	a->target_id = s->target->rec.id;
	strscpy(a->target_name, s->target->rec.name, sizeof(a->target_name));
	a->sync_type = s->rec.sync_type;
	a->sync_id = s->rec.id;
	a->when_synced = s->rec.when_synced;
	a->created = drp_now();
	a->generation = s->target->rec.parent_generation;
	return a;
}

/* The sync is gone, its target is not; the target's gate is closed. */
static void leave_target(struct drp_sync *s)
{
	s->removed = true;
	/* Who asks for states looks at it under the lock only, and it is freed soon. */
	spin_lock(&s->pool->rec_lock);
	s->target->snap = NULL;
	spin_unlock(&s->pool->rec_lock);
	drp_element_refresh_access(s->target);
	drp_element_refresh_access(s->source);
}

/* Should that restore be lost, the sync can say so; an aspect cannot. */
static int check_dissolve(struct drp_op *op, struct drp_sync *s)
{
	struct drp_element *x = s->target;

	if (!drp_snapshot_in_turn(x) && !drp_snapshot_in_nested(x))
		return 0;
	return drp_op_refuse(op, DRP_RV_INVALID_STATE,
			     "%s was taken during the restore of %s, which is not finished: wait for that",
			     x->rec.name, s->source->rec.name);
}

int drp_op_snapshot_dissolve(struct drp_op *op, struct drp_sync *s)
{
	struct drp_changes c = { .pool = op->pool };
	struct drp_aspect_rec *a = make_aspect(s);
	struct drp_element *x = s->target;
	struct drp_event event = { .type = DRP_EVENT_CREATED };
	int r;

	if (!a)
		return metadata_failed(op, -ENOMEM);
	r = check_dissolve(op, s) ?: stop_target(op, x);
	if (r) {
		kfree(a);
		return r;
	}
	c.next_id = a->id + 1;
	drp_change_new_aspect(&c, a);
	drp_change_del(&c, DRP_OBJ_SYNC, s->rec.id);
	r = drp_changes_commit(&c, 0);
	if (!r)
		leave_target(s);
	drp_gate_open(&x->gate);
	if (r) {
		kfree(a);
		return metadata_failed(op, r);
	}
	op->res.aspect_id = a->id;
	event.aspect_id = a->id;
	drp_event_report(op->pool, &event);
	report_gone(op->pool, 0, s->rec.id, 0);
	drp_sync_retire(s);
	return 0;
}

/* ---- Return To ResourcePool, and what Dissolve has left ---- */

struct returned {
	struct drp_reclaim_waiter waiter;
	struct drp_pool *pool;
	u64 job_id;
};

static void space_is_back(struct drp_reclaim_waiter *waiter, int error)
{
	struct returned *ret = container_of(waiter, struct returned, waiter);

	if (!error)
		drp_job_end(ret->pool, ret->job_id, DRP_JOB_COMPLETED, 0, NULL);
	else if (error == -ECANCELED)
		drp_job_end(ret->pool, ret->job_id, DRP_JOB_TERMINATED, 0, NULL);
	else
		drp_job_end(ret->pool, ret->job_id, DRP_JOB_EXCEPTION, DRP_RV_FAILED,
			    "the snapshot is gone, its space could not be freed yet");
	kfree(ret);
}

/* The job of @op goes on until the space is back. Without memory for that there is none. */
static void free_space(struct drp_op *op, struct drp_sync *s)
{
	struct returned *ret = kzalloc(sizeof(*ret), GFP_NOIO);
	u64 job_id = ret ? drp_op_take_job(op, s) : 0;

	if (!job_id) {
		kfree(ret);
		drp_reclaim_kick(op->pool);
		return;
	}
	/* The sync is gone: nobody can do anything to the job through it. */
	drp_job_set_sync(op->pool, job_id, 0, s->rec.name);
	drp_job_set_state(op->pool, job_id, DRP_JOB_RUNNING);
	ret->waiter.done = space_is_back;
	ret->pool = op->pool;
	ret->job_id = job_id;
	op->res.return_value = DRP_RV_JOB_STARTED;
	op->res.job_id = job_id;
	drp_reclaim_wait(op->pool, &ret->waiter);
}

static int check_closed(struct drp_op *op, struct drp_element *x)
{
	if (!x->bound)
		return 0;
	return drp_op_refuse(op, DRP_RV_IN_USE,
			     "%s has a device that can be opened: remove that first",
			     x->rec.name);
}

int drp_snapshot_remove(struct drp_op *op, struct drp_sync *s)
{
	struct drp_changes c = { .pool = op->pool, .reclaim = true };
	struct drp_element *x = s->target, *source = s->source;
	int r;

	drp_change_del(&c, DRP_OBJ_SYNC, s->rec.id);
	drp_change_del(&c, DRP_OBJ_ELEMENT, x->rec.id);
	r = drp_changes_commit(&c, 0);
	if (r)
		return r;
	s->removed = true;
	drp_element_refresh_access(source);
	drp_snapshot_settle(source, drp_op_deadline(op));
	report_gone(op->pool, 0, s->rec.id, 0);
	report_gone(op->pool, x->rec.id, 0, 0);
	return 0;
}

int drp_op_snapshot_return(struct drp_op *op, struct drp_sync *s)
{
	struct drp_element *x = s->target;
	int r = drp_snapshot_check_unused(op, x) ?: check_closed(op, x);

	if (r)
		return r;
	r = drp_snapshot_remove(op, s);
	if (r)
		return metadata_failed(op, r);
	free_space(op, s);
	drp_sync_retire(s);
	drp_element_retire(x);
	return 0;
}

int drp_op_delete_virtual(struct drp_op *op, struct drp_element *x)
{
	struct drp_changes c = { .pool = op->pool, .reclaim = true };
	struct drp_element *parent = drp_pool_element(op->pool, x->rec.parent_element);
	int r = drp_snapshot_check_unused(op, x) ?: check_closed(op, x);

	if (r || op->req.dry_run)
		return r;
	drp_change_del(&c, DRP_OBJ_ELEMENT, x->rec.id);
	r = drp_changes_commit(&c, 0);
	if (r)
		return metadata_failed(op, r);
	if (parent)
		drp_snapshot_settle(parent, drp_op_deadline(op));
	report_gone(op->pool, x->rec.id, 0, 0);
	drp_reclaim_kick(op->pool);
	drp_element_retire(x);
	return 0;
}

int drp_op_delete_generation(struct drp_op *op, struct drp_aspect_rec *a)
{
	struct drp_changes c = { .pool = op->pool, .reclaim = true };
	struct drp_element *source = drp_pool_element(op->pool, a->source_id);
	int r;

	drp_change_del(&c, DRP_OBJ_ASPECT, a->id);
	r = drp_changes_commit(&c, 0);
	if (r)
		return metadata_failed(op, r);
	if (source)
		drp_snapshot_settle(source, drp_op_deadline(op));
	report_gone(op->pool, 0, 0, a->id);
	drp_reclaim_kick(op->pool);
	/* A checkpoint encodes under rec_lock: it does not see it any more. */
	kfree(a);
	return 0;
}

/* ---- dispatch ---- */

bool drp_op_snapshot_built(u16 operation)
{
	switch (operation) {
	case DRP_OP_ACTIVATE:
	case DRP_OP_RESYNC_REPLICA:
	case DRP_OP_DEACTIVATE:
	case DRP_OP_DISSOLVE:
	case DRP_OP_RETURN_TO_RESOURCE_POOL:
	case DRP_OP_RESTORE_FROM_REPLICA:
	case DRP_OP_SUSPEND:
	case DRP_OP_RESUME:
	case DRP_OP_ABORT:
		return true;
	default:
		return false;
	}
}

int drp_snapshot_say_overwritten(struct drp_op *op, const struct drp_sync *s,
				 const struct drp_transition *t, s64 chunks)
{
	u64 mib;

	if (chunks == -EINTR)
		return drp_op_refuse(op, DRP_RV_IN_USE, "the pool was suspended meanwhile: try again");
	if (chunks < 0)
		return drp_op_refuse(op, DRP_RV_FAILED, "the index of COW space cannot be read");
	mib = (((u64)chunks << op->pool->cow->chunk_shift) + 2047) >> 11;
	scnprintf(op->res.text, sizeof(op->res.text),
		  "%s would overwrite %s: %llu MiB at most%s%s", s->target->rec.name,
		  s->source->rec.name, mib, t->needs_force ? "; Force consents to: " : "",
		  t->needs_force ? t->reason : "");
	return 0;
}

static int say_restore(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	const u64 id = s->rec.id, generation = s->target->rec.parent_generation;
	const u16 state = s->rec.copy_state;
	s64 chunks = drp_snapshot_chunks(s);

	s = drp_pool_sync(op->pool, id);
	if (drp_op_admit(op))
		return op->error;
	if (!s || s->rec.copy_state != state || s->target->rec.parent_generation != generation)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "sync %llu became another one while its differences were counted: try again",
				     id);
	return drp_snapshot_say_overwritten(op, s, t, chunks);
}

int drp_op_snapshot_dry_run(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	int r = 0;

	switch (op->req.operation) {
	case DRP_OP_RESTORE_FROM_REPLICA:
	case DRP_OP_RESUME:
		r = drp_op_snapshot_check_restore(op, s);
		if (!r && t->overwrites_source && !op->terse)
			return say_restore(op, s, t);
		break;
	case DRP_OP_ACTIVATE:
	case DRP_OP_RESYNC_REPLICA:
		r = drp_snapshot_check_source(op, s->source) ?:
		    drp_snapshot_check_unused(op, s->target);
		break;
	case DRP_OP_RETURN_TO_RESOURCE_POOL:
		r = check_closed(op, s->target) ?: drp_snapshot_check_unused(op, s->target);
		break;
	case DRP_OP_DEACTIVATE:
		r = drp_snapshot_check_unused(op, s->target);
		break;
	case DRP_OP_DISSOLVE:
		r = check_dissolve(op, s);
		break;
	}
	if (r)
		return r;
	scnprintf(op->res.text, sizeof(op->res.text), "%s: %s", s->rec.name, t->reason);
	return 0;
}

int drp_op_snapshot(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	switch (op->req.operation) {
	case DRP_OP_ACTIVATE:
	case DRP_OP_RESYNC_REPLICA:
		return drp_op_snapshot_point(op, s);
	case DRP_OP_DEACTIVATE:
		return drp_op_snapshot_drop(op, s, t);
	case DRP_OP_DISSOLVE:
		return drp_op_snapshot_dissolve(op, s);
	case DRP_OP_RETURN_TO_RESOURCE_POOL:
		return drp_op_snapshot_return(op, s);
	case DRP_OP_RESTORE_FROM_REPLICA:
	case DRP_OP_RESUME:
		return drp_op_snapshot_check_restore(op, s) ?: drp_op_turn(op, s, t);
	default:
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "%s is not built yet",
				     drp_name(DRP_ENUM_OPERATION, op->req.operation));
	}
}
