// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/dm-kcopyd.h>
#include <linux/slab.h>

#include "copy_internal.h"
#include "io.h"
#include "job.h"
#include "leg.h"
#include "preserve.h"
#include "snapshot.h"

#define WINDOW_MAX		16	/* copying at a time */
#define UNIT_SECTORS		2048	/* 1 MiB */
#define SMALL_UNIT_SECTORS	1024	/* beside a host at work: one request of kcopyd's */
#define FLUSH_SECTORS		(256 * 2048ULL)	/* 256 MiB copied: flush and clear */
#define RETRY_MS		50
#define SPACE_RETRY_MS		2000	/* for room in COW space, at last */
#define FOREGROUND_MS		20	/* host I/O this recent makes the window small */

static void copy_work(struct work_struct *work);

struct drp_copier *drp_copier_alloc(struct drp_sync *s, drp_copy_done_fn done)
{
	struct drp_copier *c = kvzalloc(sizeof(*c), GFP_NOIO);
	unsigned int i;

	if (!c)
		return NULL;
	if (drp_snapshot_is_nested(s)) {
		c->nested = drp_copy_nested_alloc();
		if (!c->nested) {
			kvfree(c);
			return NULL;
		}
	}
	c->s = s;
	c->done = done;
	INIT_DELAYED_WORK(&c->work, copy_work);
	init_waitqueue_head(&c->idle);
	spin_lock_init(&c->lock);
	for (i = 0; i < NR_UNITS; i++)
		c->unit[i].copier = c;
	return c;
}

void drp_copier_free(struct drp_copier *c)
{
	drp_copy_stop(c);
	drp_copy_nested_free(c->nested);
	kvfree(c);
}

void drp_copy_kick(struct drp_copier *c)
{
	mod_delayed_work(c->s->pool->copy_wq, &c->work, 0);
}

/*
 * Again, but later each time, for as long as it takes. People are told when a
 * decision has come that nothing may be given up for it, which is not the first time.
 */
static void note_no_space(struct drp_copier *c, u32 refusals)
{
	struct drp_cow_space space;

	if (c->space_ms && c->refusals != refusals) {
		drp_cow_space(c->s->pool->cow, &space);
		drp_sync_set_wait(c->s, drp_cow_space_left(&space) ? DRP_WAIT_COW_FAILS :
					space.used < space.slots ? DRP_WAIT_INDEX_FULL :
								   DRP_WAIT_COW_FULL);
	}
	c->refusals = refusals;
	c->space_ms = clamp_t(unsigned int, c->space_ms * 2, RETRY_MS, SPACE_RETRY_MS);
}

static void note_space(struct drp_copier *c)
{
	c->space_ms = 0;
	drp_sync_set_wait(c->s, DRP_WAIT_NONE);
}

/* Grows with every write of those who use what is copied, also of a clone's target. */
static u64 host_entries(const struct drp_copier *c)
{
	bool clone = c->turn && drp_turn_is_clone(c->turn);

	return drp_grace_entries(&c->s->source->grace) +
	       (clone ? drp_grace_entries(&c->s->target->grace) : 0);
}

void drp_copy_start_in(struct drp_copier *c, u64 job_id, unsigned int ms)
{
	c->turn = c->s->rec.reverse || c->s->rec.partial ? c->s->turn : NULL;
	/* A failback goes on in the other direction, and others after a pause: the job counts all. */
	if (c->job_id != job_id)
		c->bytes_done = 0;
	c->job_id = job_id;
	c->s->finish_error = 0;
	c->cursor = 0;
	c->unflushed = 0;
	c->copied_unflushed = 0;
	c->s->copy_due = false;
	c->budget_ns = 0;
	c->reported_ns = 0;
	if (c->nested)
		drp_copy_nested_start(c);
	c->host_entries = host_entries(c);
	c->host_seen = jiffies - msecs_to_jiffies(FOREGROUND_MS) - 1;
	note_space(c);
	spin_lock_irq(&c->lock);
	c->running = true;
	spin_unlock_irq(&c->lock);
	mod_delayed_work(c->s->pool->copy_wq, &c->work, msecs_to_jiffies(ms));
}

bool drp_copy_running(const struct drp_copier *c)
{
	return READ_ONCE(c->running);
}

bool drp_copy_may_run(struct drp_copier *c)
{
	return READ_ONCE(c->running) && !READ_ONCE(c->held);
}

static unsigned int in_flight(struct drp_copier *c)
{
	unsigned int n;

	spin_lock_irq(&c->lock);
	n = c->in_flight;
	spin_unlock_irq(&c->lock);
	return n;
}

static bool is_idle(struct drp_copier *c)
{
	return !in_flight(c);
}

void drp_copy_stop(struct drp_copier *c)
{
	unsigned int i;

	spin_lock_irq(&c->lock);
	c->running = false;
	spin_unlock_irq(&c->lock);
	/* The worker must be over before the units are: it issues what is locked. */
	cancel_delayed_work_sync(&c->work);
	while (!is_idle(c)) {
		drp_copy_kick(c);
		wait_event_timeout(c->idle, is_idle(c), HZ);
		cancel_delayed_work_sync(&c->work);
	}
	note_space(c);
	/* What was copied and not flushed keeps its bits. */
	for (i = 0; i < NR_UNITS; i++)
		c->unit[i].state = UNIT_IDLE;
}

static void hold(struct drp_copier *c, bool held)
{
	spin_lock_irq(&c->lock);
	c->held = held;
	spin_unlock_irq(&c->lock);
	drp_copy_kick(c);	/* what is locked is issued; or it goes on */
}

/* Its worker may wait for a flush, for COW space, or for a commit. */
static bool worker_rests(struct drp_copier *c, unsigned long end)
{
	while (work_busy(&c->work.work) & WORK_BUSY_RUNNING) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(1000, 5000);
	}
	return true;
}

bool drp_copy_drains(struct drp_copier *c, long wait)
{
	unsigned int n;
	bool drains;

	hold(c, true);
	do {
		n = in_flight(c);
		drains = !n || wait_event_timeout(c->idle, in_flight(c) < n, wait) > 0;
	} while (n && drains);
	drains = drains && worker_rests(c, jiffies + wait + 2 * DRP_FLUSH_TIMEOUT);
	hold(c, false);
	return drains;
}

void drp_copy_spoil(struct drp_copier *c, u64 start, u64 end)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&c->lock, flags);
	for (i = 0; i < NR_UNITS; i++) {
		struct copy_unit *u = &c->unit[i];

		if (u->state == UNIT_IDLE || u->range.start >= end || start >= u->range.end)
			continue;
		u->spoiled = true;
		u->lost |= end == U64_MAX;
	}
	spin_unlock_irqrestore(&c->lock, flags);
}

/* ---- one unit ---- */

static void set_unit(struct copy_unit *u, enum unit_state state)
{
	struct drp_copier *c = u->copier;
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	u->state = state;
	spin_unlock_irqrestore(&c->lock, flags);
}

static void leave_unit(struct copy_unit *u)
{
	struct drp_sync *s = u->copier->s;
	const struct drp_plan *plan = s->target->plan;

	for (; u->mirrored; u->mirrored &= u->mirrored - 1)
		drp_gate_leave(&plan->hop[__ffs(u->mirrored)].target->gate);
	if (!u->copier->turn)
		drp_grace_leave(&s->target->grace, u->phase);
	if (!drp_sync_is_snapshot(s))
		drp_gate_leave(&s->target->gate);
	drp_gate_leave(&s->source->gate);
}

static void end_unit(struct copy_unit *u, enum unit_state state)
{
	struct drp_copier *c = u->copier;
	unsigned long flags;

	leave_unit(u);
	spin_lock_irqsave(&c->lock, flags);
	u->state = state;
	c->in_flight--;
	/* Under the lock: who finds nothing in flight may free us. */
	wake_up(&c->idle);
	drp_copy_kick(c);
	spin_unlock_irqrestore(&c->lock, flags);
}

static void unit_copied(int read_err, unsigned long write_err, void *context)
{
	struct copy_unit *u = context;

	if (read_err || write_err)
		drp_fault_copy(u->copier->s, u->mirrored, &u->range);
	drp_range_unlock(&u->range);
	u->read_failed = read_err;
	u->write_failed = write_err;
	end_unit(u, UNIT_COPIED);
}

static struct dm_io_region region_of(struct block_device *bdev, const struct drp_range *range)
{
	return (struct dm_io_region){ bdev, range->start, range->end - range->start };
}

static void issue_unit(struct copy_unit *u)
{
	struct drp_sync *s = u->copier->s;
	const struct drp_plan *plan = s->target->plan;
	struct dm_io_region from, to[DM_KCOPYD_MAX_REGIONS];
	unsigned int n = 0;
	u32 mask = u->mirrored;

	/* Hosts were faster with some of it: another time, for what is left. */
	if (u->copier->turn &&
	    drp_turn_where(u->copier->turn, u->range.start, u->range.end) != DRP_THERE) {
		u->copier->unflushed -= u->range.end - u->range.start;
		drp_range_unlock(&u->range);
		end_unit(u, UNIT_IDLE);
		return;
	}
	set_unit(u, UNIT_COPYING);
	if (u->copier->turn) {
		drp_turn_fetch_sparse(u->copier->turn, &u->fetch, u->range.start, u->range.end, unit_copied, u);
		return;
	}
	from = region_of(s->source->bdev, &u->range);
	to[n++] = region_of(s->target->bdev, &u->range);
	for (; mask && n < ARRAY_SIZE(to); mask &= mask - 1)
		to[n++] = region_of(plan->hop[__ffs(mask)].target->bdev, &u->range);
	dm_kcopyd_copy(s->pool->copier, &from, n, to, 0, unit_copied, u);
}

static void unit_granted(struct drp_range *range)
{
	struct copy_unit *u = container_of(range, struct copy_unit, range);

	set_unit(u, UNIT_LOCKED);	/* under the bucket's lock, which is outside of ours */
	drp_copy_kick(u->copier);
}

/*
 * A copy is a write of the target: take the gates of what it reaches, mark what
 * tracks the target. 0, or -EAGAIN with nothing held.
 */
static int enter_target_hops(struct copy_unit *u)
{
	struct drp_sync *s = u->copier->s;
	const struct drp_plan *plan = s->target->plan;
	unsigned int i;

	for (i = 0; i < plan->nr_hops; i++) {
		const struct drp_hop *hop = &plan->hop[i];

		if (hop->parent >= 0 && !(u->mirrored & BIT(hop->parent)))
			continue;
		if (READ_ONCE(hop->sync->flow) == DRP_FLOW_MIRROR) {
			if (!drp_gate_enter(&hop->target->gate)) {
				drp_element_want_leg(hop->target);
				return -EAGAIN;
			}
			u->mirrored |= BIT(i);
			if (WARN_ON_ONCE(hweight32(u->mirrored) > DM_KCOPYD_MAX_REGIONS - 1))
				return -E2BIG;
		} else if (READ_ONCE(hop->sync->flow) != DRP_FLOW_NONE) {
			if (!READ_ONCE(hop->sync->source_noted)) {
				set_bit(DRP_NOTE_SOURCE, &hop->sync->faults);
				queue_work(s->pool->op_wq, &s->pool->note_work);
				return -EAGAIN;
			}
			drp_sync_track_source(hop->sync, u->range.start, u->range.end);
		}
	}
	return 0;
}

/* A copy is a write, too: snapshots of what it overwrites come first. 0; else it has left: -ERESTART, -EAGAIN, -ENOSPC, -EIO. */
static int preserve_unit(struct copy_unit *u)
{
	struct drp_copier *c = u->copier;
	struct drp_preserve_need need;
	int r;

	if (!drp_preserve_hold(drp_copy_writes_to(c), c->s->target->plan, u->mirrored, c->turn, &u->range,
			       &need))
		return 0;
	leave_unit(u);
	/* As with an activation: not while we hold region locks. */
	r = drp_preserve_held(&need, &u->range, !READ_ONCE(c->in_flight));
	if (r == -ENOSPC)
		note_no_space(c, need.refusals);
	return r;
}

static int enter_unit(struct copy_unit *u)
{
	struct drp_sync *s = u->copier->s;
	u64 extent = drp_extent_of(s->pool, u->range.start);
	int r;

	u->mirrored = 0;
	if (!drp_gate_enter(&s->source->gate))
		return -EAGAIN;
	/* The device of a snapshot need not be there: its content is the pool's. */
	if (!drp_sync_is_snapshot(s) && !drp_gate_enter(&s->target->gate)) {
		drp_gate_leave(&s->source->gate);
		return -EAGAIN;
	}
	/*
	 * What tracks or follows the side that is written learnt of all these
	 * regions when the turn began; its own copies wait for them.
	 */
	if (u->copier->turn)
		return preserve_unit(u);
	if (s->source->inbound &&
	    drp_turn_where(s->source->inbound, u->range.start, u->range.end) != DRP_HERE) {
		drp_gate_leave(&s->target->gate);
		drp_gate_leave(&s->source->gate);
		return -EAGAIN;
	}
	u->phase = drp_grace_enter(&s->target->grace);
	/* Whoever follows the target learns after a crash that it was being changed. */
	if (s->target->plan->nr_hops && !drp_extent_touch(s->target, extent)) {
		leave_unit(u);
		/*
		 * Waiting for a commit may mean waiting for those who hold region
		 * locks: not while we do.
		 */
		if (READ_ONCE(u->copier->in_flight))
			return -EAGAIN;
		r = drp_extent_activate(s->target, extent);
		return r ?: -ERESTART;
	}
	r = enter_target_hops(u);
	if (!r)
		return preserve_unit(u);
	leave_unit(u);
	return r;
}

/* Regions to sectors, cut at the extent's border and the source's end. */
static void aim_unit(struct copy_unit *u, u64 first, u64 count)
{
	struct drp_sync *s = u->copier->s;
	struct drp_pool *pool = s->pool;
	u64 start = first << pool->region_shift;
	u64 border = ((start >> pool->extent_shift) + 1) << pool->extent_shift;
	u64 end = min3((first + count) << pool->region_shift, border, s->source->rec.size_sectors);

	u->range.use = DRP_RANGE_COPY;
	u->range.start = start;
	u->range.end = end;
	u->range.granted = unit_granted;
	u->first = first;
	u->count = ((end + (1ULL << pool->region_shift) - 1) >> pool->region_shift) - first;
	u->spoiled = false;
	u->lost = false;
	u->read_failed = false;
	u->write_failed = false;
}

/* Start copying the run: 0, or -EAGAIN: later. */
static int start_unit(struct drp_copier *c, struct copy_unit *u, u64 first, u64 count)
{
	int r;

	aim_unit(u, first, count);
	do {
		r = enter_unit(u);
	} while (r == -ERESTART);
	if (r)
		return r;
	/* Stable from here on only: the plans may have changed while we waited to enter. */
	u->range.component = c->s->source->component;
	spin_lock_irq(&c->lock);
	u->state = UNIT_LOCKING;
	c->in_flight++;
	spin_unlock_irq(&c->lock);
	if (drp_range_lock(&c->s->pool->ranges, &u->range))
		issue_unit(u);
	return 0;
}

/* ---- pace ---- */

/* Lately, as far as window() has looked. */
static bool host_at_work(const struct drp_copier *c)
{
	return time_before_eq(jiffies, c->host_seen + msecs_to_jiffies(FOREGROUND_MS));
}

/* How many units at a time: few while the host is at work, by priority. */
static unsigned int window(struct drp_copier *c)
{
	u64 entries = host_entries(c);
	u16 priority = READ_ONCE(c->s->rec.copy_priority);

	if (entries != c->host_entries) {
		c->host_entries = entries;
		c->host_seen = jiffies;
	}
	/* Of an element that is restored the reads are on the same disks. */
	if (c->turn && time_after(READ_ONCE(c->turn->host_read), c->host_seen))
		c->host_seen = READ_ONCE(c->turn->host_read);
	if (!host_at_work(c))
		return priority == DRP_PRIO_LOW ? 4 : WINDOW_MAX;
	switch (priority) {
	case DRP_PRIO_LOW:
		return 1;
	case DRP_PRIO_HIGH:
		return 4;
	case DRP_PRIO_URGENT:
		return WINDOW_MAX;
	default:
		return 2;
	}
}

void drp_copy_again_in(struct drp_copier *c, unsigned long delay)
{
	queue_delayed_work(c->s->pool->copy_wq, &c->work, delay);
}

bool drp_copy_try_later(struct drp_copier *c, int r)
{
	if (r != -EAGAIN && r != -ENOMEM)
		return false;
	drp_copy_again_in(c, msecs_to_jiffies(RETRY_MS));
	return true;
}

static u64 ns_at_rate(u64 sectors, u64 rate)
{
	return div64_u64((sectors << SECTOR_SHIFT) * NSEC_PER_MSEC,
			 max_t(u64, div64_u64(rate, 1000), 1));
}

bool drp_copy_within_rate(struct drp_copier *c)
{
	u64 rate = READ_ONCE(c->s->rec.rate_limit), now = ktime_get_ns();

	if (!rate)
		return true;
	/* The last unit may have been paid for at a lower rate. */
	c->budget_ns = min(c->budget_ns, now + ns_at_rate(UNIT_SECTORS, rate));
	if (c->budget_ns > now) {
		drp_copy_again_in(c, nsecs_to_jiffies(c->budget_ns - now) + 1);
		return false;
	}
	return true;
}

void drp_copy_pay(struct drp_copier *c, u64 sectors)
{
	u64 rate = READ_ONCE(c->s->rec.rate_limit);

	if (rate)
		c->budget_ns = max(c->budget_ns, ktime_get_ns() - 100 * NSEC_PER_MSEC) +
			       ns_at_rate(sectors, rate);
}

/* ---- the worker ---- */

struct survey {
	struct copy_unit *free;
	unsigned int in_flight, copied;
	u64 copied_sectors;
	bool running, read_failed, write_failed;
};

/* Look at all units; issue those whose lock was granted. */
static void look_around(struct drp_copier *c, struct survey *v)
{
	u64 locked = 0;
	unsigned int i;

	memset(v, 0, sizeof(*v));
	spin_lock_irq(&c->lock);
	for (i = 0; i < NR_UNITS; i++) {
		struct copy_unit *u = &c->unit[i];

		if (u->state == UNIT_LOCKED)
			locked |= BIT_ULL(i);
		if (u->state == UNIT_IDLE)
			v->free = u;
		if (u->state == UNIT_COPIED) {
			v->copied++;
			v->copied_sectors += u->range.end - u->range.start;
			v->read_failed |= u->read_failed;
			v->write_failed |= u->write_failed;
		}
	}
	v->in_flight = c->in_flight;
	v->running = c->running && !c->held;
	spin_unlock_irq(&c->lock);
	c->copied_unflushed = v->copied_sectors;
	for (; locked; locked &= locked - 1)
		issue_unit(&c->unit[__ffs64(locked)]);
}

void drp_copy_finish(struct drp_copier *c, int error, bool target_failed)
{
	drp_copy_report(c);
	note_space(c);
	spin_lock_irq(&c->lock);
	c->running = false;
	spin_unlock_irq(&c->lock);
	c->done(c->s, error, target_failed);
}

/* Flush, and what follows from its result: true to go on. */
static bool settle(struct drp_copier *c, const struct survey *v)
{
	bool target_failed = false;
	int r = drp_copy_flush(c, &target_failed);

	if (!r && c->turn) {
		r = drp_turn_flush(c->turn);
		target_failed = r && r != -EAGAIN;
	}
	if (r && !drp_copy_try_later(c, r) && !v->in_flight)
		drp_copy_finish(c, r, target_failed);
	if (!r)
		drp_copy_report(c);
	return !r;
}

/* The next run to copy, at most @max regions: 1, 0 (none up to the end), or negative. */
static int next_run(struct drp_copier *c, u64 max, u64 *first, u64 *count)
{
	u64 skipped;
	int r;

	do {
		r = drp_plane_next_run(drp_copy_todo(c), c->cursor, max, first, count);
		/* Marks behind the end are of a growth that is not done: not for us. */
		if (r > 0 && *first << c->s->pool->region_shift >= c->s->source->rec.size_sectors)
			return 0;
		if (r <= 0 || !c->turn)
			return r;
		drp_turn_trim(c->turn, first, count, &skipped);
		if (!*count)
			c->cursor = *first;
	} while (!*count);
	return r;
}

/* Nothing is left to start: settle what was copied, look again, or end. */
static bool end_pass(struct drp_copier *c, const struct survey *v)
{
	if (v->in_flight)
		return false;
	if (v->copied || (c->turn && !drp_plane_empty(drp_copy_todo(c)))) {
		if (!settle(c, v))
			return false;
		c->cursor = 0;
		return true;
	}
	if (c->cursor) {
		c->cursor = 0;
		return true;
	}
	drp_copy_finish(c, 0, false);
	return false;
}

/* Start the next unit: true to go on, false: wait for a kick. */
static bool start_next(struct drp_copier *c, const struct survey *v)
{
	u64 sectors = host_at_work(c) ? SMALL_UNIT_SECTORS : UNIT_SECTORS;
	const u64 max = sectors >> c->s->pool->region_shift;
	u64 first, count;
	int r = next_run(c, max_t(u64, max, 1), &first, &count);

	if (r < 0) {
		if (!drp_copy_try_later(c, r))
			drp_copy_finish(c, r, false);
		return false;
	}
	if (!r) {
		note_space(c);	/* hosts may have done the rest */
		return end_pass(c, v);
	}
	if (!drp_copy_within_rate(c))
		return false;
	r = start_unit(c, v->free, first, count);
	if (r == -ENOSPC && c->space_ms) {
		drp_copy_again_in(c, msecs_to_jiffies(c->space_ms));
		return false;
	}
	if (r) {
		if (!drp_copy_try_later(c, r))
			drp_copy_finish(c, r, false);
		return false;
	}
	note_space(c);
	sectors = v->free->range.end - v->free->range.start;
	drp_copy_pay(c, sectors);
	c->cursor = v->free->first + v->free->count;
	c->unflushed += sectors;
	return true;
}

static void copy_work(struct work_struct *work)
{
	struct drp_copier *c = container_of(to_delayed_work(work), struct drp_copier, work);
	struct survey v;

	if (c->nested) {
		drp_copy_nested_work(c);
		return;
	}
	for (;;) {
		look_around(c, &v);
		if (!v.running)
			return;
		if (ktime_get_ns() - c->reported_ns > DRP_PROGRESS_NS)
			drp_copy_report(c);
		if (v.read_failed || v.write_failed) {
			if (!v.in_flight)
				drp_copy_finish(c, -EIO, v.write_failed && !v.read_failed);
			return;
		}
		if (!v.free || c->unflushed >= FLUSH_SECTORS) {
			if (!v.copied || !settle(c, &v))
				return;
			continue;
		}
		if (v.in_flight >= window(c) || !start_next(c, &v))
			return;
	}
}
