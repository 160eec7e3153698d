// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host's I/O on an element that shows content of another one (see turn.h): reads
 * go where the content lives; a write of part of a region first copies that
 * region, and what it covers whole is here as soon as it is done. Contract rule 10.
 */
#include <linux/dm-kcopyd.h>
#include <linux/slab.h>

#include "copy.h"
#include "io.h"
#include "preserve_internal.h"
#include "turn.h"

#define COPIES_MAX	16	/* at a time for one bio */

struct turn_copy {
	struct drp_turn *t;
	struct bio *bio;
	struct drp_element *other;	/* side that is not the bio's: gate held, unless it is virtual */
	atomic_t pending;
	bool failed;
	unsigned int n;
	struct turn_copy_run {
		struct turn_copy *copy;
		u64 start, end;		/* sectors */
		struct drp_turn_fetch fetch;
	} run[COPIES_MAX];
	struct work_struct work;	/* in a queue whose works may wait for the index */
};

void drp_turn_widen(struct drp_io_ctx *io)
{
	const u64 region = 1ULL << io->e->pool->region_shift;

	io->range.start = round_down(io->range.start, region);
	io->range.end = min(round_up(io->range.end, region), io->e->rec.size_sectors);
}

/* ---- copying some regions for a bio that needs them here ---- */

mempool_t *drp_turn_make_copies(void)
{
	return mempool_create_kmalloc_pool(1, sizeof(struct turn_copy));
}

static struct turn_copy *alloc_copy(struct drp_pool *pool)
{
	struct turn_copy *copy = mempool_alloc(pool->turn_copies, GFP_NOWAIT | __GFP_NOWARN);

	if (copy)
		memset(copy, 0, sizeof(*copy));
	return copy;
}

static void leave_other(struct drp_element *other)
{
	if (!drp_element_virtual(other))
		drp_gate_leave(&other->gate);
}

static void end_copy(struct turn_copy *copy)
{
	struct drp_io_ctx *io = drp_io_of(copy->bio);
	struct drp_pool *pool = io->e->pool;
	struct drp_turn *t = copy->t;
	struct bio *bio = copy->bio;
	bool failed = copy->failed;

	leave_other(copy->other);
	mempool_free(copy, pool->turn_copies);
	if (io->e == t->origin) {
		if (!failed) {
			drp_clone_wait(t, bio);
			return;
		}
		drp_clone_failed(t->s, bio);
		return;
	}
	if (failed) {
		drp_io_leave(io);
		bio_io_error(bio);
		return;
	}
	/* A write keeps its lock and looks again; a read begins anew. */
	if (io->step == DRP_STEP_RESOLVE) {
		drp_io_leave(io);
		io->step = DRP_STEP_RUN;
	}
	drp_pool_rerun_bio(pool, bio);
}

static void run_copied(int read_err, unsigned long write_err, void *context)
{
	struct turn_copy_run *run = context;
	struct turn_copy *copy = run->copy;

	if (read_err || write_err)
		WRITE_ONCE(copy->failed, true);
	else
		drp_turn_resolved(copy->t, run->start, run->end);
	if (atomic_dec_and_test(&copy->pending))
		end_copy(copy);
}

/* No memory: @bio gives up all that it holds and begins anew, later. In a worker. */
static void starve(struct drp_turn *t, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_gate *own = &io->e->gate;

	io->step = DRP_STEP_RUN;
	io->inside = false;
	drp_io_leave(io);
	drp_turn_starve(t, bio);
	drp_gate_leave(own);
}

static void copy_runs(struct turn_copy *copy)
{
	unsigned int i, n = copy->n;

	atomic_set(&copy->pending, n + 1);
	for (i = 0; i < n; i++) {
		struct turn_copy_run *run = &copy->run[i];

		run->copy = copy;
		drp_turn_fetch(copy->t, &run->fetch, run->start, run->end, run_copied, run);
	}
	if (atomic_dec_and_test(&copy->pending))
		end_copy(copy);
}

static void copy_work(struct work_struct *work)
{
	copy_runs(container_of(work, struct turn_copy, work));
}

static void start_copy(struct turn_copy *copy)
{
	if (!drp_turn_is_virtual(copy->t)) {
		copy_runs(copy);
		return;
	}
	INIT_WORK(&copy->work, copy_work);
	queue_work(copy->t->s->pool->preserver->vio_wq, &copy->work);
}

/* The other side must be there: its gate taken, or the bio waits for it, or fails. Inside. */
static bool enter_other(struct drp_turn *t, struct drp_element *other, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (drp_element_virtual(other))
		return true;
	if (other == t->origin && READ_ONCE(t->given_up)) {
		drp_io_leave(io);
		bio_io_error(bio);
		return false;
	}
	if (drp_gate_enter(&other->gate))
		return true;
	if (other == t->here && READ_ONCE(t->here_lost)) {
		drp_clone_failed(t->s, bio);
	} else if (other == t->origin && READ_ONCE(t->origin_lost)) {
		drp_io_leave(io);
		bio_io_error(bio);
	} else if (READ_ONCE(io->e->pushing_back)) {
		drp_io_leave(io);
		bio->bi_status = BLK_STS_DM_REQUEUE;
		bio_endio(bio);
	} else {
		drp_io_park_at(bio, &other->gate);
	}
	return false;
}

static void add_run(struct turn_copy *copy, u64 start, u64 end)
{
	struct turn_copy_run *last = copy->n ? &copy->run[copy->n - 1] : NULL;

	if (last && last->end == start)
		last->end = end;
	else if (copy->n < COPIES_MAX)
		copy->run[copy->n++] = (struct turn_copy_run){ .start = start, .end = end };
}

/* Regions of [start, end) that live there; only those that the bio does not cover whole if @edges. */
static void find_runs(struct turn_copy *copy, u64 start, u64 end, bool edges)
{
	struct drp_io_ctx *io = drp_io_of(copy->bio);
	const u64 region = 1ULL << io->e->pool->region_shift;
	u64 first = io->iter.bi_sector, last = first + (io->iter.bi_size >> SECTOR_SHIFT);
	u64 at, next;

	end = min(end, copy->t->size);
	for (at = start; at < end; at = next) {
		next = min(at + region, end);
		if (edges && first <= at && next <= last)
			continue;
		if (drp_turn_where(copy->t, at, next) == DRP_THERE)
			add_run(copy, at, next);
	}
}

/* Only when the turn is confirmed; until then @bio waits with nothing held. Inside. */
static bool may_copy(struct drp_turn *t, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_gate *own = &io->e->gate;
	struct drp_pool *pool = io->e->pool;

	if (READ_ONCE(t->confirmed) > 0)
		return true;
	if (READ_ONCE(t->confirmed) < 0) {
		drp_io_leave(io);
		bio_io_error(bio);
		return false;
	}
	io->step = DRP_STEP_RUN;
	io->inside = false;
	drp_io_leave(io);
	if (!drp_turn_wait_confirmed(t, bio))
		drp_pool_rerun_bio(pool, bio);
	drp_gate_leave(own);
	return false;
}

/*
 * The first run that overwrites what snapshots need, or NULL. What is between the
 * runs is here already, and a host may have written it since. Inside the gates of both sides.
 */
static const struct turn_copy_run *must_preserve(const struct turn_copy *copy)
{
	unsigned int i;

	for (i = 0; i < copy->n; i++)
		if (drp_preserve_turn_needed(copy->t->here, copy->run[i].start, copy->run[i].end))
			return &copy->run[i];
	return NULL;
}

bool drp_turn_copy_for(struct drp_turn *t, struct bio *bio, bool edges)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_pool *pool = io->e->pool;
	struct turn_copy *copy = alloc_copy(pool);
	const struct turn_copy_run *run;

	if (!copy || !drp_turn_prepare(t, io->range.start)) {
		mempool_free(copy, pool->turn_copies);
		starve(t, bio);
		return false;
	}
	copy->t = t;
	copy->bio = bio;
	copy->other = io->e == t->here ? t->origin : t->here;
	find_runs(copy, io->range.start, io->range.end, edges);
	if (!copy->n) {
		mempool_free(copy, pool->turn_copies);
		return true;
	}
	if (may_copy(t, bio) && enter_other(t, copy->other, bio)) {
		run = must_preserve(copy);
		if (!run) {
			start_copy(copy);
			return false;
		}
		leave_other(copy->other);
		drp_io_park_to_copy(bio, t->here, run->start, run->end);
	}
	/* The turn may be gone with the bio, but not the pool: its works end first. */
	mempool_free(copy, pool->turn_copies);
	return false;
}

/* ---- reads ---- */

static int read_there(struct drp_turn *t, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (!enter_other(t, t->origin, bio))
		return DM_MAPIO_SUBMITTED;
	io->origin = t->origin;
	io->there = true;
	bio_set_dev(bio, t->origin->bdev);
	return DM_MAPIO_REMAPPED;
}

static void resolve_granted(struct drp_range *range)
{
	struct drp_io_ctx *io = container_of(range, struct drp_io_ctx, range);

	drp_pool_rerun_bio(io->e->pool, dm_bio_from_per_bio_data(io, sizeof(*io)));
}

static void lock_to_resolve(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	drp_turn_widen(io);
	io->range.use = DRP_RANGE_COPY;
	io->range.component = io->e->component;
	io->range.granted = resolve_granted;
	io->step = DRP_STEP_RESOLVE;
	io->in_range = true;
	if (drp_range_lock(&io->e->pool->ranges, &io->range))
		drp_pool_rerun_bio(io->e->pool, bio);
}

/* Where the first regions of @bio live, up to *@end: a border, or the end of it. */
static enum drp_where first_run(struct drp_turn *t, const struct drp_io_ctx *io, u64 *end)
{
	const u64 region = 1ULL << io->e->pool->region_shift;
	const u64 last = io->iter.bi_sector + (io->iter.bi_size >> SECTOR_SHIFT);
	u64 at = min(round_down(io->iter.bi_sector, region) + region, last);
	enum drp_where where = drp_turn_where(t, io->iter.bi_sector, at);

	while (at < last && drp_turn_where(t, at, min(at + region, last)) == where)
		at = min(at + region, last);
	*end = at;
	return where;
}

/*
 * In .map dm sends the rest of a bio as one of its own: nothing needs to be
 * copied for who reads from both sides.
 */
static enum drp_where cut_read(struct drp_turn *t, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	u64 start = io->iter.bi_sector, end;
	enum drp_where where = first_run(t, io, &end);
	u32 bytes;

	if (where == DRP_THERE)
		end = drp_turn_one_piece(t, start, end);
	bytes = (end - start) << SECTOR_SHIFT;
	if (bytes == io->iter.bi_size)
		return where;
	if (bytes % bdev_logical_block_size(io->e->bdev) ||
	    bytes % drp_turn_virtual_block_size(t))
		return DRP_MIXED;
	dm_accept_partial_bio(bio, end - start);
	io->iter.bi_size = bytes;
	io->range.end = end;
	return where;
}

/* Begin anew, from a worker, with nothing held. */
static void read_anew(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_pool *pool = io->e->pool;

	drp_io_leave(io);
	io->step = DRP_STEP_RUN;
	drp_pool_rerun_bio(pool, bio);
}

static enum drp_where where_is(struct drp_turn *t, const struct drp_io_ctx *io)
{
	u64 start = io->iter.bi_sector;

	return drp_turn_where(t, start, start + (io->iter.bi_size >> SECTOR_SHIFT));
}

/*
 * The origin's hosts write it: what is read there stays as it is while its
 * sectors are locked. Copies do not mind.
 */
static int read_shared(struct drp_turn *t, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	io->range.start = io->iter.bi_sector;
	io->range.end = io->range.start + (io->iter.bi_size >> SECTOR_SHIFT);
	io->range.use = DRP_RANGE_READ;
	io->range.component = io->e->component;
	io->range.granted = resolve_granted;
	io->step = DRP_STEP_READ_LOCKED;
	io->in_range = true;
	if (!drp_range_lock(&io->e->pool->ranges, &io->range))
		return DM_MAPIO_SUBMITTED;
	if (where_is(t, io) == DRP_THERE)
		return read_there(t, bio);
	read_anew(bio);
	return DM_MAPIO_SUBMITTED;
}

void drp_turn_read_granted(struct bio *bio)
{
	struct drp_turn *t = drp_io_of(bio)->e->inbound;

	if (where_is(t, drp_io_of(bio)) != DRP_THERE)
		read_anew(bio);
	else if (read_there(t, bio) == DM_MAPIO_REMAPPED)
		submit_bio_noacct(bio);
}

/* What cannot be read with one bio comes here first. */
static int read_virtual(struct drp_turn *t, struct bio *bio)
{
	if (drp_turn_can_read(t, bio))
		drp_turn_read_virtual(t, bio);
	else
		lock_to_resolve(bio);
	return DM_MAPIO_SUBMITTED;
}

int drp_turn_read(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_turn *t = io->e->inbound;

	if (time_after(jiffies, READ_ONCE(t->host_read)))
		WRITE_ONCE(t->host_read, jiffies);
	io->there = false;
	switch (may_sleep ? where_is(t, io) : cut_read(t, bio)) {
	case DRP_HERE:
		io->tried |= DRP_OWN_LEG;
		bio_set_dev(bio, io->e->bdev);
		return DM_MAPIO_REMAPPED;
	case DRP_THERE:
		if (drp_turn_is_virtual(t))
			return read_virtual(t, bio);
		return drp_turn_is_clone(t) ? read_shared(t, bio) : read_there(t, bio);
	default:
		/* Both: what is there must come here first. */
		lock_to_resolve(bio);
		return DM_MAPIO_SUBMITTED;
	}
}

void drp_turn_read_resolve(struct bio *bio)
{
	if (drp_turn_copy_for(drp_io_of(bio)->e->inbound, bio, false))
		read_anew(bio);
}

/* ---- writes and flushes ---- */

bool drp_turn_bring(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	const u64 chunk = 1ULL << io->e->pool->cow->chunk_shift;
	u64 start = round_down(io->iter.bi_sector, chunk);
	u64 end = round_up(io->iter.bi_sector + (io->iter.bi_size >> SECTOR_SHIFT), chunk);

	end = min(end, io->e->rec.size_sectors);
	if (drp_turn_where(io->e->inbound, start, end) == DRP_HERE)
		return true;
	if (!may_sleep) {
		drp_io_leave(io);
		drp_pool_rerun_bio(io->e->pool, bio);
		return false;
	}
	drp_io_leave_hops(io);
	io->range.start = start;
	io->range.end = end;
	lock_to_resolve(bio);
	return false;
}

bool drp_turn_write(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_turn *t = io->e->inbound;
	struct drp_copier *copier = READ_ONCE(t->s->copier);
	bool here = drp_turn_where(t, io->range.start, io->range.end) == DRP_HERE;

	/* The copy leaves room for them as for reads: of these nobody else counts. */
	if (drp_turn_is_virtual(t) && time_after(jiffies, READ_ONCE(t->host_read)))
		WRITE_ONCE(t->host_read, jiffies);
	if (!here && !may_sleep) {
		drp_pool_rerun_bio(io->e->pool, bio);
		return false;
	}
	/*
	 * Only under the region lock: a copy of these regions is either done, and
	 * must not clear our mark, or will find that they are here.
	 */
	if (copier)
		drp_copy_spoil(copier, io->range.start, io->range.end);
	if (!drp_sync_is_snapshot(t->s))
		drp_sync_mark(t->s, io->range.start, io->range.end);
	io->turned = true;
	if (here)
		return true;
	if (!drp_turn_copy_for(t, bio, true))
		return false;
	io->resolves = true;
	return true;
}

void drp_turn_written(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	/* One that failed leaves what was there before: the other side's content. */
	if (io->resolves && !io->status)
		drp_turn_resolved(io->e->inbound, io->range.start, io->range.end);
	io->resolves = false;
}

bool drp_turn_must_settle(struct bio *bio, enum drp_io_step step)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e;
	struct drp_turn *t = e->inbound;

	if (step == DRP_STEP_WRITTEN &&
	    (!(bio->bi_opf & REQ_FUA) || io->status || !t))
		return false;
	if (!drp_turn_pending(t))
		return false;
	/* Our own gate keeps the turn until it has the bio, which may be gone then. */
	io->step = step;
	io->losses = READ_ONCE(t->losses);
	io->inside = false;
	drp_io_leave(io);
	drp_turn_wait(t, bio);
	drp_gate_leave(&e->gate);
	return true;
}
