// SPDX-License-Identifier: GPL-2.0-only
/* replctl create, list, show: synchronizations */
#include "commands.h"
#include "fields.h"
#include "method.h"
#include "snapshot.h"

static int enum_option(const struct args *a, enum option_id id, enum drp_enum which,
		       const char *words, u32 *value)
{
	if (!drp_parse_name(which, a->value[id], value))
		return 0;
	return fail(EX_USAGE, a->value[id], "--%s takes %s; see 'replctl help create'",
		    option_specs[id].name, words);
}

/* "sync" and "async" are the words of the command line, drp_parse_name() knows the long ones. */
static int mode_option(const struct args *a, u32 *mode)
{
	if (!strcmp(a->value[OPT_MODE], "sync"))
		*mode = DRP_MODE_SYNC;
	else if (!strcmp(a->value[OPT_MODE], "async"))
		*mode = DRP_MODE_ASYNC;
	else
		return enum_option(a, OPT_MODE, DRP_ENUM_MODE, "sync or async", mode);
	return 0;
}

/* --name, or SOURCE-TARGET where that is short enough; empty: the kernel chooses. */
static int sync_name(const struct args *a, const char *source, const char *target, char *name)
{
	const char *problem;
	int len;

	if (!opt(a, OPT_NAME)) {
		len = snprintf(name, DRP_NAME_MAX + 1, "%s-%s", source, target);
		if (len > DRP_NAME_MAX)
			*name = '\0';
		return 0;
	}
	problem = drp_name_problem(a->value[OPT_NAME]);
	if (problem)
		return fail(EX_USAGE, a->value[OPT_NAME], "%s; choose another name", problem);
	strscpy(name, a->value[OPT_NAME], DRP_NAME_MAX + 1);
	return 0;
}

/* The target in the source's pool. A snapshot's is created with it, so it may only have a name yet. */
static int target_option(const struct args *a, const struct ref *source, u32 type,
			 struct ref *target)
{
	char pool[DRP_NAME_MAX + 1], name[DRP_NAME_MAX + 1], text[REPLCTL_QUALIFIED_MAX];
	int status;

	status = split_name(a->value[OPT_TARGET], pool, name);
	if (status)
		return status;
	snprintf(text, sizeof(text), "%s/%s", *pool ? pool : source->pool, name);
	if (type == DRP_SYNC_SNAPSHOT) {
		strscpy(target->pool, *pool ? pool : source->pool, sizeof(target->pool));
		strscpy(target->name, name, sizeof(target->name));
	} else {
		status = resolve(DRP_OBJ_ELEMENT, text, target);
		if (status)
			return status;
	}
	if (!strcmp(target->pool, source->pool))
		return 0;
	status = fail(drp_rv_to_exit_status(DRP_RV_INVALID_PARAMETER), a->value[OPT_TARGET],
		      "Invalid Parameter (5): source and target are in different pools, %s and %s; add the device to the source's pool",
		      source->pool, target->pool);
	ref_free(target);
	return status;
}

static int send_create(const struct args *a, u32 type, u32 mode, const struct ref *source,
		       const struct ref *target, const char *name)
{
	struct request *req = req_new(DRP_CMD_CREATE_SYNC);
	char qualified[REPLCTL_QUALIFIED_MAX];
	struct record answer = { 0 };
	struct report report;
	int status;

	snprintf(qualified, sizeof(qualified), "%s/%s", source->pool,
		 *name ? name : target->name);
	req_str(req, DRP_A_POOL_NAME, source->pool);
	if (*name)
		req_str(req, DRP_A_SYNC_NAME, name);
	req_u16(req, DRP_A_SYNC_TYPE, type);
	req_u16(req, DRP_A_MODE, mode);
	req_u64(req, DRP_A_SOURCE_ID, source->id);
	if (target->id)
		req_u64(req, DRP_A_TARGET_ID, target->id);
	else
		req_str(req, DRP_A_TARGET_NAME, target->name);
	req_options(req, a);
	report_start(&report, false);
	status = report_method(&report, a, req, qualified, NULL, DRP_OBJ_SYNC, &answer);
	if (type == DRP_SYNC_SNAPSHOT && answer.attrs && !opt(a, OPT_DRY_RUN))
		status = snapshot_device_create(source->pool, target->name, &answer);
	record_free(&answer);
	return report_end(&report) ?: status;
}

static int check_create(const struct args *a, u32 *type, u32 *mode)
{
	static const enum option_id needed[] = { OPT_TYPE, OPT_SOURCE, OPT_TARGET };
	char option[32];
	unsigned int i;
	int status;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (!opt(a, needed[i])) {
			snprintf(option, sizeof(option), "--%s", option_specs[needed[i]].name);
			return fail(EX_USAGE, option, "missing; see 'replctl help create'");
		}
	status = enum_option(a, OPT_TYPE, DRP_ENUM_SYNC_TYPE, "mirror, snapshot or clone", type);
	*mode = DRP_MODE_SYNC;
	if (!status && opt(a, OPT_MODE))
		status = mode_option(a, mode);
	return status;
}

static int create(const struct args *a)
{
	struct ref source, target = { 0 };
	char name[DRP_NAME_MAX + 1];
	u32 type, mode;
	int status;

	status = check_create(a, &type, &mode);
	if (!status)
		status = resolve(DRP_OBJ_ELEMENT, a->value[OPT_SOURCE], &source);
	if (status)
		return status;
	status = target_option(a, &source, type, &target);
	if (!status)
		status = sync_name(a, source.name, target.name, name);
	if (!status)
		status = wait_prepare(a);
	if (!status)
		status = send_create(a, type, mode, &source, &target, name);
	ref_free(&source);
	ref_free(&target);
	return status;
}

static int list(const struct args *a)
{
	return run_list(a, DRP_OBJ_SYNC, "Synchronizations",
			"There is no synchronization; 'replctl create' makes one.");
}

static int show(const struct args *a)
{
	return run_show(a, DRP_OBJ_SYNC);
}

DEFINE_COMMANDS(sync) = {
	{ "create", create, "Create a synchronization: a mirror, snapshot or clone",
	  "--type TYPE --source ELEMENT --target ELEMENT [--mode MODE] [--name SYNC] [--setting KEY=VALUE]... [--wait-for-copy-state STATE] [--timeout SECONDS] [--force] [--dry-run]",
	  "The content of the target is overwritten; that of a snapshot is a new element, which is\n"
	  "made with it, needs a pool with --cow, and is a device of its own that can be written.\n"
	  "The target of a clone shows the source as it is at this moment, and can be read and\n"
	  "written as soon as the command returns; it is copied in the background.\n"
	  "The name is SOURCE-TARGET unless --name gives another. With --wait-for-copy-state\n"
	  "initialized a mirror is made and not copied, with inactive a snapshot is made without a\n"
	  "point in time.",
	  "replctl create --type mirror --source tank/home --target tank/copy\n"
	  "replctl create --type snapshot --source tank/home --target monday --name monday\n"
	  "replctl create --type mirror --source home --target copy --name nightly --wait-for-copy-state synchronized --timeout 600\n"
	  "replctl create --type clone --source tank/home --target test --setting rate_limit=100M",
	  O(TYPE) | O(MODE) | O(SOURCE) | O(TARGET) | O(NAME) | O(SETTING) |
	  O(WAIT_FOR_COPY_STATE) | O(TIMEOUT) | O(FORCE) | O(DRY_RUN), 0, 0, 0 },
	{ "list", list, "List synchronizations", "[POOL]", NULL,
	  "replctl list\nreplctl list tank --json", 0, 0, 1, 0 },
	{ "show", show, "Show everything about a synchronization", "SYNC", NULL,
	  "replctl show tank/home-copy\nreplctl show home-copy --json", 0, 1, 1, 0 },
};
END_COMMANDS(sync);
