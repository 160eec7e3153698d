// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "codec_cow.h"
#include "cow_store.h"

static void misuse(struct cow_store *s, const char *what)
{
	if (!s->problem)
		s->problem = what;
}

bool store_fails(struct cow_store *s, enum store_fault which)
{
	u64 n = ++s->count[which];

	if (!s->fail_at[which])
		return false;
	return s->fail_on ? n >= s->fail_at[which] : n == s->fail_at[which];
}

void store_heal(struct cow_store *s)
{
	memset(s->fail_at, 0, sizeof(s->fail_at));
	memset(s->count, 0, sizeof(s->count));
	s->fail_on = false;
}

u8 *store_block(struct cow_store *s, u64 block)
{
	return block >= STORE_FIRST && block - STORE_FIRST < STORE_BLOCKS ?
		s->data[block - STORE_FIRST] : NULL;
}

static int op_get(void *ctx, u64 block, u64 seq, u32 level, const void **node)
{
	struct cow_store *s = ctx;
	u8 *copy;
	int ret;

	if (store_fails(s, STORE_GET))
		return -EIO;
	if (!store_block(s, block)) {
		misuse(s, "a block is read that is not in use");
		return -EIO;
	}
	if (!s->written[block - STORE_FIRST])
		misuse(s, "a block is read before it is written");
	copy = malloc(DRP_BLOCK_BYTES);
	memcpy(copy, store_block(s, block), DRP_BLOCK_BYTES);
	ret = drp_cow_node_check(copy, s->ops.nonce, seq, level);
	if (ret) {
		free(copy);
		return ret;
	}
	s->held++;
	*node = copy;
	return 0;
}

static void op_put(void *ctx, const void *node)
{
	struct cow_store *s = ctx;

	s->held--;
	free((void *)node);
}

static u64 op_alloc(void *ctx)
{
	struct cow_store *s = ctx;
	u32 at;

	if (store_fails(s, STORE_ALLOC) || s->used == s->nr_blocks)
		return 0;
	at = sim_below(&s->random, s->nr_blocks);
	while (s->data[at])
		at = (at + 1) % s->nr_blocks;
	s->data[at] = malloc(DRP_BLOCK_BYTES);
	s->written[at] = false;
	s->used++;
	return STORE_FIRST + at;
}

static int op_write(void *ctx, u64 block, const void *node)
{
	struct cow_store *s = ctx;
	u8 *to = store_block(s, block);

	if (store_fails(s, STORE_WRITE))
		return -EIO;
	if (!to || s->written[block - STORE_FIRST]) {
		misuse(s, "a block is written that was not just allocated");
		return -EIO;
	}
	memcpy(to, node, DRP_BLOCK_BYTES);
	s->written[block - STORE_FIRST] = true;
	return 0;
}

static void op_free(void *ctx, u64 block)
{
	struct cow_store *s = ctx;

	if (!store_block(s, block)) {
		misuse(s, "a block is freed that is not in use");
		return;
	}
	free(s->data[block - STORE_FIRST]);
	s->data[block - STORE_FIRST] = NULL;
	s->used--;
}

static u64 op_next_seq(void *ctx)
{
	return ++((struct cow_store *)ctx)->seq;
}

struct cow_store *store_new(u64 seed)
{
	struct cow_store *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->ops = (struct drp_cow_store){
		.get = op_get, .put = op_put, .alloc = op_alloc, .write = op_write,
		.free = op_free, .next_seq = op_next_seq, .ctx = s, .nonce = 0x1234,
	};
	s->random.state = seed;
	s->nr_blocks = STORE_BLOCKS;
	return s;
}

void store_free(struct cow_store *s)
{
	u32 i;

	for (i = 0; i < STORE_BLOCKS; i++)
		free(s->data[i]);
	free(s);
}

/* ---- check ---- */

struct checking {
	struct cow_store *s;
	const struct drp_cow_root *root;
	bool seen[STORE_BLOCKS];
	struct drp_cow_key last;	/* of the leaves so far */
	u64 nodes, entries;
	const char *problem;
};

static int wrong(struct checking *c, const char *what)
{
	c->problem = what;
	return -EUCLEAN;
}

static int check_node(void *ctx, const struct drp_cow_child *child, u32 level)
{
	static const u32 least[] = { DRP_COW_LEAF_ENTRIES / 4, DRP_COW_NODE_CHILDREN / 4 };
	struct checking *c = ctx;
	struct drp_cow_key key;
	const void *node;
	u32 i, n;

	if (child->block - STORE_FIRST >= STORE_BLOCKS)
		return wrong(c, "a node outside of the store");
	if (c->seen[child->block - STORE_FIRST])
		return wrong(c, "a node is used twice");
	c->seen[child->block - STORE_FIRST] = true;
	c->nodes++;
	if (c->s->ops.get(c->s, child->block, child->seq, level, &node))
		return wrong(c, "a node cannot be got");
	n = drp_cow_node_count(node);
	drp_cow_node_key(node, 0, &key);
	if (child->block != c->root->block &&
	    (n < least[level != 0] || drp_cow_key_cmp(&key, &child->first)))
		wrong(c, "less than a quarter, or another first key");
	if (child->block == c->root->block && level && n < 2)
		wrong(c, "the root has one child");
	for (i = 0; !level && i < n; i++) {
		drp_cow_node_key(node, i, &key);
		if (drp_cow_key_cmp(&c->last, &key) >= 0)
			wrong(c, "leaves are not in order");
		c->last = key;
		c->entries++;
	}
	c->s->ops.put(c->s, node);
	return c->problem ? -EUCLEAN : 0;
}

const char *store_check(struct cow_store *s, const struct drp_cow_root *root)
{
	struct checking *c = calloc(1, sizeof(*c));
	const char *problem;

	c->s = s;
	c->root = root;
	if (s->held)
		misuse(s, "a node is not put");
	if (drp_cow_visit(&s->ops, root, check_node, c) && !c->problem)
		c->problem = "the tree cannot be walked";
	if (!c->problem && (c->entries != root->entries || c->nodes != root->nodes))
		c->problem = "the root counts wrong";
	if (!c->problem && c->nodes != s->used)
		c->problem = "blocks are in use that the tree has not";
	problem = s->problem ? s->problem : c->problem;
	free(c);
	return problem;
}
