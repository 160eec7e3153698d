// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bits.h>

#include "range.h"

void drp_range_space_init(struct drp_range_space *space, unsigned int extent_shift)
{
	unsigned int i;

	space->extent_shift = extent_shift;
	for (i = 0; i < ARRAY_SIZE(space->buckets); i++) {
		spin_lock_init(&space->buckets[i].lock);
		INIT_LIST_HEAD(&space->buckets[i].ranges);
	}
}

static struct drp_range_bucket *bucket_of(struct drp_range_space *space,
					  const struct drp_range *range)
{
	u64 extent = range->start >> space->extent_shift;

	return &space->buckets[hash_64(extent ^ (range->component << 40), DRP_RANGE_HASH_BITS)];
}

static const u8 excluded[] = {
	[DRP_RANGE_WRITE] = 0xff,
	[DRP_RANGE_COPY] = BIT(DRP_RANGE_WRITE) | BIT(DRP_RANGE_COPY) | BIT(DRP_RANGE_SHOW),
	[DRP_RANGE_READ] = BIT(DRP_RANGE_WRITE),
	[DRP_RANGE_SHOW] = BIT(DRP_RANGE_WRITE) | BIT(DRP_RANGE_COPY),
};

static bool exclude(const struct drp_range *a, const struct drp_range *b)
{
	if (a->component != b->component || a->start >= b->end || b->start >= a->end)
		return false;
	return excluded[a->use] & BIT(b->use);
}

bool drp_range_lock(struct drp_range_space *space, struct drp_range *range)
{
	struct drp_range_bucket *bucket = bucket_of(space, range);
	struct drp_range *other;
	unsigned long flags;
	bool held;

	range->bucket = bucket;
	range->blockers = 0;
	spin_lock_irqsave(&bucket->lock, flags);
	list_for_each_entry(other, &bucket->ranges, node)
		if (exclude(range, other))
			range->blockers++;
	list_add_tail(&range->node, &bucket->ranges);
	held = !range->blockers;
	spin_unlock_irqrestore(&bucket->lock, flags);
	return held;
}

void drp_range_unlock(struct drp_range *range)
{
	struct drp_range_bucket *bucket = range->bucket;
	struct drp_range *other;
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	list_del(&range->node);
	/* All that it excludes and are still here came later: they waited for this one. */
	list_for_each_entry(other, &bucket->ranges, node) {
		if (!exclude(range, other) || --other->blockers)
			continue;
		other->granted(other);
	}
	spin_unlock_irqrestore(&bucket->lock, flags);
}
