// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restore from Replica of a snapshot: what differs from its source. That is in the
 * index: chunks of the source that were preserved since the point in time, for
 * nothing is overwritten before that, and those that were written to the
 * snapshot. The turn itself is op_turn.c's.
 */
#include "op_snapshot.h"
#include "op_snapshot_internal.h"
#include "op_turn.h"
#include "preserve.h"
#include "turn.h"

/* Entries of @element from generation @from on: their chunks, one after the other. */
struct scan {
	struct drp_cow *cow;
	u64 element, from;
	u64 chunk;			/* found, or where to begin */
};

/* The next chunk: 1, 0 (none), -errno. */
static int next_chunk(struct scan *scan)
{
	struct drp_cow_entry entry;
	int r;

	for (;;) {
		const struct drp_cow_key key = { scan->element, scan->chunk, scan->from };

		/* A suspend waits for us with I/O standing still. */
		if (READ_ONCE(scan->cow->pool->stopping) || READ_ONCE(scan->cow->pool->suspended))
			return -EINTR;
		r = drp_cow_next(scan->cow, &key, &entry);
		if (r <= 0 || entry.key.element != scan->element)
			return min(r, 0);
		scan->chunk = entry.key.chunk;
		if (entry.key.generation >= scan->from)
			return 1;
		cond_resched();
	}
}

static void mark_chunk(struct drp_turn *t, u64 chunk)
{
	const unsigned int shift = t->s->pool->cow->chunk_shift;
	const u64 start = chunk << shift, end = min((chunk + 1) << shift, t->size);
	u64 first, count;

	if (start >= t->size)
		return;
	drp_sync_regions(t->s->pool, start, end, &first, &count);
	drp_plane_set(t->c, first, count);
}

static struct scan begin_scan(const struct drp_sync *s, const struct drp_element *e)
{
	return (struct scan){
		.cow = s->pool->cow,
		.element = e->rec.id,
		.from = s->target->rec.parent_generation,
	};
}

/* All its chunks, also marked in the turn @t unless it is NULL: how many, or -errno. */
static s64 run_scan(struct scan scan, struct drp_turn *t)
{
	s64 n = 0;
	int r;

	while ((r = next_chunk(&scan)) > 0) {
		if (t)
			mark_chunk(t, scan.chunk);
		scan.chunk++;
		n++;
		cond_resched();
	}
	return r < 0 ? r : n;
}

s64 drp_snapshot_chunks(struct drp_sync *s)
{
	const struct scan source = begin_scan(s, s->source), target = begin_scan(s, s->target);
	struct drp_pool *pool = s->pool;
	s64 preserved, written = 0;

	/* It may take minutes, and nobody else gets on without the lock. */
	mutex_unlock(&pool->op_lock);
	preserved = run_scan(source, NULL);
	if (preserved >= 0)
		written = run_scan(target, NULL);
	mutex_lock(&pool->op_lock);
	if (preserved < 0)
		return preserved;
	return written < 0 ? written : preserved + written;
}

int drp_snapshot_mark_turn(struct drp_op *op, struct drp_sync *s)
{
	s64 r;

	/* Its host writes nothing from here on; what the source's hosts overwrite is marked. */
	if (drp_op_protect_target(op, s))
		return op->error;
	drp_preserve_arm(s->source, s->turn->c);
	r = run_scan(begin_scan(s, s->source), s->turn);
	if (r >= 0)
		r = run_scan(begin_scan(s, s->target), s->turn);
	if (r < 0)
		return drp_op_refuse(op, DRP_RV_FAILED, "the index of COW space cannot be read");
	return 0;
}

int drp_op_snapshot_check_restore(struct drp_op *op, struct drp_sync *s)
{
	int r = drp_snapshot_is_nested(s) ? drp_snapshot_check_nested(op, s) : 0;

	/* The other way round: its target would not stay as it is. */
	if (!r && s->target->nested)
		r = drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is being restored: wait for that",
				  s->target->rec.name);
	return r ?: drp_op_check_turn(op, s);
}

void drp_snapshot_restore_lost(struct drp_sync *s)
{
	if (drp_snapshot_nested_turned(s)) {
		/* As at its end: see let_go() in op_snapshot_nested.c. */
		smp_store_release(&s->source->nested, NULL);
		WRITE_ONCE(s->source->keeps_versions, false);
	}
	if (!s->turn)
		return;
	s->source->inbound = NULL;
	drp_preserve_set_before(s->source, false, 0);
	drp_op_turn_drop(s);
}
