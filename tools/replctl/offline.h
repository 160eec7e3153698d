/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands on the metadata device of an inactive pool share. */
#ifndef REPLCTL_OFFLINE_H
#define REPLCTL_OFFLINE_H

#include "metadata.h"

/* What the superblocks are like, in words. */
const char *offline_probe_text(enum drp_probe what);

/*
 * Open the device that the command names. 0, or the exit status with the error
 * printed; only a device with a usable superblock, and not in use, stays open.
 */
int offline_open(const struct args *a, bool write, struct device *d, struct metadata *m,
		 enum drp_probe *what, struct drp_super *sb);

#endif /* REPLCTL_OFFLINE_H */
