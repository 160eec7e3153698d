// SPDX-License-Identifier: GPL-2.0-only
/*
 * Points in time that cannot be kept: COW space is full or fails, or what they
 * come from is not what it was. Contract rules 2 and 7.
 *
 * A reader that is on its way to the source's device must be through before
 * that is overwritten, so the target's gate is drained first, and what depends
 * on a point in time goes before that does.
 */
#include <linux/slab.h>

#include "cow.h"
#include "io.h"
#include "job.h"
#include "op_snapshot.h"
#include "op_snapshot_internal.h"
#include "preserve.h"
#include "reclaim.h"

#define DRAIN_TIMEOUT	(30 * HZ)
#define SETTLE_TIMEOUT	(10 * HZ)
#define TRIES_MAX	3
#define TRIES_WINDOW	(10 * HZ)

/* ---- losing ---- */

static int lose_aspects(struct drp_element *e, u64 generation)
{
	struct drp_pool *pool = e->pool;
	struct drp_aspect_rec *a;
	unsigned long id;
	int r;

	xa_for_each(&pool->aspects, id, a) {
		struct drp_event event = {
			.type = DRP_EVENT_DELETED,
			.aspect_id = id,
			.message = "COW space is full or its source was changed outside",
		};
		struct drp_changes c = { .pool = pool, .reclaim = true };

		if (a->source_id != e->rec.id || !a->generation ||
		    (generation && a->generation != generation))
			continue;
		drp_change_del(&c, DRP_OBJ_ASPECT, id);
		r = drp_changes_commit(&c, 0);
		if (r)
			return r;
		pr_warn("dm-replica: aspect %s of %s is lost\n", a->name, e->rec.name);
		drp_event_report(pool, &event);
		kfree(a);
	}
	return 0;
}

/* The records say so. @x's gate is closed and drained. */
static int commit_lost(struct drp_element *x, u16 state, const char *why)
{
	struct drp_changes c = { .pool = x->pool, .reclaim = true };
	struct drp_element_rec element = x->rec;
	u64 job_id = x->snap ? x->snap->rec.job_id : 0;
	struct drp_sync_rec rec;
	int r;

	if (x->snap) {
		if (x->snap->copier)
			drp_copy_stop(x->snap->copier);
		rec = x->snap->rec;
		rec.copy_state = state;
		rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
		rec.progress_status = DRP_PS_NOT_APPLICABLE;
		rec.target_consistent = false;
		rec.in_sync = false;
		rec.reverse = false;
		rec.job_id = 0;
		strscpy(rec.error_text, why, sizeof(rec.error_text));
		drp_change_sync(&c, x->snap, &rec);
	} else {
		element.parent_generation = 0;
		drp_change_element(&c, x, &element);
	}
	r = drp_changes_commit(&c, 0);
	if (r)
		return r;
	pr_warn("dm-replica: snapshot %s is lost: %s\n", x->rec.name, why);
	/* Only a source that is not attached loses one that is being restored. */
	if (x->snap)
		drp_snapshot_restore_lost(x->snap);
	if (job_id)
		drp_job_end(x->pool, job_id, DRP_JOB_EXCEPTION, DRP_RV_FAILED, why);
	drp_element_refresh_access(x);
	if (x->snap)
		drp_sync_report(x->snap);
	return 0;
}

static int lose_one(struct drp_element *x, u16 state, const char *why)
{
	int r;

	if (!drp_snapshot_live(x))
		return 0;
	WRITE_ONCE(x->access, DRP_ACCESS_NONE);
	drp_gate_close(&x->gate);
	r = drp_gate_wait_drained(&x->gate, DRAIN_TIMEOUT) ? 0 : -ETIMEDOUT;
	r = r ?: commit_lost(x, state, why);
	if (r)
		drp_element_refresh_access(x);
	drp_gate_open(&x->gate);
	if (!r)
		drp_element_drop_cache(x);
	return r;
}

/* @x and all that comes from it. The depth is bounded: see DRP_SNAPSHOT_DEPTH. */
static int lose(struct drp_element *x, u16 state, const char *why)
{
	int r = drp_snapshot_lose_all(x, state, why);

	return r ?: lose_one(x, state, why);
}

int drp_snapshot_lose_all(struct drp_element *e, u16 state, const char *why)
{
	struct drp_element *x;
	unsigned long id;
	int r = 0;

	xa_for_each(&e->pool->elements, id, x) {
		if (x->rec.parent_element == e->rec.id)
			r = lose(x, state, why);
		if (r)
			return r;
	}
	return lose_aspects(e, 0);
}

/* ---- a full space ---- */

/* Of @e: whose copy matters least, then the oldest; NULL: none may go. */
static struct drp_element *victim_of(struct drp_element *e)
{
	struct drp_element *x, *victim = NULL;
	u64 best_time = 0, time;
	u16 best = 0, prio;
	unsigned long id;

	xa_for_each(&e->pool->elements, id, x) {
		if (x->rec.parent_element != e->rec.id || !drp_snapshot_live(x))
			continue;
		if (x->snap && (x->snap->rec.failed_copy_stops_host_io || x->snap->rec.reverse))
			continue;
		prio = x->snap ? x->snap->rec.copy_priority : DRP_PRIO_SAME;
		time = x->snap ? x->snap->rec.when_synced : x->rec.created;
		if (victim && (prio > best || (prio == best && time >= best_time)))
			continue;
		victim = x;
		best = prio;
		best_time = time;
	}
	return victim;
}

/* Does anything of @e stop its hosts' I/O rather than go? */
static bool stops_host(struct drp_element *e)
{
	struct drp_element *x;
	unsigned long id;

	xa_for_each(&e->pool->elements, id, x)
		if (x->rec.parent_element == e->rec.id && drp_snapshot_live(x) && x->snap &&
		    (x->snap->rec.failed_copy_stops_host_io || x->snap->rec.reverse))
			return true;
	return false;
}

struct retry {
	struct drp_reclaim_waiter waiter;
	struct drp_pool *pool;
	u64 element_id;
};

static void reclaimed(struct drp_reclaim_waiter *waiter, int error)
{
	struct retry *retry = container_of(waiter, struct retry, waiter);

	struct drp_pool *pool = retry->pool;
	struct drp_element *e;
	unsigned int flags;

	if (error != -ECANCELED) {
		flags = drp_op_begin(pool);
		e = drp_pool_element(pool, retry->element_id);
		if (e)
			queue_work(pool->op_wq, &e->full_work);
		drp_op_end(pool, flags);
	}
	kfree(retry);
}

/* Deleted snapshots' space may still come back: true, we are called again. */
static bool wait_for_reclaim(struct drp_element *e)
{
	struct retry *retry;

	/* A whole pass, or one that failed: another one would not bring more. */
	if (!e->pool->rec.reclaim || e->full_reclaimed)
		return false;
	retry = kzalloc(sizeof(*retry), GFP_NOIO);
	if (!retry)
		return false;
	retry->pool = e->pool;
	retry->element_id = e->rec.id;
	retry->waiter.done = reclaimed;
	e->full_reclaimed = true;
	drp_reclaim_wait(e->pool, &retry->waiter);
	return true;
}

static bool has_room(struct drp_pool *pool)
{
	struct drp_cow_space space;

	drp_cow_space(pool->cow, &space);
	return space.used < space.slots;
}

/* It may have been a matter of the moment; but if it stays so, that is no help. */
static bool worth_a_try(struct drp_element *e)
{
	if (time_after(jiffies, e->full_since + TRIES_WINDOW)) {
		e->full_since = jiffies;
		e->full_tries = 0;
	}
	return has_room(e->pool) && e->full_tries++ < TRIES_MAX;
}

/* What the writers of @e are told: 0: try again, -ENOSPC. */
static int decide(struct drp_element *e)
{
	const char *why = has_room(e->pool) ? "what it needs cannot be preserved" :
					      "COW space is full";
	struct drp_element *victim = victim_of(e);
	u64 generation = victim ? victim->rec.parent_generation : 0;
	int r;

	if (!victim && stops_host(e))
		return -ENOSPC;
	r = victim ? lose(victim, DRP_CS_BROKEN, why) : 0;
	/* An aspect of the same moment needs the same chunks. */
	if (!r)
		r = lose_aspects(e, generation);
	if (r)
		return -EIO;
	drp_snapshot_settle(e, SETTLE_TIMEOUT);
	drp_reclaim_kick(e->pool);
	return 0;
}

void drp_snapshot_full_work(struct work_struct *work)
{
	struct drp_element *e = container_of(work, struct drp_element, full_work);
	unsigned int flags = drp_op_begin(e->pool);
	bool later = false;
	int r = 0;

	if (!e->pool->stopping && e->pool->cow && !worth_a_try(e)) {
		later = wait_for_reclaim(e);
		if (!later)
			r = decide(e);
	}
	if (e->pool->cow)
		drp_snapshot_watch(e->pool);
	if (!later) {
		e->full_reclaimed = false;
		drp_preserve_decided(e, r);
	}
	drp_op_end(e->pool, flags);
}

void drp_snapshot_exhausted(struct drp_element *e)
{
	queue_work(e->pool->op_wq, &e->full_work);
}
