// SPDX-License-Identifier: GPL-2.0-only
/*
 * Points in time: a snapshot is created, activated, or gets a new one. A cut:
 * the source's gate is closed and drained, its device flushed, CUT committed
 * with the number of the new generation, which is used up even if nothing
 * comes of it; the gate opens and writers preserve; CONFIRM makes it true.
 * Contract rules 2, 5 and 8.
 */
#include <linux/slab.h>
#include <linux/uuid.h>

#include "checkpoint.h"
#include "freeze.h"
#include "io.h"
#include "job.h"
#include "leg.h"
#include "op_commit.h"
#include "op_cut.h"
#include "op_snapshot.h"
#include "op_snapshot_internal.h"
#include "preserve.h"
#include "reclaim.h"
#include "snapshot.h"
#include "turn.h"

#define IDS_AHEAD_MAX	(1ULL << 32)

/* One point in time under way. */
struct point {
	struct drp_op *op;
	struct drp_element *e;		/* of this element */
	struct drp_element *x;		/* that shows it; NULL: not made yet */
	struct drp_op_cut *cut;
	unsigned long end;		/* jiffies */
	u64 generation;
	u64 time;			/* ns since the epoch */
};

/* ---- the cut ---- */

static int flushed(struct point *p, int r)
{
	if (r == -ETIMEDOUT)
		return drp_cut_timed_out(p->op, "the flush of the source");
	if (r)
		return drp_op_refuse(p->op, DRP_RV_FAILED, "source %s cannot be flushed: error %d",
				     p->e->rec.name, r);
	return 0;
}

static long left(const struct point *p)
{
	return max_t(long, p->end - jiffies, 1);
}

/* Those who may have something in the device's cache are told if it fails. */
static int flush_source(struct point *p, bool inside)
{
	int r;

	if (drp_element_virtual(p->e))
		return flushed(p, drp_cow_flush(p->e->pool->cow, left(p)));
	r = inside ? drp_leg_flush_inside(p->e, left(p)) : drp_leg_flush(p->e, left(p));
	return flushed(p, r == -EAGAIN ? drp_bdev_flush(p->e, left(p)) : r);
}

/* Inside the closed gate of the source. */
static int cut_inside(struct point *p)
{
	struct drp_element_rec rec = p->e->rec;
	int r;

	r = flush_source(p, true);
	if (r)
		return r;
	rec.generation = p->generation;
	r = drp_cut_commit_element(p->cut, p->e, &rec, p->end);
	if (r)
		return r;
	p->time = drp_now();
	/* A virtual one is never overwritten in place from this generation on. */
	if (!drp_element_virtual(p->e) && drp_snapshot_set_alive(p->e, p->generation, true))
		return drp_op_refuse(p->op, DRP_RV_FAILED, "no memory");
	return 0;
}

static int cut_source(struct point *p)
{
	int r;

	if (drp_gates_close(p->e, NULL, left(p)))
		return drp_cut_timed_out(p->op, "I/O in flight");
	r = cut_inside(p);
	drp_gates_open(p->e, NULL);
	return r;
}

/* The target that showed another point in time: nobody is inside until the new one is there. */
static int stop_target(struct point *p)
{
	drp_gate_prepare(&p->x->gate);
	drp_gate_close(&p->x->gate);
	if (drp_gate_wait_drained(&p->x->gate, left(p)))
		return 0;
	drp_gate_open(&p->x->gate);
	return drp_cut_timed_out(p->op, "I/O of the target");
}

/* Nothing came of it: what writers have preserved for it is garbage. */
static void forget_cut(struct point *p)
{
	drp_snapshot_settle(p->e, drp_op_deadline(p->op));
	if (drp_pool_writable(p->op->pool))
		drp_reclaim_kick(p->op->pool);
}

/*
 * The point in time of p->e: p->generation and p->time are filled, writers
 * preserve for it, and point_end() must be called. Else nothing has happened.
 */
static int point_begin(struct point *p)
{
	struct drp_op *op = p->op;
	int r;

	p->end = op->frozen ? op->end : jiffies + drp_op_deadline(op);
	/* What it is to show may lie on another device. */
	if (drp_element_virtual(p->e) && drp_cow_prove(op->pool->cow))
		return flushed(p, -ENODEV);
	/* Private chunks of the target carry numbers of the same kind. */
	p->generation = max3(p->e->rec.generation, p->x ? p->x->rec.generation : 0,
			     p->e->inbound ? p->e->inbound->began : 0) + 1;
	p->cut = drp_cut_alloc(op, DRP_RECORD_MAX);
	if (!p->cut)
		return drp_op_refuse(op, DRP_RV_FAILED, "no memory for the cut");
	/* Once before the gate closes, so that the flush inside, and what follows, is short. */
	if (p->e->inbound && !op->frozen)
		drp_turn_settle(p->e->inbound);
	r = flush_source(p, false);
	if (!r && p->x)
		r = stop_target(p);
	if (r) {
		drp_op_thaw(op);
		drp_cut_end(p->cut, false);
		return r;
	}
	r = cut_source(p);
	drp_op_thaw(op);
	if (r) {
		drp_cut_end(p->cut, false);
		forget_cut(p);
		if (p->x)
			drp_gate_open(&p->x->gate);
	}
	return r;
}

/*
 * It holds with @c. What hosts had written in the middle of a restore is of the
 * point in time, so it is durably here before that. 0 or a refusal.
 */
static int point_confirm(struct point *p, struct drp_changes *c)
{
	struct drp_turn *t = p->e->inbound;
	const char *why = "the metadata cannot be written";
	int r = t ? drp_turn_settle(t) : 0;

	if (!r && time_after(jiffies, p->end))
		r = -ETIMEDOUT;
	if (r && !t)
		why = "it took longer than the deadline";
	else if (r)
		why = r == -ETIMEDOUT ? "what was written during its restore takes too long to flush" :
					"what was written during its restore cannot be flushed";
	r = r ?: drp_changes_commit(c, drp_cut_id(p->cut));
	drp_cut_end(p->cut, !r);
	if (!r)
		return 0;
	forget_cut(p);
	return drp_op_refuse(p->op, r == -ETIMEDOUT ? DRP_RV_TIMEOUT : DRP_RV_FAILED, "%s",
			     r == -ENOMEM ? "no memory" : why);
}

/* ---- checks ---- */

/* Is anything about to change what @e shows, or has it no content to keep? */
static int check_content(struct drp_op *op, struct drp_element *e)
{
	struct drp_sync *up = e->plan->up, *s;
	unsigned long id;

	if (drp_element_virtual(e) && !drp_snapshot_live(e))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s has no point in time, so nothing that could be kept",
				     e->rec.name);
	/* One by an older version of the module does not say when it began. */
	if (e->inbound && !e->inbound->began)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is being %s: wait for that",
				     e->rec.name,
				     drp_turn_is_clone(e->inbound) ? "cloned to" : "restored");
	if (up && !up->removed && !drp_sync_consistent(up))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s is the target of %s, whose copy is not finished: wait for that",
				     e->rec.name, up->rec.name);
	/* In the middle of a restore it shows what that leads to, unless nobody knows any more what. */
	xa_for_each(&op->pool->syncs, id, s)
		if (s->source == e && s->rec.reverse &&
		    (s->rec.copy_state == DRP_CS_INVALID || e->inbound != s->turn))
			return drp_op_refuse(op, DRP_RV_INVALID_STATE,
					     "%s is only half restored from %s: finish that first",
					     e->rec.name, s->target->rec.name);
	return 0;
}

int drp_snapshot_check_source(struct drp_op *op, struct drp_element *e)
{
	struct drp_element *root = drp_snapshot_root(e);

	if (!op->pool->cow)
		return drp_op_refuse(op, DRP_RV_NO_SPACE,
				     "pool %s has no COW device, where snapshots keep old data: give its table one",
				     op->pool->sb.name);
	if (!e->rec.size_sectors)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s has no size yet: attach it once",
				     e->rec.name);
	if (!root || !root->live || !e->live)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is not attached: activate it first",
				     (e->live && root ? root : e)->rec.name);
	return check_content(op, e);
}

static int check_depth(struct drp_op *op, struct drp_element *e)
{
	if (drp_snapshot_depth(e) < DRP_SNAPSHOT_DEPTH)
		return 0;
	return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED,
			     "%s is a snapshot of level %u already: that is as deep as it goes",
			     e->rec.name, DRP_SNAPSHOT_DEPTH);
}

/* ---- create ---- */

struct names {
	u64 sync_id, element_id;
	char sync[DRP_NAME_MAX + 1];
	const char *element;
};

static int check_settings(struct drp_op *op)
{
	const struct drp_settings *set = &op->req.settings;

	if (set->mask & DRP_SET_MODE && set->mode != DRP_MODE_SYNC)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "a snapshot has no mode but Synchronous");
	if (set->skip_initial_copy)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "a snapshot has no initial copy to skip");
	if (set->mask & DRP_SET_WAIT_STATE &&
	    !drp_state_can_wait_for(DRP_SYNC_SNAPSHOT, 0, set->wait_state))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "creation never leads to %s",
				     drp_name(DRP_ENUM_COPY_STATE, set->wait_state));
	if (!(set->mask & DRP_SET_TARGET_NAME))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "the target of a snapshot is made with it: name it by target_name");
	return 0;
}

static int check_aspect(struct drp_op *op, const struct drp_element *e)
{
	const struct drp_settings *set = &op->req.settings;
	const struct drp_aspect_rec *a = xa_load(&op->pool->aspects, set->aspect_id);

	if (!(set->mask & DRP_SET_ASPECT))
		return 0;
	if (!a)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no aspect %llu",
				     set->aspect_id);
	if (!a->generation || a->source_id != e->rec.id)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "the aspect %s keeps no point in time of %s", a->name,
				     e->rec.name);
	if (set->mask & DRP_SET_WAIT_STATE && set->wait_state == DRP_CS_INACTIVE)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "a snapshot of an aspect has its point in time at once");
	return 0;
}

static int check_id(struct drp_op *op, const char *what, u64 id)
{
	u64 next = op->pool->rec.next_id;

	if (id && id < next)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "%s id %llu was used before; ids from %llu on are free", what,
				     id, next);
	if (id > next + IDS_AHEAD_MAX)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "%s id %llu is too far ahead of %llu", what, id, next);
	return 0;
}

static int choose_ids(struct drp_op *op, struct names *n)
{
	u64 sync = op->req.id, element = op->req.target_id, next = op->pool->rec.next_id;
	int r = check_id(op, "sync", sync) ?: check_id(op, "target", element);

	if (r)
		return r;
	if (sync && sync == element)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "sync and target both have the id %llu: give different ones", sync);
	if (!element)
		element = sync == next ? next + 1 : next;
	if (!sync)
		sync = element == next ? next + 1 : next;
	n->sync_id = sync;
	n->element_id = element;
	return 0;
}

static int check_names(struct drp_op *op, struct names *n)
{
	const struct drp_settings *set = &op->req.settings;
	char mangled[DM_NAME_LEN];

	n->element = set->target_name;
	if (set->mask & DRP_SET_NAME)
		strscpy(n->sync, set->name, sizeof(n->sync));
	else
		snprintf(n->sync, sizeof(n->sync), "sync%llu", n->sync_id);
	if (drp_name_problem(n->element))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "name \"%s\": %s", n->element,
				     drp_name_problem(n->element));
	if (drp_name_problem(n->sync))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "name \"%s\": %s", n->sync,
				     drp_name_problem(n->sync));
	if (drp_find_by_name_held(op->pool, DRP_OBJ_ELEMENT, n->element))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "element \"%s\" exists: a snapshot's target is made with it, choose another name",
				     n->element);
	if (drp_find_by_name_held(op->pool, DRP_OBJ_SYNC, n->sync))
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "name \"%s\" is taken", n->sync);
	if (drp_dm_name(mangled, sizeof(mangled), op->pool->sb.name, n->element) < 0)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "name \"%s\" is too long: with the pool's it does not fit a dm name",
				     n->element);
	return 0;
}

static int check(struct drp_op *op, struct drp_element **source, struct names *n)
{
	struct drp_element *e = drp_pool_element(op->pool, op->req.source_id);
	int r;

	if (!e)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no element %llu",
				     op->req.source_id);
	*source = e;
	r = check_settings(op) ?: check_aspect(op, e) ?: drp_snapshot_check_source(op, e) ?:
	    check_depth(op, e) ?: choose_ids(op, n) ?: check_names(op, n);
	if (!r && !drp_catalog_has_room(op->pool, 2 * DRP_CATALOG_OBJECT_BYTES +
					drp_catalog_plane_bytes(op->pool, 0)))
		r = drp_op_refuse(op, DRP_RV_NO_SPACE,
				  "the metadata device has no room for another snapshot");
	return r;
}

static void fill_target(const struct drp_element *e, const struct names *n,
			struct drp_element_rec *rec)
{
	*rec = (struct drp_element_rec){
		.id = n->element_id,
		.size_sectors = e->rec.size_sectors,
		.read_policy = DRP_READ_SOURCE,
		.active_extents_max = DRP_ACTIVE_MAX_DEFAULT,
		.created = drp_now(),
		.parent_element = e->rec.id,
	};
	strscpy(rec->name, n->element, sizeof(rec->name));
	generate_random_uuid(rec->uuid);
	memcpy(rec->wwid, rec->uuid, sizeof(rec->wwid));
}

static void fill_sync(struct drp_op *op, const struct drp_element *e, const struct names *n,
		      struct drp_sync_rec *rec)
{
	const struct drp_settings *set = &op->req.settings;

	*rec = (struct drp_sync_rec){
		.id = n->sync_id,
		.source_id = e->rec.id,
		.target_id = n->element_id,
		.sync_type = DRP_SYNC_SNAPSHOT,
		.mode = DRP_MODE_SYNC,
		.copy_state = DRP_CS_INACTIVE,
		.requested_copy_state = DRP_CS_NOT_APPLICABLE,
		.progress_status = DRP_PS_REQUIRES_ACTIVATE,
		.recovery_mode = DRP_RECOVERY_AUTOMATIC,
		.copy_priority = DRP_PRIO_SAME,
		.when_established = drp_now(),
	};
	strscpy(rec->name, n->sync, sizeof(rec->name));
	if (set->mask & DRP_SET_RECOVERY_MODE)
		rec->recovery_mode = set->recovery_mode;
	if (set->mask & DRP_SET_COPY_PRIORITY)
		rec->copy_priority = set->copy_priority;
	rec->failed_copy_stops_host_io = set->failed_copy_stops_host_io;
	rec->auto_delete = set->auto_delete;
	rec->rate_limit = set->rate_limit;
}

/* @rec shows the point in time. */
static void fill_point(const struct point *p, struct drp_element_rec *x, struct drp_sync_rec *rec)
{
	x->generation = p->generation;
	x->parent_generation = p->generation;
	rec->copy_state = DRP_CS_SYNCHRONIZED;
	rec->requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec->progress_status = DRP_PS_COMPLETED;
	rec->target_consistent = true;
	rec->in_sync = true;
	/* What is overwritten is preserved first, which sets it; of a moment that is over it is not known. */
	rec->source_changed = !p->e || drp_element_virtual(p->e);
	rec->target_changed = false;
	rec->error_text[0] = '\0';
	rec->when_activated = p->time;
	rec->when_synced = p->time;
	rec->when_synchronized = p->time;
}

static void report_made(struct drp_pool *pool, u64 element, u64 sync)
{
	struct drp_event event = {
		.type = DRP_EVENT_CREATED,
		.element_id = element,
		.sync_id = sync,
	};

	drp_event_report(pool, &event);
}

static void publish(struct drp_op *op, struct drp_sync *s)
{
	drp_sync_refresh(s);
	op->res.object_id = s->rec.id;
	report_made(op->pool, s->target->rec.id, 0);
	report_made(op->pool, 0, s->rec.id);
	drp_sync_report(s);
}

/* A point in time that an aspect keeps. */
static void fill_from(const struct drp_aspect_rec *a, struct drp_element_rec *x,
		      struct drp_sync_rec *rec)
{
	const struct point p = { .generation = a->generation, .time = a->when_synced };

	fill_point(&p, x, rec);
	rec->when_activated = drp_now();
	rec->when_synchronized = rec->when_activated;
}

static int commit_new(struct drp_op *op, struct drp_sync *s, struct point *p)
{
	struct drp_changes c = {
		.pool = op->pool,
		.next_id = max(s->rec.id, s->target->rec.id) + 1,
	};
	int r;

	if (p)
		fill_point(p, &s->target->rec, &s->rec);
	drp_change_new_element(&c, s->target);
	drp_change_new_sync(&c, s);
	if (p)
		return point_confirm(p, &c);
	r = drp_changes_commit(&c, 0);
	return r ? drp_op_refuse(op, DRP_RV_FAILED, r == -ENOMEM ? "no memory" :
				 "the metadata cannot be written") : 0;
}

static struct drp_sync *make_objects(struct drp_op *op, struct drp_element *e,
				     const struct names *n)
{
	struct drp_element_rec element;
	struct drp_element *x;
	struct drp_sync_rec sync;
	struct drp_sync *s;

	fill_target(e, n, &element);
	fill_sync(op, e, n, &sync);
	x = drp_element_alloc(op->pool, &element);
	if (IS_ERR(x))
		return ERR_CAST(x);
	s = drp_sync_make(op->pool, &sync, e, x, false);
	if (IS_ERR(s))
		drp_element_retire(x);
	else
		x->snap = s;
	return s;
}

/* Not there yet; NULL: refused. */
static struct drp_sync *make(struct drp_op *op, struct drp_element *e, const struct names *n)
{
	const struct drp_settings *set = &op->req.settings;
	struct drp_sync *s = make_objects(op, e, n);

	if (IS_ERR(s)) {
		if (PTR_ERR(s) == -ENOSPC)
			drp_op_refuse(op, DRP_RV_NO_SPACE,
				      "the metadata device has no room for another snapshot");
		else
			drp_op_refuse(op, DRP_RV_FAILED, "no memory");
		return NULL;
	}
	if (set->mask & DRP_SET_ASPECT)
		fill_from(xa_load(&op->pool->aspects, set->aspect_id), &s->target->rec, &s->rec);
	return s;
}

struct drp_sync *drp_snapshot_make(struct drp_op *op)
{
	struct drp_element *e;
	struct names n;

	return check(op, &e, &n) ? NULL : make(op, e, &n);
}

void drp_snapshot_unmake(struct drp_sync *s)
{
	struct drp_element *x = s->target;

	drp_sync_retire(s);
	drp_element_retire(x);
}

int drp_snapshot_add(struct drp_op *op, struct drp_sync *s)
{
	int r = commit_new(op, s, NULL);

	if (r)
		drp_snapshot_unmake(s);
	else
		publish(op, s);
	return r;
}

static int create(struct drp_op *op, struct drp_element *e, const struct names *n)
{
	const struct drp_settings *set = &op->req.settings;
	bool active = !(set->mask & DRP_SET_ASPECT) &&
		      (!(set->mask & DRP_SET_WAIT_STATE) || set->wait_state != DRP_CS_INACTIVE);
	struct point p = { .op = op, .e = e };
	struct drp_sync *s = make(op, e, n);
	int r;

	if (!s)
		return op->error;
	if (!active)
		return drp_snapshot_add(op, s);
	r = point_begin(&p) ?: commit_new(op, s, &p);
	if (r)
		drp_snapshot_unmake(s);
	else
		publish(op, s);
	return r;
}

int drp_op_create_snapshot(struct drp_op *op)
{
	struct drp_element *e;
	struct names n;
	int r = check(op, &e, &n);

	if (r)
		return r;
	if (op->req.dry_run) {
		snprintf(op->res.text, sizeof(op->res.text),
			 "%s would become a snapshot of %s; nothing would be overwritten",
			 n.element, e->rec.name);
		return 0;
	}
	return create(op, e, &n);
}

/* ---- Activate, Resync Replica ---- */

int drp_op_snapshot_point(struct drp_op *op, struct drp_sync *s)
{
	struct drp_element *x = s->target;
	struct drp_element_rec element;
	struct point p = { .op = op, .e = s->source, .x = x };
	struct drp_changes c = { .pool = op->pool };
	struct drp_sync_rec rec = s->rec;
	int r;

	r = drp_snapshot_check_source(op, s->source) ?: drp_snapshot_check_unused(op, x);
	if (!r)
		r = point_begin(&p);
	if (r)
		return r;
	element = x->rec;
	c.reclaim = element.parent_generation;
	drp_op_merge_settings(op, &rec);
	fill_point(&p, &element, &rec);
	drp_change_element(&c, x, &element);
	drp_change_sync(&c, s, &rec);
	r = point_confirm(&p, &c);
	/* Before the first write of the new content, which must be noted anew. */
	if (!r)
		drp_sync_refresh(s);
	drp_gate_open(&x->gate);
	if (r)
		return r;
	drp_element_drop_cache(x);
	drp_sync_report(s);
	/* What a turn's copies preserve for may have been this one's. */
	drp_snapshot_settle(s->source, drp_op_deadline(op));
	if (c.reclaim)
		drp_reclaim_kick(op->pool);
	return 0;
}

/* ---- the file system on the source ---- */

/* Whose point in time the request will take, or NULL. op_lock held. */
static struct drp_element *source_of(struct drp_op *op)
{
	const struct drp_settings *set = &op->req.settings;
	struct drp_sync *s;

	if (op->req.kind == DRP_REQ_CREATE_SYNC) {
		if (op->req.sync_type != DRP_SYNC_SNAPSHOT || set->mask & DRP_SET_ASPECT ||
		    (set->mask & DRP_SET_WAIT_STATE && set->wait_state == DRP_CS_INACTIVE))
			return NULL;
		return drp_pool_element(op->pool, op->req.source_id);
	}
	if (op->req.kind != DRP_REQ_MODIFY || op->req.object != DRP_OBJ_SYNC)
		return NULL;
	s = drp_pool_sync(op->pool, op->req.id);
	if (!s || !drp_sync_is_snapshot(s))
		return NULL;
	if (op->req.operation == DRP_OP_RESYNC_REPLICA ||
	    (op->req.operation == DRP_OP_ACTIVATE && s->rec.copy_state == DRP_CS_INACTIVE))
		return s->source;
	return NULL;
}

void drp_op_thaw(struct drp_op *op)
{
	if (op->frozen)
		drp_freeze_end_soon(op->frozen);
	op->frozen = NULL;
}

struct drp_freeze *drp_op_freeze_source(struct drp_op *op)
{
	struct mapped_device *md = NULL;
	struct drp_element *e;
	unsigned int flags;

	if (op->req.dry_run || (op->req.settings.mask & DRP_SET_FREEZE && !op->req.settings.freeze))
		return NULL;
	flags = drp_op_begin(op->pool);
	e = op->pool->active && !op->pool->suspended ? source_of(op) : NULL;
	if (e && e->live) {
		md = dm_table_get_md(e->live->ti->table);
		if (dm_hold(md))
			md = NULL;
	}
	/* Now, for it waits for the journal. */
	if (md && drp_pool_writable(op->pool)) {
		drp_job_ensure_ids(op->pool);
		if (e->inbound)
			drp_turn_settle(e->inbound);
	}
	drp_op_end(op->pool, flags);
	if (!md)
		return NULL;
	op->end = jiffies + drp_op_deadline(op);
	return drp_freeze_begin(md, drp_op_deadline(op));
}
