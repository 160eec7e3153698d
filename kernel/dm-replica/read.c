// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads: from the element's own leg, balanced over legs that equal it, and once
 * more from another leg when one fails.
 */
#include "io.h"

/* A leg that may serve the read: hop index, -1 for the own one, -2 for none. Inside. */
static int next_leg(struct drp_io_ctx *io, unsigned int skip)
{
	const struct drp_plan *plan = io->e->plan;
	unsigned int i;

	for (i = 0; i < plan->nr_hops; i++) {
		const struct drp_hop *hop = &plan->hop[i];

		if (hop->parent >= 0 || (io->tried & BIT(i)) || !READ_ONCE(hop->sync->readable))
			continue;
		if (skip--)
			continue;
		if (drp_gate_enter(&hop->target->gate)) {
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
		if (plan->hop[i].parent < 0 && READ_ONCE(plan->hop[i].sync->readable))
			n++;
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
	bio->bi_iter = io->iter;
	bio->bi_status = BLK_STS_OK;
	/* None is left of a bio that was split below: with 0 its first part would end it. */
	atomic_set(&bio->__bi_remaining, 1);
	aim(bio, leg);
	submit_bio_noacct(bio);
}
