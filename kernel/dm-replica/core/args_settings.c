// SPDX-License-Identifier: GPL-2.0-only
/* KEY=VALUE settings of requests: see args.h. */
#include "args_word.h"

static int parse_bool(const char *what, const char *text, bool *value,
		      struct drp_parse_error *err)
{
	if (!strcmp(text, "yes") || !strcmp(text, "true"))
		*value = true;
	else if (!strcmp(text, "no") || !strcmp(text, "false"))
		*value = false;
	else
		return drp_bad(err, "%s: '%.48s' is neither yes nor no", what, text);
	return 0;
}

/* Bytes with an optional binary suffix. */
static int parse_rate(const char *text, u64 *value, struct drp_parse_error *err)
{
	static const char suffixes[] = "KMGT";
	unsigned int shift = 0;
	const char *end, *s;

	if (drp_arg_digits(text, &end, value))
		return drp_bad(err,
			       "rate_limit: '%.48s' is not a number of bytes per second", text);
	if (*end) {
		s = strchr(suffixes, *end);
		if (!s || end[1])
			return drp_bad(err,
				       "rate_limit: '%.48s' has a suffix other than K, M, G or T",
				       text);
		shift = 10 * (s - suffixes + 1);
	}
	if (*value > (U64_MAX >> shift))
		return drp_bad(err, "rate_limit: '%.48s' is too large", text);
	*value <<= shift;
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
	{ DRP_SET_FREEZE,		"freeze",		"Freeze" },
	{ DRP_SET_ASPECT,		"aspect",		"SettingsState" },
	{ DRP_SET_TARGET_NAME,		"target_name",		"TargetElementName" },
	{ DRP_SET_COW_MEMORY,		"cow_memory",		"CowMemory" },
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
		return drp_bad(err, "in_use: '%.48s' is neither ignore nor refuse", text);
	return 0;
}

static int parse_target_name(const char *text, const char **name, struct drp_parse_error *err)
{
	const char *problem = drp_name_problem(text);

	if (problem)
		return drp_bad(err, "target_name: '%.48s': %s", text, problem);
	*name = text;
	return 0;
}

static int parse_wait_state(const char *text, u16 *state, struct drp_parse_error *err)
{
	if (drp_arg_word("wait_for_copy_state", DRP_ENUM_COPY_STATE, text, state, err))
		return -EINVAL;
	if (*state == DRP_CS_MIXED)
		return drp_bad(err, "wait_for_copy_state: '%.48s' is no state to wait for", text);
	return 0;
}

static int parse_value(const struct setting_key *k, const char *v, struct drp_settings *s,
		       struct drp_parse_error *err)
{
	switch (k->bit) {
	case DRP_SET_MODE:
		return drp_arg_word(k->word, DRP_ENUM_MODE, v, &s->mode, err);
	case DRP_SET_COPY_PRIORITY:
		return drp_arg_word(k->word, DRP_ENUM_COPY_PRIORITY, v, &s->copy_priority, err);
	case DRP_SET_RATE_LIMIT:
		return parse_rate(v, &s->rate_limit, err);
	case DRP_SET_RECOVERY_MODE:
		return drp_arg_word(k->word, DRP_ENUM_RECOVERY_MODE, v, &s->recovery_mode, err);
	case DRP_SET_FAILED_COPY_STOPS:
		return parse_bool(k->word, v, &s->failed_copy_stops_host_io, err);
	case DRP_SET_READ_POLICY:
		return drp_arg_word(k->word, DRP_ENUM_READ_POLICY, v, &s->read_policy, err);
	case DRP_SET_IN_USE_IGNORE:
		return parse_in_use(v, &s->in_use_ignore, err);
	case DRP_SET_DEADLINE_MS:
		return drp_arg_range32(k->word, v, 1, DRP_DEADLINE_MS_MAX, &s->deadline_ms, err);
	case DRP_SET_NAME:
		return drp_arg_new_name(v, &s->name, err);
	case DRP_SET_WAIT_STATE:
		return parse_wait_state(v, &s->wait_state, err);
	case DRP_SET_SKIP_INITIAL_COPY:
		return parse_bool(k->word, v, &s->skip_initial_copy, err);
	case DRP_SET_ACTIVE_EXTENTS_MAX:
		return drp_arg_range32(k->word, v, DRP_ACTIVE_EXTENTS_LOW, DRP_ACTIVE_EXTENTS_HIGH,
				       &s->active_extents_max, err);
	case DRP_SET_IDENTITY:
		return drp_arg_identity(v, &s->identity, err);
	case DRP_SET_SIZE_SECTORS:
		return drp_arg_range(k->word, v, 1, DRP_SIZE_SECTORS_MAX, &s->size_sectors, err);
	case DRP_SET_AUTO_DELETE:
		return parse_bool(k->word, v, &s->auto_delete, err);
	case DRP_SET_FREEZE:
		return parse_bool(k->word, v, &s->freeze, err);
	case DRP_SET_ASPECT:
		return drp_arg_id(k->word, v, false, &s->aspect_id, err);
	case DRP_SET_TARGET_NAME:
		return parse_target_name(v, &s->target_name, err);
	case DRP_SET_COW_MEMORY:
		return drp_arg_range32(k->word, v, DRP_COW_MEMORY_LOW, DRP_COW_MEMORY_HIGH,
				       &s->cow_memory, err);
	}
	return drp_bad(err, "setting '%s' has no parser", k->word);
}

int drp_parse_setting(const char *text, struct drp_settings *s, struct drp_parse_error *err)
{
	const char *eq = strchr(text, '=');
	unsigned int i;

	if (!eq)
		return drp_bad(err, "'%.64s' is neither a known word nor KEY=VALUE", text);
	for (i = 0; i < ARRAY_SIZE(setting_keys); i++) {
		const struct setting_key *k = &setting_keys[i];

		if (!is_key(text, eq - text, k))
			continue;
		if (s->mask & k->bit)
			return drp_bad(err, "setting '%s' is given twice", k->word);
		if (parse_value(k, eq + 1, s, err))
			return -EINVAL;
		s->mask |= k->bit;
		return 0;
	}
	return drp_bad(err, "setting '%.64s' is not known", text);
}

#define SYNC_SETTINGS	(DRP_SET_COPY_PRIORITY | DRP_SET_RATE_LIMIT | DRP_SET_RECOVERY_MODE | \
			 DRP_SET_FAILED_COPY_STOPS | DRP_SET_AUTO_DELETE | DRP_SET_NAME | \
			 DRP_SET_DEADLINE_MS)

static u32 set_allowed(enum drp_object_kind object)
{
	switch (object) {
	case DRP_OBJ_POOL:
		return DRP_SET_COPY_PRIORITY | DRP_SET_RATE_LIMIT | DRP_SET_DEADLINE_MS |
		       DRP_SET_NAME | DRP_SET_COW_MEMORY;
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
		       DRP_SET_WAIT_STATE | DRP_SET_SKIP_INITIAL_COPY | DRP_SET_TARGET_NAME |
		       DRP_SET_ASPECT | DRP_SET_FREEZE;
	case DRP_REQ_MODIFY:
		return SYNC_SETTINGS | DRP_SET_MODE | DRP_SET_IN_USE_IGNORE | DRP_SET_WAIT_STATE |
		       DRP_SET_FREEZE;
	case DRP_REQ_SET:
		return set_allowed(object);
	case DRP_REQ_RESTORE_ASPECT:
		return SYNC_SETTINGS | DRP_SET_IN_USE_IGNORE | DRP_SET_WAIT_STATE |
		       DRP_SET_TARGET_NAME;
	default:
		return 0;
	}
}
