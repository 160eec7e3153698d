// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool target: a device that carries the pool. It serves no data: reads
 * give zeroes (so that probing it is no error), writes are refused.
 */
#include "core/args.h"
#include "cow.h"
#include "frontend.h"
#include "pool.h"
#include "targets.h"

struct pool_binding {
	struct drp_pool *pool;
	struct dm_dev *metadata;
	struct dm_dev *cow;
};

/* An element's or a pool's own device must not carry a pool's metadata: it would wait for itself. */
static int check_metadata_dev(struct dm_target *ti, struct dm_dev *dev)
{
	if (bdev_nr_sectors(dev->bdev) < (DRP_MIN_DEVICE_BLOCKS * DRP_BLOCK_BYTES) >> SECTOR_SHIFT) {
		ti->error = "Metadata device is too small: 8 MiB at least";
		return -ENOSPC;
	}
	if (bdev_logical_block_size(dev->bdev) > DRP_BLOCK_BYTES) {
		ti->error = "Metadata device has logical blocks larger than 4096";
		return -EINVAL;
	}
	if (drp_device_in_use(dev->bdev, NULL, dev->bdev, dev->name)) {
		ti->error = "Metadata device is in use by a pool (the kernel log says which)";
		return -EBUSY;
	}
	return 0;
}

static int open_devices(struct dm_target *ti, const struct drp_pool_args *args,
			struct pool_binding *b)
{
	const drp_open_mode_t mode = dm_table_get_mode(ti->table);
	int r;

	r = dm_get_device(ti, args->metadata_dev, mode, &b->metadata);
	if (r) {
		ti->error = "Cannot open the metadata device";
		return r;
	}
	r = check_metadata_dev(ti, b->metadata);
	if (r || !args->cow_dev)
		return r;
	r = dm_get_device(ti, args->cow_dev, mode, &b->cow);
	if (r) {
		ti->error = "Cannot open the COW device";
		return r;
	}
	if (b->cow->bdev == b->metadata->bdev) {
		ti->error = "COW and metadata device are the same";
		return -EINVAL;
	}
	if (drp_device_in_use(b->cow->bdev, NULL, b->metadata->bdev, b->cow->name)) {
		ti->error = "COW device is in use by a pool (the kernel log says which)";
		return -EBUSY;
	}
	return 0;
}

static void put_devices(struct dm_target *ti, struct pool_binding *b)
{
	if (b->cow)
		dm_put_device(ti, b->cow);
	if (b->metadata)
		dm_put_device(ti, b->metadata);
	kfree(b);
}

/* One table per device: another device with the same metadata is refused. */
static int bind(struct dm_target *ti, const struct drp_pool_args *args, struct pool_binding *b)
{
	struct mapped_device *md = dm_table_get_md(ti->table);
	struct drp_pool *pool;
	int r = 0;

	mutex_lock(&drp_pools_lock);
	pool = drp_pool_bind(b->metadata->bdev, &ti->error);
	if (IS_ERR(pool)) {
		mutex_unlock(&drp_pools_lock);
		return PTR_ERR(pool);
	}
	b->pool = pool;
	if (!pool->loaded) {
		pool->dm = md;
		r = drp_pool_load(pool, args, b->cow ? b->cow->bdev : NULL, &ti->error);
		/* Half loaded: another table must not find it. */
		if (r)
			drp_pool_withdraw(pool);
		else
			drp_pool_publish(pool);
	} else if (pool->dm != md) {
		ti->error = "Metadata device is used by another pool device";
		r = -EBUSY;
	} else if ((b->cow ? b->cow->bdev : NULL) != (pool->cow ? pool->cow->bdev : NULL)) {
		ti->error = "The COW device of a pool that is active cannot be changed";
		r = -EBUSY;
	}
	mutex_unlock(&drp_pools_lock);
	if (r) {
		if (!ti->error)
			ti->error = "Metadata cannot be loaded";
		drp_pool_unbind(pool);
	}
	return r;
}

static int pool_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct drp_parse_error err;
	struct drp_pool_args args;
	struct pool_binding *b;
	int r;

	if (drp_parse_pool_args(argc, argv, &args, &err)) {
		DMERR("pool table: %s", err.text);
		ti->error = "Bad arguments (the kernel log says which)";
		return -EINVAL;
	}
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b) {
		ti->error = "No memory";
		return -ENOMEM;
	}
	r = open_devices(ti, &args, b);
	if (!r)
		r = bind(ti, &args, b);
	if (r) {
		put_devices(ti, b);
		return r;
	}
	b->pool->cow_dev = b->cow ? b->cow->bdev->bd_dev : 0;
	ti->private = b;
	ti->num_flush_bios = 1;
	ti->flush_supported = true;
	return 0;
}

static void pool_dtr(struct dm_target *ti)
{
	struct pool_binding *b = ti->private;
	struct drp_pool *pool = b->pool;

	mutex_lock(&pool->ti_lock);
	if (pool->ti == ti)
		pool->ti = NULL;
	mutex_unlock(&pool->ti_lock);
	drp_pool_unbind(pool);
	put_devices(ti, b);
}

static int pool_map(struct dm_target *ti, struct bio *bio)
{
	if (bio_op(bio) == REQ_OP_READ)
		zero_fill_bio(bio);
	else if (!(bio->bi_opf & REQ_PREFLUSH) || bio_has_data(bio))
		return DM_MAPIO_KILL;
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

static int pool_preresume(struct dm_target *ti)
{
	struct pool_binding *b = ti->private;
	struct drp_pool *pool = b->pool;

	pool->pool_dev = disk_devt(dm_disk(pool->dm));
	return drp_pool_activate(pool);
}

static void pool_resume(struct dm_target *ti)
{
	struct pool_binding *b = ti->private;

	mutex_lock(&b->pool->ti_lock);
	b->pool->ti = ti;
	mutex_unlock(&b->pool->ti_lock);
	drp_pool_resume(b->pool);
}

static void pool_presuspend(struct dm_target *ti)
{
	struct pool_binding *b = ti->private;

	drp_pool_suspend(b->pool);
}

/* The suspend did not happen after all. */
static void pool_presuspend_undo(struct dm_target *ti)
{
	struct pool_binding *b = ti->private;

	drp_pool_resume(b->pool);
}

static void pool_postsuspend(struct dm_target *ti)
{
	struct pool_binding *b = ti->private;

	mutex_lock(&b->pool->ti_lock);
	b->pool->ti = NULL;
	mutex_unlock(&b->pool->ti_lock);
}

static int pool_message(struct dm_target *ti, unsigned int argc, char **argv,
			char *result, unsigned int maxlen)
{
	struct pool_binding *b = ti->private;

	return drp_pool_message(b->pool, argc, argv, result, maxlen);
}

static void pool_status(struct dm_target *ti, status_type_t type, unsigned int status_flags,
			char *result, unsigned int maxlen)
{
	struct pool_binding *b = ti->private;
	const struct drp_super *sb = &b->pool->sb;
	unsigned int sz = 0;

	switch (type) {
	case STATUSTYPE_INFO:
		drp_pool_status(b->pool, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s %s %u 3 name=%s region=%u extent=%u", b->metadata->name,
		       b->cow ? b->cow->name : "-", sb->chunk_sectors, sb->name,
		       sb->region_sectors, sb->extent_sectors);
		break;
	default:
		*result = '\0';
	}
}

static int pool_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct pool_binding *b = ti->private;

	int r = fn(ti, b->metadata, 0, bdev_nr_sectors(b->metadata->bdev), data);

	return r || !b->cow ? r : fn(ti, b->cow, 0, bdev_nr_sectors(b->cow->bdev), data);
}

struct target_type drp_pool_target = {
	.name = "replica-pool",
	.version = { 1, 0, 0 },
	.features = DM_TARGET_SINGLETON | DM_TARGET_ALWAYS_WRITEABLE,
	.module = THIS_MODULE,
	.ctr = pool_ctr,
	.dtr = pool_dtr,
	.map = pool_map,
	.preresume = pool_preresume,
	.resume = pool_resume,
	.presuspend = pool_presuspend,
	.presuspend_undo = pool_presuspend_undo,
	.postsuspend = pool_postsuspend,
	.message = pool_message,
	.status = pool_status,
	.iterate_devices = pool_iterate_devices,
};
