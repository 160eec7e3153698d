// SPDX-License-Identifier: GPL-2.0-only
/* The life of a pool's COW space, and its device. */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "core/args.h"
#include "cow_internal.h"
#include "leg.h"
#include "pool.h"
#include "reclaim.h"

#define MEMS_RESERVED	(4 * DRP_COW_PUT_MAX)

/* ---- nodes of the tree, for the core ---- */

static int store_get(void *ctx, u64 block, u64 seq, u32 level, const void **node)
{
	struct drp_cow *cow = ctx;

	return drp_cow_cache_get(cow->cache, block, seq, level, node);
}

static void store_put(void *ctx, const void *node)
{
	struct drp_cow *cow = ctx;

	drp_cow_cache_put(cow->cache, node);
}

static u64 store_alloc(void *ctx)
{
	struct drp_cow *cow = ctx;

	return drp_metadev_alloc(&cow->pool->md);
}

static int store_write(void *ctx, u64 block, const void *node)
{
	const struct drp_block_header *h = node;
	struct drp_cow *cow = ctx;
	const struct drp_io *io = &cow->pool->md.io;
	int r = io->ops->write(io->ctx, block, node, 1, false);

	if (r)
		drp_cow_cache_forget(cow->cache, block);
	else
		drp_cow_cache_add(cow->cache, block, le64_to_cpu(h->seq), le32_to_cpu(h->flags),
				  node);
	return r;
}

static void store_free(void *ctx, u64 block)
{
	struct drp_cow *cow = ctx;

	drp_metadev_free_replaced(&cow->pool->md, block);
}

static u64 store_next_seq(void *ctx)
{
	struct drp_cow *cow = ctx;

	return (u64)cow->pool->md.activation << 48 | ++cow->node_seq;
}

/* ---- the device ---- */

static struct page *page_of(const void *addr)
{
	return is_vmalloc_addr(addr) ? vmalloc_to_page(addr) : virt_to_page(addr);
}

int drp_cow_transfer(struct drp_cow *cow, sector_t sector, void *buf, u32 bytes, blk_opf_t opf)
{
	u8 *at = buf;
	int r = 0;

	while (bytes && !r) {
		u32 offset = offset_in_page(at), n = min_t(u32, bytes, PAGE_SIZE - offset);
		struct bio *bio = bio_alloc(cow->bdev, 1, opf, GFP_NOIO);

		bio->bi_iter.bi_sector = sector;
		__bio_add_page(bio, page_of(at), n, offset);
		r = submit_bio_wait(bio);
		bio_put(bio);
		at += n;
		sector += n >> SECTOR_SHIFT;
		bytes -= n;
	}
	return r;
}

static int read_label(struct drp_cow *cow, void *block)
{
	return drp_cow_transfer(cow, 0, block, DRP_BLOCK_BYTES, REQ_OP_READ);
}

int drp_cow_prove(struct drp_cow *cow)
{
	void *block;
	int r;

	if (likely(READ_ONCE(cow->proven)))
		return 0;
	block = kmalloc(DRP_BLOCK_BYTES, GFP_NOIO);
	if (!block)
		return -ENOMEM;
	r = read_label(cow, block);
	if (!r && drp_cow_label_check(block, &cow->pool->sb)) {
		DMERR_LIMIT("pool %s: the COW device is not the one of this pool", cow->pool->sb.name);
		r = -EUCLEAN;
	}
	kfree(block);
	if (r)
		return r;
	if (!xchg(&cow->proven, true) && cow->pool->active)
		DMINFO("pool %s: the COW device can be read again", cow->pool->sb.name);
	return 0;
}

bool drp_cow_is_proven(struct drp_cow *cow)
{
	if (likely(READ_ONCE(cow->proven)))
		return true;
	queue_work(cow->pool->op_wq, &cow->refill_work);
	return false;
}

/* New space takes a device that begins with zeroes, or any when told to format. */
static int check_new(struct drp_cow *cow, bool format, char **error)
{
	void *block = kmalloc(DRP_BLOCK_BYTES, GFP_KERNEL);
	int r;

	if (!block)
		return -ENOMEM;
	r = read_label(cow, block);
	if (r) {
		*error = "COW device cannot be read";
	} else if (!format && drp_cow_label_check(block, &cow->pool->sb) != -ENOENT) {
		*error = "COW device has foreign content: wipe its first 4 KiB, or use feature format";
		r = -EINVAL;
	}
	cow->proven = !r;
	kfree(block);
	return r;
}

/* A dead one concerns snapshots only: the pool can do without it. */
static int check_existing(struct drp_cow *cow, char **error)
{
	int r = drp_cow_prove(cow);

	if (r == -ENOMEM) {
		*error = "No memory for COW space";
		return r;
	}
	if (r == -EUCLEAN) {
		*error = "COW device is not the one of this pool: nothing was changed";
		return -EINVAL;
	}
	if (cow->pool->sb.cow_sectors >> cow->chunk_shift > cow->nr_slots) {
		*error = "COW device is smaller than it was";
		return -EINVAL;
	}
	if (r)
		DMERR("pool %s: the COW device cannot be read (error %d): until it can, snapshots show nothing of what they keep there, and nothing is preserved",
		      cow->pool->sb.name, r);
	return 0;
}

static int check_device(struct drp_cow *cow, bool format, char **error)
{
	if (bdev_logical_block_size(cow->bdev) > 1U << (cow->chunk_shift + SECTOR_SHIFT)) {
		*error = "COW device has logical blocks larger than a chunk";
		return -EINVAL;
	}
	if (cow->nr_slots < 16) {
		*error = "COW device is too small: 16 chunks at least";
		return -ENOSPC;
	}
	return cow->fresh ? check_new(cow, format, error) : check_existing(cow, error);
}

void drp_cow_fua_ended(struct drp_cow *cow, blk_status_t status)
{
	if (unlikely(status) && drp_fua_flushes(cow->bdev))
		drp_cow_flush_failed(cow);
}

/* ---- life ---- */

static struct drp_cow *alloc_cow(struct drp_pool *pool, struct block_device *bdev)
{
	struct drp_cow *cow = kzalloc(sizeof(*cow), GFP_KERNEL);

	if (!cow)
		return NULL;
	cow->pool = pool;
	cow->bdev = bdev;
	cow->chunk_shift = ilog2(pool->sb.chunk_sectors);
	cow->nr_slots = min_t(u64, bdev_nr_sectors(bdev) >> cow->chunk_shift, DRP_COW_SLOT_MAX);
	cow->fresh = !(pool->sb.incompat & DRP_INCOMPAT_COW);
	cow->store = (struct drp_cow_store){
		.get = store_get,
		.put = store_put,
		.alloc = store_alloc,
		.write = store_write,
		.free = store_free,
		.next_seq = store_next_seq,
		.ctx = cow,
		.nonce = pool->sb.nonce,
	};
	init_rwsem(&cow->tree_sem);
	spin_lock_init(&cow->lock);
	cow->recent = RB_ROOT;
	cow->frozen = RB_ROOT;
	INIT_LIST_HEAD(&cow->unconfirmed);
	INIT_LIST_HEAD(&cow->freed);
	xa_init_flags(&cow->taken, XA_FLAGS_LOCK_IRQ);
	mutex_init(&cow->clear_lock);
	INIT_WORK(&cow->refill_work, drp_cow_refill_work);
	init_waitqueue_head(&cow->refilled);
	return cow;
}

static int alloc_parts(struct drp_cow *cow, char **error)
{
	*error = "No memory for COW space";
	cow->mem_pool = mempool_create_kmalloc_pool(MEMS_RESERVED, sizeof(struct drp_cow_mem));
	cow->cache = drp_cow_cache_create(&cow->pool->md);
	cow->flush = drp_flush_alloc();
	if (!cow->mem_pool || !cow->cache || !cow->flush)
		return -ENOMEM;
	drp_cow_set_memory(cow, 0);
	/* What its device has more, drp_cow_grow() adds when all other planes have their room. */
	if (!cow->fresh)
		cow->nr_slots = cow->pool->sb.cow_sectors >> cow->chunk_shift;
	cow->slots = drp_plane_create(&cow->pool->md, DRP_COW_PLANE_ID, DRP_PLANE_SLOTS,
				      cow->nr_slots, false);
	if (IS_ERR(cow->slots)) {
		*error = "Metadata device has no room for the map of the COW device";
		return PTR_ERR(cow->slots);
	}
	if (!cow->slots)
		return -ENOMEM;
	*error = NULL;
	return 0;
}

static void free_cow(struct drp_cow *cow)
{
	struct drp_cow_freed *f, *next;

	drp_cow_mems_free(cow, &cow->recent);
	drp_cow_mems_free(cow, &cow->frozen);
	list_for_each_entry_safe(f, next, &cow->freed, node)
		kfree(f);
	xa_destroy(&cow->taken);
	drp_plane_destroy(cow->slots);
	drp_metadev_unreserve(&cow->pool->md, cow->nodes_reserved);
	drp_cow_cache_destroy(cow->cache);
	mempool_destroy(cow->mem_pool);
	drp_flush_put(cow->flush);
	if (!IS_ERR_OR_NULL(cow->held_bdev))
		drp_bdev_release(cow->held_bdev);
	kfree(cow);
}

int drp_cow_open(struct drp_pool *pool, struct block_device *bdev,
		 const struct drp_pool_args *args, char **error)
{
	struct drp_cow *cow = alloc_cow(pool, bdev);
	int r;

	if (!cow) {
		*error = "No memory for COW space";
		return -ENOMEM;
	}
	r = check_device(cow, args->format, error);
	if (!r)
		r = alloc_parts(cow, error);
	if (!r) {
		/* The table that brought it may go before the pool does. */
		cow->held_bdev = drp_bdev_hold(bdev);
		r = PTR_ERR_OR_ZERO(cow->held_bdev);
	}
	if (r) {
		free_cow(cow);
		return r;
	}
	pool->sb.incompat |= DRP_INCOMPAT_COW;
	pool->sb.cow_sectors = cow->nr_slots << cow->chunk_shift;
	if (args->cow_identity && cow->proven)
		strscpy(pool->sb.cow_identity, args->cow_identity, sizeof(pool->sb.cow_identity));
	pool->cow = cow;
	r = drp_reclaim_init(pool);
	if (r)
		*error = "No memory for COW space";
	return r;
}

void drp_cow_close(struct drp_pool *pool)
{
	if (!pool->cow)
		return;
	cancel_work_sync(&pool->cow->refill_work);
	wait_var_event(&pool->cow->flushes, !atomic_read(&pool->cow->flushes));
	free_cow(pool->cow);
	pool->cow = NULL;
}

int drp_cow_activate(struct drp_pool *pool)
{
	struct drp_cow *cow = pool->cow;
	void *block;
	int r;

	if (!cow)
		return 0;
	drp_plane_set(cow->slots, 0, 1);	/* the label's */
	if (!cow->fresh)
		return 0;
	block = kmalloc(DRP_BLOCK_BYTES, GFP_NOIO);
	if (!block)
		return -ENOMEM;
	drp_cow_label_encode(&pool->sb, block);
	r = drp_cow_transfer(cow, 0, block, DRP_BLOCK_BYTES,
			     REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH | REQ_FUA);
	kfree(block);
	if (!r)
		cow->fresh = false;
	return r;
}

bool drp_cow_grow(struct drp_pool *pool)
{
	struct drp_cow *cow = pool->cow;
	u64 slots;
	int r;

	if (!cow || !READ_ONCE(cow->proven))
		return false;
	slots = min_t(u64, bdev_nr_sectors(cow->bdev) >> cow->chunk_shift, DRP_COW_SLOT_MAX);
	if (slots <= cow->nr_slots)
		return false;
	/* A checkpoint writes plane and superblock; it may say less, never more. */
	mutex_lock(&pool->checkpoint_lock);
	r = drp_plane_resize(cow->slots, slots, false);
	if (!r) {
		spin_lock_irq(&cow->lock);
		cow->nr_slots = slots;
		cow->full = false;
		spin_unlock_irq(&cow->lock);
		pool->sb.cow_sectors = slots << cow->chunk_shift;
	}
	mutex_unlock(&pool->checkpoint_lock);
	if (r == -ENOMEM)
		DMWARN("pool %s: no memory for more COW space: suspend and resume the pool again",
		       pool->sb.name);
	else if (r)
		DMWARN("pool %s: COW space stays at %llu chunks, although its device has room for %llu: the metadata device has no room for the map of more",
		       pool->sb.name, cow->nr_slots, slots);
	return !r;
}

void drp_cow_set_memory(struct drp_cow *cow, u32 mib)
{
	const u64 max = (u64)(mib ?: DRP_COW_MEMORY_DEFAULT) << 20;
	const u64 mems = min(max / 2 / DRP_COW_MEM_BYTES, 4ULL * DRP_COW_RECENT_MAX);

	WRITE_ONCE(cow->memory_max, max);
	WRITE_ONCE(cow->mems_max, mems);
	/* While one is under way as many again may come. */
	WRITE_ONCE(cow->recent_max, min(mems * 3 / 8, (u64)DRP_COW_RECENT_MAX));
	drp_cow_cache_limit(cow->cache, max - mems * DRP_COW_MEM_BYTES);
}

void drp_cow_space(struct drp_cow *cow, struct drp_cow_space *space)
{
	u64 used = drp_plane_count(cow->slots);

	spin_lock_irq(&cow->lock);
	space->chunk_bytes = 1ULL << (cow->chunk_shift + SECTOR_SHIFT);
	space->slots = cow->nr_slots - 1;
	space->used = used ? used - 1 : 0;
	space->entries = cow->root.entries + cow->nr_recent + cow->nr_frozen;
	space->nodes = cow->root.nodes;
	space->max_nodes = __drp_cow_max_nodes(cow);
	space->under_way = cow->nr_recent + cow->nr_frozen;
	spin_unlock_irq(&cow->lock);
	space->index_bytes = drp_cow_cache_bytes(cow->cache) +
			     atomic64_read(&cow->nr_mems) * DRP_COW_MEM_BYTES;
	space->index_max_bytes = READ_ONCE(cow->memory_max);
	space->memory_bytes = space->index_bytes + drp_plane_memory(cow->slots);
	space->memory_max_bytes = space->index_max_bytes + drp_plane_memory_max(cow->slots);
}
