// SPDX-License-Identifier: GPL-2.0-only
#include <linux/random.h>
#include <linux/slab.h>

#include "copy.h"
#include "io.h"
#include "leg.h"
#include "job.h"
#include "op.h"
#include "op_snapshot.h"
#include "preserve_internal.h"
#include "snapshot.h"
#include "turn.h"

#define WEAK_PREFIX	"name:"	/* of an identity that is a kernel name only */
#define FINGERPRINT_BYTES	(128 * 1024)

/* ---- the object ---- */

static void rerun_parked(struct drp_gate *gate, struct bio_list *bios)
{
	struct drp_element *e = container_of(gate, struct drp_element, gate);

	drp_pool_rerun_bios(e->pool, bios);
}

struct drp_element *drp_element_alloc(struct drp_pool *pool, const struct drp_element_rec *rec)
{
	struct drp_element *e = kzalloc(sizeof(*e), GFP_KERNEL);

	if (!e)
		return ERR_PTR(-ENOMEM);
	e->pool = pool;
	e->rec = *rec;
	e->component = rec->id;
	e->access = DRP_ACCESS_WRITE;
	e->cow_lost = pool->cow ? atomic_read(&pool->cow->lost_flushes) : 0;
	/* What is written through it needs no write intent: it has no legs. */
	e->nr_extents = drp_element_virtual(e) ? 0 : drp_element_extents(pool, rec->size_sectors);
	spin_lock_init(&e->wait_lock);
	bio_list_init(&e->waiting);
	INIT_LIST_HEAD(&e->queue_node);
	INIT_LIST_HEAD(&e->land_node);
	INIT_DELAYED_WORK(&e->leg_deadline, drp_leg_deadline_work);
	INIT_WORK(&e->full_work, drp_snapshot_full_work);
	if (drp_gate_init(&e->gate, 1, rerun_parked))
		goto err_element;
	if (drp_grace_init(&e->grace))
		goto err_gate;
	e->turn = alloc_percpu(unsigned int);
	if (!e->turn)
		goto err_grace;
	e->plan = kzalloc(sizeof(*e->plan), GFP_KERNEL);
	e->flush = drp_flush_alloc();
	if (!e->plan || !e->flush || drp_element_alloc_extents(e))
		goto err_extents;
	return e;

err_extents:
	drp_element_free_extents(e);
	drp_flush_put(e->flush);
	kfree(e->plan);
	free_percpu(e->turn);
err_grace:
	drp_grace_exit(&e->grace);
err_gate:
	drp_gate_exit(&e->gate);
err_element:
	kfree(e);
	return ERR_PTR(-ENOMEM);
}

void drp_element_free(struct drp_element *e)
{
	cancel_delayed_work_sync(&e->leg_deadline);
	drp_preserve_exit(e);
	cancel_work_sync(&e->full_work);
	drp_extents_forget(e);
	drp_grace_exit(&e->grace);
	drp_gate_exit(&e->gate);
	free_percpu(e->turn);
	drp_element_free_extents(e);
	drp_flush_put(e->flush);
	kfree(e->plan);
	kfree(e);
}

static void free_work(struct work_struct *work)
{
	struct drp_element *e = container_of(work, struct drp_element, free_work);

	/* A checkpoint that began before it went may still look at it. */
	mutex_lock(&e->pool->checkpoint_lock);
	mutex_unlock(&e->pool->checkpoint_lock);
	drp_element_free(e);
}

void drp_element_retire(struct drp_element *e)
{
	INIT_WORK(&e->free_work, free_work);
	queue_work(e->pool->op_wq, &e->free_work);
}

/* ---- its device ---- */

void drp_element_want_leg(struct drp_element *e)
{
	unsigned long delay = READ_ONCE(e->leg_gone) ? 0 : msecs_to_jiffies(DRP_LEG_DEADLINE_MS);

	if (drp_element_attached(e))
		return;		/* a cut: its own deadline opens it */
	WRITE_ONCE(e->leg_wanted, true);
	queue_delayed_work(e->pool->op_wq, &e->leg_deadline, delay);
}

static struct gendisk *disk_of(struct drp_element *e)
{
	return e->live ? dm_disk(dm_table_get_md(e->live->ti->table)) : NULL;
}

struct block_device *drp_element_bdev(struct drp_element *e)
{
	struct gendisk *disk = disk_of(e);

	return disk ? disk->part0 : NULL;
}

bool drp_element_in_use(struct drp_element *e)
{
	struct block_device *bdev = drp_element_bdev(e);

	return bdev && READ_ONCE(bdev->bd_holder);
}

void drp_element_drop_cache(struct drp_element *e)
{
	struct block_device *bdev = drp_element_bdev(e);

	if (bdev)
		invalidate_bdev(bdev);
}

/* What all its syncs allow: the least of it. */
static u8 access_of(struct drp_element *e)
{
	u8 access = DRP_ACCESS_WRITE;
	struct drp_sync *s;
	unsigned long id;

	/* A dissolved snapshot's target that has lost its point in time: no sync says so. */
	if (drp_element_virtual(e) && !e->snap && !e->rec.parent_generation)
		access = DRP_ACCESS_NONE;
	xa_for_each(&e->pool->syncs, id, s) {
		struct drp_host_access a;

		if (s->removed || (s->source != e && s->target != e))
			continue;
		a = drp_state_access(s->rec.sync_type, s->rec.copy_state, s->rec.reverse);
		/* A turn that could not be recorded: one side reads through to the other. */
		if (s->turn && !s->turn->given_up && s->turn->here->inbound == s->turn &&
		    !s->rec.reverse && !s->rec.partial)
			a = (struct drp_host_access){ DRP_ACCESS_READ, DRP_ACCESS_READ };
		if (s->undecided)
			a = (struct drp_host_access){ DRP_ACCESS_READ, DRP_ACCESS_READ };
		/* What it shows is with a device that is not there. */
		if (s->target == e && drp_sync_is_snapshot(s) && drp_snapshot_cut_off(s))
			a.target = DRP_ACCESS_NONE;
		access = min(access, s->source == e ? a.source : a.target);
	}
	return access;
}

void drp_element_refresh_access(struct drp_element *e)
{
	u8 access = access_of(e);
	struct gendisk *disk = disk_of(e);

	WRITE_ONCE(e->access, access);
	if (disk && get_disk_ro(disk) != (access != DRP_ACCESS_WRITE))
		set_disk_ro(disk, access != DRP_ACCESS_WRITE);
}

/* crc32c of the first 128 KiB of its data device. Sleeps. */
static int read_fingerprint(struct drp_element *e, struct block_device *bdev, u32 *crc)
{
	const u32 bytes = min_t(u64, FINGERPRINT_BYTES, e->rec.size_sectors << SECTOR_SHIFT);
	struct bio *bio;
	void *buf;
	u32 done;
	int r = 0;

	buf = (void *)__get_free_page(GFP_NOIO);
	if (!buf)
		return -ENOMEM;
	*crc = ~0U;
	for (done = 0; done < bytes && !r; done += PAGE_SIZE) {
		const u32 n = min_t(u32, PAGE_SIZE, bytes - done);

		bio = bio_alloc(bdev, 1, REQ_OP_READ, GFP_NOIO);
		bio->bi_iter.bi_sector = e->rec.data_offset + (done >> SECTOR_SHIFT);
		__bio_add_page(bio, virt_to_page(buf), n, 0);
		r = submit_bio_wait(bio);
		bio_put(bio);
		if (!r)
			*crc = crc32c(*crc, buf, n);
	}
	free_page((unsigned long)buf);
	return r;
}

/* ---- committing its record ---- */

struct element_commit {
	struct drp_commit_req req;
	struct drp_element *e;
	const struct drp_element_rec *rec;
};

static void apply_element(struct drp_commit_req *req)
{
	struct element_commit *c = container_of(req, struct element_commit, req);

	spin_lock(&c->e->pool->rec_lock);
	c->e->rec = *c->rec;
	spin_unlock(&c->e->pool->rec_lock);
}

int drp_element_commit(struct drp_element *e, const struct drp_element_rec *rec)
{
	struct element_commit c = { .e = e, .rec = rec };
	u8 *buf = kmalloc(DRP_RECORD_MAX, GFP_NOIO | __GFP_NOFAIL);
	int r = drp_encode_element(rec, buf, DRP_RECORD_MAX);

	if (r > 0) {
		c.req.records = buf;
		c.req.len = r;
		c.req.apply = apply_element;
		r = drp_commit_wait(&e->pool->cm, &c.req);
	}
	kfree(buf);
	return r;
}

/* ---- attach ---- */

enum acquaintance { KNOWN, UNSURE, STRANGE };

/* How its start looks: read without op_lock, for its device may hang. */
struct start {
	bool wanted, read;
	u32 crc;
};

/* A kernel name is given to whichever disk comes next. */
static bool has_lasting_name(const struct drp_element *e, const struct drp_attachment *at)
{
	return e->rec.identity[0] && at->identity[0] &&
	       strncmp(at->identity, WEAK_PREFIX, strlen(WEAK_PREFIX));
}

/* Is it the device that was here before? -EAGAIN: its start is wanted first. */
static int recognise(struct drp_element *e, struct drp_attachment *at, struct start *start)
{
	/* Resumed, or reloaded while the pool ran: it must be the same device. */
	if (e->last && e->last->data->bdev == at->data->bdev)
		return KNOWN;
	if (e->rec.identity[0] && at->identity[0] && strcmp(e->rec.identity, at->identity)) {
		DMWARN("element %s: device says it is \"%s\", not \"%s\"", e->rec.name,
		       at->identity, e->rec.identity);
		return STRANGE;
	}
	if (e->last && !at->identity[0]) {
		DMWARN("element %s: reloaded on another device that does not say who it is",
		       e->rec.name);
		return STRANGE;
	}
	start->wanted = e->rec.fingerprint_valid && !start->read;
	if (start->wanted)
		return -EAGAIN;
	if (e->rec.fingerprint_valid && start->crc != e->rec.fingerprint) {
		DMWARN("element %s: its device was changed while the pool did not run",
		       e->rec.name);
		return STRANGE;
	}
	/* The start of a disk may well be as empty as that of a new one. */
	return has_lasting_name(e, at) ? KNOWN : UNSURE;
}

static int check_size(struct drp_element *e, struct drp_attachment *at)
{
	if (at->ti->len < e->rec.size_sectors) {
		DMERR("element %s has %llu sectors, its table only %llu", e->rec.name,
		      e->rec.size_sectors, (u64)at->ti->len);
		return -EINVAL;
	}
	return at->ti->len > e->rec.size_sectors ? drp_element_grow(e, at->ti->len) : 0;
}

/* A device, or COW space for what has none: 0 or a negative errno. */
static int check_backing(struct drp_element *e, struct drp_attachment *at)
{
	if (!drp_element_virtual(e))
		return check_size(e, at);
	if (!e->pool->cow) {
		DMERR("element %s is a snapshot's, and its pool's table has no COW device",
		      e->rec.name);
		return -ENODEV;
	}
	if (at->ti->len != e->rec.size_sectors) {
		DMERR("element %s has %llu sectors, its table %llu", e->rec.name,
		      e->rec.size_sectors, (u64)at->ti->len);
		return -EINVAL;
	}
	return drp_preserver_make(e->pool);
}

static int take_over_device(struct drp_element *e, struct drp_attachment *at)
{
	struct drp_element_rec rec = e->rec;

	if (at->identity[0])
		strscpy(rec.identity, at->identity, sizeof(rec.identity));
	rec.fingerprint_valid = false;
	if (!memcmp(&rec, &e->rec, sizeof(rec)))
		return 0;
	/* A stale fingerprint must never outlive the first write. */
	return drp_element_commit(e, &rec);
}

static void report_attached(struct drp_element *e, bool attached)
{
	struct drp_event event = {
		.type = DRP_EVENT_ATTACHED,
		.element_id = e->rec.id,
		.attached = attached,
	};

	drp_event_report(e->pool, &event);
}

static int invalidate_syncs(struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;
	int r;

	r = drp_snapshot_lose_all(e, DRP_CS_INVALID, "the source is another device, or one changed outside");
	if (r)
		return r;
	/* It is not attached: its gate is closed. */
	drp_snapshot_settle(e, HZ);
	xa_for_each(&e->pool->syncs, id, s) {
		if (s->removed || (s->source != e && s->target != e) || drp_sync_is_snapshot(s))
			continue;
		if (s->source == e && s->rec.copy_state == DRP_CS_FAILEDOVER)
			r = drp_op_source_replaced(s);
		else
			r = drp_op_invalidate(s, "another device, or one changed outside");
		if (r)
			return r;
	}
	return 0;
}

/* Before anybody uses it: what nobody vouches for (@unsure: now) is compared with the other side. */
static void doubt_legs(struct drp_element *e, bool unsure)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&e->pool->syncs, id, s) {
		if (s->removed || (s->source != e && s->target != e))
			continue;
		if (unsure)
			s->doubt |= s->source == e ? DRP_DOUBT_SOURCE : DRP_DOUBT_TARGET;
		if (drp_sync_has_legs(s))
			drp_op_doubt_legs(s);
	}
}

static void attach_syncs(struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&e->pool->syncs, id, s) {
		if (!s->removed && (s->source == e || s->target == e) && drp_sync_has_legs(s))
			drp_op_legs_complete(s);
	}
}

static int attach(struct drp_element *e, struct drp_attachment *at, struct start *start)
{
	unsigned int flags = drp_op_begin(e->pool);
	int known = KNOWN, r = 0;

	if (e->live == at)
		goto out;
	if (e->live || e->leaving || !e->pool->active || e->pool->suspended) {
		DMERR("element %s: %s", e->rec.name, e->live ? "it is attached by another device" :
		      e->leaving ? "its last device is still being closed" :
		      "its pool is not resumed");
		r = -EBUSY;
		goto out;
	}
	r = check_backing(e, at);
	if (!r && at->data)
		known = recognise(e, at, start);
	if (known < 0)
		r = known;
	/* First what it means, then who it is: a crash between must not forget. */
	if (!r && known == STRANGE)
		r = invalidate_syncs(e);
	if (!r && at->data)
		r = take_over_device(e, at);
	if (r)
		goto out;
	if (at->data) {
		e->bdev = at->data->bdev;
		e->data_dev = e->bdev->bd_dev;
	}
	e->element_dev = disk_devt(dm_disk(dm_table_get_md(at->ti->table)));
	if (known == STRANGE)
		WRITE_ONCE(e->flush_lost, false);	/* of another disk */
	WRITE_ONCE(e->live, at);
	e->last = NULL;
	e->flushed = false;
	WRITE_ONCE(e->leg_gone, false);
	WRITE_ONCE(e->leg_wanted, false);
	cancel_delayed_work(&e->leg_deadline);
	WRITE_ONCE(e->pushing_back, false);
	drp_element_refresh_access(e);
	drp_snapshot_refresh_all(e);
	doubt_legs(e, known == UNSURE);
	drp_gate_open(&e->gate);
	attach_syncs(e);
	report_attached(e, true);
out:
	drp_op_end(e->pool, flags);
	return r;
}

int drp_element_attach(struct drp_element *e, struct drp_attachment *at)
{
	struct start start = {};
	int r;

	/* The last flush of what was there before may tell that something is lost. */
	wait_var_event(&e->leaving, !READ_ONCE(e->leaving));
	r = attach(e, at, &start);
	if (!start.wanted)
		return r;
	r = read_fingerprint(e, at->data->bdev, &start.crc);
	start.read = true;
	return r ?: attach(e, at, &start);
}

void drp_element_parked_at(struct drp_element *e, struct drp_gate *other)
{
	/* Pairs with drp_element_push_back(): it finds the bio there, or we see that it came. */
	smp_mb();
	if (unlikely(READ_ONCE(e->pushing_back)))
		drp_gate_rerun(other);
}

void drp_element_push_back(struct drp_element *e, bool yes)
{
	struct drp_element *x;
	unsigned int flags;
	unsigned long id;

	WRITE_ONCE(e->pushing_back, yes);
	if (!yes)
		return;
	smp_mb(); /* pairs with drp_element_parked_at() */
	flags = drp_op_begin(e->pool);
	xa_for_each(&e->pool->elements, id, x)
		if (!x->live)
			drp_gate_rerun(&x->gate);
	drp_op_end(e->pool, flags);
}

void drp_element_suspend(struct drp_element *e, struct drp_attachment *at)
{
	unsigned int flags = drp_op_begin(e->pool);
	bool live = e->live == at;

	if (live) {
		WRITE_ONCE(e->live, NULL);
		e->last = at;
		drp_gate_close(&e->gate);
	}
	drp_op_end(e->pool, flags);
	/* Not under op_lock: a leg that hangs must not stop other operations. */
	if (live) {
		drp_gate_wait_drained(&e->gate, MAX_SCHEDULE_TIMEOUT);
		drp_leg_wait_flushed(e);
	}
}

/* What it had in its cache may be gone, on whichever side of a sync it is. */
static void lost_cache(struct drp_element *e)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&e->pool->syncs, id, s) {
		if (s->removed || (s->source != e && s->target != e))
			continue;
		/* A copy that goes on when the leg is back must not take it for written. */
		if (s->copier)
			drp_copy_spoil(s->copier, 0, U64_MAX);
		drp_extents_to_d(s, true);
	}
}

/* Its device is closed for good: what there is to say of it. */
struct farewell {
	int flushed, read;	/* 0 or -errno */
	u32 fingerprint;
};

/* Without op_lock: a device that hangs must not stop other operations. */
static void ask_device(struct drp_element *e, struct drp_attachment *at, struct farewell *f)
{
	f->flushed = blkdev_issue_flush(at->data->bdev);
	f->read = read_fingerprint(e, at->data->bdev, &f->fingerprint);
}

/* Remember how it looks. */
static void leave_fingerprint(struct drp_element *e, const struct farewell *f)
{
	struct drp_element_rec rec = e->rec;

	if (!drp_pool_writable(e->pool) || f->read)
		return;
	rec.fingerprint_valid = true;
	rec.fingerprint = f->fingerprint;
	drp_element_commit(e, &rec);
}

static void close_data(struct drp_element *e, const struct farewell *f)
{
	e->flushed = !f->flushed && !atomic_read(&e->late_lost);
	if (!e->flushed) {
		drp_element_flush_lost(e);
		lost_cache(e);
	}
	if (e->inbound && drp_turn_leave(e->inbound, e->flushed))
		DMWARN("element %s: what was copied to it is not recorded", e->rec.name);
	leave_fingerprint(e, f);
}

/* Is it what the element had last? Then nobody attaches until it has left. */
static bool begin_to_leave(struct drp_element *e, struct drp_attachment *at)
{
	unsigned int flags = drp_op_begin(e->pool);
	bool last = e->last == at;

	if (last)
		WRITE_ONCE(e->leaving, true);
	drp_op_end(e->pool, flags);
	return last;
}

void drp_element_detach(struct drp_element *e, struct drp_attachment *at)
{
	struct farewell farewell;
	unsigned int flags;

	if (!begin_to_leave(e, at))
		return;
	if (at->data)
		ask_device(e, at, &farewell);
	flags = drp_op_begin(e->pool);
	if (at->data)
		close_data(e, &farewell);
	e->last = NULL;
	e->bdev = NULL;
	WRITE_ONCE(e->leg_gone, true);
	drp_snapshot_refresh_all(e);
	/* Who waits for it need not wait the rest of the deadline. */
	mod_delayed_work(e->pool->op_wq, &e->leg_deadline, 0);
	report_attached(e, false);
	WRITE_ONCE(e->leaving, false);
	wake_up_var(&e->leaving);
	drp_op_end(e->pool, flags);
}
