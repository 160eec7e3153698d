// SPDX-License-Identifier: GPL-2.0-only
/*
 * What needs the exact bits of a plane and may sleep for them: clearing,
 * walking, combining two planes, growing one.
 *
 * Pattern: try under the lock; if memory or stored words are missing, drop the
 * lock, get them, and try again from a fresh look.
 */
#include <linux/mm.h>

#include "plane_internal.h"

/* Memory got without the lock, for the next try under it. */
struct spares {
	struct drp_plane_chunk *chunk;
	struct drp_plane_page *page;
};

enum step {
	STEP_DONE,
	STEP_NEED_CHUNK,
	STEP_NEED_PAGE,
	STEP_NEED_WORDS,
};

static int spares_get(struct drp_plane_map *p, struct spares *sp, enum step what)
{
	if (what == STEP_NEED_CHUNK) {
		sp->chunk = drp_plane_chunk_alloc(GFP_NOIO);
		return sp->chunk ? 0 : -ENOMEM;
	}
	if (drp_metadev_over_memory(p->md))
		drp_plane_shrink(p);
	sp->page = drp_plane_page_alloc(p, GFP_NOIO);
	return sp->page ? 0 : -ENOMEM;
}

static void spares_free(struct drp_plane_map *p, struct spares *sp)
{
	drp_plane_page_free(p, sp->page);
	drp_plane_chunk_free(p, sp->chunk);
}

/* Turn an absent-dirty page into one of @bits 1s in memory. */
static void __materialise(struct drp_plane_map *p, struct drp_plane_chunk *chunk, u32 i, u32 bits,
			  struct spares *sp)
{
	lockdep_assert_held(&p->lock);
	drp_bits_set(sp->page->words, 0, bits);
	sp->page->dirty = true;
	sp->page->referenced = true;
	__drp_plane_page_insert(p, chunk, i, sp->page);
	sp->page = NULL;
	p->changed = true;
}

/* ---- clear ---- */

static enum step __clear_bits(struct drp_plane_map *p, const struct drp_plane_pos *pos,
			      struct spares *sp)
{
	struct drp_plane_chunk *chunk = p->slots[pos->chunk].chunk;
	struct drp_plane_page *page;
	u32 i = pos->page, cleared;

	lockdep_assert_held(&p->lock);
	if (!chunk) {
		if (p->slots[pos->chunk].root.state == DRP_PAGE_CLEAN)
			return STEP_DONE;
		if (!sp->chunk)
			return STEP_NEED_CHUNK;
		chunk = sp->chunk;
		sp->chunk = NULL;
		__drp_plane_chunk_insert(p, pos->chunk, chunk);
	}
	if (!chunk->pages[i] && chunk->state[i] == DRP_PAGE_CLEAN)
		return STEP_DONE;
	if (pos->bits == pos->page_bits) {
		__drp_plane_page_absent(p, pos->chunk, i, DRP_PAGE_CLEAN, false);
		return STEP_DONE;
	}
	if (__drp_plane_must_load(chunk, i))
		return STEP_NEED_WORDS;
	if (!chunk->pages[i]) {
		if (!sp->page)
			return STEP_NEED_PAGE;
		__materialise(p, chunk, i, pos->page_bits, sp);
	}
	page = chunk->pages[i];
	page->referenced = true;
	cleared = drp_bits_clear(page->words, pos->bit, pos->bits);
	if (cleared) {
		page->dirty = true;
		p->changed = true;
		__drp_plane_page_recount(p, chunk, i, chunk->count[i] - cleared);
	}
	return STEP_DONE;
}

/* Clear in the page of @first; *@n: how far that got. 1: go on, 0: end of plane, -ENOMEM. */
static int clear_in_page(struct drp_plane_map *p, u64 first, u64 count, struct spares *sp, u64 *n)
{
	struct drp_plane_pos pos;
	unsigned long flags;
	enum step step;
	int err;

	for (;;) {
		spin_lock_irqsave(&p->lock, flags);
		if (!__drp_plane_clip(p, first, &count)) {
			spin_unlock_irqrestore(&p->lock, flags);
			return 0;
		}
		__drp_plane_locate(p, first, count, &pos);
		*n = pos.bits;
		step = __clear_bits(p, &pos, sp);
		spin_unlock_irqrestore(&p->lock, flags);
		if (step == STEP_DONE)
			return 1;
		if (step == STEP_NEED_WORDS)
			err = drp_plane_page_load(p, pos.chunk, pos.page);
		else
			err = spares_get(p, sp, step);
		if (err)
			return err;
	}
}

int drp_plane_clear(struct drp_plane_map *p, u64 first, u64 count)
{
	struct spares sp = {};
	int ret = 1;
	u64 n;

	while (count && ret > 0) {
		ret = clear_in_page(p, first, count, &sp, &n);
		if (ret <= 0)
			break;
		first += n;
		count -= n;
		cond_resched();
	}
	spares_free(p, &sp);
	return min(ret, 0);
}

/* ---- pin ---- */

static enum step __pin(struct drp_plane_map *p, const struct drp_plane_pos *pos, struct spares *sp)
{
	struct drp_plane_chunk *chunk = p->slots[pos->chunk].chunk;
	u32 i = pos->page;

	lockdep_assert_held(&p->lock);
	if (!chunk) {
		if (!sp->chunk)
			return STEP_NEED_CHUNK;
		chunk = sp->chunk;
		sp->chunk = NULL;
		__drp_plane_chunk_insert(p, pos->chunk, chunk);
	}
	if (__drp_plane_must_load(chunk, i))
		return STEP_NEED_WORDS;
	if (!chunk->pages[i] && chunk->state[i] == DRP_PAGE_CLEAN) {
		if (!sp->page)
			return STEP_NEED_PAGE;
		sp->page->referenced = true;
		__drp_plane_page_insert(p, chunk, i, sp->page);
		sp->page = NULL;
	}
	chunk->pins[i]++;
	return STEP_DONE;
}

int drp_plane_pin(struct drp_plane_map *p, u64 bit)
{
	enum step step = STEP_DONE;
	struct drp_plane_pos pos;
	struct spares sp = {};
	unsigned long flags;
	u64 one = 1;
	int err = 0;

	do {
		if (step == STEP_NEED_WORDS)
			err = drp_plane_page_load(p, pos.chunk, pos.page);
		else if (step != STEP_DONE)
			err = spares_get(p, &sp, step);
		if (err)
			break;
		spin_lock_irqsave(&p->lock, flags);
		step = STEP_DONE;
		if (__drp_plane_clip(p, bit, &one)) {
			__drp_plane_locate(p, bit, one, &pos);
			step = __pin(p, &pos, &sp);
		}
		spin_unlock_irqrestore(&p->lock, flags);
	} while (step != STEP_DONE);
	spares_free(p, &sp);
	return err;
}

/* ---- walk ---- */

struct run {
	u64 first;
	u64 count;
	u64 next;		/* where to look further if there is none */
};

/* The first run at or behind @pos in the words of its page. */
static bool run_in_words(const u64 *words, const struct drp_plane_pos *pos, u64 from, u64 max,
			 struct run *run)
{
	u32 start = drp_bits_next_set(words, pos->page_bits, pos->bit);
	u32 end = drp_bits_next_clear(words, pos->page_bits, start);

	run->next = from + (pos->page_bits - pos->bit);
	run->first = from + (start - pos->bit);
	run->count = min_t(u64, end - start, max);
	return start < pos->page_bits;
}

/* The same where no stored words are needed; an absent page is one run or none. */
static bool __run_in_memory(struct drp_plane_map *p, const struct drp_plane_pos *pos,
			    u64 from, u64 max, struct run *run)
{
	struct drp_plane_chunk *chunk = p->slots[pos->chunk].chunk;
	struct drp_plane_page *page = chunk ? chunk->pages[pos->page] : NULL;
	u8 state = chunk ? chunk->state[pos->page] : p->slots[pos->chunk].root.state;

	lockdep_assert_held(&p->lock);
	if (page) {
		page->referenced = true;
		return run_in_words(page->words, pos, from, max, run);
	}
	run->next = from + (pos->page_bits - pos->bit);
	if (!chunk && state == DRP_PAGE_CLEAN)
		run->next = (pos->chunk + 1) * DRP_DIR_ENTRIES * DRP_PAGE_BITS;
	run->first = from;
	run->count = min_t(u64, pos->page_bits - pos->bit, max);
	return state != DRP_PAGE_CLEAN;
}

/*
 * The same where they are: loads the page so that the next look finds it, or,
 * where there is no memory to keep it, looks at a copy.
 */
static int run_in_stored(struct drp_plane_map *p, const struct drp_plane_pos *pos, u64 from,
			 u64 max, struct run *run)
{
	int ret = drp_plane_page_load(p, pos->chunk, pos->page);
	u64 *words;

	if (ret != -ENOMEM)
		return ret;
	words = kmalloc(DRP_PAGE_BYTES, GFP_NOIO);
	if (!words)
		return -ENOMEM;
	ret = drp_plane_page_peek(p, pos->chunk, pos->page, words);
	if (ret > 0)
		ret = run_in_words(words, pos, from, max, run);
	kfree(words);
	return ret;
}

enum look {
	LOOK_END,
	LOOK_MISSING,		/* stored words are needed */
	LOOK_NONE,
	LOOK_FOUND,
};

static enum look look_for_run(struct drp_plane_map *p, u64 from, u64 max,
			      struct drp_plane_pos *pos, struct run *run)
{
	const struct drp_plane_chunk *chunk;
	enum look look = LOOK_END;
	unsigned long flags;
	u64 one = 1;

	spin_lock_irqsave(&p->lock, flags);
	if (p->count && __drp_plane_clip(p, from, &one)) {
		__drp_plane_locate(p, from, one, pos);
		chunk = p->slots[pos->chunk].chunk;
		if (chunk && __drp_plane_must_load(chunk, pos->page))
			look = LOOK_MISSING;
		else if (__run_in_memory(p, pos, from, max, run))
			look = LOOK_FOUND;
		else
			look = LOOK_NONE;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return look;
}

int drp_plane_next_run(struct drp_plane_map *p, u64 from, u64 max, u64 *first, u64 *count)
{
	struct run run = { .next = from };
	struct drp_plane_pos pos;
	int ret;

	if (!max)
		return -EINVAL;
	do {
		from = run.next;
		switch (look_for_run(p, from, max, &pos, &run)) {
		case LOOK_END:
			return 0;
		case LOOK_MISSING:
			ret = run_in_stored(p, &pos, from, max, &run);
			break;
		case LOOK_NONE:
			ret = 0;
			break;
		case LOOK_FOUND:
			ret = 1;
			break;
		}
		cond_resched();
	} while (!ret);
	if (ret < 0)
		return ret;
	*first = run.first;
	*count = run.count;
	return 1;
}

/* The first run of 0s at or behind @pos in the words of its page. */
static bool gap_in_words(const u64 *words, const struct drp_plane_pos *pos, u64 from, u64 max,
			 struct run *run)
{
	u32 start = drp_bits_next_clear(words, pos->page_bits, pos->bit);
	u32 end = drp_bits_next_set(words, pos->page_bits, start);

	run->next = from + (pos->page_bits - pos->bit);
	run->first = from + (start - pos->bit);
	run->count = min_t(u64, end - start, max);
	return start < pos->page_bits;
}

static bool __gap_in_memory(struct drp_plane_map *p, const struct drp_plane_pos *pos,
			    u64 from, u64 max, struct run *run)
{
	struct drp_plane_chunk *chunk = p->slots[pos->chunk].chunk;
	struct drp_plane_page *page = chunk ? chunk->pages[pos->page] : NULL;
	u8 state = chunk ? chunk->state[pos->page] : p->slots[pos->chunk].root.state;

	lockdep_assert_held(&p->lock);
	if (page) {
		page->referenced = true;
		return gap_in_words(page->words, pos, from, max, run);
	}
	run->next = from + (pos->page_bits - pos->bit);
	if (!chunk && state != DRP_PAGE_CLEAN)
		run->next = (pos->chunk + 1) * DRP_DIR_ENTRIES * DRP_PAGE_BITS;
	run->first = from;
	run->count = min_t(u64, pos->page_bits - pos->bit, max);
	return state == DRP_PAGE_CLEAN;
}

static enum look look_for_gap(struct drp_plane_map *p, u64 from, u64 max,
			      struct drp_plane_pos *pos, struct run *run)
{
	const struct drp_plane_chunk *chunk;
	enum look look = LOOK_END;
	unsigned long flags;
	u64 one = 1;

	spin_lock_irqsave(&p->lock, flags);
	if (__drp_plane_clip(p, from, &one)) {
		__drp_plane_locate(p, from, one, pos);
		chunk = p->slots[pos->chunk].chunk;
		if (chunk && __drp_plane_must_load(chunk, pos->page))
			look = LOOK_MISSING;
		else if (__gap_in_memory(p, pos, from, max, run))
			look = LOOK_FOUND;
		else
			look = LOOK_NONE;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return look;
}

int drp_plane_next_clear(struct drp_plane_map *p, u64 from, u64 max, u64 *first, u64 *count)
{
	struct run run = { .next = from };
	struct drp_plane_pos pos;
	int ret;

	if (!max)
		return -EINVAL;
	for (;;) {
		from = run.next;
		switch (look_for_gap(p, from, max, &pos, &run)) {
		case LOOK_END:
			return 0;
		case LOOK_MISSING:
			ret = drp_plane_page_load(p, pos.chunk, pos.page);
			if (ret)
				return ret;
			run.next = from;
			break;
		case LOOK_NONE:
			break;
		case LOOK_FOUND:
			*first = run.first;
			*count = run.count;
			return 1;
		}
		cond_resched();
	}
}

/* ---- combine ---- */

enum content {
	CONTENT_CLEAN,
	CONTENT_ONES,
	CONTENT_WORDS,		/* copied */
	CONTENT_MISSING,	/* must be read */
};

static enum content page_content(struct drp_plane_map *p, u64 c, u32 i, u64 *words)
{
	const struct drp_plane_chunk *chunk;
	enum content content;
	unsigned long flags;
	u8 state;

	spin_lock_irqsave(&p->lock, flags);
	chunk = p->slots[c].chunk;
	state = chunk ? chunk->state[i] : p->slots[c].root.state;
	if (chunk && __drp_plane_must_load(chunk, i)) {
		content = CONTENT_MISSING;
	} else if (chunk && chunk->pages[i]) {
		memcpy(words, chunk->pages[i]->words, DRP_PAGE_BYTES);
		content = CONTENT_WORDS;
	} else {
		content = state == DRP_PAGE_CLEAN ? CONTENT_CLEAN : CONTENT_ONES;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return content;
}

/* Set the 1s of @words in a page; setting one of them makes the page. */
static void set_words(struct drp_plane_map *p, u64 c, u32 i, const u64 *words)
{
	struct drp_plane_pos pos = { .chunk = c, .page = i, .bits = 1 };
	struct drp_plane_chunk *chunk;
	struct drp_plane_page *page;
	unsigned long flags;
	u32 added;

	spin_lock_irqsave(&p->lock, flags);
	pos.page_bits = __drp_plane_page_bits(p, c, i);
	pos.bit = drp_bits_next_set(words, pos.page_bits, 0);
	if (pos.bit < pos.page_bits) {
		__drp_plane_set_bits(p, &pos);
		chunk = p->slots[c].chunk;
		page = chunk ? chunk->pages[i] : NULL;
		added = page ? drp_bits_or(page->words, words, DRP_PAGE_WORDS) : 0;
		if (added) {
			page->dirty = true;
			p->changed = true;
			__drp_plane_page_recount(p, chunk, i,
						 min(chunk->count[i] + added, pos.page_bits));
		}
	}
	spin_unlock_irqrestore(&p->lock, flags);
}

static int or_page(struct drp_plane_map *p, struct drp_plane_map *other, u64 c, u32 i, u64 *words)
{
	enum content content;

	while ((content = page_content(other, c, i, words)) == CONTENT_MISSING) {
		int ret = drp_plane_page_peek(other, c, i, words);

		if (ret < 0)
			return ret;
		if (ret) {
			content = CONTENT_WORDS;
			break;
		}
	}
	if (content == CONTENT_ONES)
		drp_plane_set(p, drp_plane_index(c, i) * DRP_PAGE_BITS, DRP_PAGE_BITS);
	else if (content == CONTENT_WORDS)
		set_words(p, c, i, words);
	return 0;
}

int drp_plane_or(struct drp_plane_map *p, struct drp_plane_map *other)
{
	u64 *words, c;
	int err = 0;
	u32 i;

	if (p == other)
		return 0;
	if (p->nr_bits != other->nr_bits)
		return -EINVAL;
	words = kmalloc(DRP_PAGE_BYTES, GFP_NOIO);
	if (!words)
		return -ENOMEM;
	for (c = 0; c < other->nr_chunks && !err; c++) {
		for (i = 0; i < __drp_plane_chunk_pages(other, c) && !err; i++)
			err = or_page(p, other, c, i, words);
		cond_resched();
	}
	kfree(words);
	return err;
}

/* ---- grow ---- */

/* New pages of a chunk that was the last and not full; its geometry is the new one already. */
static void __grow_chunk(struct drp_plane_map *p, u64 c, u32 old_pages, bool ones)
{
	struct drp_plane_chunk *chunk = p->slots[c].chunk;
	u32 i;

	lockdep_assert_held(&p->lock);
	for (i = old_pages; i < __drp_plane_chunk_pages(p, c); i++) {
		chunk->state[i] = ones ? DRP_PAGE_DIRTY : DRP_PAGE_CLEAN;
		__drp_plane_page_recount(p, chunk, i,
					 ones ? __drp_plane_page_bits(p, c, i) : 0);
	}
	chunk->dir_changed = true;
}

/* New bits of a page that was the last and had only @old_bits. */
static void __grow_page(struct drp_plane_map *p, u64 c, u32 i, u32 old_bits, bool ones,
			struct spares *sp)
{
	struct drp_plane_chunk *chunk = p->slots[c].chunk;
	u32 bits = __drp_plane_page_bits(p, c, i);
	struct drp_plane_pos pos = {
		.chunk = c, .page = i, .bit = old_bits, .bits = bits - old_bits, .page_bits = bits,
	};

	lockdep_assert_held(&p->lock);
	if (bits == old_bits)
		return;
	if (!chunk->pages[i] && chunk->state[i] == DRP_PAGE_DIRTY) {
		if (!ones && sp->page)
			__materialise(p, chunk, i, old_bits, sp);
		else
			__drp_plane_page_recount(p, chunk, i, bits);
	} else if (ones) {
		__drp_plane_set_bits(p, &pos);
	}
}

/*
 * A stored root, or one just being stored, knows nothing of bits that are 1 from
 * now on, and no active extent covers them as it does bits that are set.
 */
static void __root_dirty(struct drp_plane_map *p, u64 c)
{
	struct drp_plane_slot *slot = &p->slots[c];

	lockdep_assert_held(&p->lock);
	if (__drp_plane_writing(p, c, DRP_NO_PAGE))
		p->wb_stale = true;
	p->grown_from = min(p->grown_from, c);
	if (slot->root.state == DRP_PAGE_STORED)
		drp_metadev_free_later(p->md, slot->root.block);
	slot->root = (struct drp_dir_entry){ .state = DRP_PAGE_DIRTY };
}

/*
 * Everything is made larger under one lock. The last chunk so far is the only
 * old one that changes; @sp->chunk, if it is there, takes the place of none.
 */
static void __grow(struct drp_plane_map *p, u64 nr_bits, bool ones, struct drp_plane_slot *slots,
		   struct spares *sp)
{
	enum drp_page_state state = ones ? DRP_PAGE_DIRTY : DRP_PAGE_CLEAN;
	u64 old_chunks = p->nr_chunks, c = old_chunks - 1;
	u32 pages = __drp_plane_chunk_pages(p, c);
	u32 bits = __drp_plane_page_bits(p, c, pages - 1);

	lockdep_assert_held(&p->lock);
	memcpy(slots, p->slots, old_chunks * sizeof(*slots));
	p->slots = slots;
	if (!slots[c].chunk) {
		__drp_plane_chunk_insert(p, c, sp->chunk);
		sp->chunk = NULL;
	}
	__drp_plane_set_size(p, nr_bits);
	__grow_chunk(p, c, pages, ones);
	__grow_page(p, c, pages - 1, bits, ones, sp);
	if (ones)
		__root_dirty(p, c);
	for (c = old_chunks; c < p->nr_chunks; c++) {
		slots[c].root.state = state;
		p->count += ones ? __drp_plane_chunk_bits(p, c) : 0;
	}
	p->changed = true;
}

struct drp_plane_growth {
	u64 nr_bits;
	u64 more;			/* blocks promised for it */
	struct drp_plane_slot *slots;
	struct spares sp;
};

int drp_plane_grow_prepare(struct drp_plane_map *p, u64 nr_bits)
{
	u64 pages = drp_plane_nr_pages(nr_bits), chunks = drp_plane_nr_chunks(nr_bits);
	struct drp_plane_growth *g;
	int err;

	if (nr_bits < p->nr_bits || nr_bits > DRP_PLANE_BITS_MAX || p->growth)
		return -EINVAL;
	if (nr_bits == p->nr_bits)
		return 0;
	g = kzalloc(sizeof(*g), GFP_NOIO);
	if (!g)
		return -ENOMEM;
	g->nr_bits = nr_bits;
	g->more = pages + chunks - p->nr_pages - p->nr_chunks;
	err = drp_metadev_reserve(p->md, g->more);
	if (err) {
		kfree(g);
		return err;
	}
	p->growth = g;
	g->slots = kvcalloc(chunks, sizeof(*g->slots), GFP_NOIO);
	g->sp.chunk = drp_plane_chunk_alloc(GFP_NOIO);
	if (!g->slots || !g->sp.chunk) {
		drp_plane_grow_cancel(p);
		return -ENOMEM;
	}
	/* without this page an absent-dirty end of the plane just stays dirty to its new end */
	g->sp.page = drp_plane_page_alloc(p, GFP_NOIO);
	return 0;
}

static void growth_free(struct drp_plane_map *p)
{
	spares_free(p, &p->growth->sp);
	kfree(p->growth);
	p->growth = NULL;
}

void drp_plane_grow_prepared(struct drp_plane_map *p, bool ones)
{
	struct drp_plane_slot *old = p->slots;
	unsigned long flags;

	if (!p->growth)
		return;
	spin_lock_irqsave(&p->lock, flags);
	__grow(p, p->growth->nr_bits, ones, p->growth->slots, &p->growth->sp);
	spin_unlock_irqrestore(&p->lock, flags);
	kvfree(old);
	growth_free(p);
}

void drp_plane_grow_cancel(struct drp_plane_map *p)
{
	if (!p->growth)
		return;
	drp_metadev_unreserve(p->md, p->growth->more);
	kvfree(p->growth->slots);
	growth_free(p);
}

int drp_plane_resize(struct drp_plane_map *p, u64 nr_bits, bool ones)
{
	int err = drp_plane_grow_prepare(p, nr_bits);

	if (!err)
		drp_plane_grow_prepared(p, ones);
	return err;
}
