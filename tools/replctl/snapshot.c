// SPDX-License-Identifier: GPL-2.0-only
#include "pool.h"
#include "snapshot.h"
#include "wait.h"

static int make_device(const char *pool_name, const char *name)
{
	char qualified[REPLCTL_QUALIFIED_MAX], path[REPLCTL_PATH_MAX];
	struct ref pool, element;
	int status;

	snprintf(qualified, sizeof(qualified), "%s/%s", pool_name, name);
	status = resolve(DRP_OBJ_ELEMENT, qualified, &element);
	if (status)
		return status;
	status = resolve(DRP_OBJ_POOL, pool_name, &pool);
	if (!status) {
		if (!rec_u64(&element.record, DRP_A_ELEMENT_DEV))
			status = element_device_create(&pool.record, &element.record, NULL, path);
		ref_free(&pool);
	}
	ref_free(&element);
	return status;
}

/* It stalled I/O for longer than a request waits. */
static int wait_for_job(const char *pool, const char *name, const struct record *answer)
{
	struct wait w = { .what = name, .timeout = -1 };
	struct refusal refusal;

	/* What ended before is seen at the first look. */
	if (nl_subscribe(&refusal))
		return refusal_report(&refusal, name);
	w.job.kind = DRP_OBJ_JOB;
	w.job.id = rec_u64(answer, DRP_A_JOB_ID);
	strscpy(w.job.pool, pool, sizeof(w.job.pool));
	snprintf(w.job.qualified, sizeof(w.job.qualified), "%s/%llu", pool,
		 (unsigned long long)w.job.id);
	return wait_for(&w);
}

int snapshot_device_create(const char *pool, const char *name, const struct record *answer)
{
	int status = 0;

	if (rec_u64(answer, DRP_A_RETURN_VALUE) == DRP_RV_JOB_STARTED)
		status = wait_for_job(pool, name, answer);
	return status ?: make_device(pool, name);
}

int snapshot_device_remove(const struct ref *sync, bool *removed)
{
	struct ref element = { .kind = DRP_OBJ_ELEMENT };
	struct refusal refusal;
	struct dm_device d;
	struct record r;
	u64 number;
	int status;

	*removed = false;
	element.id = rec_u64(&sync->record, DRP_A_TARGET_ID);
	strscpy(element.pool, sync->pool, sizeof(element.pool));
	if (ref_fetch(&element, &r, &refusal))
		return refusal_report(&refusal, sync->qualified);
	number = element_virtual(&r) ? rec_u64(&r, DRP_A_ELEMENT_DEV) : 0;
	record_free(&r);
	if (!number)
		return 0;
	status = dm_query(NULL, kernel_dev(number), &d);
	if (status || !d.exists)
		return status;
	if (d.open_count > 0)
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), sync->qualified,
			    "In Use (6): its device /dev/mapper/%s is open; unmount or stop what uses it",
			    d.name);
	status = dm_remove(d.name);
	*removed = !status;
	return status;
}

int snapshot_device_again(const struct ref *sync)
{
	return make_device(sync->pool, rec_str(&sync->record, DRP_A_TARGET_NAME));
}
