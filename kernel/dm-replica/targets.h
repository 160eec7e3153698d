/* SPDX-License-Identifier: GPL-2.0-only */
/* The two device-mapper targets. */
#ifndef DRP_TARGETS_H
#define DRP_TARGETS_H

#include <linux/device-mapper.h>

struct drp_element;
struct drp_pool;

extern struct target_type drp_pool_target;
extern struct target_type drp_element_target;

/* The pool behind a pool device, referenced, or NULL. */
struct drp_pool *drp_pool_of_dev(struct dm_dev *dev);

/*
 * Does any pool use @bdev: as an element's data (but @self's), as an element's
 * or a pool's own device, as metadata or COW device (but the pool's with its
 * metadata on @own_metadata, or NULL)? Logs by whom, about @what. Takes each
 * pool's op_lock. Sleeps.
 */
bool drp_device_in_use(struct block_device *bdev, struct drp_element *self,
		       const struct block_device *own_metadata, const char *what);

#endif /* DRP_TARGETS_H */
