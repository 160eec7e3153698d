// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a clone's background copy finds to be zero is not copied: the target
 * writes zeroes itself, and may unmap. Only by WRITE_ZEROES, which promises what
 * is read afterwards; a discard does not. It is flushed like a copy. Contract
 * rules 2 and 6.
 *
 * dm-kcopyd shows nobody what it reads, so we look first: at one block, which is
 * all where there is data, then at the rest piece by piece up to the first that
 * holds some. Whatever goes wrong here is left to the copy.
 */
#include <linux/slab.h>

#include "io.h"
#include "turn.h"

#define PIECE_ORDER	4
#define PIECE_SECTORS	((PAGE_SIZE << PIECE_ORDER) >> SECTOR_SHIFT)

/* The region lock is held: nobody writes there. */
static bool reads_zero(struct block_device *bdev, u64 start, u32 sectors, struct page *pages)
{
	const u32 bytes = sectors << SECTOR_SHIFT;
	struct bio *bio;
	int r;

	bio = bio_alloc(bdev, 1, REQ_OP_READ, GFP_NOIO);
	bio->bi_iter.bi_sector = start;
	__bio_add_page(bio, pages, bytes, 0);
	r = submit_bio_wait(bio);
	bio_put(bio);
	return !r && !memchr_inv(page_address(pages), 0, bytes);
}

static bool is_zero(struct drp_turn_fetch *f)
{
	const gfp_t gfp = GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN;
	struct block_device *bdev = f->t->origin->bdev;
	const u32 block = PAGE_SIZE >> SECTOR_SHIFT;
	struct page *pages;
	u64 at = f->start;
	u32 n;

	pages = alloc_pages(gfp, PIECE_ORDER);
	if (!pages)
		return false;
	for (n = min_t(u64, block, f->end - at); n; n = min_t(u64, PIECE_SECTORS, f->end - at)) {
		if (!reads_zero(bdev, at, n, pages))
			break;
		at += n;
	}
	__free_pages(pages, PIECE_ORDER);
	return !n;
}

static void copy_work(struct work_struct *work)
{
	struct drp_turn_fetch *f = container_of(work, struct drp_turn_fetch, work);

	drp_turn_fetch(f->t, f, f->start, f->end, f->ended, f->context);
}

static void zeroed(int read_err, unsigned long write_err, void *context)
{
	struct drp_turn_fetch *f = context;

	if (!write_err) {
		f->ended(0, 0, f->context);
		return;
	}
	/* It says that it can, and does not. */
	INIT_WORK(&f->work, copy_work);
	queue_work(f->t->s->pool->look_wq, &f->work);
}

static void look_work(struct work_struct *work)
{
	struct drp_turn_fetch *f = container_of(work, struct drp_turn_fetch, work);
	struct dm_io_region to = {
		.bdev = f->t->here->bdev,
		.sector = f->start,
		.count = f->end - f->start,
	};

	if (is_zero(f))
		dm_kcopyd_zero(f->t->s->pool->copier, 1, &to, 0, zeroed, f);
	else
		copy_work(work);
}

void drp_turn_fetch_sparse(struct drp_turn *t, struct drp_turn_fetch *f, u64 start, u64 end,
			   dm_kcopyd_notify_fn ended, void *context)
{
	if (!drp_turn_is_clone(t) || !bdev_write_zeroes_sectors(t->here->bdev)) {
		drp_turn_fetch(t, f, start, end, ended, context);
		return;
	}
	f->t = t;
	f->start = start;
	f->end = end;
	f->ended = ended;
	f->context = context;
	INIT_WORK(&f->work, look_work);
	queue_work(t->s->pool->look_wq, &f->work);
}
