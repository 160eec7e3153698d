// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discards of virtual elements. What is discarded reads as zeroes afterwards, or
 * as before; nothing in the index says that a chunk is zeroes. So a chunk gives
 * its slot back where a host wrote what nobody else has, over zeroes of the
 * point in time: its version is deleted, which is durable when the discard is
 * answered. All else stays as it is: what was preserved, for without it the
 * chunk would show what its source has by now; and a version below which there
 * is an older one, which a snapshot of the element has, or which the reclaimer
 * is about to delete. Nothing is given back of one that is being restored.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "checkpoint.h"
#include "vio_internal.h"

/* Versions to be deleted in one commit. */
struct batch {
	void *page;			/* of zeroes, perhaps */
	u32 n;
	struct drp_cow_entry entries[DRP_COW_DEL_MAX];
};

/* ---- what is beneath ---- */

/* Are these sectors zeroes? 1, 0, -errno. */
static int has_zeroes(struct block_device *bdev, sector_t sector, u64 sectors, void *page)
{
	u64 done;
	u32 n;
	int r;

	for (done = 0; done < sectors; done += n) {
		struct bio *bio = bio_alloc(bdev, 1, REQ_OP_READ, GFP_NOIO);

		n = min_t(u64, sectors - done, PAGE_SECTORS);
		bio->bi_iter.bi_sector = sector + done;
		__bio_add_page(bio, virt_to_page(page), n << SECTOR_SHIFT, offset_in_page(page));
		r = submit_bio_wait(bio);
		bio_put(bio);
		if (r || memchr_inv(page, 0, n << SECTOR_SHIFT))
			return r;
	}
	return 1;
}

/*
 * The same of @chunk on the device of an ancestor. Its writers preserve before
 * they overwrite: as long as the chunk is not preserved, what was read before is
 * what the point in time has.
 */
static int device_has_zeroes(struct drp_element *e, u64 chunk, struct drp_vio_place place,
			     u64 sectors, void *page)
{
	const u64 start = chunk << e->pool->cow->chunk_shift;
	struct drp_element *device = place.device;
	int r;

	if (!drp_gate_enter(&device->gate))
		return 0;
	r = drp_vio_lives_there(&place, start, start + sectors) ? 0 :
	    has_zeroes(device->bdev, start, sectors, page);
	if (r > 0 && (drp_vio_resolve_beneath(e, chunk, &place) || !place.device))
		r = 0;
	drp_gate_leave(&device->gate);
	return r;
}

/* Would @chunk read as zeroes without its own version? When in doubt, it would not. */
static bool is_over_zeroes(struct drp_element *e, u64 chunk, void *page)
{
	struct drp_cow *cow = e->pool->cow;
	const u64 start = chunk << cow->chunk_shift;
	const u64 sectors = min_t(u64, 1ULL << cow->chunk_shift, e->rec.size_sectors - start);
	struct drp_vio_place place;

	if (drp_vio_resolve_beneath(e, chunk, &place))
		return false;
	if (place.device)
		return device_has_zeroes(e, chunk, place, sectors, page) > 0;
	return has_zeroes(cow->bdev, drp_cow_sector(cow, place.slot), sectors, page) > 0;
}

/* ---- versions ---- */

/*
 * The version of @chunk, if it is the element's alone: 1 and @entry, 0, -errno.
 * Nobody adds an older one, and nobody deletes the newest one but who holds its
 * range.
 */
static int own_version(struct drp_element *e, u64 chunk, struct drp_cow_entry *entry)
{
	struct drp_cow *cow = e->pool->cow;
	struct drp_cow_entry older;
	int r = drp_cow_find_private(cow, e->rec.id, chunk, U64_MAX, entry);

	if (r <= 0 || entry->key.generation != e->rec.generation)
		return min(r, 0);
	r = drp_cow_find_private(cow, e->rec.id, chunk, entry->key.generation, &older);
	if (r < 0)
		return r;
	return !r || older.key.generation < READ_ONCE(e->rec.parent_generation);
}

/* The next chunk in [*@chunk, @end) that has versions: 1, 0, -errno. */
static int next_written(struct drp_element *e, u64 *chunk, u64 end)
{
	const struct drp_cow_key key = { .element = e->rec.id, .chunk = *chunk };
	struct drp_cow_entry entry;
	int r = drp_cow_next(e->pool->cow, &key, &entry);

	if (r <= 0 || entry.key.element != e->rec.id || entry.key.chunk >= end)
		return min(r, 0);
	*chunk = entry.key.chunk;
	return 1;
}

static int delete_batch(struct drp_element *e, struct batch *b)
{
	u32 n = b->n;

	b->n = 0;
	if (!n)
		return 0;
	drp_checkpoint_make_room(e->pool, n);
	return drp_cow_delete(e->pool->cow, b->entries, n);
}

static int discard_chunks(struct drp_element *e, u64 chunk, u64 end, struct batch *b)
{
	int r;

	while ((r = next_written(e, &chunk, end)) > 0) {
		r = own_version(e, chunk, &b->entries[b->n]);
		if (r < 0)
			return r;
		b->n += r && is_over_zeroes(e, chunk, b->page);
		if (b->n == ARRAY_SIZE(b->entries)) {
			r = delete_batch(e, b);
			if (r)
				return r;
		}
		chunk++;
		cond_resched();
	}
	return r ?: delete_batch(e, b);
}

int drp_vio_discard(struct drp_element *e, u64 start, u64 end)
{
	const unsigned int shift = e->pool->cow->chunk_shift;
	struct batch *b;
	int r = -ENOMEM;

	/* Beneath its versions is what it is restored from, also after a crash, until the record says that it is not. */
	if (READ_ONCE(e->keeps_versions))
		return 0;
	b = kvzalloc(sizeof(*b), GFP_NOIO);
	if (b)
		b->page = (void *)__get_free_page(GFP_NOIO);
	if (b && b->page)
		r = discard_chunks(e, start >> shift, ((end - 1) >> shift) + 1, b);
	if (b)
		free_page((unsigned long)b->page);
	kvfree(b);
	/* To do nothing is always right. */
	return r == -ENOMEM ? 0 : r;
}
