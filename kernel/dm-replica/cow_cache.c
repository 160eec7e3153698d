// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes of the index in memory: clean copies of blocks of the metadata device,
 * at most as many bytes as the pool allows and those in use. A node never
 * changes; its block may be used for another one later, which replaces it here.
 */
#include <linux/slab.h>
#include <linux/xarray.h>

#include "cow_internal.h"

struct cached {
	struct list_head node;		/* in the clock's order; under lock, as all of this */
	u64 block;
	u64 seq;
	u32 level;
	u32 users;
	bool referenced;
	bool gone;			/* not in the cache any more: freed by its last user */
	u8 data[DRP_BLOCK_BYTES] __aligned(8);
};

struct drp_cow_cache {
	struct drp_metadev *md;
	u64 max_bytes;
	spinlock_t lock;		/* protects what follows */
	struct xarray nodes;		/* struct cached by block */
	struct list_head clock;
	u64 bytes;
};

struct drp_cow_cache *drp_cow_cache_create(struct drp_metadev *md)
{
	struct drp_cow_cache *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	c->md = md;
	c->max_bytes = DRP_COW_CACHE_DEFAULT;
	spin_lock_init(&c->lock);
	xa_init(&c->nodes);
	INIT_LIST_HEAD(&c->clock);
	return c;
}

static void __drop(struct drp_cow_cache *c, struct cached *n)
{
	lockdep_assert_held(&c->lock);
	list_del_init(&n->node);
	c->bytes -= sizeof(*n);
	if (n->users)
		n->gone = true;
	else
		kvfree(n);
}

void drp_cow_cache_destroy(struct drp_cow_cache *c)
{
	struct cached *n, *next;

	if (!c)
		return;
	list_for_each_entry_safe(n, next, &c->clock, node)
		kvfree(n);
	xa_destroy(&c->nodes);
	kfree(c);
}

/* Second chance for what was used lately; what is in use stays. */
static void __shrink(struct drp_cow_cache *c)
{
	u64 tries = 2 * div_u64(c->bytes, sizeof(struct cached)) + 1;
	struct cached *n;

	lockdep_assert_held(&c->lock);
	while (c->bytes > c->max_bytes && tries-- && !list_empty(&c->clock)) {
		n = list_first_entry(&c->clock, struct cached, node);
		if (n->users || n->referenced) {
			n->referenced = false;
			list_move_tail(&n->node, &c->clock);
			continue;
		}
		xa_erase(&c->nodes, n->block);
		__drop(c, n);
	}
}

/* @n becomes what the cache has of its block; false: no memory for that. */
static bool insert(struct drp_cow_cache *c, struct cached *n)
{
	struct cached *old;
	bool ok;

	if (xa_reserve(&c->nodes, n->block, GFP_NOIO))
		return false;
	spin_lock(&c->lock);
	old = xa_load(&c->nodes, n->block);
	ok = !xa_is_err(xa_store(&c->nodes, n->block, n, GFP_NOWAIT));
	if (ok) {
		if (old)
			__drop(c, old);
		list_add_tail(&n->node, &c->clock);
		c->bytes += sizeof(*n);
		__shrink(c);
	}
	spin_unlock(&c->lock);
	return ok;
}

void drp_cow_cache_forget(struct drp_cow_cache *c, u64 block)
{
	struct cached *old;

	spin_lock(&c->lock);
	old = xa_erase(&c->nodes, block);
	if (old)
		__drop(c, old);
	spin_unlock(&c->lock);
}

static struct cached *find(struct drp_cow_cache *c, u64 block, u64 seq, u32 level)
{
	struct cached *n;

	spin_lock(&c->lock);
	n = xa_load(&c->nodes, block);
	if (n && n->seq == seq && n->level == level) {
		n->users++;
		n->referenced = true;
	} else {
		n = NULL;
	}
	spin_unlock(&c->lock);
	return n;
}

static int read_node(struct drp_cow_cache *c, struct cached *n)
{
	const struct drp_io *io = &c->md->io;
	int r = io->ops->read(io->ctx, n->block, n->data, 1);

	return r ? r : drp_cow_node_check(n->data, c->md->nonce, n->seq, n->level);
}

int drp_cow_cache_get(struct drp_cow_cache *c, u64 block, u64 seq, u32 level, const void **node)
{
	struct cached *n = find(c, block, seq, level);
	int r;

	if (!n) {
		n = kvzalloc(sizeof(*n), GFP_NOIO);
		if (!n)
			return -ENOMEM;
		INIT_LIST_HEAD(&n->node);
		n->block = block;
		n->seq = seq;
		n->level = level;
		n->users = 1;
		n->referenced = true;
		r = read_node(c, n);
		if (r) {
			kvfree(n);
			return r;
		}
		n->gone = !insert(c, n);
	}
	*node = n->data;
	return 0;
}

void drp_cow_cache_put(struct drp_cow_cache *c, const void *node)
{
	struct cached *n = (void *)((const u8 *)node - offsetof(struct cached, data));
	bool last;

	spin_lock(&c->lock);
	last = !--n->users && n->gone;
	spin_unlock(&c->lock);
	if (last)
		kvfree(n);
}

void drp_cow_cache_add(struct drp_cow_cache *c, u64 block, u64 seq, u32 level, const void *data)
{
	struct cached *n = kvzalloc(sizeof(*n), GFP_NOIO | __GFP_NOWARN);

	if (n) {
		INIT_LIST_HEAD(&n->node);
		n->block = block;
		n->seq = seq;
		n->level = level;
		memcpy(n->data, data, DRP_BLOCK_BYTES);
		if (insert(c, n))
			return;
		kvfree(n);
	}
	/* At least nothing old may stand there. */
	drp_cow_cache_forget(c, block);
}

u64 drp_cow_cache_bytes(struct drp_cow_cache *c, u64 *max)
{
	*max = READ_ONCE(c->max_bytes);
	return READ_ONCE(c->bytes);
}

void drp_cow_cache_limit(struct drp_cow_cache *c, u64 max_bytes)
{
	spin_lock(&c->lock);
	c->max_bytes = max_bytes;
	__shrink(c);
	spin_unlock(&c->lock);
}
