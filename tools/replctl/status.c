// SPDX-License-Identifier: GPL-2.0-only
/* replctl status: pools, what needs care, and what runs */
#include "advice.h"
#include "commands.h"
#include "fields.h"

static unsigned int count(const struct records *list, const char *pool)
{
	unsigned int i, n = 0;

	for (i = 0; i < list->nr; i++)
		n += !strcmp(rec_str(&list->v[i], DRP_A_POOL_NAME), pool);
	return n;
}

static unsigned int count_state(const struct records *syncs, const char *pool, bool in_sync)
{
	unsigned int i, n = 0;

	for (i = 0; i < syncs->nr; i++)
		if (!strcmp(rec_str(&syncs->v[i], DRP_A_POOL_NAME), pool))
			n += in_sync ? rec_u64(&syncs->v[i], DRP_A_COPY_STATE) == DRP_CS_SYNCHRONIZED :
			     sync_needs_care(&syncs->v[i]);
	return n;
}

static void add_pool(struct node *array, const struct record *pool, const struct records *elements,
		     const struct records *syncs)
{
	const char *name = rec_str(pool, DRP_A_POOL_NAME);
	struct node *row = out_object(array, NULL);
	unsigned int i, missing = 0;

	for (i = 0; i < elements->nr; i++)
		if (!strcmp(rec_str(&elements->v[i], DRP_A_POOL_NAME), name))
			missing += !rec_u64(&elements->v[i], DRP_A_ATTACHED);
	out_str(row, "Pool", "POOL", name);
	out_enum(row, "PoolMode", "MODE", DRP_ENUM_POOL_MODE, rec_u64(pool, DRP_A_POOL_MODE));
	out_uint(row, "Elements", "ELEMENTS", count(elements, name));
	out_uint(row, "ElementsDetached", "DETACHED", missing);
	out_uint(row, "Synchronizations", "SYNCS", count(syncs, name));
	out_uint(row, "Synchronized", "SYNCHRONIZED", count_state(syncs, name, true));
	out_uint(row, "NeedCare", "NEEDCARE", count_state(syncs, name, false));
	out_bytes(row, "MemoryBytes", "MEMORY", rec_u64(pool, DRP_A_MEMORY_BYTES));
}

static void add_advice(struct node *array, const char *pool, const char *name, const char *text)
{
	char qualified[REPLCTL_QUALIFIED_MAX];
	struct node *row;

	if (!*text)
		return;
	snprintf(qualified, sizeof(qualified), "%s%s%s", pool, name ? "/" : "", name ? name : "");
	row = out_object(array, NULL);
	out_str(row, "Object", "OBJECT", qualified);
	out_str(row, "Advice", "WHAT TO DO", text);
}

/* What to do about the pools and syncs that the tables before name. */
static void add_advices(struct node *root, const struct records *pools, const struct records *syncs)
{
	struct node *array = out_array(root, "Advice");
	char text[ADVICE_MAX];
	unsigned int i;

	for (i = 0; i < pools->nr; i++) {
		advise_pool(&pools->v[i], text);
		add_advice(array, rec_str(&pools->v[i], DRP_A_POOL_NAME), NULL, text);
	}
	for (i = 0; i < syncs->nr; i++) {
		if (!sync_needs_care(&syncs->v[i]))
			continue;
		advise_sync(&syncs->v[i], text);
		add_advice(array, rec_str(&syncs->v[i], DRP_A_POOL_NAME),
			   rec_str(&syncs->v[i], DRP_A_SYNC_NAME), text);
	}
}

static int gather(struct records lists[4], struct refusal *refusal)
{
	static const enum drp_object_kind kinds[4] = {
		DRP_OBJ_POOL, DRP_OBJ_ELEMENT, DRP_OBJ_SYNC, DRP_OBJ_JOB,
	};
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (list_objects(kinds[i], NULL, &lists[i], refusal))
			return -1;
	return 0;
}

static int status(const struct args *a)
{
	struct records lists[4] = { 0 };
	struct node *root, *pools, *care, *jobs;
	struct refusal refusal;
	unsigned int i;
	int ret = 0;

	(void)a;
	if (gather(lists, &refusal)) {
		ret = refusal_report(&refusal, "status");
		goto out;
	}
	root = out_object(NULL, NULL);
	pools = out_array(root, "Pools");
	for (i = 0; i < lists[0].nr; i++)
		add_pool(pools, &lists[0].v[i], &lists[1], &lists[2]);
	care = out_array(root, "NeedCare");
	for (i = 0; i < lists[2].nr; i++)
		if (sync_needs_care(&lists[2].v[i]))
			out_object_fields(out_object(care, NULL), DRP_OBJ_SYNC, &lists[2].v[i]);
	add_advices(root, &lists[0], &lists[2]);
	jobs = out_array(root, "RunningJobs");
	for (i = 0; i < lists[3].nr; i++)
		if (rec_u64(&lists[3].v[i], DRP_A_JOB_STATE) < DRP_JOB_COMPLETED)
			out_object_fields(out_object(jobs, NULL), DRP_OBJ_JOB, &lists[3].v[i]);
	if (!lists[0].nr && !output_is_json())
		puts("No pool is active; 'replctl pool activate --all' activates those of this machine.");
	out_print(root, NULL);
out:
	for (i = 0; i < 4; i++)
		records_free(&lists[i]);
	return ret;
}

DEFINE_COMMANDS(status) = {
	{ "status", status, "Show pools, what needs care, and running jobs", "", NULL,
	  "replctl status\nreplctl status --json", 0, 0, 0, 0 },
};
END_COMMANDS(status);
