// SPDX-License-Identifier: GPL-2.0-only
/* See state_rows.h. */
#include <stdlib.h>
#include "names.h"
#include "state_rows.h"

static const char flag_letters[STATE_KEY_FLAGS + 1] = "rmlstf";

void state_key_set_flags(struct drp_state_key *key, unsigned int flags)
{
	key->reverse = flags & BIT(0);
	key->target_consistent = !(flags & BIT(1));
	key->in_sync = !(flags & BIT(2));
	key->source_changed = flags & BIT(3);
	key->target_changed = flags & BIT(4);
	key->force = flags & BIT(5);
}

static void decide(struct drp_state_key key, unsigned int flags, struct drp_transition *t)
{
	state_key_set_flags(&key, flags);
	drp_state_decide(&key, t);
}

static bool same(const struct drp_transition *a, const struct drp_transition *b)
{
	return a->verdict == b->verdict && a->return_value == b->return_value &&
	       a->needs_force == b->needs_force && a->removes == b->removes &&
	       a->overwrites_source == b->overwrites_source &&
	       a->overwrites_target == b->overwrites_target &&
	       a->starts_copy == b->starts_copy &&
	       a->copy_state_during == b->copy_state_during &&
	       a->progress_during == b->progress_during &&
	       a->copy_state_after == b->copy_state_after &&
	       a->progress_after == b->progress_after && !strcmp(a->reason, b->reason);
}

/* Does @bit make a difference for any setting of the bits outside @fixed? */
static bool matters(const struct drp_state_key *key, unsigned int fixed, unsigned int value,
		    unsigned int bit)
{
	unsigned int flags;

	for (flags = 0; flags < BIT(STATE_KEY_FLAGS); flags++) {
		struct drp_transition a, b;

		if ((flags & fixed) != value || (flags & bit))
			continue;
		decide(*key, flags, &a);
		decide(*key, flags | bit, &b);
		if (!same(&a, &b))
			return true;
	}
	return false;
}

/* The lines of one operation while they are collected. */
#define ROWS_MAX	256
#define ROW_MAX		400

struct rows {
	unsigned int nr;
	struct row {
		u32 states;	/* BIT(copy state) of all that this row is about */
		char text[ROW_MAX];
	} row[ROWS_MAX];
};

static void add_row(struct rows *rows, u16 copy_state, const char *text)
{
	unsigned int i;

	for (i = 0; i < rows->nr; i++)
		if (!strcmp(rows->row[i].text, text))
			break;
	if (i == rows->nr) {
		if (rows->nr == ROWS_MAX)
			abort();
		rows->nr++;
		rows->row[i].states = 0;
		strscpy(rows->row[i].text, text, ROW_MAX);
	}
	rows->row[i].states |= BIT(copy_state);
}

static void add_decision(const struct drp_state_key *key, unsigned int fixed, unsigned int value,
			 struct rows *rows)
{
	static const char * const verdicts[] = { "execute", "no-change", "refuse" };
	char flags[2 * STATE_KEY_FLAGS + 1] = "", text[ROW_MAX];
	struct drp_transition t;
	unsigned int i;

	for (i = 0; i < STATE_KEY_FLAGS; i++) {
		flags[2 * i] = flag_letters[i];
		flags[2 * i + 1] = !(fixed & BIT(i)) ? '*' : value & BIT(i) ? '1' : '0';
	}
	decide(*key, value, &t);
	scnprintf(text, sizeof(text), "%s: %s %u%s%s%s%s%s, %s/%s -> %s/%s: %s",
		  flags, verdicts[t.verdict], t.return_value,
		  t.needs_force ? " force" : "", t.removes ? " removes" : "",
		  t.overwrites_source ? " source" : "", t.overwrites_target ? " target" : "",
		  t.starts_copy ? " job" : "",
		  t.copy_state_during ? drp_kebab(DRP_ENUM_COPY_STATE, t.copy_state_during) : "-",
		  t.progress_during ? drp_kebab(DRP_ENUM_PROGRESS_STATUS, t.progress_during) : "-",
		  t.copy_state_after == key->copy_state ? "same" :
		  t.copy_state_after ? drp_kebab(DRP_ENUM_COPY_STATE, t.copy_state_after) : "-",
		  t.progress_after ? drp_kebab(DRP_ENUM_PROGRESS_STATUS, t.progress_after) : "-",
		  t.reason);
	add_row(rows, key->copy_state, text);
}

/* Splits on the first flag that matters, until none does. */
static void add_cell(const struct drp_state_key *key, unsigned int fixed, unsigned int value,
		     struct rows *rows)
{
	unsigned int i;

	for (i = 0; i < STATE_KEY_FLAGS; i++) {
		if ((fixed & BIT(i)) || !matters(key, fixed, value, BIT(i)))
			continue;
		add_cell(key, fixed | BIT(i), value, rows);
		add_cell(key, fixed | BIT(i), value | BIT(i), rows);
		return;
	}
	add_decision(key, fixed, value, rows);
}

static void emit_row(u16 type, u16 op, const struct row *row,
		     void (*emit)(void *ctx, const char *line), void *ctx)
{
	char line[STATE_LINE_MAX];
	unsigned int i;
	u32 state;
	int len = scnprintf(line, sizeof(line), "%s %s", drp_kebab(DRP_ENUM_SYNC_TYPE, type),
			    drp_kebab(DRP_ENUM_OPERATION, op));
	char separator = ' ';

	for (i = 0; !drp_enum_value(DRP_ENUM_COPY_STATE, i, &state); i++) {
		if (!(row->states & BIT(state)))
			continue;
		len += scnprintf(line + len, sizeof(line) - len, "%c%s", separator,
				 drp_kebab(DRP_ENUM_COPY_STATE, state));
		separator = ',';
	}
	scnprintf(line + len, sizeof(line) - len, " %s", row->text);
	emit(ctx, line);
}

static void emit_operation(u16 type, u16 op, void (*emit)(void *ctx, const char *line), void *ctx)
{
	static struct rows rows;
	unsigned int i;
	u32 state;

	rows.nr = 0;
	for (i = 0; !drp_enum_value(DRP_ENUM_COPY_STATE, i, &state); i++) {
		struct drp_state_key key = {
			.sync_type = type, .operation = op, .copy_state = state,
		};

		add_cell(&key, 0, 0, &rows);
	}
	for (i = 0; i < rows.nr; i++)
		emit_row(type, op, &rows.row[i], emit, ctx);
}

void state_rows(void (*emit)(void *ctx, const char *line), void *ctx)
{
	unsigned int ti, oi;
	u32 type, op;

	for (ti = 0; !drp_enum_value(DRP_ENUM_SYNC_TYPE, ti, &type); ti++)
		for (oi = 0; !drp_enum_value(DRP_ENUM_OPERATION, oi, &op); oi++)
			emit_operation(type, op, emit, ctx);
}
