// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <linux/sort.h>

#include "op_commit.h"
#include "op_snapshot.h"
#include "plan.h"
#include "preserve.h"
#include "reclaim.h"
#include "snapshot.h"
#include "turn.h"

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

bool drp_snapshot_comes_from(struct drp_element *x, const struct drp_element *e)
{
	unsigned int levels = 0;

	while (x && x != e && drp_element_virtual(x) && levels++ <= DRP_SNAPSHOT_DEPTH)
		x = drp_pool_element(x->pool, x->rec.parent_element);
	return x == e;
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

u64 drp_snapshot_base(const struct drp_element *x)
{
	return drp_snapshot_live(x) ? x->rec.parent_generation : U64_MAX;
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
	case DRP_CS_UNSYNCHRONIZED:	/* a restore, which waits for its source */
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

/* Those up to @limit. */
static u64 generations(struct drp_element *e, u64 limit, u64 *gens, u32 max, u32 *n)
{
	struct drp_aspect_rec *a;
	struct drp_element *x;
	u64 newest = 0, g;
	unsigned long id;

	*n = 0;
	xa_for_each(&e->pool->elements, id, x) {
		g = x->rec.parent_generation;
		if (x->rec.parent_element != e->rec.id || !drp_snapshot_live(x) || g > limit)
			continue;
		newest = max(newest, g);
		if ((*n)++ < max)
			gens[*n - 1] = g;
	}
	xa_for_each(&e->pool->aspects, id, a) {
		if (a->source_id != e->rec.id || !a->generation || a->generation > limit)
			continue;
		newest = max(newest, a->generation);
		if ((*n)++ < max)
			gens[*n - 1] = a->generation;
	}
	if (max)
		sort(gens, min(*n, max), sizeof(*gens), compare, NULL);
	return newest;
}

u64 drp_snapshot_generations(struct drp_element *e, u64 *gens, u32 max, u32 *n)
{
	return generations(e, U64_MAX, gens, max, n);
}

bool drp_snapshot_any_within(const u64 *gens, u32 n, u64 above, u64 upto)
{
	u32 lo = 0, hi = n;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (gens[mid] > above)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < n && gens[lo] <= upto;
}

u64 drp_snapshot_newest_upto(struct drp_element *e, u64 limit)
{
	u32 n;

	return generations(e, limit, NULL, 0, &n);
}

/*
 * *@split: with @newest, some were taken since the unfinished restore of @e began.
 * Then it returns the newest generation from before that which is still needed, or 0.
 */
static u64 before_turn(struct drp_element *e, u64 newest, bool *split)
{
	const struct drp_turn *t = e->inbound;
	u32 n;

	*split = t && t->began && newest > t->began;
	return *split ? generations(e, t->began, NULL, 0, &n) : 0;
}

/* The generation of @root that what @x shows comes from; 0: it does not. */
static u64 generation_of(struct drp_element *x, const struct drp_element *root)
{
	unsigned int levels;
	u64 own;

	for (levels = 0; x && drp_element_virtual(x) && levels <= DRP_SNAPSHOT_DEPTH; levels++) {
		own = x->rec.parent_generation;
		x = drp_pool_element(x->pool, x->rec.parent_element);
		if (x == root)
			return own;
	}
	return 0;
}

bool drp_snapshot_in_turn(struct drp_element *x)
{
	const struct drp_element *root = drp_snapshot_root(x);
	const struct drp_turn *t = root ? root->inbound : NULL;

	return t && t->began && generation_of(x, root) > t->began;
}

bool drp_snapshot_in_nested(struct drp_element *x)
{
	unsigned int levels;

	for (levels = 0; x && drp_element_virtual(x) && levels <= DRP_SNAPSHOT_DEPTH; levels++) {
		const u64 generation = x->rec.parent_generation;

		x = drp_pool_element(x->pool, x->rec.parent_element);
		if (x && x->nested && generation > x->nested->rec.gen_start)
			return true;
	}
	return false;
}

/* Load: the checkpoint of the activation makes it durable. */
static void lose(struct drp_element *x, const char *why)
{
	struct drp_sync_rec *rec;

	DMERR("snapshot %s is lost: %s", x->rec.name, why);
	if (!x->snap) {
		x->rec.parent_generation = 0;
		return;
	}
	rec = &x->snap->rec;
	/* With it goes what it was to restore, if that is a snapshot. */
	if (drp_snapshot_is_nested(x->snap) && rec->reverse) {
		x->snap->source->nested = NULL;
		x->snap->source->keeps_versions = false;
		rec->reverse = false;
	}
	rec->copy_state = DRP_CS_INVALID;
	rec->progress_status = DRP_PS_UNKNOWN;
	rec->target_consistent = false;
	rec->in_sync = false;
	strscpy(rec->error_text, why, sizeof(rec->error_text));
}

/* Which side of the restore of @s has what is not known: nor is what such a snapshot shows. Load. */
static void lose_in_turn(struct drp_sync *s)
{
	struct drp_element *x;
	unsigned long id;

	xa_for_each(&s->pool->elements, id, x) {
		if (x->snap && drp_snapshot_live(x) &&
		    generation_of(x, s->source) > s->rec.gen_start)
			lose(x, "the restore during which it was taken is lost");
	}
}

/*
 * An older version of the module did not know what @s shows where, and may have let
 * hosts write to it: its source is lost with all that comes from it. Load.
 */
static void lose_nested(struct drp_sync *s)
{
	struct drp_aspect_rec *a;
	struct drp_element *x;
	unsigned int depth;
	unsigned long id;

	xa_for_each(&s->pool->aspects, id, a) {
		x = drp_pool_element(s->pool, a->source_id);
		if (!x || !a->generation || !drp_snapshot_comes_from(x, s->source))
			continue;
		DMERR("aspect %s of %s is lost", a->name, x->rec.name);
		kfree(xa_erase(&s->pool->aspects, id));
	}
	for (depth = DRP_SNAPSHOT_DEPTH; depth; depth--)
		xa_for_each(&s->pool->elements, id, x)
			if (drp_snapshot_depth(x) == depth && drp_snapshot_live(x) &&
			    drp_snapshot_comes_from(x, s->source))
				lose(x, "its restore was not finished when a version of the module used it that cannot");
}

/* Those in (@above, @upto] of @e. */
static void lose_aspects(struct drp_element *e, u64 above, u64 upto)
{
	struct drp_pool *pool = e->pool;
	struct drp_aspect_rec *a;
	struct drp_element *x;
	unsigned long id;
	u64 generation;

	xa_for_each(&pool->aspects, id, a) {
		x = drp_pool_element(pool, a->source_id);
		if (!x || !a->generation)
			continue;
		generation = x == e ? a->generation : generation_of(x, e);
		if (generation <= above || generation > upto)
			continue;
		DMERR("aspect %s of %s is lost", a->name, x->rec.name);
		kfree(xa_erase(&pool->aspects, id));
	}
}

static int lose_of_depth(struct drp_element *e, u64 above, u64 upto, unsigned int depth)
{
	struct drp_element *x;
	unsigned long id;

	xa_for_each(&e->pool->elements, id, x) {
		u64 generation = generation_of(x, e);

		if (generation <= above || generation > upto || !drp_snapshot_live(x) ||
		    drp_snapshot_depth(x) != depth)
			continue;
		/*
		 * The source would show what nobody knows, and there is nothing else to
		 * restore it from. One that is a snapshot itself is lost, too.
		 */
		if (x->snap && x->snap->rec.reverse && !drp_snapshot_is_nested(x->snap)) {
			DMERR("snapshot %s is being restored and needs what cannot be read", x->rec.name);
			return -EIO;
		}
		lose(x, "what was just being preserved for it cannot be read");
	}
	return 0;
}

int drp_snapshot_lost_chunk(struct drp_pool *pool, const struct drp_cow_entry *entry, u64 above)
{
	struct drp_element *e = drp_pool_element(pool, entry->key.element);
	const u64 upto = entry->key.generation;
	unsigned int depth;
	int r = 0;

	if (!e)
		return 0;
	/* What depends on others goes before them, while they tell where it comes from. */
	lose_aspects(e, above, upto);
	for (depth = DRP_SNAPSHOT_DEPTH; depth && !r; depth--)
		r = lose_of_depth(e, above, upto, depth);
	pool->rec.reclaim = 1;
	return r;
}

int drp_snapshot_set_alive(struct drp_element *e, u64 newest, bool fresh)
{
	bool split;
	u64 before = before_turn(e, newest, &split);
	int r = newest == e->cow_newest ? 0 : drp_preserve_set_newest(e, newest, fresh);

	if (!r)
		drp_preserve_set_before(e, split, before);
	return r;
}

static bool is_settled(struct drp_element *e, u64 newest)
{
	bool split;
	u64 before = before_turn(e, newest, &split);

	return newest == e->cow_newest && split == e->cow_split &&
	       (!split || before == drp_preserve_before(e));
}

void drp_snapshot_settle(struct drp_element *e, long timeout)
{
	u64 newest;
	u32 n;

	/*
	 * Of a virtual one nothing is preserved: what is written goes elsewhere. And a
	 * record whose write failed may be on the medium all the same: what would be
	 * forgotten may be a point in time after the next activation.
	 */
	if (drp_element_virtual(e) || !drp_pool_writable(e->pool))
		return;
	newest = drp_snapshot_generations(e, NULL, 0, &n);
	if (is_settled(e, newest) || drp_gates_close(e, NULL, timeout))
		return;
	if (drp_snapshot_set_alive(e, newest, false))
		DMWARN("element %s: no memory to forget a snapshot, later", e->rec.name);
	else
		drp_reclaim_kick(e->pool);	/* one that was there before has kept it all */
	drp_gates_open(e, NULL);
}

bool drp_snapshot_unsettled(struct drp_element *e)
{
	u32 n;

	return e->cow_newest && !drp_element_virtual(e) &&
	       !is_settled(e, drp_snapshot_generations(e, NULL, 0, &n));
}

bool drp_snapshot_any_unsettled(struct drp_pool *pool)
{
	struct drp_element *e;
	unsigned long id;

	xa_for_each(&pool->elements, id, e)
		if (drp_snapshot_unsettled(e))
			return true;
	return false;
}

void drp_snapshot_settle_all(struct drp_pool *pool, long timeout)
{
	struct drp_element *e;
	unsigned long id;

	xa_for_each(&pool->elements, id, e)
		if (e->cow_newest)
			drp_snapshot_settle(e, timeout);
}

/* Many in one commit: who has taken a thousand snapshots waits for all of them at the first write. */
struct telling {
	struct drp_changes c;
	struct drp_sync_rec rec[DRP_CHANGES_MAX];
};

static int commit_told(struct telling *t)
{
	int r = t->c.nr ? drp_changes_commit(&t->c, 0) : 0;

	t->c.nr = 0;
	return r;
}

static int tell_change(struct drp_element *e)
{
	struct telling *t = kzalloc(sizeof(*t), GFP_NOIO | __GFP_NOFAIL);
	struct drp_sync *s;
	unsigned long id;
	int r = 0;

	t->c.pool = e->pool;
	xa_for_each(&e->pool->syncs, id, s) {
		struct drp_sync_rec *rec = &t->rec[t->c.nr];

		if (s->source != e || !drp_sync_is_snapshot(s) || s->rec.source_changed ||
		    !drp_snapshot_live(s->target))
			continue;
		*rec = s->rec;
		rec->source_changed = true;
		drp_change_sync(&t->c, s, rec);
		r = t->c.nr == DRP_CHANGES_MAX ? commit_told(t) : 0;
		if (r)
			break;
	}
	r = r ?: commit_told(t);
	kfree(t);
	return r;
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

void drp_snapshot_link(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->syncs, id, s)
		if (drp_sync_is_snapshot(s))
			s->target->snap = s;
	xa_for_each(&pool->syncs, id, s) {
		if (!s->rec.reverse || s->rec.copy_state != DRP_CS_INVALID)
			continue;
		if (drp_snapshot_is_nested(s))
			lose_nested(s);
		else if (s->rec.gen_start)
			lose_in_turn(s);
	}
}

int drp_snapshot_load(struct drp_pool *pool)
{
	struct drp_element *e;
	unsigned long id;
	int r = 0;
	u32 n;

	xa_for_each(&pool->elements, id, e) {
		u64 newest = drp_element_virtual(e) ? 0 :
			     drp_snapshot_generations(e, NULL, 0, &n);

		if (newest && !r)
			r = drp_snapshot_set_alive(e, newest, false);
	}
	return r;
}

/* ---- how full COW space is ---- */

#define HIGH_PERCENT	95

static u16 level_of(u64 used, u64 all)
{
	if (used * 100 >= all * HIGH_PERCENT)
		return 2;
	return used * 100 >= all * DRP_COW_LOW_PERCENT;
}

u16 drp_snapshot_index_level(const struct drp_cow_space *space)
{
	return level_of(space->nodes, space->max_nodes);
}

u16 drp_snapshot_level(const struct drp_cow_space *space)
{
	return max(level_of(space->used, space->slots), drp_snapshot_index_level(space));
}

/* What must be used until the next look is due; in the reserve, where each look may give up a snapshot, ever more often. */
static u64 next_look(u64 used, u64 all)
{
	switch (level_of(used, all)) {
	case 0:
		return DIV_ROUND_UP_ULL(all * DRP_COW_LOW_PERCENT, 100);
	case 1:
		return DIV_ROUND_UP_ULL(all * HIGH_PERCENT, 100);
	default:
		return used + (all > used ? max_t(u64, (all - used) / 8, 1) : 1);
	}
}

/* Chunks and index: what there is less of, and what helps. */
static const char *describe(const struct drp_cow_space *space, char *text, size_t size)
{
	const u16 index = drp_snapshot_index_level(space), chunks = level_of(space->used, space->slots);

	if (index > chunks ||
	    (index == chunks && div64_u64(space->nodes * 100, space->max_nodes ?: 1) >
				div64_u64(space->used * 100, space->slots))) {
		snprintf(text, size, "COW space: its index takes %llu of %llu blocks of the metadata device",
			 space->nodes, space->max_nodes);
		return "return snapshots: the metadata device cannot grow";
	}
	snprintf(text, size, "COW space: %llu of %llu chunks are used", space->used, space->slots);
	return "return snapshots, or let the COW device grow";
}

void drp_snapshot_watch(struct drp_pool *pool)
{
	struct drp_event event = { .type = DRP_EVENT_THRESHOLD };
	struct drp_cow_space space;
	const char *remedy;
	char text[128];

	if (!pool->cow)
		return;
	drp_cow_space(pool->cow, &space);
	event.cow_level = drp_snapshot_level(&space);
	drp_cow_watch(pool->cow, next_look(space.used, space.slots),
		      next_look(space.nodes, space.max_nodes));
	if (!event.cow_level && !pool->cow_level)
		return;
	remedy = describe(&space, text, sizeof(text));
	event.message = text;
	if (event.cow_level > pool->cow_level)
		pr_warn("dm-replica: pool %s: %s: %s\n", pool->sb.name, text, remedy);
	pool->cow_level = event.cow_level;
	drp_event_report(pool, &event);
}
