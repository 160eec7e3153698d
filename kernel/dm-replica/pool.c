// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/utsname.h>

#include "checkpoint.h"
#include "cow.h"
#include "io.h"
#include "job.h"
#include "op_modify.h"
#include "op_snapshot.h"
#include "preserve.h"
#include "reclaim.h"
#include "turn.h"

#define LEG_BIOS	64	/* more than one write's fan-out, so that one worker always gets on */
#define LOOK_WAIT	(30 * HZ)

DEFINE_MUTEX(drp_pools_lock);
static DEFINE_SPINLOCK(list_lock);	/* inside of it, and enough for who only looks for a pool */
static LIST_HEAD(pools);		/* changed under both */
static u32 next_number;			/* the same */
static u8 boot_id[DRP_UUID_BYTES];	/* of this load of the module */

u64 drp_now(void)
{
	return ktime_get_real_ns();
}

unsigned int drp_op_begin(struct drp_pool *pool)
{
	mutex_lock(&pool->op_lock);
	return memalloc_noio_save();
}

bool drp_op_begin_until(struct drp_pool *pool, unsigned long end, unsigned int *flags)
{
	while (!mutex_trylock(&pool->op_lock)) {
		if (time_after_eq(jiffies, end) || fatal_signal_pending(current))
			return false;
		usleep_range(200, 500);
	}
	*flags = memalloc_noio_save();
	return true;
}

int drp_op_begin_look(struct drp_pool *pool, unsigned int *flags, const char **why)
{
	if (drp_op_begin_until(pool, jiffies + LOOK_WAIT, flags))
		return 0;
	*why = "another request of the pool does not end: try again";
	return -EBUSY;
}

void drp_op_end(struct drp_pool *pool, unsigned int flags)
{
	memalloc_noio_restore(flags);
	mutex_unlock(&pool->op_lock);
}

struct drp_element *drp_pool_element(struct drp_pool *pool, u64 id)
{
	return id <= ULONG_MAX ? xa_load(&pool->elements, id) : NULL;
}

struct drp_sync *drp_pool_sync(struct drp_pool *pool, u64 id)
{
	return id <= ULONG_MAX ? xa_load(&pool->syncs, id) : NULL;
}

void drp_pool_set_mode(struct drp_pool *pool, u16 mode, const char *why)
{
	struct drp_event event = {
		.type = DRP_EVENT_POOL_MODE,
		.pool_mode = mode,
		.message = why,
	};
	bool worse;

	spin_lock(&pool->rec_lock);
	worse = mode > pool->mode;
	if (worse)
		WRITE_ONCE(pool->mode, mode);
	spin_unlock(&pool->rec_lock);
	if (!worse)
		return;
	DMERR("pool %s is now %s: %s", pool->sb.name, mode == DRP_POOL_RO ? "read-only" : "failed",
	      why);
	drp_event_report(pool, &event);
}

/* ---- references ---- */

static void free_objects(struct drp_pool *pool)
{
	struct drp_sync *s, *next;
	struct drp_element *e;
	unsigned long id;
	void *rec;

	xa_for_each(&pool->elements, id, e)
		cancel_delayed_work_sync(&e->leg_deadline);
	list_for_each_entry_safe(s, next, &pool->removed, removed_node)
		drp_sync_free(s);
	xa_for_each(&pool->syncs, id, s)
		drp_sync_free(s);
	xa_for_each(&pool->elements, id, e)
		drp_element_free(e);
	xa_for_each(&pool->groups, id, rec)
		kfree(rec);
	xa_for_each(&pool->aspects, id, rec)
		kfree(rec);
	drp_job_reap(pool, true);
	xa_destroy(&pool->syncs);
	xa_destroy(&pool->elements);
	xa_destroy(&pool->groups);
	xa_destroy(&pool->aspects);
	xa_destroy(&pool->jobs);
}

/* What the engine needs; gone when the last binding is, although readers may still hold the object. */
static void close_engine(struct drp_pool *pool)
{
	struct workqueue_struct *queues[] = {
		pool->req_wq, pool->op_wq, pool->copy_wq, pool->checkpoint_wq, pool->io_wq,
		pool->commit_wq, pool->look_wq,
	};
	unsigned int i;

	/* It looks at elements. */
	drp_reclaim_exit(pool);
	/* Their works are cancelled with them, while the queues are there. */
	free_objects(pool);
	drp_preserver_free(pool);
	drp_cow_close(pool);
	for (i = 0; i < ARRAY_SIZE(queues); i++)
		if (queues[i])
			destroy_workqueue(queues[i]);
	drp_committer_exit(&pool->cm);
	if (pool->held_bdev)
		drp_bdev_release(pool->held_bdev);
	if (!IS_ERR_OR_NULL(pool->copier))
		dm_kcopyd_client_destroy(pool->copier);
	mempool_destroy(pool->turn_copies);
	bioset_exit(&pool->bios);
	drp_metadev_exit(&pool->md);
}

static void free_pool(struct kref *ref)
{
	kfree(container_of(ref, struct drp_pool, ref));
}

void drp_pool_get(struct drp_pool *pool)
{
	kref_get(&pool->ref);
}

bool drp_pool_hold(struct drp_pool *pool)
{
	if (!down_read_trylock(&pool->life))
		return false;
	if (pool->loaded && !pool->dead)
		return true;
	up_read(&pool->life);
	return false;
}

void drp_pool_release(struct drp_pool *pool)
{
	up_read(&pool->life);
}

void drp_pool_put(struct drp_pool *pool)
{
	kref_put(&pool->ref, free_pool);
}

static struct drp_pool *find(bool (*match)(struct drp_pool *pool, const void *key),
			     const void *key)
{
	struct drp_pool *pool, *found = NULL;

	spin_lock(&list_lock);
	list_for_each_entry(pool, &pools, list) {
		if (!match(pool, key))
			continue;
		drp_pool_get(pool);
		found = pool;
		break;
	}
	spin_unlock(&list_lock);
	return found;
}

static bool match_name(struct drp_pool *pool, const void *key)
{
	return pool->loaded && !strcmp(pool->sb.name, key);
}

static bool match_uuid(struct drp_pool *pool, const void *key)
{
	return pool->loaded && !memcmp(pool->sb.uuid, key, DRP_UUID_BYTES);
}

static bool match_dm(struct drp_pool *pool, const void *key)
{
	return pool->loaded && pool->dm == key;
}

struct drp_pool *drp_pool_get_by_name(const char *name)
{
	return find(match_name, name);
}

struct drp_pool *drp_pool_get_by_uuid(const u8 *uuid)
{
	return find(match_uuid, uuid);
}

struct drp_pool *drp_pool_get_by_md(struct mapped_device *md)
{
	return find(match_dm, md);
}

struct drp_pool *drp_pool_get_from(u32 *number)
{
	struct drp_pool *pool, *found = NULL;

	spin_lock(&list_lock);
	list_for_each_entry(pool, &pools, list) {
		if (!pool->loaded || pool->number < *number)
			continue;
		drp_pool_get(pool);
		*number = pool->number;
		found = pool;
		break;
	}
	spin_unlock(&list_lock);
	return found;
}

/* ---- making one ---- */

static void init_locks(struct drp_pool *pool)
{
	kref_init(&pool->ref);
	INIT_LIST_HEAD(&pool->list);
	INIT_LIST_HEAD(&pool->removed);
	INIT_LIST_HEAD(&pool->cm.reqs);
	mutex_init(&pool->cm.ring_lock);
	init_rwsem(&pool->life);
	mutex_init(&pool->op_lock);
	mutex_init(&pool->checkpoint_lock);
	mutex_init(&pool->ti_lock);
	spin_lock_init(&pool->rec_lock);
	spin_lock_init(&pool->io_lock);
	spin_lock_init(&pool->fault_lock);
	spin_lock_init(&pool->note_lock);
	spin_lock_init(&pool->extents.lock);
	INIT_LIST_HEAD(&pool->extents.waiting);
	INIT_LIST_HEAD(&pool->extents.landing);
	bio_list_init(&pool->io_list);
	bio_list_init(&pool->fault_list);
	bio_list_init(&pool->note_list);
	xa_init(&pool->elements);
	xa_init(&pool->syncs);
	xa_init(&pool->groups);
	xa_init(&pool->aspects);
	xa_init(&pool->jobs);
	INIT_WORK(&pool->io_work, drp_io_work);
	INIT_WORK(&pool->fault_work, drp_fault_work);
	INIT_WORK(&pool->note_work, drp_note_work);
	INIT_WORK(&pool->watch_work, drp_snapshot_watch_work);
	INIT_DELAYED_WORK(&pool->checkpoint_work, drp_checkpoint_work);
	INIT_DELAYED_WORK(&pool->reap_work, drp_op_reap_work);
}

static int open_engine(struct drp_pool *pool, struct block_device *bdev)
{
	int r;

	pool->commit_wq = alloc_ordered_workqueue("drp-commit", WQ_MEM_RECLAIM);
	pool->io_wq = alloc_workqueue("drp-io", WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_PERCPU, 0);
	pool->checkpoint_wq = alloc_ordered_workqueue("drp-checkpoint", WQ_MEM_RECLAIM);
	pool->copy_wq = alloc_workqueue("drp-copy", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	pool->look_wq = alloc_workqueue("drp-look", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	pool->op_wq = alloc_workqueue("drp-op", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	pool->req_wq = alloc_workqueue("drp-request", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!pool->commit_wq || !pool->io_wq || !pool->checkpoint_wq || !pool->copy_wq ||
	    !pool->look_wq || !pool->op_wq || !pool->req_wq)
		return -ENOMEM;
	/* The table that brought it may go before the pool does. */
	pool->held_bdev = drp_bdev_hold(bdev);
	if (IS_ERR(pool->held_bdev)) {
		r = PTR_ERR(pool->held_bdev);
		pool->held_bdev = NULL;
		return r;
	}
	r = bioset_init(&pool->bios, LEG_BIOS, offsetof(struct drp_leg_bio, bio), 0);
	if (r)
		return r;
	pool->turn_copies = drp_turn_make_copies();
	if (!pool->turn_copies)
		return -ENOMEM;
	pool->copier = dm_kcopyd_client_create(NULL);
	if (IS_ERR(pool->copier))
		return PTR_ERR(pool->copier);
	r = drp_metadev_init(&pool->md, bdev);
	if (r)
		return r;
	return drp_committer_init(&pool->cm, &drp_committer_ops, pool, &pool->md.io,
				  pool->commit_wq);
}

struct drp_pool *drp_pool_bind(struct block_device *bdev, char **error)
{
	struct drp_pool *pool;
	int r;

	lockdep_assert_held(&drp_pools_lock);
	list_for_each_entry(pool, &pools, list) {
		if (pool->md.bdev == bdev) {
			pool->bound++;
			return pool;
		}
	}
	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool) {
		*error = "Cannot allocate the pool";
		return ERR_PTR(-ENOMEM);
	}
	init_locks(pool);
	memcpy(pool->boot_id, boot_id, sizeof(boot_id));
	r = open_engine(pool, bdev);
	if (r) {
		*error = "Cannot allocate the pool's resources";
		close_engine(pool);
		drp_pool_put(pool);
		return ERR_PTR(r);
	}
	pool->bound = 1;
	pool->number = next_number++;
	spin_lock(&list_lock);
	list_add_tail(&pool->list, &pools);
	spin_unlock(&list_lock);
	return pool;
}

void drp_pool_publish(struct drp_pool *pool)
{
	lockdep_assert_held(&drp_pools_lock);
	spin_lock(&list_lock);
	pool->loaded = true;
	spin_unlock(&list_lock);
}

void drp_pool_withdraw(struct drp_pool *pool)
{
	lockdep_assert_held(&drp_pools_lock);
	spin_lock(&list_lock);
	list_del_init(&pool->list);
	pool->loaded = false;
	spin_unlock(&list_lock);
}

void drp_pool_set_owner(struct drp_pool *pool, const struct drp_pool_args *args)
{
	uuid_t owner;

	strscpy(pool->owner_name, init_utsname()->nodename, sizeof(pool->owner_name));
	if (args->owner && !uuid_parse(args->owner, &owner))
		memcpy(pool->owner_uuid, &owner, sizeof(pool->owner_uuid));
}

/* ---- activation ---- */

static int write_format(struct drp_pool *pool)
{
	void *scratch = kmalloc(2 * DRP_BLOCK_BYTES, GFP_NOIO);
	int r;

	if (!scratch)
		return -ENOMEM;
	r = drp_format_write(&pool->md.io, &pool->sb, scratch);
	kfree(scratch);
	return r;
}

int drp_pool_activate(struct drp_pool *pool)
{
	unsigned int flags = drp_op_begin(pool);
	int r = 0;

	if (pool->active) {
		/* A failure has made the pool read-only: then nobody gets a new slot. */
		if (drp_cow_grow(pool))
			drp_checkpoint(pool);
		goto out;
	}
	r = drp_cow_activate(pool);
	if (!r && pool->needs_format)
		r = write_format(pool);
	if (r)
		goto out;
	pool->sb.clean = false;
	pool->sb.activation++;
	memcpy(pool->sb.owner_uuid, pool->owner_uuid, sizeof(pool->owner_uuid));
	memcpy(pool->sb.boot_id, pool->boot_id, sizeof(pool->boot_id));
	strscpy(pool->sb.owner_name, pool->owner_name, sizeof(pool->sb.owner_name));
	drp_ring_init(&pool->cm.ring, &pool->sb);
	if (!pool->needs_format)
		drp_ring_resume(&pool->cm.ring, &pool->replay);
	drp_cow_grow(pool);
	/* What replay found is written down before any I/O is admitted. */
	r = drp_checkpoint(pool);
	if (r)
		goto out;
	pool->needs_format = false;
	pool->needs_repair = false;
	pool->active = true;
	pool->activated = ktime_get_boottime_seconds();
	drp_reclaim_resume(pool);
	queue_delayed_work(pool->checkpoint_wq, &pool->checkpoint_work, DRP_CHECKPOINT_SECONDS * HZ);
	drp_op_reap_within(pool, 60 * HZ);
out:
	drp_op_end(pool, flags);
	if (r)
		DMERR("pool %s cannot be activated: its metadata device does not take writes (error %d)",
		      pool->sb.name, r);
	return r;
}

/* ---- suspend and resume with the pool's device, as dm-thin does it ---- */

/* I/O of a source waits for its targets: while it ends they must be there. op_lock held. */
static bool waits_for_source(const struct drp_element *e)
{
	const struct drp_sync *up = e->plan->up;

	return up && !up->removed && up->source->live && !up->source->held;
}

/* One that is attached and not held yet, with a reference on its device; NULL: none. op_lock held. */
static struct drp_element *try_hold(struct drp_pool *pool, bool sources_first)
{
	struct drp_element *e;
	unsigned long id;

	xa_for_each(&pool->elements, id, e) {
		if (!e->live || e->held || (sources_first && waits_for_source(e)))
			continue;
		e->md = dm_table_get_md(e->live->ti->table);
		if (dm_hold(e->md))
			continue;	/* being removed: drains by itself */
		e->held = true;
		return e;
	}
	return NULL;
}

static struct drp_element *hold_next(struct drp_pool *pool)
{
	unsigned int flags = drp_op_begin(pool);
	struct drp_element *found;

	/* One that is being removed may stand before all that are left. */
	found = try_hold(pool, true) ?: try_hold(pool, false);
	drp_op_end(pool, flags);
	return found;
}

/* Without op_lock, for what is stuck ends under it; without an operation elements stay. */
static void drain_preserves(struct drp_pool *pool)
{
	struct drp_element *e;
	unsigned long id;

	flush_workqueue(pool->req_wq);
	xa_for_each(&pool->elements, id, e)
		drp_preserve_drain(e);
}

/* None is under way from here on: one may wait for I/O of an element, to write its page cache back. */
static void end_requests(struct drp_pool *pool)
{
	unsigned int flags = drp_op_begin(pool);

	pool->suspended = true;
	drp_op_end(pool, flags);
	flush_workqueue(pool->req_wq);
}

void drp_pool_suspend(struct drp_pool *pool)
{
	struct drp_element *e;

	end_requests(pool);
	/* Not under op_lock: suspending an element takes it. */
	while ((e = hold_next(pool)))
		dm_internal_suspend_noflush(e->md);
	/* Writers may have waited for the reclaimer, which goes on until here. */
	drain_preserves(pool);
	drp_reclaim_stop(pool);
	flush_workqueue(pool->req_wq);
	flush_workqueue(pool->op_wq);
	cancel_delayed_work_sync(&pool->checkpoint_work);
	WRITE_ONCE(pool->checkpoint_again, false);
	flush_workqueue(pool->checkpoint_wq);	/* one that a cut gave up waiting for */
	drp_committer_flush(&pool->cm);
}

static struct drp_element *release_next(struct drp_pool *pool)
{
	unsigned int flags = drp_op_begin(pool);
	struct drp_element *e, *found = NULL;
	unsigned long id;

	pool->suspended = false;
	xa_for_each(&pool->elements, id, e) {
		if (!e->held)
			continue;
		e->held = false;
		found = e;
		break;
	}
	drp_op_end(pool, flags);
	return found;
}

void drp_pool_resume(struct drp_pool *pool)
{
	struct drp_element *e;
	unsigned int flags;

	while ((e = release_next(pool))) {
		struct mapped_device *md = e->md;

		dm_internal_resume(md);
		dm_put(md);
	}
	if (pool->active && !pool->stopping) {
		mod_delayed_work(pool->checkpoint_wq, &pool->checkpoint_work, DRP_CHECKPOINT_SECONDS * HZ);
		drp_reclaim_resume(pool);
		flags = drp_op_begin(pool);
		drp_op_reap_within(pool, 0);
		drp_op_end(pool, flags);
	}
}

/* ---- the end ---- */

static void stop_copies(struct drp_pool *pool)
{
	unsigned int flags = drp_op_begin(pool);
	struct drp_element *e;
	struct drp_sync *s;
	unsigned long id;

	pool->stopping = true;
	xa_for_each(&pool->syncs, id, s)
		if (s->copier)
			drp_op_pause_copy(s);
	drp_op_end(pool, flags);
	/* It looks at what is preserved. */
	cancel_delayed_work_sync(&pool->reap_work);
	xa_for_each(&pool->syncs, id, s)
		cancel_delayed_work_sync(&s->recover_work);
	xa_for_each(&pool->elements, id, e)
		drp_preserve_exit(e);
}

/* All elements are gone, so no I/O comes any more: leave the metadata clean. */
static void stop(struct drp_pool *pool)
{
	void *scratch = kmalloc(DRP_BLOCK_BYTES, GFP_KERNEL | __GFP_NOFAIL);

	stop_copies(pool);
	cancel_delayed_work_sync(&pool->checkpoint_work);
	flush_workqueue(pool->checkpoint_wq);	/* one that a cut gave up waiting for */
	flush_workqueue(pool->req_wq);
	flush_workqueue(pool->op_wq);
	drp_reclaim_exit(pool);
	drp_committer_flush(&pool->cm);
	cancel_delayed_work_sync(&pool->checkpoint_work);
	flush_workqueue(pool->checkpoint_wq);	/* one that a cut gave up waiting for */
	if (!drp_checkpoint_final(pool)) {
		mutex_lock(&pool->checkpoint_lock);
		pool->sb.clean = true;
		if (drp_super_write(&pool->md.io, &pool->sb, scratch))
			DMWARN("pool %s: cannot be marked clean", pool->sb.name);
		mutex_unlock(&pool->checkpoint_lock);
	}
	kfree(scratch);
}

bool drp_pool_bind_more(struct drp_pool *pool)
{
	bool alive;

	mutex_lock(&drp_pools_lock);
	alive = pool->bound;
	if (alive)
		pool->bound++;
	mutex_unlock(&drp_pools_lock);
	return alive;
}

void drp_pool_unbind(struct drp_pool *pool)
{
	bool last;

	mutex_lock(&drp_pools_lock);
	last = --pool->bound == 0;
	if (last) {
		/* Who lists pools must not wait for its devices. */
		drp_pool_withdraw(pool);
		down_write(&pool->life);
		/* Under the lock, so that nobody loads the same metadata meanwhile. */
		if (pool->active)
			stop(pool);
		close_engine(pool);
		pool->dead = true;
		up_write(&pool->life);
	}
	mutex_unlock(&drp_pools_lock);
	if (last)
		drp_pool_put(pool);
}

void drp_pools_init(void)
{
	generate_random_uuid(boot_id);
}
