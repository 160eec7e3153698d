// SPDX-License-Identifier: GPL-2.0-only
#include <linux/vmalloc.h>

#include "committer.h"

static void commit_work(struct work_struct *work);

int drp_committer_init(struct drp_committer *cm, const struct drp_committer_ops *ops, void *ctx,
		       const struct drp_io *io, struct workqueue_struct *wq)
{
	cm->ops = ops;
	cm->ctx = ctx;
	cm->io = io;
	cm->wq = wq;
	cm->failed = false;
	INIT_WORK(&cm->work, commit_work);
	mutex_init(&cm->lead);
	mutex_init(&cm->ring_lock);
	spin_lock_init(&cm->lock);
	INIT_LIST_HEAD(&cm->reqs);
	atomic64_set(&cm->commits, 0);
	cm->buf = vmalloc(DRP_COMMIT_BLOCKS_MAX * DRP_BLOCK_BYTES);
	return cm->buf ? 0 : -ENOMEM;
}

void drp_committer_exit(struct drp_committer *cm)
{
	WARN_ON_ONCE(!list_empty(&cm->reqs));
	vfree(cm->buf);
	cm->buf = NULL;
}

void drp_committer_kick(struct drp_committer *cm)
{
	queue_work(cm->wq, &cm->work);
}

void drp_committer_fail(struct drp_committer *cm)
{
	WRITE_ONCE(cm->failed, true);
	drp_committer_kick(cm);
}

static void enqueue(struct drp_committer *cm, struct drp_commit_req *req)
{
	unsigned long flags;

	init_completion(&req->done);
	req->error = 0;
	spin_lock_irqsave(&cm->lock, flags);
	list_add_tail(&req->node, &cm->reqs);
	spin_unlock_irqrestore(&cm->lock, flags);
}

void drp_commit_submit(struct drp_committer *cm, struct drp_commit_req *req)
{
	enqueue(cm, req);
	drp_committer_kick(cm);
}

int drp_commit_wait(struct drp_committer *cm, struct drp_commit_req *req)
{
	drp_commit_submit(cm, req);
	wait_for_completion(&req->done);
	return req->error;
}

static struct drp_commit_req *take_request(struct drp_committer *cm)
{
	struct drp_commit_req *req;

	spin_lock_irq(&cm->lock);
	req = list_first_entry_or_null(&cm->reqs, struct drp_commit_req, node);
	if (req)
		list_del_init(&req->node);
	spin_unlock_irq(&cm->lock);
	return req;
}

static void put_back(struct drp_committer *cm, struct drp_commit_req *req)
{
	spin_lock_irq(&cm->lock);
	list_add(&req->node, &cm->reqs);
	spin_unlock_irq(&cm->lock);
}

static void finish(struct drp_commit_req *req, int error)
{
	req->error = error;
	/* A cut waits twice: with its deadline, and to know what became of it. */
	if (req->ended)
		req->ended(req);
	else
		complete_all(&req->done);
}

static int add_records(struct drp_commit *c, const struct drp_commit_req *req)
{
	u32 pos = 0;

	while (pos < req->len) {
		const struct drp_record_header *h = req->records + pos;
		u32 len = le32_to_cpu(h->len);
		int r = drp_commit_add(c, h, len);

		if (r)
			return r;
		pos += len;
	}
	return 0;
}

/*
 * Requests first: at most two thirds of the commit, so that one always fits
 * whole. A request whose prepare refuses is finished at once.
 */
static void gather_requests(struct drp_committer *cm, struct drp_commit *c,
			    struct list_head *batch)
{
	const u32 limit = 2 * DRP_COMMIT_REQ_MAX;
	struct drp_commit_req *req;
	u32 bytes = 0;

	while ((req = take_request(cm))) {
		int r = req->len > DRP_COMMIT_REQ_MAX ? -E2BIG : 0;

		if (!r && bytes + req->len > limit) {
			put_back(cm, req);
			return;
		}
		if (!r && req->prepare)
			r = req->prepare(req);
		if (!r)
			r = add_records(c, req);
		if (r) {
			finish(req, r);
			continue;
		}
		bytes += req->len;
		list_add_tail(&req->node, batch);
	}
}

static void fail_everything(struct drp_committer *cm, int error)
{
	struct drp_commit_req *req;

	while ((req = take_request(cm)))
		finish(req, error);
	mutex_lock(&cm->ring_lock);
	cm->ops->landed(cm->ctx, error);
	mutex_unlock(&cm->ring_lock);
}

static void finish_batch(struct list_head *batch, int error)
{
	struct drp_commit_req *req, *next;

	list_for_each_entry_safe(req, next, batch, node) {
		list_del_init(&req->node);
		finish(req, error);
	}
}

/* Build under the lock: 1: sealed; 0: nothing to do, or no room in the ring. */
static int build(struct drp_committer *cm, struct drp_commit *c, struct list_head *batch)
{
	int r = 0;

	mutex_lock(&cm->ring_lock);
	if (drp_ring_room(&cm->ring) < DRP_COMMIT_BLOCKS_MAX) {
		/* The checkpoint kicks us when it has made room. */
		cm->ops->want_checkpoint(cm->ctx);
		goto out;
	}
	drp_commit_start(c, cm->buf, DRP_COMMIT_BLOCKS_MAX);
	gather_requests(cm, c, batch);
	cm->ops->gather(cm->ctx, c);
	cm->ring.confirmed = cm->ops->confirmed(cm->ctx, cm->ring.head_seq);
	if (c->nr_records && !WARN_ON_ONCE(drp_commit_seal(c, &cm->ring)))
		r = 1;
out:
	mutex_unlock(&cm->ring_lock);
	return r;
}

static void land(struct drp_committer *cm, const struct drp_commit *c, struct list_head *batch)
{
	struct drp_commit_req *req;

	mutex_lock(&cm->ring_lock);
	list_for_each_entry(req, batch, node)
		if (req->apply)
			req->apply(req);
	cm->ops->landed(cm->ctx, 0);
	drp_commit_complete(c, &cm->ring);
	if (drp_ring_room(&cm->ring) < cm->ring.blocks / 2)
		cm->ops->want_checkpoint(cm->ctx);
	mutex_unlock(&cm->ring_lock);
	atomic64_inc(&cm->commits);
	finish_batch(batch, 0);
}

/* Write one commit; false: there is nothing to write now, or never will be. */
static bool __commit_one(struct drp_committer *cm)
{
	struct drp_commit c;
	LIST_HEAD(batch);
	int r = 0;

	lockdep_assert_held(&cm->lead);
	if (!READ_ONCE(cm->failed)) {
		if (!build(cm, &c, &batch))
			return false;
		r = drp_commit_write(&c, &cm->ring, cm->io);
		if (!r) {
			land(cm, &c, &batch);
			return true;
		}
		WRITE_ONCE(cm->failed, true);
		cm->ops->failed(cm->ctx, r);
		finish_batch(&batch, -EIO);
	}
	fail_everything(cm, -EIO);
	return false;
}

static void commit_work(struct work_struct *work)
{
	struct drp_committer *cm = container_of(work, struct drp_committer, work);

	mutex_lock(&cm->lead);
	while (__commit_one(cm))
		;
	mutex_unlock(&cm->lead);
}

void drp_commit_submit_here(struct drp_committer *cm, struct drp_commit_req *req)
{
	enqueue(cm, req);
	if (!mutex_trylock(&cm->lead)) {
		drp_committer_kick(cm);
		return;
	}
	__commit_one(cm);
	/* What did not fit, or came meanwhile, is the worker's. Who comes from here on finds the lock taken. */
	if (!list_empty(&cm->reqs))
		drp_committer_kick(cm);
	mutex_unlock(&cm->lead);
}

void drp_committer_flush(struct drp_committer *cm)
{
	mutex_lock(&cm->lead);
	mutex_unlock(&cm->lead);
	flush_work(&cm->work);
}
