// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block I/O on the metadata device: synchronous, with own bios from an own
 * bioset, so that it makes progress when memory is short. Which blocks are free
 * is the business of metadev_blocks.c.
 */
#define pr_fmt(fmt) "dm-replica: " fmt

#include <linux/bio.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "metadev.h"

#define BLOCK_SECTORS_SHIFT	3
#define BIOS_RESERVED		4
#define BLOCKS_PER_BIO		64U	/* far below BIO_MAX_VECS, for any alignment of the buffer */

static struct page *page_of(const void *addr)
{
	return is_vmalloc_addr(addr) ? vmalloc_to_page(addr) : virt_to_page(addr);
}

static void bio_add_buffer(struct bio *bio, u8 *buf, u32 bytes)
{
	while (bytes) {
		u32 offset = offset_in_page(buf);
		u32 len = min_t(u32, bytes, PAGE_SIZE - offset);

		/* cannot fail: the bio was made with a vector for each page */
		__bio_add_page(bio, page_of(buf), len, offset);
		buf += len;
		bytes -= len;
	}
}

static int transfer_one(struct drp_metadev *md, u64 block, u8 *buf, u32 nr_blocks, blk_opf_t opf)
{
	u32 bytes = nr_blocks * DRP_BLOCK_BYTES;
	u32 vecs = DIV_ROUND_UP(offset_in_page(buf) + bytes, PAGE_SIZE);
	bool vmapped = is_vmalloc_addr(buf);
	struct bio *bio;
	int err;

	bio = bio_alloc_bioset(md->bdev, vecs, opf, GFP_NOIO, md->bios);
	bio->bi_iter.bi_sector = block << BLOCK_SECTORS_SHIFT;
	bio_add_buffer(bio, buf, bytes);
	if (vmapped && op_is_write(opf))
		flush_kernel_vmap_range(buf, bytes);
	err = submit_bio_wait(bio);
	if (vmapped && !op_is_write(opf))
		invalidate_kernel_vmap_range(buf, bytes);
	bio_put(bio);
	return err;
}

static int transfer(struct drp_metadev *md, u64 block, u8 *buf, u32 nr_blocks, blk_opf_t opf)
{
	const char *verb = op_is_write(opf) ? "write" : "read";
	int err = 0;

	if (block >= md->device_blocks || nr_blocks > md->device_blocks - block) {
		pr_err_ratelimited("%pg: %s of metadata block %llu + %u is behind its end at %llu; give the pool its device in full size\n",
				   md->bdev, verb, block, nr_blocks, md->device_blocks);
		return -EIO;
	}
	while (nr_blocks && !err) {
		u32 n = min(nr_blocks, BLOCKS_PER_BIO);

		err = transfer_one(md, block, buf, n, opf);
		if (err)
			pr_err_ratelimited("%pg: %s of metadata block %llu + %u failed: %d; repair the device, then the pool\n",
					   md->bdev, verb, block, n, err);
		block += n;
		buf += n * DRP_BLOCK_BYTES;
		nr_blocks -= n;
	}
	return err;
}

static int metadev_read(void *ctx, u64 block, void *buf, u32 nr_blocks)
{
	struct drp_metadev *md = ctx;

	atomic64_inc(&md->reads);
	return transfer(md, block, buf, nr_blocks, REQ_OP_READ | REQ_SYNC | REQ_META);
}

static int metadev_write(void *ctx, u64 block, const void *buf, u32 nr_blocks, bool fua)
{
	struct drp_metadev *md = ctx;
	blk_opf_t opf = REQ_OP_WRITE | REQ_SYNC | REQ_META;

	if (fua)
		opf |= REQ_FUA;
	atomic64_inc(&md->writes);
	return transfer(md, block, (u8 *)buf, nr_blocks, opf);
}

/* blkdev_issue_flush() would take its bio from the bioset that all file systems share. */
static int metadev_flush(void *ctx)
{
	struct drp_metadev *md = ctx;
	struct bio *bio;
	int err;

	atomic64_inc(&md->flushes);
	bio = bio_alloc_bioset(md->bdev, 0, REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC, GFP_NOIO,
			       md->bios);
	err = submit_bio_wait(bio);
	bio_put(bio);
	if (err)
		pr_err_ratelimited("%pg: flush of the metadata failed: %d; repair the device, then the pool\n",
				   md->bdev, err);
	return err;
}

static const struct drp_io_ops metadev_ops = {
	.read	= metadev_read,
	.write	= metadev_write,
	.flush	= metadev_flush,
};

int drp_metadev_init(struct drp_metadev *md, struct block_device *bdev)
{
	int err;

	memset(md, 0, sizeof(*md));
	spin_lock_init(&md->lock);
	if (bdev_logical_block_size(bdev) > DRP_BLOCK_BYTES) {
		pr_err("%pg: logical blocks of %u bytes are too large for metadata; use a device with at most %u\n",
		       bdev, bdev_logical_block_size(bdev), DRP_BLOCK_BYTES);
		return -EINVAL;
	}
	md->bios = kzalloc(sizeof(*md->bios), GFP_KERNEL);
	if (!md->bios)
		return -ENOMEM;
	err = bioset_init(md->bios, BIOS_RESERVED, 0, BIOSET_NEED_BVECS);
	if (err) {
		kfree(md->bios);
		md->bios = NULL;
		return err;
	}
	md->bdev = bdev;
	md->io.ops = &metadev_ops;
	md->io.ctx = md;
	md->device_blocks = (u64)bdev_nr_bytes(bdev) / DRP_BLOCK_BYTES;
	md->memory_max = DRP_METADEV_MEMORY_MAX;
	return 0;
}

void drp_metadev_exit(struct drp_metadev *md)
{
	drp_metadev_unbind_super(md);
	if (!md->bios)
		return;
	bioset_exit(md->bios);
	kfree(md->bios);
	md->bios = NULL;
}
