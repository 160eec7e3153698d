// SPDX-License-Identifier: GPL-2.0-only
/* The tree of the COW index: its nodes, searches and a walk. */
#include "codec_cow.h"

/* ---- nodes ---- */

/* What both kinds of items begin with. */
struct item_key {
	__le64 element;
	__le64 chunk;
	__le64 generation;
};

static u32 node_level(const void *node)
{
	return le32_to_cpu(((const struct drp_block_header *)node)->flags);
}

static u32 item_bytes(u32 level)
{
	return level ? sizeof(struct drp_cow_child_disk) : sizeof(struct drp_cow_entry_disk);
}

static const void *node_item(const void *node, u32 i)
{
	return (const u8 *)node + sizeof(struct drp_block_header) +
	       i * item_bytes(node_level(node));
}

u32 drp_cow_node_count(const void *node)
{
	const struct drp_block_header *h = node;

	return le32_to_cpu(h->len) / item_bytes(node_level(node));
}

void drp_cow_node_key(const void *node, u32 i, struct drp_cow_key *key)
{
	const struct item_key *d = node_item(node, i);

	key->element = le64_to_cpu(d->element);
	key->chunk = le64_to_cpu(d->chunk);
	key->generation = le64_to_cpu(d->generation);
}

void drp_cow_node_entry(const void *leaf, u32 i, struct drp_cow_entry *e)
{
	drp_cow_entry_unpack(e, node_item(leaf, i));
}

void drp_cow_node_child(const void *node, u32 i, struct drp_cow_child *c)
{
	drp_cow_child_unpack(c, node_item(node, i));
}

u32 drp_cow_node_upto(const void *node, const struct drp_cow_key *key)
{
	u32 from = 0, to = drp_cow_node_count(node);

	while (from < to) {
		u32 middle = (from + to) / 2;
		struct drp_cow_key k;

		drp_cow_node_key(node, middle, &k);
		if (drp_cow_key_cmp(&k, key) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool item_ok(const void *node, u32 level, u32 i)
{
	struct drp_cow_entry e;
	struct drp_cow_child c;

	return level ? drp_cow_child_unpack(&c, node_item(node, i)) :
		       drp_cow_entry_unpack(&e, node_item(node, i));
}

int drp_cow_node_check(const void *node, u64 nonce, u64 seq, u32 level)
{
	const struct drp_block_id want = { .kind = DRP_BLOCK_COW_NODE, .flags = level };
	struct drp_cow_key key, before = { };
	u64 found;
	u32 i, n;
	int len;

	len = drp_block_check(node, nonce, &want, &found);
	if (len <= 0 || found != seq || len % item_bytes(level))
		return -EBADMSG;
	n = drp_cow_node_count(node);
	for (i = 0; i < n; i++) {
		drp_cow_node_key(node, i, &key);
		if (!item_ok(node, level, i) || (i && drp_cow_key_cmp(&before, &key) >= 0))
			return -EBADMSG;
		before = key;
	}
	return 0;
}

int drp_cow_node_get(const struct drp_cow_store *store, const struct drp_cow_child *child,
		     u32 level, const void **node)
{
	struct drp_cow_key first;
	int ret;

	ret = store->get(store->ctx, child->block, child->seq, level, node);
	if (ret)
		return ret;
	drp_cow_node_key(*node, 0, &first);
	if (!drp_cow_key_cmp(&first, &child->first))
		return 0;
	store->put(store->ctx, *node);
	return -EBADMSG;
}

/* The root: nothing says what its first key is. */
static int root_get(const struct drp_cow_store *store, const struct drp_cow_root *root,
		    const void **node)
{
	if (!root->height || root->height > DRP_COW_HEIGHT_MAX)
		return -EBADMSG;
	return store->get(store->ctx, root->block, root->seq, root->height - 1, node);
}

/* ---- searches ---- */

/* The first leaf below @from, which is of @level. */
static int first_leaf(const struct drp_cow_store *store, const struct drp_cow_child *from,
		      u32 level, const void **leaf)
{
	struct drp_cow_child child = *from;
	const void *node = NULL;
	int ret;

	for (;;) {
		ret = drp_cow_node_get(store, &child, level, &node);
		if (ret || !level)
			break;
		drp_cow_node_child(node, 0, &child);
		store->put(store->ctx, node);
		level--;
	}
	*leaf = node;
	return ret;
}

/*
 * Go down to the leaf that @key belongs to, where keys before the first one
 * belong to the first leaf. @next: the node behind the path that is lowest, and
 * its level; block 0: there is none.
 */
static int find_leaf(const struct drp_cow_store *store, const struct drp_cow_root *root,
		     const struct drp_cow_key *key, struct drp_cow_child *next, u32 *next_level,
		     const void **leaf)
{
	struct drp_cow_child child;
	const void *node = NULL;
	u32 level, at;
	int ret;

	next->block = 0;
	ret = root_get(store, root, &node);
	for (level = root->height - 1; !ret && level; level--) {
		at = max_t(u32, drp_cow_node_upto(node, key), 1);
		if (at < drp_cow_node_count(node)) {
			drp_cow_node_child(node, at, next);
			*next_level = level - 1;
		}
		drp_cow_node_child(node, at - 1, &child);
		store->put(store->ctx, node);
		ret = drp_cow_node_get(store, &child, level - 1, &node);
	}
	*leaf = node;
	return ret;
}

int drp_cow_find_ge(const struct drp_cow_store *store, const struct drp_cow_root *root,
		    const struct drp_cow_key *key, struct drp_cow_entry *entry)
{
	struct drp_cow_child next;
	struct drp_cow_key k;
	u32 next_level = 0, at;
	const void *leaf;
	int ret;

	if (!root->block)
		return 0;
	ret = find_leaf(store, root, key, &next, &next_level, &leaf);
	if (ret)
		return ret;
	at = drp_cow_node_upto(leaf, key);
	if (at) {
		drp_cow_node_key(leaf, at - 1, &k);
		if (!drp_cow_key_cmp(&k, key))
			at--;
	}
	if (at == drp_cow_node_count(leaf)) {
		store->put(store->ctx, leaf);
		if (!next.block)
			return 0;
		ret = first_leaf(store, &next, next_level, &leaf);
		if (ret)
			return ret;
		at = 0;
	}
	drp_cow_node_entry(leaf, at, entry);
	store->put(store->ctx, leaf);
	return 1;
}

int drp_cow_find_le(const struct drp_cow_store *store, const struct drp_cow_root *root,
		    const struct drp_cow_key *key, struct drp_cow_entry *entry)
{
	struct drp_cow_child next;
	u32 next_level, at;
	const void *leaf;
	int ret;

	if (!root->block)
		return 0;
	ret = find_leaf(store, root, key, &next, &next_level, &leaf);
	if (ret)
		return ret;
	/* Nothing: then it is the first leaf, for below a root all first keys are exact. */
	at = drp_cow_node_upto(leaf, key);
	if (at)
		drp_cow_node_entry(leaf, at - 1, entry);
	store->put(store->ctx, leaf);
	return at ? 1 : 0;
}

/* ---- walk ---- */

struct walk {
	const struct drp_cow_store *store;
	drp_cow_visit_fn visit;
	void *ctx;
};

/* What is below @node of @level >= 1. At most DRP_COW_HEIGHT_MAX deep. */
static int visit_children(const struct walk *w, const void *node, u32 level)
{
	struct drp_cow_child child;
	const void *below;
	u32 i, n = drp_cow_node_count(node);
	int ret = 0;

	for (i = 0; i < n && !ret; i++) {
		drp_cow_node_child(node, i, &child);
		ret = w->visit(w->ctx, &child, level - 1);
		if (ret || level == 1)
			continue;
		ret = drp_cow_node_get(w->store, &child, level - 1, &below);
		if (ret)
			break;
		ret = visit_children(w, below, level - 1);
		w->store->put(w->store->ctx, below);
	}
	return ret;
}

int drp_cow_visit(const struct drp_cow_store *store, const struct drp_cow_root *root,
		  drp_cow_visit_fn visit, void *ctx)
{
	const struct walk w = { .store = store, .visit = visit, .ctx = ctx };
	const struct drp_cow_child top = { .block = root->block, .seq = root->seq };
	const void *node;
	int ret;

	if (!root->block)
		return 0;
	if (!root->height || root->height > DRP_COW_HEIGHT_MAX)
		return -EBADMSG;
	ret = visit(ctx, &top, root->height - 1);
	if (ret || root->height == 1)
		return ret;
	ret = root_get(store, root, &node);
	if (ret)
		return ret;
	ret = visit_children(&w, node, root->height - 1);
	store->put(store->ctx, node);
	return ret;
}

struct plain_visit {
	int (*visit)(void *ctx, u64 block, u32 level);
	void *ctx;
};

static int visit_block(void *ctx, const struct drp_cow_child *child, u32 level)
{
	const struct plain_visit *p = ctx;

	return p->visit(p->ctx, child->block, level);
}

int drp_cow_walk(const struct drp_cow_store *store, const struct drp_cow_root *root,
		 int (*visit)(void *ctx, u64 block, u32 level), void *ctx)
{
	struct plain_visit p = { .visit = visit, .ctx = ctx };

	return drp_cow_visit(store, root, visit_block, &p);
}
