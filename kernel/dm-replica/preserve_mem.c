// SPDX-License-Identifier: GPL-2.0-only
/*
 * What chunks are moved with, from mempools of the pool: contract rule 9. Only
 * one waits for memory at a time (slow_wq), and it takes all that it needs
 * before it begins, so the reserve is enough for it.
 */
#include <linux/delay.h>
#include <linux/slab.h>

#include "preserve_internal.h"

#define OPS_RESERVED	2
#define BIOS_RESERVED	4
#define MEMORY_WAIT_MS	20
#define OPS_KEPT	8

static struct drp_cow_op *take_kept(struct drp_preserver *pr)
{
	struct drp_cow_op *op;
	unsigned long flags;

	spin_lock_irqsave(&pr->lock, flags);
	op = list_first_entry_or_null(&pr->kept, struct drp_cow_op, node);
	if (op) {
		list_del(&op->node);
		pr->nr_kept--;
	}
	spin_unlock_irqrestore(&pr->lock, flags);
	return op;
}

static bool is_full(const mempool_t *pool)
{
	return READ_ONCE(pool->curr_nr) >= pool->min_nr;
}

/* Reserves come first: who waits for one waits for what goes back there. */
static bool keep(struct drp_preserver *pr, struct drp_cow_op *op)
{
	unsigned long flags;
	bool room;

	if (!is_full(&pr->ops) || !is_full(&pr->pages))
		return false;
	spin_lock_irqsave(&pr->lock, flags);
	room = pr->nr_kept < OPS_KEPT;
	if (room) {
		list_add(&op->node, &pr->kept);
		pr->nr_kept++;
	}
	spin_unlock_irqrestore(&pr->lock, flags);
	return room;
}

static void give_back_pages(struct drp_cow_op *op, u32 but)
{
	while (op->nr_pages > but)
		mempool_free(op->vec[--op->nr_pages].bv_page, &op->pr->pages);
	op->has_data = false;
}

static void free_kept(struct drp_preserver *pr)
{
	struct drp_cow_op *op;

	while ((op = take_kept(pr))) {
		give_back_pages(op, 0);
		mempool_free(op, &pr->ops);
	}
}

static void starved_work(struct work_struct *work)
{
	struct drp_preserver *pr = container_of(work, struct drp_preserver, starved_work);
	struct drp_cow_op *op = drp_cow_op_alloc(pr, GFP_NOIO);
	struct bio_list bios;

	spin_lock_irq(&pr->lock);
	swap(op, pr->spare);
	bios = pr->starved;
	bio_list_init(&pr->starved);
	spin_unlock_irq(&pr->lock);
	if (op)
		drp_cow_op_free(op);
	drp_pool_rerun_bios(pr->pool, &bios);
}

static void destroy(struct drp_preserver *pr)
{
	if (pr->slow_wq)
		destroy_workqueue(pr->slow_wq);
	if (pr->vio_wq)
		destroy_workqueue(pr->vio_wq);
	if (pr->spare)
		drp_cow_op_free(pr->spare);
	free_kept(pr);
	bioset_exit(&pr->bios);
	mempool_exit(&pr->pages);
	mempool_exit(&pr->ops);
	kfree(pr);
}

int drp_preserver_make(struct drp_pool *pool)
{
	struct drp_preserver *pr;

	if (pool->preserver)
		return 0;
	pr = kzalloc(sizeof(*pr), GFP_KERNEL);
	if (!pr)
		return -ENOMEM;
	pr->pool = pool;
	spin_lock_init(&pr->lock);
	bio_list_init(&pr->starved);
	INIT_LIST_HEAD(&pr->kept);
	INIT_WORK(&pr->starved_work, starved_work);
	pr->slow_wq = alloc_ordered_workqueue("drp-preserve", WQ_MEM_RECLAIM);
	pr->vio_wq = alloc_workqueue("drp-virtual", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!pr->slow_wq || !pr->vio_wq ||
	    mempool_init_kmalloc_pool(&pr->ops, OPS_RESERVED, sizeof(struct drp_cow_op)) ||
	    mempool_init_page_pool(&pr->pages, DRP_COW_OP_PAGES, 0) ||
	    bioset_init(&pr->bios, BIOS_RESERVED, 0, 0)) {
		destroy(pr);
		return -ENOMEM;
	}
	pool->preserver = pr;
	return 0;
}

void drp_preserver_free(struct drp_pool *pool)
{
	if (pool->preserver)
		destroy(pool->preserver);
	pool->preserver = NULL;
}

/* What is not needed: neither reserves nor effort. */
#define GFP_AHEAD	(GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC)

static void init_op(struct drp_preserver *pr, struct drp_cow_op *op)
{
	/* Of the arrays only what is used is ever filled in. */
	op->pr = pr;
	op->put.cow = pr->pool->cow;
	op->put.n = 0;
	op->prepared = false;
	op->has_slots = false;
	op->p = NULL;
	op->ahead = false;
	op->has_data = false;
	op->tries = 0;
	op->error = 0;
	op->stuck = false;
	op->host = NULL;
	bio_list_init(&op->waiters);
	INIT_LIST_HEAD(&op->sleepers);
}

struct drp_cow_op *drp_cow_op_alloc(struct drp_preserver *pr, gfp_t gfp)
{
	struct drp_cow_op *op = take_kept(pr);

	if (!op) {
		op = mempool_alloc(&pr->ops, gfp);
		if (!op)
			return NULL;
		op->nr_pages = 0;
	}
	init_op(pr, op);
	return op;
}

struct drp_cow_op *drp_cow_op_alloc_ahead(struct drp_preserver *pr)
{
	/* Freed to the mempool, as what that has taken from the same place. */
	struct drp_cow_op *op = kmalloc(sizeof(*op), GFP_AHEAD);

	if (!op)
		return NULL;
	op->nr_pages = 0;
	init_op(pr, op);
	op->ahead = true;
	atomic_inc(&pr->nr_ahead);
	return op;
}

struct drp_cow_op *drp_cow_op_get(struct drp_preserver *pr)
{
	struct drp_cow_op *op = drp_cow_op_alloc(pr, GFP_NOWAIT | __GFP_NOWARN);
	unsigned long flags;

	if (op)
		return op;
	spin_lock_irqsave(&pr->lock, flags);
	swap(op, pr->spare);
	spin_unlock_irqrestore(&pr->lock, flags);
	return op;
}

void drp_cow_op_starve(struct drp_preserver *pr, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&pr->lock, flags);
	bio_list_add(&pr->starved, bio);
	spin_unlock_irqrestore(&pr->lock, flags);
	queue_work(pr->vio_wq, &pr->starved_work);
}

static void release_slots(struct drp_cow_op *op, bool bad)
{
	u64 slots[DRP_COW_PUT_MAX];
	u32 i;

	for (i = 0; i < op->put.n; i++)
		slots[i] = op->put.entries[i].slot;
	if (bad)
		drp_cow_release_bad(op->put.cow, slots, op->put.n);
	else
		drp_cow_release(op->put.cow, slots, op->put.n);
	op->has_slots = false;
}

void drp_cow_op_spoil(struct drp_cow_op *op)
{
	if (op->has_slots)
		release_slots(op, true);
}

static void drop_but_pages(struct drp_cow_op *op, u32 nr_pages)
{
	give_back_pages(op, nr_pages);
	if (op->prepared)
		drp_cow_put_cancel(&op->put);
	op->prepared = false;
	if (op->has_slots)
		release_slots(op, false);
}

void drp_cow_op_drop(struct drp_cow_op *op)
{
	drop_but_pages(op, 0);
}

void drp_cow_op_free(struct drp_cow_op *op)
{
	struct drp_preserver *pr = op->pr;

	drop_but_pages(op, 1);
	if (op->ahead)
		atomic_dec(&pr->nr_ahead);
	if (keep(pr, op))
		return;
	give_back_pages(op, 0);
	mempool_free(op, &pr->ops);
}

static bool take_pages(struct drp_cow_op *op, u32 bytes, gfp_t gfp)
{
	u32 want = DIV_ROUND_UP(bytes, PAGE_SIZE);

	while (op->nr_pages < want) {
		struct page *page = op->ahead ? alloc_page(gfp) : mempool_alloc(&op->pr->pages, gfp);

		if (!page)
			return false;
		op->vec[op->nr_pages++] = (struct bio_vec){
			.bv_page = page,
			.bv_len = PAGE_SIZE,
		};
	}
	return true;
}

/* Who waits for the rest looks again when the first @n chunks are safe. */
static void shrink(struct drp_cow_op *op, u32 n)
{
	unsigned long flags;

	spin_lock_irqsave(&op->p->lock, flags);
	drp_cow_put_shrink(&op->put, n);
	spin_unlock_irqrestore(&op->p->lock, flags);
}

static int take_slots(struct drp_cow_op *op)
{
	u64 slots[DRP_COW_PUT_MAX];
	u32 i;
	int r;

	if (op->has_slots)
		return 0;
	r = drp_cow_alloc(op->put.cow, slots, op->put.n);
	if (r < 0)
		return r;
	if (r < op->put.n)
		shrink(op, r);
	for (i = 0; i < op->put.n; i++)
		op->put.entries[i].slot = slots[i];
	op->has_slots = true;
	return 0;
}

static int take_now(struct drp_cow_op *op, u32 bytes, gfp_t gfp)
{
	if (!take_pages(op, bytes, gfp))
		return -ENOMEM;
	if (!op->prepared && drp_cow_put_prepare(&op->put, gfp))
		return -ENOMEM;
	op->prepared = true;
	return take_slots(op);
}

int drp_cow_op_take(struct drp_cow_op *op, u32 bytes, bool wait)
{
	struct drp_pool *pool = op->pr->pool;
	int r;

	if (!drp_pool_writable(pool))
		return -EIO;
	if (!wait) {
		r = take_now(op, bytes, op->ahead ? GFP_AHEAD : GFP_NOWAIT | __GFP_NOWARN);
		/* Pages of the reserve must not lie with who waits in a queue for the rest. */
		if (r && !op->has_data)
			give_back_pages(op, 0);
		/* Nor room for entries: who is before it in that queue may wait for it. */
		if (r && op->prepared) {
			drp_cow_put_cancel(&op->put);
			op->prepared = false;
		}
		return r == -ENOMEM ? -EAGAIN : r;
	}
	for (;;) {
		if (!drp_pool_writable(pool))
			return -EIO;
		r = take_now(op, bytes, GFP_NOIO);
		if (r == -EAGAIN) {
			r = drp_cow_prove(op->put.cow);
			if (r && r != -ENOMEM)
				return -ENODEV;
			drp_cow_wait_slots(op->put.cow);
		} else if (r == -ENOMEM) {
			/* Entries become part of the tree, and their memory free. */
			drp_committer_ops.want_checkpoint(pool);
			msleep(MEMORY_WAIT_MS);
		} else {
			return r;
		}
	}
}

void drp_cow_op_aim(struct drp_cow_op *op, struct block_device *bdev, blk_opf_t opf,
		    sector_t sector, u32 bytes, bio_end_io_t *end_io)
{
	bio_init(&op->bio, bdev, op->vec, DRP_COW_OP_PAGES, opf);
	op->bio.bi_vcnt = DIV_ROUND_UP(bytes, PAGE_SIZE);
	op->bio.bi_iter.bi_sector = sector;
	op->bio.bi_iter.bi_size = bytes;
	op->bio.bi_end_io = end_io;
}
