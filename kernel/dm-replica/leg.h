/* SPDX-License-Identifier: GPL-2.0-only */
/* Flushing a leg with a deadline: a device that hangs must not hang who asks. */
#ifndef DRP_LEG_H
#define DRP_LEG_H

#include "element.h"

#define DRP_FLUSH_TIMEOUT	(10 * HZ)

/*
 * Flush the data device of @e, inside its gate until the device answers: 0, its
 * error, -EAGAIN (the gate is closed), -ETIMEDOUT, -ENOMEM. Sleeps.
 */
int drp_leg_flush(struct drp_element *e, long timeout);

/* The same while the caller has closed the gate itself. */
int drp_leg_flush_inside(struct drp_element *e, long timeout);

/* The same of a device that is no leg. */
int drp_bdev_flush(struct block_device *bdev, long timeout);

#endif /* DRP_LEG_H */
