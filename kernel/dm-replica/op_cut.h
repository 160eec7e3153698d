/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cut: what happens inside closed gates, as CUT in the journal. It holds only
 * once a CONFIRM of the same id is durable, which is written after the gates are
 * open and never past the deadline. Contract rules 5 and 8. op_lock held.
 */
#ifndef DRP_OP_CUT_H
#define DRP_OP_CUT_H

#include "op.h"

struct drp_op_cut;

/* With room for @room bytes of records beside the CUT. NULL: no memory. */
struct drp_op_cut *drp_cut_alloc(struct drp_op *op, u32 room);

/*
 * Inside the closed gates of @s: commit CUT until @end (jiffies), and @extra
 * (@extra_len bytes, may be NULL), which holds even if the cut does not. 0 or a
 * refusal. Sleeps.
 */
int drp_cut_commit(struct drp_op_cut *cut, struct drp_sync *s, unsigned long end,
		   const void *extra, u32 extra_len);

/* The same with the gate of one element, whose record becomes @rec even if the cut does not hold. The cut has room for it. */
int drp_cut_commit_element(struct drp_op_cut *cut, struct drp_element *e,
			   const struct drp_element_rec *rec, unsigned long end);

u64 drp_cut_id(const struct drp_op_cut *cut);

/* The end of it; not @confirmed: waits for the CUT under way and says that it did not happen. Gates open. Sleeps. */
void drp_cut_end(struct drp_op_cut *cut, bool confirmed);

/* The refusal of what took too long. */
int drp_cut_timed_out(struct drp_op *op, const char *what);

/*
 * The whole cut of a mirror: close the gates, drain, flush the target, commit
 * CUT; the flow is TRACK when they open again, and (@block) the source's hosts
 * may not write. 0 and *@cut_id, or a refusal and nothing has happened. Sleeps.
 */
int drp_cut_mirror(struct drp_op *op, struct drp_sync *s, bool block, u64 *cut_id);

#endif /* DRP_OP_CUT_H */
