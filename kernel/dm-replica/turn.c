// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "checkpoint.h"
#include "io.h"
#include "leg.h"
#include "turn.h"

#define CLEARED_BYTES	(DRP_TURN_RUNS * 32)	/* two pages at most: they must not fail */
#define SETTLE_TRIES	20	/* for memory, 50 ms apart */
#define FEED_MS		20
#define LONG_FLUSH	(30 * HZ)	/* for one that DRP_FLUSH_TIMEOUT was not enough for */
#define LONG_SHORT	(30 * HZ)	/* without memory, until who waits fails */

static_assert(CLEARED_BYTES >= DRP_TURN_RUNS * (sizeof(struct drp_record_header) +
						sizeof(struct drp_c_clear_disk)));

struct turn_extent {
	u64 first;			/* region */
	struct list_head node;		/* in turn->unsettled */
	struct list_head taken;		/* by who settles */
	unsigned long *settling;	/* what it settles */
	unsigned long resolved[];	/* a bit per region; under lock, read without */
};

static void settle_work(struct work_struct *work);
static void feed_work(struct work_struct *work);
static void feed_starved(struct drp_turn *t);

void drp_turn_aim(struct drp_turn *t, struct drp_element *here)
{
	t->here = here;
	t->origin = here == t->s->source ? t->s->target : t->s->source;
	t->size = t->s->source->rec.size_sectors;
}

struct drp_turn *drp_turn_alloc(struct drp_sync *s, struct drp_element *here)
{
	struct drp_pool *pool = s->pool;
	struct drp_turn *t = kzalloc(sizeof(*t), GFP_KERNEL);
	u64 regions = (s->source->rec.size_sectors + (1ULL << pool->region_shift) - 1) >>
		      pool->region_shift;

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->s = s;
	t->host_read = jiffies - HZ;
	drp_turn_aim(t, here);
	t->shift = pool->extent_shift - pool->region_shift;
	t->c = drp_plane_create(&pool->md, s->rec.id, DRP_PLANE_C, regions, false);
	if (IS_ERR_OR_NULL(t->c)) {
		int r = t->c ? PTR_ERR(t->c) : -ENOMEM;

		kfree(t);
		return ERR_PTR(r);
	}
	xa_init_flags(&t->extents, XA_FLAGS_LOCK_IRQ);
	mutex_init(&t->clear_lock);
	mutex_init(&t->settle_lock);
	INIT_DELAYED_WORK(&t->work, settle_work);
	INIT_DELAYED_WORK(&t->feed, feed_work);
	spin_lock_init(&t->lock);
	INIT_LIST_HEAD(&t->unsettled);
	bio_list_init(&t->waiting);
	bio_list_init(&t->unconfirmed);
	bio_list_init(&t->starved);
	return t;
}

/* Those that waited: FLUSHes and writes of the origin run again, FUA writes end. */
static void hand_on(struct drp_turn *t, struct bio_list *bios, int error)
{
	struct bio *bio;

	while ((bio = bio_list_pop(bios))) {
		struct drp_io_ctx *io = drp_io_of(bio);
		/* What it was to make durable may have been unresolved while it waited. */
		bool late = io->losses != READ_ONCE(t->losses);

		if (io->step == DRP_STEP_PRESERVE) {
			io->step = DRP_STEP_RUN;
			if (error)
				drp_clone_failed(t->s, bio);
			else
				drp_pool_rerun_bio(t->s->pool, bio);
			continue;
		}
		io->settled = true;
		if (io->step == DRP_STEP_WRITTEN) {
			io->status = late ? BLK_STS_IOERR : errno_to_blk_status(error);
			if (io->faulted) {
				drp_fault_park(bio);
				continue;
			}
			bio->bi_status = io->status;
			bio_endio(bio);
		} else if (error || late || READ_ONCE(t->owed)) {
			if (!late)
				WRITE_ONCE(t->owed, false);
			bio_io_error(bio);
		} else {
			drp_pool_rerun_bio(t->s->pool, bio);
		}
	}
}

static void take_waiting(struct drp_turn *t, struct bio_list *bios)
{
	spin_lock_irq(&t->lock);
	*bios = t->waiting;
	bio_list_init(&t->waiting);
	spin_unlock_irq(&t->lock);
}

void drp_turn_free(struct drp_turn *t)
{
	struct turn_extent *x;
	struct bio_list bios;
	unsigned long index;

	cancel_delayed_work_sync(&t->work);
	cancel_delayed_work_sync(&t->feed);
	feed_starved(t);
	take_waiting(t, &bios);
	hand_on(t, &bios, 0);
	xa_for_each(&t->extents, index, x)
		kvfree(x);
	xa_destroy(&t->extents);
	drp_plane_destroy(t->c);
	kfree(t);
}

/* ---- where ---- */

static bool is_resolved(struct drp_turn *t, u64 region)
{
	struct turn_extent *x = xa_load(&t->extents, region >> t->shift);

	return x && test_bit(region & ((1ULL << t->shift) - 1), x->resolved);
}

static bool is_there(struct drp_turn *t, u64 region)
{
	if (is_resolved(t, region))
		return false;
	smp_rmb(); /* the plane's bit is cleared before ours: see forget_settled() */
	return drp_plane_any(t->c, region, 1);
}

enum drp_where drp_turn_where(struct drp_turn *t, u64 start, u64 end)
{
	u64 first, count, i, there = 0;

	/* A clone's target may be larger: its end is its own. */
	if (start >= t->size)
		return DRP_HERE;
	drp_sync_regions(t->s->pool, start, min(end, t->size), &first, &count);
	if (!drp_plane_any(t->c, first, count))
		return DRP_HERE;
	for (i = 0; i < count; i++)
		there += is_there(t, first + i);
	if (!there)
		return DRP_HERE;
	return there == count && end <= t->size ? DRP_THERE : DRP_MIXED;
}

void drp_turn_trim(struct drp_turn *t, u64 *first, u64 *count, u64 *skipped)
{
	u64 n;

	for (*skipped = 0; *count && is_resolved(t, *first); (*skipped)++) {
		(*first)++;
		(*count)--;
	}
	for (n = 0; n < *count && !is_resolved(t, *first + n); n++)
		;
	*count = n;
}

/* ---- resolving ---- */

static bool prepare(struct drp_turn *t, u64 sector, gfp_t gfp)
{
	u64 extent = sector >> t->s->pool->extent_shift;
	const size_t longs = BITS_TO_LONGS(1UL << t->shift);
	struct turn_extent *x;

	if (xa_load(&t->extents, extent))
		return true;
	x = kvzalloc(struct_size(x, resolved, 2 * longs), gfp | __GFP_NOWARN);
	if (!x)
		return false;
	x->first = extent << t->shift;
	x->settling = x->resolved + longs;
	INIT_LIST_HEAD(&x->node);
	if (!xa_insert_irq(&t->extents, extent, x, gfp | __GFP_NOWARN))
		return true;
	kvfree(x);	/* somebody else was faster, or there is no memory */
	return xa_load(&t->extents, extent);
}

bool drp_turn_prepare(struct drp_turn *t, u64 sector)
{
	return prepare(t, sector, GFP_NOWAIT);
}

void drp_turn_resolved(struct drp_turn *t, u64 start, u64 end)
{
	struct turn_extent *x = xa_load(&t->extents, start >> t->s->pool->extent_shift);
	u64 first, count, i;
	unsigned long flags;

	if (WARN_ON_ONCE(!x))
		return;
	drp_sync_regions(t->s->pool, start, end, &first, &count);
	spin_lock_irqsave(&t->lock, flags);
	for (i = first; i < first + count; i++)
		if (drp_plane_any(t->c, i, 1))
			set_bit(i - x->first, x->resolved);
	if (list_empty(&x->node))
		list_add_tail(&x->node, &t->unsettled);
	spin_unlock_irqrestore(&t->lock, flags);
}

/* ---- clearing ---- */

static void note_cleared(struct drp_turn *t, u64 first, u64 count)
{
	struct drp_turn_run *last;

	spin_lock_irq(&t->lock);
	last = &t->cleared[(t->added - 1) % DRP_TURN_RUNS];
	if (t->added > t->sealed && t->added > t->durable && last->first + last->count == first)
		last->count += count;
	else if (t->added - t->durable < DRP_TURN_RUNS)
		t->cleared[t->added++ % DRP_TURN_RUNS] = (struct drp_turn_run){ first, count };
	else
		t->overflows++;
	spin_unlock_irq(&t->lock);
}

/* A FLUSH between a clear and its note must know that there is something to wait for. */
static void count_clearing(struct drp_turn *t, int by, bool overflow)
{
	spin_lock_irq(&t->lock);
	t->clearing += by;
	t->overflows += overflow;
	spin_unlock_irq(&t->lock);
}

int drp_turn_clear(struct drp_turn *t, u64 first, u64 count)
{
	int r;

	if (READ_ONCE(t->lost))
		return -EAGAIN;
	count_clearing(t, 1, false);
	mutex_lock(&t->clear_lock);
	r = drp_plane_clear(t->c, first, count);
	if (!r)
		note_cleared(t, first, count);
	/* Else some of it may have been cleared before memory ran out. */
	count_clearing(t, -1, r);
	mutex_unlock(&t->clear_lock);
	return r;
}

void drp_turn_checkpoint_begin(struct drp_turn *t)
{
	spin_lock_irq(&t->lock);
	t->mark_added = t->added;
	t->mark_overflows = t->overflows;
	t->sealed = t->added;
	spin_unlock_irq(&t->lock);
}

void drp_turn_checkpoint_done(struct drp_turn *t)
{
	spin_lock_irq(&t->lock);
	t->durable = max(t->durable, t->mark_added);
	t->overflows_durable = max(t->overflows_durable, t->mark_overflows);
	spin_unlock_irq(&t->lock);
}

static int encode_cleared(struct drp_turn *t, u8 *buf, u32 room, u64 *upto)
{
	u32 len = 0;
	int r = 0;
	u64 i;

	spin_lock_irq(&t->lock);
	t->sealed = t->added;
	*upto = t->added;
	for (i = t->durable; i < t->added && r >= 0; i++) {
		const struct drp_turn_run *run = &t->cleared[i % DRP_TURN_RUNS];

		r = drp_encode_c_clear(t->s->rec.id, run->first, run->count, buf + len, room - len);
		len += max(r, 0);
	}
	spin_unlock_irq(&t->lock);
	return r < 0 ? r : len;
}

/* Journal what was cleared, or leave it to a checkpoint if that is too much. */
static int commit_cleared(struct drp_turn *t)
{
	struct drp_pool *pool = t->s->pool;
	struct drp_commit_req req = {};
	u64 upto;
	u8 *buf;
	int r;

	mutex_lock(&t->clear_lock);	/* for what is just being noted */
	mutex_unlock(&t->clear_lock);
	if (READ_ONCE(t->overflows) != READ_ONCE(t->overflows_durable))
		return drp_checkpoint(pool);
	buf = kmalloc(CLEARED_BYTES, GFP_NOIO | __GFP_NOFAIL);
	r = encode_cleared(t, buf, CLEARED_BYTES, &upto);
	if (r > 0) {
		req.records = buf;
		req.len = r;
		r = drp_commit_wait(&pool->cm, &req);
	}
	kfree(buf);
	if (r)
		return r;
	spin_lock_irq(&t->lock);
	t->durable = max(t->durable, upto);
	spin_unlock_irq(&t->lock);
	return 0;
}

/* ---- settling ---- */

bool drp_turn_pending(struct drp_turn *t)
{
	unsigned long flags;
	bool pending;

	spin_lock_irqsave(&t->lock, flags);
	pending = t->lost || t->owed || t->settling || t->clearing || !list_empty(&t->unsettled) || t->added != t->durable ||
		  t->overflows != t->overflows_durable;
	spin_unlock_irqrestore(&t->lock, flags);
	return pending;
}

bool drp_turn_range_pending(struct drp_turn *t, u64 start, u64 end)
{
	u64 first, count, i;
	unsigned long flags;
	bool pending;

	if (start >= t->size)
		return false;
	drp_sync_regions(t->s->pool, start, min(end, t->size), &first, &count);
	spin_lock_irqsave(&t->lock, flags);
	pending = t->clearing || t->overflows != t->overflows_durable;
	for (i = t->durable; i < t->added && !pending; i++) {
		const struct drp_turn_run *run = &t->cleared[i % DRP_TURN_RUNS];

		pending = run->first < first + count && first < run->first + run->count;
	}
	for (i = first; i < first + count && !pending; i++)
		pending = is_resolved(t, i);
	spin_unlock_irqrestore(&t->lock, flags);
	return pending;
}

static void take_resolved(struct drp_turn *t, struct list_head *taken)
{
	struct turn_extent *x, *next;

	spin_lock_irq(&t->lock);
	t->settling = true;
	list_for_each_entry_safe(x, next, &t->unsettled, node) {
		list_del_init(&x->node);
		bitmap_copy(x->settling, x->resolved, 1UL << t->shift);
		list_add_tail(&x->taken, taken);
	}
	spin_unlock_irq(&t->lock);
}

static void end_settling(struct drp_turn *t, struct list_head *taken)
{
	struct turn_extent *x, *next;

	spin_lock_irq(&t->lock);
	/* What is left could not be settled. */
	list_for_each_entry_safe(x, next, taken, taken) {
		list_del(&x->taken);
		if (list_empty(&x->node))
			list_add_tail(&x->node, &t->unsettled);
	}
	t->settling = false;
	spin_unlock_irq(&t->lock);
}

static void forget_settled(struct drp_turn *t, struct turn_extent *x)
{
	spin_lock_irq(&t->lock);
	list_del(&x->taken);
	smp_wmb(); /* the plane's bits first: see is_there() */
	bitmap_andnot(x->resolved, x->resolved, x->settling, 1UL << t->shift);
	spin_unlock_irq(&t->lock);
}

static int clear_extent(struct drp_turn *t, struct turn_extent *x)
{
	const unsigned long n = 1UL << t->shift;
	unsigned long first = find_first_bit(x->settling, n), end;
	unsigned int tries = 0;
	int r;

	while (first < n) {
		end = find_next_zero_bit(x->settling, n, first);
		r = drp_turn_clear(t, x->first + first, end - first);
		if (r == -EAGAIN || (r && ++tries > SETTLE_TRIES))
			return r;
		if (r)
			msleep(50);
		else
			first = find_next_bit(x->settling, n, end);
	}
	forget_settled(t, x);
	return 0;
}

void drp_turn_lose(struct drp_turn *t)
{
	if (!READ_ONCE(t->lost))
		WRITE_ONCE(t->lost_since, jiffies);
	WRITE_ONCE(t->owed, true);
	WRITE_ONCE(t->lost, true);
	queue_work(t->s->pool->op_wq, &t->s->finish_work);
}

/* settle_lock held. No @timeout: the device was flushed, and nothing is under way to it. */
static int settle(struct drp_turn *t, long timeout, bool journal)
{
	struct turn_extent *x, *next;
	LIST_HEAD(taken);
	int r = 0;

	lockdep_assert_held(&t->settle_lock);
	if (READ_ONCE(t->lost))
		return -EAGAIN;
	take_resolved(t, &taken);
	if (!list_empty(&taken) && timeout)
		r = drp_leg_flush(t->here, timeout);
	if (!r)
		list_for_each_entry_safe(x, next, &taken, taken) {
			r = clear_extent(t, x);
			if (r)
				break;
		}
	if (!r && journal)
		r = commit_cleared(t);
	end_settling(t, &taken);
	return r;
}

/* For who holds op_lock: hosts that settle may wait longer for a flush. */
static bool lock_settling(struct drp_turn *t)
{
	const unsigned long end = jiffies + DRP_FLUSH_TIMEOUT;

	while (!mutex_trylock(&t->settle_lock)) {
		if (time_after(jiffies, end))
			return false;
		msleep(20);
	}
	return true;
}

int drp_turn_settle(struct drp_turn *t)
{
	int r;

	if (!lock_settling(t))
		return -EAGAIN;
	r = settle(t, DRP_FLUSH_TIMEOUT, true);
	mutex_unlock(&t->settle_lock);
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

static void unresolve(struct drp_turn *t)
{
	struct turn_extent *x, *next;

	lockdep_assert_held(&t->settle_lock);
	spin_lock_irq(&t->lock);
	list_for_each_entry_safe(x, next, &t->unsettled, node) {
		list_del_init(&x->node);
		bitmap_zero(x->resolved, 1UL << t->shift);
	}
	t->lost = false;
	t->owed = true;
	WRITE_ONCE(t->losses, t->losses + 1);
	spin_unlock_irq(&t->lock);
}

void drp_turn_unresolve(struct drp_turn *t)
{
	mutex_lock(&t->settle_lock);
	unresolve(t);
	mutex_unlock(&t->settle_lock);
}

int drp_turn_leave(struct drp_turn *t, bool flushed)
{
	int r;

	mutex_lock(&t->settle_lock);
	if (!flushed || t->lost)
		unresolve(t);
	r = settle(t, 0, true);
	mutex_unlock(&t->settle_lock);
	return r;
}

int drp_turn_flush(struct drp_turn *t)
{
	int r;

	if (!mutex_trylock(&t->settle_lock))
		return -EAGAIN;
	r = settle(t, DRP_FLUSH_TIMEOUT, false);
	mutex_unlock(&t->settle_lock);
	return r;
}

void drp_turn_wait(struct drp_turn *t, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&t->lock, flags);
	bio_list_add(&t->waiting, bio);
	/* Under the lock: who frees us waits for it, then for the work. */
	queue_delayed_work(t->s->pool->copy_wq, &t->work, 0);
	spin_unlock_irqrestore(&t->lock, flags);
}

void drp_turn_starve(struct drp_turn *t, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&t->lock, flags);
	bio_list_add(&t->starved, bio);
	/* Under the lock: as in drp_turn_wait(). */
	queue_delayed_work(t->s->pool->copy_wq, &t->feed, msecs_to_jiffies(FEED_MS));
	spin_unlock_irqrestore(&t->lock, flags);
}

/* Those who starved hold nothing: here one may wait for memory. */
static void feed_starved(struct drp_turn *t)
{
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&t->lock);
	bios = t->starved;
	bio_list_init(&t->starved);
	spin_unlock_irq(&t->lock);
	bio_list_for_each(bio, &bios)
		prepare(t, drp_io_of(bio)->range.start, GFP_NOIO);
	drp_pool_rerun_bios(t->s->pool, &bios);
}

static void feed_work(struct work_struct *work)
{
	feed_starved(container_of(to_delayed_work(work), struct drp_turn, feed));
}

bool drp_turn_wait_confirmed(struct drp_turn *t, struct bio *bio)
{
	unsigned long flags;
	bool wait;

	spin_lock_irqsave(&t->lock, flags);
	wait = !t->confirmed;
	if (wait)
		bio_list_add(&t->unconfirmed, bio);
	spin_unlock_irqrestore(&t->lock, flags);
	return wait;
}

void drp_turn_confirm(struct drp_turn *t, bool ok)
{
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&t->lock);
	t->confirmed = ok ? 1 : -1;
	bios = t->unconfirmed;
	bio_list_init(&t->unconfirmed);
	spin_unlock_irq(&t->lock);
	while ((bio = bio_list_pop(&bios)))
		drp_pool_rerun_bio(t->s->pool, bio);
}

/* The writes of the origin among @bios go on without us, or fail. */
static void fail_preserving(struct drp_turn *t, struct bio_list *bios, int error)
{
	struct bio_list failed = BIO_EMPTY_LIST, others = BIO_EMPTY_LIST;
	struct bio *bio;

	while ((bio = bio_list_pop(bios)))
		bio_list_add(drp_io_of(bio)->step == DRP_STEP_PRESERVE ? &failed : &others, bio);
	hand_on(t, &failed, error);
	*bios = others;
}

/* Memory comes back: who waits does so for it, but not for ever. */
static bool is_short(struct drp_turn *t, int error)
{
	if (error != -ENOMEM)
		t->short_since = 0;
	else if (!t->short_since)
		t->short_since = jiffies ?: 1;
	if (t->short_since && time_before(jiffies, t->short_since + LONG_SHORT))
		return true;
	/* Who waits is told; the next ones wait as long again. */
	t->short_since = 0;
	return false;
}

/* A FLUSH takes as long as it does without us; who writes the origin waits for a long one, not for ever. */
static int settle_for(struct drp_turn *t, struct bio_list *bios)
{
	int r;

	mutex_lock(&t->settle_lock);
	r = settle(t, t->flush_late ? LONG_FLUSH : DRP_FLUSH_TIMEOUT, true);
	mutex_unlock(&t->settle_lock);
	if (is_short(t, r))
		return -EAGAIN;
	if (r == -EAGAIN && READ_ONCE(t->lost) &&
	    time_after(jiffies, READ_ONCE(t->lost_since) + LONG_FLUSH))
		fail_preserving(t, bios, -ETIMEDOUT);
	if (r != -ETIMEDOUT) {
		t->flush_late = t->flush_late && r == -EAGAIN;
		return r;
	}
	if (t->flush_late)
		fail_preserving(t, bios, r);
	t->flush_late = true;
	return -EAGAIN;
}

static void settle_work(struct work_struct *work)
{
	struct drp_turn *t = container_of(to_delayed_work(work), struct drp_turn, work);
	unsigned int flags = memalloc_noio_save();
	struct bio_list bios;
	int r;

	for (;;) {
		take_waiting(t, &bios);
		if (bio_list_empty(&bios))
			break;
		r = settle_for(t, &bios);
		if (r == -EAGAIN && READ_ONCE(t->here_lost))
			r = -ENODEV;
		if (r != -EAGAIN) {
			hand_on(t, &bios, r);
			continue;
		}
		if (drp_turn_is_clone(t))
			drp_element_want_leg(t->here);
		spin_lock_irq(&t->lock);
		bio_list_merge_head(&t->waiting, &bios);
		spin_unlock_irq(&t->lock);
		mod_delayed_work(t->s->pool->copy_wq, &t->work, msecs_to_jiffies(50));
		break;
	}
	memalloc_noio_restore(flags);
}
