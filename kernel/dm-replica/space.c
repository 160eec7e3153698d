// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of COW space a snapshot needs, and what nobody else does, by the rule
 * that reclaim.c goes by: of each chunk that is kept of what it comes from, and of
 * each that was written to it.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "cow.h"
#include "op.h"
#include "op_snapshot.h"
#include "preserve.h"
#include "request.h"
#include "snapshot.h"

#define ENTRIES_PER_LOOK	1024

/* Fetched when no operation is under way. */
struct needs {
	u64 parent, element;
	bool is_virtual;		/* the parent */
	u64 parent_base, base;		/* virtual: what was written before counts no more */
	u64 moment;			/* of the parent, that the element shows */
	bool is_shared;			/* what it shows others show, too, through it */
	u64 newest;			/* of its own generations */
	u64 *others;			/* generations of the parent that others need, ascending */
	u32 nr_others;
};

/* Once: who else has the same one needs it. op_lock held. */
static void take_out_moment(struct needs *needs)
{
	u32 i;

	for (i = 0; i < needs->nr_others && needs->others[i] != needs->moment; i++)
		;
	if (i == needs->nr_others)
		return;
	needs->nr_others--;
	memmove(&needs->others[i], &needs->others[i + 1],
		(needs->nr_others - i) * sizeof(needs->others[0]));
}

/* op_lock held. */
static int __fetch(struct needs *needs, struct drp_element *x, const char **why)
{
	struct drp_element *parent = x ? drp_pool_element(x->pool, x->rec.parent_element) : NULL;
	u32 n;

	*why = NULL;
	if (!x)
		*why = "no such element in this pool";
	else if (!parent || !x->pool->cow)
		*why = "the element is not a snapshot";
	else if (!drp_snapshot_live(x))
		*why = "the element has no point in time";
	if (*why)
		return x ? -EINVAL : -ENOENT;
	needs->parent = parent->rec.id;
	needs->element = x->rec.id;
	needs->is_virtual = drp_element_virtual(parent);
	needs->parent_base = drp_snapshot_base(parent);
	needs->base = drp_snapshot_base(x);
	needs->moment = x->rec.parent_generation;
	needs->newest = drp_snapshot_generations(x, NULL, 0, &n);
	needs->is_shared = n;
	drp_snapshot_generations(parent, NULL, 0, &n);
	needs->others = kvmalloc_array(n + 1, sizeof(u64), GFP_NOIO);
	if (!needs->others)
		return -ENOMEM;
	drp_snapshot_generations(parent, needs->others, n, &needs->nr_others);
	take_out_moment(needs);
	return 0;
}

static int fetch(struct drp_pool *pool, u64 id, struct needs *needs, const char **why)
{
	unsigned int flags;
	int r = drp_op_begin_look(pool, &flags, why);

	if (r)
		return r;
	r = __fetch(needs, drp_pool_element(pool, id), why);
	drp_op_end(pool, flags);
	return r;
}

/* Does anybody else need a generation of the parent in (@above, @upto]? */
static bool others_need(const struct needs *needs, u64 above, u64 upto)
{
	return drp_snapshot_any_within(needs->others, needs->nr_others, above, upto);
}

/* An entry of the parent that is of use to generations in (@above, @upto]; @stays: to the parent, too. */
static void count_kept(const struct needs *needs, u64 above, u64 upto, bool stays,
		       u64 *held, u64 *unique)
{
	if (needs->moment <= above || needs->moment > upto)
		return;
	++*held;
	if (!stays && !needs->is_shared && !others_need(needs, above, upto))
		++*unique;
}

/* @prev and @next: its neighbours of the same chunk, or NULL. */
static void count(const struct needs *needs, const struct drp_cow_entry *prev,
		  const struct drp_cow_entry *entry, const struct drp_cow_entry *next,
		  u64 *held, u64 *unique)
{
	const u64 generation = entry->key.generation;

	if (entry->key.element == needs->parent && !needs->is_virtual) {
		count_kept(needs, prev ? prev->key.generation : 0, generation, false, held, unique);
	} else if (entry->key.element == needs->parent) {
		if (generation >= needs->parent_base)
			count_kept(needs, generation, next ? next->key.generation : U64_MAX, !next,
				   held, unique);
	} else if (generation >= needs->base && !next) {
		/* Older ones are kept for its own snapshots. */
		++*held;
		if (generation >= needs->newest)
			++*unique;
	}
}

/* Entries of @element from *@chunk on, whole chunks: 1, there are more, from *@chunk on; 0 or -errno. */
static int look(struct drp_cow *cow, const struct needs *needs, u64 element, u64 *chunk,
		u64 *held, u64 *unique)
{
	struct drp_cow_key key = { element, *chunk, 0 };
	struct drp_cow_entry prev = {}, entry, next;
	unsigned int looks = 0;
	int more = drp_cow_next(cow, &key, &entry);

	while (more > 0 && entry.key.element == element) {
		bool before = drp_cow_same_chunk(&prev, &entry), after;

		if (!before && looks >= ENTRIES_PER_LOOK) {
			*chunk = entry.key.chunk;
			return 1;
		}
		looks++;
		key = entry.key;
		key.generation++;
		more = drp_cow_next(cow, &key, &next);
		if (more < 0)
			break;
		after = more && drp_cow_same_chunk(&entry, &next);
		count(needs, before ? &prev : NULL, &entry, after ? &next : NULL, held, unique);
		prev = entry;
		entry = next;
		cond_resched();
	}
	return min(more, 0);
}

int drp_element_space(struct drp_pool *pool, u64 id, struct drp_space *space, const char **why)
{
	struct needs needs = {};
	unsigned int shift;
	u64 held = 0, unique = 0;
	int r;

	*why = NULL;
	if (!drp_pool_hold(pool))
		return -ENOENT;
	r = fetch(pool, id, &needs, why);
	if (!r) {
		r = look(pool->cow, &needs, space->own ? needs.element : needs.parent,
			 &space->chunk, &held, &unique);
		shift = pool->cow->chunk_shift + SECTOR_SHIFT;
		space->held = held << shift;
		space->unique = unique << shift;
	}
	if (!r && !space->own) {
		space->own = true;
		space->chunk = 0;
		r = 1;
	}
	kvfree(needs.others);
	drp_pool_release(pool);
	return r;
}
