// SPDX-License-Identifier: GPL-2.0-only
/* Help, made from the command table. */
#include "commands.h"

#define SUMMARY_COLUMN	28

void help_overview(FILE *to)
{
	const struct command *c;
	unsigned int i;

	fputs("Usage: replctl COMMAND [ARGUMENT]... [OPTION]...\n\n"
	      "Array-style replication of block devices: mirrors, snapshots and clones.\n\n"
	      "Commands:\n", to);
	for (i = 0; (c = command_at(i)); i++)
		fprintf(to, "  %-*s%s\n", SUMMARY_COLUMN, c->name, c->summary);
	fputs("\nOptions of every command:\n"
	      "  --json                      print JSON with the DMTF names and numbers\n"
	      "  --help                      usage, options and examples of the command\n\n"
	      "Options without a command:\n"
	      "  --version                   print the version\n\n"
	      "Names are POOL/NAME, or NAME where it is unique.\n"
	      "'replctl help COMMAND' explains a command.\n", to);
}

static void print_option(enum option_id id, FILE *to)
{
	const struct option_spec *o = &option_specs[id];
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", o->name, o->argument ? " " : "",
		 o->argument ? o->argument : "");
	fprintf(to, "  %-*s%s%s\n", SUMMARY_COLUMN, left, o->help,
		o->repeatable ? " (repeatable)" : "");
}

/* Each line of @text with two blanks before it. */
static void print_indented(const char *text, FILE *to)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(to, "  %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

void help_command(const struct command *c, FILE *to)
{
	u32 taken = c->options | O(JSON) | O(HELP);
	unsigned int i;

	fprintf(to, "Usage: replctl %s%s%s\n\n%s.\n", c->name, *c->usage ? " " : "", c->usage,
		c->summary);
	if (c->details)
		fprintf(to, "\n%s\n", c->details);
	fputs("\nOptions:\n", to);
	for (i = 0; i < OPT_NR; i++)
		if (taken & (1U << i))
			print_option(i, to);
	fputs("\nExamples:\n", to);
	print_indented(c->example, to);
}

void help_noun(const char *noun, FILE *to)
{
	const struct command *c;
	size_t len = strlen(noun);
	unsigned int i;

	fprintf(to, "Usage: replctl %s COMMAND [ARGUMENT]... [OPTION]...\n\nCommands:\n", noun);
	for (i = 0; (c = command_at(i)); i++)
		if (!strncmp(c->name, noun, len) && c->name[len] == ' ')
			fprintf(to, "  %-*s%s\n", SUMMARY_COLUMN, c->name, c->summary);
	fprintf(to, "\n'replctl help %s COMMAND' explains a command.\n", noun);
}

int cmd_help(const struct args *a)
{
	const struct command *c;
	int words;

	if (!a->argc) {
		help_overview(stdout);
		return 0;
	}
	c = command_find(a->argc, a->argv, &words);
	if (c && (unsigned int)words == a->argc) {
		help_command(c, stdout);
		return 0;
	}
	if (a->argc == 1 && command_is_noun(a->argv[0])) {
		help_noun(a->argv[0], stdout);
		return 0;
	}
	return fail(EX_USAGE, a->argv[a->argc - 1],
		    "there is no such command; 'replctl help' lists them");
}

DEFINE_COMMANDS(help) = {
	{ "help", cmd_help, "Explain a command", "[COMMAND]", NULL,
	  "replctl help\nreplctl help pool create\nreplctl help pool", 0, 0, 2, 0 },
};
END_COMMANDS(help);
