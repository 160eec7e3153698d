// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where two elements may differ, from metadata alone. Of one family the index
 * tells: a chunk of which it has no entry is the same device's for both, any
 * other is looked up where each of them has it. Of the legs of a sync its D
 * plane does.
 */
#include "op.h"
#include "preserve.h"
#include "request.h"
#include "snapshot.h"
#include "turn.h"

#define CHUNKS_PER_LOOK	1024	/* while op_lock is held */
#define CHAIN_MAX	(2 * (DRP_SNAPSHOT_DEPTH + 1))

struct diff {
	struct drp_pool *pool;
	struct drp_element *a, *b;
	struct drp_element *chain[CHAIN_MAX];	/* of both */
	unsigned int nr_chain;
	struct drp_sync *legs;			/* whose sides they are, or NULL: one family */
};

static void add_chain(struct diff *d, struct drp_element *e)
{
	unsigned int levels = 0;

	for (; e && levels <= DRP_SNAPSHOT_DEPTH; levels++) {
		d->chain[d->nr_chain++] = e;
		e = drp_element_virtual(e) ? drp_pool_element(d->pool, e->rec.parent_element) : NULL;
	}
}

/* The first chunk from @chunk on that any of them has an entry of: 1, 0 or -errno. */
static int next_chunk(const struct diff *d, u64 chunk, u64 *found)
{
	struct drp_cow_entry entry;
	unsigned int i;
	int r;

	*found = U64_MAX;
	for (i = 0; i < d->nr_chain; i++) {
		const struct drp_cow_key key = { d->chain[i]->rec.id, chunk, 0 };

		r = drp_cow_next(d->pool->cow, &key, &entry);
		if (r < 0)
			return r;
		if (r && entry.key.element == key.element)
			*found = min(*found, entry.key.chunk);
	}
	return *found != U64_MAX;
}

/* 1: it may differ, 0: it is the same chunk of the same device. */
static int differs(const struct diff *d, u64 chunk)
{
	struct drp_vio_place a, b;
	int r;

	r = drp_vio_resolve(d->a, chunk, &a);
	if (!r)
		r = drp_vio_resolve(d->b, chunk, &b);
	if (r)
		return r;
	return a.device != b.device || (!a.device && a.slot != b.slot);
}

static void add(struct drp_extent *out, unsigned int *n, u64 offset, u64 length)
{
	if (*n && out[*n - 1].offset + out[*n - 1].length == offset)
		out[*n - 1].length += length;
	else
		out[(*n)++] = (struct drp_extent){ offset, length };
}

/* op_lock held. */
static int look_index(const struct diff *d, struct drp_look *look, struct drp_extent *out,
		      unsigned int max)
{
	const unsigned int shift = d->pool->cow->chunk_shift + SECTOR_SHIFT;
	u64 chunk = look->next >> shift, from;
	unsigned int n = 0, looks;
	int r;

	for (looks = 0; looks < CHUNKS_PER_LOOK; looks++) {
		r = next_chunk(d, chunk, &chunk);
		if (r < 0)
			return r;
		if (!r || (chunk << shift) >= look->end) {
			look->next = look->end;
			return n;
		}
		r = differs(d, chunk);
		if (r < 0)
			return r;
		from = max(chunk << shift, look->next);
		if (r && n == max && out[n - 1].offset + out[n - 1].length != from)
			break;
		chunk++;
		if (r)
			add(out, &n, from, min(chunk << shift, look->end) - from);
	}
	look->next = min(chunk << shift, look->end);
	return n;
}

/* ---- of one family ---- */

static int check_family(const struct diff *d, const char **why)
{
	if (drp_snapshot_root(d->a) != drp_snapshot_root(d->b) || !d->pool->cow)
		*why = "the elements are neither snapshots of one element nor the two sides of a sync";
	else if ((!drp_element_virtual(d->a) && d->a->inbound) ||
		 (!drp_element_virtual(d->b) && d->b->inbound) || d->a->nested || d->b->nested)
		*why = "one of the elements is being restored or cloned to: wait for that";
	else if (drp_snapshot_in_turn(d->a) != drp_snapshot_in_turn(d->b) ||
		 drp_snapshot_in_nested(d->a) || drp_snapshot_in_nested(d->b))
		*why = "one of the elements was taken during a restore that is not finished: wait for that";
	else if ((drp_element_virtual(d->a) && !drp_snapshot_live(d->a)) ||
		 (drp_element_virtual(d->b) && !drp_snapshot_live(d->b)))
		*why = "one of the elements has no point in time";
	return *why ? -EINVAL : 0;
}

/* ---- of the two sides of a sync ---- */

static struct drp_sync *sync_between(struct drp_pool *pool, const struct drp_element *a,
				     const struct drp_element *b)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->syncs, id, s)
		if (!s->removed && !drp_sync_is_snapshot(s) &&
		    ((s->source == a && s->target == b) || (s->source == b && s->target == a)))
			return s;
	return NULL;
}

static int check_legs(const struct diff *d, const char **why)
{
	const struct drp_sync *s = d->legs;

	if (s->turn || s->rec.reverse || s->rec.partial || d->a->inbound || d->b->inbound ||
	    d->a->nested || d->b->nested)
		*why = "one of the elements is being restored or cloned to: wait for that";
	else if (s->flow == DRP_FLOW_MIRROR)
		*why = "the sync of the elements mirrors, so they change together: fracture or split it first";
	return *why ? -EINVAL : 0;
}

/* Runs of the D plane of @s in [look->next, look->end) bytes. op_lock held. */
static int look_plane(struct drp_sync *s, struct drp_look *look, struct drp_extent *out,
		      unsigned int max)
{
	const unsigned int shift = s->pool->region_shift + SECTOR_SHIFT;
	u64 region = look->next >> shift, first, count, from, upto;
	unsigned int n = 0;
	int r;

	while ((region << shift) < look->end) {
		r = drp_plane_next_run(s->d, region, U32_MAX, &first, &count);
		if (r < 0)
			return r;
		if (!r || (first << shift) >= look->end)
			break;
		from = max(first << shift, look->next);
		/* Runs end at page borders: put them together again. */
		if (n == max && out[n - 1].offset + out[n - 1].length != from)
			return n;
		region = first + count;
		upto = min(region << shift, look->end);
		add(out, &n, from, upto - from);
		look->next = upto;
	}
	look->next = look->end;
	return n;
}

/*
 * What distinguishes a settled sync from what it was before its last copy: such
 * times are never the same again. While it mirrors its map changes anyway.
 */
static u64 sync_moment(const struct drp_sync *s)
{
	const struct drp_sync_rec *rec = &s->rec;

	return s->flow == DRP_FLOW_MIRROR ? 0 :
	       rec->when_activated + rec->when_deactivated + rec->when_suspended +
	       rec->when_synced + rec->when_synchronized + rec->copy_state;
}

/* ---- both ---- */

static int check(struct diff *d, const char **why)
{
	if (!d->a || !d->b) {
		*why = "no such element in this pool";
		return -ENOENT;
	}
	if (d->a != d->b && !drp_element_virtual(d->a) && !drp_element_virtual(d->b))
		d->legs = sync_between(d->pool, d->a, d->b);
	return d->legs ? check_legs(d, why) : check_family(d, why);
}

/* Do the answers before this one belong to the same points in time? */
static int check_moment(struct drp_look *look, u64 one, u64 other, const char **why)
{
	if (look->begun && (look->one != one || look->other != other)) {
		*why = "what is compared has changed meanwhile: ask again";
		return -ESTALE;
	}
	look->one = one;
	look->other = other;
	look->begun = true;
	return 0;
}

static int look_elements(struct drp_pool *pool, struct drp_look *look, struct drp_extent *out,
			 unsigned int max, const char **why)
{
	struct diff d = {
		.pool = pool,
		.a = drp_pool_element(pool, look->subject),
		.b = drp_pool_element(pool, look->with),
	};
	int r = check(&d, why);

	if (!r && d.legs)
		r = check_moment(look, d.legs->rec.id, sync_moment(d.legs), why);
	else if (!r)
		r = check_moment(look, d.a->rec.parent_generation, d.b->rec.parent_generation,
				 why);
	if (r)
		return r;
	look->end = min3(look->end, d.a->rec.size_sectors << SECTOR_SHIFT,
			 d.b->rec.size_sectors << SECTOR_SHIFT);
	if (look->next >= look->end)
		return 0;
	if (d.legs)
		return look_plane(d.legs, look, out, max);
	add_chain(&d, d.a);
	add_chain(&d, d.b);
	return look_index(&d, look, out, max);
}

static int look_sync(struct drp_pool *pool, struct drp_look *look, struct drp_extent *out,
		     unsigned int max, const char **why)
{
	struct drp_sync *s = drp_pool_sync(pool, look->subject);
	int r;

	if (!s)
		return -ENOENT;
	r = check_moment(look, s->rec.id, sync_moment(s), why);
	if (r)
		return r;
	look->end = min(look->end, s->source->rec.size_sectors << SECTOR_SHIFT);
	return look->next < look->end ? look_plane(s, look, out, max) : 0;
}

int drp_look(struct drp_pool *pool, struct drp_look *look, struct drp_extent *out,
	     unsigned int max, const char **why)
{
	unsigned int flags;
	int r;

	*why = NULL;
	if (!drp_pool_hold(pool))
		return -ENOENT;
	r = drp_op_begin_look(pool, &flags, why);
	if (!r) {
		r = look->with ? look_elements(pool, look, out, max, why) :
				 look_sync(pool, look, out, max, why);
		drp_op_end(pool, flags);
	}
	drp_pool_release(pool);
	return r;
}
