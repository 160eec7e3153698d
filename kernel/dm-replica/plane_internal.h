/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the plane's files share; nobody else includes it.
 *
 * A plane is a table of slots, one for each directory chunk. Without a chunk in
 * memory, all pages of the slot are alike: clean or dirty, as its root says.
 * A chunk holds, per page, what the directory says of it and how many bits are
 * 1. A page in memory overrides what the directory says; a partial one only
 * adds to it (its stored words were not read yet).
 *
 * Everything is protected by the plane's lock, an irq-safe leaf but for the
 * metadata device's. It is never held over I/O or a sleep; who drops it looks
 * everything up again.
 */
#ifndef DRP_PLANE_INTERNAL_H
#define DRP_PLANE_INTERNAL_H

#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "core/bitmap.h"
#include "core/codec.h"
#include "plane.h"

#define DRP_PAGE_WORDS	(DRP_PAGE_BYTES / (u32)sizeof(u64))
#define DRP_NO_PAGE	U32_MAX
#define DRP_PLANE_BITS_MAX	(1ULL << 40)

struct drp_plane_page {
	u64 words[DRP_PAGE_WORDS];
	bool dirty;		/* differs from what the directory says */
	bool partial;		/* the stored words must be added */
	bool referenced;	/* since the last shrink passed by */
};
static_assert(sizeof(struct drp_plane_page) <= 4096);

struct drp_plane_place {
	u64 block;
	u64 seq;
};

struct drp_plane_chunk {
	struct drp_plane_chunk *next;	/* of those detached together */
	u64 root_block;			/* its own place, once detached; 0: none */
	struct drp_plane_place *places;	/* of pages in state stored; NULL: there were none yet */
	bool dir_changed;		/* since the directory was stored */
	u8 state[DRP_DIR_ENTRIES];	/* enum drp_page_state, as the next directory will say */
	u16 count[DRP_DIR_ENTRIES];	/* bits that are 1; upper bound if partial */
	u16 pins[DRP_DIR_ENTRIES];	/* of drp_plane_pin() */
	struct drp_plane_page *pages[DRP_DIR_ENTRIES];
};
static_assert(sizeof(struct drp_plane_chunk) <= 4096);

struct drp_plane_slot {
	struct drp_plane_chunk *chunk;
	struct drp_dir_entry root;	/* as of the last writeback; never stored without a chunk */
};

struct drp_plane_map {
	/* fixed */
	struct drp_metadev *md;
	u64 sync_id;
	enum drp_plane which;

	spinlock_t lock;		/* irq-safe; protects what follows */
	u64 nr_bits;
	u64 nr_pages;
	u64 nr_chunks;
	u64 count;			/* sum of all pages' counts */
	struct drp_plane_slot *slots;
	u32 seq;			/* counts blocks written */
	bool changed;			/* since the last writeback */
	bool lost;			/* something stored could not be read */
	u64 pages_held;
	u64 chunks_held;
	u64 places_held;
	/* the write under way: what it writes, and whether that was given up meanwhile */
	u64 wb_chunk;			/* U64_MAX: none */
	u32 wb_page;			/* DRP_NO_PAGE: the chunk's directory */
	bool wb_stale;
	u64 grown_from;			/* chunks that got new 1s by growing since it began; U64_MAX: none */

	struct drp_plane_growth *growth;	/* prepared; who grows it owns it */
};

/* Where a range begins: page, the bit in it, and how much of the range is in this page. */
struct drp_plane_pos {
	u64 chunk;
	u32 page;		/* in its chunk */
	u32 bit;
	u32 bits;		/* of this page that belong to the range */
	u32 page_bits;		/* of this page at all */
};

/* ---- plane.c; __ means: the plane's lock is held ---- */

void __drp_plane_locate(const struct drp_plane_map *p, u64 first, u64 count,
			struct drp_plane_pos *pos);
u32 __drp_plane_page_bits(const struct drp_plane_map *p, u64 chunk, u32 page);
u32 __drp_plane_chunk_pages(const struct drp_plane_map *p, u64 chunk);
u64 __drp_plane_chunk_bits(const struct drp_plane_map *p, u64 chunk);

u64 drp_plane_nr_pages(u64 nr_bits);
u64 drp_plane_nr_chunks(u64 nr_bits);
void __drp_plane_set_size(struct drp_plane_map *p, u64 nr_bits);

/* The range cut to the plane's end; false: nothing is left. */
bool __drp_plane_clip(const struct drp_plane_map *p, u64 first, u64 *count);

/* New objects; pages up to twice the pool's bound of memory, where all 1 is an answer. NULL: no memory. As @gfp says. */
struct drp_plane_page *drp_plane_page_alloc(struct drp_plane_map *p, gfp_t gfp);
void drp_plane_page_free(struct drp_plane_map *p, struct drp_plane_page *page);
struct drp_plane_chunk *drp_plane_chunk_alloc(gfp_t gfp);
/* Also its pages' memory; not the blocks. */
void drp_plane_chunk_free(struct drp_plane_map *p, struct drp_plane_chunk *chunk);

/* Put @chunk, fresh from the allocator, into a slot that has none: all pages as its root says. */
void __drp_plane_chunk_insert(struct drp_plane_map *p, u64 c, struct drp_plane_chunk *chunk);
void __drp_plane_page_insert(struct drp_plane_map *p, struct drp_plane_chunk *chunk, u32 i,
			     struct drp_plane_page *page);
/* Take the page's memory away; a write of it under way does not count. */
void __drp_plane_page_evict(struct drp_plane_map *p, u64 c, u32 i);
void __drp_plane_page_recount(struct drp_plane_map *p, struct drp_plane_chunk *chunk, u32 i,
			      u32 count);
/* The page becomes absent and all 0 or all 1; memory goes, its block is freed (@replaced: by a writeback). */
void __drp_plane_page_absent(struct drp_plane_map *p, u64 c, u32 i, enum drp_page_state state,
			     bool replaced);
/* All pages of the slot become absent; returns the chunk, to be given to drp_plane_chunks_release(). */
struct drp_plane_chunk *__drp_plane_slot_absent(struct drp_plane_map *p, u64 c,
						enum drp_page_state state);

/* Free a list of detached chunks with the blocks that they name. Any context. */
void drp_plane_chunks_release(struct drp_plane_map *p, struct drp_plane_chunk *list);

/* Set bits of one page, with what is in memory or what GFP_NOWAIT gives. */
void __drp_plane_set_bits(struct drp_plane_map *p, const struct drp_plane_pos *pos);

/* ---- plane_load.c ---- */

/*
 * Bring a page's stored words into memory, if that is what is missing. 0, also
 * where the page turned out to be unreadable and became absent-dirty, or
 * changed while it was read (look again); -ENOMEM. Sleeps, GFP_NOIO.
 */
int drp_plane_page_load(struct drp_plane_map *p, u64 c, u32 i);

/* The same without keeping it: 1 and its @words, 0: look again, -ENOMEM. */
int drp_plane_page_peek(struct drp_plane_map *p, u64 c, u32 i, u64 *words);

/* Load a partial page with the memory of the checkpoint under way: cannot fail. */
void drp_plane_page_complete(struct drp_plane_map *p, u64 c, u32 i);

/*
 * What a block written now carries as its sequence. It is compared for equality
 * only: count of 1s (pages; so a load knows it without reading them), a counter,
 * and the pool's activation, so that no number comes twice.
 */
u64 __drp_plane_next_seq(struct drp_plane_map *p, u32 count);
u32 drp_plane_seq_count(u64 seq);
u32 drp_plane_seq_counter(u64 seq);

static inline bool drp_plane_exact(const struct drp_plane_map *p)
{
	return p->which == DRP_PLANE_C;
}

/* Is its memory bounded? Without slots nothing could be preserved; they are few. */
static inline bool drp_plane_bounded(const struct drp_plane_map *p)
{
	return p->which != DRP_PLANE_C && p->which != DRP_PLANE_SLOTS;
}

static inline struct drp_plane_chunk *__drp_plane_chunk(const struct drp_plane_map *p, u64 c)
{
	return c < p->nr_chunks ? p->slots[c].chunk : NULL;
}

static inline bool __drp_plane_writing(const struct drp_plane_map *p, u64 c, u32 i)
{
	return p->wb_chunk == c && p->wb_page == i;
}

/* May the stored words of this page be needed? */
static inline bool __drp_plane_must_load(const struct drp_plane_chunk *chunk, u32 i)
{
	const struct drp_plane_page *page = chunk->pages[i];

	return page ? page->partial : chunk->state[i] == DRP_PAGE_STORED;
}

static inline u64 drp_plane_index(u64 c, u32 i)
{
	return c * DRP_DIR_ENTRIES + i;
}

#endif /* DRP_PLANE_INTERNAL_H */
