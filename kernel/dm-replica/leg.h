/* SPDX-License-Identifier: GPL-2.0-only */
/* Flushing a leg with a deadline: a device that hangs must not hang who asks. */
#ifndef DRP_LEG_H
#define DRP_LEG_H

#include "element.h"

struct drp_flush;

#define DRP_FLUSH_TIMEOUT	(10 * HZ)

/* One that is kept for when there is no memory for another: NULL without memory. Sleeps. */
struct drp_flush *drp_flush_alloc(void);
/* It is kept no more: it may be under way, or NULL. Any context. */
void drp_flush_put(struct drp_flush *f);

/*
 * Flush the data device of @e, inside its gate until the device answers: 0, its
 * error, -EAGAIN (the gate is closed), -ETIMEDOUT. Memory that is short never makes
 * it fail: it takes the one that @e keeps. Whose data may be lost with an error is
 * told: drp_fault_leg_flush(). Sleeps.
 */
int drp_leg_flush(struct drp_element *e, long timeout);

/*
 * The same while the caller has closed the gate itself, and op_lock held. The
 * device may still be at it when the answer is -ETIMEDOUT and the gate is opened:
 * if it fails then, that is told as well.
 */
int drp_leg_flush_inside(struct drp_element *e, long timeout);

/* No such flush is with the device of @e any more. The gate is closed. Sleeps. */
void drp_leg_wait_flushed(struct drp_element *e);

/* The same of the COW device: see drp_cow_flush_failed(). */
int drp_cow_flush(struct drp_cow *cow, long timeout);

/* The same of the device of @e outside of its gate: nobody is told what may be lost. op_lock held. */
int drp_bdev_flush(struct drp_element *e, long timeout);

/* Is a FUA write of it one with a FLUSH behind it, which may fail as any other? Any context. */
static inline bool drp_fua_flushes(struct block_device *bdev)
{
	return bdev_write_cache(bdev) && !bdev_fua(bdev);
}

#endif /* DRP_LEG_H */
