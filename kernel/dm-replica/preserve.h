/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preserve before overwrite (contract rule 2), and what a virtual element is.
 *
 * While an element has snapshots, a bit per chunk says that its old content is
 * safe for the newest of them. Who writes looks at the bits inside the element's
 * gate; what lacks one parks with nothing held until the engine has preserved
 * the chunk, and is run again. A bit, once set, stays while the gate is not
 * closed and drained, and so does "newest".
 */
#ifndef DRP_PRESERVE_H
#define DRP_PRESERVE_H

#include "cow.h"
#include "element.h"
#include "range.h"

struct drp_plane_map;
struct drp_bits;
struct drp_preserved;	/* of an element: its bits, chunks under way, who waits */

/* ---- what is alive ---- */

/*
 * The generations of @e that somebody still needs have changed: @newest is the
 * newest of them, 0: none. @fresh: it was just taken, nothing is preserved for
 * it yet (else the index is asked). The element's gate is closed and drained, or
 * no I/O has begun. op_lock held, or load. 0 or -ENOMEM (only with @newest,
 * nothing has changed). Sleeps.
 */
int drp_preserve_set_newest(struct drp_element *e, u64 newest, bool fresh);
/*
 * While a turn overwrites @e (see turn.h) its copies leave the content as it is,
 * so for snapshots that were taken since it began (@split: there are some) nothing
 * must be preserved: only for those before, of which @before is the newest
 * generation, 0: none. Who writes must have brought the content here first.
 * Context as above, with @split after drp_preserve_set_newest().
 */
void drp_preserve_set_before(struct drp_element *e, bool split, u64 before);
/* The latter. op_lock held. */
u64 drp_preserve_before(const struct drp_element *e);
/* @e goes, or the pool stops. Nothing is inside its gate, nobody decides any more. May be called again. Sleeps. */
void drp_preserve_exit(struct drp_element *e);
/* Nobody writes @e any more: wait for what was preserved ahead. Sleeps. */
void drp_preserve_drain(struct drp_element *e);
/*
 * While @c is not NULL, regions of @e that are preserved are marked in it: a
 * restore is being prepared. Who is told later, by drp_preserve_park() and the
 * like, that something is preserved finds it marked. op_lock held.
 */
void drp_preserve_arm(struct drp_element *e, struct drp_plane_map *c);
/* No element of the pool has any. Sleeps. */
void drp_preserver_free(struct drp_pool *pool);

/* ---- for writers ---- */

/*
 * Must anything in these sectors of @e be preserved before they are written?
 * Inside @e's gate. Any context.
 */
bool drp_preserve_needed(struct drp_element *e, u64 start, u64 end);
/* The same before a turn's copy overwrites them. */
bool drp_preserve_turn_needed(struct drp_element *e, u64 start, u64 end);

/*
 * Park @bio, which holds nothing (its caller may hold the gate that keeps @e
 * there), until what it lacks in these sectors of @e is
 * preserved; it is run again from the start, perhaps several times, or fails
 * (no space and a snapshot stops host I/O; metadata gone). Any context.
 */
void drp_preserve_park(struct drp_element *e, struct bio *bio, u64 start, u64 end);
/* The same for what a turn's copy needs. */
void drp_preserve_turn_park(struct drp_element *e, struct bio *bio, u64 start, u64 end);

/*
 * Of @e and the targets of hops @mask in @plan, one that must preserve something
 * in @range before it is written; NULL: none. Inside their gates. Any context.
 */
struct drp_element *drp_preserve_lacking(struct drp_element *e, const struct drp_plan *plan,
					 u32 mask, const struct drp_range *range);
/* What one of the engine's copies must preserve; it stays until drp_preserve_held(): its end waits for that. */
struct drp_preserve_need {
	struct drp_preserved *p;
	struct drp_bits *bits;		/* of it, that lack something */
	u64 newest;			/* their generation */
	u32 refusals;			/* its end: how often nothing could be given up for what that element needs */
};

/* As drp_preserve_lacking(), or (@turn) of what a turn's copy overwrites in @e: false: nothing lacks. */
bool drp_preserve_hold(struct drp_element *e, const struct drp_plan *plan, u32 mask, bool turn,
		       const struct drp_range *range, struct drp_preserve_need *need);
/*
 * Preserve @range for one of the engine's copies, which holds @need, and
 * region locks at most unless it may @wait: -ERESTART: done, or another generation
 * is needed: look again inside the gate; -EAGAIN: later (it may not wait; the gate
 * is closed); -ENOSPC: later, for COW space is full or fails: it is being decided who
 * goes for it, which this must not wait for, and where that was decided in vain
 * since the last time @need->refusals has grown; -EIO. Sleeps for I/O and commits.
 */
int drp_preserve_held(struct drp_preserve_need *need, const struct drp_range *range,
		      bool wait);

/*
 * COW space is full: syncs that stand in the way are Broken now, or never will
 * be (FailedCopyStopsHostIO): who is parked goes on, or (@error) fails. Called
 * by who decides it, see op_snapshot.h. Any context.
 */
void drp_preserve_decided(struct drp_element *e, int error);
/* The newest generation that they wait for, 0: nobody waits. Any context. */
u64 drp_preserve_stuck(struct drp_element *e);

/* ---- virtual elements (vio.c) ---- */

static inline bool drp_element_virtual(const struct drp_element *e)
{
	return e->rec.parent_element;
}

/* Sectors that one bio may not cross the border of: the extent, or a virtual element's chunk. */
static inline u64 drp_element_unit(const struct drp_element *e)
{
	return 1ULL << (drp_element_virtual(e) ? e->pool->cow->chunk_shift : e->pool->extent_shift);
}

/* The same for discards: of a virtual element several chunks, so that few bios are on their way. */
#define DRP_VIO_DISCARD_CHUNKS	256
static inline u64 drp_element_discard_unit(const struct drp_element *e)
{
	const u64 unit = drp_element_unit(e);

	if (!drp_element_virtual(e))
		return unit;
	/* Its range must not cross an extent: see range.h. */
	return max(unit, min(unit * DRP_VIO_DISCARD_CHUNKS, 1ULL << e->pool->extent_shift));
}

/* Where an element has a chunk. */
struct drp_vio_place {
	struct drp_element *device;	/* here, as it was at that generation of it, or */
	u64 generation;
	u64 slot;
};

/* Find it: 0, -ENODATA (no point in time), -errno. op_lock held or inside its gate. Sleeps. */
int drp_vio_resolve(struct drp_element *e, u64 chunk, struct drp_vio_place *place);

/* .map of a virtual element: FLUSH, reads and writes of one chunk at most, discards of several. */
int drp_vio_map(struct bio *bio);
/* End of a bio that was remapped. DM_ENDIO_*. */
int drp_vio_end(struct bio *bio, blk_status_t *error);
/* Run from the start in a worker. */
void drp_vio_run(struct bio *bio);

#endif /* DRP_PRESERVE_H */
