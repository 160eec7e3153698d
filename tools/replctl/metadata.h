/* SPDX-License-Identifier: GPL-2.0-only */
/* A pool's metadata device, read and written by the module's own core code while the pool is inactive. */
#ifndef REPLCTL_METADATA_H
#define REPLCTL_METADATA_H

#include "device.h"
#include "journal.h"

struct metadata {
	int fd;
	struct drp_io io;
	u64 blocks;
	void *scratch;		/* DRP_LOAD_SCRATCH_BLOCKS blocks */
};

/*
 * Open @d; @write: exclusively, for writing. 0 or a negative errno; close it with
 * metadata_close().
 */
int metadata_open(const struct device *d, bool write, struct metadata *m);
void metadata_close(struct metadata *m);

/* Open, probe, close. 0 or a negative errno. @sb is valid for VALID and REPAIR. */
int metadata_probe(const struct device *d, enum drp_probe *what, struct drp_super *sb);

/* Read the first block of any device: 0 or a negative errno. */
int metadata_read_front(const struct device *d, void *block);

/* Zero both superblocks, durably. 0 or a negative errno. */
int metadata_wipe(const struct device *d);

#endif /* REPLCTL_METADATA_H */
