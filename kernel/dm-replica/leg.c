// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "cow.h"
#include "io.h"
#include "leg.h"

enum { FLUSH_AWAITED, FLUSH_ENDED, FLUSH_LATE };

/* Lives until both the waiter and the device are through with it. */
struct timed_flush {
	struct bio bio;
	struct drp_element *e;		/* whose leg it is; or NULL */
	struct drp_cow *cow;		/* whose device it is; or NULL */
	bool inside;			/* who asked has closed the gate of @e; else we are in it */
	atomic_t state;
	struct completion done;
	struct kref ref;
	int error;
};

static void free_flush(struct kref *ref)
{
	struct timed_flush *f = container_of(ref, struct timed_flush, ref);

	bio_uninit(&f->bio);
	kfree(f);
}

static void flush_ended(struct bio *bio)
{
	struct timed_flush *f = container_of(bio, struct timed_flush, bio);
	bool late;

	f->error = blk_status_to_errno(bio->bi_status);
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
	kref_put(&f->ref, free_flush);
}

static int await(struct timed_flush *f, long timeout)
{
	if (!wait_for_completion_timeout(&f->done, max(timeout, 1L)) &&
	    atomic_cmpxchg(&f->state, FLUSH_AWAITED, FLUSH_LATE) == FLUSH_AWAITED)
		return -ETIMEDOUT;
	return f->error;
}

static int flush_device(struct block_device *bdev, struct drp_element *e, struct drp_cow *cow,
			bool inside, long timeout)
{
	struct timed_flush *f = kzalloc(sizeof(*f), GFP_NOIO);
	int r;

	if (!f) {
		if (e && !inside)
			drp_gate_leave(&e->gate);
		return -ENOMEM;
	}
	bio_init(&f->bio, bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	f->bio.bi_end_io = flush_ended;
	f->e = e;
	f->cow = cow;
	f->inside = inside;
	if (inside)
		atomic_inc(&e->late_flushes);
	if (cow)
		atomic_inc(&cow->flushes);
	init_completion(&f->done);
	kref_init(&f->ref);
	kref_get(&f->ref);
	submit_bio(&f->bio);
	r = await(f, timeout);
	kref_put(&f->ref, free_flush);
	return r;
}

/* One before it failed, and who may have lost something is not told yet. */
static int flush_is_in_vain(struct drp_element *e)
{
	return atomic_read(&e->late_lost) ? -EIO : 0;
}

int drp_leg_flush(struct drp_element *e, long timeout)
{
	int r;

	if (!drp_gate_enter(&e->gate))
		return -EAGAIN;
	r = flush_device(e->bdev, e, NULL, false, timeout);
	return r ?: flush_is_in_vain(e);
}

int drp_leg_flush_inside(struct drp_element *e, long timeout)
{
	int r = flush_device(e->bdev, e, NULL, true, timeout);

	if (r && r != -ETIMEDOUT && r != -ENOMEM)
		drp_fault_leg_flush(e, r);
	return r ?: flush_is_in_vain(e);
}

void drp_leg_wait_flushed(struct drp_element *e)
{
	wait_var_event(&e->late_flushes, !atomic_read(&e->late_flushes));
}

int drp_cow_flush(struct drp_cow *cow, long timeout)
{
	return flush_device(cow->bdev, NULL, cow, false, timeout);
}

int drp_bdev_flush(struct block_device *bdev, long timeout)
{
	return flush_device(bdev, NULL, NULL, false, timeout);
}
