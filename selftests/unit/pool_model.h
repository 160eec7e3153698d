/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool in small: what its state is, what a load makes of a disk, and whether
 * that is what the contract allows. pool_machine.h drives one.
 */
#ifndef POOL_MODEL_H
#define POOL_MODEL_H

#include "bitmap.h"
#include "journal.h"
#include "pool_cow.h"
#include "simulated_disk.h"

#define MODEL_ELEMENTS		3
#define MODEL_SYNCS		4
#define MODEL_EXTENTS		32	/* per element */
#define MODEL_EXTENT_BITS	1024	/* of a plane: 4 MiB at 4 KiB */
#define MODEL_PLANE_BITS	(MODEL_EXTENTS * MODEL_EXTENT_BITS)
#define MODEL_PAGES		2
#define MODEL_PAGE_WORDS	(DRP_PAGE_BYTES / 8)
#define MODEL_PLANE_WORDS	(MODEL_PAGES * MODEL_PAGE_WORDS)
#define MODEL_ELEMENT_ID	1ULL	/* of the first one; the others follow */
#define MODEL_SYNC_ID		101ULL

static_assert(MODEL_PLANE_BITS <= MODEL_PAGES * DRP_PAGE_BITS);

struct model_state {
	u64 commits;			/* counted in the pool record, which every commit carries */
	u32 element[MODEL_ELEMENTS];	/* version; 0: absent */
	u32 sync[MODEL_SYNCS];
	u32 active[MODEL_ELEMENTS];	/* bit per extent */
	u64 bits[MODEL_SYNCS][MODEL_PLANE_WORDS];	/* D plane */
	u64 ever[MODEL_SYNCS][MODEL_PLANE_WORDS];	/* that were set since all were clear */
	struct cow_value cow[COW_KEYS];
};

/* The element that a sync has as its source. */
static inline u32 model_source(u32 sync)
{
	return sync % MODEL_ELEMENTS;
}

/* OR the extents @active into a plane. */
void model_or_active(u64 *words, u32 active);

struct model_load {
	enum drp_probe probe;
	int error;			/* of probe, load or planes */
	struct drp_super sb;
	struct drp_load_result result;
	struct model_state state;	/* active extents not yet ORed in */
	struct drp_dir_entry root[MODEL_SYNCS];
	struct drp_dir_entry dir[MODEL_SYNCS][MODEL_PAGES];
	const struct sim_disk *disk;
	struct drp_cow_root cow_root;	/* of the catalog */
	u64 tree[COW_KEYS];		/* slots that it has */
	u64 put_seq[COW_KEYS];		/* of the commit that put the key; 0: it is from the tree */
	u32 put_crc[COW_KEYS];
	u32 dropped;			/* puts whose data did not match */
	u8 scratch[DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES] __aligned(8);
};

/* Probe @disk and, if it holds a pool, load it and read its planes. */
void model_load(struct model_load *l, const struct sim_disk *disk);

/*
 * Is @l what @want was when the power failed? @may_active: extents that may
 * still be active besides. NULL, or what is wrong.
 */
const char *model_compare(const struct model_load *l, const struct model_state *want,
			  const u32 *may_active);

#endif /* POOL_MODEL_H */
