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
/* @e goes. Nothing is inside its gate. Sleeps. */
void drp_preserve_exit(struct drp_element *e);

/* ---- for writers ---- */

/*
 * Must anything in these sectors of @e be preserved before they are written?
 * Inside @e's gate. Any context.
 */
bool drp_preserve_needed(struct drp_element *e, u64 start, u64 end);

/*
 * Park @bio, which holds nothing, until what it lacks in these sectors of @e is
 * preserved; it is run again from the start, perhaps several times, or fails
 * (no space and a snapshot stops host I/O; metadata gone). Any context.
 */
void drp_preserve_park(struct drp_element *e, struct bio *bio, u64 start, u64 end);

/*
 * The same for the engine's copies, which hold nothing: 0 when all of it is
 * preserved, -EIO, -ENOSPC. Sleeps.
 */
int drp_preserve_range(struct drp_element *e, u64 start, u64 end);

/*
 * COW space is full: syncs that stand in the way are Broken now, or never will
 * be (FailedCopyStopsHostIO): who is parked goes on, or (@error) fails. Called
 * by who decides it, see op_snapshot.h. op_lock held. Sleeps.
 */
void drp_preserve_decided(struct drp_element *e, int error);

/* ---- virtual elements (vio.c) ---- */

static inline bool drp_element_virtual(const struct drp_element *e)
{
	return e->rec.parent_element;
}

/* .map of a virtual element: reads, writes, FLUSH, discards of one chunk at most. */
int drp_vio_map(struct bio *bio);
/* End of a bio that was remapped. DM_ENDIO_*. */
int drp_vio_end(struct bio *bio, blk_status_t *error);
/* Run from the start in a worker. */
void drp_vio_run(struct bio *bio);

#endif /* DRP_PRESERVE_H */
