// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where two elements of one family may differ, from the index alone: a chunk of
 * which no entry tells is the same device's for both, and of any other it is
 * looked up where each of them has it.
 */
#include "op.h"
#include "preserve.h"
#include "request.h"
#include "snapshot.h"

#define CHUNKS_PER_LOOK	1024	/* while op_lock is held */
#define CHAIN_MAX	(2 * (DRP_SNAPSHOT_DEPTH + 1))

struct diff {
	struct drp_pool *pool;
	struct drp_element *a, *b;
	struct drp_element *chain[CHAIN_MAX];	/* of both */
	unsigned int nr_chain;
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
static int look(const struct diff *d, u64 from, u64 end, struct drp_extent *out,
		unsigned int max, u64 *upto)
{
	const unsigned int shift = d->pool->cow->chunk_shift + SECTOR_SHIFT;
	unsigned int n = 0, looks;
	u64 chunk = from >> shift;
	int r;

	for (looks = 0; looks < CHUNKS_PER_LOOK; looks++) {
		r = next_chunk(d, chunk, &chunk);
		if (r < 0)
			return r;
		if (!r || (chunk << shift) >= end) {
			*upto = end;
			return n;
		}
		r = differs(d, chunk);
		if (r < 0)
			return r;
		if (r && n == max && out[n - 1].offset + out[n - 1].length != chunk << shift)
			break;
		if (r)
			add(out, &n, max(chunk << shift, from),
			    min((chunk + 1) << shift, end) - max(chunk << shift, from));
		chunk++;
	}
	*upto = min(chunk << shift, end);
	return n;
}

static int check(const struct diff *d, const char **why)
{
	*why = NULL;
	if (!d->a || !d->b) {
		*why = "no such element in this pool";
		return -ENOENT;
	}
	if (drp_snapshot_root(d->a) != drp_snapshot_root(d->b) || !d->pool->cow)
		*why = "the elements are not snapshots of one element";
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

int drp_element_diff(struct drp_pool *pool, u64 a, u64 b, u64 from, u64 end,
		     struct drp_extent *out, unsigned int max, u64 *upto, const char **why)
{
	struct diff d = { .pool = pool };
	unsigned int flags;
	int r;

	if (!drp_pool_hold(pool))
		return -ENOENT;
	flags = drp_op_begin(pool);
	d.a = drp_pool_element(pool, a);
	d.b = drp_pool_element(pool, b);
	r = check(&d, why);
	if (!r) {
		add_chain(&d, d.a);
		add_chain(&d, d.b);
		end = min3(end, d.a->rec.size_sectors << SECTOR_SHIFT,
			   d.b->rec.size_sectors << SECTOR_SHIFT);
		r = look(&d, from, end, out, max, upto);
	}
	drp_op_end(pool, flags);
	drp_pool_release(pool);
	return r;
}
