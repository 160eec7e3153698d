// SPDX-License-Identifier: GPL-2.0-only
/* Names: the kernel is asked for all objects of a kind, the tool picks. */
#include "resolve.h"

static const struct kind_info {
	u8 get;
	u16 id_attr, name_attr;
	const char *noun;
} kinds[] = {
	[DRP_OBJ_POOL]	= { DRP_CMD_GET_POOL, 0, DRP_A_POOL_NAME, "pool" },
	[DRP_OBJ_ELEMENT] = { DRP_CMD_GET_ELEMENT, DRP_A_ELEMENT_ID, DRP_A_ELEMENT_NAME,
			      "element" },
	[DRP_OBJ_SYNC]	= { DRP_CMD_GET_SYNC, DRP_A_SYNC_ID, DRP_A_SYNC_NAME, "synchronization" },
	[DRP_OBJ_GROUP]	= { DRP_CMD_GET_GROUP, DRP_A_GROUP_ID, DRP_A_GROUP_NAME, "group" },
	[DRP_OBJ_JOB]	= { DRP_CMD_GET_JOB, DRP_A_JOB_ID, 0, "job" },
	[DRP_OBJ_ASPECT] = { DRP_CMD_GET_ASPECT, DRP_A_ASPECT_ID, DRP_A_ASPECT_NAME, "aspect" },
};

u16 object_id_attr(enum drp_object_kind kind)
{
	return kinds[kind].id_attr;
}

u16 object_name_attr(enum drp_object_kind kind)
{
	return kinds[kind].name_attr;
}

const char *object_noun(enum drp_object_kind kind)
{
	return kinds[kind].noun;
}

int split_name(const char *text, char *pool, char *name)
{
	const char *slash = strchr(text, '/'), *given = text, *problem;

	*pool = '\0';
	if (slash) {
		if (slash - text > DRP_NAME_MAX)
			return fail(EX_USAGE, text, "the pool's name is longer than %u bytes; names are POOL/NAME",
				    DRP_NAME_MAX);
		snprintf(pool, DRP_NAME_MAX + 1, "%.*s", (int)(slash - text), text);
		problem = drp_name_problem(pool);
		if (problem)
			return fail(EX_USAGE, text, "%s; names are POOL/NAME", problem);
		text = slash + 1;
	}
	problem = drp_name_problem(text);
	if (problem)
		return fail(EX_USAGE, *given ? given : "NAME", "%s; names are POOL/NAME or NAME", problem);
	strscpy(name, text, DRP_NAME_MAX + 1);
	return 0;
}

int list_objects(enum drp_object_kind kind, const char *pool, struct records *list,
		 struct refusal *refusal)
{
	struct request *req = req_new(kinds[kind].get);

	if (pool)
		req_str(req, DRP_A_POOL_NAME, pool);
	return ask_all(req, list, refusal);
}

static bool names_it(const struct record *r, enum drp_object_kind kind, const char *pool,
		     const char *name)
{
	char number[24];

	if (*pool && strcmp(rec_str(r, DRP_A_POOL_NAME), pool))
		return false;
	if (kind != DRP_OBJ_JOB)
		return !strcmp(rec_str(r, kinds[kind].name_attr), name);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)rec_u64(r, DRP_A_JOB_ID));
	return !strcmp(number, name);
}

static void fill_ref(struct ref *ref, enum drp_object_kind kind, struct record *r,
		     const char *name)
{
	memset(ref, 0, sizeof(*ref));
	ref->kind = kind;
	strscpy(ref->pool, rec_str(r, DRP_A_POOL_NAME), sizeof(ref->pool));
	strscpy(ref->name, name, sizeof(ref->name));
	if (kinds[kind].id_attr)
		ref->id = rec_u64(r, kinds[kind].id_attr);
	if (kind == DRP_OBJ_POOL)
		snprintf(ref->qualified, sizeof(ref->qualified), "%s", ref->pool);
	else
		snprintf(ref->qualified, sizeof(ref->qualified), "%s/%s", ref->pool, ref->name);
	ref->record = *r;
	memset(r, 0, sizeof(*r));	/* the reference owns it now */
}

/* Which of @list is it? Its index, -ENOENT, or -ENOTUNIQ. */
static int pick(const struct records *list, enum drp_object_kind kind, const char *pool,
		const char *name)
{
	int found = -ENOENT;
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		if (names_it(&list->v[i], kind, pool, name)) {
			if (found >= 0)
				return -ENOTUNIQ;
			found = i;
		}
	return found;
}

static int report_ambiguous(const struct records *list, enum drp_object_kind kind,
			    const char *name)
{
	char candidates[512] = "";
	unsigned int i;
	int len = 0;

	for (i = 0; i < list->nr; i++)
		if (names_it(&list->v[i], kind, "", name))
			len += scnprintf(candidates + len, sizeof(candidates) - len, "%s%s/%s",
					 len ? ", " : "", rec_str(&list->v[i], DRP_A_POOL_NAME),
					 name);
	return fail(EX_USAGE, name, "the %s is not clear, several pools have this name; say which: %s",
		    kinds[kind].noun, candidates);
}

static int report_missing(enum drp_object_kind kind, const char *text)
{
	char why[DRP_MESSAGE_MAX];

	if (kind == DRP_OBJ_SYNC)
		snprintf(why, sizeof(why), "there is no such synchronization; 'replctl list' lists them");
	else if (kind == DRP_OBJ_POOL)
		snprintf(why, sizeof(why), "no pool of this name is active; 'replctl pool list' lists those that are");
	else
		snprintf(why, sizeof(why), "there is no such %s; 'replctl %s list' lists them",
			 kinds[kind].noun, kinds[kind].noun);
	return fail_rv(DRP_RV_NOT_FOUND, text, why);
}

/* Common part: @list is left for the caller's report and must be freed. */
static int look_up(enum drp_object_kind kind, const char *pool, const char *name,
		   struct ref *ref, struct records *list, struct refusal *refusal)
{
	int i;

	memset(list, 0, sizeof(*list));
	memset(ref, 0, sizeof(*ref));
	/* A pool that is named but not there is not found, which a dump of all tells. */
	if (list_objects(kind, NULL, list, refusal))
		return -EIO;
	i = pick(list, kind, pool, name);
	if (i < 0)
		return i;
	fill_ref(ref, kind, &list->v[i], name);
	return 0;
}

int resolve_quietly(enum drp_object_kind kind, const char *text, struct ref *ref,
		    struct refusal *refusal)
{
	char pool[DRP_NAME_MAX + 1], name[DRP_NAME_MAX + 1];
	const char *slash = strchr(text, '/');
	struct records list;
	int err;

	if (strlen(text) > 2 * DRP_NAME_MAX)
		return -ENOENT;
	snprintf(pool, sizeof(pool), "%.*s", slash ? (int)(slash - text) : 0, text);
	strscpy(name, slash ? slash + 1 : text, sizeof(name));
	err = look_up(kind, pool, name, ref, &list, refusal);
	records_free(&list);
	return err;
}

int resolve(enum drp_object_kind kind, const char *text, struct ref *ref)
{
	char pool[DRP_NAME_MAX + 1], name[DRP_NAME_MAX + 1];
	struct refusal refusal;
	struct records list;
	int status;

	if (kind == DRP_OBJ_POOL && strchr(text, '/'))
		return fail(EX_USAGE, text, "the name of a pool is wanted; it has no slash");
	status = split_name(text, pool, name);
	if (status)
		return status;
	status = look_up(kind, pool, name, ref, &list, &refusal);
	if (status == -EIO)
		status = refusal_report(&refusal, text);
	else if (status == -ENOTUNIQ)
		status = report_ambiguous(&list, kind, name);
	else if (status)
		status = report_missing(kind, text);
	records_free(&list);
	return status;
}

void ref_free(struct ref *ref)
{
	record_free(&ref->record);
}

void req_ref(struct request *req, const struct ref *ref)
{
	req_str(req, DRP_A_POOL_NAME, ref->pool);
	if (kinds[ref->kind].id_attr)
		req_u64(req, kinds[ref->kind].id_attr, ref->id);
}

int ref_fetch(const struct ref *ref, struct record *answer, struct refusal *refusal)
{
	struct request *req = req_new(kinds[ref->kind].get);

	req_ref(req, ref);
	return ask_one(req, answer, refusal);
}
