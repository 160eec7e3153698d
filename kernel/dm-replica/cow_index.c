// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of COW space: what the journal said since the last checkpoint, in
 * memory by key; searches over that and the tree; puts and deletions.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "cow_internal.h"
#include "pool.h"

/* ---- memory ---- */

struct drp_cow_mem *drp_cow_mem_alloc(struct drp_cow *cow, gfp_t gfp)
{
	struct drp_cow_mem *mem = kmalloc(sizeof(*mem), gfp | __GFP_NOWARN);

	if (!mem && !(gfp & __GFP_NOMEMALLOC))
		mem = mempool_alloc(cow->mem_pool, GFP_NOWAIT | __GFP_NOWARN);
	if (mem)
		mem->hidden = false;
	return mem;
}

/* The reserve fills up first. */
void drp_cow_mem_free(struct drp_cow *cow, struct drp_cow_mem *mem)
{
	if (!mem)
		return;
	mempool_free(mem, cow->mem_pool);
	atomic64_dec(&cow->nr_mems);
}

void drp_cow_mems_free(struct drp_cow *cow, struct rb_root *root)
{
	struct drp_cow_mem *mem, *next;

	rbtree_postorder_for_each_entry_safe(mem, next, root, node)
		drp_cow_mem_free(cow, mem);
	*root = RB_ROOT;
}

void __drp_cow_mem_insert(struct drp_cow *cow, struct rb_root *root, struct drp_cow_mem *mem)
{
	struct rb_node **at = &root->rb_node, *parent = NULL;

	lockdep_assert_held(&cow->lock);
	while (*at) {
		struct drp_cow_mem *x = rb_entry(*at, struct drp_cow_mem, node);
		int cmp = drp_cow_key_cmp(&mem->mod.entry.key, &x->mod.entry.key);

		if (!cmp) {
			rb_replace_node(&x->node, &mem->node, root);
			drp_cow_mem_free(cow, x);
			return;
		}
		parent = *at;
		at = cmp < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&mem->node, parent, at);
	rb_insert_color(&mem->node, root);
	if (root == &cow->recent)
		cow->nr_recent++;
	else
		cow->nr_frozen++;
}

/* ---- searches ---- */

/* The entry at @key or the nearest one behind (@up) or before it. */
static const struct drp_cow_mem *__nearest(const struct rb_root *root,
					   const struct drp_cow_key *key, bool up)
{
	const struct drp_cow_mem *best = NULL;
	struct rb_node *n = root->rb_node;

	while (n) {
		const struct drp_cow_mem *x = rb_entry(n, struct drp_cow_mem, node);
		int cmp = drp_cow_key_cmp(&x->mod.entry.key, key);

		if (!cmp)
			return x;
		if (up == (cmp > 0))
			best = x;
		n = cmp > 0 ? n->rb_left : n->rb_right;
	}
	return best;
}

/* Is @a nearer than @b, or, where they are equal, the newer word (@a's layer is the newer one)? */
static bool nearer(const struct drp_cow_mod *a, const struct drp_cow_mod *b, bool up)
{
	int cmp = drp_cow_key_cmp(&a->entry.key, &b->entry.key);

	return !cmp || up == (cmp < 0);
}

/*
 * What the layers in memory have nearer than @best, which may be none (@found
 * false). What is hidden is passed over as if it was deleted: its slot does not
 * hold the data yet, the element's device still does.
 */
static bool nearest_in_memory(struct drp_cow *cow, const struct drp_cow_key *key, bool up,
			      struct drp_cow_mod *best, bool found)
{
	const struct rb_root *layers[] = { &cow->frozen, &cow->recent };
	const struct drp_cow_mem *mem;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&cow->lock, flags);
	for (i = 0; i < ARRAY_SIZE(layers); i++) {
		mem = __nearest(layers[i], key, up);
		if (mem && (!found || nearer(&mem->mod, best, up))) {
			*best = mem->mod;
			best->del |= mem->hidden;
			found = true;
		}
	}
	spin_unlock_irqrestore(&cow->lock, flags);
	return found;
}

/* The next key in that direction; false: there is none. */
static bool step(struct drp_cow_key *key, bool up)
{
	u64 *parts[] = { &key->generation, &key->chunk, &key->element };
	const u64 last = up ? U64_MAX : 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (*parts[i] != last) {
			*parts[i] += up ? 1 : -1;
			return true;
		}
		*parts[i] = up ? 0 : U64_MAX;
	}
	return false;
}

/* tree_sem held for reading. */
static int __search(struct drp_cow *cow, struct drp_cow_key key, bool up,
		    struct drp_cow_entry *entry)
{
	struct drp_cow_mod best;
	int r;

	lockdep_assert_held(&cow->tree_sem);
	for (;;) {
		best.del = false;
		if (up)
			r = drp_cow_find_ge(&cow->store, &cow->root, &key, &best.entry);
		else
			r = drp_cow_find_le(&cow->store, &cow->root, &key, &best.entry);
		if (r < 0)
			return r;
		if (!nearest_in_memory(cow, &key, up, &best, r))
			return 0;
		if (!best.del) {
			*entry = best.entry;
			return 1;
		}
		key = best.entry.key;
		if (!step(&key, up))
			return 0;
		cond_resched();
	}
}

static int search(struct drp_cow *cow, const struct drp_cow_key *key, bool up,
		  struct drp_cow_entry *entry)
{
	int r;

	down_read(&cow->tree_sem);
	r = __search(cow, *key, up, entry);
	up_read(&cow->tree_sem);
	return r;
}

static int search_chunk(struct drp_cow *cow, const struct drp_cow_key *key, bool up,
			struct drp_cow_entry *entry)
{
	int r = search(cow, key, up, entry);

	if (r > 0 && (entry->key.element != key->element || entry->key.chunk != key->chunk))
		return 0;
	return r;
}

/* What is found is of use only on the pool's own device. */
static int search_slot(struct drp_cow *cow, const struct drp_cow_key *key, bool up,
		       struct drp_cow_entry *entry)
{
	int r = search_chunk(cow, key, up, entry);

	return r > 0 && drp_cow_prove(cow) ? -EIO : r;
}

int drp_cow_generation_before(struct drp_cow *cow, const struct drp_cow_key *key, u64 *generation)
{
	struct drp_cow_key before = *key;
	struct drp_cow_entry entry;
	int r = 0;

	*generation = 0;
	if (before.generation--)
		r = search_chunk(cow, &before, false, &entry);
	if (r > 0)
		*generation = entry.key.generation;
	return min(r, 0);
}

int drp_cow_find_preserved(struct drp_cow *cow, u64 element, u64 chunk, u64 from,
			   struct drp_cow_entry *entry)
{
	const struct drp_cow_key key = { element, chunk, from };

	return search_slot(cow, &key, true, entry);
}

int drp_cow_find_private(struct drp_cow *cow, u64 element, u64 chunk, u64 below,
			 struct drp_cow_entry *entry)
{
	const struct drp_cow_key key = { element, chunk, below - 1 };

	return below ? search_slot(cow, &key, false, entry) : 0;
}

int drp_cow_next(struct drp_cow *cow, const struct drp_cow_key *key, struct drp_cow_entry *entry)
{
	return search(cow, key, true, entry);
}

/* ---- puts ---- */

int drp_cow_put_prepare(struct drp_cow_put *put, gfp_t gfp)
{
	struct drp_cow *cow = put->cow;
	const u64 max = READ_ONCE(cow->mems_max);
	u32 i;

	memset(put->mems, 0, sizeof(put->mems));
	/* What is too much: a checkpoint has to come first. Some is left for deletions, which give space back. */
	if (atomic64_add_return(put->n, &cow->nr_mems) > max - max / 8) {
		atomic64_sub(put->n, &cow->nr_mems);
		goto none;
	}
	for (i = 0; i < put->n; i++) {
		put->mems[i] = drp_cow_mem_alloc(cow, gfp);
		if (!put->mems[i]) {
			atomic64_sub(put->n - i, &cow->nr_mems);
			goto none;
		}
		put->mems[i]->mod.del = false;
		put->mems[i]->seq = 0;
	}
	return 0;
none:
	drp_cow_put_cancel(put);
	mod_delayed_work(cow->pool->checkpoint_wq, &cow->pool->checkpoint_work, 0);
	return -ENOMEM;
}

/* The memory of its entries from @i on. */
static void free_mems_from(struct drp_cow_put *put, u32 i)
{
	for (; i < put->n; i++) {
		drp_cow_mem_free(put->cow, put->mems[i]);
		put->mems[i] = NULL;
	}
}

void drp_cow_put_cancel(struct drp_cow_put *put)
{
	free_mems_from(put, 0);
}

void drp_cow_put_shrink(struct drp_cow_put *put, u32 n)
{
	free_mems_from(put, n);
	put->n = n;
}

/* Its commit is being built: ring_lock. */
static int put_build(struct drp_commit_req *req)
{
	struct drp_cow_put *put = container_of(req, struct drp_cow_put, req);
	const struct drp_ring *ring = &put->cow->pool->cm.ring;
	unsigned long flags;
	int r = 0;

	spin_lock_irqsave(&put->cow->lock, flags);
	if (put->data < 0) {
		r = put->data;
	} else {
		put->seq = ring->head_seq;
		put->at = ring->head;
		if (!put->data)
			list_add_tail(&put->node, &put->cow->unconfirmed);
	}
	spin_unlock_irqrestore(&put->cow->lock, flags);
	return r;
}

static void want_checkpoint(struct drp_cow *cow)
{
	if (drp_cow_crowded(cow))
		cow->pool->cm.ops->want_checkpoint(cow->pool->cm.ctx);
}

static void put_apply(struct drp_commit_req *req)
{
	struct drp_cow_put *put = container_of(req, struct drp_cow_put, req);
	struct drp_cow *cow = put->cow;
	u32 i;

	lockdep_assert_held(&cow->pool->cm.ring_lock);
	for (i = 0; i < put->n; i++)
		drp_cow_slot_committed(cow, put->entries[i].slot);
	drp_cow_look_at_mark(cow);
	spin_lock_irq(&cow->lock);
	for (i = 0; i < put->n; i++) {
		put->mems[i]->hidden = put->data <= 0;
		__drp_cow_mem_insert(cow, &cow->recent, put->mems[i]);
	}
	put->landed = true;
	spin_unlock_irq(&cow->lock);
	want_checkpoint(cow);
}

static void put_end(struct drp_cow_put *put, int error)
{
	struct drp_cow *cow = put->cow;
	unsigned long flags;

	spin_lock_irqsave(&cow->lock, flags);
	list_del_init(&put->node);
	spin_unlock_irqrestore(&cow->lock, flags);
	if (!put->landed) {
		/* The record of a write that failed may be on the medium, and the next activation finds it. */
		put->lost = put->seq;
		drp_cow_put_cancel(put);
	}
	put->ended(put, error);
}

static void undo_ended(struct drp_commit_req *req)
{
	struct drp_cow_put *put = container_of(req, struct drp_cow_put, req);
	u32 i;

	for (i = 0; i < put->n && !req->error; i++)
		drp_cow_slot_bad(put->cow, put->entries[i].slot);
	put_end(put, -EIO);
}

/*
 * The data could not be written: the entries in memory become deletions at once,
 * for a checkpoint may have to come before there is room to commit them. Until
 * they are committed, confirmed stays before the put, so that a load compares
 * its data.
 */
static void undo(struct drp_cow_put *put)
{
	unsigned long flags;
	int len;
	u32 i;

	spin_lock_irqsave(&put->cow->lock, flags);
	/* What is not confirmed is never frozen, so they are where they were put. */
	for (i = 0; i < put->n; i++)
		put->mems[i]->mod.del = true;
	put->lost = true;
	spin_unlock_irqrestore(&put->cow->lock, flags);
	put->len = 0;
	for (i = 0; i < put->n; i++) {
		len = drp_encode_cow_del(&put->entries[i].key, put->records + put->len,
					 sizeof(put->records) - put->len);
		put->len += max(len, 0);
	}
	put->req = (struct drp_commit_req){
		.records = put->records,
		.len = put->len,
		.ended = undo_ended,
	};
	drp_commit_submit(&put->cow->pool->cm, &put->req);
}

/* Commit and data have both come to an end: what is the outcome? Any context. */
static void put_both(struct drp_cow_put *put)
{
	if (put->landed && put->data < 0)
		undo(put);
	else
		put_end(put, put->landed ? 0 : -EIO);
}

static void put_committed(struct drp_commit_req *req)
{
	struct drp_cow_put *put = container_of(req, struct drp_cow_put, req);
	unsigned long flags;
	bool both;

	spin_lock_irqsave(&put->cow->lock, flags);
	put->committed = true;
	both = put->data;
	spin_unlock_irqrestore(&put->cow->lock, flags);
	if (both)
		put_both(put);
}

static void put_data_ended(struct drp_cow_put *put, int data)
{
	unsigned long flags;
	bool both;
	u32 i;

	spin_lock_irqsave(&put->cow->lock, flags);
	put->data = data;
	if (data > 0)
		list_del_init(&put->node);
	/* Nobody has found them, so nobody has deleted them: they are where they were put. */
	for (i = 0; i < put->n && data > 0 && put->landed; i++)
		put->mems[i]->hidden = false;
	both = put->committed;
	spin_unlock_irqrestore(&put->cow->lock, flags);
	if (both)
		put_both(put);
}

void drp_cow_put_begin(struct drp_cow_put *put)
{
	int len = 0;
	u32 i;

	INIT_LIST_HEAD(&put->node);
	put->data = put->parallel ? 0 : 1;
	put->seq = 0;
	put->landed = false;
	put->committed = false;
	put->lost = false;
	put->len = 0;
	for (i = 0; i < put->n && len >= 0; i++) {
		put->mems[i]->mod.entry = put->entries[i];
		len = drp_encode_cow_put(&put->entries[i], put->records + put->len,
					 sizeof(put->records) - put->len);
		put->len += max(len, 0);
	}
	put->req = (struct drp_commit_req){
		.records = put->records,
		.len = len < 0 ? U32_MAX : put->len,	/* which the committer refuses */
		.prepare = put_build,
		.apply = put_apply,
		.ended = put_committed,
	};
}

void drp_cow_put_commit(struct drp_cow_put *put, bool here)
{
	struct drp_committer *cm = &put->cow->pool->cm;

	if (here)
		drp_commit_submit_here(cm, &put->req);
	else
		drp_commit_submit(cm, &put->req);
}

void drp_cow_put_submit(struct drp_cow_put *put)
{
	drp_cow_put_begin(put);
	drp_cow_put_commit(put, false);
}

void drp_cow_put_confirm(struct drp_cow_put *put)
{
	put_data_ended(put, 1);
}

void drp_cow_put_abandon(struct drp_cow_put *put, int error)
{
	put_data_ended(put, error < 0 ? error : -EIO);
}

/* ---- deletion ---- */

struct del_op {
	struct drp_commit_req req;
	struct drp_cow *cow;
	u32 n;
	struct drp_cow_mem *mems[DRP_COW_DEL_MAX];
	struct drp_cow_freed *freed[DRP_COW_DEL_MAX];
	u8 records[DRP_COMMIT_REQ_MAX];
};

static void del_apply(struct drp_commit_req *req)
{
	struct del_op *op = container_of(req, struct del_op, req);
	struct drp_cow *cow = op->cow;
	u32 i;

	for (i = 0; i < op->n; i++) {
		drp_cow_note_freed(cow, op->freed[i]);
		op->freed[i] = NULL;
	}
	spin_lock_irq(&cow->lock);
	for (i = 0; i < op->n; i++) {
		__drp_cow_mem_insert(cow, &cow->recent, op->mems[i]);
		op->mems[i] = NULL;
	}
	spin_unlock_irq(&cow->lock);
	want_checkpoint(cow);
}

static void del_free(struct del_op *op)
{
	u32 i;

	for (i = 0; i < op->n; i++) {
		drp_cow_mem_free(op->cow, op->mems[i]);
		kfree(op->freed[i]);
	}
	kvfree(op);
}

static int del_prepare(struct del_op *op, const struct drp_cow_entry *entries)
{
	int len;
	u32 i;

	for (i = 0; i < op->n; i++) {
		op->mems[i] = drp_cow_mem_alloc(op->cow, GFP_NOIO);
		if (op->mems[i])
			atomic64_inc(&op->cow->nr_mems);
		op->freed[i] = kmalloc(sizeof(*op->freed[i]), GFP_NOIO);
		if (!op->mems[i] || !op->freed[i])
			return -ENOMEM;
		op->mems[i]->mod = (struct drp_cow_mod){ .entry = entries[i], .del = true };
		op->freed[i]->slot = entries[i].slot;
		len = drp_encode_cow_del(&entries[i].key, op->records + op->req.len,
					 sizeof(op->records) - op->req.len);
		if (len < 0)
			return len;
		op->req.len += len;
	}
	return 0;
}

bool drp_cow_has_room(struct drp_cow *cow, u32 n)
{
	return atomic64_read(&cow->nr_mems) + n <= READ_ONCE(cow->mems_max);
}

int drp_cow_delete(struct drp_cow *cow, const struct drp_cow_entry *entries, u32 n)
{
	unsigned int flags = memalloc_noio_save();
	struct del_op *op;
	int r = -ENOMEM;

	if (WARN_ON_ONCE(n > DRP_COW_DEL_MAX))
		n = DRP_COW_DEL_MAX;
	op = kvzalloc(sizeof(*op), GFP_NOIO);
	if (!op)
		goto out;
	op->cow = cow;
	op->n = n;
	op->req.records = op->records;
	op->req.apply = del_apply;
	r = del_prepare(op, entries);
	if (!r)
		r = drp_commit_wait(&cow->pool->cm, &op->req);
	del_free(op);
	if (!r)
		drp_cow_clear_freed(cow);
out:
	memalloc_noio_restore(flags);
	return r;
}
