// SPDX-License-Identifier: GPL-2.0-only
/* The files in /sys/kernel/simdisk/NAME. */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "simdisk.h"

struct disk_attr {
	struct attribute attr;
	ssize_t (*show)(struct sim_disk *disk, const struct disk_attr *attr,
			char *buf);
	ssize_t (*store)(struct sim_disk *disk, const struct disk_attr *attr,
			 const char *buf, size_t count);
	size_t offset;		/* of the field in struct sim_disk */
	u32 max;
};

static ssize_t u32_show(struct sim_disk *disk, const struct disk_attr *attr,
			char *buf)
{
	u32 *field = (void *)disk + attr->offset;

	return sysfs_emit(buf, "%u\n", READ_ONCE(*field));
}

static ssize_t u32_store(struct sim_disk *disk, const struct disk_attr *attr,
			 const char *buf, size_t count)
{
	u32 *field = (void *)disk + attr->offset;
	u32 value;

	if (kstrtou32(buf, 0, &value) || value > attr->max)
		return -EINVAL;
	WRITE_ONCE(*field, value);
	return count;
}

static ssize_t bool_show(struct sim_disk *disk, const struct disk_attr *attr,
			 char *buf)
{
	bool *field = (void *)disk + attr->offset;

	return sysfs_emit(buf, "%d\n", READ_ONCE(*field));
}

static ssize_t bool_store(struct sim_disk *disk, const struct disk_attr *attr,
			  const char *buf, size_t count)
{
	bool *field = (void *)disk + attr->offset;
	unsigned long flags;
	bool value;

	if (kstrtobool(buf, &value))
		return -EINVAL;
	spin_lock_irqsave(&disk->lock, flags);
	*field = value;
	spin_unlock_irqrestore(&disk->lock, flags);
	return count;
}

#define SIM_ATTR_U32(_name, _field, _max)				\
static struct disk_attr attr_##_name = {				\
	.attr = { .name = #_name, .mode = 0644 },			\
	.show = u32_show, .store = u32_store,				\
	.offset = offsetof(struct sim_disk, _field), .max = _max,	\
}

#define SIM_ATTR_BOOL(_name)						\
static struct disk_attr attr_##_name = {				\
	.attr = { .name = #_name, .mode = 0644 },			\
	.show = bool_show, .store = bool_store,				\
	.offset = offsetof(struct sim_disk, faults._name),		\
}

#define SIM_ATTR(_name, _mode, _show, _store)				\
static struct disk_attr attr_##_name = {				\
	.attr = { .name = #_name, .mode = _mode },			\
	.show = _show, .store = _store,					\
}

#define SIM_MAX_US	60000000

SIM_ATTR_U32(read_us, latency.read_us, SIM_MAX_US);
SIM_ATTR_U32(write_us, latency.write_us, SIM_MAX_US);
SIM_ATTR_U32(flush_us, latency.flush_us, SIM_MAX_US);
SIM_ATTR_U32(fua_us, latency.fua_us, SIM_MAX_US);
SIM_ATTR_U32(discard_us, latency.discard_us, SIM_MAX_US);
SIM_ATTR_U32(ns_per_kib, latency.ns_per_kib, 1000000000);
SIM_ATTR_BOOL(fail_reads);
SIM_ATTR_BOOL(fail_writes);
SIM_ATTR_BOOL(fail_flushes);
SIM_ATTR_BOOL(fail_discards);
SIM_ATTR_BOOL(offline);
SIM_ATTR_BOOL(lose_unflushed);

static ssize_t hang_store(struct sim_disk *disk, const struct disk_attr *attr,
			  const char *buf, size_t count)
{
	ssize_t ret = bool_store(disk, attr, buf, count);

	if (ret > 0 && !READ_ONCE(disk->faults.hang))
		sim_release_held(disk);
	return ret;
}

static struct disk_attr attr_hang = {
	.attr = { .name = "hang", .mode = 0644 },
	.show = bool_show, .store = hang_store,
	.offset = offsetof(struct sim_disk, faults.hang),
};

static ssize_t channels_store(struct sim_disk *disk,
			      const struct disk_attr *attr,
			      const char *buf, size_t count)
{
	u32 value;

	if (kstrtou32(buf, 0, &value) || !value || value > SIM_MAX_CHANNELS)
		return -EINVAL;
	WRITE_ONCE(disk->channels, value);
	return count;
}

static struct disk_attr attr_channels = {
	.attr = { .name = "channels", .mode = 0644 },
	.show = u32_show, .store = channels_store,
	.offset = offsetof(struct sim_disk, channels),
};

static const struct sim_latency latency_model = {
	.read_us = 200, .write_us = 200, .flush_us = 400, .fua_us = 400,
	.discard_us = 200, .ns_per_kib = 2000,
};

static ssize_t latency_store(struct sim_disk *disk,
			     const struct disk_attr *attr,
			     const char *buf, size_t count)
{
	struct sim_latency latency = {};
	unsigned long flags;

	if (sysfs_streq(buf, "model"))
		latency = latency_model;
	else if (!sysfs_streq(buf, "off"))
		return -EINVAL;
	spin_lock_irqsave(&disk->lock, flags);
	disk->latency = latency;
	spin_unlock_irqrestore(&disk->lock, flags);
	return count;
}
SIM_ATTR(latency, 0200, NULL, latency_store);

static s64 *after_of(struct sim_disk *disk, const struct disk_attr *attr)
{
	return (void *)disk + attr->offset;
}

static ssize_t after_show(struct sim_disk *disk, const struct disk_attr *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%lld\n", READ_ONCE(*after_of(disk, attr)));
}

static ssize_t after_store(struct sim_disk *disk, const struct disk_attr *attr,
			   const char *buf, size_t count)
{
	unsigned long flags;
	s64 value;

	if (kstrtos64(buf, 0, &value) || value < SIM_FAIL_AFTER_OFF)
		return -EINVAL;
	spin_lock_irqsave(&disk->lock, flags);
	*after_of(disk, attr) = value;
	spin_unlock_irqrestore(&disk->lock, flags);
	return count;
}

#define SIM_ATTR_AFTER(_name)						\
static struct disk_attr attr_##_name = {				\
	.attr = { .name = #_name, .mode = 0644 },			\
	.show = after_show, .store = after_store,			\
	.offset = offsetof(struct sim_disk, faults._name),		\
}

SIM_ATTR_AFTER(fail_after);
SIM_ATTR_AFTER(fail_written);

static ssize_t fail_range_show(struct sim_disk *disk,
			       const struct disk_attr *attr, char *buf)
{
	struct sim_faults faults;
	unsigned long flags;
	unsigned int i;
	int len = 0;

	spin_lock_irqsave(&disk->lock, flags);
	faults = disk->faults;
	spin_unlock_irqrestore(&disk->lock, flags);
	for (i = 0; i < faults.ranges; i++) {
		const struct sim_fail_range *range = &faults.range[i];

		len += sysfs_emit_at(buf, len, "%llu %llu %s%s\n",
				     range->start, range->end - range->start,
				     range->reads ? "r" : "",
				     range->writes ? "w" : "");
	}
	return len;
}

static int fail_range_parse(const char *buf, struct sim_fail_range *range)
{
	unsigned long long start, sectors;
	char what[4];

	if (sscanf(buf, "%llu %llu %3s", &start, &sectors, what) != 3 ||
	    !sectors || start + sectors < start)
		return -EINVAL;
	range->start = start;
	range->end = start + sectors;
	range->reads = !strcmp(what, "r") || !strcmp(what, "rw");
	range->writes = !strcmp(what, "w") || !strcmp(what, "rw");
	return range->reads || range->writes ? 0 : -EINVAL;
}

static ssize_t fail_range_store(struct sim_disk *disk,
				const struct disk_attr *attr,
				const char *buf, size_t count)
{
	bool clear = sysfs_streq(buf, "clear");
	struct sim_fail_range range = {};
	struct sim_faults *faults = &disk->faults;
	unsigned long flags;
	ssize_t ret = count;

	if (!clear && fail_range_parse(buf, &range))
		return -EINVAL;
	spin_lock_irqsave(&disk->lock, flags);
	if (clear)
		faults->ranges = 0;
	else if (faults->ranges < SIM_MAX_FAIL_RANGES)
		faults->range[faults->ranges++] = range;
	else
		ret = -ENOSPC;
	spin_unlock_irqrestore(&disk->lock, flags);
	return ret;
}
SIM_ATTR(fail_range, 0644, fail_range_show, fail_range_store);

static ssize_t track_volatile_show(struct sim_disk *disk,
				   const struct disk_attr *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(disk->store.track));
}

static ssize_t track_volatile_store(struct sim_disk *disk,
				    const struct disk_attr *attr,
				    const char *buf, size_t count)
{
	unsigned long flags;
	bool value;

	if (kstrtobool(buf, &value))
		return -EINVAL;
	if (value && !disk->limits.write_cache)
		return -EINVAL;
	spin_lock_irqsave(&disk->lock, flags);
	disk->store.track = value;
	if (!value)
		sim_store_commit_all(&disk->store);
	spin_unlock_irqrestore(&disk->lock, flags);
	return count;
}
SIM_ATTR(track_volatile, 0644, track_volatile_show, track_volatile_store);

static ssize_t stats_show(struct sim_disk *disk, const struct disk_attr *attr,
			  char *buf)
{
	unsigned int inflight;
	struct sim_stats s;
	unsigned long flags;

	spin_lock_irqsave(&disk->lock, flags);
	s = disk->stats;
	inflight = disk->inflight_count;
	spin_unlock_irqrestore(&disk->lock, flags);
	return sysfs_emit(buf,
			  "reads=%llu writes=%llu read_sectors=%llu write_sectors=%llu flushes=%llu fua=%llu discards=%llu discard_sectors=%llu write_zeroes=%llu write_zeroes_sectors=%llu errors=%llu inflight=%u max_inflight=%llu\n",
			  s.reads, s.writes, s.read_sectors, s.write_sectors,
			  s.flushes, s.fua, s.discards, s.discard_sectors,
			  s.write_zeroes, s.write_zeroes_sectors, s.errors,
			  inflight, s.max_inflight);
}
SIM_ATTR(stats, 0444, stats_show, NULL);

static ssize_t reset_stats_store(struct sim_disk *disk,
				 const struct disk_attr *attr,
				 const char *buf, size_t count)
{
	unsigned long flags;

	spin_lock_irqsave(&disk->lock, flags);
	memset(&disk->stats, 0, sizeof(disk->stats));
	disk->stats.max_inflight = disk->inflight_count;
	spin_unlock_irqrestore(&disk->lock, flags);
	return count;
}
SIM_ATTR(reset_stats, 0200, NULL, reset_stats_store);

static ssize_t allocated_kib_show(struct sim_disk *disk,
				  const struct disk_attr *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(disk->store.allocated) *
			  (SIM_BLOCK_SIZE / 1024));
}
SIM_ATTR(allocated_kib, 0444, allocated_kib_show, NULL);

static ssize_t volatile_sectors_show(struct sim_disk *disk,
				     const struct disk_attr *attr, char *buf)
{
	unsigned long flags;
	unsigned int count;

	spin_lock_irqsave(&disk->lock, flags);
	count = sim_store_volatile_sectors(&disk->store);
	spin_unlock_irqrestore(&disk->lock, flags);
	return sysfs_emit(buf, "%u\n", count);
}
SIM_ATTR(volatile_sectors, 0444, volatile_sectors_show, NULL);

static ssize_t early_durable_show(struct sim_disk *disk,
				  const struct disk_attr *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  READ_ONCE(disk->store.early_durable));
}
SIM_ATTR(early_durable_sectors, 0444, early_durable_show, NULL);

static ssize_t config_show(struct sim_disk *disk, const struct disk_attr *attr,
			   char *buf)
{
	const struct sim_limits *l = &disk->limits;
	const char *cache = "none";

	if (l->write_cache)
		cache = l->fua ? "fua" : "flush";
	return sysfs_emit(buf,
			  "sectors=%llu lbs=%u cache=%s discard=%d max_sectors=%u\n",
			  disk->sectors, l->logical_block_size, cache,
			  l->discard, l->max_sectors);
}
SIM_ATTR(config, 0444, config_show, NULL);

static struct attribute *sim_disk_attrs[] = {
	&attr_read_us.attr, &attr_write_us.attr, &attr_flush_us.attr,
	&attr_fua_us.attr, &attr_discard_us.attr, &attr_ns_per_kib.attr,
	&attr_latency.attr, &attr_channels.attr,
	&attr_fail_reads.attr, &attr_fail_writes.attr,
	&attr_fail_flushes.attr, &attr_fail_discards.attr,
	&attr_offline.attr, &attr_lose_unflushed.attr, &attr_hang.attr, &attr_fail_after.attr,
	&attr_fail_written.attr,
	&attr_fail_range.attr, &attr_track_volatile.attr,
	&attr_stats.attr, &attr_reset_stats.attr, &attr_allocated_kib.attr,
	&attr_volatile_sectors.attr, &attr_early_durable_sectors.attr,
	&attr_config.attr,
	NULL
};
ATTRIBUTE_GROUPS(sim_disk);

static ssize_t attr_show(struct kobject *kobj, struct attribute *attr,
			 char *buf)
{
	const struct disk_attr *a = container_of(attr, struct disk_attr, attr);

	return a->show(container_of(kobj, struct sim_disk, kobj), a, buf);
}

static ssize_t attr_store(struct kobject *kobj, struct attribute *attr,
			  const char *buf, size_t count)
{
	const struct disk_attr *a = container_of(attr, struct disk_attr, attr);

	return a->store(container_of(kobj, struct sim_disk, kobj), a, buf,
			count);
}

static void disk_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct sim_disk, kobj));
}

static const struct sysfs_ops disk_sysfs_ops = {
	.show = attr_show,
	.store = attr_store,
};

const struct kobj_type sim_disk_ktype = {
	.sysfs_ops = &disk_sysfs_ops,
	.default_groups = sim_disk_groups,
	.release = disk_release,
};
