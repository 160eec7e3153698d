// SPDX-License-Identifier: GPL-2.0-only
/* Life of a disk: its block device, its sysfs directory, its memory. */
#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stringhash.h>

#include "simdisk.h"

#define SIM_QUEUE_DEPTH	128
#define SIM_MAX_QUEUES	4U

LIST_HEAD(sim_disks);
DEFINE_MUTEX(sim_mutex);

static const char * const reserved_names[] = {
	"control", "power", "disks", "record", "simdisk-record",
};

static void disk_free(struct sim_disk *disk)
{
	sim_store_destroy(&disk->store);
	blk_mq_free_tag_set(&disk->tag_set);
	kobject_put(&disk->kobj);
}

/*
 * Last reference to the block device is gone: only now has nobody a queue
 * that uses the tags.
 */
static void sim_free_disk(struct gendisk *gd)
{
	disk_free(gd->private_data);
}

static const struct block_device_operations sim_fops = {
	.owner = THIS_MODULE,
	.free_disk = sim_free_disk,
};

struct sim_disk *sim_disk_find(const char *name)
{
	struct sim_disk *disk;

	lockdep_assert_held(&sim_mutex);
	list_for_each_entry(disk, &sim_disks, link)
		if (!strcmp(disk->name, name))
			return disk;
	return NULL;
}

static bool name_is_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (strlen(name) >= DISK_NAME_LEN || *name < 'a' || *name > 'z')
		return false;
	if (name[strspn(name, allowed)])
		return false;
	return match_string(reserved_names, ARRAY_SIZE(reserved_names),
			    name) < 0;
}

static int check_options(const struct sim_disk_options *o)
{
	if (!name_is_valid(o->name)) {
		pr_notice("simdisk: '%s' is no disk name: use [a-z][A-Za-z0-9_-]*, up to %d characters, not control, power or disks\n",
			  o->name, DISK_NAME_LEN - 1);
		return -EINVAL;
	}
	if (sim_disk_find(o->name)) {
		pr_notice("simdisk: %s exists: remove it first\n", o->name);
		return -EEXIST;
	}
	if (!is_power_of_2(o->logical_block_size) ||
	    o->logical_block_size < SECTOR_SIZE ||
	    o->logical_block_size > PAGE_SIZE) {
		pr_notice("simdisk: %s: logical block size %u: use a power of two from 512 to 4096\n",
			  o->name, o->logical_block_size);
		return -EINVAL;
	}
	if (!o->sectors || o->sectors > (S64_MAX >> SECTOR_SHIFT) ||
	    o->sectors % (o->logical_block_size >> SECTOR_SHIFT)) {
		pr_notice("simdisk: %s: size of %llu sectors: use whole logical blocks, at least one\n",
			  o->name, o->sectors);
		return -EINVAL;
	}
	if (!o->channels || o->channels > SIM_MAX_CHANNELS ||
	    o->max_sectors < PAGE_SIZE >> SECTOR_SHIFT) {
		pr_notice("simdisk: %s: channels are 1 to %d, max_sectors at least 8\n",
			  o->name, SIM_MAX_CHANNELS);
		return -EINVAL;
	}
	return 0;
}

static struct sim_disk *disk_alloc(const struct sim_disk_options *o)
{
	struct sim_disk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);

	if (!disk)
		return NULL;
	strscpy(disk->name, o->name, sizeof(disk->name));
	disk->name_hash = sim_mix(full_name_hash(NULL, o->name,
						 strlen(o->name)));
	disk->sectors = o->sectors;
	disk->channels = o->channels;
	disk->limits = (struct sim_limits) {
		.logical_block_size = o->logical_block_size,
		.max_sectors = o->max_sectors,
		.write_cache = o->write_cache,
		.fua = o->fua,
		.discard = o->discard,
	};
	disk->faults.fail_after = SIM_FAIL_AFTER_OFF;
	disk->faults.fail_written = SIM_FAIL_AFTER_OFF;
	spin_lock_init(&disk->lock);
	INIT_LIST_HEAD(&disk->link);
	INIT_LIST_HEAD(&disk->inflight);
	INIT_LIST_HEAD(&disk->held);
	sim_store_init(&disk->store, o->track && o->write_cache);
	sim_channels_init(disk);
	kobject_init(&disk->kobj, &sim_disk_ktype);
	return disk;
}

static int disk_alloc_gendisk(struct sim_disk *disk)
{
	struct blk_mq_tag_set *set = &disk->tag_set;
	int ret;

	set->ops = &sim_mq_ops;
	set->nr_hw_queues = min(num_possible_cpus(), SIM_MAX_QUEUES);
	set->queue_depth = SIM_QUEUE_DEPTH;
	set->numa_node = NUMA_NO_NODE;
	set->cmd_size = sizeof(struct sim_cmd);
	set->flags = SIM_TAG_SET_FLAGS;
	ret = blk_mq_alloc_tag_set(set);
	if (ret)
		return ret;
	disk->gd = sim_alloc_disk(set, &disk->limits, disk);
	if (IS_ERR(disk->gd)) {
		blk_mq_free_tag_set(set);
		return PTR_ERR(disk->gd);
	}
	disk->gd->fops = &sim_fops;
	disk->gd->private_data = disk;
	disk->gd->flags |= GENHD_FL_NO_PART;
	strscpy(disk->gd->disk_name, disk->name, DISK_NAME_LEN);
	set_capacity(disk->gd, disk->sectors);
	return 0;
}

int sim_disk_add(const struct sim_disk_options *options)
{
	struct sim_disk *disk;
	int ret;

	ret = check_options(options);
	if (ret)
		return ret;
	disk = disk_alloc(options);
	if (!disk)
		return -ENOMEM;
	ret = disk_alloc_gendisk(disk);
	if (ret) {
		kobject_put(&disk->kobj);
		return ret;
	}
	ret = kobject_add(&disk->kobj, sim_root, "%s", disk->name);
	if (ret)
		goto put;
	sim_record_disk(disk);
	ret = add_disk(disk->gd);
	if (ret) {
		pr_notice("simdisk: %s: the block device cannot be added (%d): is the name in use?\n",
			  disk->name, ret);
		goto put;
	}
	list_add_tail(&disk->link, &sim_disks);
	return 0;
put:
	kobject_del(&disk->kobj);
	put_disk(disk->gd);
	/* sim_free_disk() is called for disks that were added only. */
	disk_free(disk);
	return ret;
}

static bool is_open(struct gendisk *gd)
{
	bool open;

	mutex_lock(&gd->open_mutex);
	open = disk_openers(gd);
	mutex_unlock(&gd->open_mutex);
	return open;
}

int sim_disk_remove(struct sim_disk *disk)
{
	unsigned long flags;

	lockdep_assert_held(&sim_mutex);
	if (is_open(disk->gd)) {
		pr_notice("simdisk: %s is in use: close it first\n",
			  disk->name);
		return -EBUSY;
	}
	kobject_del(&disk->kobj);
	list_del(&disk->link);
	/* del_gendisk() waits for requests, so none may stay held. */
	spin_lock_irqsave(&disk->lock, flags);
	disk->faults.hang = false;
	disk->faults.offline = true;
	spin_unlock_irqrestore(&disk->lock, flags);
	sim_release_held(disk);
	del_gendisk(disk->gd);
	sim_channels_stop(disk);
	put_disk(disk->gd);
	return 0;
}
