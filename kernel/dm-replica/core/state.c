// SPDX-License-Identifier: GPL-2.0-only
/* The interpreter of the state table: see state.h; the rules are in state_rules.h. */
#include "state.h"
#include "state_rules.h"

/* What hosts may do, by copy state: source, target, and both while reverse. */
#define N	DRP_ACCESS_NONE
#define R	DRP_ACCESS_READ
#define W	DRP_ACCESS_WRITE

struct access_row {
	u8 source, target;
	u8 reverse_source, reverse_target;
};

/*
 * Reverse and Invalid: which regions of the source are real is not known, so
 * nothing is shown. Reverse and Partitioned: reads of regions that live on the
 * target fail one by one, the others work.
 */
static const struct access_row mirror_access[] = {
	[DRP_CS_INITIALIZED]	= { W, R, W, R },
	[DRP_CS_UNSYNCHRONIZED]	= { W, R, W, R },
	[DRP_CS_SYNCHRONIZED]	= { W, R, W, R },
	[DRP_CS_BROKEN]		= { W, R, W, R },
	[DRP_CS_FRACTURED]	= { W, W, W, R },
	[DRP_CS_SPLIT]		= { W, W, W, R },
	[DRP_CS_INACTIVE]	= { W, R, W, R },
	[DRP_CS_SUSPENDED]	= { W, R, W, R },
	[DRP_CS_FAILEDOVER]	= { R, W, R, R },
	[DRP_CS_PREPARED]	= { W, R, W, R },
	[DRP_CS_ABORTED]	= { W, R, W, R },
	[DRP_CS_SKEWED]		= { W, W, W, R },
	[DRP_CS_PARTITIONED]	= { W, N, W, N },
	[DRP_CS_INVALID]	= { W, R, N, R },
	[DRP_CS_RESTORED]	= { W, W, W, R },
};

/* A snapshot that has no trustworthy point in time shows nothing. */
static const struct access_row snapshot_access[] = {
	[DRP_CS_UNSYNCHRONIZED]	= { W, R, W, R },
	[DRP_CS_SYNCHRONIZED]	= { W, W, W, R },
	[DRP_CS_BROKEN]		= { W, N, W, R },
	[DRP_CS_INACTIVE]	= { W, N, W, N },
	[DRP_CS_SUSPENDED]	= { W, R, W, R },
	[DRP_CS_SKEWED]		= { W, W, W, R },
	[DRP_CS_PARTITIONED]	= { W, N, W, N },
	[DRP_CS_INVALID]	= { W, N, N, N },
	[DRP_CS_RESTORED]	= { W, W, W, R },
};

/*
 * Usable while it copies: missing regions are read from the source. Not if the copy
 * ended early. Partitioned: what the side that is away has fails, the rest does not.
 */
static const struct access_row clone_access[] = {
	[DRP_CS_UNSYNCHRONIZED]	= { W, W, W, R },
	[DRP_CS_SYNCHRONIZED]	= { W, W, W, R },
	[DRP_CS_BROKEN]		= { W, N, W, R },
	[DRP_CS_FRACTURED]	= { W, W, W, R },
	[DRP_CS_SPLIT]		= { W, W, W, R },
	[DRP_CS_INACTIVE]	= { W, R, W, R },
	[DRP_CS_SUSPENDED]	= { W, W, W, R },
	[DRP_CS_PREPARED]	= { W, R, W, R },
	[DRP_CS_ABORTED]	= { W, N, W, R },
	[DRP_CS_SKEWED]		= { W, W, W, R },
	[DRP_CS_PARTITIONED]	= { W, W, W, R },
	[DRP_CS_INVALID]	= { W, N, N, R },
	[DRP_CS_RESTORED]	= { W, W, W, R },
};

#undef N
#undef R
#undef W

static const struct type_table {
	const struct rule *rules;
	unsigned int nr_rules;
	u32 states;
	u32 create_waits;		/* WaitForCopyState of create */
	u32 untracked;			/* nothing that could differ: no target content */
	const struct access_row *access;
} mirror_table = {
	.rules = mirror_rules,
	.nr_rules = ARRAY_SIZE(mirror_rules),
	.states = MIRROR_STATES,
	.create_waits = CS_I | CS_IN | CS_U | CS_S,
	.access = mirror_access,
}, snapshot_table = {
	.rules = snapshot_rules,
	.nr_rules = ARRAY_SIZE(snapshot_rules),
	.states = SNAPSHOT_STATES,
	.create_waits = CS_IN | CS_S,
	.untracked = CS_IN,
	.access = snapshot_access,
}, clone_table = {
	.rules = clone_rules,
	.nr_rules = ARRAY_SIZE(clone_rules),
	.states = CLONE_STATES,
	.create_waits = CS_IN | CS_PR | CS_U | CS_S,
	.access = clone_access,
};

static const struct type_table *find_type(u16 sync_type)
{
	switch (sync_type) {
	case DRP_SYNC_MIRROR:
		return &mirror_table;
	case DRP_SYNC_SNAPSHOT:
		return &snapshot_table;
	case DRP_SYNC_CLONE:
		return &clone_table;
	}
	return NULL;
}

static u32 state_bit(u16 copy_state)
{
	return copy_state <= DRP_CS_RESTORED ? (u32)BIT(copy_state) : 0;
}

static bool is_group_operation(u16 operation)
{
	return operation == DRP_OP_ACTIVATE_CONSISTENCY || operation == DRP_OP_ADD_SYNC_PAIR ||
	       operation == DRP_OP_DEACTIVATE_CONSISTENCY || operation == DRP_OP_REMOVE_SYNC_PAIR;
}

/* Operations that differ in nothing that the table knows share their rules. */
static u16 rules_of(u16 operation)
{
	if (operation == DRP_OP_UNPREPARE)
		return DRP_OP_PREPARE;
	if (operation == DRP_OP_RESET_TO_ASYNC)
		return DRP_OP_RESET_TO_SYNC;
	return operation;
}

bool drp_state_supported(u16 sync_type, u16 operation)
{
	const struct type_table *tt = find_type(sync_type);
	unsigned int i;

	for (i = 0; tt && i < tt->nr_rules; i++)
		if (tt->rules[i].operation == rules_of(operation))
			return true;
	return false;
}

bool drp_state_valid(u16 sync_type, u16 copy_state)
{
	const struct type_table *tt = find_type(sync_type);

	return tt && (tt->states & state_bit(copy_state));
}

struct drp_host_access drp_state_access(u16 sync_type, u16 copy_state, bool reverse)
{
	struct drp_host_access none = { DRP_ACCESS_NONE, DRP_ACCESS_NONE };
	const struct access_row *row;

	if (!drp_state_valid(sync_type, copy_state))
		return none;
	row = &find_type(sync_type)->access[copy_state];
	if (reverse)
		return (struct drp_host_access){ row->reverse_source, row->reverse_target };
	return (struct drp_host_access){ row->source, row->target };
}

bool drp_state_mirrors(u16 sync_type, u16 copy_state)
{
	return sync_type == DRP_SYNC_MIRROR && (state_bit(copy_state) & (CS_U | CS_S));
}

bool drp_state_tracks(u16 sync_type, u16 copy_state)
{
	const struct type_table *tt = find_type(sync_type);

	return tt && (tt->states & ~tt->untracked & state_bit(copy_state));
}

static bool effect_reaches(const struct effect *e, u16 copy_state)
{
	return !(e->flags & REMOVES) && (e->during == copy_state || e->after == copy_state);
}

bool drp_state_can_wait_for(u16 sync_type, u16 operation, u16 copy_state)
{
	const struct type_table *tt = find_type(sync_type);
	unsigned int i;

	if (!drp_state_valid(sync_type, copy_state))
		return false;
	if (!operation)
		return tt->create_waits & state_bit(copy_state);
	for (i = 0; i < tt->nr_rules; i++) {
		const struct rule *r = &tt->rules[i];

		if (r->operation != rules_of(operation))
			continue;
		if (r->kind == SAME && (r->from & state_bit(copy_state)))
			return true;
		if ((r->kind == RUN || r->kind == CONSENT) &&
		    effect_reaches(&effects[r->effect], copy_state))
			return true;
	}
	return false;
}

static u8 key_conditions(const struct drp_state_key *key)
{
	return (key->target_consistent ? 0 : MIX) | (key->in_sync ? 0 : LAG) |
	       (key->source_changed ? SRC : 0) | (key->target_changed ? TGT : 0) |
	       (key->reverse ? REV : 0);
}

static const struct rule *find_rule(const struct type_table *tt, const struct drp_state_key *key)
{
	u8 conditions = key_conditions(key);
	unsigned int i;

	for (i = 0; i < tt->nr_rules; i++) {
		const struct rule *r = &tt->rules[i];

		if (r->operation == rules_of(key->operation) &&
		    (r->from & state_bit(key->copy_state)) &&
		    (r->when & conditions) == r->when &&
		    (r->when & REV) == (conditions & REV))
			return r;
	}
	return NULL;
}

static void refuse(struct drp_transition *t, u32 return_value, const char *reason)
{
	t->verdict = DRP_VERDICT_REFUSE;
	t->return_value = return_value;
	t->reason = reason;
}

static bool sinks(u8 before, u8 during, u8 after)
{
	return during < before || after < before;
}

/*
 * Taking away what a host may do pulls its device from under a file system as
 * surely as overwriting it does, so the same In Use rules apply.
 */
static void note_lost_access(const struct drp_state_key *key, const struct effect *e,
			     struct drp_transition *t)
{
	struct drp_host_access before, during, after;
	u16 state = key->copy_state;

	if (e->flags & REMOVES)
		return;
	before = drp_state_access(key->sync_type, state, key->reverse);
	during = drp_state_access(key->sync_type, e->during ?: state,
				  key->reverse || (e->flags & REVERSES));
	after = drp_state_access(key->sync_type, e->after,
				 key->reverse && (e->flags & KEEPS_REVERSE));
	if (e->flags & SWAPS)
		after = (struct drp_host_access){ after.target, after.source };
	if (sinks(before.source, during.source, after.source))
		t->overwrites_source = true;
	if (sinks(before.target, during.target, after.target))
		t->overwrites_target = true;
}

static void fill_effect(const struct drp_state_key *key, const struct effect *e,
			struct drp_transition *t)
{
	t->removes = e->flags & REMOVES;
	t->starts_copy = e->flags & COPIES;
	t->overwrites_source = e->flags & OVER_SRC;
	t->overwrites_target = e->flags & OVER_TGT;
	t->copy_state_during = e->during;
	t->progress_during = e->progress_during;
	t->copy_state_after = e->after;
	t->progress_after = e->progress_after;
	note_lost_access(key, e, t);
}

static void apply_rule(const struct drp_state_key *key, const struct rule *r,
		       struct drp_transition *t)
{
	t->reason = r->reason;
	switch (r->kind) {
	case NO:
		refuse(t, DRP_RV_INVALID_STATE, r->reason);
		return;
	case SAME:
		t->verdict = DRP_VERDICT_NO_CHANGE;
		return;
	case CONSENT:
		t->needs_force = true;
		break;
	}
	fill_effect(key, &effects[r->effect], t);
	if (t->needs_force && !key->force)
		refuse(t, DRP_RV_FORCE_REQUIRED, r->reason);
	else
		t->verdict = DRP_VERDICT_EXECUTE;
}

void drp_state_decide(const struct drp_state_key *key, struct drp_transition *t)
{
	const struct type_table *tt = find_type(key->sync_type);
	const struct rule *r;

	*t = (struct drp_transition){ .copy_state_after = key->copy_state };
	if (!tt) {
		refuse(t, DRP_RV_INVALID_PARAMETER,
		       "SyncType must be 6 Mirror, 7 Snapshot or 8 Clone");
		return;
	}
	if (is_group_operation(key->operation)) {
		refuse(t, DRP_RV_INVALID_PARAMETER,
		       "this operation is for groups, not for a single synchronization");
		return;
	}
	if (!drp_state_supported(key->sync_type, key->operation)) {
		refuse(t, DRP_RV_NOT_SUPPORTED, "this SyncType does not have this operation");
		return;
	}
	if (!drp_state_valid(key->sync_type, key->copy_state)) {
		refuse(t, DRP_RV_INVALID_STATE,
		       "a synchronization of this SyncType cannot be in this CopyState");
		return;
	}
	r = find_rule(tt, key);
	if (r)
		apply_rule(key, r, t);
	else
		refuse(t, DRP_RV_INVALID_STATE,
		       "a restore or failback is unfinished: Resume it or do it again first");
}
