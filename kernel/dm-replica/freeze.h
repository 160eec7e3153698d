/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file system on an element's device is frozen for a point in time, so that
 * it mounts without recovery. Contract rule 8: a work item freezes, and thaws
 * what came too late; nobody's death leaves a device frozen.
 */
#ifndef DRP_FREEZE_H
#define DRP_FREEZE_H

struct drp_freeze;
struct mapped_device;

int drp_freeze_init(void);
/* Waits for freezes that came too late. Sleeps. */
void drp_freeze_exit(void);

/*
 * Freeze what is on @md (a reference, which this takes over) within @timeout
 * jiffies. One that somebody froze before is frozen; one without a file system
 * is written back. ERR_PTR(-ETIMEDOUT, -ENOMEM, what the file system said):
 * then it is not frozen, or not for long. No lock held. Sleeps.
 */
struct drp_freeze *drp_freeze_begin(struct mapped_device *md, long timeout);
/*
 * Thaw it, in another work: a file system that goes on may write, and such a write
 * may wait for locks of the caller. Any context.
 */
void drp_freeze_end_soon(struct drp_freeze *f);

#endif /* DRP_FREEZE_H */
