// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "job.h"

#define JOB_ID_STEP	64	/* ids are made durable in steps */
#define RATE_WINDOW_NS	(2ULL * NSEC_PER_SEC)

struct ids_commit {
	struct drp_commit_req req;
	struct drp_pool *pool;
	u64 up_to;
};

static void apply_ids(struct drp_commit_req *req)
{
	struct ids_commit *c = container_of(req, struct ids_commit, req);

	spin_lock(&c->pool->rec_lock);
	c->pool->rec.next_job_id = c->up_to;
	spin_unlock(&c->pool->rec_lock);
}

int drp_job_ensure_ids(struct drp_pool *pool)
{
	struct ids_commit c = { .pool = pool };
	struct drp_pool_rec rec;
	u8 buf[128];
	int len;

	spin_lock(&pool->rec_lock);
	rec = pool->rec;
	spin_unlock(&pool->rec_lock);
	if (rec.next_job_id - READ_ONCE(pool->job_ids_next) >= JOB_ID_STEP / 4)
		return 0;
	c.up_to = rec.next_job_id + JOB_ID_STEP;
	rec.next_job_id = c.up_to;
	len = drp_encode_pool(&rec, buf, sizeof(buf));
	if (len < 0)
		return len;
	c.req.records = buf;
	c.req.len = len;
	c.req.apply = apply_ids;
	return drp_commit_wait(&pool->cm, &c.req);
}

/* An id that no crash can make us use again; 0: none left. */
static u64 take_id(struct drp_pool *pool)
{
	u64 id = 0;

	spin_lock(&pool->rec_lock);
	if (pool->job_ids_next < pool->rec.next_job_id)
		id = pool->job_ids_next++;
	spin_unlock(&pool->rec_lock);
	return id;
}

static void report(struct drp_pool *pool, const struct drp_job *job)
{
	struct drp_event event = {
		.type = DRP_EVENT_JOB,
		.job_id = job->id,
		.sync_id = job->sync_id,
		.job_state = job->state,
		.message = job->error_text[0] ? job->error_text : NULL,
	};

	drp_event_report(pool, &event);
}

int drp_job_resume(struct drp_pool *pool, u64 id, u64 sync_id, const char *sync_name,
		   u16 operation)
{
	struct drp_job *job = kzalloc(sizeof(*job), GFP_NOIO);
	struct drp_job *old;
	int r;

	if (!job)
		return -ENOMEM;
	job->id = id;
	job->sync_id = sync_id;
	strscpy(job->sync_name, sync_name, sizeof(job->sync_name));
	job->operation = operation;
	job->state = DRP_JOB_NEW;
	job->submitted = drp_now();
	r = xa_reserve(&pool->jobs, id, GFP_NOIO);
	if (r) {
		kfree(job);
		return r;
	}
	spin_lock(&pool->rec_lock);
	old = xa_store(&pool->jobs, id, job, 0);
	spin_unlock(&pool->rec_lock);
	kfree(old);
	report(pool, job);
	return 0;
}

u64 drp_job_start(struct drp_pool *pool, u64 sync_id, const char *sync_name, u16 operation)
{
	u64 id = take_id(pool);

	return id && !drp_job_resume(pool, id, sync_id, sync_name, operation) ? id : 0;
}

static bool ended(const struct drp_job *job)
{
	return job->state >= DRP_JOB_COMPLETED;
}

/* Run @change on the job under rec_lock; true if it is there and has not ended. Reports if @tell. */
static bool change(struct drp_pool *pool, u64 id, bool tell,
		   void (*fn)(struct drp_job *job, const void *arg), const void *arg)
{
	struct drp_job *job, copy;

	spin_lock(&pool->rec_lock);
	job = xa_load(&pool->jobs, id);
	if (job && !ended(job)) {
		fn(job, arg);
		copy = *job;
	} else {
		job = NULL;
	}
	spin_unlock(&pool->rec_lock);
	if (job && tell)
		report(pool, &copy);
	return job;
}

static void set_state(struct drp_job *job, const void *arg)
{
	job->state = *(const u16 *)arg;
	if (job->state == DRP_JOB_RUNNING && !job->started)
		job->started = drp_now();
	job->rate_from_ns = 0;
	job->rate = 0;
}

struct of_sync {
	u64 id;
	const char *name;
};

static void set_sync(struct drp_job *job, const void *arg)
{
	const struct of_sync *sync = arg;

	job->sync_id = sync->id;
	strscpy(job->sync_name, sync->name, sizeof(job->sync_name));
}

void drp_job_set_sync(struct drp_pool *pool, u64 id, u64 sync_id, const char *sync_name)
{
	struct of_sync sync = { sync_id, sync_name };

	change(pool, id, false, set_sync, &sync);
}

struct results {
	u64 sync_id, aspect_id;
};

static void set_results(struct drp_job *job, const void *arg)
{
	const struct results *results = arg;

	job->updated_sync_id = results->sync_id;
	job->aspect_id = results->aspect_id;
}

void drp_job_set_results(struct drp_pool *pool, u64 id, u64 sync_id, u64 aspect_id)
{
	struct results results = { sync_id, aspect_id };

	change(pool, id, false, set_results, &results);
}

static void set_text(struct drp_job *job, const void *arg)
{
	strscpy(job->error_text, arg, sizeof(job->error_text));
}

void drp_job_set_text(struct drp_pool *pool, u64 id, const char *text)
{
	change(pool, id, true, set_text, text);
}

void drp_job_set_state(struct drp_pool *pool, u64 id, u16 state)
{
	change(pool, id, true, set_state, &state);
}

struct progress {
	u64 done, total;
};

static void set_progress(struct drp_job *job, const void *arg)
{
	const struct progress *p = arg;
	u64 now = ktime_get_ns();

	job->bytes_done = p->done;
	job->bytes_total = p->total;
	if (!job->rate_from_ns) {
		job->rate_from_ns = now;
		job->rate_from_bytes = p->done;
	} else if (now - job->rate_from_ns >= RATE_WINDOW_NS) {
		job->rate = div64_u64((p->done - job->rate_from_bytes) * MSEC_PER_SEC,
				      div64_u64(now - job->rate_from_ns, NSEC_PER_MSEC));
		job->rate_from_ns = now;
		job->rate_from_bytes = p->done;
	}
}

void drp_job_progress(struct drp_pool *pool, u64 id, u64 done, u64 total)
{
	struct progress p = { done, total };

	change(pool, id, false, set_progress, &p);
}

struct end {
	u16 state;
	u32 error_code;
	const char *text;
};

static void set_end(struct drp_job *job, const void *arg)
{
	const struct end *end = arg;

	job->state = end->state;
	job->error_code = end->error_code;
	strscpy(job->error_text, end->text ?: "", sizeof(job->error_text));
	if (end->state == DRP_JOB_COMPLETED)
		job->bytes_total = job->bytes_done;
	job->ended = drp_now();
}

void drp_job_end(struct drp_pool *pool, u64 id, u16 state, u32 error_code, const char *text)
{
	struct end end = { state, error_code, text };

	change(pool, id, true, set_end, &end);
}

void drp_job_unrecorded(struct drp_pool *pool, u64 id)
{
	drp_job_end(pool, id, DRP_JOB_EXCEPTION, DRP_RV_FAILED, "the metadata cannot be written");
}

static struct drp_job *next_to_reap(struct drp_pool *pool, bool all)
{
	u64 now = drp_now();
	struct drp_job *job;
	unsigned long id;
	unsigned int n = 0;

	xa_for_each(&pool->jobs, id, job)
		n++;
	xa_for_each(&pool->jobs, id, job) {
		if (all || (ended(job) && (n > DRP_JOBS_MAX || now - job->ended > DRP_JOB_KEEP_NS)))
			return job;
	}
	return NULL;
}

void drp_job_reap(struct drp_pool *pool, bool all)
{
	struct drp_job *job;

	do {
		spin_lock(&pool->rec_lock);
		job = next_to_reap(pool, all);
		if (job)
			xa_erase(&pool->jobs, job->id);
		spin_unlock(&pool->rec_lock);
		kfree(job);
		cond_resched();
	} while (job);
}
