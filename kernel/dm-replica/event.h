/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: something that an administrator or a program waits for has happened.
 * Objects report them; the netlink front end is the one sink, and the pool's
 * device-mapper event is raised with each (not for progress).
 */
#ifndef DRP_EVENT_H
#define DRP_EVENT_H

#include "core/types.h"

struct drp_pool;

struct drp_event {
	u16 type;		/* enum drp_event_type */
	u64 element_id;		/* 0: not about one */
	u64 sync_id;
	u64 job_id;
	u64 aspect_id;
	u16 copy_state;
	u16 progress_status;
	u16 percent;
	u16 job_state;
	u16 pool_mode;
	bool attached;
	u16 cow_level;
	const char *message;	/* NULL: none */
};

typedef void (*drp_event_sink_fn)(const char *pool_name, const u8 *pool_uuid,
				  const struct drp_event *event);

/* The one receiver; set at module load, NULL at unload. Called in process context, may sleep GFP_NOIO. */
void drp_event_set_sink(drp_event_sink_fn sink);

/* Report @event of @pool. Process context; never blocks on I/O. */
void drp_event_report(struct drp_pool *pool, const struct drp_event *event);

#endif /* DRP_EVENT_H */
