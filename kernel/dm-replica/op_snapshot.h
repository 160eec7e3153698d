/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations of SyncType Snapshot, and what a full COW space leads to. */
#ifndef DRP_OP_SNAPSHOT_H
#define DRP_OP_SNAPSHOT_H

#include "op.h"

/*
 * @e found no slot for a chunk that its newest snapshot needs: its snapshots
 * become Broken, or the writes fail; then drp_preserve_decided(). Queues a work
 * of op_wq. Any context.
 */
void drp_snapshot_exhausted(struct drp_element *e);

/*
 * The generations of @e that somebody needs: of virtual elements that came from
 * it and of aspects. The newest one (0: none); up to @max of all in @gens,
 * ascending, their number in *@n. op_lock or rec_lock held.
 */
u64 drp_snapshot_generations(struct drp_element *e, u64 *gens, u32 max, u32 *n);

#endif /* DRP_OP_SNAPSHOT_H */
