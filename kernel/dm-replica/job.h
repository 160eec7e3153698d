/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Jobs (CIM_ConcreteJob): long operations, running or finished. Finished ones
 * are kept for five minutes at least.
 */
#ifndef DRP_JOB_H
#define DRP_JOB_H

#include "pool.h"

#define DRP_JOB_KEEP_NS		(300ULL * NSEC_PER_SEC)
#define DRP_JOBS_MAX		1024	/* finished ones beyond this go early, oldest first */

struct drp_job {
	/* fixed */
	u64 id;
	u16 operation;

	/* under rec_lock */
	u64 sync_id;
	u64 updated_sync_id;			/* whose keys the request changed; 0: none */
	u64 aspect_id;				/* that it left behind; 0: none */
	char sync_name[DRP_NAME_MAX + 1];
	u16 state;
	u64 bytes_done, bytes_total;
	u32 error_code;
	char error_text[DRP_MESSAGE_MAX + 1];
	u64 submitted, started, ended;
	u64 rate_from_ns, rate_from_bytes;	/* start of the window that the rate is measured over */
	u64 rate;
};

/* Make sure that some ids are durably promised to us. op_lock held. 0 or -EIO. Sleeps. */
int drp_job_ensure_ids(struct drp_pool *pool);

/* A new job, state New; its id, or 0: no memory or no promised id left. Process context. */
u64 drp_job_start(struct drp_pool *pool, u64 sync_id, const char *sync_name, u16 operation);

/* The same with a known id: a copy that goes on after a restart. 0 or -ENOMEM. */
int drp_job_resume(struct drp_pool *pool, u64 id, u64 sync_id, const char *sync_name, u16 operation);

/* The job of a request turns out to be a copy's: whose. Any process context. */
void drp_job_set_sync(struct drp_pool *pool, u64 id, u64 sync_id, const char *sync_name);

/* The sync whose keys its request changed, the aspect that it left (0: none), before the end. Any process context. */
void drp_job_set_results(struct drp_pool *pool, u64 id, u64 sync_id, u64 aspect_id);

/* Why it does not go on; empty: it does. Its end forgets that. Any process context. */
void drp_job_set_text(struct drp_pool *pool, u64 id, const char *text);

/* Running, Suspended: any process context. */
void drp_job_set_state(struct drp_pool *pool, u64 id, u16 state);

/* Add progress; @total is the size of the whole work as known now. Any process context. */
void drp_job_progress(struct drp_pool *pool, u64 id, u64 done, u64 total);

/* The end: Completed (0), Terminated or Exception with a text. Any process context. */
void drp_job_end(struct drp_pool *pool, u64 id, u16 state, u32 error_code, const char *text);

/* The end of one whose sync could not be recorded. Any process context. */
void drp_job_unrecorded(struct drp_pool *pool, u64 id);

/* Forget finished jobs that are old enough; @all: at the end of the pool. Process context. */
void drp_job_reap(struct drp_pool *pool, bool all);

#endif /* DRP_JOB_H */
