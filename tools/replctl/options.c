// SPDX-License-Identifier: GPL-2.0-only
/* Options as data: one table for the parser, the help, the man page check and the completion check. */
#include <stdlib.h>

#include "replctl.h"

const struct option_spec option_specs[OPT_NR] = {
	[OPT_HELP]	= { "help", NULL, "show this help" },
	[OPT_JSON]	= { "json", NULL, "print JSON with the DMTF names and numbers" },
	[OPT_FORCE]	= { "force", NULL, "consent to lose or overwrite data; see --dry-run for what" },
	[OPT_DRY_RUN]	= { "dry-run", NULL, "only check: say what would be overwritten by whom and what --force would consent to" },
	[OPT_ALL]	= { "all", NULL, "every pool: activate those on the block devices of this machine, deactivate the active ones" },
	[OPT_BINARY]	= { "binary", NULL, "write the extents as bytes, for programs, not as text" },
	[OPT_TAKE_OVER]	= { "take-over", NULL, "activate a pool that another host did not stop; that host must be dead" },
	[OPT_METADATA]	= { "metadata", "DEV", "device for the journal, bitmaps and index, at least 8 MiB" },
	[OPT_COW]	= { "cow", "DEV", "device for the old data that snapshots keep" },
	[OPT_CHUNK_SIZE] = { "chunk-size", "SIZE", "unit of old data, a power of two from 4K to 1M (default 64K)" },
	[OPT_REGION_SIZE] = { "region-size", "SIZE", "unit of change tracking, a power of two from 4K to 1M (default 4K)" },
	[OPT_EXTENT_SIZE] = { "extent-size", "SIZE", "unit of write intent, a power of two from 64K to 64M (default 4M)" },
	[OPT_TYPE]	= { "type", "TYPE", "mirror, snapshot or clone" },
	[OPT_MODE]	= { "mode", "MODE", "sync (default); async is not built yet" },
	[OPT_SOURCE]	= { "source", "ELEMENT", "element to copy from" },
	[OPT_TARGET]	= { "target", "ELEMENT", "element to copy to; its content is overwritten" },
	[OPT_NAME]	= { "name", "NAME", "name of what is made" },
	[OPT_OPERATION]	= { "operation", "OPERATION", "number or name of an operation, e.g. 12 or fracture" },
	[OPT_SYNCHRONIZATION] = { "synchronization", "SYNC", "the synchronization to operate on" },
	[OPT_SYNC_PAIR]	= { "sync-pair", "SYNC", "a member synchronization of a group operation", true },
	[OPT_SETTING]	= { "setting", "KEY=VALUE", "a setting for this request", true },
	[OPT_WAIT_FOR_COPY_STATE] = { "wait-for-copy-state", "STATE", "wait until this copy state is reached" },
	[OPT_TIMEOUT]	= { "timeout", "SECONDS", "stop waiting after so long, with exit status 3; the job goes on" },
};

static int usage(const struct command *c, const char *what, const char *why)
{
	return fail(EX_USAGE, what, "%s; see 'replctl help %s'", why, c->name);
}

static int find_option(const char *text, size_t len)
{
	int i;

	for (i = 0; i < OPT_NR; i++)
		if (strlen(option_specs[i].name) == len &&
		    !strncmp(option_specs[i].name, text, len))
			return i;
	return -1;
}

static int keep_value(struct args *a, int id, char *word, const char *value)
{
	if (id == OPT_SETTING || id == OPT_SYNC_PAIR) {
		bool setting = id == OPT_SETTING;
		unsigned int *n = setting ? &a->nr_settings : &a->nr_sync_pairs;
		const char **list = setting ? a->settings : a->sync_pairs;

		if (*n == DRP_ARGS_MEMBERS_MAX)
			return usage(a->command, word, "given too often, at most 64 times");
		list[(*n)++] = value;
	} else if (opt(a, id) && option_specs[id].argument) {
		return usage(a->command, word, "given twice");
	}
	a->given |= 1U << id;
	a->value[id] = value;
	return 0;
}

/* One word that starts with a hyphen. *@next is the word behind it, set to NULL when used. */
static int parse_option(struct args *a, char *word, char **next)
{
	const char *text = word + 2, *equals = strchr(text, '=');
	const char *value = NULL;
	int id;

	if (!strcmp(word, "-h")) {
		id = OPT_HELP;
	} else {
		if (word[1] != '-')
			return usage(a->command, word, "unknown option");
		id = find_option(text, equals ? (size_t)(equals - text) : strlen(text));
	}
	if (id < 0 || !((a->command->options | O(HELP) | O(JSON)) & (1U << id)))
		return usage(a->command, word, id < 0 ? "unknown option" :
			     "this command does not take that option");
	if (!option_specs[id].argument) {
		if (equals)
			return usage(a->command, word, "this option takes no value");
	} else if (equals) {
		value = equals + 1;
	} else {
		if (!*next)
			return usage(a->command, word, "a value is missing");
		value = *next;
		*next = NULL;
	}
	if (value && !*value)
		return usage(a->command, word, "the value is empty");
	return keep_value(a, id, word, value);
}

static int check_settings(const struct args *a)
{
	struct drp_settings settings = { 0 };
	struct drp_parse_error err = { "" };
	unsigned int i;

	for (i = 0; i < a->nr_settings; i++) {
		if (strlen(a->settings[i]) > DRP_SETTING_MAX)
			return usage(a->command, a->settings[i], "a setting has at most 127 bytes");
		if (drp_parse_setting(a->settings[i], &settings, &err))
			return usage(a->command, a->settings[i], err.text);
	}
	return 0;
}

static int check_values(struct args *a)
{
	const char *text = a->value[OPT_WAIT_FOR_COPY_STATE];
	u32 state;

	a->timeout = -1;
	if (opt(a, OPT_TIMEOUT)) {
		char *end;

		errno = 0;
		a->timeout = strtol(a->value[OPT_TIMEOUT], &end, 10);
		if (errno || *end || end == a->value[OPT_TIMEOUT] || a->timeout < 0)
			return usage(a->command, a->value[OPT_TIMEOUT],
				     "--timeout takes a number of seconds");
	}
	if (text) {
		if (drp_parse_name(DRP_ENUM_COPY_STATE, text, &state))
			return usage(a->command, text,
				     "not a copy state, e.g. synchronized or fractured");
		a->wait_state = state;
	}
	return check_settings(a);
}

int options_parse(const struct command *command, int argc, char **argv, struct args *a)
{
	bool only_words = false;
	int i, status;

	memset(a, 0, sizeof(*a));
	a->command = command;
	a->argv = argv;
	for (i = 0; i < argc; i++) {
		char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool had_next = next;

		if (only_words || argv[i][0] != '-' || !argv[i][1]) {
			argv[a->argc++] = argv[i];
			continue;
		}
		if (!strcmp(argv[i], "--")) {
			only_words = true;
			continue;
		}
		status = parse_option(a, argv[i], &next);
		if (status)
			return status;
		if (had_next && !next)
			i++;
	}
	if (opt(a, OPT_HELP))
		return 0;
	if (a->argc < command->min_args)
		return fail(EX_USAGE, command->name, "%s missing; usage: replctl %s %s",
			    a->argc ? "an argument is" : "arguments are", command->name,
			    command->usage);
	if (command->max_args != MANY && a->argc > command->max_args)
		return usage(command, argv[command->max_args], "one argument too many");
	return check_values(a);
}

int parse_size(const char *text, u64 *bytes)
{
	static const char units[] = "KMGTP";
	const char *unit;
	char *end;
	u64 value, factor = 1;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end) {
		unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
		if (!unit || (end[1] && strcmp(end + 1, "iB")))
			return -EINVAL;
		factor = 1ULL << (10 * (unit - units + 1));
	}
	if (value > U64_MAX / factor)
		return -ERANGE;
	*bytes = value * factor;
	return 0;
}
