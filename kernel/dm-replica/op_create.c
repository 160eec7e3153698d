// SPDX-License-Identifier: GPL-2.0-only
/*
 * create_sync: checks first, then the commit, then the plans, then the copy.
 * Whatever is written between commit and plans is covered: all regions are
 * marked as differing until the copy clears them.
 */
#include <linux/slab.h>

#include "checkpoint.h"
#include "io.h"
#include "job.h"
#include "op_snapshot.h"
#include "op_turn.h"
#include "preserve.h"

/* Does the request want it to stop before the copy? */
static bool stops(const struct drp_op *op)
{
	return op->req.settings.mask & DRP_SET_WAIT_STATE &&
	       (op->req.settings.wait_state == DRP_CS_INITIALIZED ||
		op->req.settings.wait_state == DRP_CS_PREPARED ||
		op->req.settings.wait_state == DRP_CS_INACTIVE);
}

struct pair {
	struct drp_element *source, *target;
};

static int check_devices(struct drp_op *op, const struct pair *p)
{
	const struct drp_element *s = p->source, *t = p->target;

	if (!s->rec.size_sectors || !t->rec.size_sectors)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s has no size yet: attach it once",
				     (s->rec.size_sectors ? t : s)->rec.name);
	if (t->rec.size_sectors < s->rec.size_sectors)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "target %s (%llu sectors) is smaller than source %s (%llu)",
				     t->rec.name, t->rec.size_sectors, s->rec.name,
				     s->rec.size_sectors);
	if (!s->live || !t->live)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is not attached: activate it first",
				     (s->live ? t : s)->rec.name);
	if (bdev_logical_block_size(t->bdev) > bdev_logical_block_size(s->bdev))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "target %s has larger logical blocks (%u) than source %s (%u)",
				     t->rec.name, bdev_logical_block_size(t->bdev), s->rec.name,
				     bdev_logical_block_size(s->bdev));
	if (bdev_is_zoned(t->bdev) || bdev_is_zoned(s->bdev))
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "zoned devices cannot be replicated");
	return 0;
}

static int check_graph(struct drp_op *op, const struct pair *p)
{
	struct drp_sync *up;

	if (drp_element_virtual(p->source) || drp_element_virtual(p->target))
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED,
				     "%s is a snapshot: it can be the source of snapshots only",
				     (drp_element_virtual(p->source) ? p->source : p->target)->rec.name);
	if (p->source == p->target)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "%s cannot be its own target",
				     p->source->rec.name);
	up = p->target->plan->up;
	if (up && !up->removed)
		return drp_op_refuse(op, DRP_RV_IN_USE, "%s is the target of sync %s already",
				     p->target->rec.name, up->rec.name);
	if (p->target->inbound)
		return drp_op_refuse(op, DRP_RV_IN_USE, "%s is being restored: wait for that",
				     p->target->rec.name);
	/* A clone of it needs what it holds, and its own source as it is. */
	if (drp_op_refuse_cloned(op, p->target))
		return op->error;
	if (drp_plan_would_loop(op->pool, p->source, p->target))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "%s would become its own target through other syncs",
				     p->source->rec.name);
	if (drp_plan_would_overflow(op->pool, p->source, p->target))
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED,
				     "too many syncs would hang together: %u in a tree, %u below a target",
				     DRP_HOPS_MAX, DRP_COPY_HOPS_MAX);
	return 0;
}

static int check_settings(struct drp_op *op)
{
	const struct drp_settings *set = &op->req.settings;

	if (op->req.sync_type == DRP_SYNC_SNAPSHOT)
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "%s is not built yet",
				     drp_name(DRP_ENUM_SYNC_TYPE, op->req.sync_type));
	if (set->mask & DRP_SET_MODE && set->mode != DRP_MODE_SYNC)
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "Asynchronous mode is not built yet");
	if (set->mask & DRP_SET_WAIT_STATE &&
	    !drp_state_can_wait_for(op->req.sync_type, 0, set->wait_state))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "creation never leads to %s",
				     drp_name(DRP_ENUM_COPY_STATE, set->wait_state));
	if (set->skip_initial_copy && op->req.sync_type != DRP_SYNC_MIRROR)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "skip_initial_copy is a setting of mirrors");
	if (set->skip_initial_copy && !op->req.force)
		return drp_op_refuse(op, DRP_RV_FORCE_REQUIRED,
				     "without the initial copy nothing proves that both are equal: Force vouches for it");
	return 0;
}

static unsigned int planes_of(const struct drp_op *op)
{
	return op->req.sync_type == DRP_SYNC_CLONE ? 2 : 1;
}

static int check(struct drp_op *op, struct pair *p, char *name, size_t size)
{
	const struct drp_settings *set = &op->req.settings;
	int r;

	p->source = drp_pool_element(op->pool, op->req.source_id);
	p->target = drp_pool_element(op->pool, op->req.target_id);
	if (!p->source || !p->target)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no element %llu",
				     p->source ? op->req.target_id : op->req.source_id);
	r = check_settings(op) ?: check_graph(op, p) ?: check_devices(op, p);
	if (!r && op->req.sync_type == DRP_SYNC_CLONE && !stops(op))
		r = drp_op_clone_check(op, p->source, p->target);
	if (r)
		return r;
	if (set->mask & DRP_SET_NAME)
		strscpy(name, set->name, size);
	else
		snprintf(name, size, "sync%llu", op->req.id ?: op->pool->rec.next_id);
	if (drp_name_problem(name))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "name \"%s\": %s", name,
				     drp_name_problem(name));
	if (drp_find_by_name_held(op->pool, DRP_OBJ_SYNC, name))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "name \"%s\" is taken", name);
	if (op->req.id > op->pool->rec.next_id + (1ULL << 32))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "id %llu is too far ahead of %llu", op->req.id,
				     op->pool->rec.next_id);
	if (op->req.id && op->req.id < op->pool->rec.next_id)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "id %llu was used before; ids from %llu on are free", op->req.id,
				     op->pool->rec.next_id);
	if (!drp_catalog_has_room(op->pool, DRP_CATALOG_OBJECT_BYTES + planes_of(op) *
				  drp_catalog_plane_bytes(op->pool, p->source->rec.size_sectors)))
		return drp_op_refuse(op, DRP_RV_NO_SPACE,
				     "the metadata device has no room for another sync");
	if (drp_element_in_use(p->target) && !op->req.force && !set->in_use_ignore)
		return drp_op_refuse(op, DRP_RV_IN_USE,
				     "%s is mounted or held exclusively and would be overwritten: unmount it, or use Force or in_use=ignore",
				     p->target->rec.name);
	return 0;
}

static void fill(struct drp_op *op, const struct pair *p, const char *name,
		 struct drp_sync_rec *rec)
{
	const struct drp_settings *set = &op->req.settings;

	rec->id = op->req.id ?: op->pool->rec.next_id;
	strscpy(rec->name, name, sizeof(rec->name));
	rec->source_id = p->source->rec.id;
	rec->target_id = p->target->rec.id;
	rec->sync_type = op->req.sync_type;
	rec->mode = DRP_MODE_SYNC;
	rec->copy_state = stops(op) ? set->wait_state : DRP_CS_INITIALIZED;
	rec->requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec->progress_status = stops(op) ? DRP_PS_REQUIRES_ACTIVATE : DRP_PS_INITIALIZING;
	rec->recovery_mode = set->mask & DRP_SET_RECOVERY_MODE ? set->recovery_mode :
								  DRP_RECOVERY_AUTOMATIC;
	rec->copy_priority = set->mask & DRP_SET_COPY_PRIORITY ? set->copy_priority :
								  DRP_PRIO_SAME;
	rec->failed_copy_stops_host_io = set->failed_copy_stops_host_io;
	rec->auto_delete = set->auto_delete;
	rec->rate_limit = set->rate_limit;
	rec->initial_copy = true;
	rec->source_changed = true;
	rec->when_established = drp_now();
	if (set->skip_initial_copy && !stops(op)) {
		rec->copy_state = DRP_CS_SYNCHRONIZED;
		rec->progress_status = DRP_PS_COMPLETED;
		rec->target_consistent = true;
		rec->in_sync = true;
		rec->initial_copy = false;
		rec->source_changed = false;
		rec->when_synchronized = rec->when_established;
		rec->when_synced = rec->when_established;
	}
}

struct create_commit {
	struct drp_commit_req req;
	struct drp_sync *s;
	struct drp_pool_rec rec;
};

static void apply_create(struct drp_commit_req *req)
{
	struct create_commit *c = container_of(req, struct create_commit, req);
	struct drp_pool *pool = c->s->pool;

	spin_lock(&pool->rec_lock);
	pool->rec.next_id = c->rec.next_id;
	xa_store(&pool->syncs, c->s->rec.id, c->s, 0);	/* reserved before */
	spin_unlock(&pool->rec_lock);
}

static int commit_create(struct drp_sync *s)
{
	const u32 room = 2 * DRP_RECORD_MAX;
	struct create_commit c = { .s = s };
	struct drp_pool *pool = s->pool;
	u8 *buf = kmalloc(room, GFP_NOIO | __GFP_NOFAIL);
	int len, r;

	len = drp_encode_sync(&s->rec, buf, room);
	if (len > 0) {
		r = drp_encode_plane_all(s->rec.id, DRP_PLANE_D, true, buf + len, room - len);
		len = r < 0 ? r : len + r;
	}
	if (len > 0) {
		spin_lock(&pool->rec_lock);
		c.rec = pool->rec;
		spin_unlock(&pool->rec_lock);
		c.rec.next_id = s->rec.id + 1;
		r = drp_encode_pool(&c.rec, buf + len, room - len);
		len = r < 0 ? r : len + r;
	}
	r = len < 0 ? len : xa_reserve(&pool->syncs, s->rec.id, GFP_NOIO);
	if (!r) {
		c.req.records = buf;
		c.req.len = len;
		c.req.apply = apply_create;
		r = drp_commit_wait(&pool->cm, &c.req);
		if (r)
			xa_release(&pool->syncs, s->rec.id);
	}
	kfree(buf);
	return r;
}

/* The plans could not be made: take the sync back. */
static int undo(struct drp_op *op, struct drp_sync *s, int error)
{
	op->req.operation = DRP_OP_DETACH;
	if (drp_op_remove_sync(op, s))
		return op->error;
	op->res.object_id = 0;
	if (error == -ETIMEDOUT)
		return drp_op_refuse(op, DRP_RV_TIMEOUT,
				     "I/O in flight did not end within the deadline; nothing was changed");
	return drp_op_refuse(op, DRP_RV_FAILED, "no memory");
}

/* Both are equal, says the caller, and writers are mirrored: all marks go. */
static int skip_copy(struct drp_op *op, struct drp_sync *s, struct drp_sync_rec *rec)
{
	drp_plane_set_all(s->d, false);
	if (drp_sync_commit(s, rec, NULL, 0, true))
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	drp_sync_refresh(s);
	return 0;
}

/* The point in time is taken, or there is no sync. */
static int begin_clone(struct drp_op *op, struct drp_sync *s)
{
	static const struct drp_transition t = { .progress_during = DRP_PS_SYNCHRONIZING };
	u16 operation = op->req.operation;
	int r = drp_op_clone_begin(op, s, &t);

	if (!r)
		return 0;
	op->req.operation = DRP_OP_DETACH;
	if (!drp_op_remove_sync(op, s))
		op->res.object_id = 0;
	op->req.operation = operation;
	return r;
}

static int begin(struct drp_op *op, struct drp_sync *s, struct drp_sync_rec *rec)
{
	int r;

	if (stops(op)) {
		drp_sync_refresh(s);
		return 0;
	}
	if (rec->sync_type == DRP_SYNC_CLONE)
		return begin_clone(op, s);
	if (rec->copy_state == DRP_CS_SYNCHRONIZED && drp_sync_set_flow(s, DRP_FLOW_MIRROR))
		return skip_copy(op, s, rec);
	/* Else a writer hangs, whose mark must stay: all of it is copied. */
	rec->progress_status = DRP_PS_SYNCHRONIZING;
	r = drp_op_start_copy(s, rec, drp_op_take_job(op, s), NULL, 0);
	if (r)
		return drp_op_refuse(op, DRP_RV_FAILED, "the copy cannot start: error %d", r);
	op->res.return_value = DRP_RV_JOB_STARTED;
	op->res.job_id = rec->job_id;
	return 0;
}

static int create(struct drp_op *op, const struct pair *p, const char *name)
{
	const bool clone = op->req.sync_type == DRP_SYNC_CLONE;
	struct drp_sync_rec rec = {}, first;
	struct drp_sync *s;
	int r;

	fill(op, p, name, &rec);
	first = rec;
	if (!stops(op)) {
		/* What a crash before the copy begins leaves: a copy to be begun. */
		first.copy_state = clone ? DRP_CS_PREPARED : DRP_CS_UNSYNCHRONIZED;
		first.progress_status = clone ? DRP_PS_REQUIRES_ACTIVATE : DRP_PS_SYNCHRONIZING;
		first.target_consistent = false;
		first.in_sync = false;
	}
	s = drp_sync_alloc(op->pool, &first, true);
	if (IS_ERR(s))
		return PTR_ERR(s) == -ENOSPC ?
			drp_op_refuse(op, DRP_RV_NO_SPACE,
				      "the metadata device has no room for another bitmap of this size") :
			drp_op_refuse(op, DRP_RV_FAILED, "no memory");
	/* Before it is recorded: one whose copy cannot begin is none. */
	if (!clone && !stops(op) && drp_op_make_copier(s)) {
		drp_sync_retire(s);
		return drp_op_refuse(op, DRP_RV_FAILED, "no memory");
	}
	r = commit_create(s);
	if (r) {
		drp_sync_retire(s);
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	}
	op->res.object_id = rec.id;
	/* Before the plans: the target takes no more writes of its hosts. */
	drp_element_refresh_access(p->target);
	r = drp_plans_rebuild(op->pool, drp_op_deadline(op));
	if (r)
		return undo(op, s, r);
	drp_element_drop_cache(p->target);
	return begin(op, s, &rec);
}

int drp_op_create_sync(struct drp_op *op)
{
	char name[DRP_NAME_MAX + 1];
	struct pair p;
	int r;

	if (op->req.sync_type == DRP_SYNC_SNAPSHOT)
		return drp_op_create_snapshot(op);
	r = check(op, &p, name, sizeof(name));
	if (r)
		return r;
	if (op->req.dry_run) {
		snprintf(op->res.text, sizeof(op->res.text), "%s would overwrite %s: %llu MiB at most",
			 p.source->rec.name, p.target->rec.name, p.source->rec.size_sectors >> 11);
		return 0;
	}
	return create(op, &p, name);
}
