// SPDX-License-Identifier: GPL-2.0-only
/*
 * Planes in memory: making them, setting, asking and counting bits. Whatever
 * cannot be had without sleeping degrades to "all bits of this page are 1".
 */
#include <linux/err.h>
#include <linux/mm.h>

#include "plane_internal.h"

/* ---- geometry ---- */

u32 __drp_plane_page_bits(const struct drp_plane_map *p, u64 c, u32 i)
{
	u64 start = drp_plane_index(c, i) * DRP_PAGE_BITS;

	return start < p->nr_bits ? min_t(u64, DRP_PAGE_BITS, p->nr_bits - start) : 0;
}

u32 __drp_plane_chunk_pages(const struct drp_plane_map *p, u64 c)
{
	return min_t(u64, DRP_DIR_ENTRIES, p->nr_pages - c * DRP_DIR_ENTRIES);
}

u64 __drp_plane_chunk_bits(const struct drp_plane_map *p, u64 c)
{
	const u64 full = (u64)DRP_DIR_ENTRIES * DRP_PAGE_BITS;

	return min(full, p->nr_bits - c * full);
}

void __drp_plane_locate(const struct drp_plane_map *p, u64 first, u64 count,
			struct drp_plane_pos *pos)
{
	u64 index = div_u64_rem(first, DRP_PAGE_BITS, &pos->bit);

	pos->chunk = div_u64_rem(index, DRP_DIR_ENTRIES, &pos->page);
	pos->page_bits = __drp_plane_page_bits(p, pos->chunk, pos->page);
	pos->bits = min_t(u64, count, pos->page_bits - pos->bit);
}

bool __drp_plane_clip(const struct drp_plane_map *p, u64 first, u64 *count)
{
	lockdep_assert_held(&p->lock);
	if (first >= p->nr_bits)
		return false;
	*count = min(*count, p->nr_bits - first);
	return *count;
}

/* ---- memory ---- */

struct drp_plane_page *drp_plane_page_alloc(struct drp_plane_map *p, gfp_t gfp)
{
	struct drp_plane_page *page;

	if (!drp_metadev_charge(p->md, sizeof(*page),
				drp_plane_bounded(p) ? 2 * READ_ONCE(p->md->memory_max) : U64_MAX))
		return NULL;
	page = kzalloc(sizeof(*page), gfp | __GFP_NOWARN);
	if (!page)
		drp_metadev_uncharge(p->md, sizeof(*page));
	return page;
}

void drp_plane_page_free(struct drp_plane_map *p, struct drp_plane_page *page)
{
	if (!page)
		return;
	kfree(page);
	drp_metadev_uncharge(p->md, sizeof(*page));
}

struct drp_plane_chunk *drp_plane_chunk_alloc(gfp_t gfp)
{
	return kzalloc(sizeof(struct drp_plane_chunk), gfp | __GFP_NOWARN);
}

void drp_plane_chunk_free(struct drp_plane_map *p, struct drp_plane_chunk *chunk)
{
	u32 i;

	if (!chunk)
		return;
	for (i = 0; i < DRP_DIR_ENTRIES; i++)
		drp_plane_page_free(p, chunk->pages[i]);
	kfree(chunk->places);
	kfree(chunk);
}

static u32 pages_in(const struct drp_plane_chunk *chunk)
{
	u32 i, n = 0;

	for (i = 0; i < DRP_DIR_ENTRIES; i++)
		n += !!chunk->pages[i];
	return n;
}

void __drp_plane_chunk_insert(struct drp_plane_map *p, u64 c, struct drp_plane_chunk *chunk)
{
	struct drp_plane_slot *slot = &p->slots[c];
	u32 i;

	lockdep_assert_held(&p->lock);
	for (i = 0; i < __drp_plane_chunk_pages(p, c); i++) {
		chunk->state[i] = slot->root.state;
		if (slot->root.state == DRP_PAGE_DIRTY)
			chunk->count[i] = __drp_plane_page_bits(p, c, i);
	}
	slot->chunk = chunk;
	p->chunks_held++;
}

void __drp_plane_page_insert(struct drp_plane_map *p, struct drp_plane_chunk *chunk, u32 i,
			     struct drp_plane_page *page)
{
	lockdep_assert_held(&p->lock);
	chunk->pages[i] = page;
	p->pages_held++;
}

void __drp_plane_page_evict(struct drp_plane_map *p, u64 c, u32 i)
{
	struct drp_plane_chunk *chunk = p->slots[c].chunk;

	lockdep_assert_held(&p->lock);
	if (__drp_plane_writing(p, c, i))
		p->wb_stale = true;
	if (!chunk->pages[i])
		return;
	drp_plane_page_free(p, chunk->pages[i]);
	chunk->pages[i] = NULL;
	p->pages_held--;
}

void __drp_plane_page_recount(struct drp_plane_map *p, struct drp_plane_chunk *chunk, u32 i,
			      u32 count)
{
	lockdep_assert_held(&p->lock);
	p->count += count;
	p->count -= chunk->count[i];
	chunk->count[i] = count;
}

void __drp_plane_page_absent(struct drp_plane_map *p, u64 c, u32 i, enum drp_page_state state,
			     bool replaced)
{
	struct drp_plane_chunk *chunk = p->slots[c].chunk;

	lockdep_assert_held(&p->lock);
	__drp_plane_page_evict(p, c, i);
	if (chunk->state[i] == DRP_PAGE_STORED) {
		if (replaced)
			drp_metadev_free_replaced(p->md, chunk->places[i].block);
		else
			drp_metadev_free_later(p->md, chunk->places[i].block);
	}
	chunk->state[i] = state;
	__drp_plane_page_recount(p, chunk, i, state == DRP_PAGE_DIRTY ?
				 __drp_plane_page_bits(p, c, i) : 0);
	chunk->dir_changed = true;
	if (!replaced)
		p->changed = true;
}

struct drp_plane_chunk *__drp_plane_slot_absent(struct drp_plane_map *p, u64 c,
						enum drp_page_state state)
{
	struct drp_plane_slot *slot = &p->slots[c];
	struct drp_plane_chunk *chunk = slot->chunk;
	u32 i;

	lockdep_assert_held(&p->lock);
	if (p->wb_chunk == c)
		p->wb_stale = true;
	if (chunk) {
		for (i = 0; i < DRP_DIR_ENTRIES; i++)
			p->count -= chunk->count[i];
		chunk->root_block = slot->root.state == DRP_PAGE_STORED ? slot->root.block : 0;
		p->pages_held -= pages_in(chunk);
		p->places_held -= !!chunk->places;
		p->chunks_held--;
	} else if (slot->root.state == DRP_PAGE_DIRTY) {
		p->count -= __drp_plane_chunk_bits(p, c);
	}
	if (state == DRP_PAGE_DIRTY)
		p->count += __drp_plane_chunk_bits(p, c);
	slot->chunk = NULL;
	/* at once: the old directory names blocks that are about to be freed */
	slot->root = (struct drp_dir_entry){ .state = state };
	return chunk;
}

void drp_plane_chunks_release(struct drp_plane_map *p, struct drp_plane_chunk *list)
{
	while (list) {
		struct drp_plane_chunk *chunk = list;
		u32 i;

		list = chunk->next;
		for (i = 0; i < DRP_DIR_ENTRIES; i++)
			if (chunk->state[i] == DRP_PAGE_STORED)
				drp_metadev_free_later(p->md, chunk->places[i].block);
		if (chunk->root_block)
			drp_metadev_free_later(p->md, chunk->root_block);
		drp_plane_chunk_free(p, chunk);
	}
}

/* ---- life ---- */

u64 drp_plane_nr_pages(u64 nr_bits)
{
	return div_u64(nr_bits + DRP_PAGE_BITS - 1, DRP_PAGE_BITS);
}

u64 drp_plane_nr_chunks(u64 nr_bits)
{
	return div_u64(drp_plane_nr_pages(nr_bits) + DRP_DIR_ENTRIES - 1, DRP_DIR_ENTRIES);
}

void __drp_plane_set_size(struct drp_plane_map *p, u64 nr_bits)
{
	p->nr_bits = nr_bits;
	p->nr_pages = drp_plane_nr_pages(nr_bits);
	p->nr_chunks = drp_plane_nr_chunks(nr_bits);
}

struct drp_plane_map *drp_plane_create(struct drp_metadev *md, u64 sync_id, enum drp_plane which,
				       u64 nr_bits, bool ones)
{
	enum drp_page_state state = ones ? DRP_PAGE_DIRTY : DRP_PAGE_CLEAN;
	struct drp_plane_map *p;
	u64 c;

	if (!nr_bits || nr_bits > DRP_PLANE_BITS_MAX)
		return ERR_PTR(-EINVAL);
	p = kzalloc(sizeof(*p), GFP_NOIO);
	if (!p)
		return NULL;
	p->md = md;
	p->sync_id = sync_id;
	p->which = which;
	spin_lock_init(&p->lock);
	__drp_plane_set_size(p, nr_bits);
	p->wb_chunk = U64_MAX;
	p->grown_from = U64_MAX;
	p->changed = true;
	p->slots = kvcalloc(p->nr_chunks, sizeof(*p->slots), GFP_NOIO);
	if (!p->slots) {
		kfree(p);
		return NULL;
	}
	if (drp_metadev_reserve(md, p->nr_pages + p->nr_chunks)) {
		kvfree(p->slots);
		kfree(p);
		return ERR_PTR(-ENOSPC);
	}
	for (c = 0; c < p->nr_chunks; c++)
		p->slots[c].root.state = state;
	p->count = ones ? nr_bits : 0;
	return p;
}

void drp_plane_set_all(struct drp_plane_map *p, bool ones)
{
	struct drp_plane_chunk *list = NULL;
	unsigned long flags;
	u64 c;

	spin_lock_irqsave(&p->lock, flags);
	p->changed = true;
	for (c = 0; c < p->nr_chunks; c++) {
		struct drp_plane_chunk *chunk;

		chunk = __drp_plane_slot_absent(p, c, ones ? DRP_PAGE_DIRTY : DRP_PAGE_CLEAN);
		if (chunk) {
			chunk->next = list;
			list = chunk;
		}
	}
	spin_unlock_irqrestore(&p->lock, flags);
	drp_plane_chunks_release(p, list);
}

void drp_plane_destroy(struct drp_plane_map *p)
{
	if (IS_ERR_OR_NULL(p))
		return;
	drp_plane_set_all(p, false);
	drp_metadev_unreserve(p->md, p->nr_pages + p->nr_chunks);
	kvfree(p->slots);
	kfree(p);
}

/* ---- set ---- */

/* The chunk to set bits in, or NULL where the slot is all 1 already or has become so. */
static struct drp_plane_chunk *__chunk_for_set(struct drp_plane_map *p, u64 c)
{
	struct drp_plane_slot *slot = &p->slots[c];
	struct drp_plane_chunk *chunk = slot->chunk;

	if (chunk || slot->root.state == DRP_PAGE_DIRTY)
		return chunk;
	chunk = drp_plane_chunk_alloc(GFP_NOWAIT);
	if (chunk)
		__drp_plane_chunk_insert(p, c, chunk);
	else
		__drp_plane_slot_absent(p, c, DRP_PAGE_DIRTY);
	p->changed = true;
	return chunk;
}

void __drp_plane_set_bits(struct drp_plane_map *p, const struct drp_plane_pos *pos)
{
	struct drp_plane_chunk *chunk = __chunk_for_set(p, pos->chunk);
	u32 i = pos->page, added;
	struct drp_plane_page *page;

	lockdep_assert_held(&p->lock);
	if (!chunk || (!chunk->pages[i] && chunk->state[i] == DRP_PAGE_DIRTY))
		return;
	page = chunk->pages[i];
	if (!page && pos->bits < pos->page_bits) {
		page = drp_plane_page_alloc(p, GFP_NOWAIT);
		if (page) {
			page->partial = chunk->state[i] == DRP_PAGE_STORED;
			__drp_plane_page_insert(p, chunk, i, page);
		}
	}
	if (!page || pos->bits == pos->page_bits) {
		__drp_plane_page_absent(p, pos->chunk, i, DRP_PAGE_DIRTY, false);
		return;
	}
	page->referenced = true;
	added = drp_bits_set(page->words, pos->bit, pos->bits);
	if (!added)
		return;
	page->dirty = true;
	p->changed = true;
	__drp_plane_page_recount(p, chunk, i, min(chunk->count[i] + added, pos->page_bits));
}

void drp_plane_set(struct drp_plane_map *p, u64 first, u64 count)
{
	struct drp_plane_chunk *gone = NULL;
	struct drp_plane_pos pos;
	unsigned long flags;
	u64 n;

	do {
		spin_lock_irqsave(&p->lock, flags);
		if (!__drp_plane_clip(p, first, &count)) {
			spin_unlock_irqrestore(&p->lock, flags);
			return;
		}
		__drp_plane_locate(p, first, count, &pos);
		if (!pos.page && !pos.bit && count >= __drp_plane_chunk_bits(p, pos.chunk)) {
			gone = __drp_plane_slot_absent(p, pos.chunk, DRP_PAGE_DIRTY);
			p->changed = true;
			n = __drp_plane_chunk_bits(p, pos.chunk);
		} else {
			__drp_plane_set_bits(p, &pos);
			n = pos.bits;
		}
		spin_unlock_irqrestore(&p->lock, flags);
		drp_plane_chunks_release(p, gone);
		gone = NULL;
		first += n;
		count -= n;
	} while (count);
}

void drp_plane_unpin(struct drp_plane_map *p, u64 bit)
{
	struct drp_plane_chunk *chunk;
	struct drp_plane_pos pos;
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	__drp_plane_locate(p, bit, 1, &pos);
	chunk = __drp_plane_chunk(p, pos.chunk);
	/* Pins go with a chunk that became all alike. */
	if (chunk && chunk->pins[pos.page])
		chunk->pins[pos.page]--;
	spin_unlock_irqrestore(&p->lock, flags);
}

/* ---- ask ---- */

static bool __any_in_page(const struct drp_plane_map *p, const struct drp_plane_pos *pos)
{
	const struct drp_plane_chunk *chunk = p->slots[pos->chunk].chunk;
	const struct drp_plane_page *page = chunk->pages[pos->page];

	lockdep_assert_held(&p->lock);
	if (!page)
		return chunk->state[pos->page] != DRP_PAGE_CLEAN;
	return page->partial || drp_bits_any(page->words, pos->bit, pos->bits);
}

bool drp_plane_any(struct drp_plane_map *p, u64 first, u64 count)
{
	struct drp_plane_pos pos;
	unsigned long flags;
	bool any = false;
	u64 n;

	while (!any) {
		spin_lock_irqsave(&p->lock, flags);
		if (!p->count || !__drp_plane_clip(p, first, &count)) {
			spin_unlock_irqrestore(&p->lock, flags);
			return false;
		}
		__drp_plane_locate(p, first, count, &pos);
		if (p->slots[pos.chunk].chunk) {
			any = __any_in_page(p, &pos);
			n = pos.bits;
		} else {
			any = p->slots[pos.chunk].root.state != DRP_PAGE_CLEAN;
			n = __drp_plane_chunk_bits(p, pos.chunk) -
			    (u64)pos.page * DRP_PAGE_BITS - pos.bit;
			n = min(n, count);
		}
		spin_unlock_irqrestore(&p->lock, flags);
		first += n;
		count -= n;
	}
	return any;
}

u64 drp_plane_count(struct drp_plane_map *p)
{
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&p->lock, flags);
	count = p->count;
	spin_unlock_irqrestore(&p->lock, flags);
	return count;
}

bool drp_plane_empty(struct drp_plane_map *p)
{
	return !drp_plane_count(p);
}

bool drp_plane_dirty(struct drp_plane_map *p)
{
	unsigned long flags;
	bool changed;

	spin_lock_irqsave(&p->lock, flags);
	changed = p->changed;
	spin_unlock_irqrestore(&p->lock, flags);
	return changed;
}

#define CHUNK_PLACES_BYTES	(DRP_DIR_ENTRIES * sizeof(struct drp_plane_place))

u64 drp_plane_memory(struct drp_plane_map *p)
{
	unsigned long flags;
	u64 bytes;

	spin_lock_irqsave(&p->lock, flags);
	bytes = sizeof(*p) + p->nr_chunks * sizeof(*p->slots) +
		p->chunks_held * sizeof(struct drp_plane_chunk) +
		p->places_held * CHUNK_PLACES_BYTES +
		p->pages_held * sizeof(struct drp_plane_page);
	spin_unlock_irqrestore(&p->lock, flags);
	return bytes;
}

u64 drp_plane_memory_max(struct drp_plane_map *p)
{
	unsigned long flags;
	u64 bytes, pages;

	spin_lock_irqsave(&p->lock, flags);
	pages = p->nr_pages * sizeof(struct drp_plane_page);
	if (drp_plane_bounded(p))
		pages = min(pages, 2 * p->md->memory_max);
	bytes = sizeof(*p) + pages + p->nr_chunks *
		(sizeof(*p->slots) + sizeof(struct drp_plane_chunk) + CHUNK_PLACES_BYTES);
	spin_unlock_irqrestore(&p->lock, flags);
	return bytes;
}
