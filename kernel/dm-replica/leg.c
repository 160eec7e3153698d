// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "leg.h"

/* Lives until both the waiter and the device are through with it. */
struct timed_flush {
	struct bio bio;
	struct drp_gate *gate;		/* to be left at the end, or NULL */
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

	f->error = blk_status_to_errno(bio->bi_status);
	complete(&f->done);
	if (f->gate)
		drp_gate_leave(f->gate);
	kref_put(&f->ref, free_flush);
}

static int flush_device(struct block_device *bdev, struct drp_gate *gate, long timeout)
{
	struct timed_flush *f = kzalloc(sizeof(*f), GFP_NOIO);
	int r;

	if (!f) {
		if (gate)
			drp_gate_leave(gate);
		return -ENOMEM;
	}
	bio_init(&f->bio, bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	f->bio.bi_end_io = flush_ended;
	f->gate = gate;
	init_completion(&f->done);
	kref_init(&f->ref);
	kref_get(&f->ref);
	submit_bio(&f->bio);
	r = wait_for_completion_timeout(&f->done, max(timeout, 1L)) ? f->error : -ETIMEDOUT;
	kref_put(&f->ref, free_flush);
	return r;
}

int drp_leg_flush(struct drp_element *e, long timeout)
{
	if (!drp_gate_enter(&e->gate))
		return -EAGAIN;
	return flush_device(e->bdev, &e->gate, timeout);
}

int drp_leg_flush_inside(struct drp_element *e, long timeout)
{
	return flush_device(e->bdev, NULL, timeout);
}

int drp_bdev_flush(struct block_device *bdev, long timeout)
{
	return flush_device(bdev, NULL, timeout);
}
