/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of COW space share; nobody else includes it. */
#ifndef DRP_COW_INTERNAL_H
#define DRP_COW_INTERNAL_H

#include "cow.h"
#include "metadev.h"

/* ---- nodes (cow_cache.c) ---- */

/* With no room until drp_cow_cache_limit(). NULL: no memory. Sleeps. */
struct drp_cow_cache *drp_cow_cache_create(struct drp_metadev *md);
/* Nothing is in use. */
void drp_cow_cache_destroy(struct drp_cow_cache *c);
/* The node until put: 0, -EBADMSG, -ENOMEM, or the device's error. Sleeps, GFP_NOIO. */
int drp_cow_cache_get(struct drp_cow_cache *c, u64 block, u64 seq, u32 level, const void **node);
void drp_cow_cache_put(struct drp_cow_cache *c, const void *node);
/* A node that was just written. Sleeps. */
void drp_cow_cache_add(struct drp_cow_cache *c, u64 block, u64 seq, u32 level, const void *data);
void drp_cow_cache_forget(struct drp_cow_cache *c, u64 block);
u64 drp_cow_cache_bytes(struct drp_cow_cache *c);
void drp_cow_cache_limit(struct drp_cow_cache *c, u64 max_bytes);

/* ---- slots (cow_slots.c) ---- */

void drp_cow_refill_work(struct work_struct *work);

/* @slot, which was handed out, is an entry's from now on. Any context. */
void drp_cow_slot_committed(struct drp_cow *cow, u64 slot);
/* Entries took slots: has the mark of drp_cow_watch() been passed? Any context. */
void drp_cow_look_at_mark(struct drp_cow *cow);
/* @slot, an entry's until now, took no data: free, as those of drp_cow_release_bad() are. Any context. */
void drp_cow_slot_bad(struct drp_cow *cow, u64 slot);
/* Slots whose entries are durably gone become free. 0 or -ENOMEM: they stay noted. Sleeps. */
int drp_cow_clear_freed(struct drp_cow *cow);
/* Note one, under ring_lock or during load. @mem keeps the note. */
struct drp_cow_freed {
	struct list_head node;
	u64 slot;
};
void drp_cow_note_freed(struct drp_cow *cow, struct drp_cow_freed *freed);
/* Promise metadata blocks for @more entries beside those of the tree, or all that are left. Any context. */
void drp_cow_reserve_nodes(struct drp_cow *cow, u64 more);
/* The tree has become another one: the promise follows it down, and who waits for room looks again. */
void drp_cow_nodes_changed(struct drp_cow *cow);
/* With which the index is full: as long as it has no more, DRP_COW_PUT_MAX entries can be added. lock held. */
u64 __drp_cow_max_nodes(struct drp_cow *cow);

/* ---- the device (cow.c) ---- */

/* Read or write @bytes (of whole sectors) at @sector of the COW device, from a kvmalloc'ed buffer. 0 or -errno. Sleeps. */
int drp_cow_transfer(struct drp_cow *cow, sector_t sector, void *buf, u32 bytes, blk_opf_t opf);

/* ---- entries (cow_index.c) ---- */

/* It is counted in nr_mems before, by the caller, and no more when it is freed. */
struct drp_cow_mem *drp_cow_mem_alloc(struct drp_cow *cow, gfp_t gfp);
void drp_cow_mem_free(struct drp_cow *cow, struct drp_cow_mem *mem);
/* Free all of a layer. */
void drp_cow_mems_free(struct drp_cow *cow, struct rb_root *root);
/* Insert, in place of one with the same key, which is freed. lock held. */
void __drp_cow_mem_insert(struct drp_cow *cow, struct rb_root *root, struct drp_cow_mem *mem);
/* The newest generation before @key's that has an entry of its chunk, or 0: 0 or -errno. Sleeps. */
int drp_cow_generation_before(struct drp_cow *cow, const struct drp_cow_key *key, u64 *generation);

#endif /* DRP_COW_INTERNAL_H */
