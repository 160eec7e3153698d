// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "checkpoint.h"
#include "cow.h"
#include "op.h"
#include "op_snapshot.h"
#include "preserve.h"
#include "reclaim.h"
#include "snapshot.h"

#define INDEX_WAIT	(30 * HZ)

struct drp_reclaim {
	struct drp_pool *pool;
	struct delayed_work work;	/* on op_wq */
	bool stopped;			/* by who suspends the pool; read by the work */

	spinlock_t lock;		/* irq-safe; protects what follows */
	u64 wanted, done;		/* passes */
	struct list_head waiters;
};

/* What of one element is needed; fetched when no operation is under way. */
struct needs {
	u64 element;			/* 0: nothing fetched yet */
	bool exists, is_virtual;
	u64 base;			/* virtual: what was written before its point in time counts no more */
	u64 bound;			/* generations up to here are known */
	u64 *gens;			/* needed ones, ascending */
	u32 n, room;
};

struct pass {
	struct drp_reclaim *rc;
	struct needs needs;
	u32 n;
	struct drp_cow_entry garbage[DRP_COW_DEL_MAX];
};

/* ---- what is needed ---- */

static int make_room(struct needs *needs, u32 n)
{
	u64 *gens;

	if (n <= needs->room)
		return 0;
	gens = kvmalloc_array(2 * n, sizeof(u64), GFP_NOIO);
	if (!gens)
		return -ENOMEM;
	kvfree(needs->gens);
	needs->gens = gens;
	needs->room = 2 * n;
	return 0;
}

/* op_lock held. */
static int __fetch(struct needs *needs, struct drp_element *e)
{
	u32 n = 0;
	u64 newest;
	int r;

	drp_snapshot_generations(e, NULL, 0, &n);
	r = make_room(needs, n + 1);
	if (r)
		return r;
	newest = drp_snapshot_generations(e, needs->gens, n, &n);
	/* What writers preserve for counts, also when its cut did not come to its end. */
	if (e->cow_newest > newest)
		needs->gens[n++] = e->cow_newest;
	needs->n = n;
	needs->bound = e->rec.generation;
	needs->is_virtual = drp_element_virtual(e);
	needs->base = drp_snapshot_base(e);
	return 0;
}

static int fetch(struct pass *p, u64 id)
{
	struct drp_pool *pool = p->rc->pool;
	struct needs *needs = &p->needs;
	unsigned int flags = drp_op_begin(pool);
	struct drp_element *e = drp_pool_element(pool, id);
	int r = 0;

	needs->element = id;
	needs->exists = e;
	needs->bound = U64_MAX;
	needs->n = 0;
	if (e)
		r = __fetch(needs, e);
	drp_op_end(pool, flags);
	return r;
}

/* Is a needed generation in (@above, @upto]? */
static bool any_needed(const struct needs *needs, u64 above, u64 upto)
{
	return drp_snapshot_any_within(needs->gens, needs->n, above, upto);
}

/* @prev and @next: its neighbours of the same chunk, or NULL. 1, 0, or -errno. */
static int is_garbage(struct pass *p, const struct drp_cow_entry *prev,
		      const struct drp_cow_entry *entry, const struct drp_cow_entry *next)
{
	struct needs *needs = &p->needs;
	int r = 0;

	/* A generation that is newer than what we know was taken since, also if only the next one has it. */
	if (needs->element != entry->key.element ||
	    (next ?: entry)->key.generation > needs->bound)
		r = fetch(p, entry->key.element);
	if (r)
		return r;
	if (!needs->exists)
		return 1;
	if (!needs->is_virtual)
		return !any_needed(needs, prev ? prev->key.generation : 0, entry->key.generation);
	if (entry->key.generation < needs->base)
		return 1;
	return next && !any_needed(needs, entry->key.generation, next->key.generation);
}

/* ---- a pass ---- */

static int delete_garbage(struct pass *p)
{
	u32 n = p->n;

	p->n = 0;
	if (!n)
		return 0;
	drp_checkpoint_make_room(p->rc->pool, n);
	return drp_cow_delete(p->rc->pool->cow, p->garbage, n);
}

static int stopped(const struct drp_pool *pool)
{
	if (!drp_pool_writable(pool))
		return -EROFS;
	return READ_ONCE(pool->reclaim->stopped) || READ_ONCE(pool->stopping) ? -EINTR : 0;
}

/*
 * The index has less nodes for it only with the next checkpoint. Who waits for this
 * pass, because there are too many, gives up more if they are there still.
 */
static int settle_index(struct drp_pool *pool)
{
	struct drp_cow_space space;

	drp_cow_space(pool->cow, &space);
	return space.under_way && drp_snapshot_index_level(&space) ?
	       drp_checkpoint_within(pool, INDEX_WAIT) : 0;
}

/* Everything up to the end: 0, -EINTR (later), or what went wrong. */
static int run_pass(struct pass *p)
{
	struct drp_cow *cow = p->rc->pool->cow;
	struct drp_cow_entry prev = {}, entry, next;
	struct drp_cow_key key = {};
	int r = stopped(p->rc->pool), more;

	if (r)
		return r;
	more = drp_cow_next(cow, &key, &entry);
	while (more > 0) {
		bool before = drp_cow_same_chunk(&prev, &entry), after;

		r = stopped(p->rc->pool);
		if (r)
			return r;
		key = entry.key;
		key.generation++;
		more = drp_cow_next(cow, &key, &next);
		after = more > 0 && drp_cow_same_chunk(&entry, &next);
		r = more < 0 ? more : is_garbage(p, before ? &prev : NULL, &entry,
						 after ? &next : NULL);
		if (r < 0)
			return r;
		if (r)
			p->garbage[p->n++] = entry;
		if (p->n == ARRAY_SIZE(p->garbage)) {
			r = delete_garbage(p);
			if (r)
				return r;
		}
		prev = entry;
		entry = next;
	}
	r = more < 0 ? more : delete_garbage(p);
	return r ?: settle_index(p->rc->pool);
}

/* Nothing is due any more, unless somebody came meanwhile. */
static void note_clean(struct drp_reclaim *rc)
{
	struct drp_pool *pool = rc->pool;
	unsigned int flags = drp_op_begin(pool);
	struct drp_commit_req req = {};
	struct drp_pool_rec rec;
	u8 buf[64];
	int len;

	spin_lock(&pool->rec_lock);
	rec = pool->rec;
	spin_unlock(&pool->rec_lock);
	if (rec.reclaim && rc->wanted == rc->done && !drp_snapshot_any_unsettled(pool)) {
		rec.reclaim = 0;
		len = drp_encode_pool(&rec, buf, sizeof(buf));
		req.records = buf;
		req.len = len;
		if (len > 0 && !drp_commit_wait(&pool->cm, &req)) {
			spin_lock(&pool->rec_lock);
			pool->rec.reclaim = 0;
			spin_unlock(&pool->rec_lock);
		}
	}
	drp_op_end(pool, flags);
}

static void tell(struct drp_reclaim *rc, u64 upto, int error)
{
	struct drp_reclaim_waiter *w, *next;
	LIST_HEAD(told);

	spin_lock_irq(&rc->lock);
	list_for_each_entry_safe(w, next, &rc->waiters, node)
		if (w->pass <= upto)
			list_move_tail(&w->node, &told);
	spin_unlock_irq(&rc->lock);
	list_for_each_entry_safe(w, next, &told, node)
		w->done(w, error);
}

static bool is_due(struct drp_reclaim *rc)
{
	bool due;

	spin_lock_irq(&rc->lock);
	due = rc->wanted != rc->done;
	spin_unlock_irq(&rc->lock);
	return due;
}

static void queue_due(struct drp_reclaim *rc)
{
	if (is_due(rc) && !READ_ONCE(rc->pool->stopping))
		queue_delayed_work(rc->pool->op_wq, &rc->work, 0);
}

static void work_fn(struct work_struct *work)
{
	struct drp_reclaim *rc = container_of(to_delayed_work(work), struct drp_reclaim, work);
	unsigned int flags = memalloc_noio_save();
	struct pass *p = kvzalloc(sizeof(*p), GFP_NOIO);
	u64 pass;
	int r = -ENOMEM;

	spin_lock_irq(&rc->lock);
	pass = rc->wanted;
	spin_unlock_irq(&rc->lock);
	if (p) {
		p->rc = rc;
		r = run_pass(p);
		kvfree(p->needs.gens);
	}
	kvfree(p);
	memalloc_noio_restore(flags);
	if (r == -ENOMEM) {
		queue_delayed_work(rc->pool->op_wq, &rc->work, HZ);
		return;
	}
	if (r == -EINTR)
		return;		/* who stopped it goes on */
	if (r)
		DMERR("pool %s: space of deleted snapshots cannot be given back (error %d)",
		      rc->pool->sb.name, r);
	spin_lock_irq(&rc->lock);
	rc->done = pass;
	spin_unlock_irq(&rc->lock);
	tell(rc, pass, r);
	if (!r)
		note_clean(rc);
	queue_due(rc);
}

/* ---- life ---- */

int drp_reclaim_init(struct drp_pool *pool)
{
	struct drp_reclaim *rc = kzalloc(sizeof(*rc), GFP_KERNEL);

	if (!rc)
		return -ENOMEM;
	rc->pool = pool;
	INIT_DELAYED_WORK(&rc->work, work_fn);
	spin_lock_init(&rc->lock);
	INIT_LIST_HEAD(&rc->waiters);
	pool->reclaim = rc;
	return 0;
}

void drp_reclaim_exit(struct drp_pool *pool)
{
	struct drp_reclaim *rc = pool->reclaim;

	if (!rc)
		return;
	cancel_delayed_work_sync(&rc->work);
	/* Garbage that was made beside a pass has no record that speaks of it yet. */
	spin_lock(&pool->rec_lock);
	if (rc->wanted != rc->done)
		pool->rec.reclaim = 1;
	spin_unlock(&pool->rec_lock);
	tell(rc, U64_MAX, -ECANCELED);
	kfree(rc);
	pool->reclaim = NULL;
}

static void want(struct drp_reclaim *rc, struct drp_reclaim_waiter *w)
{
	unsigned long flags;

	spin_lock_irqsave(&rc->lock, flags);
	rc->wanted++;
	if (w) {
		w->pass = rc->wanted;
		list_add_tail(&w->node, &rc->waiters);
	}
	spin_unlock_irqrestore(&rc->lock, flags);
	queue_delayed_work(rc->pool->op_wq, &rc->work, 0);
}

void drp_reclaim_kick(struct drp_pool *pool)
{
	if (pool->reclaim)
		want(pool->reclaim, NULL);
}

void drp_reclaim_wait(struct drp_pool *pool, struct drp_reclaim_waiter *w)
{
	if (pool->reclaim)
		want(pool->reclaim, w);
	else
		w->done(w, -ENXIO);
}

bool drp_reclaim_due(struct drp_pool *pool)
{
	return pool->reclaim && is_due(pool->reclaim);
}

void drp_reclaim_stop(struct drp_pool *pool)
{
	if (pool->reclaim)
		WRITE_ONCE(pool->reclaim->stopped, true);
}

void drp_reclaim_resume(struct drp_pool *pool)
{
	struct drp_reclaim *rc = pool->reclaim;

	if (!rc || READ_ONCE(pool->stopping))
		return;
	WRITE_ONCE(rc->stopped, false);
	spin_lock_irq(&rc->lock);
	/* After an activation only the record knows; after a crash there may be more. */
	if ((READ_ONCE(pool->rec.reclaim) || pool->replay.commits) && !rc->wanted)
		rc->wanted = 1;
	spin_unlock_irq(&rc->lock);
	queue_due(rc);
}
