/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pool: one replication service. It owns the metadata device, the journal,
 * all objects and everything the I/O path shares between elements.
 *
 * Locks, outermost first (Documentation/locking.rst):
 *   op_lock          one operation at a time; held over commits and drains, so
 *                    the I/O path never takes it (only parked bios' worker does)
 *   cm.ring_lock     journal ring and what must agree with it
 *   rec_lock         records and index of the objects; short, irqs stay on
 *   element locks, plane locks, range buckets, gate locks: leaves, irq-safe
 */
#ifndef DRP_POOL_H
#define DRP_POOL_H

#include <linux/device-mapper.h>
#include <linux/dm-kcopyd.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>

#include "committer.h"
#include "event.h"
#include "metadev.h"
#include "query.h"
#include "range.h"

struct drp_element;
struct drp_sync;
struct drp_job;
struct drp_cow;
struct drp_preserver;
struct drp_reclaim;

struct drp_pool {
	struct kref ref;
	struct list_head list;		/* of all pools: see pool.c */
	u32 number;			/* grows along the list; fixed */

	/* fixed after load */
	struct drp_metadev md;
	unsigned int region_shift;	/* log2 of the region in sectors */
	unsigned int extent_shift;
	void *held_bdev;		/* our own hold on the metadata device */
	struct drp_cow *cow;		/* COW space, or NULL */
	struct drp_reclaim *reclaim;	/* with cow */
	struct drp_range_space ranges;
	struct bio_set bios;		/* clones for legs */
	struct dm_kcopyd_client *copier;
	mempool_t *turn_copies;		/* see drp_turn_make_copies() */
	struct drp_preserver *preserver;	/* made with the first snapshot, under op_lock */
	struct workqueue_struct *commit_wq;	/* ordered: commits */
	struct workqueue_struct *io_wq;	/* bios that could not go on in their context */
	/*
	 * One for each kind that may wait for another: a request waits for a
	 * commit, a commit for a checkpoint, a page cache write for a note.
	 */
	struct workqueue_struct *checkpoint_wq;	/* ordered */
	struct workqueue_struct *copy_wq;	/* copies, probes of failed legs */
	struct workqueue_struct *look_wq;	/* looks for zeroes */
	struct workqueue_struct *op_wq;		/* what happens by itself: notes, faults, ends of copies */
	struct workqueue_struct *req_wq;	/* requests */

	struct rw_semaphore life;	/* read: the engine and the objects stay; see drp_pool_hold() */
	bool dead;			/* under life */

	struct mutex op_lock;
	/* under op_lock */
	struct drp_super sb;		/* as on the device; checkpoints update it */
	bool loaded;
	bool active;			/* resumed once: checkpoint written, requests admitted */
	time64_t activated;		/* when that was, s since boot */
	bool suspended;			/* its device is: nothing may be written */
	bool stopping;
	struct list_head removed;	/* syncs that are gone but still in a plan */
	u16 cow_level;			/* watermark of COW space that was reported */
	bool cow_waits;			/* for a reclaim pass, before more is given up */
	bool cow_reclaimed;		/* it is over, and the reserve still touched */
	u64 gates_closed_at;		/* ns: start of the stall of the cut under way */
	bool needs_format;
	bool needs_repair;		/* one superblock was bad */
	struct drp_load_result replay;	/* where this activation may begin to write */
	char owner_name[64];
	u8 owner_uuid[DRP_UUID_BYTES];
	u8 boot_id[DRP_UUID_BYTES];

	struct drp_committer cm;
	struct drp_extent_queue {
		spinlock_t lock;	/* irq-safe */
		struct list_head waiting;	/* elements with bios that wait for an activation */
		struct list_head landing;	/* under cm.ring_lock: in the commit under way */
	} extents;

	/* checkpoint */
	struct mutex checkpoint_lock;	/* one at a time; held over metadata and leg I/O: nobody else waits for it but close */
	struct delayed_work checkpoint_work;
	bool retire_futile;		/* the last look for room in a full set found nothing */
	bool checkpoint_again;		/* soon, after one that was futile */
	bool checkpoint_retire_all;	/* an active set is full: retire touched extents, too */
	unsigned int dirty_ticks;	/* under checkpoint_lock */
	atomic64_t checkpoints;

	spinlock_t rec_lock;		/* protects what follows */
	struct drp_pool_rec rec;
	u64 job_ids_next;		/* under op_lock: next one to use; below rec.next_job_id it is durable */
	struct xarray elements;		/* by id; entries change under op_lock and rec_lock */
	struct xarray syncs;
	struct xarray groups;
	struct xarray aspects;
	struct xarray jobs;
	u16 mode;			/* enum drp_pool_mode, only ever grows */
	char last_refusal[DRP_MESSAGE_MAX + 1];

	spinlock_t io_lock;		/* irq-safe; protects the list */
	struct bio_list io_list;	/* bios for io_work */
	struct work_struct io_work;

	spinlock_t fault_lock;		/* irq-safe; protects the list */
	struct bio_list fault_list;	/* finished writes whose sync must be Broken first */
	struct work_struct fault_work;

	spinlock_t note_lock;		/* irq-safe */
	struct bio_list note_list;	/* writes that wait for source_changed and the like */
	struct work_struct note_work;
	struct work_struct watch_work;	/* how full COW space is: see op_snapshot.h */

	struct delayed_work reap_work;	/* finished jobs, plans to be rebuilt */
	unsigned long reap_at;		/* jiffies, while it is pending; under op_lock */
	atomic64_t stall_max_ns;
	atomic64_t bits_bytes;		/* of what elements know of preserved chunks */

	struct mutex ti_lock;		/* protects ti; a leaf */
	struct dm_target *ti;		/* resumed table's, for events; NULL while none is live */

	/* under drp_pools_lock */
	unsigned int bound;		/* pool targets that exist */
	struct mapped_device *dm;	/* of the live or newest table */
	dev_t pool_dev;
	dev_t cow_dev;
};

extern struct mutex drp_pools_lock;

static inline bool drp_pool_writable(const struct drp_pool *pool)
{
	return READ_ONCE(pool->mode) == DRP_POOL_RW;
}

/*
 * Keep the engine and the objects of a referenced pool for a moment: false if
 * the pool is not loaded or is being stopped. Not for waiting on it.
 */
bool drp_pool_hold(struct drp_pool *pool);
void drp_pool_release(struct drp_pool *pool);

/* Never back: rw -> ro -> fail. Process context; logs and reports. */
void drp_pool_set_mode(struct drp_pool *pool, u16 mode, const char *why);

/* Hand @bio to io_work, which runs it from the start. Any context. */
void drp_pool_rerun_bio(struct drp_pool *pool, struct bio *bio);
void drp_pool_rerun_bios(struct drp_pool *pool, struct bio_list *bios);

/* Real time in ns since the epoch. */
u64 drp_now(void);

/*
 * Operations: op_lock and no memory reclaim into the block layer while it is
 * held, because reclaim may wait for a bio that waits for us.
 */
unsigned int drp_op_begin(struct drp_pool *pool);
void drp_op_end(struct drp_pool *pool, unsigned int flags);
/* The same, until @end (jiffies) at most: false, it was not free until then, or the caller is killed. Sleeps. */
bool drp_op_begin_until(struct drp_pool *pool, unsigned long end, unsigned int *flags);

/* The same for those who only look, with locks of netlink: 0, or after 30 s -EBUSY and *@why. Sleeps. */
int drp_op_begin_look(struct drp_pool *pool, unsigned int *flags, const char **why);

/* The object with this id, or NULL. op_lock held. */
struct drp_element *drp_pool_element(struct drp_pool *pool, u64 id);
struct drp_sync *drp_pool_sync(struct drp_pool *pool, u64 id);

/* ---- life (pool.c) ---- */

struct drp_pool_args;

/* The pool on @bdev: an existing one with one more binding, or a new, unloaded one. drp_pools_lock held. Sleeps. */
struct drp_pool *drp_pool_bind(struct block_device *bdev, char **error);
/* It is loaded: who looks for it finds it. drp_pools_lock held. */
void drp_pool_publish(struct drp_pool *pool);
/* Nobody finds it any more. drp_pools_lock held. */
void drp_pool_withdraw(struct drp_pool *pool);
/* One binding more, for a table that names an element of @pool. False: the pool is going. Takes drp_pools_lock. */
bool drp_pool_bind_more(struct drp_pool *pool);
/* One binding less; the last one stops the pool cleanly. Takes drp_pools_lock. Sleeps. */
void drp_pool_unbind(struct drp_pool *pool);

/* Read and replay the metadata, or decide to format. @cow_bdev: NULL for none. @error on failure. Sleeps. */
int drp_pool_load(struct drp_pool *pool, const struct drp_pool_args *args,
		  struct block_device *cow_bdev, char **error);
/* Who we are, from the table line. */
void drp_pool_set_owner(struct drp_pool *pool, const struct drp_pool_args *args);
void drp_pools_init(void);
/*
 * The pool's device is suspended: its elements are suspended internally, then
 * nothing writes metadata any more, until the resume. Take op_lock. Sleep.
 */
void drp_pool_suspend(struct drp_pool *pool);
void drp_pool_resume(struct drp_pool *pool);
/* First resume: format or write the activation's checkpoint, admit I/O. Sleeps. */
int drp_pool_activate(struct drp_pool *pool);

#endif /* DRP_POOL_H */
