/* SPDX-License-Identifier: GPL-2.0-only */
/* What nodes of the COW index hold, for the codec's, the tree's and the check's files only. */
#ifndef DRP_CORE_CODEC_COW_H
#define DRP_CORE_CODEC_COW_H

#include "cow.h"

/* What a node says of one below it. */
struct drp_cow_child {
	struct drp_cow_key first;	/* the first key below */
	u64 block;
	u64 seq;			/* that the block carries */
};

void drp_cow_entry_pack(struct drp_cow_entry_disk *d, const struct drp_cow_entry *e);
/* False if it is none; crc is not there. */
bool drp_cow_entry_unpack(struct drp_cow_entry *e, const struct drp_cow_entry_disk *d);

void drp_cow_child_pack(struct drp_cow_child_disk *d, const struct drp_cow_child *c);
bool drp_cow_child_unpack(struct drp_cow_child *c, const struct drp_cow_child_disk *d);

/* ---- nodes that were checked ---- */

/* Entries of a leaf, children of a node above. */
u32 drp_cow_node_count(const void *node);
void drp_cow_node_key(const void *node, u32 i, struct drp_cow_key *key);
void drp_cow_node_entry(const void *leaf, u32 i, struct drp_cow_entry *e);
void drp_cow_node_child(const void *node, u32 i, struct drp_cow_child *c);

/* How many keys of @node are at or before @key. */
u32 drp_cow_node_upto(const void *node, const struct drp_cow_key *key);

/*
 * get() of @child, which is of @level, and its first key is the one that is
 * expected. 0 and @node to put(), -EBADMSG, -errno of get().
 */
int drp_cow_node_get(const struct drp_cow_store *store, const struct drp_cow_child *child,
		     u32 level, const void **node);

/*
 * Go through all nodes in the order of their keys, parents first, without
 * reading leaves: @visit gets what the parent says; its first key counts only
 * below the root. 0 or -errno.
 */
typedef int (*drp_cow_visit_fn)(void *ctx, const struct drp_cow_child *child, u32 level);
int drp_cow_visit(const struct drp_cow_store *store, const struct drp_cow_root *root,
		  drp_cow_visit_fn visit, void *ctx);

#endif /* DRP_CORE_CODEC_COW_H */
