// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "cow.h"
#include "io.h"
#include "leg.h"

enum { FLUSH_AWAITED, FLUSH_ENDED, FLUSH_LATE };

#define MEMORY_WAIT_MS	10

/* Lives until the waiter, the device, and who keeps it for when there is no memory are through with it. */
struct drp_flush {
	struct bio bio;
	struct drp_element *e;		/* whose leg it is; or NULL */
	struct drp_cow *cow;		/* whose device it is; or NULL */
	bool inside;			/* who asked has closed the gate of @e; else we are in it */
	atomic_t state;
	struct completion done;
	atomic_t users;
	int error;
};

struct drp_flush *drp_flush_alloc(void)
{
	struct drp_flush *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (f)
		atomic_set(&f->users, 1);
	return f;
}

void drp_flush_put(struct drp_flush *f)
{
	if (f && atomic_dec_and_test(&f->users))
		kfree(f);
}

/*
 * For a waiter and a device: from memory, or else the one that is kept, when its last
 * flush has ended. A device that hangs lets us wait for that until half of @timeout is
 * over at most: the other half is for the flush itself.
 */
static struct drp_flush *get_flush(struct drp_flush *kept, long timeout)
{
	const unsigned long end = jiffies + max(timeout / 2, 1L);
	struct drp_flush *f;

	for (;;) {
		f = kzalloc(sizeof(*f), GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN);
		if (f) {
			atomic_set(&f->users, 2);
			return f;
		}
		/* One user is who keeps it. */
		if (kept && atomic_cmpxchg(&kept->users, 1, 3) == 1)
			return kept;
		if (time_after_eq(jiffies, end))
			return NULL;
		msleep(MEMORY_WAIT_MS);
	}
}

static void flush_ended(struct bio *bio)
{
	struct drp_flush *f = container_of(bio, struct drp_flush, bio);
	bool late;

	f->error = blk_status_to_errno(bio->bi_status);
	bio_uninit(bio);
	/* Whoever waits takes these for ours. */
	if (f->error == -ETIMEDOUT || f->error == -ENOMEM || f->error == -EAGAIN)
		f->error = -EIO;
	late = atomic_cmpxchg(&f->state, FLUSH_AWAITED, FLUSH_ENDED) == FLUSH_LATE;
	if (f->e && !f->inside) {
		if (f->error)
			drp_fault_leg_flush(f->e, f->error);
		drp_gate_leave(&f->e->gate);
	} else if (f->e) {
		if (f->error && late)
			drp_fault_late_flush(f->e);
		if (atomic_dec_and_test(&f->e->late_flushes))
			wake_up_var(&f->e->late_flushes);
	} else if (f->cow) {
		if (f->error)
			drp_cow_flush_failed(f->cow);
		if (atomic_dec_and_test(&f->cow->flushes))
			wake_up_var(&f->cow->flushes);
	}
	complete(&f->done);
	drp_flush_put(f);
}

static int await(struct drp_flush *f, long timeout)
{
	if (!wait_for_completion_timeout(&f->done, max(timeout, 1L)) &&
	    atomic_cmpxchg(&f->state, FLUSH_AWAITED, FLUSH_LATE) == FLUSH_AWAITED)
		return -ETIMEDOUT;
	return f->error;
}

/* @f: of get_flush(). Inside the gate of @e, which it leaves, unless @inside. */
static int flush_device(struct drp_flush *f, struct block_device *bdev, struct drp_element *e,
			struct drp_cow *cow, bool inside, long timeout)
{
	int r;

	bio_init(&f->bio, bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	f->bio.bi_end_io = flush_ended;
	f->e = e;
	f->cow = cow;
	f->inside = inside;
	f->error = 0;
	atomic_set(&f->state, FLUSH_AWAITED);
	if (inside)
		atomic_inc(&e->late_flushes);
	if (cow)
		atomic_inc(&cow->flushes);
	init_completion(&f->done);
	submit_bio(&f->bio);
	r = await(f, timeout);
	drp_flush_put(f);
	return r;
}

/* One before it failed, and who may have lost something is not told yet. */
static int flush_is_in_vain(struct drp_element *e)
{
	return atomic_read(&e->late_lost) ? -EIO : 0;
}

int drp_leg_flush(struct drp_element *e, long timeout)
{
	const unsigned long end = jiffies + timeout;
	struct drp_flush *f;
	int r;

	if (!drp_gate_enter(&e->gate))
		return -EAGAIN;
	f = get_flush(e->flush, timeout);
	if (!f) {
		drp_gate_leave(&e->gate);
		return -ETIMEDOUT;
	}
	r = flush_device(f, e->bdev, e, NULL, false, end - jiffies);
	return r ?: flush_is_in_vain(e);
}

int drp_leg_flush_inside(struct drp_element *e, long timeout)
{
	const unsigned long end = jiffies + timeout;
	struct drp_flush *f = get_flush(e->flush, timeout);
	int r;

	if (!f)
		return -ETIMEDOUT;
	r = flush_device(f, e->bdev, e, NULL, true, end - jiffies);
	if (r && r != -ETIMEDOUT)
		drp_fault_leg_flush(e, r);
	return r ?: flush_is_in_vain(e);
}

void drp_leg_wait_flushed(struct drp_element *e)
{
	wait_var_event(&e->late_flushes, !atomic_read(&e->late_flushes));
}

int drp_cow_flush(struct drp_cow *cow, long timeout)
{
	const unsigned long end = jiffies + timeout;
	struct drp_flush *f = get_flush(cow->flush, timeout);

	return f ? flush_device(f, cow->bdev, NULL, cow, false, end - jiffies) : -ETIMEDOUT;
}

int drp_bdev_flush(struct drp_element *e, long timeout)
{
	const unsigned long end = jiffies + timeout;
	struct drp_flush *f = get_flush(e->flush, timeout);

	return f ? flush_device(f, e->bdev, NULL, NULL, false, end - jiffies) : -ETIMEDOUT;
}
