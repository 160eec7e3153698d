// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a virtual element shows of the device of an ancestor. That is read under its
 * region lock, after a second look, because its writers may have preserved the
 * chunk meanwhile. Where the device fails, a mirror of the ancestor may have the same;
 * gate and region lock are kept until that was read, so nobody writes there.
 */
#include "vio_internal.h"

void drp_vio_leave_base(struct drp_io_ctx *io)
{
	struct drp_vio *vio = &io->vio;

	if (vio->in_base)
		drp_range_unlock(&vio->base);
	vio->in_base = false;
	if (vio->from)
		drp_gate_leave(&vio->from->gate);
	vio->from = NULL;
}

static void base_granted(struct drp_range *range)
{
	struct drp_vio *vio = container_of(range, struct drp_vio, base);

	drp_vio_queue(drp_vio_bio(vio), vio->base_step);
}

void drp_vio_park(struct bio *bio, struct drp_element *e, struct drp_element *at)
{
	if (drp_gate_park(&at->gate, bio)) {
		drp_element_want_leg(at);
		drp_element_parked_at(e, &at->gate);
	} else {
		drp_pool_rerun_bio(e->pool, bio);
	}
}

/* Its gate is closed: wait for it with nothing held, unless that took too long already. */
static void park_at_base(struct bio *bio, struct drp_element *device)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e;

	if (!io->vio.since)
		io->vio.since = jiffies | 1;
	if (READ_ONCE(e->pushing_back)) {
		drp_vio_finish(bio, BLK_STS_DM_REQUEUE);
		return;
	}
	if (!drp_element_attached(device) && !READ_ONCE(device->held) &&
	    (READ_ONCE(device->leg_gone) ||
	     time_after(jiffies, io->vio.since + msecs_to_jiffies(DRP_LEG_DEADLINE_MS)))) {
		drp_vio_finish(bio, BLK_STS_IOERR);
		return;
	}
	/* Our own gate keeps the ancestor until it has the bio. */
	io->inside = false;
	drp_vio_leave(io);
	drp_vio_park(bio, e, device);
	drp_gate_leave(&e->gate);
}

void drp_vio_lock_base(struct bio *bio, u8 use, u64 start, u64 end, void (*step)(struct bio *bio))
{
	struct drp_vio *vio = &drp_io_of(bio)->vio;
	struct drp_element *device = vio->from;

	vio->base.use = use;
	vio->base.component = device->component;
	vio->base.start = start;
	vio->base.end = end;
	vio->base.granted = base_granted;
	vio->base_step = step;
	vio->in_base = true;
	if (drp_range_lock(&device->pool->ranges, &vio->base))
		step(bio);
}

void drp_vio_enter_base(struct bio *bio, const struct drp_vio_place *place,
			void (*step)(struct bio *bio))
{
	struct drp_io_ctx *io = drp_io_of(bio);
	const u64 start = io->range.start, end = io->range.end;

	if (!drp_gate_enter(&place->device->gate)) {
		park_at_base(bio, place->device);
		return;
	}
	io->vio.from = place->device;
	io->vio.leg = (struct drp_other_leg){};
	if (unlikely(drp_vio_lives_there(place, start, end)))
		drp_vio_bring(bio, start, end);
	else
		drp_vio_lock_base(bio, DRP_RANGE_SHOW, start, end, step);
}

/* ---- another leg ---- */

int drp_vio_base_error(struct drp_io_ctx *io, int error)
{
	struct drp_vio *vio = &io->vio;

	return likely(!vio->in_base || !vio->leg.hop) ? error :
	       drp_other_leg_done(vio->from, &vio->leg, io->range.start, error);
}

bool drp_vio_other_leg(struct drp_io_ctx *io)
{
	return io->vio.in_base && !drp_other_leg_next(io->vio.from, &io->vio.leg);
}

static void read_again(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (!drp_vio_other_leg(io)) {
		drp_vio_finish(bio, io->status);
		return;
	}
	drp_read_rewind(bio);
	bio_set_dev(bio, io->vio.leg.hop->target->bdev);
	submit_bio_noacct(bio);
}

bool drp_vio_base_failed(struct bio *bio, blk_status_t *error)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (!io->vio.in_base || (!*error && !io->vio.leg.hop))
		return false;
	*error = errno_to_blk_status(drp_vio_base_error(io, blk_status_to_errno(*error)));
	if (!*error || *error == BLK_STS_NOTSUPP)
		return false;
	io->status = *error;
	drp_vio_queue(bio, read_again);
	return true;
}
