/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The index of COW space: which slot holds what a chunk of an element was, as a
 * B+ tree of 4096-byte nodes on the metadata device. Nodes are never changed in
 * place: a checkpoint merges what was committed since into new nodes and names
 * the new root in the catalog. Pure: no lock, no allocation; it sleeps where the
 * operations of the store do.
 *
 * The key is (element, chunk, generation), so that both questions of a reader
 * are one search:
 *   preserved (of an element with a device): a snapshot of generation k finds
 *   its chunk in the oldest entry with generation >= k, else on the device;
 *   private (of a virtual element): its content is in the newest entry, that of
 *   a snapshot of it of generation k in the newest entry with generation < k,
 *   else in the parent's snapshot that it came from.
 */
#ifndef DRP_CORE_COW_H
#define DRP_CORE_COW_H

#include "codec.h"

#define DRP_COW_HEIGHT_MAX	8U
#define DRP_COW_LEAF_ENTRIES	126U	/* of 32 bytes */
#define DRP_COW_NODE_CHILDREN	101U	/* of 40 bytes */
#define DRP_COW_SLOT_MAX	((1ULL << 48) - 1)

enum drp_cow_kind {
	DRP_COW_PRESERVED	= 1,	/* what the chunk was; never written again */
	DRP_COW_PRIVATE		= 2,	/* written through a virtual element */
};

struct drp_cow_key {
	u64 element;		/* id */
	u64 chunk;
	u64 generation;		/* preserved: of the newest snapshot then; private: of the element then */
};

struct drp_cow_entry {
	struct drp_cow_key key;
	u64 slot;		/* 1 to DRP_COW_SLOT_MAX */
	u32 crc;		/* crc32c(~0, chunk), in the journal only; 0 for private ones */
	u8 kind;		/* enum drp_cow_kind */
};

static inline bool drp_cow_same_chunk(const struct drp_cow_entry *a, const struct drp_cow_entry *b)
{
	return a->key.element == b->key.element && a->key.chunk == b->key.chunk;
}

/* Where the tree is. In the catalog. */
struct drp_cow_root {
	u64 block;		/* 0: the tree is empty */
	u64 seq;		/* that the block carries */
	u32 height;		/* levels; 0: empty, 1: the root is a leaf */
	u64 entries;
	u64 nodes;		/* of all levels */
};

/*
 * Nodes that a tree of @nodes can come to by merges of @more changes in all: a
 * leaf that is split has half of what it can hold, and is not split again soon.
 * As many again are written beside the old ones, at worst.
 */
static inline u64 drp_cow_nodes_needed(u64 nodes, u64 more)
{
	return nodes + min(more, nodes + 1) + min(more, nodes / 32 + DRP_COW_HEIGHT_MAX) +
	       more / 32 + DRP_COW_HEIGHT_MAX;
}

struct drp_cow_mod {
	struct drp_cow_entry entry;
	bool del;		/* only entry.key counts */
};

/* Nodes of the tree, by their block on the metadata device. */
struct drp_cow_store {
	/*
	 * The whole block (4096 bytes), read and checked with drp_cow_node_check()
	 * (which a cache needs to do only once), until put(): 0, -EBADMSG, -EIO, -ENOMEM.
	 */
	int (*get)(void *ctx, u64 block, u64 seq, u32 level, const void **node);
	void (*put)(void *ctx, const void *node);
	/* Merge only. A free block, or 0. */
	u64 (*alloc)(void *ctx);
	/* Write a sealed block to an allocated place; durable with the checkpoint's flush. 0 or -errno. */
	int (*write)(void *ctx, u64 block, const void *node);
	/* No root names it any more once the checkpoint is durable. */
	void (*free)(void *ctx, u64 block);
	/* A sequence that was never used before; ascending within a merge. */
	u64 (*next_seq)(void *ctx);
	void *ctx;
	u64 nonce;
};

static inline int drp_cow_key_cmp(const struct drp_cow_key *a, const struct drp_cow_key *b)
{
	if (a->element != b->element)
		return a->element < b->element ? -1 : 1;
	if (a->chunk != b->chunk)
		return a->chunk < b->chunk ? -1 : 1;
	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	return 0;
}

/*
 * Is @node (4096 bytes) a node of this tree, of @level (0: leaf) and @seq, with
 * entries in order and within bounds? 0 or -EBADMSG. Any context.
 */
int drp_cow_node_check(const void *node, u64 nonce, u64 seq, u32 level);

/* The first entry at or behind @key, the last one at or before it: 1 and @entry, 0: none, -errno of get(). */
int drp_cow_find_ge(const struct drp_cow_store *store, const struct drp_cow_root *root,
		    const struct drp_cow_key *key, struct drp_cow_entry *entry);
int drp_cow_find_le(const struct drp_cow_store *store, const struct drp_cow_root *root,
		    const struct drp_cow_key *key, struct drp_cow_entry *entry);

/* Yields the next change, in ascending order of keys, each key once: 1, 0 at the end, -errno. */
typedef int (*drp_cow_next_fn)(void *ctx, struct drp_cow_mod *mod);

/* Memory for one merge; about 100 KiB. */
struct drp_cow_merge;
size_t drp_cow_merge_bytes(void);

/*
 * Merge changes into the tree: @root becomes the new one; old nodes that were
 * replaced are free()d. A del of what is not there, and a put of what is there
 * (replaced), are no errors. 0, -ENOSPC (no block), -E2BIG (tree too high), or
 * what an operation or @next returned: then @root is as it was, and what was
 * alloc()ated is free()d again. Both kinds of free()s come last, after going
 * through the tree once more; what cannot be read then stays taken until the
 * next load. @merge: drp_cow_merge_bytes(), aligned to 8.
 */
int drp_cow_merge(const struct drp_cow_store *store, struct drp_cow_root *root,
		  drp_cow_next_fn next, void *next_ctx, struct drp_cow_merge *merge);

/*
 * Walk all nodes, parents first (claiming blocks), without reading leaves: @visit
 * gets every block with its level; 0 to go on. 0 or -errno.
 */
int drp_cow_walk(const struct drp_cow_store *store, const struct drp_cow_root *root,
		 int (*visit)(void *ctx, u64 block, u32 level), void *ctx);

/* ---- records (codec_cow.c); as those of codec.h ---- */

/* COW_PUT (15): an entry. */
int drp_encode_cow_put(const struct drp_cow_entry *entry, void *buf, u32 room);
int drp_decode_cow_put(const void *body, u32 len, struct drp_cow_entry *entry);
/* COW_DEL (16): the entry of this key goes, its slot is free. */
int drp_encode_cow_del(const struct drp_cow_key *key, void *buf, u32 room);
int drp_decode_cow_del(const void *body, u32 len, struct drp_cow_key *key);
/* COW_ROOT (19): catalog only. */
int drp_encode_cow_root(const struct drp_cow_root *root, void *buf, u32 room);
int drp_decode_cow_root(const void *body, u32 len, struct drp_cow_root *root);

/*
 * Slot 0 of the COW device: 4096 bytes that say whose space it is. Check: 0,
 * -ENOENT (zeroes: blank), -EBADMSG (something else), -EUCLEAN (another pool's).
 */
void drp_cow_label_encode(const struct drp_super *sb, void *block);
int drp_cow_label_check(const void *block, const struct drp_super *sb);

/* Object id under which the plane of used slots (DRP_PLANE_SLOTS) is stored, and no other plane. */
#define DRP_COW_PLANE_ID	DRP_ID_MAX

#endif /* DRP_CORE_COW_H */
