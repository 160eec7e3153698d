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
#define SETTLE_AGAIN_TIMEOUT	(HZ / 5)	/* often: I/O must go on between */
#define TRIES_MAX	3
#define TRIES_WINDOW	(10 * HZ)

/* ---- losing ---- */

static int lose_aspect(struct drp_element *e, struct drp_aspect_rec *a)
{
	struct drp_event event = {
		.type = DRP_EVENT_DELETED,
		.aspect_id = a->id,
		.message = "COW space is full or its source was changed outside",
	};
	struct drp_changes c = { .pool = e->pool, .reclaim = true };
	int r;

	drp_change_del(&c, DRP_OBJ_ASPECT, a->id);
	r = drp_changes_commit(&c, 0);
	if (r)
		return r;
	pr_warn("dm-replica: aspect %s of %s is lost\n", a->name, e->rec.name);
	drp_event_report(e->pool, &event);
	kfree(a);
	return 0;
}

/* Of @generation; 0: all. */
static int lose_aspects(struct drp_element *e, u64 generation)
{
	struct drp_aspect_rec *a;
	unsigned long id;
	int r;

	xa_for_each(&e->pool->aspects, id, a) {
		if (a->source_id != e->rec.id || !a->generation ||
		    (generation && a->generation != generation))
			continue;
		r = lose_aspect(e, a);
		if (r)
			return r;
	}
	return 0;
}

/* One that is lost. */
struct loss {
	struct drp_element *x;
	struct drp_element_rec element;
	struct drp_sync_rec rec;
	u64 job_id;
};

static void add_loss(struct drp_changes *c, struct loss *loss, u16 state, const char *why)
{
	struct drp_sync_rec *rec = &loss->rec;
	struct drp_element *x = loss->x;

	loss->element = x->rec;
	loss->job_id = 0;
	if (!x->snap) {
		loss->element.parent_generation = 0;
		drp_change_element(c, x, &loss->element);
		return;
	}
	if (x->snap->copier)
		drp_copy_stop(x->snap->copier);
	*rec = x->snap->rec;
	loss->job_id = rec->job_id;
	rec->copy_state = state;
	rec->requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec->progress_status = DRP_PS_NOT_APPLICABLE;
	rec->target_consistent = false;
	rec->in_sync = false;
	rec->reverse = false;
	rec->partitioned = false;
	rec->job_id = 0;
	strscpy(rec->error_text, why, sizeof(rec->error_text));
	drp_change_sync(c, x->snap, rec);
}

/* The record says so. */
static void end_loss(const struct loss *loss, const char *why)
{
	struct drp_element *x = loss->x;

	pr_warn("dm-replica: snapshot %s is lost: %s\n", x->rec.name, why);
	/* Only a source that is not attached, or is lost with it, loses one that is being restored. */
	if (x->snap)
		drp_snapshot_restore_lost(x->snap);
	if (loss->job_id)
		drp_job_end(x->pool, loss->job_id, DRP_JOB_EXCEPTION, DRP_RV_FAILED, why);
	drp_element_refresh_access(x);
	if (x->snap)
		drp_sync_report(x->snap);
}

/* The records say so, all at once. The gates of the @n of @losses are closed and drained. */
static int commit_lost(struct loss *losses, unsigned int n, u16 state, const char *why)
{
	struct drp_changes c = { .pool = losses->x->pool, .reclaim = true };
	unsigned int i;
	int r;

	for (i = 0; i < n; i++)
		add_loss(&c, &losses[i], state, why);
	r = drp_changes_commit(&c, 0);
	for (i = 0; i < n && !r; i++)
		end_loss(&losses[i], why);
	return r;
}

static int lose_one(struct drp_element *x, u16 state, const char *why)
{
	struct loss *losses;
	unsigned int i, n;
	int r = 0;

	if (!drp_snapshot_live(x))
		return 0;
	losses = kcalloc(2, sizeof(*losses), GFP_NOIO | __GFP_NOFAIL);
	losses[0].x = x;
	losses[1].x = drp_snapshot_goes_with(x);
	n = losses[1].x ? 2 : 1;
	for (i = 0; i < n; i++) {
		WRITE_ONCE(losses[i].x->access, DRP_ACCESS_NONE);
		drp_gate_close(&losses[i].x->gate);
	}
	for (i = 0; i < n && !r; i++)
		r = drp_gate_wait_drained(&losses[i].x->gate, DRAIN_TIMEOUT) ? 0 : -ETIMEDOUT;
	r = r ?: commit_lost(losses, n, state, why);
	for (i = 0; i < n; i++) {
		if (r)
			drp_element_refresh_access(losses[i].x);
		drp_gate_open(&losses[i].x->gate);
		if (!r)
			drp_element_drop_cache(losses[i].x);
	}
	kfree(losses);
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
	struct drp_element *last = e->nested ? e->nested->target : NULL, *x;
	unsigned long id;
	int r = 0;

	xa_for_each(&e->pool->elements, id, x) {
		if (x->rec.parent_element == e->rec.id && x != last)
			r = lose(x, state, why);
		if (r)
			return r;
	}
	r = lose_aspects(e, 0);
	/* What it is restored from takes @e with it, so all else that comes from @e is gone by then. */
	return r || !last ? r : lose(last, state, why);
}

int drp_snapshot_lose_in_turn(struct drp_element *e, const char *why)
{
	struct drp_element *x;
	unsigned long id;
	int r = 0;

	xa_for_each(&e->pool->elements, id, x) {
		if (x->rec.parent_element == e->rec.id && drp_snapshot_in_turn(x))
			r = lose(x, DRP_CS_INVALID, why);
		if (r)
			return r;
	}
	return 0;
}

/* ---- a full space ---- */

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
	if ((!e->pool->rec.reclaim && !drp_reclaim_due(e->pool)) || e->full_reclaimed)
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
	return drp_cow_space_left(&space);
}

/* It may have been a matter of the moment; but if it stays so, that is no help. */
static bool worth_a_try(struct drp_element *e)
{
	struct drp_cow_space space;

	if (time_after(jiffies, e->full_since + TRIES_WINDOW)) {
		e->full_since = jiffies;
		e->full_tries = 0;
	}
	drp_cow_space(e->pool->cow, &space);
	/* What was deleted since comes back to the index with the next checkpoint, for which who tries waits. */
	return (drp_cow_space_left(&space) || (space.used < space.slots && space.under_way)) &&
	       e->full_tries++ < TRIES_MAX;
}

/* A snapshot with AutoDelete, of any element, goes: 1, 0 (there is none), -EIO. */
static int give_up_one(struct drp_pool *pool)
{
	struct drp_victim victim;
	struct drp_element *parent;

	if (!drp_snapshot_victim(pool, NULL, 0, &victim))
		return 0;
	if (lose(victim.x, DRP_CS_BROKEN, "given up for room in COW space (AutoDelete)"))
		return -EIO;
	parent = drp_pool_element(pool, victim.x->rec.parent_element);
	if (parent)
		drp_snapshot_settle(parent, SETTLE_TIMEOUT);
	return 1;
}

/* One of @e that goes, up to generation @newest: 0 (or there is none), -ENOSPC, -EIO. */
static int lose_next(struct drp_element *e, u64 newest)
{
	struct drp_cow_space space;
	struct drp_victim victim;
	bool found, full;
	u64 generation;
	int r;

	drp_cow_space(e->pool->cow, &space);
	full = !drp_cow_space_left(&space);
	found = drp_snapshot_victim(e->pool, e, newest, &victim);
	/* But they have room that is needed. */
	if (!found && full)
		found = drp_snapshot_victim(e->pool, e, U64_MAX, &victim);
	if (!found)
		return drp_snapshot_stops_host(e, newest) ? -ENOSPC : 0;
	if (victim.aspect)
		return lose_aspect(e, victim.aspect) ? -EIO : 0;
	generation = victim.x->rec.parent_generation;
	r = lose(victim.x, DRP_CS_BROKEN, !full ? "what it needs cannot be preserved" :
			 space.used < space.slots ? "the index of COW space is full" :
						    "COW space is full");
	/* An aspect of the same moment needs the same chunks. */
	return r || lose_aspects(e, generation) ? -EIO : 0;
}

/* What the writers of @e are told: 0: try again, -ENOSPC. */
static int decide(struct drp_element *e)
{
	/* Those that were taken during a restore do not need what its copies wait for. */
	const u64 newest = drp_preserve_stuck(e);
	int r;

	/* Decided already. */
	if (!newest)
		return 0;
	/* I/O of its own hung: who waits does so for what is given up already. */
	if (drp_snapshot_unsettled(e) && drp_pool_writable(e->pool)) {
		drp_snapshot_settle(e, SETTLE_AGAIN_TIMEOUT);
		return 0;
	}
	/* What fails for another reason than room is not helped by theirs. */
	r = has_room(e->pool) || drp_snapshot_any_unsettled(e->pool) ? 0 : give_up_one(e->pool);
	if (r) {
		drp_reclaim_kick(e->pool);
		return min(r, 0);
	}
	r = lose_next(e, newest);
	if (r)
		return r;
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
		if (r == -ENOSPC)
			WRITE_ONCE(e->full_refusals, e->full_refusals + 1);
		e->full_reclaimed = false;
		drp_preserve_decided(e, r);
	}
	drp_op_end(e->pool, flags);
}

void drp_snapshot_exhausted(struct drp_element *e)
{
	queue_work(e->pool->op_wq, &e->full_work);
}

/* ---- the reserve ---- */

struct refresh {
	struct drp_reclaim_waiter waiter;
	struct drp_pool *pool;
};

static void refreshed(struct drp_reclaim_waiter *waiter, int error)
{
	struct refresh *refresh = container_of(waiter, struct refresh, waiter);
	struct drp_pool *pool = refresh->pool;
	unsigned int flags;

	kfree(refresh);
	if (error == -ECANCELED)
		return;
	flags = drp_op_begin(pool);
	pool->cow_waits = false;
	/* After a pass that failed the next look begins with another one. */
	pool->cow_reclaimed = !error;
	if (!error)
		queue_work(pool->op_wq, &pool->watch_work);
	drp_op_end(pool, flags);
}

/* What is garbage comes back before more is given up. */
static void refresh(struct drp_pool *pool)
{
	struct refresh *refresh = kzalloc(sizeof(*refresh), GFP_NOIO);

	if (!refresh) {
		drp_reclaim_kick(pool);
		return;
	}
	refresh->pool = pool;
	refresh->waiter.done = refreshed;
	pool->cow_waits = true;
	drp_reclaim_wait(pool, &refresh->waiter);
}

/* The reserve is touched: one snapshot with AutoDelete after the other, until it is whole. */
static void keep_reserve(struct drp_pool *pool)
{
	struct drp_victim victim;

	if (pool->cow_level < DRP_COW_LEVEL_RESERVE) {
		pool->cow_reclaimed = false;
		return;
	}
	if (pool->cow_waits || !drp_snapshot_victim(pool, NULL, 0, &victim))
		return;
	/* What was given up is still kept: more would bring nothing, either. */
	if (drp_snapshot_any_unsettled(pool)) {
		pool->cow_reclaimed = false;
		return;
	}
	if (pool->rec.reclaim && !pool->cow_reclaimed) {
		refresh(pool);
		return;
	}
	pool->cow_reclaimed = false;
	if (give_up_one(pool) > 0)
		refresh(pool);
}

void drp_snapshot_watch_work(struct work_struct *work)
{
	struct drp_pool *pool = container_of(work, struct drp_pool, watch_work);
	unsigned int flags = drp_op_begin(pool);

	if (pool->cow && pool->active && !pool->suspended && !pool->stopping && drp_pool_writable(pool)) {
		drp_snapshot_watch(pool);
		keep_reserve(pool);
	} else if (pool->cow) {
		/* Who passes a mark says so once: again, then. */
		drp_cow_watch(pool->cow, 0, 0);
	}
	drp_op_end(pool, flags);
}

void drp_snapshot_watch_kick(struct drp_pool *pool)
{
	queue_work(pool->op_wq, &pool->watch_work);
}
