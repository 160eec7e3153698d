// SPDX-License-Identifier: GPL-2.0-only
/* What a copier has copied: flushed, then cleared, unless it was lost or changed. */
#include "copy_internal.h"
#include "io.h"
#include "job.h"
#include "leg.h"

/* Clear the bits of a flushed unit, unless somebody set them again. */
static void clear_unit(struct drp_copier *c, struct copy_unit *u)
{
	bool spoiled, done = false, tracked = !drp_sync_is_snapshot(c->s);

	/* Without memory for it the region stays, and is copied again. */
	if (c->turn && !READ_ONCE(u->lost))
		done = !drp_turn_clear(c->turn, u->first, u->count);
	if (tracked && !READ_ONCE(u->spoiled) && !drp_plane_clear(c->s->d, u->first, u->count))
		done = done || !c->turn;
	if (done)
		c->bytes_done += (u->range.end - u->range.start) << SECTOR_SHIFT;
	spin_lock_irq(&c->lock);
	spoiled = u->spoiled;
	u->state = UNIT_IDLE;
	spin_unlock_irq(&c->lock);
	if (spoiled && tracked)
		drp_plane_set(c->s->d, u->first, u->count);
}

int drp_copy_flush(struct drp_copier *c, bool *target_failed)
{
	u64 copied = 0;
	unsigned int i;
	int r;

	spin_lock_irq(&c->lock);
	for (i = 0; i < NR_UNITS; i++)
		if (c->unit[i].state == UNIT_COPIED)
			copied |= BIT_ULL(i);
	spin_unlock_irq(&c->lock);
	if (!copied)
		return 0;
	/* The origin of a turn was flushed, and what hosts write there stays marked. */
	r = c->turn ? 0 : drp_leg_flush(c->s->source, DRP_FLUSH_TIMEOUT);
	if (r)
		return r;
	r = drp_leg_flush(drp_copy_writes_to(c), DRP_FLUSH_TIMEOUT);
	if (r) {
		*target_failed = r != -EAGAIN;
		return r;
	}
	for (; copied; copied &= copied - 1)
		clear_unit(c, &c->unit[__ffs64(copied)]);
	c->unflushed = 0;
	c->copied_unflushed = 0;
	return 0;
}

void drp_copy_report(struct drp_copier *c)
{
	struct drp_pool *pool = c->s->pool;
	u64 left = c->nested ? drp_copy_nested_left(c) :
		   drp_plane_count(drp_copy_todo(c)) << (pool->region_shift + SECTOR_SHIFT);
	struct drp_event event = {
		.type = DRP_EVENT_PROGRESS,
		.sync_id = c->s->rec.id,
		.job_id = c->job_id,
	};
	u64 now = ktime_get_ns(), done, total;

	if (c->nested)
		c->bytes_done = (c->s->source->rec.size_sectors << SECTOR_SHIFT) - left;
	/* What is copied and not yet flushed counts as done, too; its marks are still there. */
	total = c->bytes_done + left;
	done = min(c->bytes_done + (c->copied_unflushed << SECTOR_SHIFT), total);
	drp_job_progress(pool, c->job_id, done, total);
	if (now - c->reported_ns < DRP_PROGRESS_NS)
		return;
	c->reported_ns = now;
	event.percent = div64_u64(done * 100, max_t(u64, total, 1));
	drp_event_report(pool, &event);
}
