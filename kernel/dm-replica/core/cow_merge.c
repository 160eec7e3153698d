// SPDX-License-Identifier: GPL-2.0-only
/*
 * Merging changes into the tree of the COW index. Both are gone through once, in
 * the order of keys; what comes out is collected per level and leaves as new
 * nodes. A subtree without changes is kept as it is.
 *
 * No node but the root is left with less than a quarter: what is too little
 * takes in the node that follows, opening kept ones on the way to it, or, at the
 * end, the one before it. A node that was kept has at least a quarter, so that
 * this happens once per level and place.
 *
 * Nothing is remembered of what was replaced or written. Written nodes are known
 * by their sequence: after an error they are freed by going down from what was
 * collected. Replaced nodes are freed after success: the nodes of the old tree
 * that the new one has not. A node that cannot be read on these ways (it was
 * read or written before) stays taken, with what is below it, until the pool is
 * loaded again.
 */
#include "codec_cow.h"

#define LEVELS		(DRP_COW_HEIGHT_MAX + 1)	/* the last one holds roots */

/* What a level has collected: for two nodes, so that what is too much can be split evenly. */
struct level {
	u32 n;
	struct drp_cow_child items[2 * DRP_COW_NODE_CHILDREN];
};

/* Where lookups in the new tree are: the path to the last one. */
struct cursor {
	const void *node[DRP_COW_HEIGHT_MAX];
	u64 block[DRP_COW_HEIGHT_MAX];
};

struct drp_cow_merge {
	const struct drp_cow_store *store;
	const struct drp_cow_root *root;	/* the old one */
	drp_cow_next_fn next;
	void *next_ctx;
	struct drp_cow_mod mod;		/* the next change */
	bool more;			/* there is one */
	u64 first_seq, last_seq;	/* of nodes written here; 0: none yet */
	u64 opened, written;		/* nodes of the old tree, and new ones */
	u64 entries;
	u32 nr_leaf;
	struct drp_cow_entry leaf[2 * DRP_COW_LEAF_ENTRIES];
	struct level above[LEVELS];	/* [l]: children of nodes of level l; [0] is not used */
	struct cursor cursor;
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
};

size_t drp_cow_merge_bytes(void)
{
	return sizeof(struct drp_cow_merge);
}

static u32 node_max(u32 level)
{
	return level ? DRP_COW_NODE_CHILDREN : DRP_COW_LEAF_ENTRIES;
}

static u32 node_min(u32 level)
{
	return node_max(level) / 4;
}

static u32 collected(const struct drp_cow_merge *m, u32 level)
{
	return level ? m->above[level].n : m->nr_leaf;
}

/* ---- new nodes ---- */

static bool is_new(const struct drp_cow_merge *m, u64 seq)
{
	return m->first_seq && seq >= m->first_seq && seq <= m->last_seq;
}

/* Seal the first @n items of @level in m->block. */
static void build_node(struct drp_cow_merge *m, u32 level, u32 n, u64 seq)
{
	const struct drp_block_id id = {
		.kind = DRP_BLOCK_COW_NODE, .flags = level, .seq = seq,
	};
	struct drp_cow_entry_disk *entries = drp_block_payload(m->block);
	struct drp_cow_child_disk *children = drp_block_payload(m->block);
	u32 i;

	for (i = 0; i < n; i++) {
		if (level)
			drp_cow_child_pack(&children[i], &m->above[level].items[i]);
		else
			drp_cow_entry_pack(&entries[i], &m->leaf[i]);
	}
	drp_block_seal(m->block, m->store->nonce, &id,
		       n * (level ? sizeof(*children) : sizeof(*entries)));
}

static void drop_front(struct drp_cow_merge *m, u32 level, u32 n)
{
	if (level) {
		struct level *l = &m->above[level];

		l->n -= n;
		memmove(l->items, l->items + n, l->n * sizeof(l->items[0]));
	} else {
		m->nr_leaf -= n;
		memmove(m->leaf, m->leaf + n, m->nr_leaf * sizeof(m->leaf[0]));
	}
}

static int make_room(struct drp_cow_merge *m, u32 level);

/* The first @n items of @level become a node, which goes to the level above. */
static int emit(struct drp_cow_merge *m, u32 level, u32 n)
{
	const struct drp_cow_store *store = m->store;
	struct drp_cow_child child;
	int ret;

	if (level + 1 >= LEVELS)
		return -E2BIG;
	ret = make_room(m, level + 1);
	if (ret)
		return ret;
	child.first = level ? m->above[level].items[0].first : m->leaf[0].key;
	child.block = store->alloc(store->ctx);
	if (!child.block)
		return -ENOSPC;
	child.seq = store->next_seq(store->ctx);
	build_node(m, level, n, child.seq);
	ret = store->write(store->ctx, child.block, m->block);
	if (ret) {
		store->free(store->ctx, child.block);
		return ret;
	}
	if (!m->first_seq)
		m->first_seq = child.seq;
	m->last_seq = child.seq;
	m->written++;
	m->above[level + 1].items[m->above[level + 1].n++] = child;
	drop_front(m, level, n);
	return 0;
}

/* Room for one item. What is full gives a full node away. */
static int make_room(struct drp_cow_merge *m, u32 level)
{
	return collected(m, level) < 2 * node_max(level) ? 0 : emit(m, level, node_max(level));
}

/* All that @level has collected becomes a node, or two of the same size. */
static int flush(struct drp_cow_merge *m, u32 level)
{
	u32 n = collected(m, level);
	int ret;

	if (!n)
		return 0;
	if (n > node_max(level)) {
		ret = emit(m, level, n / 2);
		if (ret)
			return ret;
		n -= n / 2;
	}
	return emit(m, level, n);
}

static int add_entry(struct drp_cow_merge *m, const struct drp_cow_entry *e)
{
	int ret = make_room(m, 0);

	if (!ret)
		m->leaf[m->nr_leaf++] = *e;
	return ret;
}

static int add_child(struct drp_cow_merge *m, u32 level, const struct drp_cow_child *c)
{
	int ret = make_room(m, level);

	if (!ret)
		m->above[level].items[m->above[level].n++] = *c;
	return ret;
}

/* ---- what is kept ---- */

/* Get a node of the old tree that the new one will not have. */
static int open_node(struct drp_cow_merge *m, const struct drp_cow_child *child, u32 level,
		     const void **node)
{
	int ret = drp_cow_node_get(m->store, child, level, node);

	m->opened += !ret;
	return ret;
}

/* Take in all of a node behind what @level has. */
static int absorb(struct drp_cow_merge *m, const struct drp_cow_child *child, u32 level)
{
	const void *node;
	u32 i, n;
	int ret;

	ret = open_node(m, child, level, &node);
	if (ret)
		return ret;
	n = drp_cow_node_count(node);
	for (i = 0; i < n && !ret; i++) {
		struct drp_cow_entry e;
		struct drp_cow_child c;

		if (level) {
			drp_cow_node_child(node, i, &c);
			ret = add_child(m, level, &c);
		} else {
			drp_cow_node_entry(node, i, &e);
			ret = add_entry(m, &e);
		}
	}
	m->store->put(m->store->ctx, node);
	return ret;
}

/*
 * Levels below @level become nodes, up to the first that has too little: false.
 */
static int flush_below(struct drp_cow_merge *m, u32 level, bool *all)
{
	u32 l;
	int ret = 0;

	*all = true;
	for (l = 0; l < level && !ret; l++) {
		u32 n = collected(m, l);

		if (n && n < node_min(l)) {
			*all = false;
			return 0;
		}
		ret = flush(m, l);
	}
	return ret;
}

/* A node of @level, with all below it, has no changes. At most DRP_COW_HEIGHT_MAX deep. */
static int keep(struct drp_cow_merge *m, const struct drp_cow_child *child, u32 level)
{
	const void *node;
	u32 i, n;
	bool all;
	int ret;

	ret = flush_below(m, level, &all);
	if (ret)
		return ret;
	n = collected(m, level);
	if (all && n && n < node_min(level))
		return absorb(m, child, level);
	if (all) {
		ret = flush(m, level);
		return ret ? ret : add_child(m, level + 1, child);
	}
	ret = open_node(m, child, level, &node);
	if (ret)
		return ret;
	n = drp_cow_node_count(node);
	for (i = 0; i < n && !ret; i++) {
		struct drp_cow_child c;

		drp_cow_node_child(node, i, &c);
		ret = keep(m, &c, level - 1);
	}
	m->store->put(m->store->ctx, node);
	return ret;
}

/* ---- merging ---- */

static int next_mod(struct drp_cow_merge *m)
{
	int ret = m->next(m->next_ctx, &m->mod);

	m->more = ret > 0;
	return ret < 0 ? ret : 0;
}

/* Is there a change before @end? NULL: the end of all keys. */
static bool changes_before(const struct drp_cow_merge *m, const struct drp_cow_key *end)
{
	return m->more && (!end || drp_cow_key_cmp(&m->mod.entry.key, end) < 0);
}

/* The next change is of a key that the tree has not. */
static int apply_mod(struct drp_cow_merge *m)
{
	int ret = 0;

	if (!m->mod.del) {
		ret = add_entry(m, &m->mod.entry);
		m->entries++;
	}
	return ret ? ret : next_mod(m);
}

/* An entry of the tree, with the changes up to it. */
static int merge_entry(struct drp_cow_merge *m, const struct drp_cow_entry *e)
{
	int ret = 0;

	while (!ret && changes_before(m, &e->key))
		ret = apply_mod(m);
	if (ret)
		return ret;
	if (!m->more || drp_cow_key_cmp(&m->mod.entry.key, &e->key))
		return add_entry(m, e);
	m->entries--;	/* replaced or deleted */
	return apply_mod(m);
}

static int merge_leaf(struct drp_cow_merge *m, const void *leaf, const struct drp_cow_key *end)
{
	u32 i, n = drp_cow_node_count(leaf);
	struct drp_cow_entry e;
	int ret = 0;

	for (i = 0; i < n && !ret; i++) {
		drp_cow_node_entry(leaf, i, &e);
		ret = merge_entry(m, &e);
	}
	while (!ret && changes_before(m, end))
		ret = apply_mod(m);
	return ret;
}

/*
 * Merge the changes before @end into what is below @child, which is of @level.
 * At most DRP_COW_HEIGHT_MAX deep.
 */
static int merge_node(struct drp_cow_merge *m, const struct drp_cow_child *child, u32 level,
		      const struct drp_cow_key *end)
{
	struct drp_cow_child c, behind;
	const void *node;
	u32 i, n;
	int ret;

	if (!changes_before(m, end))
		return keep(m, child, level);
	ret = open_node(m, child, level, &node);
	if (ret)
		return ret;
	if (!level)
		ret = merge_leaf(m, node, end);
	n = level ? drp_cow_node_count(node) : 0;
	for (i = 0; i < n && !ret; i++) {
		drp_cow_node_child(node, i, &c);
		if (i + 1 < n)
			drp_cow_node_child(node, i + 1, &behind);
		ret = merge_node(m, &c, level - 1, i + 1 < n ? &behind.first : end);
	}
	m->store->put(m->store->ctx, node);
	return ret;
}

/* The root's first key is not written anywhere: learn it. */
static int root_child(const struct drp_cow_merge *m, struct drp_cow_child *child)
{
	const struct drp_cow_root *root = m->root;
	const void *node;
	int ret;

	child->block = root->block;
	child->seq = root->seq;
	ret = m->store->get(m->store->ctx, root->block, root->seq, root->height - 1, &node);
	if (ret)
		return ret;
	drp_cow_node_key(node, 0, &child->first);
	m->store->put(m->store->ctx, node);
	return 0;
}

static int merge_all(struct drp_cow_merge *m)
{
	struct drp_cow_child child;
	int ret = 0;

	if (m->root->block) {
		ret = root_child(m, &child);
		if (!ret)
			ret = merge_node(m, &child, m->root->height - 1, NULL);
	}
	while (!ret && m->more)
		ret = apply_mod(m);
	return ret;
}

/* ---- the top ---- */

static bool all_empty_above(const struct drp_cow_merge *m, u32 level)
{
	u32 l;

	for (l = level + 1; l < LEVELS; l++)
		if (m->above[l].n)
			return false;
	return true;
}

static void insert_front(struct drp_cow_merge *m, const void *node, u32 level)
{
	u32 i, n = drp_cow_node_count(node);

	if (level) {
		struct level *l = &m->above[level];

		memmove(l->items + n, l->items, l->n * sizeof(l->items[0]));
		for (i = 0; i < n; i++)
			drp_cow_node_child(node, i, &l->items[i]);
		l->n += n;
	} else {
		memmove(m->leaf + n, m->leaf, m->nr_leaf * sizeof(m->leaf[0]));
		for (i = 0; i < n; i++)
			drp_cow_node_entry(node, i, &m->leaf[i]);
		m->nr_leaf += n;
	}
}

/*
 * Nothing follows: what @level has too little of gets the node before it. That
 * is a kept one, because a level that made nodes itself has enough left, or has
 * a kept node behind them.
 */
static int borrow(struct drp_cow_merge *m, u32 level)
{
	const void *node;
	u32 l = level + 1;
	int ret;

	while (!m->above[l].n)
		l++;
	for (; l > level; l--) {
		struct level *from = &m->above[l];

		ret = open_node(m, &from->items[from->n - 1], l - 1, &node);
		if (ret)
			return ret;
		from->n--;
		insert_front(m, node, l - 1);
		m->store->put(m->store->ctx, node);
	}
	return 0;
}

/* What is collected becomes one tree. */
static int finish(struct drp_cow_merge *m, struct drp_cow_root *root)
{
	u32 level, n;
	int ret;

	for (level = 0; level < LEVELS; level++) {
		n = collected(m, level);
		if (level && n == 1 && all_empty_above(m, level)) {
			root->block = m->above[level].items[0].block;
			root->seq = m->above[level].items[0].seq;
			root->height = level;
			return 0;
		}
		if (n && n < node_min(level) && !all_empty_above(m, level)) {
			ret = borrow(m, level);
			if (ret)
				return ret;
		}
		ret = flush(m, level);
		if (ret)
			return ret;
	}
	*root = (struct drp_cow_root){ };	/* nothing was there to flush */
	return 0;
}

/* ---- what is free ---- */

/* Free a node and what is below it as far as it was written here. */
static void discard(struct drp_cow_merge *m, const struct drp_cow_child *child, u32 level)
{
	const struct drp_cow_store *store = m->store;
	struct drp_cow_child below;
	const void *node;
	u32 i, n;

	if (!is_new(m, child->seq))
		return;
	if (level && !drp_cow_node_get(store, child, level, &node)) {
		n = drp_cow_node_count(node);
		for (i = 0; i < n; i++) {
			drp_cow_node_child(node, i, &below);
			discard(m, &below, level - 1);
		}
		store->put(store->ctx, node);
	}
	store->free(store->ctx, child->block);
}

static void discard_all(struct drp_cow_merge *m)
{
	u32 level, i;

	for (level = 1; level < LEVELS; level++)
		for (i = 0; i < m->above[level].n; i++)
			discard(m, &m->above[level].items[i], level - 1);
}

static void cursor_put(struct drp_cow_merge *m, u32 level)
{
	struct cursor *at = &m->cursor;

	if (at->block[level])
		m->store->put(m->store->ctx, at->node[level]);
	at->block[level] = 0;
}

/* The cursor's node of @level is @child from now on. */
static int cursor_set(struct drp_cow_merge *m, const struct drp_cow_child *child, u32 level)
{
	struct cursor *at = &m->cursor;
	int ret;

	if (at->block[level] == child->block)
		return 0;
	cursor_put(m, level);
	ret = m->store->get(m->store->ctx, child->block, child->seq, level, &at->node[level]);
	if (!ret)
		at->block[level] = child->block;
	return ret;
}

/* Does the new tree have this node of the old one? In doubt it does. */
static bool still_there(struct drp_cow_merge *m, const struct drp_cow_root *root,
			const struct drp_cow_child *old, u32 level)
{
	struct drp_cow_child child = { .block = root->block, .seq = root->seq };
	u32 l, upto;

	if (!root->height || level >= root->height)
		return false;
	for (l = root->height - 1; l > level; l--) {
		if (cursor_set(m, &child, l))
			return true;
		upto = drp_cow_node_upto(m->cursor.node[l], &old->first);
		if (!upto)
			return false;
		drp_cow_node_child(m->cursor.node[l], upto - 1, &child);
	}
	return child.block == old->block;
}

/* Free what is not in the new tree any more of @old and what is below it. */
static void release(struct drp_cow_merge *m, const struct drp_cow_root *root,
		    const struct drp_cow_child *old, u32 level)
{
	const struct drp_cow_store *store = m->store;
	struct drp_cow_child below;
	const void *node;
	u32 i, n;

	if (still_there(m, root, old, level))
		return;
	if (level && !drp_cow_node_get(store, old, level, &node)) {
		n = drp_cow_node_count(node);
		for (i = 0; i < n; i++) {
			drp_cow_node_child(node, i, &below);
			release(m, root, &below, level - 1);
		}
		store->put(store->ctx, node);
	}
	store->free(store->ctx, old->block);
}

static void release_old(struct drp_cow_merge *m, const struct drp_cow_root *root)
{
	struct drp_cow_child child;
	u32 level;

	if (m->root->block && m->opened && !root_child(m, &child))
		release(m, root, &child, m->root->height - 1);
	for (level = 0; level < DRP_COW_HEIGHT_MAX; level++)
		cursor_put(m, level);
}

int drp_cow_merge(const struct drp_cow_store *store, struct drp_cow_root *root,
		  drp_cow_next_fn next, void *next_ctx, struct drp_cow_merge *merge)
{
	struct drp_cow_root new = { };
	struct drp_cow_merge *m = merge;
	int ret;

	if (root->block && (!root->height || root->height > DRP_COW_HEIGHT_MAX))
		return -EBADMSG;
	memset(m, 0, sizeof(*m));
	m->store = store;
	m->root = root;
	m->next = next;
	m->next_ctx = next_ctx;
	m->entries = root->entries;
	ret = next_mod(m);
	if (!ret)
		ret = merge_all(m);
	if (!ret)
		ret = finish(m, &new);
	if (ret) {
		discard_all(m);
		return ret;
	}
	if (new.block) {
		new.entries = m->entries;
		new.nodes = root->nodes + m->written - m->opened;
	}
	release_old(m, &new);
	*root = new;
	return 0;
}
