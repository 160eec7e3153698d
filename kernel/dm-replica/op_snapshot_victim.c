// SPDX-License-Identifier: GPL-2.0-only
/* Whose point in time goes when COW space has no room for all of them. */
#include "op_snapshot.h"
#include "op_snapshot_internal.h"
#include "preserve.h"

struct drp_element *drp_snapshot_goes_with(struct drp_element *x)
{
	return x->snap && drp_snapshot_nested_turned(x->snap) ? x->snap->source : NULL;
}

/* Must @x stay, or anything that would go with it, at whatever cost of its hosts? The depth is bounded. */
static bool must_stay(struct drp_element *x)
{
	struct drp_element *y;
	unsigned long id;

	if (!drp_snapshot_live(x))
		return false;
	if (x->snap && x->snap->rec.failed_copy_stops_host_io)
		return true;
	/* It may go with a source that is a snapshot, whose restore is not a reason to stop others. */
	if (x->snap && x->snap->rec.reverse && !drp_snapshot_is_nested(x->snap))
		return true;
	xa_for_each(&x->pool->elements, id, y)
		if (y->rec.parent_element == x->rec.id && must_stay(y))
			return true;
	return false;
}

/* A point in time, or what was written to the target, that somebody else needs? */
static bool is_needed(struct drp_element *x)
{
	struct drp_element *y;
	unsigned long id;

	xa_for_each(&x->pool->elements, id, y)
		if (y->rec.parent_element == x->rec.id && drp_snapshot_live(y))
			return true;
	return drp_snapshot_aspect(x);
}

/* May it go rather than those that have not said so? One for which nothing was kept yet would bring nothing. */
static bool deletes_itself(struct drp_element *x)
{
	const struct drp_sync_rec *rec = x->snap ? &x->snap->rec : NULL;

	return rec && rec->auto_delete && (rec->source_changed || rec->target_changed) &&
	       !is_needed(x);
}

/* Anything of @e from generation @oldest to @newest? */
static bool any_must_stay(struct drp_element *e, u64 oldest, u64 newest)
{
	struct drp_element *x;
	unsigned long id;

	xa_for_each(&e->pool->elements, id, x)
		if (x->rec.parent_element == e->rec.id && x->rec.parent_generation >= oldest &&
		    x->rec.parent_generation <= newest && must_stay(x))
			return true;
	return false;
}

bool drp_snapshot_stops_host(struct drp_element *e, u64 newest)
{
	return any_must_stay(e, 0, newest);
}

/* Whose loss matters least: AutoDelete, then the lowest CopyPriority, then the oldest. */
static bool goes_before(const struct drp_victim *a, const struct drp_victim *b)
{
	if (!b->x && !b->aspect)
		return true;
	if (a->keeps != b->keeps)
		return b->keeps;
	return a->prio != b->prio ? a->prio < b->prio : a->time < b->time;
}

/* Aspects of @e: as if they had the priority Same. */
static void look_at_aspects(struct drp_element *e, u64 newest, struct drp_victim *best)
{
	struct drp_aspect_rec *a;
	unsigned long id;

	xa_for_each(&e->pool->aspects, id, a) {
		const struct drp_victim v = {
			.aspect = a, .keeps = true, .prio = DRP_PRIO_SAME, .time = a->when_synced,
		};

		/* Of the moment of a snapshot that must stay nothing would come back. */
		if (a->source_id == e->rec.id && a->generation && a->generation <= newest &&
		    goes_before(&v, best) && !any_must_stay(e, a->generation, a->generation))
			*best = v;
	}
}

bool drp_snapshot_victim(struct drp_pool *pool, struct drp_element *e, u64 newest,
			 struct drp_victim *best)
{
	struct drp_element *x;
	unsigned long id;

	*best = (struct drp_victim){};
	xa_for_each(&pool->elements, id, x) {
		struct drp_victim v = { .x = x, .prio = DRP_PRIO_SAME, .time = x->rec.created };

		if (!drp_element_virtual(x) || !drp_snapshot_live(x) ||
		    (e && (x->rec.parent_element != e->rec.id || x->rec.parent_generation > newest)))
			continue;
		if (must_stay(x) || drp_snapshot_goes_with(x))
			continue;
		if (x->snap) {
			v.prio = x->snap->rec.copy_priority;
			v.time = x->snap->rec.when_synced;
		}
		v.keeps = !deletes_itself(x);
		if ((e || !v.keeps) && goes_before(&v, best))
			*best = v;
	}
	if (e)
		look_at_aspects(e, newest, best);
	return best->x || best->aspect;
}
