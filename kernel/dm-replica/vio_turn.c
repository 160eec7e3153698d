// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a snapshot shows that was taken while its source was being restored: the
 * content that hosts saw, some of which is still on the other side (see turn.h). Who
 * needs such a chunk through the snapshot copies it to the source first, as a read
 * of both sides does: contract rules 2 and 10. The copy preserves for older
 * snapshots what it overwrites, and leaves the content as it is.
 */
#include <linux/slab.h>

#include "turn.h"
#include "vio_internal.h"

struct bring {
	struct bio *bio;
	struct drp_turn *t;		/* the gate of here is held; that of origin, unless it is virtual */
	u64 start, end;
	struct drp_turn_fetch fetch;
};

bool drp_vio_lives_there(const struct drp_vio_place *place, u64 start, u64 end)
{
	struct drp_turn *t = place->device->inbound;

	return unlikely(t) && t->began && place->generation > t->began &&
	       drp_turn_where(t, start, end) != DRP_HERE;
}

/* The first run of @range that lives there: false: there is none. */
static bool first_run(struct drp_turn *t, const struct drp_range *range, u64 *start, u64 *end)
{
	const u64 region = 1ULL << t->s->pool->region_shift;
	u64 at = range->start;

	while (at < range->end && drp_turn_where(t, at, min(at + region, range->end)) != DRP_THERE)
		at += region;
	*start = at;
	while (at < range->end && drp_turn_where(t, at, min(at + region, range->end)) == DRP_THERE)
		at += region;
	*end = min(at, range->end);
	return *start < *end;
}

/*
 * @bio gives up all but the gates of its own element, which keeps the source, and
 * of the source, which is returned and keeps the turn: until somebody else has @bio.
 */
static struct drp_element *leave_but_gates(struct drp_io_ctx *io)
{
	struct drp_element *device = io->vio.from;

	io->vio.from = NULL;
	io->inside = false;
	drp_vio_leave(io);
	return device;
}

static void park_to_preserve(struct bio *bio, u64 start, u64 end)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e, *device = leave_but_gates(io);

	drp_preserve_turn_park(device, bio, start, end);
	drp_gate_leave(&device->gate);
	drp_gate_leave(&e->gate);
}

static void park_at_origin(struct bio *bio, struct drp_element *origin)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e, *device = leave_but_gates(io);

	drp_vio_park(bio, e, origin);
	drp_gate_leave(&device->gate);
	drp_gate_leave(&e->gate);
}

static void starve(struct bio *bio, struct drp_turn *t)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e, *device = leave_but_gates(io);

	drp_turn_starve(t, bio);
	drp_gate_leave(&device->gate);
	drp_gate_leave(&e->gate);
}

/* False: @bio waits for it, or has ended. */
static bool enter_origin(struct bio *bio, struct drp_turn *t)
{
	if (drp_turn_is_virtual(t) || drp_gate_enter(&t->origin->gate))
		return true;
	if (READ_ONCE(t->origin_lost))
		drp_vio_finish(bio, BLK_STS_IOERR);
	else if (READ_ONCE(drp_io_of(bio)->e->pushing_back))
		drp_vio_finish(bio, BLK_STS_DM_REQUEUE);
	else
		park_at_origin(bio, t->origin);
	return false;
}

static void leave_origin(struct drp_turn *t)
{
	if (!drp_turn_is_virtual(t))
		drp_gate_leave(&t->origin->gate);
}

static void bring(struct bio *bio);

static void brought(int read_err, unsigned long write_err, void *context)
{
	struct bring *b = context;
	struct bio *bio = b->bio;
	bool failed = read_err || write_err;

	if (!failed)
		drp_turn_resolved(b->t, b->start, b->end);
	leave_origin(b->t);
	kfree(b);
	if (failed)
		drp_vio_finish(bio, BLK_STS_IOERR);
	else
		drp_vio_queue(bio, bring);
}

/* The region lock is held: nobody else copies these, or writes there. */
static void bring(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_turn *t = io->vio.from->inbound;
	struct bring *b;
	u64 start, end;

	if (!first_run(t, &io->vio.base, &start, &end)) {
		drp_vio_leave_base(io);
		io->vio.locked(bio);
		return;
	}
	if (drp_preserve_turn_needed(t->here, start, end)) {
		park_to_preserve(bio, start, end);
		return;
	}
	if (!enter_origin(bio, t))
		return;
	b = kzalloc(sizeof(*b), GFP_NOWAIT | __GFP_NOWARN);
	if (!b || !drp_turn_prepare(t, start)) {
		kfree(b);
		leave_origin(t);
		starve(bio, t);
		return;
	}
	b->bio = bio;
	b->t = t;
	b->start = start;
	b->end = end;
	drp_turn_fetch(t, &b->fetch, start, end, brought, b);
}

void drp_vio_bring(struct bio *bio, u64 start, u64 end)
{
	struct drp_element *device = drp_io_of(bio)->vio.from;
	const u64 region = 1ULL << device->pool->region_shift;

	drp_vio_lock_base(bio, DRP_RANGE_COPY, round_down(start, region),
			  min(round_up(end, region), device->inbound->size), bring);
}
