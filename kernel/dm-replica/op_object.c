// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making and removing elements and syncs, their settings, aspects, jobs.
 */
#include <linux/slab.h>
#include <linux/uuid.h>

#include "checkpoint.h"
#include "cow.h"
#include "io.h"
#include "job.h"
#include "op_commit.h"
#include "op_snapshot.h"
#include "op_snapshot_internal.h"
#include "preserve.h"
#include "turn.h"

#define IDS_AHEAD_MAX	(1ULL << 32)	/* so that no request uses them up */

/* ---- ids, names ---- */

/* The id of a new object: asked for (never used before) or the next one; 0: refused. */
static u64 new_id(struct drp_op *op)
{
	u64 next = op->pool->rec.next_id;

	if (op->req.id && op->req.id < next) {
		drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
			      "id %llu was used before; ids from %llu on are free", op->req.id, next);
		return 0;
	}
	if (op->req.id > next + IDS_AHEAD_MAX) {
		drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "id %llu is too far ahead of %llu",
			      op->req.id, next);
		return 0;
	}
	return op->req.id ?: next;
}

/* The pool's record with @id taken. Returns its length or a negative errno. */
static int encode_pool_with(struct drp_pool *pool, u64 id, struct drp_pool_rec *rec,
			    void *buf, u32 room)
{
	spin_lock(&pool->rec_lock);
	*rec = pool->rec;
	spin_unlock(&pool->rec_lock);
	rec->next_id = id + 1;
	return drp_encode_pool(rec, buf, room);
}

static int check_name(struct drp_op *op, enum drp_object_kind kind, const char *name)
{
	char mangled[DM_NAME_LEN];
	const char *problem = drp_name_problem(name);

	if (problem)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "name \"%s\": %s", name, problem);
	if (drp_find_by_name_held(op->pool, kind, name))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "name \"%s\" is taken", name);
	if (kind == DRP_OBJ_ELEMENT &&
	    drp_dm_name(mangled, sizeof(mangled), op->pool->sb.name, name) < 0)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "name \"%s\" is too long: with the pool's it does not fit a dm name",
				     name);
	return 0;
}

/* ---- commits that add or remove an object ---- */

struct object_commit {
	struct drp_commit_req req;
	struct drp_pool *pool;
	struct xarray *xa;		/* a new object goes here, under @id */
	void *object;
	struct drp_pool_rec rec;
	u64 id;
	bool del;
};

static void apply_object(struct drp_commit_req *req)
{
	struct object_commit *c = container_of(req, struct object_commit, req);

	spin_lock(&c->pool->rec_lock);
	if (c->del) {
		xa_erase(c->xa, c->id);
	} else {
		c->pool->rec.next_id = c->rec.next_id;
		/* Reserved before: cannot fail. */
		xa_store(c->xa, c->id, c->object, 0);
	}
	spin_unlock(&c->pool->rec_lock);
}

/* Commit @records (@len bytes in @buf of @room) and the pool's record; @object appears under @id. */
static int commit_new(struct drp_pool *pool, struct xarray *xa, u64 id, void *object,
		      u8 *buf, u32 len, u32 room)
{
	struct object_commit c = { .pool = pool, .xa = xa, .object = object, .id = id };
	int r = encode_pool_with(pool, id, &c.rec, buf + len, room - len);

	if (r < 0)
		return r;
	c.req.records = buf;
	c.req.len = len + r;
	c.req.apply = apply_object;
	r = xa_reserve(xa, id, GFP_NOIO);
	if (r)
		return r;
	r = drp_commit_wait(&pool->cm, &c.req);
	if (r)
		xa_release(xa, id);
	return r;
}

static struct xarray *objects_of(struct drp_pool *pool, enum drp_object_kind kind)
{
	switch (kind) {
	case DRP_OBJ_ELEMENT:
		return &pool->elements;
	case DRP_OBJ_SYNC:
		return &pool->syncs;
	case DRP_OBJ_GROUP:
		return &pool->groups;
	default:
		return &pool->aspects;
	}
}

static int commit_del(struct drp_pool *pool, enum drp_object_kind kind, u64 id)
{
	struct object_commit c = {
		.pool = pool,
		.xa = objects_of(pool, kind),
		.id = id,
		.del = true,
	};
	u8 buf[64];
	int r = drp_encode_object_del(kind, id, buf, sizeof(buf));

	if (r < 0)
		return r;
	c.req.records = buf;
	c.req.len = r;
	c.req.apply = apply_object;
	return drp_commit_wait(&pool->cm, &c.req);
}

static int metadata_failed(struct drp_op *op, int r)
{
	if (r == -ENOMEM)
		return drp_op_refuse(op, DRP_RV_FAILED, "no memory");
	return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
}

static void report_made(struct drp_pool *pool, u16 type, u64 element, u64 sync, u64 aspect)
{
	struct drp_event event = {
		.type = type,
		.element_id = element,
		.sync_id = sync,
		.aspect_id = aspect,
	};

	drp_event_report(pool, &event);
}

/* ---- elements ---- */

static void fill_element(struct drp_op *op, u64 id, struct drp_element_rec *rec)
{
	const struct drp_settings *set = &op->req.settings;

	rec->id = id;
	strscpy(rec->name, op->req.name, sizeof(rec->name));
	generate_random_uuid(rec->uuid);
	memcpy(rec->wwid, rec->uuid, sizeof(rec->wwid));
	rec->size_sectors = set->mask & DRP_SET_SIZE_SECTORS ? set->size_sectors : 0;
	if (set->identity)
		strscpy(rec->identity, set->identity, sizeof(rec->identity));
	rec->read_policy = set->mask & DRP_SET_READ_POLICY ? set->read_policy : DRP_READ_SOURCE;
	rec->active_extents_max = set->mask & DRP_SET_ACTIVE_EXTENTS_MAX ?
				  set->active_extents_max : DRP_ACTIVE_MAX_DEFAULT;
	rec->created = drp_now();
}

int drp_op_create_element(struct drp_op *op)
{
	struct drp_element_rec rec = {};
	struct drp_element *e;
	u64 id = new_id(op);
	u8 *buf;
	int r;

	if (!id)
		return op->error;
	r = check_name(op, DRP_OBJ_ELEMENT, op->req.name);
	if (!r && op->req.settings.mask & DRP_SET_SIZE_SECTORS &&
	    op->req.settings.size_sectors > drp_element_sectors_max(op->pool))
		r = drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				  "with this pool's extents an element has at most %llu sectors",
				  drp_element_sectors_max(op->pool));
	if (!r && !drp_catalog_has_room(op->pool, DRP_CATALOG_OBJECT_BYTES))
		r = drp_op_refuse(op, DRP_RV_NO_SPACE,
				  "the metadata device has no room for another element");
	if (r || op->req.dry_run)
		return r;
	fill_element(op, id, &rec);
	e = drp_element_alloc(op->pool, &rec);
	if (IS_ERR(e))
		return metadata_failed(op, PTR_ERR(e));
	buf = kmalloc(2 * DRP_RECORD_MAX, GFP_NOIO | __GFP_NOFAIL);
	r = drp_encode_element(&rec, buf, DRP_RECORD_MAX);
	if (r > 0)
		r = commit_new(op->pool, &op->pool->elements, id, e, buf, r, 2 * DRP_RECORD_MAX);
	kfree(buf);
	if (r) {
		drp_element_free(e);
		return metadata_failed(op, r);
	}
	op->res.object_id = id;
	report_made(op->pool, DRP_EVENT_CREATED, id, 0, 0);
	return 0;
}

static struct drp_sync *sync_of_element(struct drp_pool *pool, struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->syncs, id, s)
		if (s->source == e || s->target == e)
			return s;
	list_for_each_entry(s, &pool->removed, removed_node)
		if (s->source == e || s->target == e)
			return s;
	return NULL;
}

int drp_op_delete_element(struct drp_op *op)
{
	struct drp_element *e = drp_pool_element(op->pool, op->req.id);
	struct drp_sync *s;
	int r;

	if (!e)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no element %llu", op->req.id);
	s = sync_of_element(op->pool, e);
	if (s)
		return drp_op_refuse(op, DRP_RV_IN_USE, "%s belongs to sync %s: %s that first",
				     e->rec.name, s->rec.name,
				     drp_sync_is_snapshot(s) ? "return" : "detach");
	if (drp_element_virtual(e))
		return drp_op_delete_virtual(op, e);
	if (e->bound)
		return drp_op_refuse(op, DRP_RV_IN_USE,
				     "%s is attached: remove its device first", e->rec.name);
	r = drp_snapshot_check_unused(op, e);
	if (r || op->req.dry_run)
		return r;
	r = commit_del(op->pool, DRP_OBJ_ELEMENT, e->rec.id);
	if (r)
		return metadata_failed(op, r);
	report_made(op->pool, DRP_EVENT_DELETED, e->rec.id, 0, 0);
	/* Its deadline's work takes op_lock: it must not be waited for here. */
	drp_element_retire(e);
	return 0;
}

/* ---- settings ---- */

void drp_op_merge_settings(const struct drp_op *op, struct drp_sync_rec *rec)
{
	const struct drp_settings *set = &op->req.settings;

	if (set->mask & DRP_SET_COPY_PRIORITY)
		rec->copy_priority = set->copy_priority;
	if (set->mask & DRP_SET_RATE_LIMIT)
		rec->rate_limit = set->rate_limit;
	if (set->mask & DRP_SET_RECOVERY_MODE)
		rec->recovery_mode = set->recovery_mode;
	if (set->mask & DRP_SET_FAILED_COPY_STOPS)
		rec->failed_copy_stops_host_io = set->failed_copy_stops_host_io;
	if (set->mask & DRP_SET_AUTO_DELETE)
		rec->auto_delete = set->auto_delete;
	if (set->mask & DRP_SET_NAME)
		strscpy(rec->name, set->name, sizeof(rec->name));
}

int drp_op_apply_settings(struct drp_op *op, struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	drp_op_merge_settings(op, &rec);
	if (!memcmp(&rec, &s->rec, sizeof(rec)))
		return 0;
	if (drp_sync_commit(s, &rec, NULL, 0, false))
		return metadata_failed(op, -EIO);
	drp_sync_refresh(s);
	if (s->copier)
		drp_copy_kick(s->copier);
	if (rec.auto_delete)
		drp_snapshot_watch_kick(s->pool);
	return 0;
}

static int set_element(struct drp_op *op)
{
	const struct drp_settings *set = &op->req.settings;
	struct drp_element *e = drp_pool_element(op->pool, op->req.id);
	struct drp_element_rec rec;
	int r = 0;

	if (!e)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no element %llu", op->req.id);
	if (set->mask & ~(DRP_SET_READ_POLICY | DRP_SET_ACTIVE_EXTENTS_MAX | DRP_SET_NAME))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "an element has the settings name, read_policy and active_extents_max only");
	if (set->mask & DRP_SET_NAME)
		r = check_name(op, DRP_OBJ_ELEMENT, set->name);
	if (r || op->req.dry_run)
		return r;
	rec = e->rec;
	if (set->mask & DRP_SET_READ_POLICY)
		rec.read_policy = set->read_policy;
	if (set->mask & DRP_SET_ACTIVE_EXTENTS_MAX)
		rec.active_extents_max = set->active_extents_max;
	if (set->mask & DRP_SET_NAME)
		strscpy(rec.name, set->name, sizeof(rec.name));
	return drp_element_commit(e, &rec) ? metadata_failed(op, -EIO) : 0;
}

static int set_sync(struct drp_op *op)
{
	const u32 allowed = DRP_SET_COPY_PRIORITY | DRP_SET_RATE_LIMIT | DRP_SET_RECOVERY_MODE |
			    DRP_SET_FAILED_COPY_STOPS | DRP_SET_AUTO_DELETE | DRP_SET_NAME;
	struct drp_sync *s = drp_pool_sync(op->pool, op->req.id);
	int r = 0;

	if (!s)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no sync %llu", op->req.id);
	if (op->req.settings.mask & ~allowed)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "this setting cannot be changed on a sync");
	if (op->req.settings.mask & DRP_SET_NAME)
		r = check_name(op, DRP_OBJ_SYNC, op->req.settings.name);
	return r || op->req.dry_run ? r : drp_op_apply_settings(op, s);
}

static int set_pool(struct drp_op *op)
{
	const struct drp_settings *set = &op->req.settings;
	struct drp_pool *pool = op->pool;
	struct drp_changes c = { .pool = pool, .cow_memory = set->cow_memory };
	int r;

	if (set->mask != DRP_SET_COW_MEMORY)
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED,
				     "a pool has the setting cow_memory only");
	if (!pool->cow)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "pool %s has no COW space, and so no index whose memory could be bounded",
				     pool->sb.name);
	if (op->req.dry_run || pool->rec.cow_memory == set->cow_memory)
		return 0;
	r = drp_changes_commit(&c, 0);
	if (r)
		return metadata_failed(op, r);
	drp_cow_set_memory(pool->cow, set->cow_memory);
	return 0;
}

int drp_op_set(struct drp_op *op)
{
	switch (op->req.object) {
	case DRP_OBJ_POOL:
		return set_pool(op);
	case DRP_OBJ_ELEMENT:
		return set_element(op);
	case DRP_OBJ_SYNC:
		return set_sync(op);
	default:
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED,
				     "groups are not built yet");
	}
}

/* ---- detach, dissolve ---- */

static void init_aspect(struct drp_sync *s, u64 id, struct drp_aspect_rec *a)
{
	a->id = id;
	strscpy(a->name, s->rec.name, sizeof(a->name));
	a->source_id = s->source->rec.id;
	strscpy(a->source_name, s->source->rec.name, sizeof(a->source_name));
	a->target_id = s->target->rec.id;
	strscpy(a->target_name, s->target->rec.name, sizeof(a->target_name));
	a->sync_type = s->rec.sync_type;
	a->sync_id = s->rec.id;
	a->when_synced = s->rec.when_synced;
	a->created = drp_now();
}

/* Dissolve's aspect, made in a commit of its own, before the sync goes: the worse order would lose it. */
static int make_aspect(struct drp_op *op, struct drp_sync *s)
{
	struct drp_pool *pool = op->pool;
	u64 id = pool->rec.next_id;
	struct drp_aspect_rec *a = kzalloc(sizeof(*a), GFP_NOIO);
	u8 *buf;
	int r;

	if (!a)
		return metadata_failed(op, -ENOMEM);
	init_aspect(s, id, a);
	buf = kmalloc(2 * DRP_RECORD_MAX, GFP_NOIO | __GFP_NOFAIL);
	r = drp_encode_aspect(a, buf, DRP_RECORD_MAX);
	if (r > 0)
		r = commit_new(pool, &pool->aspects, id, a, buf, r, 2 * DRP_RECORD_MAX);
	kfree(buf);
	if (r) {
		kfree(a);
		return metadata_failed(op, r);
	}
	op->res.aspect_id = id;
	report_made(pool, DRP_EVENT_CREATED, 0, 0, id);
	return 0;
}

/* 0 or -EIO. */
static int free_aspect(struct drp_pool *pool, u64 id)
{
	struct drp_aspect_rec *a = xa_load(&pool->aspects, id);
	int r = commit_del(pool, DRP_OBJ_ASPECT, id);

	if (r)
		return r;
	/* A checkpoint encodes under rec_lock: it does not see it any more. */
	kfree(a);
	return 0;
}

void drp_op_collect_removed(struct drp_pool *pool, long timeout)
{
	struct drp_sync *s, *next;

	if (list_empty(&pool->removed) || drp_plans_rebuild(pool, timeout))
		return;
	list_for_each_entry_safe(s, next, &pool->removed, removed_node) {
		if (s->rec.sync_type == DRP_SYNC_CLONE && !drp_op_clone_forget(s))
			continue;
		list_del(&s->removed_node);
		drp_sync_retire(s);
	}
}

int drp_op_remove_sync(struct drp_op *op, struct drp_sync *s)
{
	bool copied = s->copier && drp_copy_running(s->copier);
	u64 job_id = s->rec.job_id, id = s->rec.id;
	int r;

	if (copied)
		drp_copy_stop(s->copier);
	/* Nothing is on its way to the target when its hosts may write it. */
	r = drp_op_drain_mirror(op, s);
	if (!r && drp_extents_hand_down(s))
		r = metadata_failed(op, -EIO);
	if (!r && op->req.operation == DRP_OP_DISSOLVE)
		r = make_aspect(op, s);
	if (!r && commit_del(op->pool, DRP_OBJ_SYNC, id)) {
		r = metadata_failed(op, -EIO);
		if (op->res.aspect_id)
			free_aspect(op->pool, op->res.aspect_id);
	}
	if (r) {
		drp_sync_refresh(s);
		if (!drp_plane_empty(s->d) && s->flow == DRP_FLOW_MIRROR)
			drp_op_restart_copy(s);
		else if (copied && s->rec.partial)
			drp_copy_start(s->copier, job_id);
		return r;
	}
	s->removed = true;
	list_add_tail(&s->removed_node, &op->pool->removed);
	/* Before the source is written without it: its target must not show that. */
	if (s->turn && !s->rec.reverse)
		WRITE_ONCE(s->turn->given_up, true);
	drp_sync_set_flow(s, DRP_FLOW_NONE);
	if (s->rec.sync_type == DRP_SYNC_CLONE)
		drp_op_clone_forget(s);
	drp_element_drop_cache(s->target);
	drp_element_refresh_access(s->source);
	drp_element_refresh_access(s->target);
	if (job_id)
		drp_job_end(op->pool, job_id, DRP_JOB_TERMINATED, 0, NULL);
	report_made(op->pool, DRP_EVENT_DELETED, 0, id, 0);
	drp_op_collect_removed(op->pool, drp_op_deadline(op));
	return 0;
}

int drp_op_delete_aspect(struct drp_op *op)
{
	struct drp_aspect_rec *a = xa_load(&op->pool->aspects, op->req.id);

	if (!a)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no aspect %llu", op->req.id);
	if (op->req.dry_run)
		return 0;
	if (a->generation)
		return drp_op_delete_generation(op, a);
	if (free_aspect(op->pool, op->req.id))
		return metadata_failed(op, -EIO);
	report_made(op->pool, DRP_EVENT_DELETED, 0, 0, op->req.id);
	return 0;
}

/* ---- jobs ---- */

int drp_op_change_job(struct drp_op *op)
{
	static const u16 operation[] = {
		[DRP_JOB_REQ_START] = DRP_OP_RESUME,
		[DRP_JOB_REQ_SUSPEND] = DRP_OP_SUSPEND,
		[DRP_JOB_REQ_TERMINATE] = DRP_OP_ABORT,
	};
	struct drp_job_info job;

	if (drp_job_query_held(op->pool, op->req.id, &job) || job.id != op->req.id)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no job %llu", op->req.id);
	if (job.state >= DRP_JOB_COMPLETED)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "job %llu has ended", job.id);
	if (!job.sync_id)
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "job %llu cannot be changed", job.id);
	/* A copy's job is its sync's: the state table decides. */
	op->req.kind = DRP_REQ_MODIFY;
	op->req.object = DRP_OBJ_SYNC;
	op->req.operation = operation[op->req.job_request];
	op->req.id = job.sync_id;
	return drp_op_modify(op);
}
