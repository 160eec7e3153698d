/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices of virtual elements: they come and go with the snapshots that they are the targets of. */
#ifndef REPLCTL_SNAPSHOT_H
#define REPLCTL_SNAPSHOT_H

#include "resolve.h"

/* Has the element (record of GET_ELEMENT) no data device of its own? */
static inline bool element_virtual(const struct record *element)
{
	return rec_has(element, DRP_A_PARENT_ID);
}

/*
 * The snapshot was created as @answer says, perhaps by a job that is waited
 * for: give its target @name of @pool a device. 0 or the exit status, printed.
 */
int snapshot_device_create(const char *pool, const char *name, const struct record *answer);

/*
 * Before the target of @sync goes: remove its device. 0 or the exit status,
 * printed; *@removed: it was there, and is made again by snapshot_device_again()
 * when the target stays after all.
 */
int snapshot_device_remove(const struct ref *sync, bool *removed);
int snapshot_device_again(const struct ref *sync);

#endif /* REPLCTL_SNAPSHOT_H */
