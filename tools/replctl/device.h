/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block devices: what they are, what is on them, who uses them, and what they
 * call themselves (their identity, by which a pool finds them again).
 */
#ifndef REPLCTL_DEVICE_H
#define REPLCTL_DEVICE_H

#include <sys/types.h>

#include "replctl.h"

struct device {
	char path[REPLCTL_PATH_MAX];		/* as given, or /dev/NAME */
	char name[128];				/* the kernel's: sda1, dm-3 */
	dev_t dev;
	u64 bytes;
	char identity[DRP_IDENTITY_MAX + 1];	/* see device_identify() */
	bool weak_identity;			/* only the kernel's name, which may change */
};

/* The kernel's MKDEV() of 12 and 20 bits as user space's dev_t. */
dev_t kernel_dev(u64 number);

/* /dev/mapper/NAME, /dev/NAME, or MAJOR:MINOR into @buf; returns @buf. */
const char *device_path(dev_t dev, char *buf, size_t size);

/* First line of a sysfs file of block device @dev: length or -1. */
int device_attribute(dev_t dev, const char *file, char *buf, size_t size);

/*
 * Find out path, number and size of @path. 0, or the exit status with the error
 * printed.
 */
int device_open(const char *path, struct device *d);

/*
 * What the device calls itself, first of: dm:UUID, partuuid:UUID, wwn:ID,
 * serial:NUMBER, loop:FILE, name:KERNEL-NAME. No blanks in it.
 */
void device_identify(struct device *d);

/*
 * Does somebody hold it (mounted, swap, part of md or dm)? Fills @who with
 * words, e.g. "mounted on /srv".
 */
bool device_in_use(const struct device *d, char *who, size_t size);

enum content {
	CONTENT_NONE,		/* no signature */
	CONTENT_POOL,		/* a pool's metadata of ours */
	CONTENT_FOREIGN,	/* something else; @what names it */
};

/* What is on the device? Negative errno when it cannot be read. */
int device_content(const struct device *d, char *what, size_t size);

/* Call @each for every block device of the machine with media; stops when it returns non-zero. */
int device_scan(int (*each)(const struct device *d, void *ctx), void *ctx);

#endif /* REPLCTL_DEVICE_H */
