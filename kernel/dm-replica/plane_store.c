// SPDX-License-Identifier: GPL-2.0-only
/*
 * Planes to the metadata device: the writeback of a checkpoint and the roots
 * for its catalog, and the shrinking of what is held in memory.
 *
 * A page is copied under the lock and written without it, to a block that
 * nothing names yet; only then its new place is recorded. If the page was
 * dropped meanwhile, the write counts for nothing and the block is free again.
 * Directories follow their pages, so a root never leads to something unwritten.
 */
#include <linux/mm.h>

#include "plane_internal.h"

static void __write_begin(struct drp_plane_map *p, u64 c, u32 i)
{
	lockdep_assert_held(&p->lock);
	p->wb_chunk = c;
	p->wb_page = i;
	p->wb_stale = false;
}

/* True if what was written is still wanted. */
static bool __write_end(struct drp_plane_map *p)
{
	lockdep_assert_held(&p->lock);
	p->wb_chunk = U64_MAX;
	return !p->wb_stale;
}

static int write_scratch(struct drp_plane_map *p, u64 block)
{
	const struct drp_io *io = &p->md->io;

	return io->ops->write(io->ctx, block, p->md->scratch->block, 1, false);
}

/* ---- pages ---- */

/*
 * Somewhere to record the places of a chunk's pages. False: no memory; never so of
 * an exact plane, without which a checkpoint fails and the pool stops.
 */
static bool have_places(struct drp_plane_map *p, u64 c)
{
	const gfp_t gfp = GFP_NOIO | (drp_plane_exact(p) ? __GFP_NOFAIL : __GFP_NOWARN);
	struct drp_plane_place *places;
	struct drp_plane_chunk *chunk;
	unsigned long flags;
	bool have;

	spin_lock_irqsave(&p->lock, flags);
	chunk = __drp_plane_chunk(p, c);
	have = !chunk || chunk->places;
	spin_unlock_irqrestore(&p->lock, flags);
	if (have)
		return true;
	places = kcalloc(DRP_DIR_ENTRIES, sizeof(*places), gfp);
	if (!places)
		return false;
	spin_lock_irqsave(&p->lock, flags);
	chunk = __drp_plane_chunk(p, c);
	if (chunk && !chunk->places) {
		chunk->places = places;
		places = NULL;
		p->places_held++;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	kfree(places);
	return true;
}

/* First page from @i on that must be written, and whether its stored words are missing. */
static u32 next_dirty_page(struct drp_plane_map *p, u64 c, u32 i, bool *partial)
{
	const struct drp_plane_chunk *chunk;
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	chunk = __drp_plane_chunk(p, c);
	while (chunk && i < DRP_DIR_ENTRIES && !(chunk->pages[i] && chunk->pages[i]->dirty))
		i++;
	if (chunk && i < DRP_DIR_ENTRIES)
		*partial = chunk->pages[i]->partial;
	else
		i = DRP_DIR_ENTRIES;
	spin_unlock_irqrestore(&p->lock, flags);
	return i;
}

/* The directory says that it is all 0; its memory is pinned. */
static void __page_stays_empty(struct drp_plane_map *p, struct drp_plane_chunk *chunk, u32 i)
{
	lockdep_assert_held(&p->lock);
	if (chunk->state[i] == DRP_PAGE_STORED)
		drp_metadev_free_replaced(p->md, chunk->places[i].block);
	chunk->state[i] = DRP_PAGE_CLEAN;
	chunk->pages[i]->dirty = false;
	chunk->dir_changed = true;
}

/* Copy the page for writing and give it a sequence; false if nothing is to be written. */
static bool page_snapshot(struct drp_plane_map *p, u64 c, u32 i, u64 *seq)
{
	struct drp_plane_chunk *chunk;
	struct drp_plane_page *page;
	unsigned long flags;
	bool write = false;
	u32 bits;

	spin_lock_irqsave(&p->lock, flags);
	chunk = __drp_plane_chunk(p, c);
	page = chunk ? chunk->pages[i] : NULL;
	if (!page || !page->dirty)
		goto out;
	bits = __drp_plane_page_bits(p, c, i);
	if (page->partial || chunk->count[i] == bits) {
		/* partial although it was completed: a race lost, the safe answer is 1 */
		__drp_plane_page_absent(p, c, i, DRP_PAGE_DIRTY, true);
	} else if (!chunk->count[i] && chunk->pins[i]) {
		__page_stays_empty(p, chunk, i);
	} else if (!chunk->count[i]) {
		__drp_plane_page_absent(p, c, i, DRP_PAGE_CLEAN, true);
	} else {
		memcpy(p->md->scratch->words, page->words, DRP_PAGE_BYTES);
		*seq = __drp_plane_next_seq(p, chunk->count[i]);
		page->dirty = false;
		__write_begin(p, c, i);
		write = true;
	}
out:
	spin_unlock_irqrestore(&p->lock, flags);
	return write;
}

/* Record where the page is now; without a @block the directory calls it dirty. */
static void __page_stored(struct drp_plane_map *p, u64 c, u32 i, u64 block, u64 seq)
{
	struct drp_plane_chunk *chunk = p->slots[c].chunk;

	lockdep_assert_held(&p->lock);
	if (chunk->state[i] == DRP_PAGE_STORED)
		drp_metadev_free_replaced(p->md, chunk->places[i].block);
	chunk->state[i] = block ? DRP_PAGE_STORED : DRP_PAGE_DIRTY;
	if (block)
		chunk->places[i] = (struct drp_plane_place){ .block = block, .seq = seq };
	chunk->dir_changed = true;
}

static int store_page(struct drp_plane_map *p, u64 c, u32 i)
{
	struct drp_metadev_scratch *scratch = p->md->scratch;
	bool places = have_places(p, c), wanted;
	unsigned long flags;
	u64 block, seq;
	int err = 0;

	if (!places && drp_plane_exact(p))
		return -ENOMEM;
	if (!page_snapshot(p, c, i, &seq))
		return 0;
	block = places ? drp_metadev_alloc(p->md) : 0;
	if (!block && drp_plane_exact(p))
		err = -ENOSPC;
	if (block) {
		drp_page_encode(scratch->block, p->md->nonce, p->sync_id, p->which,
				drp_plane_index(c, i), seq, scratch->words);
		err = write_scratch(p, block);
	}
	spin_lock_irqsave(&p->lock, flags);
	wanted = __write_end(p);
	if (wanted && !err)
		__page_stored(p, c, i, block, seq);
	if (wanted && (err || !block)) {
		p->slots[c].chunk->pages[i]->dirty = true;
		p->changed = true;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (block && (err || !wanted))
		drp_metadev_free_now(p->md, block);
	return err;
}

/* ---- directory ---- */

static bool __chunk_is_uniform(const struct drp_plane_map *p, u64 c)
{
	const struct drp_plane_chunk *chunk = p->slots[c].chunk;
	u32 i;

	lockdep_assert_held(&p->lock);
	for (i = 0; i < __drp_plane_chunk_pages(p, c); i++)
		if (chunk->pages[i] || chunk->pins[i] || chunk->state[i] == DRP_PAGE_STORED ||
		    chunk->state[i] != chunk->state[0])
			return false;
	return true;
}

/* All pages are absent and alike: the slot's root says it all. */
static struct drp_plane_chunk *__chunk_collapse(struct drp_plane_map *p, u64 c)
{
	struct drp_plane_chunk *chunk;

	lockdep_assert_held(&p->lock);
	chunk = __drp_plane_slot_absent(p, c, p->slots[c].chunk->state[0]);
	if (chunk->root_block)
		drp_metadev_free_replaced(p->md, chunk->root_block);
	chunk->root_block = 0;
	return chunk;
}

static void __dir_snapshot(struct drp_plane_map *p, u64 c, struct drp_dir_entry *dir)
{
	struct drp_plane_chunk *chunk = p->slots[c].chunk;
	u32 i;

	lockdep_assert_held(&p->lock);
	for (i = 0; i < DRP_DIR_ENTRIES; i++) {
		dir[i] = (struct drp_dir_entry){ .state = chunk->state[i] };
		if (chunk->state[i] != DRP_PAGE_STORED)
			continue;
		dir[i].block = chunk->places[i].block;
		dir[i].seq = chunk->places[i].seq;
	}
	chunk->dir_changed = false;
	__write_begin(p, c, DRP_NO_PAGE);
}

/* Is a directory to be written? Copied to the scratch then. */
static bool dir_prepare(struct drp_plane_map *p, u64 c, u64 *seq)
{
	struct drp_plane_chunk *chunk, *gone = NULL;
	unsigned long flags;
	bool write = false;

	spin_lock_irqsave(&p->lock, flags);
	chunk = __drp_plane_chunk(p, c);
	/* pages of one that grew meanwhile may have been written before: its root stays dirty */
	if (chunk && chunk->dir_changed && c < p->grown_from) {
		if (__chunk_is_uniform(p, c)) {
			gone = __chunk_collapse(p, c);
		} else {
			__dir_snapshot(p, c, p->md->scratch->dir);
			*seq = __drp_plane_next_seq(p, 0);
			write = true;
		}
	}
	spin_unlock_irqrestore(&p->lock, flags);
	drp_plane_chunks_release(p, gone);
	return write;
}

static void __dir_stored(struct drp_plane_map *p, u64 c, u64 block, u64 seq)
{
	struct drp_plane_slot *slot = &p->slots[c];

	lockdep_assert_held(&p->lock);
	if (slot->root.state == DRP_PAGE_STORED)
		drp_metadev_free_replaced(p->md, slot->root.block);
	if (block)
		slot->root = (struct drp_dir_entry){ DRP_PAGE_STORED, block, seq };
	else
		slot->root = (struct drp_dir_entry){ .state = DRP_PAGE_DIRTY };
}

static int store_dir(struct drp_plane_map *p, u64 c)
{
	struct drp_metadev_scratch *scratch = p->md->scratch;
	unsigned long flags;
	u64 block, seq;
	int err = 0;
	bool wanted;

	if (!dir_prepare(p, c, &seq))
		return 0;
	block = drp_metadev_alloc(p->md);
	if (!block && drp_plane_exact(p))
		err = -ENOSPC;
	if (block) {
		drp_dir_encode(scratch->block, p->md->nonce, p->sync_id, p->which, c, seq,
			       scratch->dir);
		err = write_scratch(p, block);
	}
	spin_lock_irqsave(&p->lock, flags);
	wanted = __write_end(p);
	if (wanted && !err)
		__dir_stored(p, c, block, seq);
	if (wanted && (err || !block)) {
		p->slots[c].chunk->dir_changed = true;
		p->changed = true;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (block && (err || !wanted))
		drp_metadev_free_now(p->md, block);
	return err;
}

/* ---- checkpoint ---- */

static int store_chunk(struct drp_plane_map *p, u64 c)
{
	bool partial;
	u32 i = 0;

	while ((i = next_dirty_page(p, c, i, &partial)) < DRP_DIR_ENTRIES) {
		int err;

		if (partial)
			drp_plane_page_complete(p, c, i);
		err = store_page(p, c, i);
		if (err)
			return err;
		i++;
		cond_resched();
	}
	return store_dir(p, c);
}

static void mark_begun(struct drp_plane_map *p)
{
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	p->changed = false;
	p->grown_from = U64_MAX;
	spin_unlock_irqrestore(&p->lock, flags);
}

static void mark_changed(struct drp_plane_map *p)
{
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	p->changed = true;
	spin_unlock_irqrestore(&p->lock, flags);
}

int drp_plane_writeback(struct drp_plane_map *p)
{
	int err = 0;
	u64 c;

	mark_begun(p);
	for (c = 0; c < p->nr_chunks && !err; c++) {
		err = store_chunk(p, c);
		cond_resched();
	}
	if (err)
		mark_changed(p);
	return err;
}

u32 drp_plane_root(struct drp_plane_map *p, u64 first, struct drp_dir_entry *entries, u32 max)
{
	unsigned long flags;
	u64 left;
	u32 i;

	spin_lock_irqsave(&p->lock, flags);
	left = first < p->nr_chunks ? p->nr_chunks - first : 0;
	for (i = 0; i < max && i < left; i++)
		if (p->count)
			entries[i] = p->slots[first + i].root;
		else
			entries[i] = (struct drp_dir_entry){ .state = DRP_PAGE_CLEAN };
	spin_unlock_irqrestore(&p->lock, flags);
	return left;
}

/* ---- memory ---- */

/* Drop pages of a chunk that nobody looked at since the last time. */
static void shrink_chunk(struct drp_plane_map *p, u64 c)
{
	struct drp_plane_chunk *chunk;
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&p->lock, flags);
	chunk = __drp_plane_chunk(p, c);
	for (i = 0; chunk && i < DRP_DIR_ENTRIES; i++) {
		struct drp_plane_page *page = chunk->pages[i];

		if (!page || page->dirty || page->partial || chunk->pins[i] ||
		    __drp_plane_writing(p, c, i))
			continue;
		if (page->referenced)
			page->referenced = false;
		else if (drp_metadev_over_memory(p->md))
			__drp_plane_page_evict(p, c, i);
	}
	spin_unlock_irqrestore(&p->lock, flags);
}

void drp_plane_shrink(struct drp_plane_map *p)
{
	int pass;
	u64 c;

	if (drp_plane_exact(p))
		return;
	for (pass = 0; pass < 2; pass++)
		for (c = 0; c < p->nr_chunks && drp_metadev_over_memory(p->md); c++) {
			shrink_chunk(p, c);
			cond_resched();
		}
}
