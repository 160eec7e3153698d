/* SPDX-License-Identifier: GPL-2.0-only */
/* The promises of Documentation/operations.rst, as rules.py reads them out of it. */
#ifndef MODEL_RULES_H
#define MODEL_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum rule_kind { RULE_NONE, RULE_CHANGES, RULE_SAME, RULE_GONE, RULE_INVALID };
enum rule_condition { COND_NONE, COND_FORCE, COND_INVALID, COND_ACTS };
enum { RULE_SOURCE = 1, RULE_TARGET = 2 };

/* An unfinished restore or failback: the source shows the target's content. */
enum turned { NOT_TURNED, RESTORING, FAILING_BACK };

struct rule {
	uint8_t kind;			/* enum rule_kind; NONE: not in the table */
	uint8_t during, after;		/* enum drp_copy_state; during 0: no job */
	uint8_t turned;			/* enum turned, during */
	uint8_t force, in_use;		/* RULE_SOURCE, RULE_TARGET: must not be in use */
	uint8_t if_inconsistent, if_not_in_sync, if_source_changed, if_target_changed;
};

/* 0 nothing, 1 read, 2 read and write. */
struct access {
	uint8_t host[2][2];		/* [restoring][0 source, 1 target] */
	uint8_t mirrored, tracked;
};

/* [SyncType - 6][restoring][operation][copy state] */
extern const struct rule rule_table[3][2][25][32];
extern const struct access access_table[3][32];

#endif
