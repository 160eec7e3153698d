/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decisions of the state table as lines of text, for the golden file: every
 * key of the whole space is in exactly one line. A flag that makes no difference
 * is a star, and copy states that are decided alike share a line.
 */
#ifndef DRP_UNIT_STATE_ROWS_H
#define DRP_UNIT_STATE_ROWS_H

#include "state.h"

#define STATE_KEY_FLAGS	6	/* of struct drp_state_key, in the order of state_key_set_flags() */
#define STATE_LINE_MAX	1024

/* Bits 0 to 5 of @flags: reverse, not consistent, not in sync, source, target changed, force. */
void state_key_set_flags(struct drp_state_key *key, unsigned int flags);

/* Calls @emit for each line, without newline, in a fixed order. */
void state_rows(void (*emit)(void *ctx, const char *line), void *ctx);

#endif /* DRP_UNIT_STATE_ROWS_H */
