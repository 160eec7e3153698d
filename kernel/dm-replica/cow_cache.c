// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes of the index in memory: clean copies of blocks of the metadata device,
 * at most as many bytes as the pool allows and those in use. A node never
 * changes; its block may be used for another one later, which replaces it here.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "cow_internal.h"

struct cached {
	struct rb_node by_block;	/* under lock, as all of this */
	struct list_head node;		/* in the clock's order */
	u64 block;
	u64 seq;
	u32 level;
	u32 users;
	bool referenced;
	bool gone;			/* not in the cache any more: freed by its last user */
	void *data;			/* a page of its own, which points back */
};

/* What the allocator takes for one. */
#define CACHED_BYTES	(PAGE_SIZE + 96)
static_assert(sizeof(struct cached) <= 96 && DRP_BLOCK_BYTES <= PAGE_SIZE);

struct drp_cow_cache {
	struct drp_metadev *md;
	spinlock_t lock;		/* protects what follows */
	u64 max_bytes;
	struct rb_root nodes;		/* struct cached by block */
	struct list_head clock;
	u64 bytes;
};

struct drp_cow_cache *drp_cow_cache_create(struct drp_metadev *md)
{
	struct drp_cow_cache *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	c->md = md;
	spin_lock_init(&c->lock);
	c->nodes = RB_ROOT;
	INIT_LIST_HEAD(&c->clock);
	return c;
}

static struct cached *alloc_node(u64 block, u64 seq, u32 level, gfp_t gfp)
{
	struct cached *n = kzalloc(sizeof(*n), gfp);

	if (!n)
		return NULL;
	n->data = (void *)__get_free_page(gfp);
	if (!n->data) {
		kfree(n);
		return NULL;
	}
	set_page_private(virt_to_page(n->data), (unsigned long)n);
	INIT_LIST_HEAD(&n->node);
	n->block = block;
	n->seq = seq;
	n->level = level;
	return n;
}

static void free_node(struct cached *n)
{
	set_page_private(virt_to_page(n->data), 0);
	free_page((unsigned long)n->data);
	kfree(n);
}

static void __drop(struct drp_cow_cache *c, struct cached *n)
{
	lockdep_assert_held(&c->lock);
	list_del_init(&n->node);
	c->bytes -= CACHED_BYTES;
	if (n->users)
		n->gone = true;
	else
		free_node(n);
}

void drp_cow_cache_destroy(struct drp_cow_cache *c)
{
	struct cached *n, *next;

	if (!c)
		return;
	list_for_each_entry_safe(n, next, &c->clock, node)
		free_node(n);
	kfree(c);
}

/* Second chance for what was used lately; what is in use stays. */
static void __shrink(struct drp_cow_cache *c)
{
	u64 tries = 2 * div_u64(c->bytes, CACHED_BYTES) + 1;
	struct cached *n;

	lockdep_assert_held(&c->lock);
	while (c->bytes > c->max_bytes && tries-- && !list_empty(&c->clock)) {
		n = list_first_entry(&c->clock, struct cached, node);
		if (n->users || n->referenced) {
			n->referenced = false;
			list_move_tail(&n->node, &c->clock);
			continue;
		}
		rb_erase(&n->by_block, &c->nodes);
		__drop(c, n);
	}
}

static struct cached *__of_block(struct drp_cow_cache *c, u64 block)
{
	struct rb_node *at = c->nodes.rb_node;

	lockdep_assert_held(&c->lock);
	while (at) {
		struct cached *n = rb_entry(at, struct cached, by_block);

		if (n->block == block)
			return n;
		at = block < n->block ? at->rb_left : at->rb_right;
	}
	return NULL;
}

static void __link(struct drp_cow_cache *c, struct cached *n)
{
	struct rb_node **at = &c->nodes.rb_node, *parent = NULL;

	lockdep_assert_held(&c->lock);
	while (*at) {
		parent = *at;
		at = n->block < rb_entry(parent, struct cached, by_block)->block ?
		     &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&n->by_block, parent, at);
	rb_insert_color(&n->by_block, &c->nodes);
}

static void __forget(struct drp_cow_cache *c, u64 block)
{
	struct cached *old = __of_block(c, block);

	if (!old)
		return;
	rb_erase(&old->by_block, &c->nodes);
	__drop(c, old);
}

/* @n becomes what the cache has of its block. */
static void insert(struct drp_cow_cache *c, struct cached *n)
{
	spin_lock(&c->lock);
	__forget(c, n->block);
	__link(c, n);
	list_add_tail(&n->node, &c->clock);
	c->bytes += CACHED_BYTES;
	__shrink(c);
	spin_unlock(&c->lock);
}

void drp_cow_cache_forget(struct drp_cow_cache *c, u64 block)
{
	spin_lock(&c->lock);
	__forget(c, block);
	spin_unlock(&c->lock);
}

static struct cached *find(struct drp_cow_cache *c, u64 block, u64 seq, u32 level)
{
	struct cached *n;

	spin_lock(&c->lock);
	n = __of_block(c, block);
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
		n = alloc_node(block, seq, level, GFP_NOIO);
		if (!n)
			return -ENOMEM;
		n->users = 1;
		n->referenced = true;
		r = read_node(c, n);
		if (r) {
			free_node(n);
			return r;
		}
		insert(c, n);
	}
	*node = n->data;
	return 0;
}

void drp_cow_cache_put(struct drp_cow_cache *c, const void *node)
{
	struct cached *n = (void *)page_private(virt_to_page(node));
	bool last;

	spin_lock(&c->lock);
	last = !--n->users && n->gone;
	/* It was more than the bound while it was in use. */
	if (!n->users && c->bytes > c->max_bytes)
		__shrink(c);
	spin_unlock(&c->lock);
	if (last)
		free_node(n);
}

void drp_cow_cache_add(struct drp_cow_cache *c, u64 block, u64 seq, u32 level, const void *data)
{
	struct cached *n = alloc_node(block, seq, level, GFP_NOIO | __GFP_NOWARN);

	if (n) {
		memcpy(n->data, data, DRP_BLOCK_BYTES);
		insert(c, n);
	} else {
		/* At least nothing old may stand there. */
		drp_cow_cache_forget(c, block);
	}
}

u64 drp_cow_cache_bytes(struct drp_cow_cache *c)
{
	return READ_ONCE(c->bytes);
}

void drp_cow_cache_limit(struct drp_cow_cache *c, u64 max_bytes)
{
	spin_lock(&c->lock);
	c->max_bytes = max_bytes;
	__shrink(c);
	spin_unlock(&c->lock);
}
