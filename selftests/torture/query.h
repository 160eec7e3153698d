/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says about a pool, by generic netlink. */
#ifndef TORTURE_QUERY_H
#define TORTURE_QUERY_H

#include <stdint.h>

struct sync_info {
	uint64_t id, source, target, dirty_bytes, job;
	unsigned int state;		/* enum drp_copy_state, as seen now */
	int in_sync, consistent;
	int reverse;			/* a restore or failback is unfinished */
	uint64_t activated;		/* ns: also when a restore began */
	char error[256];
};

struct element_info {
	uint64_t id, parent, parent_generation, generation;
};

struct aspect_info {
	uint64_t id, sync, source, generation;
};

/* All syncs of the only pool: how many (at most @max), or a negative errno. */
int query_syncs(struct sync_info *syncs, int max);

/* All elements and aspects of it, likewise. */
int query_elements(struct element_info *elements, int max);
int query_aspects(struct aspect_info *aspects, int max);

/* JobState (enum drp_job_state) of a job, *@error its return value; 0: there is none. */
unsigned int query_job(uint64_t id, unsigned int *error);

/* The module went and came: the family has another number. */
void query_anew(void);

/* bits[n] = 1 where block n of 4 KiB may differ. 0 or a negative errno. */
int query_map(const char *pool, uint64_t sync_id, uint8_t *bits, uint64_t nr_blocks);

#endif
