// SPDX-License-Identifier: GPL-2.0-only
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/kref.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "freeze.h"

struct drp_freeze {
	/* fixed */
	struct work_struct work;	/* freezes */
	struct work_struct thaw_work;
	struct mapped_device *md;
	struct kref ref;		/* the work's and the waiter's */
	struct completion done;

	spinlock_t lock;		/* protects what follows; a leaf */
	bool abandoned;			/* nobody waits any more */
	bool frozen;			/* to be thawed by who has it */
	int error;
};

/* Not a pool's: those are flushed while I/O stands still. */
static struct workqueue_struct *freeze_wq;

static void free_freeze(struct kref *ref)
{
	struct drp_freeze *f = container_of(ref, struct drp_freeze, ref);

	dm_put(f->md);
	kfree(f);
}

static struct block_device *device_of(const struct drp_freeze *f)
{
	return dm_disk(f->md)->part0;
}

static void freeze_work(struct work_struct *work)
{
	struct drp_freeze *f = container_of(work, struct drp_freeze, work);
	int r = drp_bdev_freeze(device_of(f));
	bool late;

	spin_lock(&f->lock);
	late = f->abandoned;
	f->frozen = !r && !late;
	/* Somebody else froze it, and will thaw it. */
	f->error = r == -EBUSY ? 0 : r;
	spin_unlock(&f->lock);
	if (late && !r)
		drp_bdev_thaw(device_of(f));
	complete(&f->done);
	kref_put(&f->ref, free_freeze);
}

struct drp_freeze *drp_freeze_begin(struct mapped_device *md, long timeout)
{
	struct drp_freeze *f = kzalloc(sizeof(*f), GFP_KERNEL);
	int r = 0;

	if (!f) {
		dm_put(md);
		return ERR_PTR(-ENOMEM);
	}
	f->md = md;
	INIT_WORK(&f->work, freeze_work);
	init_completion(&f->done);
	spin_lock_init(&f->lock);
	kref_init(&f->ref);
	kref_get(&f->ref);
	queue_work(freeze_wq, &f->work);
	wait_for_completion_timeout(&f->done, timeout);

	spin_lock(&f->lock);
	if (completion_done(&f->done)) {
		r = f->error;
	} else if (f->frozen) {
		r = 0;		/* just now */
	} else {
		f->abandoned = true;
		r = -ETIMEDOUT;
	}
	spin_unlock(&f->lock);
	if (!r)
		return f;
	kref_put(&f->ref, free_freeze);
	return ERR_PTR(r);
}

static void thaw_work(struct work_struct *work)
{
	struct drp_freeze *f = container_of(work, struct drp_freeze, thaw_work);

	if (f->frozen)
		drp_bdev_thaw(device_of(f));
	kref_put(&f->ref, free_freeze);
}

void drp_freeze_end_soon(struct drp_freeze *f)
{
	INIT_WORK(&f->thaw_work, thaw_work);
	queue_work(freeze_wq, &f->thaw_work);
}

int drp_freeze_init(void)
{
	freeze_wq = alloc_workqueue("drp-freeze", WQ_UNBOUND, 0);
	return freeze_wq ? 0 : -ENOMEM;
}

void drp_freeze_exit(void)
{
	destroy_workqueue(freeze_wq);
}
