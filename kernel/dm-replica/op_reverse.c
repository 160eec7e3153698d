// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reverse Roles: source and target of a sync change places, and with them what
 * consumers take for the volume's identity. Hosts of both sides are blocked
 * until it is durable; then those of the new source may write.
 */
#include <linux/slab.h>

#include "checkpoint.h"
#include "io.h"
#include "leg.h"
#include "op_cut.h"
#include "op_turn.h"

int drp_op_check_reverse(struct drp_op *op, struct drp_sync *s)
{
	const struct drp_element *source = s->source, *target = s->target;

	if (!source->live || !target->live)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is not attached: activate it first",
				     (source->live ? target : source)->rec.name);
	if (source->rec.size_sectors != target->rec.size_sectors)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s (%llu sectors) is larger than %s (%llu), which could not follow it: grow that first",
				     target->rec.name, target->rec.size_sectors, source->rec.name,
				     source->rec.size_sectors);
	if (bdev_logical_block_size(source->bdev) > bdev_logical_block_size(target->bdev))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s has larger logical blocks than %s and cannot follow it",
				     source->rec.name, target->rec.name);
	if (source->plan->up && !source->plan->up->removed)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE,
				     "%s is the target of sync %s and cannot become that of another one: detach that first",
				     source->rec.name, source->plan->up->rec.name);
	if (source->inbound || target->inbound)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is being restored: wait for that",
				     (source->inbound ? source : target)->rec.name);
	if (drp_op_refuse_cloned(op, s->source))
		return op->error;
	if (!drp_plan_may_reverse(op->pool, s))
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "too many syncs would hang below %s",
				     source->rec.name);
	return 0;
}

static void swap_ends(struct drp_sync *s)
{
	spin_lock(&s->pool->rec_lock);
	swap(s->source, s->target);
	spin_unlock(&s->pool->rec_lock);
}

struct reversal {
	struct drp_op *op;
	struct drp_sync *s;
	struct drp_op_cut *cut;
	struct drp_element_rec a, b;	/* records after it */
};

/*
 * CUT, and with it what those below the new source may lack: until now the
 * extents of the old one said so, which they no longer follow.
 */
static int cut_inside(struct reversal *rev, unsigned long end)
{
	struct drp_sync *s = rev->s;
	struct drp_element *old_source = s->target;
	struct drp_hand_down *h = drp_hand_down_prepare(old_source, s->source);
	const void *records;
	u32 len;
	int r;

	if (!h)
		return drp_op_refuse(rev->op, DRP_RV_FAILED, "no memory");
	records = drp_hand_down_records(h, &len);
	r = drp_cut_commit(rev->cut, s, end, records, len);
	if (!r) {
		drp_hand_down_apply(h);
		/* Its hosts lose write access now; those of the other side get it with CONFIRM. */
		if (s->rec.copy_state == DRP_CS_SYNCHRONIZED)
			WRITE_ONCE(old_source->access, DRP_ACCESS_READ);
		swap(s->source_noted, s->target_noted);
		swap(s->source_written, s->target_written);
	}
	drp_hand_down_free(h);
	return r;
}

/* Both sides are drained: make them equal for good, then CUT. The ends are swapped already. */
static int inside(void *ctx, unsigned long end)
{
	struct reversal *rev = ctx;
	struct drp_sync *s = rev->s;
	int r = 0;

	if (READ_ONCE(s->faults) & (BIT(DRP_FAULT_TARGET) | BIT(DRP_FAULT_SOURCE)))
		return drp_op_refuse(rev->op, DRP_RV_FAILED,
				     "a leg failed meanwhile; nothing was changed");
	if (s->flow == DRP_FLOW_MIRROR)
		r = drp_leg_flush_inside(s->source, end - jiffies) ?:
		    drp_leg_flush_inside(s->target, end - jiffies);
	if (r == -ETIMEDOUT)
		return drp_cut_timed_out(rev->op, "a flush");
	if (r)
		return drp_op_refuse(rev->op, DRP_RV_FAILED, "a leg cannot be flushed: error %d", r);
	return cut_inside(rev, end);
}

static int cut_and_swap(struct reversal *rev)
{
	struct drp_sync *s = rev->s;
	int r;

	WRITE_ONCE(s->readable, false);
	swap_ends(s);
	r = drp_plans_rebuild_inside(s->pool, drp_op_deadline(rev->op), inside, rev);
	if (!r)
		return 0;
	swap_ends(s);
	if (rev->op->error)
		return r;	/* refused inside */
	if (r == -ETIMEDOUT)
		return drp_cut_timed_out(rev->op, "I/O in flight");
	return drp_op_refuse(rev->op, DRP_RV_FAILED, "no memory");
}

/* CONFIRM: the sync with its new ends, the elements with each other's identity. */
static int confirm(struct reversal *rev, const struct drp_sync_rec *rec)
{
	struct drp_sync *s = rev->s;
	u8 *buf = kmalloc(DRP_RECORD_MAX, GFP_NOIO | __GFP_NOFAIL);
	int r, len;

	rev->a = s->source->rec;
	rev->b = s->target->rec;
	memcpy(rev->a.wwid, s->target->rec.wwid, sizeof(rev->a.wwid));
	memcpy(rev->b.wwid, s->source->rec.wwid, sizeof(rev->b.wwid));
	len = drp_encode_element(&rev->a, buf, DRP_RECORD_MAX);
	r = len < 0 ? len : drp_encode_element(&rev->b, buf + len, DRP_RECORD_MAX - len);
	if (r > 0)
		r = drp_sync_confirm(s, rec, drp_cut_id(rev->cut), buf, len + r);
	kfree(buf);
	if (r)
		return r;
	spin_lock(&s->pool->rec_lock);
	s->source->rec = rev->a;
	s->target->rec = rev->b;
	spin_unlock(&s->pool->rec_lock);
	return 0;
}

static void fill(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t,
		 struct drp_sync_rec *rec)
{
	drp_op_merge_settings(op, rec);
	swap(rec->source_id, rec->target_id);
	swap(rec->source_changed, rec->target_changed);
	rec->copy_state = t->copy_state_after;
	rec->requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec->progress_status = t->progress_after;
	rec->error_text[0] = '\0';
	if (rec->copy_state == DRP_CS_SUSPENDED) {
		rec->when_suspended = drp_now();
		/* The old source: its hosts left it at one moment, unless it was replaced since. */
		rec->target_consistent = !rec->initial_copy;
	}
}

int drp_op_reverse(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	struct drp_sync_rec rec = s->rec;
	struct reversal *rev;
	int r = drp_op_check_reverse(op, s);

	if (r)
		return r;
	rev = kzalloc(sizeof(*rev), GFP_NOIO);
	if (rev)
		rev->cut = drp_cut_alloc(op, DRP_COMMIT_REQ_MAX);
	if (!rev || !rev->cut) {
		kfree(rev);
		return drp_op_refuse(op, DRP_RV_FAILED, "no memory");
	}
	rev->op = op;
	rev->s = s;
	if (s->copier)
		drp_copy_stop(s->copier);
	fill(op, s, t, &rec);
	/* Room in the journal: none can be made while the plans are exchanged. */
	drp_checkpoint_within(op->pool, drp_op_deadline(op));
	r = cut_and_swap(rev);
	if (!r && confirm(rev, &rec)) {
		/* The ends are exchanged here, and as they were in the journal. */
		WRITE_ONCE(s->undecided, true);
		r = drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	}
	if (!r)
		op->res.updated_sync_id = s->rec.id;
	drp_cut_end(rev->cut, !r);
	kfree(rev);
	drp_sync_refresh(s);
	drp_element_drop_cache(s->source);
	drp_element_drop_cache(s->target);
	return r;
}
