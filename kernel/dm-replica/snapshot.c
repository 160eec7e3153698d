// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sort.h>

#include "op_snapshot.h"
#include "plan.h"
#include "preserve.h"
#include "snapshot.h"

/* ---- who belongs to whom ---- */

struct drp_element *drp_snapshot_root(struct drp_element *e)
{
	unsigned int levels = 0;

	while (e && drp_element_virtual(e)) {
		if (levels++ > DRP_SNAPSHOT_DEPTH)
			return NULL;
		e = drp_pool_element(e->pool, e->rec.parent_element);
	}
	return e;
}

unsigned int drp_snapshot_depth(struct drp_element *e)
{
	unsigned int levels = 0;

	while (e && drp_element_virtual(e) && levels <= DRP_SNAPSHOT_DEPTH) {
		levels++;
		e = drp_pool_element(e->pool, e->rec.parent_element);
	}
	return levels;
}

bool drp_snapshot_live(const struct drp_element *x)
{
	if (!x->rec.parent_generation)
		return false;
	/* One that was dissolved has no sync that could say otherwise. */
	if (!x->snap)
		return true;
	switch (x->snap->rec.copy_state) {
	case DRP_CS_BROKEN:
	case DRP_CS_INVALID:
		/* A restore that stopped half way still needs it. */
		return x->snap->rec.reverse;
	case DRP_CS_INACTIVE:
		return false;
	default:
		return true;
	}
}

struct drp_element *drp_snapshot_child(struct drp_element *e)
{
	struct drp_element *x;
	unsigned long id;

	xa_for_each(&e->pool->elements, id, x)
		if (x->rec.parent_element == e->rec.id)
			return x;
	return NULL;
}

struct drp_aspect_rec *drp_snapshot_aspect(struct drp_element *e)
{
	struct drp_aspect_rec *a;
	unsigned long id;

	xa_for_each(&e->pool->aspects, id, a)
		if (a->source_id == e->rec.id && a->generation)
			return a;
	return NULL;
}

u16 drp_snapshot_seen_state(const struct drp_sync *s)
{
	struct drp_element *root;

	switch (s->rec.copy_state) {
	case DRP_CS_SYNCHRONIZED:
	case DRP_CS_SKEWED:
	case DRP_CS_RESTORED:
		root = drp_snapshot_root(s->source);
		return root && drp_element_attached(root) ? s->rec.copy_state : DRP_CS_PARTITIONED;
	default:
		return s->rec.copy_state;
	}
}

bool drp_snapshot_cut_off(const struct drp_sync *s)
{
	struct drp_element *root = drp_snapshot_root(s->source);

	return root && READ_ONCE(root->leg_gone) && !drp_element_attached(root);
}

void drp_snapshot_refresh_all(struct drp_element *root)
{
	struct drp_element *x;
	unsigned long id;

	xa_for_each(&root->pool->elements, id, x)
		if (x != root && x->snap && drp_snapshot_root(x) == root)
			drp_element_refresh_access(x);
}

/* ---- generations ---- */

static int compare(const void *a, const void *b)
{
	const u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

u64 drp_snapshot_generations(struct drp_element *e, u64 *gens, u32 max, u32 *n)
{
	struct drp_aspect_rec *a;
	struct drp_element *x;
	u64 newest = 0, g;
	unsigned long id;

	*n = 0;
	xa_for_each(&e->pool->elements, id, x) {
		if (x->rec.parent_element != e->rec.id || !drp_snapshot_live(x))
			continue;
		g = x->rec.parent_generation;
		newest = max(newest, g);
		if ((*n)++ < max)
			gens[*n - 1] = g;
	}
	xa_for_each(&e->pool->aspects, id, a) {
		if (a->source_id != e->rec.id || !a->generation)
			continue;
		newest = max(newest, a->generation);
		if ((*n)++ < max)
			gens[*n - 1] = a->generation;
	}
	if (max)
		sort(gens, min(*n, max), sizeof(*gens), compare, NULL);
	return newest;
}

void drp_snapshot_settle(struct drp_element *e, long timeout)
{
	u64 newest;
	u32 n;

	/* Of a virtual one nothing is preserved: what is written goes elsewhere. */
	if (drp_element_virtual(e))
		return;
	newest = drp_snapshot_generations(e, NULL, 0, &n);
	if (newest == e->cow_newest || drp_gates_close(e, NULL, timeout))
		return;
	if (drp_preserve_set_newest(e, newest, false))
		DMWARN("element %s: no memory to forget a snapshot, later", e->rec.name);
	drp_gates_open(e, NULL);
}

void drp_snapshot_settle_all(struct drp_pool *pool, long timeout)
{
	struct drp_element *e;
	unsigned long id;

	xa_for_each(&pool->elements, id, e)
		if (e->cow_newest)
			drp_snapshot_settle(e, timeout);
}

static int tell_change(struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;
	int r;

	xa_for_each(&e->pool->syncs, id, s) {
		struct drp_sync_rec rec = s->rec;

		if (s->source != e || !drp_sync_is_snapshot(s) || rec.source_changed ||
		    !drp_snapshot_live(s->target))
			continue;
		rec.source_changed = true;
		r = drp_sync_commit(s, &rec, NULL, 0, false);
		if (r)
			return r;
	}
	return 0;
}

void drp_snapshot_tell_changes(struct drp_pool *pool)
{
	struct drp_element *e;
	unsigned long id;

	xa_for_each(&pool->elements, id, e) {
		if (!READ_ONCE(e->cow_tells))
			continue;
		/* Who waits runs again, and asks again if this has failed. */
		WRITE_ONCE(e->cow_tells, false);
		if (!tell_change(e))
			WRITE_ONCE(e->cow_said, e->cow_newest);
	}
}

int drp_snapshot_load(struct drp_pool *pool)
{
	struct drp_element *e;
	struct drp_sync *s;
	unsigned long id;
	int r = 0;
	u32 n;

	xa_for_each(&pool->syncs, id, s)
		if (drp_sync_is_snapshot(s))
			s->target->snap = s;
	xa_for_each(&pool->elements, id, e) {
		u64 newest = drp_element_virtual(e) ? 0 :
			     drp_snapshot_generations(e, NULL, 0, &n);

		if (newest && !r)
			r = drp_preserve_set_newest(e, newest, false);
	}
	return r;
}

/* ---- how full COW space is ---- */

#define LOW_PERCENT	80
#define HIGH_PERCENT	95

u16 drp_snapshot_level(const struct drp_cow_space *space)
{
	if (space->used * 100 >= space->slots * HIGH_PERCENT)
		return 2;
	return space->used * 100 >= space->slots * LOW_PERCENT;
}

/* Used slots at which the next look is due; in the reserve, where each look may give up a snapshot, ever more often. */
static u64 next_look(const struct drp_cow_space *space, u16 level)
{
	switch (level) {
	case 0:
		return DIV_ROUND_UP_ULL(space->slots * LOW_PERCENT, 100);
	case 1:
		return DIV_ROUND_UP_ULL(space->slots * HIGH_PERCENT, 100);
	default:
		return space->used + max_t(u64, (space->slots - space->used) / 8, 1);
	}
}

void drp_snapshot_watch(struct drp_pool *pool)
{
	struct drp_event event = { .type = DRP_EVENT_THRESHOLD };
	struct drp_cow_space space;
	char text[80];

	if (!pool->cow)
		return;
	drp_cow_space(pool->cow, &space);
	event.cow_level = drp_snapshot_level(&space);
	drp_cow_watch(pool->cow, next_look(&space, event.cow_level));
	if (!event.cow_level && !pool->cow_level)
		return;
	snprintf(text, sizeof(text), "COW space: %llu of %llu chunks are used", space.used,
		 space.slots);
	event.message = text;
	if (event.cow_level > pool->cow_level)
		pr_warn("dm-replica: pool %s: %s\n", pool->sb.name, text);
	pool->cow_level = event.cow_level;
	drp_event_report(pool, &event);
}
