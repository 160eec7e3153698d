// SPDX-License-Identifier: GPL-2.0-only
/*
 * Content of a disk: a sparse array of blocks. While tracking is on, a block
 * with volatile sectors has a shadow that holds their durable content, so
 * that a power failure can take any subset of them back.
 *
 * A request takes effect when it completes, so all that is here is complete.
 * A flush makes durable what was here when it was submitted: writes carry the
 * epoch of their completion, and a flush ends one.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "simdisk.h"

#define SIM_GFP		(GFP_ATOMIC | __GFP_NOWARN)
#define SIM_MAX_SPARE	256
#define SIM_LOSE_BATCH	64

static struct sim_block *block_find(struct sim_store *store, sector_t sector)
{
	return xa_load(&store->blocks,
		       sector >> (SIM_BLOCK_SHIFT - SECTOR_SHIFT));
}

static void block_free(struct sim_block *block)
{
	free_page((unsigned long)block->data);
	kfree(block);
}

static struct sim_block *block_create(struct sim_store *store,
				      unsigned long index)
{
	struct sim_block *block = kzalloc(sizeof(*block), SIM_GFP);

	if (!block)
		return NULL;
	block->index = index;
	block->data = (u8 *)__get_free_page(SIM_GFP | __GFP_ZERO);
	if (!block->data ||
	    xa_err(xa_store(&store->blocks, index, block, SIM_GFP))) {
		block_free(block);
		return NULL;
	}
	store->allocated++;
	return block;
}

static struct sim_block *block_get(struct sim_store *store, sector_t sector)
{
	struct sim_block *block = block_find(store, sector);

	if (likely(block))
		return block;
	return block_create(store, sector >> (SIM_BLOCK_SHIFT - SECTOR_SHIFT));
}

static void block_erase(struct sim_store *store, struct sim_block *block)
{
	xa_erase(&store->blocks, block->index);
	store->allocated--;
	block_free(block);
}

static void shadow_free(struct sim_shadow *shadow)
{
	free_page((unsigned long)shadow->durable);
	kfree(shadow);
}

static struct sim_shadow *shadow_get(struct sim_store *store)
{
	struct sim_shadow *shadow;

	shadow = list_first_entry_or_null(&store->spare, struct sim_shadow,
					  link);
	if (shadow) {
		list_del(&shadow->link);
		store->spare_count--;
		return shadow;
	}
	shadow = kzalloc(sizeof(*shadow), SIM_GFP);
	if (!shadow)
		return NULL;
	shadow->durable = (u8 *)__get_free_page(SIM_GFP);
	if (shadow->durable)
		return shadow;
	kfree(shadow);
	return NULL;
}

static void shadow_put(struct sim_store *store, struct sim_shadow *shadow)
{
	if (store->spare_count >= SIM_MAX_SPARE) {
		shadow_free(shadow);
		return;
	}
	list_add(&shadow->link, &store->spare);
	store->spare_count++;
}

/* The block has no volatile sector any more. */
static void block_settle(struct sim_store *store, struct sim_block *block)
{
	struct sim_shadow *shadow = block->shadow;

	list_del(&shadow->link);
	block->shadow = NULL;
	shadow_put(store, shadow);
	if (block->unmap)
		block_erase(store, block);
}

static u8 sector_mask(unsigned int offset, unsigned int len)
{
	unsigned int first = offset >> SECTOR_SHIFT;
	unsigned int last = (offset + len - 1) >> SECTOR_SHIFT;

	return (0xffU << first) & (0xffU >> (SIM_SECTORS_PER_BLOCK - 1 - last));
}

static void sector_save(struct sim_block *block, unsigned int nr)
{
	memcpy(block->shadow->durable + (nr << SECTOR_SHIFT),
	       block->data + (nr << SECTOR_SHIFT), SECTOR_SIZE);
}

/*
 * Sectors of the mask are about to get volatile content. A sector that a
 * running flush is to make durable is taken as durable now: a disk may
 * destage early, and a third version need not be kept.
 */
static void block_make_volatile(struct sim_store *store,
				struct sim_block *block, u8 mask)
{
	struct sim_shadow *shadow = block->shadow;
	unsigned int nr;

	if (!shadow) {
		shadow = shadow_get(store);
		if (!shadow) {
			store->early_durable += hweight8(mask);
			return;
		}
		shadow->volatile_mask = 0;
		shadow->block = block;
		block->shadow = shadow;
		list_add_tail(&shadow->link, &store->volatile_blocks);
	}
	for (nr = 0; nr < SIM_SECTORS_PER_BLOCK; nr++) {
		if (!(mask & (1U << nr)))
			continue;
		if (!(shadow->volatile_mask & (1U << nr)) ||
		    (store->flushes_running &&
		     shadow->stamp[nr] < store->epoch))
			sector_save(block, nr);
		shadow->stamp[nr] = store->epoch;
	}
	shadow->volatile_mask |= mask;
}

/* May free the block when it was discarded: the last step of a change. */
static void block_make_durable(struct sim_store *store,
			       struct sim_block *block, u8 mask)
{
	if (!block->shadow)
		return;
	block->shadow->volatile_mask &= ~mask;
	if (!block->shadow->volatile_mask)
		block_settle(store, block);
}

void sim_store_init(struct sim_store *store, bool track)
{
	xa_init(&store->blocks);
	INIT_LIST_HEAD(&store->volatile_blocks);
	INIT_LIST_HEAD(&store->spare);
	store->track = track;
}

void sim_store_destroy(struct sim_store *store)
{
	struct sim_shadow *shadow, *next;
	struct sim_block *block;
	unsigned long index;

	list_splice_init(&store->volatile_blocks, &store->spare);
	list_for_each_entry_safe(shadow, next, &store->spare, link)
		shadow_free(shadow);
	xa_for_each(&store->blocks, index, block) {
		block_free(block);
		cond_resched();
	}
	xa_destroy(&store->blocks);
}

int sim_store_prepare(struct sim_store *store, sector_t sector,
		      unsigned int bytes)
{
	sector_t end = sector + (bytes >> SECTOR_SHIFT);

	sector = round_down(sector, SIM_SECTORS_PER_BLOCK);
	for (; sector < end; sector += SIM_SECTORS_PER_BLOCK)
		if (!block_get(store, sector))
			return -ENOMEM;
	return 0;
}

static void read_bytes(struct sim_store *store, u64 pos, u8 *to,
		       unsigned int len)
{
	while (len) {
		unsigned int offset = pos & (SIM_BLOCK_SIZE - 1);
		unsigned int chunk = min(len, SIM_BLOCK_SIZE - offset);
		struct sim_block *block = block_find(store,
						     pos >> SECTOR_SHIFT);

		if (block)
			memcpy(to, block->data + offset, chunk);
		else
			memset(to, 0, chunk);
		pos += chunk;
		to += chunk;
		len -= chunk;
	}
}

static int write_bytes(struct sim_store *store, u64 pos, const u8 *from,
		       unsigned int len, bool durable)
{
	while (len) {
		unsigned int offset = pos & (SIM_BLOCK_SIZE - 1);
		unsigned int chunk = min(len, SIM_BLOCK_SIZE - offset);
		struct sim_block *block = block_get(store,
						    pos >> SECTOR_SHIFT);

		if (!block)
			return -ENOMEM;
		if (!durable)
			block_make_volatile(store, block,
					    sector_mask(offset, chunk));
		memcpy(block->data + offset, from, chunk);
		block->unmap = false;
		if (durable)
			block_make_durable(store, block,
					   sector_mask(offset, chunk));
		pos += chunk;
		from += chunk;
		len -= chunk;
	}
	return 0;
}

void sim_store_read(struct sim_store *store, struct request *rq)
{
	u64 pos = (u64)blk_rq_pos(rq) << SECTOR_SHIFT;
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		u8 *to = bvec_kmap_local(&bv);

		read_bytes(store, pos, to, bv.bv_len);
		kunmap_local(to);
		pos += bv.bv_len;
	}
}

int sim_store_write(struct sim_store *store, struct request *rq, bool durable)
{
	u64 pos = (u64)blk_rq_pos(rq) << SECTOR_SHIFT;
	struct req_iterator iter;
	struct bio_vec bv;
	int ret = 0;

	durable |= !store->track;
	rq_for_each_segment(bv, rq, iter) {
		u8 *from = bvec_kmap_local(&bv);

		ret = write_bytes(store, pos, from, bv.bv_len, durable);
		kunmap_local(from);
		if (ret)
			break;
		pos += bv.bv_len;
	}
	return ret;
}

static void block_zero(struct sim_store *store, struct sim_block *block,
		       u8 mask, bool durable, bool unmap)
{
	unsigned int first = __ffs(mask);
	unsigned int offset = first << SECTOR_SHIFT;
	unsigned int len = hweight8(mask) << SECTOR_SHIFT;
	bool whole = mask == 0xff;

	if (!durable)
		block_make_volatile(store, block, mask);
	memset(block->data + offset, 0, len);
	if (whole)
		block->unmap = unmap;
	if (durable && block->shadow)
		block_make_durable(store, block, mask);
	else if (!block->shadow && whole && unmap)
		block_erase(store, block);
}

void sim_store_zero(struct sim_store *store, sector_t sector, u64 sectors,
		    bool durable, bool unmap)
{
	sector_t end = sector + sectors;
	unsigned long first = sector / SIM_SECTORS_PER_BLOCK;
	unsigned long last = (end - 1) / SIM_SECTORS_PER_BLOCK;
	struct sim_block *block;
	unsigned long index;

	if (!sectors)
		return;
	durable |= !store->track;
	xa_for_each_range(&store->blocks, index, block, first, last) {
		sector_t base = (sector_t)index * SIM_SECTORS_PER_BLOCK;
		sector_t from = max(sector, base);
		sector_t to = min_t(sector_t, end,
				    base + SIM_SECTORS_PER_BLOCK);
		u8 mask = sector_mask((from - base) << SECTOR_SHIFT,
				      (to - from) << SECTOR_SHIFT);

		block_zero(store, block, mask, durable, unmap);
	}
}

u64 sim_store_flush_begin(struct sim_store *store)
{
	store->flushes_running++;
	return store->epoch++;
}

static void commit_until(struct sim_store *store, u64 epoch)
{
	struct sim_shadow *shadow, *next;
	unsigned int nr;

	list_for_each_entry_safe(shadow, next, &store->volatile_blocks, link) {
		for (nr = 0; nr < SIM_SECTORS_PER_BLOCK; nr++)
			if (shadow->stamp[nr] <= epoch)
				shadow->volatile_mask &= ~(1U << nr);
		if (!shadow->volatile_mask)
			block_settle(store, shadow->block);
	}
}

void sim_store_flush_end(struct sim_store *store, u64 epoch, bool failed)
{
	store->flushes_running--;
	if (!failed)
		commit_until(store, epoch);
}

void sim_store_commit_all(struct sim_store *store)
{
	commit_until(store, U64_MAX);
}

unsigned int sim_store_volatile_sectors(struct sim_store *store)
{
	struct sim_shadow *shadow;
	unsigned int count = 0;

	list_for_each_entry(shadow, &store->volatile_blocks, link)
		count += hweight8(shadow->volatile_mask);
	return count;
}

/*
 * Does the newest content of a sector survive? A pure function of key and
 * sector, so that the outcome does not depend on the order of the questions.
 */
static bool sector_survives(u64 key, enum sim_loss loss, sector_t sector)
{
	unsigned int run_shift;

	switch (loss) {
	case SIM_LOSS_KEEP:
		return true;
	case SIM_LOSS_DROP:
		return false;
	case SIM_LOSS_RUNS:
		run_shift = 1 + (key >> 40) % 8;
		return sim_mix(key ^ (sector >> run_shift)) & 1;
	case SIM_LOSS_FEW:
		return sim_mix(key ^ sector) % 8;
	case SIM_LOSS_MOST:
		return !(sim_mix(key ^ sector) % 8);
	default:
		return sim_mix(key ^ sector) & 1;
	}
}

static void block_lose(struct sim_store *store, struct sim_block *block,
		       u64 key, enum sim_loss loss)
{
	sector_t base = (sector_t)block->index * SIM_SECTORS_PER_BLOCK;
	struct sim_shadow *shadow = block->shadow;
	unsigned int nr;

	for (nr = 0; nr < SIM_SECTORS_PER_BLOCK; nr++) {
		if (!(shadow->volatile_mask & (1U << nr)) ||
		    sector_survives(key, loss, base + nr))
			continue;
		memcpy(block->data + (nr << SECTOR_SHIFT),
		       shadow->durable + (nr << SECTOR_SHIFT), SECTOR_SIZE);
		block->unmap = false;
	}
	block_settle(store, block);
}

bool sim_store_lose(struct sim_store *store, u64 key, enum sim_loss loss)
{
	struct sim_shadow *shadow, *next;
	unsigned int count = 0;

	list_for_each_entry_safe(shadow, next, &store->volatile_blocks, link) {
		if (count++ == SIM_LOSE_BATCH)
			return true;
		block_lose(store, shadow->block, key, loss);
	}
	return false;
}

/* Whether a sector of a torn request reached the medium. */
static bool sector_landed(u64 key, struct request *rq, sector_t sector)
{
	switch (key % 4) {
	case 0:
		return false;
	case 1:
		return true;
	case 2:
		return sim_mix(key ^ sector) & 1;
	default:
		return sector - blk_rq_pos(rq) <
		       sim_mix(key) % (blk_rq_sectors(rq) + 1);
	}
}

static void tear_write(struct sim_store *store, struct request *rq, u64 key)
{
	u64 pos = (u64)blk_rq_pos(rq) << SECTOR_SHIFT;
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		u8 *from = bvec_kmap_local(&bv);
		unsigned int done = 0;

		while (done < bv.bv_len) {
			unsigned int chunk = min_t(unsigned int,
				bv.bv_len - done,
				SECTOR_SIZE - (pos & (SECTOR_SIZE - 1)));

			/* Without memory for a block its part does not land. */
			if (sector_landed(key, rq, pos >> SECTOR_SHIFT))
				(void)write_bytes(store, pos, from + done,
						  chunk, true);
			pos += chunk;
			done += chunk;
		}
		kunmap_local(from);
	}
}

void sim_store_tear(struct sim_store *store, struct request *rq, u64 key)
{
	sector_t sector = blk_rq_pos(rq);
	sector_t end = sector + blk_rq_sectors(rq);

	switch (req_op(rq)) {
	case REQ_OP_WRITE:
		tear_write(store, rq, key);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		/* Torn at blocks: a range may be huge, a sector each too slow. */
		while (sector < end) {
			sector_t next = min_t(sector_t, end,
				round_down(sector, SIM_SECTORS_PER_BLOCK) +
				SIM_SECTORS_PER_BLOCK);

			if (sector_landed(key, rq, sector))
				sim_store_zero(store, sector, next - sector,
					       true, true);
			sector = next;
		}
		break;
	default:
		break;
	}
}
