// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extents: the write intent of an element. Activation is a journal record that
 * is durable before the write starts (contract rule 1); while the active set
 * has room, an aligned run is activated ahead with one record. Retirement is
 * part of a checkpoint: the extents that the new catalog does not list are
 * retired when its superblock is durable (rule 6).
 */
#include <linux/bitmap.h>
#include <linux/mm.h>

#include "cow.h"
#include "io.h"

void drp_extent_park(struct drp_element *e, struct bio *bio)
{
	struct drp_extent_queue *q = &e->pool->extents;
	unsigned long flags;
	bool queue;

	spin_lock_irqsave(&e->wait_lock, flags);
	bio_list_add(&e->waiting, bio);
	queue = !e->queued;
	e->queued = true;
	spin_unlock_irqrestore(&e->wait_lock, flags);

	if (queue) {
		spin_lock_irqsave(&q->lock, flags);
		list_add_tail(&e->queue_node, &q->waiting);
		spin_unlock_irqrestore(&q->lock, flags);
	}
	drp_committer_kick(&e->pool->cm);
}

/* The run to activate for @extent: a whole aligned one while there is room; 0: the set is full. */
static u64 choose_run(const struct drp_element *e, u64 extent, u64 *first)
{
	u64 run = round_down(extent, DRP_ACTIVE_RUN);
	u64 count = min_t(u64, DRP_ACTIVE_RUN, e->nr_extents - run);
	u64 max = e->rec.active_extents_max;

	if (e->nr_active + count <= max) {
		*first = run;
		return count;
	}
	*first = extent;
	return e->nr_active < max ? 1 : 0;
}

/* Mark a run as landing; what is active or landing already is not counted twice. */
static void mark_landing(struct drp_element *e, u64 first, u64 count)
{
	u64 x;

	for (x = first; x < first + count; x++)
		if (!test_bit(x, e->active) && !test_and_set_bit(x, e->landing))
			e->nr_active++;
	e->land_from = min(e->land_from, first);
	e->land_to = max(e->land_to, first + count);
}

enum gather_result { GATHER_ON, GATHER_SET_FULL, GATHER_COMMIT_FULL };

static enum gather_result gather_one(struct drp_element *e, u64 extent, struct drp_commit *c)
{
	u8 record[64];
	u64 first, count;
	int len;

	if (test_bit(extent, e->landing))
		return GATHER_ON;
	count = choose_run(e, extent, &first);
	if (!count)
		return GATHER_SET_FULL;
	len = drp_encode_activate(e->rec.id, first, count, record, sizeof(record));
	if (len < 0 || drp_commit_add(c, record, len))
		return GATHER_COMMIT_FULL;
	mark_landing(e, first, count);
	return GATHER_ON;
}

/* Look at all bios that wait for extents of @e; those that need not wait any more go to @ready. */
static enum gather_result gather_element(struct drp_element *e, struct drp_commit *c,
					 struct bio_list *ready)
{
	enum gather_result result = GATHER_ON;
	struct bio_list all;
	struct bio *bio;

	spin_lock_irq(&e->wait_lock);
	all = e->waiting;
	bio_list_init(&e->waiting);
	spin_unlock_irq(&e->wait_lock);

	while ((bio = bio_list_pop(&all))) {
		u64 extent = drp_extent_of(e->pool, drp_io_of(bio)->range.start);

		if (test_bit(extent, e->active)) {
			bio_list_add(ready, bio);
			continue;
		}
		if (result == GATHER_ON)
			result = gather_one(e, extent, c);
		spin_lock_irq(&e->wait_lock);
		bio_list_add(&e->waiting, bio);
		spin_unlock_irq(&e->wait_lock);
	}
	return result;
}

static struct drp_element *next_queued(struct drp_extent_queue *q, struct list_head *seen)
{
	struct drp_element *e;

	spin_lock_irq(&q->lock);
	e = list_first_entry_or_null(&q->waiting, struct drp_element, queue_node);
	if (e)
		list_move_tail(&e->queue_node, seen);
	spin_unlock_irq(&q->lock);
	return e;
}

/* Nobody waits any more: off the queue, so that no list holds it without need. */
static void unqueue_if_idle(struct drp_element *e)
{
	struct drp_extent_queue *q = &e->pool->extents;

	spin_lock_irq(&e->wait_lock);
	if (bio_list_empty(&e->waiting)) {
		e->queued = false;
		spin_lock(&q->lock);
		list_del_init(&e->queue_node);
		spin_unlock(&q->lock);
	}
	spin_unlock_irq(&e->wait_lock);
}

static void gather(void *ctx, struct drp_commit *c)
{
	struct drp_pool *pool = ctx;
	struct drp_extent_queue *q = &pool->extents;
	enum gather_result result = GATHER_ON;
	struct drp_element *e;
	struct bio_list ready;
	LIST_HEAD(seen);

	bio_list_init(&ready);
	while (result != GATHER_COMMIT_FULL && (e = next_queued(q, &seen))) {
		result = gather_element(e, c, &ready);
		if (result == GATHER_SET_FULL) {
			WRITE_ONCE(pool->checkpoint_retire_all, true);
			drp_committer_ops.want_checkpoint(pool);
		}
		if (list_empty(&e->land_node))
			list_add_tail(&e->land_node, &q->landing);
		unqueue_if_idle(e);
	}
	spin_lock_irq(&q->lock);
	list_splice(&seen, &q->waiting);
	spin_unlock_irq(&q->lock);
	drp_pool_rerun_bios(pool, &ready);
}

/* Landing extents become active, or (@error) nothing. Returns whether any bio may go on. */
static bool land_element(struct drp_element *e, int error)
{
	bool any = false;
	u64 x;

	for (x = e->land_from; x < e->land_to; x++) {
		if (!test_and_clear_bit(x, e->landing))
			continue;
		any = true;
		if (error) {
			e->nr_active--;
			continue;
		}
		clear_bit(x, e->aged);
		set_bit(x, e->touched);
		set_bit(x, e->active);
	}
	e->land_from = e->nr_extents;
	e->land_to = 0;
	return any || error;
}

static void release_waiting(struct drp_element *e)
{
	struct drp_extent_queue *q = &e->pool->extents;
	struct bio_list all;

	spin_lock_irq(&e->wait_lock);
	all = e->waiting;
	bio_list_init(&e->waiting);
	e->queued = false;
	spin_lock(&q->lock);
	list_del_init(&e->queue_node);
	spin_unlock(&q->lock);
	spin_unlock_irq(&e->wait_lock);
	drp_pool_rerun_bios(e->pool, &all);
}

static void landed(void *ctx, int error)
{
	struct drp_pool *pool = ctx;
	struct drp_extent_queue *q = &pool->extents;
	struct drp_element *e, *next;
	LIST_HEAD(orphans);

	list_for_each_entry_safe(e, next, &q->landing, land_node) {
		list_del_init(&e->land_node);
		if (land_element(e, error))
			release_waiting(e);
	}
	if (!error)
		return;
	/* No commit will ever succeed: who waits must find out. */
	while ((e = next_queued(q, &orphans)))
		release_waiting(e);
}

static u64 confirmed(void *ctx, u64 seq)
{
	struct drp_pool *pool = ctx;

	return pool->cow ? drp_cow_confirmed(pool->cow, seq) : seq - 1;
}

static void want_checkpoint(void *ctx)
{
	struct drp_pool *pool = ctx;

	if (pool->stopping)
		return;
	if (!READ_ONCE(pool->retire_futile))
		mod_delayed_work(pool->checkpoint_wq, &pool->checkpoint_work, 0);
	else if (!xchg(&pool->checkpoint_again, true))	/* once, or it would be put off for ever */
		mod_delayed_work(pool->checkpoint_wq, &pool->checkpoint_work, HZ / 10);
}

static void failed(void *ctx, int error)
{
	struct drp_pool *pool = ctx;

	drp_pool_set_mode(pool, DRP_POOL_RO, "a journal write failed");
}

const struct drp_committer_ops drp_committer_ops = {
	.gather = gather,
	.landed = landed,
	.confirmed = confirmed,
	.want_checkpoint = want_checkpoint,
	.failed = failed,
};

void drp_extents_forget(struct drp_element *e)
{
	struct drp_extent_queue *q = &e->pool->extents;

	mutex_lock(&e->pool->cm.ring_lock);
	list_del_init(&e->land_node);
	mutex_unlock(&e->pool->cm.ring_lock);
	spin_lock_irq(&q->lock);
	list_del_init(&e->queue_node);
	spin_unlock_irq(&q->lock);
}

/* ---- activation by the engine ---- */

struct activate_req {
	struct drp_commit_req req;
	struct drp_element *e;
	u64 first, count;
	u8 record[64];
};

static void apply_activate(struct drp_commit_req *req)
{
	struct activate_req *a = container_of(req, struct activate_req, req);
	struct drp_element *e = a->e;
	u64 x;

	for (x = a->first; x < a->first + a->count; x++) {
		if (!test_bit(x, e->landing) && !test_bit(x, e->active))
			e->nr_active++;
		clear_bit(x, e->aged);
		set_bit(x, e->touched);
		set_bit(x, e->active);
	}
}

int drp_extent_activate(struct drp_element *e, u64 extent)
{
	struct activate_req a = {
		.e = e,
		.first = extent,
		.count = 1,
	};
	int len;

	if (test_bit(extent, e->active))
		return 0;
	len = drp_encode_activate(e->rec.id, a.first, a.count, a.record, sizeof(a.record));
	if (len < 0)
		return len;
	a.req.records = a.record;
	a.req.len = len;
	a.req.apply = apply_activate;
	return drp_commit_wait(&e->pool->cm, &a.req);
}

/* ---- a sync goes: what came through it stays known ---- */

#define HAND_DOWN_RUNS	200	/* of one record each: they fit one request */

struct drp_hand_down {
	struct drp_commit_req req;
	struct drp_element *to;
	unsigned long *active, *written;	/* of all that flows into it */
	u64 gap;				/* bridged, so that the runs are few enough */
	u32 len;
	u8 records[DRP_COMMIT_REQ_MAX];
};

static void __apply_hand_down(struct drp_hand_down *h)
{
	struct drp_element *to = h->to;
	unsigned long x;

	lockdep_assert_held(&to->pool->cm.ring_lock);
	for_each_set_bit(x, h->active, to->nr_extents) {
		if (!test_bit(x, to->landing) && !test_bit(x, to->active))
			to->nr_active++;
		clear_bit(x, to->aged);
		set_bit(x, to->active);
	}
	for_each_set_bit(x, h->written, to->nr_extents)
		set_bit(x, to->written);
}

static void apply_hand_down(struct drp_commit_req *req)
{
	__apply_hand_down(container_of(req, struct drp_hand_down, req));
}

/* All extents of @e, and of what flows into it, that are active. Nothing retires meanwhile. */
static void gather_above(struct drp_hand_down *h, const struct drp_element *e)
{
	struct drp_pool *pool = e->pool;
	unsigned int hops = 0;
	u64 n;

	lockdep_assert_held(&pool->checkpoint_lock);
	mutex_lock(&pool->cm.ring_lock);
	for (;;) {
		n = min(e->nr_extents, h->to->nr_extents);
		bitmap_or(h->active, h->active, e->active, n);
		bitmap_or(h->written, h->written, e->written, n);
		if (!e->plan || !e->plan->up || hops++ > DRP_HOPS_MAX)
			break;
		e = e->plan->up->source;
	}
	mutex_unlock(&pool->cm.ring_lock);
}

/* Encode the runs of h->active, gaps filled in. 0 or a negative errno. */
static int encode_runs(struct drp_hand_down *h)
{
	const u64 end = h->to->nr_extents;
	unsigned long first = find_first_bit(h->active, end), next, stop;
	int r;

	while (first < end) {
		next = first;
		do {
			stop = find_next_zero_bit(h->active, end, next);
			next = find_next_bit(h->active, end, stop);
		} while (next < end && next - stop <= h->gap);
		bitmap_set(h->active, first, stop - first);
		r = drp_encode_activate(h->to->rec.id, first, stop - first, h->records + h->len,
					sizeof(h->records) - h->len);
		if (r < 0)
			return r;
		h->len += r;
		first = next;
	}
	return 0;
}

struct drp_hand_down *drp_hand_down_prepare(struct drp_element *from, struct drp_element *to)
{
	const size_t longs = BITS_TO_LONGS(to->nr_extents);
	struct drp_hand_down *h = kvzalloc(sizeof(*h), GFP_NOIO);

	if (!h)
		return NULL;
	h->to = to;
	h->gap = to->nr_extents / HAND_DOWN_RUNS;
	h->active = kvcalloc(longs, sizeof(long), GFP_NOIO);
	h->written = kvcalloc(longs, sizeof(long), GFP_NOIO);
	if (h->active && h->written) {
		gather_above(h, from);
		if (!encode_runs(h))
			return h;
	}
	drp_hand_down_free(h);
	return NULL;
}

const void *drp_hand_down_records(const struct drp_hand_down *h, u32 *len)
{
	*len = h->len;
	return h->records;
}

void drp_hand_down_apply(struct drp_hand_down *h)
{
	mutex_lock(&h->to->pool->cm.ring_lock);
	__apply_hand_down(h);
	mutex_unlock(&h->to->pool->cm.ring_lock);
}

void drp_hand_down_free(struct drp_hand_down *h)
{
	if (!h)
		return;
	kvfree(h->active);
	kvfree(h->written);
	kvfree(h);
}

int drp_extents_hand_down(struct drp_sync *s)
{
	struct drp_element *to = s->target;
	struct drp_pool *pool = s->pool;
	struct drp_hand_down *h;
	int r = 0;

	if (!to->plan || !to->plan->nr_hops)
		return 0;
	/* What is chosen for retirement is not active, until its checkpoint is durable. */
	mutex_lock(&pool->checkpoint_lock);
	h = drp_hand_down_prepare(s->source, to);
	mutex_unlock(&pool->checkpoint_lock);
	if (!h)
		return -ENOMEM;
	if (h->len) {
		h->req.records = h->records;
		h->req.len = h->len;
		h->req.apply = apply_hand_down;
		r = drp_commit_wait(&pool->cm, &h->req);
	}
	drp_hand_down_free(h);
	return r;
}

/* ---- after a crash, or when a leg may have lost its cache ---- */

static void bits_to_d(struct drp_sync *s, const struct drp_element *e, const unsigned long *bits)
{
	u64 size = s->source->rec.size_sectors;
	unsigned int shift = s->pool->extent_shift;
	unsigned long x;

	for_each_set_bit(x, bits, e->nr_extents) {
		u64 start = (u64)x << shift;

		if (start >= size)
			break;
		drp_sync_mark(s, start, min_t(u64, size, start + (1ULL << shift)));
	}
}

static void element_to_d(struct drp_sync *s, struct drp_element *e, bool written_only)
{
	/* First: one that is about to be retired is not active any more. */
	bits_to_d(s, e, e->written);
	if (!written_only)
		bits_to_d(s, e, e->active);
}

void drp_extents_to_d(struct drp_sync *s, bool written_only)
{
	struct drp_element *e = s->source;
	unsigned int hops = 0;

	if (drp_sync_is_snapshot(s))
		return;
	element_to_d(s, s->target, written_only);
	element_to_d(s, e, written_only);
	/* Writes of those that flow into the source reach the target with it. */
	while (e->plan && e->plan->up && hops++ < DRP_HOPS_MAX) {
		e = e->plan->up->source;
		element_to_d(s, e, written_only);
	}
}

/* ---- retirement ---- */

static u64 count_untouched(const struct drp_element *e)
{
	u64 n = 0;
	unsigned long x;

	for_each_set_bit(x, e->active, e->nr_extents)
		if (!test_bit(x, e->touched))
			n++;
	return n;
}

u64 drp_extents_choose(struct drp_element *e, unsigned long *retiring, enum drp_retire how)
{
	bool everything;
	unsigned long x;
	u64 n = 0;

	mutex_lock(&e->pool->cm.ring_lock);
	everything = how == DRP_RETIRE_ALL ||
		     (how == DRP_RETIRE_FULL &&
		      count_untouched(e) < e->rec.active_extents_max / 4);
	for_each_set_bit(x, e->active, e->nr_extents) {
		bool touched = test_and_clear_bit(x, e->touched);

		if (everything || (!touched && (how != DRP_RETIRE_IDLE || test_bit(x, e->aged)))) {
			clear_bit(x, e->active);
			__set_bit(x, retiring);
			e->nr_active--;
			n++;
		} else if (touched) {
			clear_bit(x, e->aged);
		} else {
			set_bit(x, e->aged);
		}
	}
	mutex_unlock(&e->pool->cm.ring_lock);
	return n;
}

void drp_extents_give_back(struct drp_element *e, const unsigned long *retiring)
{
	unsigned long x;

	mutex_lock(&e->pool->cm.ring_lock);
	for_each_set_bit(x, retiring, e->nr_extents)
		if (!test_and_set_bit(x, e->active) && !test_bit(x, e->landing))
			e->nr_active++;
	mutex_unlock(&e->pool->cm.ring_lock);
}

void drp_extents_retired(struct drp_element *e, const unsigned long *retiring)
{
	unsigned long x;

	/* An extent becomes active under the same lock, before its first write is marked. */
	mutex_lock(&e->pool->cm.ring_lock);
	for_each_set_bit(x, retiring, e->nr_extents)
		if (!test_bit(x, e->active))
			clear_bit(x, e->written);
	mutex_unlock(&e->pool->cm.ring_lock);
}
