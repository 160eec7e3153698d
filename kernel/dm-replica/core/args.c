// SPDX-License-Identifier: GPL-2.0-only
/* Parsing of messages, table lines and settings: see args.h. */
#include "args.h"
#include "names.h"

/* Formats into @err, keeps what the user typed printable; returns -EINVAL. */
static __printf(2, 3) int fail(struct drp_parse_error *err, const char *fmt, ...)
{
	va_list args;
	char *c;

	va_start(args, fmt);
	vscnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	for (c = err->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -EINVAL;
}

/* Decimal digits, no sign, no superfluous zero in front; *@end is the first other character. */
static int parse_digits(const char *text, const char **end, u64 *value)
{
	u64 v = 0;

	if (*text < '0' || *text > '9' || (text[0] == '0' && text[1] >= '0' && text[1] <= '9'))
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		unsigned int digit = *text - '0';

		if (v > U64_MAX / 10 || (v == U64_MAX / 10 && digit > U64_MAX % 10))
			return -ERANGE;
		v = v * 10 + digit;
	}
	*end = text;
	*value = v;
	return 0;
}

static int parse_range(const char *what, const char *text, u64 low, u64 high, u64 *value,
		       struct drp_parse_error *err)
{
	const char *end;

	if (parse_digits(text, &end, value) || *end)
		return fail(err, "%s: '%.48s' is not a decimal number", what, text);
	if (*value < low || *value > high)
		return fail(err, "%s: '%.48s' is out of range: %llu to %llu", what, text,
			    (unsigned long long)low, (unsigned long long)high);
	return 0;
}

/* As parse_range(), for fields of 32 bits. */
static int parse_range32(const char *what, const char *text, u32 low, u32 high, u32 *value,
			 struct drp_parse_error *err)
{
	u64 v;

	if (parse_range(what, text, low, high, &v, err))
		return -EINVAL;
	*value = v;
	return 0;
}

static int parse_id(const char *what, const char *text, bool zero_chooses, u64 *id,
		    struct drp_parse_error *err)
{
	return parse_range(what, text, zero_chooses ? 0 : 1, S64_MAX, id, err);
}

static int parse_word(const char *what, enum drp_enum which, const char *text, u16 *value,
		      struct drp_parse_error *err)
{
	u32 v;

	if (drp_parse_name(which, text, &v))
		return fail(err, "%s: '%.48s' is none of its values", what, text);
	*value = v;
	return 0;
}

static int parse_bool(const char *what, const char *text, bool *value,
		      struct drp_parse_error *err)
{
	if (!strcmp(text, "yes") || !strcmp(text, "true"))
		*value = true;
	else if (!strcmp(text, "no") || !strcmp(text, "false"))
		*value = false;
	else
		return fail(err, "%s: '%.48s' is neither yes nor no", what, text);
	return 0;
}

/* Bytes with an optional binary suffix. */
static int parse_rate(const char *text, u64 *value, struct drp_parse_error *err)
{
	static const char suffixes[] = "KMGT";
	unsigned int shift = 0;
	const char *end, *s;

	if (parse_digits(text, &end, value))
		return fail(err, "rate_limit: '%.48s' is not a number of bytes per second", text);
	if (*end) {
		s = strchr(suffixes, *end);
		if (!s || end[1])
			return fail(err, "rate_limit: '%.48s' has a suffix other than K, M, G or T",
				    text);
		shift = 10 * (s - suffixes + 1);
	}
	if (*value > (U64_MAX >> shift))
		return fail(err, "rate_limit: '%.48s' is too large", text);
	*value <<= shift;
	return 0;
}

static int parse_new_name(const char *text, const char **name, struct drp_parse_error *err)
{
	const char *problem = drp_name_problem(text);

	if (problem)
		return fail(err, "name: '%.64s': %s", text, problem);
	*name = text;
	return 0;
}

static int parse_identity(const char *text, const char **identity, struct drp_parse_error *err)
{
	size_t i;

	if (!*text)
		return fail(err, "identity: must not be empty");
	for (i = 0; text[i]; i++) {
		if (i == DRP_IDENTITY_MAX)
			return fail(err, "identity: '%.48s...' is longer than %d bytes", text,
				    DRP_IDENTITY_MAX);
		if (text[i] <= ' ' || text[i] > '~')
			return fail(err, "identity: '%.48s' is not printable ASCII without blanks",
				    text);
	}
	*identity = text;
	return 0;
}

static const struct setting_key {
	u32 bit;
	const char *word;
	const char *dmtf;
} setting_keys[] = {
	{ DRP_SET_MODE,			"mode",			"Mode" },
	{ DRP_SET_COPY_PRIORITY,	"copy_priority",	"CopyPriority" },
	{ DRP_SET_RATE_LIMIT,		"rate_limit",		"RateLimit" },
	{ DRP_SET_RECOVERY_MODE,	"recovery_mode",	"CopyRecoveryMode" },
	{ DRP_SET_RECOVERY_MODE,	"copy_recovery_mode",	"RecoveryMode" },
	{ DRP_SET_FAILED_COPY_STOPS,	"failed_copy_stops_host_io", "FailedCopyStopsHostIO" },
	{ DRP_SET_READ_POLICY,		"read_policy",		"ReadPolicy" },
	{ DRP_SET_IN_USE_IGNORE,	"in_use",		"InUse" },
	{ DRP_SET_DEADLINE_MS,		"deadline_ms",		"DeadlineMs" },
	{ DRP_SET_NAME,			"name",			"ElementName" },
	{ DRP_SET_WAIT_STATE,		"wait_for_copy_state",	"WaitForCopyState" },
	{ DRP_SET_SKIP_INITIAL_COPY,	"skip_initial_copy",	"SkipInitialCopy" },
	{ DRP_SET_ACTIVE_EXTENTS_MAX,	"active_extents_max",	"ActiveExtentsMax" },
	{ DRP_SET_IDENTITY,		"identity",		"Identity" },
	{ DRP_SET_SIZE_SECTORS,		"size",			"Size" },
	{ DRP_SET_AUTO_DELETE,		"auto_delete",		"AutoDelete" },
};

const char *drp_setting_key(u32 mask)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(setting_keys); i++)
		if (setting_keys[i].bit & mask)
			return setting_keys[i].word;
	return "unknown";
}

/* Is the text before '=' this key? @word's underscores may be typed as hyphens. */
static bool is_key(const char *text, size_t len, const struct setting_key *k)
{
	size_t i;

	if (strlen(k->dmtf) == len && !memcmp(k->dmtf, text, len))
		return true;
	if (strlen(k->word) != len)
		return false;
	for (i = 0; i < len; i++)
		if (text[i] != k->word[i] && !(k->word[i] == '_' && text[i] == '-'))
			return false;
	return true;
}

static int parse_in_use(const char *text, bool *ignore, struct drp_parse_error *err)
{
	if (!strcmp(text, "ignore"))
		*ignore = true;
	else if (!strcmp(text, "refuse"))
		*ignore = false;
	else
		return fail(err, "in_use: '%.48s' is neither ignore nor refuse", text);
	return 0;
}

static int parse_wait_state(const char *text, u16 *state, struct drp_parse_error *err)
{
	if (parse_word("wait_for_copy_state", DRP_ENUM_COPY_STATE, text, state, err))
		return -EINVAL;
	if (*state == DRP_CS_MIXED)
		return fail(err, "wait_for_copy_state: '%.48s' is no state to wait for", text);
	return 0;
}

static int parse_value(const struct setting_key *k, const char *v, struct drp_settings *s,
		       struct drp_parse_error *err)
{
	switch (k->bit) {
	case DRP_SET_MODE:
		return parse_word(k->word, DRP_ENUM_MODE, v, &s->mode, err);
	case DRP_SET_COPY_PRIORITY:
		return parse_word(k->word, DRP_ENUM_COPY_PRIORITY, v, &s->copy_priority, err);
	case DRP_SET_RATE_LIMIT:
		return parse_rate(v, &s->rate_limit, err);
	case DRP_SET_RECOVERY_MODE:
		return parse_word(k->word, DRP_ENUM_RECOVERY_MODE, v, &s->recovery_mode, err);
	case DRP_SET_FAILED_COPY_STOPS:
		return parse_bool(k->word, v, &s->failed_copy_stops_host_io, err);
	case DRP_SET_READ_POLICY:
		return parse_word(k->word, DRP_ENUM_READ_POLICY, v, &s->read_policy, err);
	case DRP_SET_IN_USE_IGNORE:
		return parse_in_use(v, &s->in_use_ignore, err);
	case DRP_SET_DEADLINE_MS:
		return parse_range32(k->word, v, 1, DRP_DEADLINE_MS_MAX, &s->deadline_ms, err);
	case DRP_SET_NAME:
		return parse_new_name(v, &s->name, err);
	case DRP_SET_WAIT_STATE:
		return parse_wait_state(v, &s->wait_state, err);
	case DRP_SET_SKIP_INITIAL_COPY:
		return parse_bool(k->word, v, &s->skip_initial_copy, err);
	case DRP_SET_ACTIVE_EXTENTS_MAX:
		return parse_range32(k->word, v, DRP_ACTIVE_EXTENTS_LOW, DRP_ACTIVE_EXTENTS_HIGH,
				     &s->active_extents_max, err);
	case DRP_SET_IDENTITY:
		return parse_identity(v, &s->identity, err);
	case DRP_SET_SIZE_SECTORS:
		return parse_range(k->word, v, 1, DRP_SIZE_SECTORS_MAX, &s->size_sectors, err);
	case DRP_SET_AUTO_DELETE:
		return parse_bool(k->word, v, &s->auto_delete, err);
	}
	return fail(err, "setting '%s' has no parser", k->word);
}

int drp_parse_setting(const char *text, struct drp_settings *s, struct drp_parse_error *err)
{
	const char *eq = strchr(text, '=');
	unsigned int i;

	if (!eq)
		return fail(err, "'%.64s' is neither a known word nor KEY=VALUE", text);
	for (i = 0; i < ARRAY_SIZE(setting_keys); i++) {
		const struct setting_key *k = &setting_keys[i];

		if (!is_key(text, eq - text, k))
			continue;
		if (s->mask & k->bit)
			return fail(err, "setting '%s' is given twice", k->word);
		if (parse_value(k, eq + 1, s, err))
			return -EINVAL;
		s->mask |= k->bit;
		return 0;
	}
	return fail(err, "setting '%.64s' is not known", text);
}

#define SYNC_SETTINGS	(DRP_SET_COPY_PRIORITY | DRP_SET_RATE_LIMIT | DRP_SET_RECOVERY_MODE | \
			 DRP_SET_FAILED_COPY_STOPS | DRP_SET_AUTO_DELETE | DRP_SET_NAME | \
			 DRP_SET_DEADLINE_MS)

static u32 set_allowed(enum drp_object_kind object)
{
	switch (object) {
	case DRP_OBJ_POOL:
		return DRP_SET_COPY_PRIORITY | DRP_SET_RATE_LIMIT | DRP_SET_DEADLINE_MS |
		       DRP_SET_NAME;
	case DRP_OBJ_ELEMENT:
		return DRP_SET_READ_POLICY | DRP_SET_ACTIVE_EXTENTS_MAX | DRP_SET_IDENTITY |
		       DRP_SET_SIZE_SECTORS | DRP_SET_NAME;
	case DRP_OBJ_SYNC:
	case DRP_OBJ_GROUP:
		return SYNC_SETTINGS;
	default:
		return 0;
	}
}

u32 drp_settings_allowed(enum drp_request_kind kind, enum drp_object_kind object)
{
	switch (kind) {
	case DRP_REQ_CREATE_ELEMENT:
		return DRP_SET_READ_POLICY | DRP_SET_ACTIVE_EXTENTS_MAX | DRP_SET_IDENTITY |
		       DRP_SET_SIZE_SECTORS;
	case DRP_REQ_CREATE_SYNC:
		return SYNC_SETTINGS | DRP_SET_MODE | DRP_SET_IN_USE_IGNORE |
		       DRP_SET_WAIT_STATE | DRP_SET_SKIP_INITIAL_COPY;
	case DRP_REQ_MODIFY:
		return SYNC_SETTINGS | DRP_SET_MODE | DRP_SET_IN_USE_IGNORE | DRP_SET_WAIT_STATE;
	case DRP_REQ_SET:
		return set_allowed(object);
	default:
		return 0;
	}
}

static int add_member(const char *what, const char *text, struct drp_request *req,
		      struct drp_parse_error *err)
{
	unsigned int i;
	u64 id;

	if (parse_id(what, text, false, &id, err))
		return -EINVAL;
	for (i = 0; i < req->nr_members; i++)
		if (req->members[i] == id)
			return fail(err, "%s: '%.48s' is given twice", what, text);
	if (req->nr_members == DRP_ARGS_MEMBERS_MAX)
		return fail(err, "%s: '%.48s' is one more than the %d that one request can carry",
			    what, text, DRP_ARGS_MEMBERS_MAX);
	req->members[req->nr_members++] = id;
	return 0;
}

#define TAKES_FORCE	BIT(0)
#define TAKES_DRY_RUN	BIT(1)
#define TAKES_PAIRS	BIT(2)
#define TAKES_SETTINGS	BIT(3)

/* "force" and the like: 1 if @text is @word and was taken, 0 if it is another word. */
static int take_flag(const char *text, const char *word, bool *flag, struct drp_parse_error *err)
{
	if (strcmp(text, word))
		return 0;
	if (*flag)
		return fail(err, "'%s' is given twice", word);
	*flag = true;
	return 1;
}

/* One word after the fixed ones. */
static int parse_option(const char *text, unsigned int takes, struct drp_request *req,
			struct drp_parse_error *err)
{
	u32 before = req->settings.mask, new;
	int r = 0;

	if (takes & TAKES_FORCE)
		r = take_flag(text, "force", &req->force, err);
	if (!r && (takes & TAKES_DRY_RUN))
		r = take_flag(text, "dry_run", &req->dry_run, err);
	if (r)
		return r < 0 ? r : 0;
	if ((takes & TAKES_PAIRS) && !strncmp(text, "pair:", 5))
		return add_member("pair", text + 5, req, err);
	if (!(takes & TAKES_SETTINGS))
		return fail(err, "'%.64s' is one word too many", text);
	if (drp_parse_setting(text, &req->settings, err))
		return -EINVAL;
	new = req->settings.mask & ~before;
	if (new & ~drp_settings_allowed(req->kind, req->object))
		return fail(err, "setting '%s' does not apply to this request",
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
	if (parse_id("element id", argv[0], true, &req->id, err) ||
	    parse_new_name(argv[1], &req->name, err))
		return -EINVAL;
	return parse_options(argc - 2, argv + 2, TAKES_SETTINGS, req, err);
}

static int parse_delete_element(unsigned int argc, char **argv, struct drp_request *req,
				struct drp_parse_error *err)
{
	req->object = DRP_OBJ_ELEMENT;
	if (parse_id("element id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_options(argc - 1, argv + 1, TAKES_FORCE, req, err);
}

static int parse_create_sync(unsigned int argc, char **argv, struct drp_request *req,
			     struct drp_parse_error *err)
{
	req->object = DRP_OBJ_SYNC;
	if (parse_id("sync id", argv[0], true, &req->id, err) ||
	    parse_word("sync type", DRP_ENUM_SYNC_TYPE, argv[1], &req->sync_type, err) ||
	    parse_id("source id", argv[2], false, &req->source_id, err) ||
	    parse_id("target id", argv[3], false, &req->target_id, err))
		return -EINVAL;
	if (req->source_id == req->target_id)
		return fail(err, "target id: '%.48s' is the source as well", argv[3]);
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
	if (parse_word("operation", DRP_ENUM_OPERATION, argv[0], &req->operation, err) ||
	    parse_id(req->object == DRP_OBJ_GROUP ? "group id" : "sync id", id, false,
		     &req->id, err) ||
	    parse_options(argc - 2, argv + 2,
			  TAKES_FORCE | TAKES_DRY_RUN | TAKES_PAIRS | TAKES_SETTINGS, req, err))
		return -EINVAL;
	pairs = req->operation == DRP_OP_ADD_SYNC_PAIR ||
		req->operation == DRP_OP_REMOVE_SYNC_PAIR;
	if (pairs && !req->nr_members)
		return fail(err, "operation '%.48s' needs at least one pair:<sync id>", argv[0]);
	if (!pairs && req->nr_members)
		return fail(err, "operation '%.48s' takes no pair:<sync id>", argv[0]);
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
		if (parse_id(argv[0], argv[0] + len, false, &req->id, err))
			return -EINVAL;
	}
	if (req->object == DRP_OBJ_NONE)
		return fail(err, "set: '%.64s' is not pool, element:<id>, sync:<id> or group:<id>",
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
	if (parse_id("group id", argv[0], true, &req->id, err) ||
	    parse_new_name(argv[1], &req->name, err))
		return -EINVAL;
	return parse_members(argc - 2, argv + 2, req, err);
}

static int parse_delete_group(unsigned int argc, char **argv, struct drp_request *req,
			      struct drp_parse_error *err)
{
	req->object = DRP_OBJ_GROUP;
	if (parse_id("group id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_options(argc - 1, argv + 1, 0, req, err);
}

static int parse_group_members(unsigned int argc, char **argv, struct drp_request *req,
			       struct drp_parse_error *err)
{
	req->object = DRP_OBJ_GROUP;
	if (parse_id("group id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_members(argc - 1, argv + 1, req, err);
}

static int parse_job(unsigned int argc, char **argv, struct drp_request *req,
		     struct drp_parse_error *err)
{
	req->object = DRP_OBJ_JOB;
	if (parse_id("job id", argv[0], false, &req->id, err))
		return -EINVAL;
	if (!strcmp(argv[1], "suspend"))
		req->job_request = DRP_JOB_REQ_SUSPEND;
	else if (!strcmp(argv[1], "resume"))
		req->job_request = DRP_JOB_REQ_START;
	else if (!strcmp(argv[1], "terminate"))
		req->job_request = DRP_JOB_REQ_TERMINATE;
	else
		return fail(err, "job: '%.64s' is not suspend, resume or terminate", argv[1]);
	return parse_options(argc - 2, argv + 2, 0, req, err);
}

static int parse_delete_aspect(unsigned int argc, char **argv, struct drp_request *req,
			       struct drp_parse_error *err)
{
	req->object = DRP_OBJ_ASPECT;
	if (parse_id("aspect id", argv[0], false, &req->id, err))
		return -EINVAL;
	return parse_options(argc - 1, argv + 1, TAKES_FORCE, req, err);
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
};

int drp_parse_message(unsigned int argc, char **argv, struct drp_request *req,
		      struct drp_parse_error *err)
{
	unsigned int i;

	memset(req, 0, sizeof(*req));
	if (!argc)
		return fail(err, "the message is empty");
	for (i = 0; i < ARRAY_SIZE(messages); i++) {
		const struct message *m = &messages[i];

		if (strcmp(argv[0], m->word))
			continue;
		if (argc - 1 < m->words)
			return fail(err, "'%s' needs more words: %s", m->word, m->usage);
		req->kind = m->kind;
		return m->parse(argc - 1, argv + 1, req, err);
	}
	return fail(err, "message '%.64s' is not known", argv[0]);
}

#define FEATURE_USAGE	"[<#feature args> <feature arg>...]"

/*
 * Checks the "<#feature args>" word against what follows it. A count that does
 * not fit is refused, because a later version could mean something by the rest.
 */
static int parse_feature_count(unsigned int argc, char **argv, struct drp_parse_error *err)
{
	u64 n;

	if (!argc)
		return 0;
	if (parse_range("number of feature args", argv[0], 0, U32_MAX, &n, err))
		return -EINVAL;
	if (n != argc - 1)
		return fail(err, "number of feature args: '%.48s', but %u follow", argv[0],
			    argc - 1);
	return 0;
}

static int parse_sectors(const char *what, const char *text, u32 low, u32 high, u32 *sectors,
			 struct drp_parse_error *err)
{
	if (parse_range32(what, text, low, high, sectors, err))
		return -EINVAL;
	if (*sectors & (*sectors - 1))
		return fail(err, "%s: '%.48s' is not a power of two", what, text);
	return 0;
}

/* 8-4-4-4-12 hexadecimal digits. */
static int parse_owner(const char *text, const char **owner, struct drp_parse_error *err)
{
	static const char shape[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
	size_t i;

	for (i = 0; i < sizeof(shape); i++) {
		bool hex = (text[i] >= '0' && text[i] <= '9') ||
			   (text[i] >= 'a' && text[i] <= 'f') ||
			   (text[i] >= 'A' && text[i] <= 'F');

		if (shape[i] == 'h' ? !hex : text[i] != shape[i])
			return fail(err, "owner: '%.48s' is not a UUID", text);
	}
	*owner = text;
	return 0;
}

#define REGION_SECTORS_LOW	8
#define REGION_SECTORS_HIGH	2048
#define REGION_SECTORS_DEFAULT	8
#define CHUNK_SECTORS_LOW	8
#define CHUNK_SECTORS_HIGH	2048
#define EXTENT_SECTORS_LOW	128
#define EXTENT_SECTORS_HIGH	131072
#define EXTENT_SECTORS_DEFAULT	8192

static int parse_pool_feature(const char *text, struct drp_pool_args *a,
			      struct drp_parse_error *err)
{
	int r = take_flag(text, "format", &a->format, err);

	if (!r)
		r = take_flag(text, "take_over", &a->take_over, err);
	if (r)
		return r < 0 ? r : 0;
	if (!strncmp(text, "region=", 7) && !a->region_sectors)
		return parse_sectors("region", text + 7, REGION_SECTORS_LOW, REGION_SECTORS_HIGH,
				     &a->region_sectors, err);
	if (!strncmp(text, "extent=", 7) && !a->extent_sectors)
		return parse_sectors("extent", text + 7, EXTENT_SECTORS_LOW, EXTENT_SECTORS_HIGH,
				     &a->extent_sectors, err);
	if (!strncmp(text, "name=", 5) && !a->name)
		return parse_new_name(text + 5, &a->name, err);
	if (!strncmp(text, "owner=", 6) && !a->owner)
		return parse_owner(text + 6, &a->owner, err);
	return fail(err, "feature '%.64s' is not known or given twice", text);
}

/* Defaults, and what the sizes demand of each other. */
static int finish_pool_args(struct drp_pool_args *a, struct drp_parse_error *err)
{
	if (!a->region_sectors)
		a->region_sectors = REGION_SECTORS_DEFAULT;
	if (!a->extent_sectors)
		a->extent_sectors = EXTENT_SECTORS_DEFAULT;
	if (a->region_sectors > a->extent_sectors)
		return fail(err, "region: '%u' sectors do not fit an extent of %u sectors",
			    a->region_sectors, a->extent_sectors);
	if (a->chunk_sectors > a->extent_sectors)
		return fail(err, "chunk: '%u' sectors do not fit an extent of %u sectors",
			    a->chunk_sectors, a->extent_sectors);
	return 0;
}

int drp_parse_pool_args(unsigned int argc, char **argv, struct drp_pool_args *a,
			struct drp_parse_error *err)
{
	unsigned int i;

	memset(a, 0, sizeof(*a));
	if (argc < 3)
		return fail(err, "a pool needs: <metadata dev> <cow dev | -> <chunk sectors> %s",
			    FEATURE_USAGE);
	if (!*argv[0] || !strcmp(argv[0], "-"))
		return fail(err, "metadata device: '%s' is no device", argv[0]);
	if (!*argv[1])
		return fail(err, "COW device: '' is no device, write - for none");
	a->metadata_dev = argv[0];
	if (strcmp(argv[1], "-"))
		a->cow_dev = argv[1];
	if (a->cow_dev && !strcmp(a->cow_dev, a->metadata_dev))
		return fail(err, "COW device: '%.96s' is the metadata device", a->cow_dev);
	if (parse_sectors("chunk", argv[2], CHUNK_SECTORS_LOW, CHUNK_SECTORS_HIGH,
			  &a->chunk_sectors, err) ||
	    parse_feature_count(argc - 3, argv + 3, err))
		return -EINVAL;
	for (i = 4; i < argc; i++)
		if (parse_pool_feature(argv[i], a, err))
			return -EINVAL;
	return finish_pool_args(a, err);
}

int drp_parse_element_args(unsigned int argc, char **argv, struct drp_element_args *a,
			   struct drp_parse_error *err)
{
	unsigned int i;

	memset(a, 0, sizeof(*a));
	if (argc < 2)
		return fail(err, "an element needs: <pool dev> <element id> [<data dev | -> %s]",
			    FEATURE_USAGE);
	if (!*argv[0] || !strcmp(argv[0], "-"))
		return fail(err, "pool device: '%s' is no device", argv[0]);
	a->pool_dev = argv[0];
	if (parse_id("element id", argv[1], false, &a->id, err))
		return -EINVAL;
	if (argc == 2)
		return 0;
	if (!*argv[2])
		return fail(err, "data device: '' is no device, write - for none");
	if (strcmp(argv[2], "-"))
		a->data_dev = argv[2];
	if (a->data_dev && !strcmp(a->data_dev, a->pool_dev))
		return fail(err, "data device: '%.96s' is the pool", a->data_dev);
	if (parse_feature_count(argc - 3, argv + 3, err))
		return -EINVAL;
	for (i = 4; i < argc; i++) {
		if (strncmp(argv[i], "identity=", 9) || a->identity)
			return fail(err, "feature '%.64s' is not known or given twice", argv[i]);
		if (parse_identity(argv[i] + 9, &a->identity, err))
			return -EINVAL;
	}
	return 0;
}
