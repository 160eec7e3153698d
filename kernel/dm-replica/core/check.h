/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is the metadata of a pool whole and free of contradictions? Reads only, of a
 * device that nobody has activated. Pure: the caller provides the memory.
 */
#ifndef DRP_CORE_CHECK_H
#define DRP_CORE_CHECK_H

#include "cow.h"
#include "journal.h"

enum drp_check_severity {
	DRP_CHECK_NOTE,		/* as after a power failure: nothing is wrong */
	DRP_CHECK_HARMLESS,	/* damaged, and treated as "may differ": a longer resync */
	DRP_CHECK_ERROR,
};

/* What a check needs to remember of an object, or of one member of a group. */
struct drp_check_object {
	enum drp_object_kind kind;	/* DRP_OBJ_NONE: member @id of the group @source_id */
	u64 id;
	u64 source_id;
	u64 target_id;
	u64 size_sectors;
	u64 parent_id;			/* of a virtual element */
	u64 parent_generation;
	u64 generation;
	u64 active_end;			/* of an element: behind its last active extent */
	char name[DRP_NAME_MAX + 1];
};

/* A stored directory chunk; of the plane of slots also one that is all set. */
struct drp_check_root {
	u64 sync_id;
	enum drp_plane plane;
	u64 chunk;
	struct drp_dir_entry entry;
};

/* What a commit changes in the COW index. */
struct drp_check_mod {
	struct drp_cow_mod mod;
	u32 order;
};

/* Block, decoded page and decoded directory chunk of the walk. */
struct drp_check_page {
	u8 block[DRP_BLOCK_BYTES];
	u64 words[DRP_PAGE_BYTES / sizeof(u64)];
	struct drp_dir_entry entries[DRP_DIR_ENTRIES];
};

struct drp_check_memory {
	void *scratch;			/* DRP_LOAD_SCRATCH_BLOCKS blocks, aligned to 8 */
	struct drp_check_page *page;
	u64 *used;			/* a bit for each block of the device */
	struct drp_check_object *objects;
	u32 max_objects;
	struct drp_check_root *roots;
	u32 max_roots;
	/* COW space; not needed (0, NULL) where there is none */
	void *nodes;			/* DRP_COW_HEIGHT_MAX blocks, aligned to 8 */
	struct drp_check_mod *mods;
	u32 max_mods;
	u64 *slots, *slots_used;	/* a bit for each slot, each */
	u64 max_slots;			/* of drp_check_slots() */
};

/* Slots of the COW device, with the label; 0: there is no COW space. */
u64 drp_check_slots(const struct drp_super *sb);

struct drp_check_sink {
	/* One finding, a line for people. */
	void (*finding)(void *ctx, enum drp_check_severity severity, const char *text);
	/* For a dump, each may be NULL: the superblock that counts, and all that is loaded. */
	void (*super)(void *ctx, enum drp_probe probe, const struct drp_super *sb);
	const struct drp_load_sink *load;
};

struct drp_check_result {
	enum drp_probe probe;
	struct drp_super sb;		/* with VALID and REPAIR */
	struct drp_load_result load;
	struct drp_pool_rec pool;
	u32 errors;			/* findings of each severity */
	u32 harmless;
	u32 notes;
	u64 pages;			/* plane pages and directory chunks that were read */
	u64 dirty_bits;			/* set in the stored pages, not those of slots */
	u64 cow_nodes;			/* of the COW index, that were read */
	u64 cow_entries;		/* with what the journal changes */
	u64 cow_garbage;		/* of them: their element is gone */
	u64 cow_lost;			/* slots that are marked as used and hold nothing */
};

/*
 * Check the device of @device_blocks blocks behind @io. 0: it was checked, the
 * findings say with what result; -ENOBUFS: there are more objects, roots, changes
 * or slots than @memory holds, call again with more; other errno: the superblocks cannot be
 * read, the device is too small (-ENOSPC), or a callback of the dump refused.
 * Sleeps where @io does.
 */
int drp_check(const struct drp_io *io, u64 device_blocks, const struct drp_check_sink *sink,
	      void *ctx, const struct drp_check_memory *memory, struct drp_check_result *result);

#endif /* DRP_CORE_CHECK_H */
