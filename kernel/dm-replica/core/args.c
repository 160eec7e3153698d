// SPDX-License-Identifier: GPL-2.0-only
/* Messages: see args.h. */
#include "args_word.h"

static int add_member(const char *what, const char *text, struct drp_request *req,
		      struct drp_parse_error *err)
{
	unsigned int i;
	u64 id;

	if (drp_arg_id(what, text, false, &id, err))
		return -EINVAL;
	for (i = 0; i < req->nr_members; i++)
		if (req->members[i] == id)
			return drp_bad(err, "%s: '%.48s' is given twice", what, text);
	if (req->nr_members == DRP_ARGS_MEMBERS_MAX)
		return drp_bad(err,
			       "%s: '%.48s' is one more than the %d that one request can carry",
			       what, text, DRP_ARGS_MEMBERS_MAX);
	req->members[req->nr_members++] = id;
	return 0;
}

#define TAKES_FORCE	BIT(0)
#define TAKES_DRY_RUN	BIT(1)
#define TAKES_PAIRS	BIT(2)
#define TAKES_SETTINGS	BIT(3)

/* One word after the fixed ones. */
static int parse_option(const char *text, unsigned int takes, struct drp_request *req,
			struct drp_parse_error *err)
{
	u32 before = req->settings.mask, new;
	int r = 0;

	if (takes & TAKES_FORCE)
		r = drp_arg_flag(text, "force", &req->force, err);
	if (!r && (takes & TAKES_DRY_RUN))
		r = drp_arg_flag(text, "dry_run", &req->dry_run, err);
	if (r)
		return r < 0 ? r : 0;
	if ((takes & TAKES_PAIRS) && !strncmp(text, "pair:", 5))
		return add_member("pair", text + 5, req, err);
	if (!(takes & TAKES_SETTINGS))
		return drp_bad(err, "'%.64s' is one word too many", text);
	if (drp_parse_setting(text, &req->settings, err))
		return -EINVAL;
	new = req->settings.mask & ~before;
	if (new & ~drp_settings_allowed(req->kind, req->object))
		return drp_bad(err, "setting '%s' does not apply to this request",
			       drp_setting_key(new));
	return 0;
}

static int parse_options(unsigned int argc, char **argv, unsigned int takes,
			 struct drp_request *req, struct drp_parse_error *err)
{
	unsigned int i;

	for (i = 0; i < argc; i++)
		if (parse_option(argv[i], takes, req, err))
			return -EINVAL;
	return 0;
}

/* The parsers below get the words after the command; their number was checked. */

static int parse_create_element(unsigned int argc, char **argv, struct drp_request *req,
				struct drp_parse_error *err)
{
	req->object = DRP_OBJ_ELEMENT;
	if (drp_arg_id("element id", argv[0], true, &req->id, err) ||
	    drp_arg_new_name(argv[1], &req->name, err))
		return -EINVAL;
	return parse_options(argc - 2, argv + 2, TAKES_SETTINGS, req, err);
}

static int parse_delete_element(unsigned int argc, char **argv, struct drp_request *req,
				struct drp_parse_error *err)
{
	req->object = DRP_OBJ_ELEMENT;
	if (drp_arg_id("element id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_options(argc - 1, argv + 1, TAKES_FORCE, req, err);
}

static int parse_create_sync(unsigned int argc, char **argv, struct drp_request *req,
			     struct drp_parse_error *err)
{
	req->object = DRP_OBJ_SYNC;
	if (drp_arg_id("sync id", argv[0], true, &req->id, err) ||
	    drp_arg_word("sync type", DRP_ENUM_SYNC_TYPE, argv[1], &req->sync_type, err) ||
	    drp_arg_id("source id", argv[2], false, &req->source_id, err) ||
	    drp_arg_id("target id", argv[3], req->sync_type == DRP_SYNC_SNAPSHOT, &req->target_id,
		       err))
		return -EINVAL;
	if (req->source_id == req->target_id)
		return drp_bad(err, "target id: '%.48s' is the source as well", argv[3]);
	return parse_options(argc - 4, argv + 4, TAKES_FORCE | TAKES_DRY_RUN | TAKES_SETTINGS,
			     req, err);
}

static int parse_modify(unsigned int argc, char **argv, struct drp_request *req,
			struct drp_parse_error *err)
{
	const char *id = argv[1];
	bool pairs;

	req->object = DRP_OBJ_SYNC;
	if (!strncmp(id, "group:", 6)) {
		req->object = DRP_OBJ_GROUP;
		id += 6;
	}
	if (drp_arg_word("operation", DRP_ENUM_OPERATION, argv[0], &req->operation, err) ||
	    drp_arg_id(req->object == DRP_OBJ_GROUP ? "group id" : "sync id", id, false,
		       &req->id, err) ||
	    parse_options(argc - 2, argv + 2,
			  TAKES_FORCE | TAKES_DRY_RUN | TAKES_PAIRS | TAKES_SETTINGS, req, err))
		return -EINVAL;
	pairs = req->operation == DRP_OP_ADD_SYNC_PAIR ||
		req->operation == DRP_OP_REMOVE_SYNC_PAIR;
	if (pairs && !req->nr_members)
		return drp_bad(err, "operation '%.48s' needs at least one pair:<sync id>", argv[0]);
	if (!pairs && req->nr_members)
		return drp_bad(err, "operation '%.48s' takes no pair:<sync id>", argv[0]);
	return 0;
}

static int parse_set(unsigned int argc, char **argv, struct drp_request *req,
		     struct drp_parse_error *err)
{
	static const struct {
		const char *prefix;
		enum drp_object_kind object;
	} objects[] = {
		{ "element:", DRP_OBJ_ELEMENT },
		{ "sync:", DRP_OBJ_SYNC },
		{ "group:", DRP_OBJ_GROUP },
	};
	unsigned int i;

	if (!strcmp(argv[0], "pool"))
		req->object = DRP_OBJ_POOL;
	for (i = 0; req->object == DRP_OBJ_NONE && i < ARRAY_SIZE(objects); i++) {
		size_t len = strlen(objects[i].prefix);

		if (strncmp(argv[0], objects[i].prefix, len))
			continue;
		req->object = objects[i].object;
		if (drp_arg_id(argv[0], argv[0] + len, false, &req->id, err))
			return -EINVAL;
	}
	if (req->object == DRP_OBJ_NONE)
		return drp_bad(err,
			       "set: '%.64s' is not pool, element:<id>, sync:<id> or group:<id>",
			       argv[0]);
	return parse_options(argc - 1, argv + 1, TAKES_SETTINGS, req, err);
}

static int parse_members(unsigned int argc, char **argv, struct drp_request *req,
			 struct drp_parse_error *err)
{
	unsigned int i;

	for (i = 0; i < argc; i++)
		if (add_member("element id", argv[i], req, err))
			return -EINVAL;
	return 0;
}

static int parse_create_group(unsigned int argc, char **argv, struct drp_request *req,
			      struct drp_parse_error *err)
{
	req->object = DRP_OBJ_GROUP;
	if (drp_arg_id("group id", argv[0], true, &req->id, err) ||
	    drp_arg_new_name(argv[1], &req->name, err))
		return -EINVAL;
	return parse_members(argc - 2, argv + 2, req, err);
}

static int parse_delete_group(unsigned int argc, char **argv, struct drp_request *req,
			      struct drp_parse_error *err)
{
	req->object = DRP_OBJ_GROUP;
	if (drp_arg_id("group id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_options(argc - 1, argv + 1, 0, req, err);
}

static int parse_group_members(unsigned int argc, char **argv, struct drp_request *req,
			       struct drp_parse_error *err)
{
	req->object = DRP_OBJ_GROUP;
	if (drp_arg_id("group id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_members(argc - 1, argv + 1, req, err);
}

static int parse_job(unsigned int argc, char **argv, struct drp_request *req,
		     struct drp_parse_error *err)
{
	req->object = DRP_OBJ_JOB;
	if (drp_arg_id("job id", argv[0], false, &req->id, err))
		return -EINVAL;
	if (!strcmp(argv[1], "suspend"))
		req->job_request = DRP_JOB_REQ_SUSPEND;
	else if (!strcmp(argv[1], "resume"))
		req->job_request = DRP_JOB_REQ_START;
	else if (!strcmp(argv[1], "terminate"))
		req->job_request = DRP_JOB_REQ_TERMINATE;
	else
		return drp_bad(err, "job: '%.64s' is not suspend, resume or terminate", argv[1]);
	return parse_options(argc - 2, argv + 2, 0, req, err);
}

static int parse_delete_aspect(unsigned int argc, char **argv, struct drp_request *req,
			       struct drp_parse_error *err)
{
	req->object = DRP_OBJ_ASPECT;
	if (drp_arg_id("aspect id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_options(argc - 1, argv + 1, TAKES_FORCE, req, err);
}

static int parse_restore_aspect(unsigned int argc, char **argv, struct drp_request *req,
				struct drp_parse_error *err)
{
	req->object = DRP_OBJ_ASPECT;
	if (drp_arg_id("aspect id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_options(argc - 1, argv + 1, TAKES_FORCE | TAKES_DRY_RUN | TAKES_SETTINGS,
			     req, err);
}

static const struct message {
	const char *word;
	const char *usage;
	unsigned int words;	/* least number of words after the command */
	enum drp_request_kind kind;
	int (*parse)(unsigned int argc, char **argv, struct drp_request *req,
		     struct drp_parse_error *err);
} messages[] = {
	{ "create_element", "<id> <name> [<key>=<value>...]", 2,
	  DRP_REQ_CREATE_ELEMENT, parse_create_element },
	{ "delete_element", "<id> [force]", 1, DRP_REQ_DELETE_ELEMENT, parse_delete_element },
	{ "create_sync", "<id> <type> <source id> <target id> [force] [dry_run] [<key>=<value>...]",
	  4, DRP_REQ_CREATE_SYNC, parse_create_sync },
	{ "modify",
	  "<operation> <sync id | group:<id>> [force] [dry_run] [pair:<sync id>...] [<key>=<value>]",
	  2, DRP_REQ_MODIFY, parse_modify },
	{ "set", "pool|element:<id>|sync:<id>|group:<id> <key>=<value>...", 2,
	  DRP_REQ_SET, parse_set },
	{ "create_group", "<id> <name> [<element id>...]", 2,
	  DRP_REQ_CREATE_GROUP, parse_create_group },
	{ "delete_group", "<id>", 1, DRP_REQ_DELETE_GROUP, parse_delete_group },
	{ "add_members", "<group id> <element id>...", 2,
	  DRP_REQ_ADD_MEMBERS, parse_group_members },
	{ "remove_members", "<group id> <element id>...", 2,
	  DRP_REQ_REMOVE_MEMBERS, parse_group_members },
	{ "job", "<id> suspend|resume|terminate", 2, DRP_REQ_JOB, parse_job },
	{ "delete_aspect", "<id> [force]", 1, DRP_REQ_DELETE_ASPECT, parse_delete_aspect },
	{ "restore_aspect", "<id> [force] [dry_run] [<key>=<value>...]", 1,
	  DRP_REQ_RESTORE_ASPECT, parse_restore_aspect },
};

int drp_parse_message(unsigned int argc, char **argv, struct drp_request *req,
		      struct drp_parse_error *err)
{
	unsigned int i;

	memset(req, 0, sizeof(*req));
	if (!argc)
		return drp_bad(err, "the message is empty");
	for (i = 0; i < ARRAY_SIZE(messages); i++) {
		const struct message *m = &messages[i];

		if (strcmp(argv[0], m->word))
			continue;
		if (argc - 1 < m->words)
			return drp_bad(err, "'%s' needs more words: %s", m->word, m->usage);
		req->kind = m->kind;
		return m->parse(argc - 1, argv + 1, req, err);
	}
	return drp_bad(err, "message '%.64s' is not known", argv[0]);
}
