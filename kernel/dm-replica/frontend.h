/* SPDX-License-Identifier: GPL-2.0-only */
/* Entry points of the front ends, for main.c and the two targets. */
#ifndef DRP_FRONTEND_H
#define DRP_FRONTEND_H

#include <linux/device-mapper.h>

struct drp_pool;

/* Register the netlink family and become the event sink; 0 or a negative errno. */
int drp_netlink_init(void);
void drp_netlink_exit(void);

/*
 * A message to the pool's device. Fills @result (at most @maxlen, and never
 * more than 255 bytes: libdevmapper repeats a message whose answer did not
 * fit) and returns 1, or a negative errno. Sleeps.
 */
int drp_pool_message(struct drp_pool *pool, unsigned int argc, char **argv,
		     char *result, unsigned int maxlen);

/* Status lines, as documented in Documentation/dm-interface.rst. Never block on I/O. */
void drp_pool_status(struct drp_pool *pool, char *result, unsigned int maxlen);
void drp_element_status(struct drp_pool *pool, u64 element_id, char *result, unsigned int maxlen);

#endif /* DRP_FRONTEND_H */
