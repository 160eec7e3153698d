/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels in the device-mapper interface. */
#ifndef DRP_COMPAT_DEVICE_MAPPER_H
#define DRP_COMPAT_DEVICE_MAPPER_H

#include_next <linux/device-mapper.h>
#include <linux/blkdev.h>
#include <linux/version.h>

/* How a device is opened: another type, with other names, since 6.5. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define drp_open_mode_t	blk_mode_t
#define DRP_OPEN_READ	BLK_OPEN_READ
#else
#define drp_open_mode_t	fmode_t
#define DRP_OPEN_READ	FMODE_READ
#endif

/* Exported for targets such as dm-thin, declared in drivers/md/dm.h only. */
void dm_internal_suspend_noflush(struct mapped_device *md);
void dm_internal_resume(struct mapped_device *md);

/* Pages must not change while they are written to several legs. In .io_hints. */
static inline void drp_limits_stable_writes(struct dm_target *ti, struct queue_limits *limits)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	limits->features |= BLK_FEAT_STABLE_WRITES;
#endif
}

/* The same for kernels where the target says it. In .ctr. */
static inline void drp_target_stable_writes(struct dm_target *ti)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	ti->needs_stable_writes = true;
#endif
}

/* Discards are split at the queue's limit for them rather than at max_io_len; before 6.4 at neither. In .ctr. */
static inline void drp_target_split_discards(struct dm_target *ti)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	ti->max_discard_granularity = true;
#endif
}

#endif /* DRP_COMPAT_DEVICE_MAPPER_H */
