// SPDX-License-Identifier: GPL-2.0-only
/* See state_rows.h. */
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

static void emit_line(const struct drp_state_key *key, unsigned int fixed, unsigned int value,
		      void (*emit)(void *ctx, const char *line), void *ctx)
{
	static const char * const verdicts[] = { "execute", "no-change", "refuse" };
	char flags[2 * STATE_KEY_FLAGS + 1] = "", line[STATE_LINE_MAX];
	struct drp_transition t;
	unsigned int i;

	for (i = 0; i < STATE_KEY_FLAGS; i++) {
		flags[2 * i] = flag_letters[i];
		flags[2 * i + 1] = !(fixed & BIT(i)) ? '*' : value & BIT(i) ? '1' : '0';
	}
	decide(*key, value, &t);
	scnprintf(line, sizeof(line), "%s %s %s %s: %s %u%s%s%s%s%s, %s/%s -> %s/%s: %s",
		  drp_kebab(DRP_ENUM_SYNC_TYPE, key->sync_type),
		  drp_kebab(DRP_ENUM_OPERATION, key->operation),
		  drp_kebab(DRP_ENUM_COPY_STATE, key->copy_state), flags,
		  verdicts[t.verdict], t.return_value,
		  t.needs_force ? " force" : "", t.removes ? " removes" : "",
		  t.overwrites_source ? " source" : "", t.overwrites_target ? " target" : "",
		  t.starts_copy ? " job" : "",
		  t.copy_state_during ? drp_kebab(DRP_ENUM_COPY_STATE, t.copy_state_during) : "-",
		  t.progress_during ? drp_kebab(DRP_ENUM_PROGRESS_STATUS, t.progress_during) : "-",
		  t.copy_state_after ? drp_kebab(DRP_ENUM_COPY_STATE, t.copy_state_after) : "-",
		  t.progress_after ? drp_kebab(DRP_ENUM_PROGRESS_STATUS, t.progress_after) : "-",
		  t.reason);
	emit(ctx, line);
}

/* Splits on the first flag that matters, until none does. */
static void emit_cell(const struct drp_state_key *key, unsigned int fixed, unsigned int value,
		      void (*emit)(void *ctx, const char *line), void *ctx)
{
	unsigned int i;

	for (i = 0; i < STATE_KEY_FLAGS; i++) {
		if ((fixed & BIT(i)) || !matters(key, fixed, value, BIT(i)))
			continue;
		emit_cell(key, fixed | BIT(i), value, emit, ctx);
		emit_cell(key, fixed | BIT(i), value | BIT(i), emit, ctx);
		return;
	}
	emit_line(key, fixed, value, emit, ctx);
}

void state_rows(void (*emit)(void *ctx, const char *line), void *ctx)
{
	unsigned int ti, oi, si;
	u32 type, op, state;

	for (ti = 0; !drp_enum_value(DRP_ENUM_SYNC_TYPE, ti, &type); ti++)
		for (oi = 0; !drp_enum_value(DRP_ENUM_OPERATION, oi, &op); oi++)
			for (si = 0; !drp_enum_value(DRP_ENUM_COPY_STATE, si, &state); si++) {
				struct drp_state_key key = {
					.sync_type = type, .operation = op, .copy_state = state,
				};

				emit_cell(&key, 0, 0, emit, ctx);
			}
}
