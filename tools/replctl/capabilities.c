// SPDX-License-Identifier: GPL-2.0-only
/* replctl capabilities: operations as the kernel answers, copy states as the common table says */
#include "commands.h"
#include "output.h"
#include "resolve.h"
#include "state.h"

static void out_states(struct node *o, const char *key, const char *column, const struct record *r,
		       u16 attr)
{
	struct node *array;
	char text[512] = "";
	unsigned int i;
	int len = 0;
	u64 state;

	if (output_is_json()) {
		array = out_array(o, key);
		for (i = 0; rec_u64_at(r, attr, i, &state); i++) {
			struct node *item = out_object(array, NULL);

			out_uint(item, "value", NULL, state);
			out_str(item, "name", NULL, drp_name(DRP_ENUM_COPY_STATE, state));
		}
		return;
	}
	for (i = 0; rec_u64_at(r, attr, i, &state); i++)
		len += scnprintf(text + len, sizeof(text) - len, "%s%s", i ? "," : "",
				 drp_name(DRP_ENUM_COPY_STATE, state));
	out_str(o, key, column, text);
}

static void out_maybe_bool(struct node *o, const char *key, const char *column,
			   const struct record *r, u16 attr)
{
	if (rec_has(r, attr))
		out_bool(o, key, column, rec_u64(r, attr));
	else
		out_null(o, key, column);
}

/* Force matters only to who could do it. */
static void out_requires_force(struct node *row, const struct record *r)
{
	if (rec_u64(r, DRP_A_POSSIBLE_NOW))
		out_maybe_bool(row, "RequiresForce", "FORCE", r, DRP_A_REQUIRES_FORCE);
	else
		out_null(row, "RequiresForce", "FORCE");
}

static void add_operations(struct node *root, const struct records *answers, bool of_sync)
{
	struct node *array = out_array(root, "SupportedOperations");
	unsigned int i;

	for (i = 0; i < answers->nr; i++) {
		const struct record *r = &answers->v[i];
		struct node *row = out_object(array, NULL);

		out_enum(row, "Operation", "OPERATION", DRP_ENUM_OPERATION,
			 rec_u64(r, DRP_A_OPERATION));
		out_bool(row, "Supported", "SUPPORTED", rec_u64(r, DRP_A_SUPPORTED));
		if (of_sync) {
			out_maybe_bool(row, "PossibleNow", "POSSIBLE", r, DRP_A_POSSIBLE_NOW);
			out_requires_force(row, r);
		}
		if (rec_u64(r, DRP_A_RESULT_COPY_STATE) &&
		    (!of_sync || rec_u64(r, DRP_A_POSSIBLE_NOW)))
			out_enum(row, "ResultCopyState", "LEADS-TO", DRP_ENUM_COPY_STATE,
				 rec_u64(r, DRP_A_RESULT_COPY_STATE));
		else
			out_null(row, "ResultCopyState", "LEADS-TO");
		if (of_sync)
			out_str(row, "Reason", "WHY", !rec_u64(r, DRP_A_SUPPORTED) ? "not supported" :
				rec_str(r, DRP_A_MESSAGE));
		out_states(row, "FromCopyStates", of_sync ? NULL : "FROM", r, DRP_A_FROM_COPY_STATE);
		out_states(row, "FromCopyStatesWithForce", of_sync ? NULL : "FROM-WITH-FORCE", r,
			   DRP_A_FROM_COPY_STATE_FORCE);
	}
}

static void add_copy_states(struct node *root, u16 sync_type)
{
	struct node *array = out_array(root, "SupportedCopyStates");
	unsigned int i;
	u32 state;

	for (i = 0; !drp_enum_value(DRP_ENUM_COPY_STATE, i, &state); i++) {
		struct drp_host_access access;
		struct node *row;

		if (!drp_state_valid(sync_type, state))
			continue;
		access = drp_state_access(sync_type, state, false);
		row = out_object(array, NULL);
		out_enum(row, "CopyState", "COPYSTATE", DRP_ENUM_COPY_STATE, state);
		out_enum(row, "SourceHostAccessible", "SOURCE-ACCESS", DRP_ENUM_ACCESS, access.source);
		out_enum(row, "TargetHostAccessible", "TARGET-ACCESS", DRP_ENUM_ACCESS, access.target);
	}
}

/* What can be done to an aspect that one of this SyncType has left: the DMTF's numbers. */
static void add_aspect_operations(struct node *root, u16 sync_type)
{
	static const struct {
		u16 value;
		const char *name;
	} operations[] = { { 4, "Delete" }, { 5, "Copy To Target" }, { 7, "Restore" } };
	const unsigned int nr = sync_type == DRP_SYNC_SNAPSHOT ? ARRAY_SIZE(operations) : 1;
	struct node *array, *item;
	unsigned int i;

	if (!output_is_json())
		return;
	array = out_array(root, "SupportedSettingsDefineStateOperations");
	for (i = 0; i < nr; i++) {
		item = out_object(array, NULL);
		out_uint(item, "value", NULL, operations[i].value);
		out_str(item, "name", NULL, operations[i].name);
	}
}

/* One SyncType, or one sync (@sync not NULL), into @o. */
static int add_one(struct node *o, const char *pool, u16 sync_type, const struct ref *sync)
{
	struct request *req = req_new(DRP_CMD_CAPABILITIES);
	struct records answers;
	struct refusal refusal;

	if (sync) {
		req_ref(req, sync);
	} else {
		req_str(req, DRP_A_POOL_NAME, pool);
		req_u16(req, DRP_A_SYNC_TYPE, sync_type);
	}
	if (ask_all(req, &answers, &refusal))
		return refusal_report(&refusal, sync ? sync->qualified : "capabilities");
	if (sync)
		out_str(o, "Synchronization", NULL, sync->qualified);
	out_enum(o, "SyncType", NULL, DRP_ENUM_SYNC_TYPE, sync_type);
	if (sync)
		out_enum(o, "CopyState", NULL, DRP_ENUM_COPY_STATE,
			 rec_u64(&sync->record, DRP_A_COPY_STATE));
	add_operations(o, &answers, sync);
	add_copy_states(o, sync_type);
	add_aspect_operations(o, sync_type);
	records_free(&answers);
	return 0;
}

static int of_sync(const char *name)
{
	struct node *root;
	struct ref sync;
	int status;

	status = resolve(DRP_OBJ_SYNC, name, &sync);
	if (status)
		return status;
	root = out_object(NULL, NULL);
	status = add_one(root, sync.pool, rec_u64(&sync.record, DRP_A_SYNC_TYPE), &sync);
	if (!status)
		out_print(root, NULL);
	ref_free(&sync);
	return status;
}

static int of_service(void)
{
	static const char * const keys[] = { "Mirror", "Snapshot", "Clone" };
	struct refusal refusal;
	struct records pools;
	struct node *root;
	unsigned int i;
	int status = 0;

	if (list_objects(DRP_OBJ_POOL, NULL, &pools, &refusal))
		return refusal_report(&refusal, "capabilities");
	if (!pools.nr)
		return fail_rv(DRP_RV_NOT_FOUND, "capabilities",
			       "no pool is active; 'replctl pool activate --all' activates those of this machine");
	root = out_object(NULL, NULL);
	for (i = 0; i < ARRAY_SIZE(keys) && !status; i++)
		status = add_one(out_object(root, keys[i]), rec_str(&pools.v[0], DRP_A_POOL_NAME),
				 DRP_SYNC_MIRROR + i, NULL);
	records_free(&pools);
	if (!status)
		out_print(root, NULL);
	return status;
}

static int capabilities(const struct args *a)
{
	return a->argc ? of_sync(a->argv[0]) : of_service();
}

DEFINE_COMMANDS(capabilities) = {
	{ "capabilities", capabilities, "Show which operations and copy states there are, or are possible now",
	  "[SYNC]",
	  "GetSupportedOperations and GetSupportedCopyStates of each SyncType; for a SYNC also\n"
	  "what --dry-run would accept now, what Force is for, and why not. A module that has an\n"
	  "active pool is asked; without one the answer is Not Found (19).",
	  "replctl capabilities\nreplctl capabilities tank/home-copy --json", 0, 0, 1, 0 },
};
END_COMMANDS(capabilities);
