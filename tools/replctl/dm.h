/* SPDX-License-Identifier: GPL-2.0-only */
/* Device-mapper devices. All libdevmapper of the tool is behind this header. */
#ifndef REPLCTL_DM_H
#define REPLCTL_DM_H

#include <sys/types.h>

#include "replctl.h"

struct dm_device {
	char name[128];
	char uuid[130];
	dev_t dev;
	bool exists;
	bool read_only;
	int open_count;
};

/*
 * Create and start a device of one target. 0, or the exit status with the error
 * printed, in the kernel's own words where it logged some; nothing is left then.
 * Waits for udev where it runs, else makes the node.
 */
int dm_create(const char *name, const char *uuid, u64 sectors, const char *target,
	      const char *params, dev_t *dev);

/* Remove a device. 0, or the exit status with the error printed (In Use when it is open). */
int dm_remove(const char *name);

/* What is known of a device by name, or by number when @name is NULL. 0 or a sysexit, printed. */
int dm_query(const char *name, dev_t dev, struct dm_device *d);

/* Close the library's files. */
void dm_finish(void);

#endif /* REPLCTL_DM_H */
