// SPDX-License-Identifier: GPL-2.0-only
/*
 * Planes from the metadata device: single pages on demand, and the directory
 * when a pool is loaded. What cannot be read or does not say that it is what
 * we want counts as all 1.
 */
#define pr_fmt(fmt) "dm-replica: " fmt

#include <linux/mm.h>

#include "plane_internal.h"

#define SEQ_COUNTER_SHIFT	16
#define SEQ_ACTIVATION_SHIFT	48

u64 __drp_plane_next_seq(struct drp_plane_map *p, u32 count)
{
	lockdep_assert_held(&p->lock);
	p->seq++;
	return (u64)p->md->activation << SEQ_ACTIVATION_SHIFT |
	       (u64)p->seq << SEQ_COUNTER_SHIFT | count;
}

u32 drp_plane_seq_count(u64 seq)
{
	return (u16)seq;
}

u32 drp_plane_seq_counter(u64 seq)
{
	return (u32)(seq >> SEQ_COUNTER_SHIFT);
}

static void warn_page(struct drp_plane_map *p, u64 c, u32 i, u64 block, int err)
{
	WRITE_ONCE(p->lost, true);
	pr_warn_ratelimited("%pg: sync %llu: page %llu of plane %u at block %llu cannot be used (%d): all its regions count as different, a resync repairs it\n",
			    p->md->bdev, p->sync_id, drp_plane_index(c, i), p->which, block, err);
}

static void warn_chunk(struct drp_plane_map *p, u64 c, u64 block, int err)
{
	WRITE_ONCE(p->lost, true);
	pr_warn_ratelimited("%pg: sync %llu: directory chunk %llu of plane %u at block %llu cannot be used (%d): all its regions count as different, a resync repairs it\n",
			    p->md->bdev, p->sync_id, c, p->which, block, err);
}

/* ---- pages ---- */

static int page_read(struct drp_plane_map *p, u64 c, u32 i, const struct drp_plane_place *at,
		     void *block, u64 *words)
{
	const struct drp_io *io = &p->md->io;
	int err = io->ops->read(io->ctx, at->block, block, 1);

	if (err)
		return err;
	return drp_page_decode(block, p->md->nonce, p->sync_id, p->which, drp_plane_index(c, i),
			       at->seq, words);
}

/* Does the page still lack just the words that lie @at? */
static bool __still_wanted(const struct drp_plane_map *p, u64 c, u32 i,
			   const struct drp_plane_place *at)
{
	const struct drp_plane_chunk *chunk = __drp_plane_chunk(p, c);

	lockdep_assert_held(&p->lock);
	return chunk && __drp_plane_must_load(chunk, i) && chunk->state[i] == DRP_PAGE_STORED &&
	       chunk->places[i].block == at->block && chunk->places[i].seq == at->seq;
}

/* Complete @words, as they are stored, to what the page says. */
static void __add_in_memory(struct drp_plane_map *p, u64 c, u32 i, u64 *words)
{
	const struct drp_plane_page *have = p->slots[c].chunk->pages[i];
	u32 bits = __drp_plane_page_bits(p, c, i);

	lockdep_assert_held(&p->lock);
	drp_bits_clear(words, bits, DRP_PAGE_BITS - bits);
	if (have)
		drp_bits_or(words, have->words, DRP_PAGE_WORDS);
}

/* Add @words to the page in memory, or let @page, which holds them, become it: true. */
static bool __page_merge(struct drp_plane_map *p, u64 c, u32 i, u64 *words,
			 struct drp_plane_page *page)
{
	struct drp_plane_chunk *chunk = p->slots[c].chunk;
	u32 bits = __drp_plane_page_bits(p, c, i);
	struct drp_plane_page *have = chunk->pages[i];

	lockdep_assert_held(&p->lock);
	__add_in_memory(p, c, i, words);
	if (have) {
		memcpy(have->words, words, DRP_PAGE_BYTES);
		have->partial = false;
	} else if (page) {
		__drp_plane_page_insert(p, chunk, i, page);
	} else {
		return false;
	}
	chunk->pages[i]->referenced = true;
	__drp_plane_page_recount(p, chunk, i, drp_bits_count(chunk->pages[i]->words, bits));
	return !have;
}

/* Read and merge; true if @page was used up. */
static bool read_and_merge(struct drp_plane_map *p, u64 c, u32 i, const struct drp_plane_place *at,
			   void *block, u64 *words, struct drp_plane_page *page)
{
	bool bad = false, used = false;
	unsigned long flags;
	int err;

	err = page_read(p, c, i, at, block, words);
	spin_lock_irqsave(&p->lock, flags);
	if (__still_wanted(p, c, i, at)) {
		bad = err;
		if (bad)
			__drp_plane_page_absent(p, c, i, DRP_PAGE_DIRTY, false);
		else
			used = __page_merge(p, c, i, words, page);
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (bad)
		warn_page(p, c, i, at->block, err);
	return used;
}

static bool find_missing(struct drp_plane_map *p, u64 c, u32 i, struct drp_plane_place *at)
{
	const struct drp_plane_chunk *chunk;
	unsigned long flags;
	bool missing;

	spin_lock_irqsave(&p->lock, flags);
	chunk = __drp_plane_chunk(p, c);
	missing = chunk && __drp_plane_must_load(chunk, i);
	if (missing)
		*at = chunk->places[i];
	spin_unlock_irqrestore(&p->lock, flags);
	return missing;
}

int drp_plane_page_load(struct drp_plane_map *p, u64 c, u32 i)
{
	struct drp_plane_page *page;
	struct drp_plane_place at;
	void *block;

	if (!find_missing(p, c, i, &at))
		return 0;
	if (drp_metadev_over_memory(p->md))
		drp_plane_shrink(p);
	block = kmalloc(DRP_BLOCK_BYTES, GFP_NOIO);
	page = drp_plane_page_alloc(p, GFP_NOIO);
	if (!block || !page) {
		drp_plane_page_free(p, page);
		kfree(block);
		return -ENOMEM;
	}
	if (!read_and_merge(p, c, i, &at, block, page->words, page))
		drp_plane_page_free(p, page);
	kfree(block);
	return 0;
}

int drp_plane_page_peek(struct drp_plane_map *p, u64 c, u32 i, u64 *words)
{
	bool bad = false, got = false;
	struct drp_plane_place at;
	unsigned long flags;
	void *block;
	int err;

	if (!find_missing(p, c, i, &at))
		return 0;
	block = kmalloc(DRP_BLOCK_BYTES, GFP_NOIO);
	if (!block)
		return -ENOMEM;
	err = page_read(p, c, i, &at, block, words);
	kfree(block);
	spin_lock_irqsave(&p->lock, flags);
	if (__still_wanted(p, c, i, &at)) {
		bad = err;
		got = !err;
	}
	if (bad)
		__drp_plane_page_absent(p, c, i, DRP_PAGE_DIRTY, false);
	if (got) {
		__add_in_memory(p, c, i, words);
		__drp_plane_page_recount(p, p->slots[c].chunk, i,
					 drp_bits_count(words, __drp_plane_page_bits(p, c, i)));
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (bad)
		warn_page(p, c, i, at.block, err);
	return got;
}

void drp_plane_page_complete(struct drp_plane_map *p, u64 c, u32 i)
{
	struct drp_metadev_scratch *scratch = p->md->scratch;
	struct drp_plane_place at;

	if (find_missing(p, c, i, &at))
		read_and_merge(p, c, i, &at, scratch->block, scratch->words, NULL);
}

/* ---- directory ---- */

/* Take over what the directory says of a page, unless its block cannot be its own. */
static void take_entry(struct drp_plane_map *p, u64 c, u32 i, const struct drp_dir_entry *e,
		       struct drp_plane_chunk *chunk)
{
	u32 bits = __drp_plane_page_bits(p, c, i), count = drp_plane_seq_count(e->seq);
	bool ok = e->state != DRP_PAGE_STORED || !drp_metadev_claim(p->md, e->block);

	chunk->state[i] = ok ? e->state : DRP_PAGE_DIRTY;
	switch (chunk->state[i]) {
	case DRP_PAGE_STORED:
		chunk->places[i].block = e->block;
		chunk->places[i].seq = e->seq;
		chunk->count[i] = count && count <= bits ? count : bits;
		p->seq = max(p->seq, drp_plane_seq_counter(e->seq));
		break;
	case DRP_PAGE_DIRTY:
		chunk->count[i] = bits;
		break;
	}
	if (!ok) {
		chunk->dir_changed = true;
		warn_page(p, c, i, e->block, -EBADMSG);
	}
}

static struct drp_plane_chunk *chunk_from_dir(struct drp_plane_map *p, u64 c,
					      const struct drp_dir_entry *dir)
{
	struct drp_plane_chunk *chunk = drp_plane_chunk_alloc(GFP_NOIO);
	u32 i;

	if (!chunk)
		return NULL;
	chunk->places = kcalloc(DRP_DIR_ENTRIES, sizeof(*chunk->places), GFP_NOIO);
	if (!chunk->places) {
		drp_plane_chunk_free(p, chunk);
		return NULL;
	}
	for (i = 0; i < __drp_plane_chunk_pages(p, c); i++)
		take_entry(p, c, i, &dir[i], chunk);
	return chunk;
}

/* Give the slot its @root and, where that is stored, its @chunk. */
static void install(struct drp_plane_map *p, u64 c, const struct drp_dir_entry *root,
		    struct drp_plane_chunk *chunk)
{
	struct drp_plane_chunk *old;
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&p->lock, flags);
	old = __drp_plane_slot_absent(p, c, chunk ? DRP_PAGE_CLEAN : root->state);
	if (chunk) {
		p->slots[c].root = *root;
		p->slots[c].chunk = chunk;
		p->chunks_held++;
		p->places_held++;
		for (i = 0; i < DRP_DIR_ENTRIES; i++)
			p->count += chunk->count[i];
		p->seq = max(p->seq, drp_plane_seq_counter(root->seq));
	}
	p->changed = true;
	spin_unlock_irqrestore(&p->lock, flags);
	drp_plane_chunks_release(p, old);
}

static int load_stored(struct drp_plane_map *p, u64 c, const struct drp_dir_entry *root,
		       struct drp_metadev_scratch *scratch)
{
	const struct drp_dir_entry dirty = { .state = DRP_PAGE_DIRTY };
	const struct drp_io *io = &p->md->io;
	struct drp_plane_chunk *chunk;
	bool claimed;
	int err;

	err = drp_metadev_claim(p->md, root->block);
	claimed = !err;
	if (!err)
		err = io->ops->read(io->ctx, root->block, scratch->block, 1);
	if (!err)
		err = drp_dir_decode(scratch->block, p->md->nonce, p->sync_id, p->which, c,
				     root->seq, p->md->device_blocks, scratch->dir);
	if (err) {
		warn_chunk(p, c, root->block, err);
		if (claimed)
			drp_metadev_free_later(p->md, root->block);
		install(p, c, &dirty, NULL);
		return 0;
	}
	chunk = chunk_from_dir(p, c, scratch->dir);
	if (!chunk) {
		drp_metadev_free_later(p->md, root->block);
		return -ENOMEM;
	}
	install(p, c, root, chunk);
	return 0;
}

int drp_plane_load_root(struct drp_plane_map *p, u64 first, const struct drp_dir_entry *entries,
			u32 n)
{
	struct drp_metadev_scratch *scratch;
	int err = 0;
	u32 i;

	if (first > p->nr_chunks || n > p->nr_chunks - first)
		return -EBADMSG;
	scratch = kvmalloc(sizeof(*scratch), GFP_NOIO);
	if (!scratch)
		return -ENOMEM;
	for (i = 0; i < n && !err; i++) {
		if (entries[i].state == DRP_PAGE_STORED)
			err = load_stored(p, first + i, &entries[i], scratch);
		else
			install(p, first + i, &entries[i], NULL);
		cond_resched();
	}
	kvfree(scratch);
	return err;
}

static int load_chunk_pages(struct drp_plane_map *p, u64 c)
{
	int err = 0;
	u32 i;

	for (i = 0; i < DRP_DIR_ENTRIES && !err; i++) {
		err = drp_plane_page_load(p, c, i);
		cond_resched();
	}
	return err;
}

int drp_plane_load_all(struct drp_plane_map *p)
{
	int err = 0;
	u64 c;

	for (c = 0; c < p->nr_chunks && !err; c++)
		if (p->slots[c].chunk)
			err = load_chunk_pages(p, c);
	return err ?: READ_ONCE(p->lost) ? -EIO : 0;
}
