// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests run in the pool's worker, so that no front end's lock is held over
 * I/O or a drain; who asked waits a short time, then gets a job.
 */
#include <linux/slab.h>

#include "freeze.h"
#include "job.h"
#include "op_modify.h"
#include "op_snapshot.h"

void drp_request_note_refusal(struct drp_pool *pool, const char *text)
{
	spin_lock(&pool->rec_lock);
	strscpy(pool->last_refusal, text, sizeof(pool->last_refusal));
	spin_unlock(&pool->rec_lock);
	pr_warn_ratelimited("dm-replica: pool %s: refused: %s\n", pool->sb.name, text);
}

int drp_op_refuse(struct drp_op *op, u32 return_value, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(op->res.text, sizeof(op->res.text), fmt, args);
	va_end(args);
	op->res.return_value = return_value;
	op->error = -drp_rv_to_errno(return_value);
	return op->error;
}

long drp_op_deadline(const struct drp_op *op)
{
	u32 ms = op->req.settings.mask & DRP_SET_DEADLINE_MS ? op->req.settings.deadline_ms :
							       DRP_DEADLINE_MS;

	return max_t(long, msecs_to_jiffies(ms), 1);
}

u64 drp_op_take_job(struct drp_op *op, struct drp_sync *s)
{
	mutex_lock(&op->lock);
	if (!op->job_id)
		op->job_id = drp_job_start(op->pool, s->rec.id, s->rec.name, op->req.operation);
	else
		drp_job_set_sync(op->pool, op->job_id, s->rec.id, s->rec.name);
	op->job_used = op->job_id;
	mutex_unlock(&op->lock);
	return op->job_id;
}

/* ---- life of a request ---- */

static void free_op(struct kref *ref)
{
	kfree(container_of(ref, struct drp_op, ref));
}

static int dispatch(struct drp_op *op)
{
	switch (op->req.kind) {
	case DRP_REQ_CREATE_ELEMENT:
		return drp_op_create_element(op);
	case DRP_REQ_DELETE_ELEMENT:
		return drp_op_delete_element(op);
	case DRP_REQ_CREATE_SYNC:
		return drp_op_create_sync(op);
	case DRP_REQ_MODIFY:
		return drp_op_modify(op);
	case DRP_REQ_SET:
		return drp_op_set(op);
	case DRP_REQ_JOB:
		return drp_op_change_job(op);
	case DRP_REQ_DELETE_ASPECT:
		return drp_op_delete_aspect(op);
	case DRP_REQ_RESTORE_ASPECT:
		return drp_op_restore_aspect(op);
	default:
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "groups are not built yet");
	}
}

int drp_op_admit(struct drp_op *op)
{
	const struct drp_pool *pool = op->pool;

	if (pool->stopping || !pool->active || pool->suspended)
		return drp_op_refuse(op, DRP_RV_IN_USE, "pool %s is %s: try again later",
				     pool->sb.name, pool->stopping ? "being stopped" :
				     pool->active ? "suspended" : "not resumed yet");
	if (!drp_pool_writable(pool))
		return drp_op_refuse(op, DRP_RV_FAILED,
				     "pool %s is read-only because its metadata failed: check the metadata device, then activate the pool again",
				     pool->sb.name);
	return 0;
}

static int admit_and_dispatch(struct drp_op *op)
{
	int r = drp_op_admit(op);

	if (r)
		return r;
	/* Nothing that waits for the journal while a file system stands: that was done before. */
	if (!op->frozen && drp_job_ensure_ids(op->pool))
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	return dispatch(op);
}

/* A request that became a job of its own ends it; a copy that began ends the job that it took over. */
static void end_own_job(struct drp_op *op)
{
	mutex_lock(&op->lock);
	if (op->job_id && (op->error || !op->job_used)) {
		drp_job_set_results(op->pool, op->job_id, op->res.updated_sync_id,
				    op->res.aspect_id);
		if (op->error)
			drp_job_end(op->pool, op->job_id, DRP_JOB_EXCEPTION, op->res.return_value,
				    op->res.text);
		else
			drp_job_end(op->pool, op->job_id, DRP_JOB_COMPLETED, 0, NULL);
	}
	complete_all(&op->done);
	mutex_unlock(&op->lock);
}

/* With the value, for who reads it in the log or the status. */
static void note_refused(struct drp_op *op)
{
	char text[DRP_MESSAGE_MAX + 1];

	scnprintf(text, sizeof(text), "%u %s: %s", op->res.return_value,
		  drp_name(DRP_ENUM_RETURN_VALUE, op->res.return_value), op->res.text);
	drp_request_note_refusal(op->pool, text);
}

/* The device of the request's target, or source, if hosts may write it: referenced; or NULL. */
static struct mapped_device *writable_device(struct drp_op *op, bool source)
{
	unsigned int flags = drp_op_begin(op->pool);
	struct mapped_device *md = NULL;
	const struct drp_aspect_rec *a;
	struct drp_element *e = NULL;
	struct drp_sync *s;

	if (op->req.kind == DRP_REQ_CREATE_SYNC) {
		e = drp_pool_element(op->pool, op->req.target_id);
	} else if (op->req.kind == DRP_REQ_MODIFY && op->req.object == DRP_OBJ_SYNC) {
		s = drp_pool_sync(op->pool, op->req.id);
		if (s)
			e = source ? s->source : s->target;
	} else if (op->req.kind == DRP_REQ_RESTORE_ASPECT && source) {
		a = xa_load(&op->pool->aspects, op->req.id);
		if (a)
			e = drp_pool_element(op->pool, a->source_id);
	}
	/* While the pool is suspended it is refused, and what it wrote back would not end. */
	if (e && e->live && e->access == DRP_ACCESS_WRITE && !op->pool->suspended) {
		md = dm_table_get_md(e->live->ti->table);
		if (dm_hold(md))
			md = NULL;
	}
	drp_op_end(op->pool, flags);
	return md;
}

static void write_cache(struct drp_op *op, bool source)
{
	struct mapped_device *md = writable_device(op, source);

	if (!md)
		return;
	sync_blockdev(dm_disk(md)->part0);
	dm_put(md);
}

/*
 * What is dirty in the target's page cache would fail once it is protected. In
 * that of a source that is to be restored it is a change, about which Force is
 * asked; later it would overwrite what was restored.
 * Not under op_lock: such writes may wait for works that take it.
 */
static void write_caches(struct drp_op *op)
{
	if (!op->req.dry_run)
		write_cache(op, false);
	if (op->req.operation == DRP_OP_RESTORE_FROM_REPLICA)
		write_cache(op, true);
}

static void run_frozen(struct drp_op *op)
{
	unsigned int flags;

	if (drp_op_begin_until(op->pool, op->end, &flags)) {
		op->error = admit_and_dispatch(op);
		drp_op_end(op->pool, flags);
	} else {
		drp_op_refuse(op, DRP_RV_TIMEOUT,
			      "another operation did not end within the deadline; nothing was changed");
	}
	drp_op_thaw(op);
}

static void op_work(struct work_struct *work)
{
	struct drp_op *op = container_of(work, struct drp_op, work);
	struct drp_freeze *frozen;
	unsigned int flags;

	write_caches(op);
	frozen = drp_op_freeze_source(op);
	if (IS_ERR(frozen)) {
		drp_op_refuse(op, PTR_ERR(frozen) == -ETIMEDOUT ? DRP_RV_TIMEOUT : DRP_RV_FAILED,
			      "the file system on the source cannot be frozen in time (error %ld); nothing was changed: try again, raise deadline_ms, or freeze=no",
			      PTR_ERR(frozen));
	} else if (frozen) {
		op->frozen = frozen;
		run_frozen(op);
	} else {
		flags = drp_op_begin(op->pool);
		op->error = admit_and_dispatch(op);
		drp_op_end(op->pool, flags);
	}
	if (op->error)
		note_refused(op);
	end_own_job(op);
	kref_put(&op->ref, free_op);
}

static void copy_string(const char **string, char *buf, size_t size)
{
	if (*string) {
		strscpy(buf, *string, size);
		*string = buf;
	}
}

static struct drp_op *make_op(struct drp_pool *pool, const struct drp_request *req)
{
	struct drp_op *op = kzalloc(sizeof(*op), GFP_KERNEL);

	if (!op)
		return NULL;
	op->pool = pool;
	op->req = *req;
	if (req->kind == DRP_REQ_RESTORE_ASPECT)
		op->req.operation = DRP_OP_RESTORE_FROM_REPLICA;
	copy_string(&op->req.name, op->name, sizeof(op->name));
	copy_string(&op->req.settings.name, op->setting_name, sizeof(op->setting_name));
	copy_string(&op->req.settings.target_name, op->target_name, sizeof(op->target_name));
	copy_string(&op->req.settings.identity, op->identity, sizeof(op->identity));
	mutex_init(&op->lock);
	init_completion(&op->done);
	INIT_WORK(&op->work, op_work);
	kref_init(&op->ref);
	kref_get(&op->ref);
	return op;
}

/* Not done in time: it goes on as a job. False if it has ended after all, or no job can be made. */
static bool turn_into_job(struct drp_op *op, struct drp_result *res)
{
	bool turned = false;

	mutex_lock(&op->lock);
	if (!completion_done(&op->done)) {
		if (!op->job_id) {
			op->job_id = drp_job_start(op->pool, 0, "", op->req.operation);
			drp_job_set_state(op->pool, op->job_id, DRP_JOB_RUNNING);
		}
		if (op->job_id) {
			memset(res, 0, sizeof(*res));
			res->return_value = DRP_RV_JOB_STARTED;
			res->job_id = op->job_id;
			turned = true;
		}
	}
	mutex_unlock(&op->lock);
	return turned;
}

static int wait_for_op(struct drp_op *op, struct drp_result *res)
{
	do {
		if (wait_for_completion_timeout(&op->done,
						msecs_to_jiffies(DRP_REQUEST_WAIT_MS))) {
			*res = op->res;
			return op->error;
		}
	} while (!turn_into_job(op, res));
	return 0;
}

int drp_request_execute(struct drp_pool *pool, const struct drp_request *req,
			struct drp_result *res)
{
	struct drp_op *op;
	int r;

	memset(res, 0, sizeof(*res));
	if (!drp_pool_hold(pool)) {
		strscpy(res->text, "the pool is being stopped", sizeof(res->text));
		res->return_value = DRP_RV_NOT_FOUND;
		return -ENOENT;
	}
	op = make_op(pool, req);
	if (op) {
		queue_work(pool->req_wq, &op->work);
		r = wait_for_op(op, res);
		kref_put(&op->ref, free_op);
	} else {
		strscpy(res->text, "no memory", sizeof(res->text));
		res->return_value = DRP_RV_FAILED;
		r = -ENOMEM;
	}
	drp_pool_release(pool);
	return r;
}

/* ---- map ---- */

int drp_sync_snapshot_ends(struct drp_pool *pool, u64 sync_id, u64 *source, u64 *target)
{
	struct drp_sync *s;
	int r = -ENOENT;

	if (!drp_pool_hold(pool))
		return r;
	spin_lock(&pool->rec_lock);
	s = drp_pool_sync(pool, sync_id);
	if (s)
		r = drp_sync_is_snapshot(s) ? 0 : -EINVAL;
	if (!r) {
		*source = s->rec.source_id;
		*target = s->rec.target_id;
	}
	spin_unlock(&pool->rec_lock);
	drp_pool_release(pool);
	return r;
}
