// SPDX-License-Identifier: GPL-2.0-only
/*
 * The element target: the device that consumers of an element use.
 */
#include "frontend.h"
#include "io.h"
#include "op.h"
#include "preserve.h"
#include "snapshot.h"
#include "targets.h"

struct drp_pool *drp_pool_of_dev(struct dm_dev *dev)
{
	struct mapped_device *md = dm_get_md(dev->bdev->bd_dev);
	struct drp_pool *pool;

	if (!md)
		return NULL;
	pool = drp_pool_get_by_md(md);
	dm_put(md);
	return pool;
}

/* Is @bdev an element's data, an element's own device, or the pool's own device? op_lock held. */
static const char *used_by_element(struct drp_pool *pool, struct drp_element *self,
				   struct block_device *bdev)
{
	struct drp_element *e;
	unsigned long id;

	if (bdev->bd_dev == pool->pool_dev)
		return pool->sb.name;
	xa_for_each(&pool->elements, id, e) {
		if (e->bound && (bdev->bd_dev == e->element_dev ||
				 (e != self && bdev->bd_dev == e->data_dev)))
			return e->rec.name;
	}
	return NULL;
}

/* dm's exclusive claim does not see two targets on one device: compare with all pools. */
bool drp_device_in_use(struct block_device *bdev, struct drp_element *self,
		       const struct block_device *own_metadata, const char *what)
{
	const char *user = NULL;
	struct drp_pool *pool;
	unsigned int flags;
	u32 number = 0;

	/* Those that are just loaded or end have their devices, too. */
	mutex_lock(&drp_pools_lock);
	for (; !user && (pool = drp_pool_get_from(&number)); number++) {
		if (drp_pool_hold(pool)) {
			flags = drp_op_begin(pool);
			if (pool->md.bdev != own_metadata &&
			    (bdev == pool->md.bdev || (pool->cow && bdev == pool->cow->bdev)))
				user = pool->sb.name;
			else
				user = used_by_element(pool, self, bdev);
			if (user)
				DMERR("%s is in use by %s of pool %s", what, user, pool->sb.name);
			drp_op_end(pool, flags);
			drp_pool_release(pool);
		}
		drp_pool_put(pool);
	}
	mutex_unlock(&drp_pools_lock);
	return user;
}

static int open_pool(struct dm_target *ti, const struct drp_element_args *args,
		     struct drp_attachment *at, struct drp_pool **pool)
{
	int r = dm_get_device(ti, args->pool_dev, DRP_OPEN_READ, &at->pool_dev);

	if (r) {
		ti->error = "Cannot open the pool's device";
		return r;
	}
	*pool = drp_pool_of_dev(at->pool_dev);
	if (*pool)
		return 0;
	ti->error = "Not a pool's device, or its pool is not loaded";
	return -EINVAL;
}

/* No device of its own: COW space, for its limits. */
static int open_virtual(struct dm_target *ti, const struct drp_element_args *args,
			struct drp_attachment *at)
{
	struct drp_element *e = at->element;
	char dev[32];
	int r;

	if (args->data_dev) {
		ti->error = "This element is a snapshot's and has no data device";
		return -EINVAL;
	}
	if (!e->pool->cow) {
		ti->error = "This element is a snapshot's, and its pool's table has no COW device";
		return -ENODEV;
	}
	if (ti->len != e->rec.size_sectors) {
		ti->error = "Not the size of the snapshot";
		return -EINVAL;
	}
	format_dev_t(dev, e->pool->cow->bdev->bd_dev);
	r = dm_get_device(ti, dev, dm_table_get_mode(ti->table), &at->cow);
	if (r)
		ti->error = "Cannot open the COW device";
	return r;
}

static int open_data(struct dm_target *ti, const struct drp_element_args *args,
		     struct drp_attachment *at)
{
	int r;

	if (drp_element_virtual(at->element))
		return open_virtual(ti, args, at);
	if (!args->data_dev) {
		ti->error = "This element needs its data device";
		return -EINVAL;
	}
	r = dm_get_device(ti, args->data_dev, dm_table_get_mode(ti->table), &at->data);
	if (r) {
		ti->error = "Cannot open the data device";
		return r;
	}
	if (bdev_nr_sectors(at->data->bdev) < ti->len) {
		ti->error = "Data device is smaller than the table";
		return -EINVAL;
	}
	if (args->identity)
		strscpy(at->identity, args->identity, sizeof(at->identity));
	if (drp_device_in_use(at->data->bdev, at->element, NULL, at->data->name)) {
		ti->error = "Data device is in use by a pool (the kernel log says which)";
		return -EBUSY;
	}
	if (!at->element->data_dev)
		at->element->data_dev = at->data->bdev->bd_dev;
	return 0;
}

static int bind(struct dm_target *ti, struct drp_pool *pool, u64 id, struct drp_attachment *at)
{
	unsigned int flags;
	int r = 0;

	if (!drp_pool_bind_more(pool)) {
		ti->error = "The pool is being stopped";
		return -ENODEV;
	}
	at->pool = pool;
	flags = drp_op_begin(pool);
	at->element = drp_pool_element(pool, id);
	if (at->element) {
		at->element->bound++;
	} else {
		ti->error = "The pool knows no element of this id";
		r = -ENOENT;
	}
	drp_op_end(pool, flags);
	return r;
}

static void unbind(struct drp_attachment *at)
{
	struct drp_element *e = at->element;
	unsigned int flags;

	if (!e)
		return;
	drp_element_detach(e, at);
	flags = drp_op_begin(e->pool);
	if (!--e->bound)
		e->data_dev = 0;
	drp_op_end(e->pool, flags);
}

static void free_attachment(struct dm_target *ti, struct drp_attachment *at)
{
	unbind(at);
	if (at->pool)
		drp_pool_unbind(at->pool);
	if (at->data)
		dm_put_device(ti, at->data);
	if (at->cow)
		dm_put_device(ti, at->cow);
	if (at->pool_dev)
		dm_put_device(ti, at->pool_dev);
	kfree(at);
}

static void set_features(struct dm_target *ti, struct drp_attachment *at)
{
	ti->private = at;
	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	/* Zeroes are written to a snapshot. */
	ti->num_write_zeroes_bios = !at->cow;
	if (at->cow) {
		/* It frees chunks, whatever the COW device makes of discards. */
		ti->discards_supported = true;
		drp_target_split_discards(ti);
	}
	/* A mirror's target may have a cache that this device lacks. */
	ti->flush_supported = true;
	ti->limit_swap_bios = true;
	drp_target_stable_writes(ti);
	ti->per_io_data_size = sizeof(struct drp_io_ctx);
}

static int element_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct drp_pool *pool = NULL;
	struct drp_element_args args;
	struct drp_parse_error err;
	struct drp_attachment *at;
	int r;

	if (drp_parse_element_args(argc, argv, &args, &err)) {
		DMERR("element table: %s", err.text);
		ti->error = "Bad arguments (the kernel log says which)";
		return -EINVAL;
	}
	at = kzalloc(sizeof(*at), GFP_KERNEL);
	if (!at) {
		ti->error = "No memory";
		return -ENOMEM;
	}
	at->ti = ti;
	r = open_pool(ti, &args, at, &pool);
	if (!r)
		r = bind(ti, pool, args.id, at);
	if (!r)
		r = open_data(ti, &args, at);
	if (!r)
		r = dm_set_target_max_io_len(ti, drp_element_unit(at->element));
	if (r)
		free_attachment(ti, at);
	else
		set_features(ti, at);
	if (pool)
		drp_pool_put(pool);
	return r;
}

static void element_dtr(struct dm_target *ti)
{
	free_attachment(ti, ti->private);
}

/* Has another element of the pool got the disk since the table was loaded? */
static bool given_away(struct drp_element *e, struct dm_dev *data)
{
	unsigned int flags = drp_op_begin(e->pool);
	const char *user = used_by_element(e->pool, e, data->bdev);

	if (user)
		DMERR("%s is in use by %s of pool %s", data->name, user, e->pool->sb.name);
	drp_op_end(e->pool, flags);
	return user;
}

static int element_preresume(struct dm_target *ti)
{
	struct drp_attachment *at = ti->private;
	struct drp_element *e = at->element;

	if (at->data && at->data->bdev->bd_dev != READ_ONCE(e->data_dev) && given_away(e, at->data))
		return -EBUSY;
	return drp_element_attach(e, at);
}

static void element_presuspend(struct dm_target *ti)
{
	struct drp_attachment *at = ti->private;

	if (dm_noflush_suspending(ti))
		drp_element_push_back(at->element, true);
}

static void element_presuspend_undo(struct dm_target *ti)
{
	struct drp_attachment *at = ti->private;

	drp_element_push_back(at->element, false);
}

static void element_postsuspend(struct dm_target *ti)
{
	struct drp_attachment *at = ti->private;

	drp_element_suspend(at->element, at);
}

static void element_status(struct dm_target *ti, status_type_t type, unsigned int status_flags,
			   char *result, unsigned int maxlen)
{
	struct drp_attachment *at = ti->private;
	unsigned int sz = 0;

	switch (type) {
	case STATUSTYPE_INFO:
		drp_element_status(at->element->pool, at->element->rec.id, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s %llu", at->pool_dev->name, at->element->rec.id);
		if (at->data)
			DMEMIT(" %s", at->data->name);
		if (at->identity[0])
			DMEMIT(" 1 identity=%s", at->identity);
		break;
	default:
		*result = '\0';
	}
}

static int element_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn,
				   void *data)
{
	struct drp_attachment *at = ti->private;

	/* A snapshot may be bigger than the space for what differs. */
	if (at->cow)
		return fn(ti, at->cow, 0, drp_element_unit(at->element), data);
	return fn(ti, at->data, 0, ti->len, data);
}

/* A snapshot's: whole chunks. */
static void limit_discards(struct drp_element *e, struct queue_limits *limits)
{
	const u32 max = drp_element_discard_unit(e);	/* 256 MiB at most */

	limits->discard_granularity = drp_element_unit(e) << SECTOR_SHIFT;
	limits->discard_alignment = 0;
	limits->max_discard_sectors = max;
	limits->max_hw_discard_sectors = max;
}

/* Reads of what was not written since go to the disk of the first source. */
static void limit_blocks(struct drp_element *e, struct queue_limits *limits)
{
	unsigned int flags = drp_op_begin(e->pool), block;
	struct drp_element *root = drp_snapshot_root(e);

	/* It may be suspended: then its disk is still known. */
	if (root && root->bdev) {
		block = bdev_logical_block_size(root->bdev);
		limits->logical_block_size = max_t(unsigned int, limits->logical_block_size, block);
		limits->physical_block_size = max(limits->physical_block_size,
						  limits->logical_block_size);
		limits->io_min = max(limits->io_min, limits->physical_block_size);
	}
	drp_op_end(e->pool, flags);
}

static void element_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	struct drp_attachment *at = ti->private;

	if (at->cow) {
		limit_discards(at->element, limits);
		limit_blocks(at->element, limits);
	}
	drp_limits_stable_writes(ti, limits);
	/* A mirror's target may be pickier about buffers than this device. */
	limits->dma_alignment = max_t(unsigned int, limits->dma_alignment, SECTOR_SIZE - 1);
}

struct target_type drp_element_target = {
	.name = "replica",
	.version = { 1, 0, 0 },
	.module = THIS_MODULE,
	.ctr = element_ctr,
	.dtr = element_dtr,
	.map = drp_io_map,
	.end_io = drp_io_end,
	.preresume = element_preresume,
	.presuspend = element_presuspend,
	.presuspend_undo = element_presuspend_undo,
	.postsuspend = element_postsuspend,
	.status = element_status,
	.iterate_devices = element_iterate_devices,
	.io_hints = element_io_hints,
};
