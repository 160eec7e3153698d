/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every command of replctl sees: the command table, parsed arguments,
 * error reporting and the rules of exit statuses.
 *
 * Exit status: 0 for the return values 0 and 4096, the return value itself for
 * 1 to 6, 16 + (value - 32768) for vendor values, sysexits for errors of the
 * tool's own.
 */
#ifndef REPLCTL_H
#define REPLCTL_H

#include <sysexits.h>

#include "names.h"
#include "args.h"

#define REPLCTL_VERSION		"0.1.0"
#define REPLCTL_PATH_MAX	512	/* bytes of a device path or a sysfs path */

/* POOL/NAME with its NUL */
#define REPLCTL_QUALIFIED_MAX	(2 * DRP_NAME_MAX + 2)

enum option_id {
	OPT_HELP,
	OPT_JSON,
	OPT_FORCE,
	OPT_DRY_RUN,
	OPT_ALL,
	OPT_BINARY,
	OPT_TAKE_OVER,
	OPT_METADATA,
	OPT_COW,
	OPT_CHUNK_SIZE,
	OPT_REGION_SIZE,
	OPT_EXTENT_SIZE,
	OPT_TYPE,
	OPT_MODE,
	OPT_SOURCE,
	OPT_TARGET,
	OPT_NAME,
	OPT_OPERATION,
	OPT_SYNCHRONIZATION,
	OPT_SYNC_PAIR,
	OPT_SETTING,
	OPT_WAIT_FOR_COPY_STATE,
	OPT_TIMEOUT,
	OPT_NR
};

#define O(id)	(1U << OPT_##id)

struct option_spec {
	const char *name;		/* without the two hyphens */
	const char *argument;		/* NULL: takes none */
	const char *help;
	bool repeatable;
};

extern const struct option_spec option_specs[OPT_NR];

struct args;

struct command {
	const char *name;		/* "list" or "pool create" */
	int (*run)(const struct args *args);	/* returns the exit status */
	const char *summary;		/* one line */
	const char *usage;		/* what follows the name; options besides --json and --help included */
	const char *details;		/* paragraph for the long help, or NULL */
	const char *example;		/* one command line per line, each "replctl ..." */
	u32 options;			/* O() bits; JSON and HELP are always taken */
	u8 min_args, max_args;		/* positional */
	u16 operation;			/* enum drp_operation for the verbs */
};

#define MANY	255

struct args {
	const struct command *command;
	u32 given;			/* O() bits */
	const char *value[OPT_NR];	/* of options that take one, the last if repeatable */
	unsigned int nr_settings;
	const char *settings[DRP_ARGS_MEMBERS_MAX];
	unsigned int nr_sync_pairs;
	const char *sync_pairs[DRP_ARGS_MEMBERS_MAX];
	unsigned int argc;
	char **argv;			/* positional ones */
	long timeout;			/* seconds, -1: none */
	u16 wait_state;			/* enum drp_copy_state, 0: none */
};

static inline bool opt(const struct args *a, enum option_id id)
{
	return a->given & (1U << id);
}

/* ---- commands.c ---- */

/* The @i-th command in the order of the help, or NULL past the end. */
const struct command *command_at(unsigned int i);

/*
 * Find the command that @argv starts with; *@words gets how many words its name
 * took. NULL if there is none.
 */
const struct command *command_find(int argc, char **argv, int *words);

/* Is @noun the first word of a command of two words? */
bool command_is_noun(const char *noun);

/* ---- options.c ---- */

/*
 * Parse what follows the command's name. Returns 0, or EX_USAGE with the error
 * printed. Moves the positional arguments to the front of @argv.
 */
int options_parse(const struct command *command, int argc, char **argv, struct args *args);

/* "64K", "4M", "1G" or bytes: 0 or -EINVAL, -ERANGE. */
int parse_size(const char *text, u64 *bytes);

/* ---- help.c ---- */

void help_overview(FILE *to);
void help_command(const struct command *command, FILE *to);
void help_noun(const char *noun, FILE *to);
int cmd_help(const struct args *args);

/* ---- error.c ---- */

/*
 * Print "replctl: <what>: <text>" on stderr and return @status. The text says
 * why and, after a semicolon, what to do next.
 */
int fail(int status, const char *what, const char *fmt, ...) __printf(3, 4);

/* As fail(), for a return value of a method: returns its exit status. */
int fail_rv(u32 return_value, const char *what, const char *text);

/* Something the user should know that is no error. */
void note(const char *what, const char *fmt, ...) __printf(2, 3);

/* Out of memory is the end: this tool holds no state worth saving. */
void *xalloc(size_t size) __must_check;
char *xstrdup(const char *text) __must_check;

#endif /* REPLCTL_H */
