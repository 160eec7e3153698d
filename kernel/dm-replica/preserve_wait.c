// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for what is to be preserved: hosts' writes, which are parked, and the
 * engine's copies, which sleep. They find the operation that is under way, or
 * begin one.
 */
#include "preserve_internal.h"

#define STARTS_MAX	4	/* operations that one who waits starts */

struct wait {
	struct drp_bits *bits;
	struct bio *bio;		/* or: */
	struct drp_preserve_sleeper *sleeper;
	u64 newest;			/* the sleeper's; another one it must look at anew */
	struct drp_cow_op *spare;	/* or NULL; taken before any other */
	struct drp_cow_op *start[STARTS_MAX];
	unsigned int nr_start;
};

static void __add_waiter(struct drp_cow_op *op, struct wait *w)
{
	if (w->bio)
		bio_list_add(&op->waiters, w->bio);
	else
		list_add_tail(&w->sleeper->node, &op->sleepers);
}

struct drp_cow_op *__drp_preserve_op_of(struct drp_preserved *p, u64 chunk, u64 *next)
{
	struct drp_cow_op *op;

	lockdep_assert_held(&p->lock);
	list_for_each_entry(op, &p->ops, node) {
		if (chunk >= op->first && chunk < op->first + op->put.n)
			return op;
		if (op->first > chunk)
			*next = min(*next, op->first);
	}
	return NULL;
}

/*
 * The index does not know yet what is being put for the same generation, perhaps
 * begun for the other bits: a page that is filled waits for that.
 */
static struct drp_cow_op *__op_of_page(struct drp_preserved *p, const struct drp_bits *bits, u64 chunk)
{
	struct drp_cow_op *op;

	list_for_each_entry(op, &p->ops, node)
		if (!op->fill && op->label == bits->newest &&
		    op->first >> DRP_BITS_SHIFT == chunk >> DRP_BITS_SHIFT)
			return op;
	return NULL;
}

static struct drp_cow_op *take_op(struct drp_preserver *pr, struct wait *w)
{
	struct drp_cow_op *op = w->spare;

	w->spare = NULL;
	return op ?: drp_cow_op_get(pr);
}

/* An operation for the chunks from @chunk on, before @end, that lack their bit. NULL: no memory now. */
static struct drp_cow_op *__new_op(struct drp_preserved *p, struct wait *w,
				   const struct drp_bits_page *page, u64 chunk, u64 end)
{
	const u32 max = min_t(u32, DRP_COW_PUT_MAX,
			      (DRP_COW_OP_PAGES * PAGE_SIZE) >> (p->chunk_shift + SECTOR_SHIFT));
	const u64 base = round_down(chunk, DRP_BITS_PER_PAGE);
	struct drp_cow_op *op = take_op(p->e->pool->preserver, w);

	if (!op)
		return NULL;
	op->p = p;
	op->bits = w->bits;
	op->first = chunk;
	op->label = w->bits->newest;
	op->fill = !page;
	op->put.n = min3((u64)max, end - chunk, base + DRP_BITS_PER_PAGE - chunk);
	if (page)
		op->put.n = find_next_bit(page->bits, chunk - base + op->put.n, chunk - base) -
			    (chunk - base);
	list_add_tail(&op->node, &p->ops);
	p->nr_held++;
	w->start[w->nr_start++] = op;
	return op;
}

enum joined {
	NOTHING_LACKS,
	WAITS,
	NO_MEMORY,
	UNSAID,		/* that its source changes is not durable for a snapshot */
	STUCK,		/* sleepers do not wait for the decision */
};

/* Find or make the operation that provides the first chunk that lacks, and some of the next ones. */
static enum joined __join(struct drp_preserved *p, struct wait *w, u64 first, u64 end)
{
	enum joined joined = NOTHING_LACKS;
	struct drp_bits *bits = w->bits;
	u64 chunk = first, next;

	lockdep_assert_held(&p->lock);
	if (w->sleeper && bits->newest != w->newest)
		return NOTHING_LACKS;
	while (bits->newest && chunk < end && w->nr_start < STARTS_MAX) {
		struct drp_bits_page *page = __drp_preserved_page(p, bits, chunk);
		const u64 base = round_down(chunk, DRP_BITS_PER_PAGE);
		struct drp_cow_op *op;

		if (page) {
			const u32 to = min_t(u64, DRP_BITS_PER_PAGE, end - base);

			chunk = base + find_next_zero_bit(page->bits, to, chunk - base);
			if (chunk == base + to)
				continue;
		}
		next = end;
		op = __drp_preserve_op_of(p, chunk, &next);
		if (!op && !page)
			op = __op_of_page(p, bits, chunk);
		if (op && op->stuck && w->sleeper && joined == NOTHING_LACKS)
			return STUCK;
		/* Without a journal it fails as any other. */
		if (!op && unlikely(READ_ONCE(p->e->cow_said) < bits->newest) &&
		    drp_pool_writable(p->e->pool))
			return joined == WAITS ? WAITS : UNSAID;
		if (!op)
			op = __new_op(p, w, page, chunk, next);
		if (!op)
			return joined == WAITS ? WAITS : NO_MEMORY;
		if (joined == NOTHING_LACKS)
			__add_waiter(op, w);
		joined = WAITS;
		chunk = max(chunk + 1, op->first + op->put.n);
	}
	return joined;
}

static enum joined join(struct drp_preserved *p, struct wait *w, u64 start, u64 end)
{
	enum joined joined;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&p->lock, flags);
	joined = __join(p, w, start >> p->chunk_shift, ((end - 1) >> p->chunk_shift) + 1);
	if (joined == WAITS && w->bio && w->bits == &p->now)
		__drp_ahead_missed(p, start, end);
	spin_unlock_irqrestore(&p->lock, flags);
	/* What it waits for may be over, and the bio gone, from here on. */
	for (i = 0; i < w->nr_start; i++)
		drp_preserve_op_start(w->start[i]);
	return joined;
}

static void park(struct drp_preserved *p, struct drp_bits *bits, struct bio *bio, u64 start, u64 end)
{
	struct drp_element *e = p->e;
	struct wait w = { .bits = bits, .bio = bio };

	switch (join(p, &w, start, end)) {
	case NOTHING_LACKS:
		drp_pool_rerun_bio(e->pool, bio);
		break;
	case UNSAID:
		WRITE_ONCE(e->cow_tells, true);
		drp_note_park(e->pool, bio);
		break;
	case NO_MEMORY:
		drp_cow_op_starve(e->pool->preserver, bio);
		break;
	default:
		break;
	}
}

void drp_preserve_park(struct drp_element *e, struct bio *bio, u64 start, u64 end)
{
	park(e->preserved, &e->preserved->now, bio, start, end);
}

void drp_preserve_turn_park(struct drp_element *e, struct bio *bio, u64 start, u64 end)
{
	park(e->preserved, drp_preserved_turn_bits(e->preserved), bio, start, end);
}

static void hold(struct drp_preserved *p)
{
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	p->nr_held++;
	spin_unlock_irqrestore(&p->lock, flags);
}

bool drp_preserve_hold(struct drp_element *e, const struct drp_plan *plan, u32 mask, bool turn,
		       const struct drp_range *range, struct drp_preserve_need *need)
{
	struct drp_preserved *p;

	if (!turn)
		e = drp_preserve_lacking(e, plan, mask, range);
	else if (!drp_preserve_turn_needed(e, range->start, range->end))
		e = NULL;
	if (!e)
		return false;
	p = e->preserved;
	hold(p);
	need->p = p;
	need->bits = turn ? drp_preserved_turn_bits(p) : &p->now;
	need->newest = READ_ONCE(need->bits->newest);
	return true;
}

/* 0 when all of it was preserved at some moment, -EAGAIN: the gate is closed, -ENOSPC: it is being decided, -EIO. */
static int preserve_range(const struct drp_preserve_need *need, u64 start, u64 end)
{
	struct drp_preserved *p = need->p;
	struct drp_element *e = p->e;
	struct drp_preserve_sleeper sleeper;
	struct wait w;

	for (;;) {
		w = (struct wait){
			.bits = need->bits,
			.sleeper = &sleeper,
			.newest = need->newest,
		};
		w.spare = drp_cow_op_alloc(e->pool->preserver, GFP_NOIO);
		init_completion(&sleeper.done);
		switch (join(p, &w, start, end)) {
		case WAITS:
			wait_for_completion(&sleeper.done);
			break;
		case UNSAID:
			/* It takes op_lock, whose owner may wait for us. */
			WRITE_ONCE(e->cow_tells, true);
			queue_work(e->pool->op_wq, &e->pool->note_work);
			sleeper.error = -EAGAIN;
			break;
		case STUCK:
			sleeper.error = -ENOSPC;
			break;
		case NO_MEMORY:
			cond_resched();
			sleeper.error = 0;
			break;
		default:
			sleeper.error = 1;
		}
		if (w.spare)
			drp_cow_op_free(w.spare);
		if (sleeper.error)
			return min(sleeper.error, 0);
	}
}

int drp_preserve_held(struct drp_preserve_need *need, const struct drp_range *range,
		      bool wait)
{
	int r = wait ? preserve_range(need, range->start, range->end) : -EAGAIN;

	need->refusals = READ_ONCE(need->p->e->full_refusals);
	drp_preserved_release(need->p);
	if (!r)
		return -ERESTART;
	return r == -EIO || r == -ENOSPC ? r : -EAGAIN;
}
