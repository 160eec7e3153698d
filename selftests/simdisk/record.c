// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recording: every write, discard and flush of all disks, when it arrived and
 * when it ended, in one order, with the marks that a test puts between. The log
 * has a fixed size; what does not fit ends the recording for good, so that a log
 * never has gaps.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "record.h"
#include "simdisk.h"

#define SIM_RECORD_MAX_MIB	1024

enum record_state {
	RECORD_OFF,
	RECORD_ON,
	RECORD_FULL,
};

static DEFINE_MUTEX(buffer_mutex);	/* start, drop and reading */
static DEFINE_SPINLOCK(record_lock);	/* all below; inside a disk's lock */
static enum record_state state;
static u8 *buffer;
static size_t size, used;
static u64 events, next_id;
static u32 next_disk;

/* Room for an event, its header filled; NULL when it is not recorded. */
static void *__append(const struct sim_record *header)
{
	size_t bytes = sizeof(*header) + ALIGN((size_t)header->bytes, 8);
	u8 *at = buffer + used;

	lockdep_assert_held(&record_lock);
	if (state != RECORD_ON)
		return NULL;
	if (bytes > size - used) {
		state = RECORD_FULL;
		pr_warn("simdisk: the recording is full after %llu events: start it with more MiB, or record less\n",
			events);
		return NULL;
	}
	memcpy(at, header, sizeof(*header));
	used += bytes;
	events++;
	return at + sizeof(*header);
}

static void append(const struct sim_record *header, const void *payload)
{
	unsigned long flags;
	void *to;

	spin_lock_irqsave(&record_lock, flags);
	to = __append(header);
	if (to && payload)
		memcpy(to, payload, header->bytes);
	spin_unlock_irqrestore(&record_lock, flags);
}

/* ---- requests: the disk's lock is held ---- */

static void copy_data(struct request *rq, u8 *to)
{
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		u8 *from = bvec_kmap_local(&bv);

		memcpy(to, from, bv.bv_len);
		kunmap_local(from);
		to += bv.bv_len;
	}
}

void sim_record_arrival(struct sim_disk *disk, struct sim_cmd *cmd)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct sim_record header = { .disk = disk->record_number };
	void *to;

	cmd->record_id = 0;
	if (READ_ONCE(state) != RECORD_ON || cmd->status)
		return;
	switch (req_op(rq)) {
	case REQ_OP_WRITE:
		header.kind = SIM_RECORD_WRITE;
		header.bytes = blk_rq_bytes(rq);
		header.flags = rq->cmd_flags & REQ_FUA ? SIM_RECORD_FUA : 0;
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		header.kind = SIM_RECORD_ZERO;
		break;
	case REQ_OP_FLUSH:
		header.kind = SIM_RECORD_FLUSH;
		break;
	default:
		return;
	}
	if (header.kind != SIM_RECORD_FLUSH) {
		header.sector = blk_rq_pos(rq);
		header.sectors = blk_rq_sectors(rq);
	}
	spin_lock(&record_lock);
	header.id = next_id;
	to = __append(&header);
	if (to) {
		cmd->record_id = next_id++;
		if (header.bytes)
			copy_data(rq, to);
	}
	spin_unlock(&record_lock);
}

void sim_record_end(struct sim_disk *disk, struct sim_cmd *cmd)
{
	const struct sim_record header = {
		.kind = cmd->status ? SIM_RECORD_FAILED : SIM_RECORD_DONE,
		.disk = disk->record_number,
		.id = cmd->record_id,
	};

	if (header.id)
		append(&header, NULL);
}

void sim_record_disk(struct sim_disk *disk)
{
	struct sim_record header = {
		.kind = SIM_RECORD_DISK,
		.flags = disk->limits.write_cache ? SIM_RECORD_CACHE : 0,
		.sector = disk->sectors,
		.bytes = strlen(disk->name),
	};

	lockdep_assert_held(&sim_mutex);
	disk->record_number = next_disk++;
	header.disk = disk->record_number;
	append(&header, disk->name);
}

/* ---- commands: sim_mutex is held ---- */

static void record_base(struct sim_disk *disk)
{
	struct sim_record header = {
		.kind = SIM_RECORD_BASE, .sectors = SIM_SECTORS_PER_BLOCK,
		.bytes = SIM_BLOCK_SIZE, .disk = disk->record_number,
	};
	struct sim_block *block;
	unsigned long index;

	xa_for_each(&disk->store.blocks, index, block) {
		header.sector = (u64)index * SIM_SECTORS_PER_BLOCK;
		append(&header, block->data);
	}
}

/* Is everything on the disk durable, and nothing under way? */
static bool is_quiet(struct sim_disk *disk)
{
	unsigned long flags;
	bool quiet;

	spin_lock_irqsave(&disk->lock, flags);
	quiet = !disk->inflight_count && !sim_store_volatile_sectors(&disk->store);
	spin_unlock_irqrestore(&disk->lock, flags);
	if (!quiet)
		pr_notice("simdisk: %s is written or has volatile sectors: stop and flush it first\n",
			  disk->name);
	return quiet;
}

static int record_begin(size_t bytes)
{
	struct sim_disk *disk;
	u8 *fresh;

	fresh = vmalloc(bytes);
	if (!fresh)
		return -ENOMEM;
	mutex_lock(&buffer_mutex);
	vfree(buffer);
	spin_lock_irq(&record_lock);
	buffer = fresh;
	size = bytes;
	used = 0;
	events = 0;
	next_id = 1;
	next_disk = 0;
	state = RECORD_ON;
	spin_unlock_irq(&record_lock);
	mutex_unlock(&buffer_mutex);
	list_for_each_entry(disk, &sim_disks, link) {
		sim_record_disk(disk);
		record_base(disk);
	}
	return 0;
}

int sim_record_start(unsigned int mib)
{
	struct sim_disk *disk;

	lockdep_assert_held(&sim_mutex);
	if (!mib || mib > SIM_RECORD_MAX_MIB) {
		pr_notice("simdisk: a recording of %u MiB: use 1 to %u\n", mib, SIM_RECORD_MAX_MIB);
		return -EINVAL;
	}
	if (READ_ONCE(state) == RECORD_ON) {
		pr_notice("simdisk: a recording is running: stop it first\n");
		return -EBUSY;
	}
	list_for_each_entry(disk, &sim_disks, link)
		if (!is_quiet(disk))
			return -EBUSY;
	return record_begin((size_t)mib << 20);
}

int sim_record_stop(void)
{
	int ret = 0;

	spin_lock_irq(&record_lock);
	if (state == RECORD_FULL)
		ret = -ENOSPC;
	state = RECORD_OFF;
	spin_unlock_irq(&record_lock);
	return ret;
}

int sim_record_show(char *buf)
{
	static const char * const words[] = { "off", "on", "full" };

	return sysfs_emit(buf, "%s used=%zu size=%zu events=%llu\n", words[READ_ONCE(state)],
			  READ_ONCE(used), READ_ONCE(size), READ_ONCE(events));
}

/* ---- /dev/simdisk-record: read the log, write a mark ---- */

static ssize_t record_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	ssize_t ret;

	mutex_lock(&buffer_mutex);
	ret = simple_read_from_buffer(to, count, pos, buffer, READ_ONCE(used));
	mutex_unlock(&buffer_mutex);
	return ret;
}

static ssize_t record_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	struct sim_record header = { .kind = SIM_RECORD_MARK, .bytes = count };
	char text[SIM_RECORD_MARK_MAX];

	if (!count || count > sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	append(&header, text);
	if (READ_ONCE(state) == RECORD_FULL)
		return -ENOSPC;
	return count;
}

static const struct file_operations record_fops = {
	.owner = THIS_MODULE,
	.read = record_read,
	.write = record_write,
	.llseek = default_llseek,
};

static struct miscdevice record_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "simdisk-record",
	.fops = &record_fops,
	.mode = 0600,
};

int sim_record_init(void)
{
	return misc_register(&record_device);
}

void sim_record_exit(void)
{
	misc_deregister(&record_device);
	vfree(buffer);
}
