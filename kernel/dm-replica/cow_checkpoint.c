// SPDX-License-Identifier: GPL-2.0-only
/*
 * COW space and the log: what a checkpoint takes into the tree, and what a load
 * makes of the records. Contract rules 2 and 5.
 */
#include <linux/crc32c.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "cow_internal.h"
#include "pool.h"

/* ---- confirmed: which preserved data is durable ---- */

static struct drp_cow_put *__first_unconfirmed(struct drp_cow *cow)
{
	lockdep_assert_held(&cow->lock);
	return list_first_entry_or_null(&cow->unconfirmed, struct drp_cow_put, node);
}

u64 drp_cow_confirmed(struct drp_cow *cow, u64 seq)
{
	struct drp_cow_put *put;

	spin_lock_irq(&cow->lock);
	put = __first_unconfirmed(cow);
	if (put)
		seq = min(seq, put->seq);
	spin_unlock_irq(&cow->lock);
	return seq - 1;
}

struct drp_cut drp_cow_limit_cut(struct drp_cow *cow, struct drp_cut cut)
{
	struct drp_cow_put *put;

	spin_lock_irq(&cow->lock);
	list_for_each_entry(put, &cow->unconfirmed, node) {
		/* Its entries are deletions already. */
		if (put->lost)
			continue;
		if (put->seq < cut.seq)
			cut = (struct drp_cut){ .block = put->at, .seq = put->seq };
		break;
	}
	spin_unlock_irq(&cow->lock);
	return cut;
}

bool drp_cow_dirty(struct drp_cow *cow)
{
	return READ_ONCE(cow->nr_recent) || drp_plane_dirty(cow->slots);
}

bool drp_cow_crowded(struct drp_cow *cow)
{
	return READ_ONCE(cow->nr_recent) > READ_ONCE(cow->recent_max) || drp_cow_short_of_nodes(cow);
}

/* ---- a checkpoint ---- */

void drp_cow_freeze(struct drp_cow *cow)
{
	struct drp_cow_put *put;
	u32 i;

	lockdep_assert_held(&cow->pool->cm.ring_lock);
	spin_lock_irq(&cow->lock);
	cow->frozen = cow->recent;
	cow->nr_frozen = cow->nr_recent;
	cow->recent = RB_ROOT;
	cow->nr_recent = 0;
	/* The tree must not claim what may be torn: its records are replayed again. */
	list_for_each_entry(put, &cow->unconfirmed, node) {
		if (!put->landed || put->lost)
			continue;
		for (i = 0; i < put->n; i++) {
			rb_erase(&put->mems[i]->node, &cow->frozen);
			cow->nr_frozen--;
			__drp_cow_mem_insert(cow, &cow->recent, put->mems[i]);
		}
	}
	spin_unlock_irq(&cow->lock);
}

static int next_frozen(void *ctx, struct drp_cow_mod *mod)
{
	struct rb_node **at = ctx;

	if (!*at)
		return 0;
	*mod = rb_entry(*at, struct drp_cow_mem, node)->mod;
	*at = rb_next(*at);
	cond_resched();
	return 1;
}

int drp_cow_merge_frozen(struct drp_cow *cow)
{
	struct rb_node *at = rb_first(&cow->frozen);
	struct drp_cow_merge *merge;
	int r;

	cow->next_root = cow->root;
	r = drp_cow_clear_freed(cow);
	/* What stays marked as used is lost for this activation, no more. */
	if (r && r != -ENOMEM)
		return r;
	if (!at)
		return 0;
	merge = kvzalloc(drp_cow_merge_bytes(), GFP_NOIO | __GFP_NOFAIL);
	r = drp_cow_merge(&cow->store, &cow->next_root, next_frozen, &at, merge);
	kvfree(merge);
	return r;
}

static void put_back(struct drp_cow *cow)
{
	struct rb_node *n;

	spin_lock_irq(&cow->lock);
	while ((n = rb_first(&cow->frozen))) {
		struct drp_cow_mem *mem = rb_entry(n, struct drp_cow_mem, node), *newer = NULL;
		struct rb_node *at = cow->recent.rb_node;

		rb_erase(n, &cow->frozen);
		while (at && !newer) {
			struct drp_cow_mem *x = rb_entry(at, struct drp_cow_mem, node);
			int cmp = drp_cow_key_cmp(&mem->mod.entry.key, &x->mod.entry.key);

			if (!cmp)
				newer = x;
			else
				at = cmp < 0 ? at->rb_left : at->rb_right;
		}
		if (newer)
			drp_cow_mem_free(cow, mem);
		else
			__drp_cow_mem_insert(cow, &cow->recent, mem);
	}
	cow->nr_frozen = 0;
	spin_unlock_irq(&cow->lock);
}

void drp_cow_thaw(struct drp_cow *cow, bool ok)
{
	struct rb_root merged;

	if (!ok) {
		down_write(&cow->tree_sem);
		put_back(cow);
		up_write(&cow->tree_sem);
		return;
	}
	down_write(&cow->tree_sem);
	spin_lock_irq(&cow->lock);
	cow->root = cow->next_root;
	merged = cow->frozen;
	cow->frozen = RB_ROOT;
	cow->nr_frozen = 0;
	spin_unlock_irq(&cow->lock);
	up_write(&cow->tree_sem);
	drp_cow_mems_free(cow, &merged);
	drp_cow_nodes_changed(cow);
}

/* ---- load ---- */

static int claim_node(void *ctx, u64 block, u32 level)
{
	struct drp_cow *cow = ctx;

	return drp_metadev_claim(&cow->pool->md, block);
}

int drp_cow_load_root(struct drp_cow *cow, const struct drp_cow_root *root)
{
	int r;

	cow->root = *root;
	r = drp_cow_walk(&cow->store, &cow->root, claim_node, cow);
	if (r)
		DMERR("pool %s: the index of its COW space cannot be read (error %d)",
		      cow->pool->sb.name, r);
	return r;
}

static int remember(struct drp_cow *cow, const struct drp_cow_mod *mod, u64 seq)
{
	struct drp_cow_mem *mem = drp_cow_mem_alloc(cow, GFP_KERNEL);

	if (!mem)
		return -ENOMEM;
	atomic64_inc(&cow->nr_mems);
	mem->mod = *mod;
	mem->seq = seq;
	spin_lock_irq(&cow->lock);
	__drp_cow_mem_insert(cow, &cow->recent, mem);
	spin_unlock_irq(&cow->lock);
	return 0;
}

int drp_cow_load_put(struct drp_cow *cow, const struct drp_cow_entry *entry, u64 commit_seq)
{
	const struct drp_cow_mod mod = { .entry = *entry };
	int r;

	if (entry->slot >= cow->nr_slots)
		return -EBADMSG;
	r = drp_plane_pin(cow->slots, entry->slot);
	if (r)
		return r;
	drp_plane_set(cow->slots, entry->slot, 1);
	drp_plane_unpin(cow->slots, entry->slot);
	return remember(cow, &mod, commit_seq);
}

/* The slot is free unless a later record takes it again; its entry may be gone from a newer tree. */
static int free_slot_of(struct drp_cow *cow, const struct drp_cow_key *key)
{
	struct drp_cow_entry entry;
	int r = drp_cow_next(cow, key, &entry);

	if (r <= 0 || drp_cow_key_cmp(key, &entry.key))
		return min(r, 0);
	return drp_plane_clear(cow->slots, entry.slot, 1);
}

int drp_cow_load_del(struct drp_cow *cow, const struct drp_cow_key *key)
{
	const struct drp_cow_mod mod = { .entry.key = *key, .del = true };
	int r = free_slot_of(cow, key);

	return r ? r : remember(cow, &mod, 0);
}

/* Does the slot hold what was recorded? 1, 0, or -errno. */
static int verify(struct drp_cow *cow, const struct drp_cow_entry *entry, void *buf)
{
	const u32 bytes = 1U << (cow->chunk_shift + SECTOR_SHIFT);
	int r = drp_cow_transfer(cow, drp_cow_sector(cow, entry->slot), buf, bytes, REQ_OP_READ);

	return r ? r : crc32c(~0U, buf, bytes) == entry->crc;
}

struct verification {
	struct drp_cow *cow;
	u64 confirmed;
	drp_cow_lost_fn *lost;
	void *buf;
	u64 dropped, unread;
};

/*
 * Whether the chunk was overwritten behind it is known no more: no point in time
 * that would be looked up here can be shown.
 */
static int give_up(struct verification *v, const struct drp_cow_entry *entry)
{
	u64 above;
	int r = drp_cow_generation_before(v->cow, &entry->key, &above);

	v->unread++;
	return r ?: v->lost(v->cow->pool, entry, above);
}

static int verify_one(struct verification *v, struct drp_cow_mem *mem)
{
	struct drp_cow_entry *entry = &mem->mod.entry;
	int r;

	if (mem->mod.del || entry->kind != DRP_COW_PRESERVED || mem->seq <= v->confirmed)
		return 0;
	r = drp_cow_prove(v->cow) ?: verify(v->cow, entry, v->buf);
	if (r > 0 || r == -ENOMEM)
		return min(r, 0);
	if (r)
		r = give_up(v, entry);
	else
		v->dropped++;
	if (r)
		return r;
	mem->mod.del = true;
	return drp_plane_clear(v->cow->slots, entry->slot, 1);
}

static int verify_all(struct verification *v)
{
	const char *name = v->cow->pool->sb.name;
	struct rb_node *n;
	int r = 0;

	for (n = rb_first(&v->cow->recent); n && !r; n = rb_next(n))
		r = verify_one(v, rb_entry(n, struct drp_cow_mem, node));
	if (v->dropped)
		DMINFO("pool %s: %llu chunks that were just being preserved are dropped; their source was not overwritten",
		       name, v->dropped);
	if (v->unread)
		DMERR("pool %s: %llu chunks that were just being preserved cannot be read from the COW device",
		      name, v->unread);
	return r;
}

int drp_cow_load_end(struct drp_cow *cow, u64 confirmed, drp_cow_lost_fn *lost)
{
	struct verification v = {
		.cow = cow,
		.confirmed = confirmed,
		.lost = lost,
		.buf = kvmalloc(1UL << (cow->chunk_shift + SECTOR_SHIFT), GFP_KERNEL),
	};
	int r;

	if (!v.buf)
		return -ENOMEM;
	r = verify_all(&v);
	kvfree(v.buf);
	if (!r)
		drp_cow_reserve_nodes(cow, cow->nr_recent);
	return r;
}
