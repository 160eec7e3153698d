// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way in: .map and .end_io of the element target, the gates, and the worker
 * that runs what could not go on in its own context.
 */
#include "io.h"
#include "preserve.h"

void drp_io_leave_hops(struct drp_io_ctx *io)
{
	struct drp_element *e = io->e;
	u32 mirrored = io->mirrored;

	if (io->in_grace) {
		io->in_grace = false;
		drp_grace_leave(&e->grace, io->phase);
	}
	if (io->origin) {
		drp_gate_leave(&io->origin->gate);
		io->origin = NULL;
	}
	io->mirrored = 0;
	while (mirrored) {
		drp_gate_leave(&e->plan->hop[__ffs(mirrored)].target->gate);
		mirrored &= mirrored - 1;
	}
}

void drp_io_leave(struct drp_io_ctx *io)
{
	struct drp_element *e = io->e;

	if (io->in_range) {
		io->in_range = false;
		drp_range_unlock(&io->range);
	}
	drp_io_leave_hops(io);
	if (io->inside) {
		io->inside = false;
		drp_gate_leave(&e->gate);
	}
}

/*
 * Decide once for this run what each sync gets, and take the gates of what will
 * be written. NULL, or the gate that is closed; -EPERM as an error pointer.
 */
static struct drp_gate *enter_hops(struct drp_io_ctx *io, const struct drp_plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->nr_hops; i++) {
		const struct drp_hop *hop = &plan->hop[i];

		if (hop->parent >= 0 && !(io->mirrored & BIT(hop->parent)))
			continue;
		switch (READ_ONCE(hop->sync->flow)) {
		case DRP_FLOW_MIRROR:
			if (!drp_gate_enter(&hop->target->gate))
				return &hop->target->gate;
			io->mirrored |= BIT(i);
			break;
		case DRP_FLOW_TRACK:
			io->tracked |= BIT(i);
			break;
		case DRP_FLOW_STOP:
			return ERR_PTR(-EPERM);
		case DRP_FLOW_CLONE:
			/* What mirrors into its source waits for it: see op_clone.c. */
			if (WARN_ON_ONCE(hop->parent >= 0))
				return ERR_PTR(-EPERM);
			io->tracked |= BIT(i);
			io->clones |= BIT(i);
			break;
		default:
			break;
		}
	}
	io->track_up = plan->up && READ_ONCE(plan->up->flow) != DRP_FLOW_NONE;
	return NULL;
}

/* Park at the gate of a target; our own gate keeps the plan, and so the target, until it is told. */
static bool park_at_target(struct drp_io_ctx *io, struct bio *bio, struct drp_gate *closed)
{
	struct drp_element *target = container_of(closed, struct drp_element, gate);
	struct drp_element *e = io->e;
	bool parked;

	io->inside = false;	/* the bio may be running again before we have left */
	drp_io_leave(io);
	parked = drp_gate_park(closed, bio);
	if (parked) {
		drp_element_want_leg(target);
		drp_element_parked_at(e, closed);
	}
	drp_gate_leave(&e->gate);
	return parked;
}

void drp_io_park_at(struct bio *bio, struct drp_gate *closed)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_pool *pool = io->e->pool;

	io->step = DRP_STEP_RUN;
	if (!park_at_target(io, bio, closed))
		drp_pool_rerun_bio(pool, bio);
}

struct drp_element *drp_io_unpreserved(struct drp_io_ctx *io)
{
	return drp_preserve_lacking(io->e, io->e->plan, io->mirrored, &io->range);
}

/* It keeps the plan, and so all elements, until somebody else has the bio. */
static struct drp_gate *leave_but_own_gate(struct drp_io_ctx *io)
{
	io->step = DRP_STEP_RUN;
	io->inside = false;
	drp_io_leave(io);
	return &io->e->gate;
}

void drp_io_park_to_preserve(struct bio *bio, struct drp_element *at)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_gate *own = leave_but_own_gate(io);

	drp_preserve_park(at, bio, io->range.start, io->range.end);
	drp_gate_leave(own);
}

void drp_io_park_to_copy(struct bio *bio, struct drp_element *at, u64 start, u64 end)
{
	struct drp_gate *own = leave_but_own_gate(drp_io_of(bio));

	drp_preserve_turn_park(at, bio, start, end);
	drp_gate_leave(own);
}

enum drp_enter drp_io_enter(struct bio *bio, bool write)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e;
	struct drp_gate *closed;

	for (;;) {
		io->mirrored = 0;
		io->tracked = 0;
		io->clones = 0;
		io->track_up = false;
		if (!drp_gate_enter(&e->gate)) {
			if (drp_gate_park(&e->gate, bio))
				return DRP_PARKED;
			continue;
		}
		io->inside = true;
		if (!write || (!e->plan->nr_hops && !e->plan->up))
			return DRP_ENTERED;
		io->phase = drp_grace_enter(&e->grace);
		io->in_grace = true;
		closed = enter_hops(io, e->plan);
		if (!closed)
			return DRP_ENTERED;
		if (IS_ERR(closed)) {
			drp_io_leave(io);
			return DRP_REFUSED;
		}
		if (park_at_target(io, bio, closed))
			return DRP_PARKED;
	}
}

static int run(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (io->step == DRP_STEP_SUBMIT)
		return drp_write_submit(bio, may_sleep);
	if (bio->bi_opf & REQ_PREFLUSH)
		return drp_flush_run(bio, may_sleep);
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return drp_read_run(bio, may_sleep);
	case REQ_OP_WRITE:
	case REQ_OP_WRITE_ZEROES:
	case REQ_OP_DISCARD:
		return drp_write_run(bio, may_sleep);
	default:
		return DM_MAPIO_KILL;
	}
}

int drp_io_map(struct dm_target *ti, struct bio *bio)
{
	struct drp_attachment *at = ti->private;
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = at->element;
	u64 start = dm_target_offset(ti, bio->bi_iter.bi_sector);
	u64 unit = bio_op(bio) == REQ_OP_DISCARD ? drp_element_discard_unit(e) :
						    drp_element_unit(e);
	u64 room = unit - (start & (unit - 1));

	memset_startat(io, 0, pending);
	/* Before 6.4 discards and write-zeroes ignore max_io_len. */
	if (bio_sectors(bio) > room)
		dm_accept_partial_bio(bio, room);
	bio->bi_iter.bi_sector = start;
	io->e = e;
	io->iter = bio->bi_iter;
	io->range.start = start;
	io->range.end = start + bio_sectors(bio);
	if (unlikely(drp_element_virtual(e)))
		return drp_vio_map(bio);
	return run(bio, false);
}

int drp_io_end(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (!io->inside)
		return DM_ENDIO_DONE;
	if (unlikely(drp_element_virtual(io->e)))
		return drp_vio_end(bio, error);
	if (bio_op(bio) == REQ_OP_READ)
		return drp_read_end(bio, *error);
	return drp_write_end(bio, error);
}

/* ---- the worker ---- */

void drp_pool_rerun_bios(struct drp_pool *pool, struct bio_list *bios)
{
	unsigned long flags;

	if (bio_list_empty(bios))
		return;
	spin_lock_irqsave(&pool->io_lock, flags);
	bio_list_merge(&pool->io_list, bios);
	spin_unlock_irqrestore(&pool->io_lock, flags);
	bio_list_init(bios);
	queue_work(pool->io_wq, &pool->io_work);
}

void drp_pool_rerun_bio(struct drp_pool *pool, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->io_lock, flags);
	bio_list_add(&pool->io_list, bio);
	spin_unlock_irqrestore(&pool->io_lock, flags);
	queue_work(pool->io_wq, &pool->io_work);
}

static void run_in_worker(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (unlikely(drp_element_virtual(io->e))) {
		drp_vio_run(bio);
		return;
	}
	if (io->step == DRP_STEP_READ_AGAIN) {
		drp_read_again(bio);
		return;
	}
	if (io->step == DRP_STEP_RESOLVE) {
		drp_turn_read_resolve(bio);
		return;
	}
	if (io->step == DRP_STEP_READ_LOCKED) {
		drp_turn_read_granted(bio);
		return;
	}
	switch (run(bio, true)) {
	case DM_MAPIO_REMAPPED:
		submit_bio_noacct(bio);
		break;
	case DM_MAPIO_KILL:
		bio_io_error(bio);
		break;
	default:
		break;
	}
}

void drp_io_work(struct work_struct *work)
{
	struct drp_pool *pool = container_of(work, struct drp_pool, io_work);
	struct bio_list todo;
	struct bio *bio;

	spin_lock_irq(&pool->io_lock);
	todo = pool->io_list;
	bio_list_init(&pool->io_list);
	spin_unlock_irq(&pool->io_lock);

	while ((bio = bio_list_pop(&todo)))
		run_in_worker(bio);
}
