// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preserving ahead. Writes of a host that follow each other over chunks that are
 * not preserved are a stream: what comes next is preserved before it is written,
 * at most AHEAD_BYTES and no more than the stream has come along. A write that
 * has used up some of that asks for more on its way; it does not wait for it.
 *
 * Nobody needs what is preserved ahead, so it takes no reserve, of memory or of COW
 * space, makes no decisions, and ends where anything stops it. From there on it
 * is an operation as any other: a write that comes before its end waits for it.
 */
#include "preserve_internal.h"
#include "snapshot.h"

#define AHEAD_BYTES	(1U << 20)
#define OP_BYTES	(256U << 10)
#define WRITE_BYTES_MAX	(256U << 10)	/* larger ones keep several operations busy themselves */
#define HITS_MIN	2
#define OPS_MAX		16		/* of a pool */
#define OLD_MISSES	256		/* of others: a stream that has not been seen since is over */

static u64 chunks(const struct drp_preserved *p, u32 bytes)
{
	return max(bytes >> (p->chunk_shift + SECTOR_SHIFT), 1U);
}

static u64 depth_of(const struct drp_preserved *p, const struct drp_stream *s)
{
	return min(chunks(p, AHEAD_BYTES), s->run);
}

/* As many are worth an operation. */
static u64 batch_of(const struct drp_preserved *p, const struct drp_stream *s)
{
	return clamp(depth_of(p, s) / 2, 1ULL, chunks(p, OP_BYTES));
}

static u64 chunks_of_element(const struct drp_preserved *p)
{
	return ((p->e->rec.size_sectors - 1) >> p->chunk_shift) + 1;
}

/* Where its front should be; the front itself if too little is missing. */
static u64 wanted_front(const struct drp_preserved *p, const struct drp_stream *s)
{
	const u64 end = chunks_of_element(p);
	const u64 want = min(s->next + depth_of(p, s), end);

	if (want <= s->front || (want < end && want - s->front < batch_of(p, s)))
		return s->front;
	return want;
}

static void __kick(struct drp_preserved *p)
{
	lockdep_assert_held(&p->lock);
	if (p->going || p->ahead_kicked)
		return;
	p->ahead_kicked = true;
	p->nr_held++;
	queue_work(p->e->pool->preserver->vio_wq, &p->ahead_work);
}

static void __advance(struct drp_preserved *p, struct drp_stream *s, u64 next)
{
	lockdep_assert_held(&p->lock);
	s->used = p->misses;
	if (next <= s->next)
		return;
	s->run += next - s->next;
	s->next = next;
	if (!s->front)
		return;
	s->front = max(s->front, next);
	WRITE_ONCE(s->trigger, next + batch_of(p, s) - 1);
	if (wanted_front(p, s) > s->front)
		__kick(p);
}

/* ---- streams ---- */

/* Does a write of these chunks belong to it? */
static bool continues(const struct drp_stream *s, u64 first, u64 end)
{
	if (!s->next)
		return false;
	/* The last chunk may have been written in part, or the same write come again. */
	return first == s->next || end == s->next || (first < s->next && end > s->next) ||
	       (first >= s->next && first <= s->front);
}

/* The least missed one: unused, not found to be a stream, not seen for long. */
static struct drp_stream *__victim(struct drp_preserved *p)
{
	struct drp_stream *best = NULL, *s;
	u64 age, oldest = 0;

	lockdep_assert_held(&p->lock);
	for (s = p->streams; s < p->streams + DRP_STREAMS; s++) {
		age = p->misses - s->used;
		if (!s->next || !s->front || age > OLD_MISSES)
			age += U32_MAX;
		if (!best || age > oldest) {
			best = s;
			oldest = age;
		}
	}
	return best;
}

static void __begin(struct drp_preserved *p, u64 first, u64 end)
{
	struct drp_stream *s = __victim(p);

	lockdep_assert_held(&p->lock);
	if (s->front)
		WRITE_ONCE(p->nr_streams, p->nr_streams - 1);
	*s = (struct drp_stream){
		.next = end,
		.run = end - first,
		.used = p->misses,
		.trigger = U64_MAX,
	};
}

void __drp_ahead_missed(struct drp_preserved *p, u64 start, u64 end)
{
	const u64 first = start >> p->chunk_shift, behind = ((end - 1) >> p->chunk_shift) + 1;
	struct drp_stream *s;

	lockdep_assert_held(&p->lock);
	if (end - start > WRITE_BYTES_MAX >> SECTOR_SHIFT)
		return;
	p->misses++;
	for (s = p->streams; s < p->streams + DRP_STREAMS; s++)
		if (continues(s, first, behind))
			break;
	if (s == p->streams + DRP_STREAMS) {
		__begin(p, first, behind);
		return;
	}
	if (behind > s->next && ++s->hits == HITS_MIN) {
		s->front = s->next;
		WRITE_ONCE(p->nr_streams, p->nr_streams + 1);
	}
	__advance(p, s, behind);
}

void drp_ahead_pass(struct drp_preserved *p, u64 start, u64 end)
{
	const u64 first = start >> p->chunk_shift, last = (end - 1) >> p->chunk_shift;
	struct drp_stream *s;
	unsigned long flags;

	for (s = p->streams; s < p->streams + DRP_STREAMS; s++) {
		if (last < READ_ONCE(s->trigger) || first > READ_ONCE(s->trigger))
			continue;
		spin_lock_irqsave(&p->lock, flags);
		if (s->front && last >= s->trigger && first <= s->trigger)
			__advance(p, s, last + 1);
		spin_unlock_irqrestore(&p->lock, flags);
	}
}

void __drp_ahead_forget(struct drp_preserved *p)
{
	lockdep_assert_held(&p->lock);
	memset(p->streams, 0, sizeof(p->streams));
	WRITE_ONCE(p->nr_streams, 0);
}

void drp_ahead_failed(struct drp_preserved *p)
{
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	__drp_ahead_forget(p);
	spin_unlock_irqrestore(&p->lock, flags);
}

/* ---- operations ---- */

bool drp_ahead_still(const struct drp_cow_op *op)
{
	const struct drp_element *e = op->p->e;

	/* What a turn overwrites may have its content elsewhere: who writes brings it first. */
	return READ_ONCE(op->bits->newest) == op->label && !e->inbound && !e->cow_split;
}

/* Let @op preserve what @s lacks next; false: nothing before its front should go on. */
static bool __claim(struct drp_preserved *p, struct drp_stream *s, struct drp_cow_op *op)
{
	const u64 want = wanted_front(p, s);
	u64 chunk = s->front;

	lockdep_assert_held(&p->lock);
	while (chunk < want) {
		struct drp_bits_page *page = __drp_preserved_page(p, &p->now, chunk);
		const u64 base = round_down(chunk, DRP_BITS_PER_PAGE);
		const u32 to = min_t(u64, DRP_BITS_PER_PAGE, want - base);
		struct drp_cow_op *other;
		u64 next = base + to;

		/* Its first writer has it filled. */
		if (!page)
			break;
		chunk = base + find_next_zero_bit(page->bits, to, chunk - base);
		if (chunk == base + to)
			continue;
		other = __drp_preserve_op_of(p, chunk, &next);
		if (other) {
			chunk = other->first + other->put.n;
			continue;
		}
		next = base + find_next_bit(page->bits, next - base, chunk - base);
		op->first = chunk;
		op->put.n = min3(next - chunk, chunks(p, OP_BYTES), (u64)DRP_COW_PUT_MAX);
		s->front = chunk + op->put.n;
		return true;
	}
	s->front = max(s->front, min(chunk, want));
	return false;
}

/* The next operation of any stream, with @op; false: there is none, and ahead_work will be queued again. */
static bool __claim_any(struct drp_preserved *p, struct drp_cow_op *op)
{
	struct drp_stream *s;

	lockdep_assert_held(&p->lock);
	for (s = p->streams; op && s < p->streams + DRP_STREAMS; s++) {
		if (!s->front || !__claim(p, s, op))
			continue;
		op->p = p;
		op->bits = &p->now;
		op->label = p->now.newest;
		op->fill = false;
		list_add_tail(&op->node, &p->ops);
		p->nr_held++;
		return true;
	}
	p->ahead_kicked = false;
	return false;
}

/* May @p preserve more, as things are? Else its streams have to show again that they are there. */
static bool __may(struct drp_preserved *p, bool room)
{
	struct drp_element *e = p->e;

	lockdep_assert_held(&p->lock);
	if (room && p->now.newest && READ_ONCE(e->cow_said) >= p->now.newest && !READ_ONCE(e->inbound) &&
	    !READ_ONCE(e->cow_split) && !p->going && drp_pool_writable(e->pool))
		return true;
	__drp_ahead_forget(p);
	return false;
}

static void ahead_work(struct work_struct *work)
{
	struct drp_preserved *p = container_of(work, struct drp_preserved, ahead_work);
	struct drp_preserver *pr = p->e->pool->preserver;
	struct drp_cow_op *op;
	bool room, more;

	do {
		room = drp_cow_can_spare(p->e->pool->cow, chunks(p, OP_BYTES), DRP_COW_LOW_PERCENT);
		op = atomic_read(&pr->nr_ahead) < OPS_MAX ? drp_cow_op_alloc_ahead(pr) : NULL;
		spin_lock_irq(&p->lock);
		more = __claim_any(p, __may(p, room) ? op : NULL);
		spin_unlock_irq(&p->lock);
		if (more)
			drp_preserve_op_start(op);
		else if (op)
			drp_cow_op_free(op);
		cond_resched();
	} while (more);
	drp_preserved_release(p);
}

void drp_ahead_init(struct drp_preserved *p)
{
	INIT_WORK(&p->ahead_work, ahead_work);
}
