// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "copy.h"
#include "element.h"
#include "io.h"
#include "job.h"
#include "op.h"
#include "snapshot.h"
#include "turn.h"

u64 drp_sync_nr_regions(const struct drp_sync *s)
{
	if (drp_sync_is_snapshot(s))
		return 1;
	return (s->source->rec.size_sectors + (1ULL << s->pool->region_shift) - 1) >>
	       s->pool->region_shift;
}

bool drp_sync_has_legs(const struct drp_sync *s)
{
	return s->source->live && (s->target->live || drp_sync_is_snapshot(s));
}

struct drp_sync *drp_sync_make(struct drp_pool *pool, const struct drp_sync_rec *rec,
			       struct drp_element *source, struct drp_element *target, bool ones)
{
	struct drp_sync *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return ERR_PTR(-ENOMEM);
	s->pool = pool;
	s->rec = *rec;
	s->source = source;
	s->target = target;
	if (WARN_ON_ONCE(!s->source || !s->target)) {
		kfree(s);
		return ERR_PTR(-EINVAL);
	}
	s->d = drp_plane_create(&pool->md, rec->id, DRP_PLANE_D, drp_sync_nr_regions(s),
				ones && !drp_sync_is_snapshot(s));
	if (IS_ERR_OR_NULL(s->d)) {
		int r = s->d ? PTR_ERR(s->d) : -ENOMEM;

		kfree(s);
		return ERR_PTR(r);
	}
	s->flow = DRP_FLOW_TRACK;
	INIT_WORK(&s->finish_work, drp_op_finish_work);
	INIT_DELAYED_WORK(&s->recover_work, drp_recover_work);
	return s;
}

struct drp_sync *drp_sync_alloc(struct drp_pool *pool, const struct drp_sync_rec *rec, bool ones)
{
	return drp_sync_make(pool, rec, drp_pool_element(pool, rec->source_id),
			     drp_pool_element(pool, rec->target_id), ones);
}

void drp_sync_free(struct drp_sync *s)
{
	cancel_delayed_work_sync(&s->recover_work);
	if (s->copier)
		drp_copier_free(s->copier);
	cancel_work_sync(&s->finish_work);
	if (s->turn)
		drp_turn_free(s->turn);
	drp_plane_destroy(s->d);
	kfree(s);
}

static void free_work(struct work_struct *work)
{
	struct drp_sync *s = container_of(work, struct drp_sync, free_work);

	/* A checkpoint that began before it went may still look at it. */
	mutex_lock(&s->pool->checkpoint_lock);
	mutex_unlock(&s->pool->checkpoint_lock);
	drp_sync_free(s);
}

void drp_sync_retire(struct drp_sync *s)
{
	s->removed = true;
	INIT_WORK(&s->free_work, free_work);
	queue_work(s->pool->op_wq, &s->free_work);
}

/* A clone that is copied, or restored from. */
static bool needs_both(const struct drp_sync *s)
{
	if (s->rec.partial)
		return s->rec.copy_state != DRP_CS_BROKEN;
	return s->rec.sync_type == DRP_SYNC_CLONE && s->rec.reverse &&
	       s->rec.copy_state == DRP_CS_UNSYNCHRONIZED;
}

u16 drp_sync_seen_state(const struct drp_sync *s)
{
	u16 state = s->rec.copy_state;

	if (drp_sync_is_snapshot(s))
		return drp_snapshot_seen_state(s);
	if (needs_both(s) &&
	    (!drp_element_attached(s->target) || !drp_element_attached(s->source)))
		return DRP_CS_PARTITIONED;
	if (!drp_state_mirrors(s->rec.sync_type, state))
		return state;
	if (s->rec.partitioned || !drp_element_attached(s->target) ||
	    !drp_element_attached(s->source))
		return DRP_CS_PARTITIONED;
	/* The journal could not take the change: at least do not claim the old state. */
	if (READ_ONCE(s->flow) != DRP_FLOW_MIRROR && !drp_pool_writable(s->pool))
		return DRP_CS_BROKEN;
	return state;
}

bool drp_sync_consistent(const struct drp_sync *s)
{
	unsigned int hops = 0;

	while (s && hops++ <= DRP_HOPS_MAX) {
		if (!s->rec.target_consistent)
			return false;
		/* A split target no longer follows what its source suffers. */
		if (!drp_state_mirrors(s->rec.sync_type, s->rec.copy_state))
			return true;
		s = s->source->plan ? s->source->plan->up : NULL;
	}
	return true;
}

/* ---- a copy that waits ---- */

/* Where its copy has ended since, a leg is away or nothing can be recorded, that says itself why. rec_lock held. */
static enum drp_wait seen_wait(const struct drp_sync *s)
{
	if (!drp_pool_writable(s->pool))
		return DRP_WAIT_NONE;
	switch (drp_sync_seen_state(s)) {
	case DRP_CS_UNSYNCHRONIZED:
	case DRP_CS_SYNCHRONIZED:	/* differs, without anybody to copy it */
		return s->rec.partitioned ? DRP_WAIT_NONE : READ_ONCE(s->waits);
	default:
		return DRP_WAIT_NONE;
	}
}

void drp_sync_wait_text(const struct drp_sync *s, char text[DRP_IDENTITY_MAX + 1])
{
	const size_t size = DRP_IDENTITY_MAX + 1;

	switch (seen_wait(s)) {
	case DRP_WAIT_COW_FULL:
		snprintf(text, size, "COW space of pool %s is full: grow its device or return a snapshot",
			 s->pool->sb.name);
		return;
	case DRP_WAIT_INDEX_FULL:
		snprintf(text, size, "the index of COW space of pool %s is full: return a snapshot",
			 s->pool->sb.name);
		return;
	case DRP_WAIT_COW_FAILS:
		snprintf(text, size, "pool %s cannot preserve what snapshots need: see the kernel log",
			 s->pool->sb.name);
		return;
	case DRP_WAIT_MEMORY:
		strscpy(text, "no memory for its copy: it is tried again", size);
		return;
	default:
		text[0] = '\0';
	}
}

void drp_sync_set_wait(struct drp_sync *s, enum drp_wait wait)
{
	char text[DRP_IDENTITY_MAX + 1];
	u64 job_id;

	if (s->waits == wait)
		return;
	spin_lock(&s->pool->rec_lock);
	WRITE_ONCE(s->waits, wait);
	drp_sync_wait_text(s, text);
	job_id = s->rec.job_id;
	spin_unlock(&s->pool->rec_lock);
	if (text[0])
		pr_warn_ratelimited("dm-replica: sync %s: its copy waits: %s\n", s->rec.name, text);
	drp_job_set_text(s->pool, job_id, text);
	drp_sync_report(s);
}

/* What was under way has ended also where the journal could not take that. */
u16 drp_sync_seen_progress(const struct drp_sync *s, u16 seen_state)
{
	u16 now = READ_ONCE(s->progress_now);

	if (now)
		return now;
	if (seen_wait(s))
		return DRP_PS_PENDING;
	if (seen_state == DRP_CS_PARTITIONED)
		return DRP_PS_UNKNOWN;
	if (seen_state == DRP_CS_BROKEN && s->rec.copy_state != DRP_CS_BROKEN)
		return DRP_PS_NOT_APPLICABLE;
	return s->rec.progress_status;
}

/* ---- committing a new state ---- */

struct sync_commit {
	struct drp_commit_req req;
	struct drp_sync *s;
	const struct drp_sync_rec *rec;
	bool empty;
};

static int prepare_sync(struct drp_commit_req *req)
{
	struct sync_commit *c = container_of(req, struct sync_commit, req);

	return c->empty && !drp_plane_empty(c->s->d) ? -EAGAIN : 0;
}

static void apply_sync(struct drp_commit_req *req)
{
	struct sync_commit *c = container_of(req, struct sync_commit, req);

	spin_lock(&c->s->pool->rec_lock);
	c->s->rec = *c->rec;
	spin_unlock(&c->s->pool->rec_lock);
}

int drp_sync_commit(struct drp_sync *s, const struct drp_sync_rec *rec,
		    const void *extra, u32 extra_len, bool empty)
{
	const u32 room = DRP_RECORD_MAX + 64 + extra_len;
	struct sync_commit c = { .s = s, .rec = rec, .empty = empty };
	u16 before = s->rec.copy_state, progress = s->rec.progress_status;
	u8 *buf;
	int len, r;

	buf = kmalloc(room, GFP_NOIO | __GFP_NOFAIL);
	len = drp_encode_sync(rec, buf, room);
	if (len > 0 && empty) {
		r = drp_encode_plane_all(rec->id, DRP_PLANE_D, false, buf + len, room - len);
		len = r < 0 ? r : len + r;
	}
	if (len < 0) {
		kfree(buf);
		return len;
	}
	if (extra_len)
		memcpy(buf + len, extra, extra_len);
	c.req.records = buf;
	c.req.len = len + extra_len;
	c.req.prepare = prepare_sync;
	c.req.apply = apply_sync;
	r = drp_commit_wait(&s->pool->cm, &c.req);
	kfree(buf);
	if (!r && (before != rec->copy_state || progress != rec->progress_status))
		drp_sync_report(s);
	return r;
}

int drp_sync_confirm(struct drp_sync *s, const struct drp_sync_rec *rec, u64 cut_id,
		     const void *extra, u32 extra_len)
{
	struct sync_commit c = { .s = s, .rec = rec };
	u8 *buf = kmalloc(2 * DRP_RECORD_MAX, GFP_NOIO | __GFP_NOFAIL);
	int r = drp_encode_sync(rec, buf, DRP_RECORD_MAX);

	if (r > 0 && extra_len > DRP_RECORD_MAX - r)
		r = -ENOSPC;
	if (r > 0 && extra_len) {
		memcpy(buf + r, extra, extra_len);
		r += extra_len;
	}
	if (r > 0)
		r = drp_encode_confirm(cut_id, buf, r, buf + DRP_RECORD_MAX, DRP_RECORD_MAX);
	if (r > 0) {
		c.req.records = buf + DRP_RECORD_MAX;
		c.req.len = r;
		c.req.prepare = prepare_sync;
		c.req.apply = apply_sync;
		r = drp_commit_wait(&s->pool->cm, &c.req);
	}
	kfree(buf);
	if (!r)
		drp_sync_report(s);
	return r;
}

/* ---- what follows from the state ---- */

static enum drp_flow flow_of(const struct drp_sync *s)
{
	const struct drp_sync_rec *rec = &s->rec;

	if (s->removed)
		return DRP_FLOW_NONE;
	/* Until no I/O looks at its turn any more, or needs it: see op_clone.c. */
	if (s->turn && s->target->inbound == s->turn && !s->turn->given_up)
		return DRP_FLOW_CLONE;
	if (rec->reverse || rec->sync_type != DRP_SYNC_MIRROR)
		return DRP_FLOW_TRACK;
	if (drp_state_mirrors(rec->sync_type, rec->copy_state) && !rec->partitioned)
		return DRP_FLOW_MIRROR;
	if (rec->failed_copy_stops_host_io &&
	    (rec->copy_state == DRP_CS_BROKEN || rec->partitioned))
		return DRP_FLOW_STOP;
	return DRP_FLOW_TRACK;
}

/* Reads stop before the first write that only the source gets, and start after the last. */
void drp_sync_store_flow(struct drp_sync *s, enum drp_flow flow)
{
	if (flow != DRP_FLOW_MIRROR) {
		WRITE_ONCE(s->readable, false);
		if (s->flow == DRP_FLOW_MIRROR)
			WRITE_ONCE(s->unflushed, true);
		smp_wmb(); /* before the flow: who still reads there began before */
	}
	WRITE_ONCE(s->flow, flow);
}

void drp_sync_refresh(struct drp_sync *s)
{
	enum drp_flow flow = flow_of(s);

	WRITE_ONCE(s->source_noted, s->rec.source_changed);
	WRITE_ONCE(s->target_noted, s->rec.target_changed);
	drp_sync_store_flow(s, flow);
	WRITE_ONCE(s->readable, flow == DRP_FLOW_MIRROR &&
		   s->rec.copy_state == DRP_CS_SYNCHRONIZED && drp_plane_empty(s->d));
	drp_element_refresh_access(s->source);
	drp_element_refresh_access(s->target);
}

bool drp_sync_set_flow(struct drp_sync *s, enum drp_flow flow)
{
	struct drp_element *e = s->source;
	unsigned int hops = 0;
	bool waited = true;

	drp_sync_store_flow(s, flow);
	/* Writers come through the source or through what flows into it. */
	for (;;) {
		waited &= drp_grace_wait(&e->grace, 3 * HZ);
		if (!e->plan || !e->plan->up || hops++ > DRP_HOPS_MAX)
			return waited;
		e = e->plan->up->source;
	}
}

void drp_sync_report(struct drp_sync *s)
{
	char text[DRP_IDENTITY_MAX + 1];
	struct drp_event event = {
		.type = DRP_EVENT_COPY_STATE,
		.sync_id = s->rec.id,
	};

	spin_lock(&s->pool->rec_lock);
	event.copy_state = drp_sync_seen_state(s);
	event.progress_status = s->rec.progress_status;
	drp_sync_wait_text(s, text);
	if (text[0])
		event.progress_status = DRP_PS_PENDING;
	else
		strscpy(text, s->rec.error_text, sizeof(text));
	spin_unlock(&s->pool->rec_lock);
	event.message = text[0] ? text : NULL;
	drp_event_report(s->pool, &event);
}
