// SPDX-License-Identifier: GPL-2.0-only
/* replctl: administration of dm-replica. Finds the command, parses its arguments, runs it. */
#include <locale.h>

#include "dm.h"
#include "nl.h"
#include "output.h"

static int unknown_command(int argc, char **argv)
{
	if (command_is_noun(argv[0])) {
		if (argc > 1 && strcmp(argv[1], "--help") && strcmp(argv[1], "-h"))
			return fail(EX_USAGE, argv[1],
				    "'%s' has no such command; see 'replctl help %s'", argv[0], argv[0]);
		help_noun(argv[0], argc > 1 ? stdout : stderr);
		return argc > 1 ? 0 : EX_USAGE;
	}
	return fail(EX_USAGE, argv[0], "there is no such %s; 'replctl help' lists the commands",
		    argv[0][0] == '-' ? "option" : "command");
}

static int run(int argc, char **argv)
{
	const struct command *c;
	struct args args;
	int words, status;

	c = command_find(argc, argv, &words);
	if (!c)
		return unknown_command(argc, argv);
	status = options_parse(c, argc - words, argv + words, &args);
	if (status)
		return status;
	if (opt(&args, OPT_HELP)) {
		help_command(c, stdout);
		return 0;
	}
	output_setup(&args);
	return c->run(&args);
}

int main(int argc, char **argv)
{
	int status;

	setlocale(LC_TIME, "");
	if (argc < 2) {
		help_overview(stderr);
		return EX_USAGE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("replctl %s\n", REPLCTL_VERSION);
		return 0;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		help_overview(stdout);
		return 0;
	}
	/* The one option that is common before a command: move it behind. */
	if (!strcmp(argv[1], "--json") && argc > 2) {
		memmove(&argv[1], &argv[2], (argc - 2) * sizeof(*argv));
		argv[argc - 1] = "--json";
	}
	status = run(argc - 1, argv + 1);
	nl_finish();
	dm_finish();
	if (fflush(stdout) || ferror(stdout))
		return fail(EX_IOERR, "standard output", "cannot be written");
	return status;
}
