// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes, flushes and their legs. Contract: rule 1 (extent active first), rule
 * 3 (acknowledged after all legs, overlapping writes ordered alike).
 */
#include "io.h"
#include "preserve.h"

static void complete_host(struct bio *bio, blk_status_t status)
{
	bio->bi_status = status;
	bio_endio(bio);
}

static void range_granted(struct drp_range *range)
{
	struct drp_io_ctx *io = container_of(range, struct drp_io_ctx, range);

	drp_pool_rerun_bio(io->e->pool, dm_bio_from_per_bio_data(io, sizeof(*io)));
}

/* Mark what is tracked; false: a side's first change must become durable first. Inside. */
static bool mark_tracked(struct drp_io_ctx *io)
{
	const struct drp_plan *plan = io->e->plan;
	u32 mask = io->tracked;
	bool ready = true;

	if (io->track_up && !READ_ONCE(plan->up->target_noted)) {
		set_bit(DRP_NOTE_TARGET, &plan->up->faults);
		ready = false;
	}
	for (; mask; mask &= mask - 1) {
		struct drp_sync *s = plan->hop[__ffs(mask)].sync;

		if (!READ_ONCE(s->source_noted)) {
			set_bit(DRP_NOTE_SOURCE, &s->faults);
			ready = false;
		}
	}
	if (!ready)
		return false;
	if (io->track_up) {
		drp_sync_mark(plan->up, io->range.start, io->range.end);
		drp_sync_target_changed_now(plan->up);
	}
	for (mask = io->tracked; mask; mask &= mask - 1) {
		struct drp_sync *s = plan->hop[__ffs(mask)].sync;

		drp_sync_track_source(s, io->range.start, io->range.end);
	}
	return true;
}

/* What its snapshots need is safe; false: the write waits for that, or is over. */
static bool preserved(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *at;

	at = drp_io_unpreserved(io);
	if (likely(!at))
		return true;
	if (bio_op(bio) == REQ_OP_DISCARD) {
		/* Advice, that would cost COW space: not done. */
		drp_io_leave(io);
		complete_host(bio, BLK_STS_OK);
	} else if (likely(at != io->e || !at->cow_split) || drp_turn_bring(bio, may_sleep)) {
		drp_io_park_to_preserve(bio, at);
	}
	return false;
}

static int remap_own(struct bio *bio)
{
	bio_set_dev(bio, drp_io_of(bio)->e->bdev);
	return DM_MAPIO_REMAPPED;
}

static int refuse(struct drp_io_ctx *io)
{
	drp_io_leave(io);
	return DM_MAPIO_KILL;
}

/* What a write lacks parks it with nothing held; see io.h. */
static int park_for_metadata(struct bio *bio, bool extent)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e;

	if (!drp_pool_writable(e->pool))
		return refuse(io);
	drp_io_leave(io);
	if (extent)
		drp_extent_park(e, bio);
	else
		drp_note_park(e->pool, bio);
	return DM_MAPIO_SUBMITTED;
}

static int lock_and_submit(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	io->range.use = DRP_RANGE_WRITE;
	io->range.component = io->e->component;
	io->range.granted = range_granted;
	io->step = DRP_STEP_SUBMIT;
	io->in_range = true;
	if (!drp_range_lock(&io->e->pool->ranges, &io->range))
		return DM_MAPIO_SUBMITTED;
	return drp_write_submit(bio, may_sleep);
}

/* No sync concerns it, but snapshots. */
static int write_alone(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (unlikely(io->e->inbound)) {
		drp_turn_widen(io);
		return lock_and_submit(bio, may_sleep);
	}
	if (!io->e->cow_newest)
		return remap_own(bio);
	/* Who reads through a snapshot holds the region lock. */
	io->alone = true;
	return lock_and_submit(bio, may_sleep);
}

int drp_write_run(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e;

	switch (drp_io_enter(bio, true)) {
	case DRP_PARKED:
		return DM_MAPIO_SUBMITTED;
	case DRP_REFUSED:
		return DM_MAPIO_KILL;
	default:
		break;
	}
	if (READ_ONCE(e->access) != DRP_ACCESS_WRITE)
		return refuse(io);
	if (unlikely(e->inbound)) {
		/* It may have been widened before. */
		io->range.start = io->iter.bi_sector;
		io->range.end = io->range.start + (io->iter.bi_size >> SECTOR_SHIFT);
	}
	if (!preserved(bio, may_sleep))
		return DM_MAPIO_SUBMITTED;
	if (!io->in_grace)
		return write_alone(bio, may_sleep);
	if (!drp_extent_touch(e, drp_extent_of(e->pool, io->range.start)))
		return park_for_metadata(bio, true);
	if (!mark_tracked(io))
		return park_for_metadata(bio, false);

	if (unlikely(e->inbound || io->clones))
		drp_turn_widen(io);
	return lock_and_submit(bio, may_sleep);
}

/* ---- legs ---- */

/*
 * A FLUSH that we asked for failed, and took what its hosts had written: one of
 * theirs that comes after it, or at the same time, is how they learn. Inside.
 */
static void tell_of_lost_flush(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (unlikely(READ_ONCE(io->e->flush_lost)) && (bio->bi_opf & REQ_PREFLUSH) && !io->status) {
		WRITE_ONCE(io->e->flush_lost, false);
		io->status = BLK_STS_IOERR;
	}
}

void drp_write_done(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	tell_of_lost_flush(bio);
	if (unlikely(io->turned))
		drp_turn_written(bio);
	if (unlikely(io->turned && drp_turn_must_settle(bio, DRP_STEP_WRITTEN)))
		return;
	drp_io_leave(io);
	if (unlikely(io->faulted))
		drp_fault_park(bio);
	else
		complete_host(bio, io->status);
}

static void free_leg(struct bio *clone, struct drp_io_ctx *io)
{
	if (clone == &io->leg.bio)
		bio_uninit(clone);
	else
		bio_put(clone);
}

static void leg_done(struct bio *clone)
{
	struct drp_leg_bio *leg = container_of(clone, struct drp_leg_bio, bio);
	struct bio *bio = leg->host;
	struct drp_io_ctx *io = drp_io_of(bio);

	if (unlikely(clone->bi_status))
		drp_fault_leg(bio, leg->hop, clone->bi_status);
	free_leg(clone, io);
	if (atomic_dec_and_test(&io->pending))
		drp_write_done(bio);
}

static struct bio *clone_for_leg(struct bio *bio, int hop, bool first, gfp_t gfp)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e;
	struct block_device *bdev = e->plan->hop[hop].target->bdev;
	struct drp_leg_bio *leg;
	struct bio *clone;

	if (first) {
		clone = &io->leg.bio;
		if (bio_init_clone(bdev, clone, bio, gfp))
			return NULL;
	} else {
		clone = bio_alloc_clone(bdev, bio, gfp, &e->pool->bios);
		if (!clone)
			return NULL;
	}
	leg = container_of(clone, struct drp_leg_bio, bio);
	leg->host = bio;
	leg->hop = hop;
	clone->bi_end_io = leg_done;
	clone->bi_opf &= ~REQ_POLLED;	/* nobody would poll for it */
	return clone;
}

bool drp_legs_submit(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	gfp_t gfp = may_sleep ? GFP_NOIO : GFP_NOWAIT | __GFP_NOWARN;
	struct bio *legs[DRP_HOPS_MAX];
	u32 mask = io->mirrored;
	unsigned int n = 0, i;

	for (; mask; mask &= mask - 1) {
		legs[n] = clone_for_leg(bio, __ffs(mask), !n, gfp);
		if (!legs[n])
			break;
		n++;
	}
	if (mask) {
		for (i = 0; i < n; i++)
			free_leg(legs[i], io);
		return false;
	}
	/* The own leg is the host's bio itself: the caller submits it, drp_write_end() counts it. */
	atomic_set(&io->pending, n + 1);
	io->has_legs = true;
	for (i = 0; i < n; i++)
		submit_bio_noacct(legs[i]);
	return true;
}

int drp_write_end(struct bio *bio, blk_status_t *error)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (unlikely(*error)) {
		io->status = *error;
		drp_fault_leg(bio, -1, *error);
	}
	if (io->has_legs && !atomic_dec_and_test(&io->pending))
		return DM_ENDIO_INCOMPLETE;
	tell_of_lost_flush(bio);
	if (unlikely(io->turned)) {
		drp_turn_written(bio);
		if (drp_turn_must_settle(bio, DRP_STEP_WRITTEN))
			return DM_ENDIO_INCOMPLETE;
	}
	drp_io_leave(io);
	if (unlikely(io->faulted)) {
		drp_fault_park(bio);
		return DM_ENDIO_INCOMPLETE;
	}
	*error = io->status;
	return DM_ENDIO_DONE;
}

/* Can all legs write zeroes themselves? */
static bool legs_write_zeroes(struct drp_io_ctx *io)
{
	u32 mask = io->mirrored;

	if (!bdev_write_zeroes_sectors(io->e->bdev))
		return false;
	for (; mask; mask &= mask - 1)
		if (!bdev_write_zeroes_sectors(io->e->plan->hop[__ffs(mask)].target->bdev))
			return false;
	return true;
}

static int submit_legs(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (!io->mirrored || drp_legs_submit(bio, may_sleep))
		return remap_own(bio);
	/* A worker may wait for the clones. */
	drp_pool_rerun_bio(io->e->pool, bio);
	return DM_MAPIO_SUBMITTED;
}

int drp_write_submit(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	enum req_op op = bio_op(bio);

	if (io->alone)
		return remap_own(bio);
	if (op != REQ_OP_WRITE && !legs_write_zeroes(io)) {
		/* Discard is advice: acknowledged and not done. Zeroes are not: the caller writes them. */
		drp_io_leave(io);
		complete_host(bio, op == REQ_OP_DISCARD ? BLK_STS_OK : BLK_STS_NOTSUPP);
		return DM_MAPIO_SUBMITTED;
	}
	if (unlikely(io->e->inbound) && !drp_turn_write(bio, may_sleep))
		return DM_MAPIO_SUBMITTED;
	if (unlikely(io->clones) && !drp_clone_write(bio, may_sleep))
		return DM_MAPIO_SUBMITTED;
	/* A discard would leave legs with different undefined content. */
	if (op == REQ_OP_DISCARD)
		bio->bi_opf = (bio->bi_opf & ~REQ_OP_MASK) | REQ_OP_WRITE_ZEROES;
	return submit_legs(bio, may_sleep);
}

int drp_flush_run(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	switch (drp_io_enter(bio, true)) {
	case DRP_PARKED:
		return DM_MAPIO_SUBMITTED;
	case DRP_REFUSED:
		return DM_MAPIO_KILL;
	default:
		break;
	}
	if (unlikely(io->e->inbound) && !io->settled && drp_turn_must_settle(bio, DRP_STEP_RUN))
		return DM_MAPIO_SUBMITTED;
	if (!io->mirrored || drp_legs_submit(bio, may_sleep))
		return remap_own(bio);
	drp_io_leave(io);
	drp_pool_rerun_bio(io->e->pool, bio);
	return DM_MAPIO_SUBMITTED;
}
