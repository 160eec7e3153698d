// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes Documentation/operations.rst with its generated parts replaced by what
 * the state table says: everything between a line ".. generated: PART TYPE" and
 * the next ".. end of generated part". The document is read from the file given
 * and printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "names.h"
#include "state.h"

#define BEGIN		".. generated: "
#define END		".. end of generated part"
#define TEXT_MAX	4096
#define STATES_MAX	32

/* The conditions that a rule can ask for, as an administrator knows them. */
static const struct condition {
	const char *text;
	unsigned int bit;
} conditions[] = {
	{ "the target is not consistent", BIT(0) },
	{ "it is not in sync", BIT(1) },
	{ "the source changed since", BIT(2) },
	{ "the target changed since", BIT(3) },
};

#define CONDITION_SETS	BIT(4)

static void decide(u16 type, u16 op, u16 state, unsigned int set, bool reverse,
		   struct drp_transition *t)
{
	struct drp_state_key key = {
		.sync_type = type,
		.operation = op,
		.copy_state = state,
		.target_consistent = !(set & BIT(0)),
		.in_sync = !(set & BIT(1)),
		.source_changed = set & BIT(2),
		.target_changed = set & BIT(3),
		.reverse = reverse,
	};

	drp_state_decide(&key, t);
}

/* From welcome to unwelcome; the document says conditions singly, the worst counts. */
static int severity(const struct drp_transition *t)
{
	if (t->verdict == DRP_VERDICT_NO_CHANGE)
		return 0;
	if (t->verdict == DRP_VERDICT_EXECUTE)
		return 1;
	return t->return_value == DRP_RV_FORCE_REQUIRED ? 2 : 3;
}

static bool same_outcome(const struct drp_transition *a, const struct drp_transition *b)
{
	return severity(a) == severity(b) && a->copy_state_after == b->copy_state_after &&
	       a->copy_state_during == b->copy_state_during;
}

/* The way of saying it is only true if a set of conditions does what its worst member does. */
static void check_singly(u16 type, u16 op, u16 state, bool reverse)
{
	unsigned int set, i;

	for (set = 0; set < CONDITION_SETS; set++) {
		struct drp_transition worst, t;

		decide(type, op, state, 0, reverse, &worst);
		for (i = 0; i < ARRAY_SIZE(conditions); i++) {
			if (!(set & conditions[i].bit))
				continue;
			decide(type, op, state, conditions[i].bit, reverse, &t);
			if (severity(&t) > severity(&worst))
				worst = t;
		}
		decide(type, op, state, set, reverse, &t);
		if (!same_outcome(&worst, &t)) {
			fprintf(stderr, "%s %s from %s: conditions %x do not do what the worst does\n",
				drp_name(DRP_ENUM_SYNC_TYPE, type),
				drp_name(DRP_ENUM_OPERATION, op),
				drp_name(DRP_ENUM_COPY_STATE, state), set);
			exit(1);
		}
	}
}

static void append(char *text, const char *more)
{
	size_t len = strlen(text);

	if (len + strlen(more) >= TEXT_MAX) {
		fprintf(stderr, "a cell of the table is too long\n");
		exit(1);
	}
	strcpy(text + len, more);
}

static void describe_effect(const struct drp_transition *t, char *text)
{
	if (t->removes) {
		append(text, "the sync is gone");
		return;
	}
	if (t->copy_state_during) {
		append(text, drp_name(DRP_ENUM_COPY_STATE, t->copy_state_during));
		append(text, " / ");
		append(text, drp_name(DRP_ENUM_PROGRESS_STATUS, t->progress_during));
		append(text, ", then ");
	}
	append(text, "**");
	append(text, drp_name(DRP_ENUM_COPY_STATE, t->copy_state_after));
	append(text, "** / ");
	append(text, drp_name(DRP_ENUM_PROGRESS_STATUS, t->progress_after));
}

static void describe_in_use(const struct drp_transition *t, char *text)
{
	if (t->overwrites_source && t->overwrites_target)
		append(text, "; neither may be in use");
	else if (t->overwrites_source)
		append(text, "; the source must not be in use");
	else if (t->overwrites_target)
		append(text, "; the target must not be in use");
}

static void describe(const struct drp_transition *t, char *text)
{
	switch (severity(t)) {
	case 0:
		append(text, "no change: ");
		append(text, t->reason);
		break;
	case 1:
	case 2:
		describe_effect(t, text);
		describe_in_use(t, text);
		append(text, severity(t) == 2 ? "; *Force*: " : ": ");
		append(text, t->reason);
		break;
	default:
		append(text, "Invalid State: ");
		append(text, t->reason);
	}
}

/* The short form of what a condition turns the plain outcome into. */
static void describe_condition(const struct condition *c, const struct drp_transition *t,
			       char *text)
{
	static const char * const openings[] = { ": (", ": (", ": *Force* (", ": Invalid State (" };

	append(text, ". If ");
	append(text, c->text);
	append(text, openings[severity(t)]);
	append(text, t->reason);
	append(text, ")");
}

/* All about one cell, "" for one that only the general refusal covers. */
static void describe_cell(u16 type, u16 op, u16 state, bool reverse, char *text)
{
	struct drp_transition plain, t;
	unsigned int i;

	text[0] = '\0';
	check_singly(type, op, state, reverse);
	decide(type, op, state, 0, reverse, &plain);
	if (reverse && severity(&plain) == 3)
		return;
	describe(&plain, text);
	for (i = 0; i < ARRAY_SIZE(conditions); i++) {
		decide(type, op, state, conditions[i].bit, reverse, &t);
		if (!same_outcome(&plain, &t))
			describe_condition(&conditions[i], &t, text);
	}
}

struct cell {
	u32 state;
	int severity;
	char text[TEXT_MAX];	/* "": is in another cell's row */
};

/* One row for @cells[0] and those of the rest that say the same. */
static void print_row(const char *operation, struct cell *cells, unsigned int nr)
{
	unsigned int i;

	printf("   * -%s%s\n", *operation ? " " : "", operation);
	printf("     - %s", drp_name(DRP_ENUM_COPY_STATE, cells[0].state));
	for (i = 1; i < nr; i++) {
		if (strcmp(cells[i].text, cells[0].text))
			continue;
		printf(", %s", drp_name(DRP_ENUM_COPY_STATE, cells[i].state));
		cells[i].text[0] = '\0';
	}
	printf("\n     - %s\n", cells[0].text);
}

/* Rows of one operation: what is possible first, refusals last. */
static void print_operation_rows(u16 type, u16 op, bool reverse)
{
	static const int order[] = { 1, 2, 0, 3 };
	static struct cell cells[STATES_MAX];
	const char *name = drp_name(DRP_ENUM_OPERATION, op);
	struct drp_transition plain;
	unsigned int nr = 0, i, o;
	u32 state;

	for (i = 0; !drp_enum_value(DRP_ENUM_COPY_STATE, i, &state); i++) {
		if (!drp_state_valid(type, state))
			continue;
		decide(type, op, state, 0, reverse, &plain);
		cells[nr].state = state;
		cells[nr].severity = severity(&plain);
		describe_cell(type, op, state, reverse, cells[nr].text);
		nr++;
	}
	for (o = 0; o < ARRAY_SIZE(order); o++) {
		for (i = 0; i < nr; i++) {
			if (!cells[i].text[0] || cells[i].severity != order[o])
				continue;
			print_row(name, cells + i, nr - i);
			name = "";
		}
	}
}

static void print_operations(u16 type, bool reverse)
{
	unsigned int i;
	u32 op;

	printf(".. list-table::\n   :header-rows: 1\n   :widths: 15 25 60\n\n"
	       "   * - Operation\n     - From\n     - What happens\n");
	for (i = 0; !drp_enum_value(DRP_ENUM_OPERATION, i, &op); i++)
		if (drp_state_supported(type, op))
			print_operation_rows(type, op, reverse);
}

static const char *access_word(u8 access)
{
	return access == DRP_ACCESS_WRITE ? "read, write" :
	       access == DRP_ACCESS_READ ? "read" : "nothing";
}

static void print_states(u16 type)
{
	unsigned int i;
	u32 state;

	printf(".. list-table::\n   :header-rows: 1\n   :widths: 20 14 14 14 14 12 12\n\n"
	       "   * - CopyState\n     - source host\n     - target host\n"
	       "     - source, restoring\n     - target, restoring\n"
	       "     - mirrored\n     - tracked\n");
	for (i = 0; !drp_enum_value(DRP_ENUM_COPY_STATE, i, &state); i++) {
		struct drp_host_access a, r;

		if (!drp_state_valid(type, state))
			continue;
		a = drp_state_access(type, state, false);
		r = drp_state_access(type, state, true);
		printf("   * - %s (%u)\n     - %s\n     - %s\n     - %s\n     - %s\n     - %s\n     - %s\n",
		       drp_name(DRP_ENUM_COPY_STATE, state), state,
		       access_word(a.source), access_word(a.target),
		       access_word(r.source), access_word(r.target),
		       drp_state_mirrors(type, state) ? "yes" : "no",
		       drp_state_tracks(type, state) ? "yes" : "no");
	}
}

static void print_supported(void)
{
	unsigned int i, j;
	u32 op, type;

	printf(".. list-table::\n   :header-rows: 1\n\n   * - Operation\n");
	for (j = 0; !drp_enum_value(DRP_ENUM_SYNC_TYPE, j, &type); j++)
		printf("     - %s\n", drp_name(DRP_ENUM_SYNC_TYPE, type));
	for (i = 0; !drp_enum_value(DRP_ENUM_OPERATION, i, &op); i++) {
		printf("   * - %u %s (``%s``)\n", op, drp_name(DRP_ENUM_OPERATION, op),
		       drp_kebab(DRP_ENUM_OPERATION, op));
		for (j = 0; !drp_enum_value(DRP_ENUM_SYNC_TYPE, j, &type); j++) {
			struct drp_transition t;

			decide(type, op, DRP_CS_SYNCHRONIZED, 0, false, &t);
			printf("     - %s\n", drp_state_supported(type, op) ? "yes" :
			       t.return_value == DRP_RV_INVALID_PARAMETER ? "groups only" : "no");
		}
	}
}

static void print_return_values(void)
{
	unsigned int i;
	u32 v;

	printf(".. list-table::\n   :header-rows: 1\n\n   * - ReturnValue\n     - Name\n     - errno\n"
	       "     - exit status\n");
	for (i = 0; !drp_enum_value(DRP_ENUM_RETURN_VALUE, i, &v); i++)
		printf("   * - %u\n     - %s\n     - %s\n     - %d\n", v,
		       drp_name(DRP_ENUM_RETURN_VALUE, v),
		       drp_rv_to_errno(v) ? strerror(drp_rv_to_errno(v)) : "none",
		       drp_rv_to_exit_status(v));
}

static int print_part(const char *part)
{
	char word[64] = "", type_word[64] = "";
	u32 type = 0;

	if (sscanf(part, "%63s %63s", word, type_word) < 1)
		return -1;
	if (type_word[0] && drp_parse_name(DRP_ENUM_SYNC_TYPE, type_word, &type))
		return -1;
	printf("\n");
	if (!strcmp(word, "supported"))
		print_supported();
	else if (!strcmp(word, "return-values"))
		print_return_values();
	else if (!strcmp(word, "states") && type)
		print_states(type);
	else if (!strcmp(word, "operations") && type)
		print_operations(type, false);
	else if (!strcmp(word, "restoring") && type)
		print_operations(type, true);
	else
		return -1;
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	char buf[TEXT_MAX];
	bool inside = false;
	FILE *f;

	if (argc != 2) {
		fprintf(stderr, "usage: gen_operations DOCUMENT\n");
		return 1;
	}
	f = fopen(argv[1], "r");
	if (!f) {
		perror(argv[1]);
		return 1;
	}
	while (fgets(buf, sizeof(buf), f)) {
		if (inside && !strncmp(buf, END, strlen(END)))
			inside = false;
		if (inside)
			continue;
		fputs(buf, stdout);
		if (strncmp(buf, BEGIN, strlen(BEGIN)))
			continue;
		inside = true;
		if (print_part(buf + strlen(BEGIN))) {
			fprintf(stderr, "%s: no such part: %s", argv[1], buf);
			return 1;
		}
	}
	fclose(f);
	if (inside) {
		fprintf(stderr, "%s: a generated part has no end\n", argv[1]);
		return 1;
	}
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
