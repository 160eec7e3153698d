/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices of pools and of their elements: what pool and element commands share. */
#ifndef REPLCTL_POOL_H
#define REPLCTL_POOL_H

#include "codec.h"
#include "device.h"
#include "dm.h"
#include "resolve.h"

#define POOL_DEVICE_SECTORS	8	/* it serves no data */

struct pool_table {
	const char *name;
	const struct device *metadata;
	const struct device *cow;	/* NULL: none */
	u32 chunk_sectors;
	u32 region_sectors;
	u32 extent_sectors;
	bool format;
	bool take_over;
};

/*
 * Was the pool left unclean by a host that is not this one? The kernel refuses
 * it then without take_over.
 */
bool pool_of_another_host(const struct drp_super *sb);

/* Create the pool's dm device. 0 or the exit status with the error printed. */
int pool_device_create(const struct pool_table *t);

/*
 * Remove the dm devices of a pool's elements and its own. 0 or the exit status,
 * with the error printed; while an element's device is open, that is refused
 * with names, or, if it can be tried @later, silently by -EAGAIN.
 */
int pool_devices_remove(const struct ref *pool, bool later);

/*
 * Create the dm device of an element (record of GET_ELEMENT) of @pool (record of
 * GET_POOL) over @data (NULL: it is virtual); @path gets /dev/mapper/NAME, REPLCTL_PATH_MAX bytes. 0
 * or the exit status with the error printed.
 */
int element_device_create(const struct record *pool, const struct record *element,
			  const struct device *data, char *path);

#endif /* REPLCTL_POOL_H */
