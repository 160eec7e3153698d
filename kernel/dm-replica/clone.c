// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes of a clone's source: what its target still lacks is copied there first,
 * and that it is there is durable before it is overwritten. Contract rule 2.
 *
 *	lock -> copy -> unlock, wait: target flushed, C clear journalled
 *	     -> run anew: lock -> mark -> write
 *
 * Those that wait at the same time share one flush and one commit. Reads that the
 * target's hosts do on the source lock what they read (turn_io.c).
 */
#include "copy.h"
#include "io.h"
#include "turn.h"

enum need {
	NEED_NOTHING,
	NEED_COPY,
	NEED_SETTLE,		/* it is there, but not durably so */
};

static enum need need_of(struct drp_turn *t, const struct drp_io_ctx *io)
{
	if (READ_ONCE(t->given_up))
		return NEED_NOTHING;
	if (drp_turn_where(t, io->range.start, io->range.end) != DRP_HERE)
		return NEED_COPY;
	if (drp_turn_range_pending(t, io->range.start, io->range.end))
		return NEED_SETTLE;
	/* What was resolved may have been taken back just before that look at it. */
	if (drp_turn_where(t, io->range.start, io->range.end) != DRP_HERE)
		return NEED_COPY;
	return NEED_NOTHING;
}

void drp_clone_wait(struct drp_turn *t, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_gate *own = &io->e->gate;

	/* Our own gate keeps the turn until it has the bio, which may be gone then. */
	io->step = DRP_STEP_PRESERVE;
	io->inside = false;
	drp_io_leave(io);
	drp_turn_wait(t, bio);
	drp_gate_leave(own);
}

void drp_clone_failed(struct drp_sync *s, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_gate *own = io->inside ? &io->e->gate : NULL;
	struct drp_pool *pool = io->e->pool;

	io->step = DRP_STEP_RUN;
	io->inside = false;
	drp_io_leave(io);
	if (!READ_ONCE(s->rec.partial)) {
		drp_pool_rerun_bio(pool, bio);	/* given up meanwhile */
	} else if (READ_ONCE(s->rec.failed_copy_stops_host_io) || !drp_pool_writable(pool)) {
		bio_io_error(bio);
	} else {
		set_bit(DRP_NOTE_GIVE_UP, &s->faults);
		drp_note_park(pool, bio);
	}
	if (own)
		drp_gate_leave(own);
}

/* Advice that would cost a copy is not taken. */
static bool ignore_discard(struct bio *bio)
{
	if (bio_op(bio) != REQ_OP_DISCARD)
		return false;
	drp_io_leave(drp_io_of(bio));
	bio->bi_status = BLK_STS_OK;
	bio_endio(bio);
	return true;
}

/* Under the region lock: a copy of these regions is over, and must not clear our marks. */
static void mark_again(struct drp_io_ctx *io)
{
	u32 mask = io->clones;

	for (; mask; mask &= mask - 1) {
		struct drp_sync *s = io->e->plan->hop[__ffs(mask)].sync;
		struct drp_copier *copier = READ_ONCE(s->copier);

		if (copier)
			drp_copy_spoil(copier, io->range.start, io->range.end);
		drp_sync_mark(s, io->range.start, io->range.end);
	}
}

bool drp_clone_write(struct bio *bio, bool may_sleep)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	u32 mask = io->clones;

	for (; mask; mask &= mask - 1) {
		struct drp_turn *t = io->e->plan->hop[__ffs(mask)].sync->turn;

		switch (need_of(t, io)) {
		case NEED_COPY:
			if (ignore_discard(bio))
				return false;
			if (!may_sleep)
				drp_pool_rerun_bio(io->e->pool, bio);
			else if (drp_turn_copy_for(t, bio, false))
				drp_clone_wait(t, bio);
			return false;
		case NEED_SETTLE:
			drp_clone_wait(t, bio);
			return false;
		default:
			break;
		}
	}
	mark_again(io);
	return true;
}
