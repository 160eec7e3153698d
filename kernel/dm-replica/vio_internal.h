/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files that do the I/O of virtual elements. */
#ifndef DRP_VIO_INTERNAL_H
#define DRP_VIO_INTERNAL_H

#include "preserve_internal.h"

static inline struct bio *drp_vio_bio(struct drp_vio *vio)
{
	struct drp_io_ctx *io = container_of(vio, struct drp_io_ctx, vio);

	return dm_bio_from_per_bio_data(io, sizeof(*io));
}

/* Go on with @step in a worker that may wait for nodes of the index. Any context. */
void drp_vio_queue(struct bio *bio, void (*step)(struct bio *bio));
/* Give up all, also what a write took in COW space. Any context. */
void drp_vio_leave(struct drp_io_ctx *io);
/* The same, and @bio ends. Any context. */
void drp_vio_finish(struct bio *bio, blk_status_t status);

/* @bio went to the COW device and is back: what that says of its cache, and to whom. Inside. Any context. */
void drp_vio_look_at_flush(struct bio *bio, blk_status_t *error);

/* ---- the device of an ancestor (vio_base.c) ---- */

/* Go on with @step in the gate of the device of @place, with the region lock of the bio's range. */
void drp_vio_enter_base(struct bio *bio, const struct drp_vio_place *place,
			void (*step)(struct bio *bio));
/* Run @bio of @e again when the gate of @at opens; it holds nothing any more, the caller the gate of @e. Any context. */
void drp_vio_park(struct bio *bio, struct drp_element *e, struct drp_element *at);
/* Give up what is held of an ancestor: region lock, gate. Any context. */
void drp_vio_leave_base(struct drp_io_ctx *io);
/* Go on with @step when [start, end) of io->vio.from, whose gate is held, is locked for @use (see range.h). */
void drp_vio_lock_base(struct bio *bio, u8 use, u64 start, u64 end, void (*step)(struct bio *bio));
/* What became of a read of it, or of another leg, that ended with @error. Any context. */
int drp_vio_base_error(struct drp_io_ctx *io, int error);
/* It failed: is there another leg? Then io->vio.leg.hop leads to it. Any context. */
bool drp_vio_other_leg(struct drp_io_ctx *io);
/* @bio is back with *@error: true if it was sent to another leg of such a device. Any context. */
bool drp_vio_base_failed(struct bio *bio, blk_status_t *error);

/* ---- while an ancestor is restored (vio_turn.c) ---- */

/*
 * Is any of [start, end), as the device of @place showed it at that generation,
 * on the other side of a restore that had begun before? Inside its gate. Any context.
 */
bool drp_vio_lives_there(const struct drp_vio_place *place, u64 start, u64 end);
/* Bring that here, then go on with io->vio.locked. Inside its gate, which is left. In a worker. */
void drp_vio_bring(struct bio *bio, u64 start, u64 end);

#endif /* DRP_VIO_INTERNAL_H */
