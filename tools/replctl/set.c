// SPDX-License-Identifier: GPL-2.0-only
/* replctl set: settings of a pool, element, sync or group */
#include "commands.h"
#include "method.h"

static int kind_of(const char *word, enum drp_object_kind *kind)
{
	static const struct {
		const char *word;
		enum drp_object_kind kind;
	} kinds[] = {
		{ "pool", DRP_OBJ_POOL }, { "element", DRP_OBJ_ELEMENT },
		{ "sync", DRP_OBJ_SYNC }, { "group", DRP_OBJ_GROUP },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(word, kinds[i].word)) {
			*kind = kinds[i].kind;
			return 0;
		}
	return fail(EX_USAGE, word, "pool, element, sync or group is wanted; see 'replctl help set'");
}

static int add_settings(struct request *req, const struct args *a)
{
	struct drp_settings settings = { 0 };
	struct drp_parse_error err = { "" };
	unsigned int i;

	for (i = 2; i < a->argc; i++) {
		if (strlen(a->argv[i]) > DRP_SETTING_MAX)
			return fail(EX_USAGE, a->argv[i], "a setting has at most %u bytes; see 'replctl help set'",
				    DRP_SETTING_MAX);
		if (drp_parse_setting(a->argv[i], &settings, &err))
			return fail(EX_USAGE, a->argv[i], "%s; see 'replctl help set'", err.text);
		req_str(req, DRP_A_SETTING, a->argv[i]);
	}
	return 0;
}

static int set(const struct args *a)
{
	enum drp_object_kind kind = DRP_OBJ_NONE;
	struct report report;
	struct request *req;
	struct ref ref;
	int status;

	status = kind_of(a->argv[0], &kind);
	if (status)
		return status;
	req = req_new(DRP_CMD_SET);
	status = add_settings(req, a);
	if (!status)
		status = resolve(kind, a->argv[1], &ref);
	if (status) {
		req_free(req);
		return status;
	}
	req_ref(req, &ref);
	report_start(&report, false);
	report_method(&report, a, req, ref.qualified, NULL, DRP_OBJ_NONE, NULL);
	ref_free(&ref);
	return report_end(&report);
}

DEFINE_COMMANDS(set) = {
	{ "set", set, "Change settings of a pool, element, synchronization or group",
	  "pool|element|sync|group NAME KEY=VALUE...",
	  "Keys of a synchronization: copy_priority, rate_limit (bytes per second, 0 for none),\n"
	  "recovery_mode (automatic, manual), failed_copy_stops_host_io (yes, no), name,\n"
	  "auto_delete (yes, no: a snapshot may be given up for room in COW space).\n"
	  "Keys of an element: read_policy (source, balance), active_extents_max (32 to 1048576), name.\n"
	  "Key of a pool: cow_memory (1 to 65536, 32 unless set: MiB of memory that the index of its\n"
	  "COW space may take). Groups are not built yet: Not Supported.",
	  "replctl set sync tank/home-copy rate_limit=50M copy_priority=low\n"
	  "replctl set element tank/home read_policy=balance\n"
	  "replctl set pool tank cow_memory=8", 0, 3, MANY, 0 },
};
END_COMMANDS(set);
