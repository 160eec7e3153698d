// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rwsem.h>

#include "pool.h"

static DECLARE_RWSEM(sink_lock);
static drp_event_sink_fn the_sink;	/* under sink_lock */

void drp_event_set_sink(drp_event_sink_fn sink)
{
	down_write(&sink_lock);
	the_sink = sink;
	up_write(&sink_lock);
}

void drp_event_report(struct drp_pool *pool, const struct drp_event *event)
{
	down_read(&sink_lock);
	if (the_sink)
		the_sink(pool->sb.name, pool->sb.uuid, event);
	up_read(&sink_lock);
	if (event->type == DRP_EVENT_PROGRESS)
		return;
	/* The table may be going: whoever takes it away holds the same lock. */
	mutex_lock(&pool->ti_lock);
	if (pool->ti)
		dm_table_event(pool->ti->table);
	mutex_unlock(&pool->ti_lock);
}
