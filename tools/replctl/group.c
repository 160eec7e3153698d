// SPDX-License-Identifier: GPL-2.0-only
/* replctl group create, delete, add, remove, list, show */
#include "commands.h"
#include "fields.h"
#include "method.h"

/* The elements of @a from @first on, which are in @pool. */
static int add_members(struct request *req, const struct args *a, unsigned int first,
		       const char *pool)
{
	struct ref element;
	unsigned int i;
	int status;

	if (a->argc - first > DRP_ARGS_MEMBERS_MAX)
		return fail(EX_USAGE, a->argv[first], "too many elements, at most %u at once; add them in turns",
			    DRP_ARGS_MEMBERS_MAX);
	for (i = first; i < a->argc; i++) {
		status = resolve(DRP_OBJ_ELEMENT, a->argv[i], &element);
		if (status)
			return status;
		ref_free(&element);
		if (strcmp(element.pool, pool))
			return fail(drp_rv_to_exit_status(DRP_RV_INVALID_PARAMETER), a->argv[i],
				    "Invalid Parameter (5): it is in the pool %s, the group in %s; a group is within one pool",
				    element.pool, pool);
		req_u64(req, DRP_A_MEMBER_ID, element.id);
	}
	return 0;
}

static int send(const struct args *a, struct request *req, const char *pool, const char *qualified)
{
	struct report report;
	int status = add_members(req, a, 1, pool);

	if (status) {
		req_free(req);
		return status;
	}
	report_start(&report, false);
	report_method(&report, a, req, qualified, NULL, DRP_OBJ_GROUP, NULL);
	return report_end(&report);
}

static int group_create(const struct args *a)
{
	char pool[DRP_NAME_MAX + 1], name[DRP_NAME_MAX + 1];
	struct request *req;
	struct ref ref;
	int status;

	status = split_name(a->argv[0], pool, name);
	if (status)
		return status;
	if (!*pool)
		return fail(EX_USAGE, a->argv[0], "the pool is missing; say POOL/NAME");
	status = resolve(DRP_OBJ_POOL, pool, &ref);
	if (status)
		return status;
	ref_free(&ref);
	req = req_new(DRP_CMD_CREATE_GROUP);
	req_str(req, DRP_A_POOL_NAME, pool);
	req_str(req, DRP_A_GROUP_NAME, name);
	return send(a, req, pool, a->argv[0]);
}

static int change(const struct args *a, u8 command)
{
	struct request *req;
	struct ref group;
	int status;

	status = resolve(DRP_OBJ_GROUP, a->argv[0], &group);
	if (status)
		return status;
	ref_free(&group);
	req = req_new(command);
	req_ref(req, &group);
	return send(a, req, group.pool, group.qualified);
}

static int group_delete(const struct args *a)
{
	return change(a, DRP_CMD_DELETE_GROUP);
}

static int group_add(const struct args *a)
{
	return change(a, DRP_CMD_ADD_MEMBERS);
}

static int group_remove(const struct args *a)
{
	return change(a, DRP_CMD_REMOVE_MEMBERS);
}

static int group_list(const struct args *a)
{
	return run_list(a, DRP_OBJ_GROUP, "Groups",
			"There is no group; they are not built yet.");
}

static int group_show(const struct args *a)
{
	return run_show(a, DRP_OBJ_GROUP);
}

DEFINE_COMMANDS(group) = {
	{ "group create", group_create, "Create a group of elements", "POOL/NAME [ELEMENT]...",
	  "Groups are not built yet: Not Supported (1).",
	  "replctl group create tank/database data log", 0, 1, MANY, 0 },
	{ "group delete", group_delete, "Delete a group; its elements stay", "NAME", NULL,
	  "replctl group delete tank/database", 0, 1, 1, 0 },
	{ "group add", group_add, "Add elements to a group", "NAME ELEMENT...", NULL,
	  "replctl group add tank/database tank/index", 0, 2, MANY, 0 },
	{ "group remove", group_remove, "Remove elements from a group", "NAME ELEMENT...", NULL,
	  "replctl group remove tank/database tank/index", 0, 2, MANY, 0 },
	{ "group list", group_list, "List groups", "[POOL]", NULL,
	  "replctl group list", 0, 0, 1, 0 },
	{ "group show", group_show, "Show everything about a group", "NAME", NULL,
	  "replctl group show tank/database", 0, 1, 1, 0 },
};
END_COMMANDS(group);
