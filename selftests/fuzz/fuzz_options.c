// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: replctl's command line. The input's lines are the words: find the
 * command, parse its options, sizes and names, as main() does, but run nothing.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "replctl.h"
#include "resolve.h"

#define WORDS_MAX	100

/* What options_parse() promises of what it accepts. */
static void check_args(const struct command *c, const struct args *a, int words)
{
	unsigned int i;

	if (opt(a, OPT_HELP))
		return;
	if (a->argc < c->min_args || (c->max_args != MANY && a->argc > c->max_args) ||
	    (int)a->argc > words)
		abort();
	if (a->given & ~(c->options | O(HELP) | O(JSON)))
		abort();
	if (a->nr_settings > DRP_ARGS_MEMBERS_MAX || a->nr_sync_pairs > DRP_ARGS_MEMBERS_MAX)
		abort();
	for (i = 0; i < a->nr_settings; i++)
		if (strlen(a->settings[i]) > DRP_SETTING_MAX)
			abort();
	for (i = 0; i < OPT_NR; i++)
		if (opt(a, i) && option_specs[i].argument && (!a->value[i] || !*a->value[i]))
			abort();
	if (a->timeout < -1 || (opt(a, OPT_TIMEOUT) && a->timeout < 0))
		abort();
}

static void look_at_word(const char *word)
{
	char pool[DRP_NAME_MAX + 1], name[DRP_NAME_MAX + 1];
	u64 bytes;

	parse_size(word, &bytes);
	if (!split_name(word, pool, name) &&
	    (strlen(name) > DRP_NAME_MAX || strlen(pool) > DRP_NAME_MAX))
		abort();
	command_is_noun(word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *words[WORDS_MAX + 1], *next = text;
	const struct command *c;
	struct args args;
	int nr = 0, used, i;

	memcpy(text, data, size);
	text[size] = '\0';
	while (next && nr < WORDS_MAX)
		words[nr++] = strsep(&next, "\n");
	words[nr] = NULL;
	for (i = 0; i < nr; i++)
		look_at_word(words[i]);
	c = command_find(nr, words, &used);
	if (c && !options_parse(c, nr - used, words + used, &args))
		check_args(c, &args, nr - used);
	free(text);
	return 0;
}
