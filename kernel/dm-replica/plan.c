// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "plan.h"

/* ---- building ---- */

struct builder {
	struct drp_pool *pool;
	struct drp_plan *plan;		/* room for DRP_HOPS_MAX hops */
	bool overflow;
};

static void add_hops(struct builder *b, struct drp_element *from, int parent)
{
	unsigned int start = b->plan->nr_hops, end;
	struct drp_sync *s;
	unsigned long id;
	unsigned int i;

	xa_for_each(&b->pool->syncs, id, s) {
		if (s->removed || s->source != from || drp_sync_is_snapshot(s))
			continue;
		if (b->plan->nr_hops == DRP_HOPS_MAX) {
			b->overflow = true;
			return;
		}
		b->plan->hop[b->plan->nr_hops++] = (struct drp_hop){
			.sync = s,
			.target = s->target,
			.parent = parent,
		};
	}
	/* Depth is bounded: no circles, and at most DRP_HOPS_MAX hops in all. */
	end = b->plan->nr_hops;
	for (i = start; i < end; i++)
		add_hops(b, b->plan->hop[i].target, i);
}

static struct drp_sync *sync_into(struct drp_pool *pool, struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->syncs, id, s)
		if (!s->removed && s->target == e && !drp_sync_is_snapshot(s))
			return s;
	return NULL;
}

static struct drp_plan *build_plan(struct drp_pool *pool, struct drp_element *e)
{
	struct builder b = { .pool = pool };

	b.plan = kzalloc(struct_size(b.plan, hop, DRP_HOPS_MAX), GFP_KERNEL);
	if (!b.plan)
		return ERR_PTR(-ENOMEM);
	b.plan->up = sync_into(pool, e);
	add_hops(&b, e, -1);
	if (b.overflow) {
		kfree(b.plan);
		return ERR_PTR(-E2BIG);
	}
	return b.plan;
}

static bool same_plan(const struct drp_plan *a, const struct drp_plan *b)
{
	return a && a->up == b->up && a->nr_hops == b->nr_hops &&
	       !memcmp(a->hop, b->hop, a->nr_hops * sizeof(a->hop[0]));
}

/* The top of the tree that @e is in: its id names the connected component. */
static u64 component_of(struct drp_pool *pool, struct drp_element *e)
{
	unsigned int steps = 0;
	struct drp_sync *s;

	while ((s = sync_into(pool, e)) && steps++ < DRP_HOPS_MAX)
		e = s->source;
	return e->rec.id;
}

/* ---- questions before a sync is made ---- */

bool drp_plan_would_loop(struct drp_pool *pool, struct drp_element *source,
			 struct drp_element *target)
{
	struct drp_element *e = source;
	unsigned int steps = 0;
	struct drp_sync *s;

	while (e != target) {
		s = sync_into(pool, e);
		if (!s || steps++ > DRP_HOPS_MAX)
			return false;
		e = s->source;
	}
	return true;
}

/* Of the plan of @e. Depth is bounded as there. */
static unsigned int count_hops(struct drp_pool *pool, struct drp_element *e)
{
	unsigned int n = 0;
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->syncs, id, s)
		if (!s->removed && s->source == e && !drp_sync_is_snapshot(s))
			n += 1 + count_hops(pool, s->target);
	return n;
}

bool drp_plan_would_overflow(struct drp_pool *pool, struct drp_element *source,
			     struct drp_element *target)
{
	struct drp_element *top = drp_pool_element(pool, component_of(pool, source));
	const unsigned int more = 1 + count_hops(pool, target);
	struct drp_element *e = source;
	struct drp_sync *s;

	/* A copy into an element goes to all that follows it, in one kcopyd job. */
	if (more > DRP_COPY_HOPS_MAX + 1)
		return true;
	while ((s = sync_into(pool, e))) {
		if (count_hops(pool, e) + more > DRP_COPY_HOPS_MAX)
			return true;
		e = s->source;
	}
	return count_hops(pool, top) + more > DRP_HOPS_MAX;
}

bool drp_plan_may_reverse(struct drp_pool *pool, struct drp_sync *s)
{
	/* A copy of the old target would go to all that follow the old source. */
	return count_hops(pool, s->source) - count_hops(pool, s->target) - 1 <= DRP_COPY_HOPS_MAX;
}

/* ---- changing plans ---- */

struct change {
	struct list_head node;
	struct drp_element *e;
	struct drp_plan *plan;
	u64 component;
	bool closed;
};

static void free_changes(struct list_head *changes)
{
	struct change *c, *next;

	list_for_each_entry_safe(c, next, changes, node) {
		if (c->closed)
			drp_gate_open(&c->e->gate);
		kfree(c->plan);
		kfree(c);
	}
}

static int collect(struct drp_pool *pool, struct list_head *changes)
{
	struct drp_element *e;
	unsigned long id;

	xa_for_each(&pool->elements, id, e) {
		u64 component = component_of(pool, e);
		struct drp_plan *plan = build_plan(pool, e);
		struct change *c;

		if (IS_ERR(plan))
			return PTR_ERR(plan);
		if (same_plan(e->plan, plan) && e->component == component) {
			kfree(plan);
			continue;
		}
		c = kzalloc(sizeof(*c), GFP_KERNEL);
		if (!c) {
			kfree(plan);
			return -ENOMEM;
		}
		c->e = e;
		c->plan = plan;
		c->component = component;
		list_add_tail(&c->node, changes);
	}
	return 0;
}

static int close_all(struct list_head *changes, long timeout)
{
	unsigned long end = jiffies + timeout;
	struct change *c;

	list_for_each_entry(c, changes, node)
		drp_gate_prepare(&c->e->gate);
	list_for_each_entry(c, changes, node) {
		drp_gate_close(&c->e->gate);
		c->closed = true;
	}
	list_for_each_entry(c, changes, node) {
		long left = max_t(long, end - jiffies, 1);

		if (!drp_gate_wait_drained(&c->e->gate, left))
			return -ETIMEDOUT;
	}
	return 0;
}

static void note_stall(struct drp_pool *pool, u64 since)
{
	u64 stall = ktime_get_ns() - since;

	if (stall > atomic64_read(&pool->stall_max_ns))
		atomic64_set(&pool->stall_max_ns, stall);
}

int drp_plans_rebuild(struct drp_pool *pool, long timeout)
{
	return drp_plans_rebuild_inside(pool, timeout, NULL, NULL);
}

int drp_plans_rebuild_inside(struct drp_pool *pool, long timeout,
			     int (*inside)(void *ctx, unsigned long end), void *ctx)
{
	unsigned long end = jiffies + timeout;
	u64 start = ktime_get_ns();
	struct change *c;
	LIST_HEAD(changes);
	int r;

	/* Before the gates close: a checkpoint that flushes legs reads plans, too. */
	mutex_lock(&pool->checkpoint_lock);
	r = collect(pool, &changes);
	if (!r)
		r = close_all(&changes, timeout);
	if (!r && inside)
		r = inside(ctx, end);
	if (!r) {
		list_for_each_entry(c, &changes, node) {
			/* Queries follow plans under this lock. */
			spin_lock(&pool->rec_lock);
			swap(c->e->plan, c->plan);
			c->e->component = c->component;
			spin_unlock(&pool->rec_lock);
		}
	}
	free_changes(&changes);
	mutex_unlock(&pool->checkpoint_lock);
	if (inside)
		note_stall(pool, start);
	return r;
}

/* ---- cuts ---- */

int drp_gates_close(struct drp_element *a, struct drp_element *b, long timeout)
{
	unsigned long end = jiffies + timeout;
	u64 start;

	drp_gate_prepare(&a->gate);
	if (b)
		drp_gate_prepare(&b->gate);
	start = ktime_get_ns();
	drp_gate_close(&a->gate);
	if (b)
		drp_gate_close(&b->gate);
	a->pool->gates_closed_at = start;
	if (drp_gate_wait_drained(&a->gate, max_t(long, end - jiffies, 1)) &&
	    (!b || drp_gate_wait_drained(&b->gate, max_t(long, end - jiffies, 1))))
		return 0;
	drp_gates_open(a, b);
	return -ETIMEDOUT;
}

void drp_gates_note_stall(struct drp_pool *pool)
{
	note_stall(pool, pool->gates_closed_at);
}

void drp_gates_open(struct drp_element *a, struct drp_element *b)
{
	if (b)
		drp_gate_open(&b->gate);
	drp_gate_open(&a->gate);
	drp_gates_note_stall(a->pool);
}
