// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads: from the element's own leg, balanced over legs that equal it, and once
 * more from another leg when one fails.
 */
#include "io.h"

/* May the leg at its end serve reads of the element, and was not asked yet? Inside. */
static bool may_serve(const struct drp_plan *plan, unsigned int i, u32 tried)
{
	const struct drp_hop *hop = &plan->hop[i];

	return hop->parent < 0 && !(tried & BIT(i)) && READ_ONCE(hop->sync->readable);
}

/* A leg that may serve the read: hop index, -1 for the own one, -2 for none. Inside. */
static int next_leg(struct drp_io_ctx *io, unsigned int skip)
{
	const struct drp_plan *plan = io->e->plan;
	unsigned int i;

	for (i = 0; i < plan->nr_hops; i++) {
		if (!may_serve(plan, i, io->tried))
			continue;
		if (skip--)
			continue;
		if (drp_gate_enter(&plan->hop[i].target->gate)) {
			io->mirrored |= BIT(i);
			return i;
		}
	}
	return io->tried & DRP_OWN_LEG ? -2 : -1;
}

static unsigned int nr_readable(const struct drp_plan *plan)
{
	unsigned int i, n = 0;

	for (i = 0; i < plan->nr_hops; i++)
		n += may_serve(plan, i, 0);
	return n;
}

static void aim(struct bio *bio, int leg)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (leg < 0) {
		io->tried |= DRP_OWN_LEG;
		bio_set_dev(bio, io->e->bdev);
	} else {
		io->tried |= BIT(leg);
		bio_set_dev(bio, io->e->plan->hop[leg].target->bdev);
	}
}

int drp_read_run(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e;
	unsigned int n, turn;
	int leg = -1;

	if (drp_io_enter(bio, false) == DRP_PARKED)
		return DM_MAPIO_SUBMITTED;
	if (READ_ONCE(e->access) == DRP_ACCESS_NONE) {
		drp_io_leave(io);
		return DM_MAPIO_KILL;
	}
	if (unlikely(e->inbound))
		return drp_turn_read(bio, may_sleep);
	if (e->rec.read_policy == DRP_READ_BALANCE && e->plan->nr_hops) {
		n = nr_readable(e->plan);
		turn = this_cpu_inc_return(*e->turn) % (n + 1);
		if (turn)
			leg = next_leg(io, turn - 1);
	}
	aim(bio, leg);
	return DM_MAPIO_REMAPPED;
}

int drp_read_end(struct bio *bio, blk_status_t error)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	const struct drp_plan *plan = io->e->plan;

	if (error && error != BLK_STS_NOTSUPP && !io->there &&
	    (nr_readable(plan) || !(io->tried & DRP_OWN_LEG))) {
		io->status = error;
		io->step = DRP_STEP_READ_AGAIN;
		drp_pool_rerun_bio(io->e->pool, bio);
		return DM_ENDIO_INCOMPLETE;
	}
	drp_io_leave(io);
	return DM_ENDIO_DONE;
}

void drp_read_again(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	int leg = next_leg(io, 0);

	if (leg == -2) {
		drp_io_leave(io);
		bio->bi_status = io->status;
		bio_endio(bio);
		return;
	}
	pr_warn_ratelimited("dm-replica: element %s: read of sector %llu failed, reading %s instead\n",
			    io->e->rec.name, (unsigned long long)io->range.start,
			    leg < 0 ? "its own device" : "a mirror");
	drp_read_rewind(bio);
	aim(bio, leg);
	submit_bio_noacct(bio);
}

void drp_read_rewind(struct bio *bio)
{
	bio->bi_iter = drp_io_of(bio)->iter;
	bio->bi_status = BLK_STS_OK;
	/* None is left of a bio that was split below: with 0 its first part would end it. */
	atomic_set(&bio->__bi_remaining, 1);
}

/* ---- what snapshots need of an element ---- */

/*
 * Has the target what @e has, where nobody writes? A host may read there while a
 * write that failed waits for its sync to be Broken: it sees that write or what was
 * before. What a snapshot shows must not change. A failed leg is marked before its
 * I/O gives its gates back, hence before the next point in time.
 */
static bool is_equal(const struct drp_element *e, const struct drp_hop *hop)
{
	const struct drp_sync *s = hop->sync;

	/* Who does not say any more that it failed has ended readable, or marked it, before. */
	if (atomic_read(&e->late_lost) || atomic_read(&hop->target->late_lost))
		return false;
	smp_rmb(); /* see tell_late_flushes() */
	if (READ_ONCE(s->faults) & (BIT(DRP_FAULT_TARGET) | BIT(DRP_FAULT_SOURCE)))
		return false;
	smp_rmb(); /* see break_faulted() */
	return READ_ONCE(s->readable) && drp_plane_empty(s->d);
}

int drp_other_leg_next(struct drp_element *e, struct drp_other_leg *leg)
{
	const struct drp_plan *plan = e->plan;
	unsigned int i;

	leg->closed = NULL;
	for (i = 0; i < plan->nr_hops; i++) {
		const struct drp_hop *hop = &plan->hop[i];

		if (!may_serve(plan, i, leg->tried) || !is_equal(e, hop))
			continue;
		if (drp_gate_enter(&hop->target->gate)) {
			leg->tried |= BIT(i);
			leg->hop = hop;
			return 0;
		}
		leg->closed = hop->target;
	}
	return leg->closed ? -EAGAIN : -ENODATA;
}

int drp_other_leg_done(struct drp_element *e, struct drp_other_leg *leg, u64 sector, int error)
{
	const struct drp_hop *hop = leg->hop;

	leg->hop = NULL;
	smp_rmb(); /* what was read comes before */
	if (!error && !is_equal(e, hop))
		error = -EIO;
	if (!error)
		pr_warn_ratelimited("dm-replica: element %s: read of sector %llu for a snapshot failed, mirror %s has it\n",
				    e->rec.name, (unsigned long long)sector, hop->target->rec.name);
	drp_gate_leave(&hop->target->gate);
	return error;
}
