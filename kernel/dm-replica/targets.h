/* SPDX-License-Identifier: GPL-2.0-only */
/* The two device-mapper targets. */
#ifndef DRP_TARGETS_H
#define DRP_TARGETS_H

#include <linux/device-mapper.h>

struct drp_pool;

extern struct target_type drp_pool_target;
extern struct target_type drp_element_target;

/* The pool behind a pool device, referenced, or NULL. */
struct drp_pool *drp_pool_of_dev(struct dm_dev *dev);

#endif /* DRP_TARGETS_H */
