// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/slab.h>

#include "op_cut.h"

struct drp_op_cut {
	struct drp_commit_req req;
	struct drp_op *op;
	u64 id;
	struct drp_element *e;		/* whose record changes with the CUT, or NULL */
	struct drp_element_rec rec;
	bool submitted;
	u32 room;
	u8 record[];
};

#define CUT_BYTES	128	/* of CUT itself */

struct drp_op_cut *drp_cut_alloc(struct drp_op *op, u32 room)
{
	struct drp_op_cut *cut = kvzalloc(struct_size(cut, record, CUT_BYTES + room), GFP_NOIO);

	if (!cut)
		return NULL;
	cut->op = op;
	cut->room = CUT_BYTES + room;
	return cut;
}

int drp_cut_timed_out(struct drp_op *op, const char *what)
{
	return drp_op_refuse(op, DRP_RV_TIMEOUT,
			     "%s did not end within the deadline; nothing was changed, I/O went on",
			     what);
}

/* Also when who waited for it has given up: what is durable counts. */
static void apply_element(struct drp_commit_req *req)
{
	struct drp_op_cut *cut = container_of(req, struct drp_op_cut, req);

	spin_lock(&cut->e->pool->rec_lock);
	cut->e->rec = cut->rec;
	spin_unlock(&cut->e->pool->rec_lock);
}

static int commit_cut(struct drp_op_cut *cut, const u64 *members, u32 n, unsigned long end,
		      const void *extra, u32 extra_len)
{
	struct drp_pool *pool = cut->op->pool;
	int len;

	spin_lock(&pool->rec_lock);
	cut->id = pool->rec.next_cut_id++;
	spin_unlock(&pool->rec_lock);
	len = drp_encode_cut(cut->id, members, n, cut->record, CUT_BYTES);
	if (len > 0 && extra_len > cut->room - len)
		len = -ENOSPC;
	if (len > 0 && extra_len) {
		memmove(cut->record + len, extra, extra_len);
		len += extra_len;
	}
	if (len < 0)
		return drp_op_refuse(cut->op, DRP_RV_FAILED, "the cut cannot be recorded: error %d",
				     len);
	cut->req = (struct drp_commit_req){
		.records = cut->record,
		.len = len,
		.apply = cut->e ? apply_element : NULL,
	};
	drp_commit_submit(&pool->cm, &cut->req);
	cut->submitted = true;
	if (!wait_for_completion_timeout(&cut->req.done, max_t(long, end - jiffies, 1)))
		return drp_cut_timed_out(cut->op, "the journal's write");
	if (cut->req.error)
		return drp_op_refuse(cut->op, DRP_RV_FAILED, "the metadata cannot be written");
	return 0;
}

int drp_cut_commit(struct drp_op_cut *cut, struct drp_sync *s, unsigned long end,
		   const void *extra, u32 extra_len)
{
	const u64 members[] = { s->source->rec.id, s->target->rec.id };

	return commit_cut(cut, members, ARRAY_SIZE(members), end, extra, extra_len);
}

int drp_cut_commit_element(struct drp_op_cut *cut, struct drp_element *e,
			   const struct drp_element_rec *rec, unsigned long end)
{
	const u64 members[] = { rec->id };
	int len = drp_encode_element(rec, cut->record + CUT_BYTES, cut->room - CUT_BYTES);

	if (len < 0)
		return drp_op_refuse(cut->op, DRP_RV_FAILED, "the cut cannot be recorded: error %d",
				     len);
	cut->e = e;
	cut->rec = *rec;
	return commit_cut(cut, members, ARRAY_SIZE(members), end, cut->record + CUT_BYTES, len);
}

u64 drp_cut_id(const struct drp_op_cut *cut)
{
	return cut->id;
}

/* The journal says that the cut did not happen (it would not have anyway). */
static void abort_cut(struct drp_op_cut *cut)
{
	struct drp_commit_req req = {};
	int len;

	wait_for_completion(&cut->req.done);
	len = drp_encode_cut_abort(cut->id, cut->record, CUT_BYTES);
	if (len < 0)
		return;
	req.records = cut->record;
	req.len = len;
	drp_commit_wait(&cut->op->pool->cm, &req);
}

void drp_cut_end(struct drp_op_cut *cut, bool confirmed)
{
	if (cut->submitted && !confirmed)
		abort_cut(cut);
	kvfree(cut);
}
