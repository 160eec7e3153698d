// SPDX-License-Identifier: GPL-2.0-only
/* The command table: each file brings its part, this one lists the parts in the order of the help. */
#include "commands.h"

#define PART(table)	{ table, &table##_nr }

static const struct {
	const struct command *commands;
	const unsigned int *nr;
} parts[] = {
	PART(pool_commands),
	PART(pool_activation_commands),
	PART(pool_check_commands),
	PART(pool_offline_commands),
	PART(space_commands),
	PART(element_commands),
	PART(sync_commands),
	PART(operation_commands),
	PART(map_commands),
	PART(group_commands),
	PART(job_commands),
	PART(aspect_commands),
	PART(set_commands),
	PART(status_commands),
	PART(capabilities_commands),
	PART(monitor_commands),
	PART(help_commands),
};

const struct command *command_at(unsigned int i)
{
	unsigned int p;

	for (p = 0; p < ARRAY_SIZE(parts); p++) {
		if (i < *parts[p].nr)
			return &parts[p].commands[i];
		i -= *parts[p].nr;
	}
	return NULL;
}

/* Does @name equal the first words of @argv? Their number, or 0. */
static int name_matches(const char *name, int argc, char **argv)
{
	const char *blank = strchr(name, ' ');
	size_t first = blank ? (size_t)(blank - name) : strlen(name);

	if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], name, first))
		return 0;
	if (!blank)
		return 1;
	return argc > 1 && !strcmp(argv[1], blank + 1) ? 2 : 0;
}

const struct command *command_find(int argc, char **argv, int *words)
{
	const struct command *c;
	unsigned int i;

	for (i = 0; (c = command_at(i)); i++) {
		*words = name_matches(c->name, argc, argv);
		if (*words)
			return c;
	}
	return NULL;
}

bool command_is_noun(const char *noun)
{
	const struct command *c;
	size_t len = strlen(noun);
	unsigned int i;

	for (i = 0; (c = command_at(i)); i++)
		if (!strncmp(c->name, noun, len) && c->name[len] == ' ')
			return true;
	return false;
}
