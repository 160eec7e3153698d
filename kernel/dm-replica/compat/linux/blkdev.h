/* SPDX-License-Identifier: GPL-2.0-only */
/* Holding a block device open, in the ways of different kernels. */
#ifndef DRP_COMPAT_BLKDEV_H
#define DRP_COMPAT_BLKDEV_H

#include_next <linux/blkdev.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/version.h>

/* One more (not exclusive) hold on an open device; ERR_PTR on failure. Sleeps. */
static inline void *drp_bdev_hold(struct block_device *bdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return bdev_file_open_by_dev(bdev->bd_dev, BLK_OPEN_READ | BLK_OPEN_WRITE, NULL, NULL);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return blkdev_get_by_dev(bdev->bd_dev, BLK_OPEN_READ | BLK_OPEN_WRITE, NULL, NULL);
#else
	return blkdev_get_by_dev(bdev->bd_dev, FMODE_READ | FMODE_WRITE, NULL);
#endif
}

static inline void drp_bdev_release(void *held)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	fput(held);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	blkdev_put(held, NULL);
#else
	blkdev_put(held, FMODE_READ | FMODE_WRITE);
#endif
}

/* Freeze the file system on a device, or write back what its page cache has. 0 or a negative errno. Sleeps. */
static inline int drp_bdev_freeze(struct block_device *bdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return bdev_freeze(bdev);
#else
	return freeze_bdev(bdev);
#endif
}

static inline void drp_bdev_thaw(struct block_device *bdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	bdev_thaw(bdev);
#else
	thaw_bdev(bdev);
#endif
}

#endif /* DRP_COMPAT_BLKDEV_H */
