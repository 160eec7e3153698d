/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Group commit: everything that waits for the journal goes into one sequential
 * FUA write; one is in flight, they complete in order. Contract rules 1, 5, 6.
 * The work writes them, or who submits and finds none under way.
 *
 * Requests carry whole encoded records and are atomic. The extent engine adds
 * its activations through two callbacks, without a request per write.
 */
#ifndef DRP_COMMITTER_H
#define DRP_COMMITTER_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "core/journal.h"

#define DRP_COMMIT_REQ_MAX	(16 * 1024)	/* bytes of records in one request */

struct drp_commit_req {
	struct list_head node;
	const void *records;
	u32 len;
	/* Under the ring's lock, when the commit is built: 0, or an errno that the request fails with. */
	int (*prepare)(struct drp_commit_req *req);
	/* Under the ring's lock, when it is durable: makes memory say what the journal says. Must not sleep. */
	void (*apply)(struct drp_commit_req *req);
	/* Instead of done, if there is one: error is set. Process context, no locks; may free the request. */
	void (*ended)(struct drp_commit_req *req);
	struct completion done;
	int error;
};

struct drp_committer_ops {
	/* Add activations to @c until it is full. Under the ring's lock. */
	void (*gather)(void *ctx, struct drp_commit *c);
	/* What was gathered is durable (0) or failed. Under the ring's lock. */
	void (*landed)(void *ctx, int error);
	/* What the header of commit @seq says of preserved data. Under the ring's lock. */
	u64 (*confirmed)(void *ctx, u64 seq);
	/* Less than half of the ring is free (or none): write a checkpoint. */
	void (*want_checkpoint)(void *ctx);
	/* The metadata device failed: no commit will ever succeed again. */
	void (*failed)(void *ctx, int error);
};

struct drp_committer {
	/* fixed after init */
	const struct drp_committer_ops *ops;
	void *ctx;
	const struct drp_io *io;
	struct workqueue_struct *wq;	/* the pool's, ordered, WQ_MEM_RECLAIM */
	struct work_struct work;

	struct mutex lead;		/* held by who writes a commit, over its I/O; protects buf */
	void *buf;			/* DRP_COMMIT_BLOCKS_MAX blocks */

	struct mutex ring_lock;		/* protects ring; held over memory operations only */
	struct drp_ring ring;

	spinlock_t lock;		/* irq-safe; protects the list */
	struct list_head reqs;

	bool failed;			/* set once */
	atomic64_t commits;
};

int drp_committer_init(struct drp_committer *cm, const struct drp_committer_ops *ops, void *ctx,
		       const struct drp_io *io, struct workqueue_struct *wq);
void drp_committer_exit(struct drp_committer *cm);

/* There is something to gather, or room again. Any context. */
void drp_committer_kick(struct drp_committer *cm);

/* The metadata cannot be written any more: whoever waits, now or later, fails. Any context. */
void drp_committer_fail(struct drp_committer *cm);

/* Queue @req; req->done completes when it is durable and applied, or failed. Any context. */
void drp_commit_submit(struct drp_committer *cm, struct drp_commit_req *req);

/*
 * The same, but where no commit is under way it is written here, with what others
 * wait for, and not one more. Sleeps for the metadata device only; a worker that
 * may reclaim memory, no locks. Whoever waits has been told: the request may be gone.
 */
void drp_commit_submit_here(struct drp_committer *cm, struct drp_commit_req *req);

/* Wait until what was submitted has come to an end, as far as the ring has room. Sleeps; no locks that a commit takes. */
void drp_committer_flush(struct drp_committer *cm);

/* Submit and wait: 0 or req->error (-EIO: metadata cannot be written). Sleeps; no ring_lock held. */
int drp_commit_wait(struct drp_committer *cm, struct drp_commit_req *req);

#endif /* DRP_COMMITTER_H */
