/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * COW space of a pool: slots of one chunk each on the COW device, and the index
 * of what they hold (core/cow.h). Three layers answer a search: what was
 * committed since the last checkpoint began (recent), what the checkpoint under
 * way merges (frozen), and the tree. A slot is handed out by drp_cow_alloc(),
 * belongs to an entry once that is committed, and comes back when the commit
 * that deleted the entry is durable. Contract rule 2.
 */
#ifndef DRP_COW_H
#define DRP_COW_H

#include <linux/mempool.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "committer.h"
#include "core/cow.h"
#include "plane.h"

struct drp_pool;
struct drp_pool_args;
struct drp_cow_cache;
struct drp_cow_put;
struct drp_flush;

#define DRP_COW_RECENT_MAX	65536		/* entries until a checkpoint is asked for, at most */
#define DRP_COW_READY_SLOTS	1024		/* free slots at hand */

struct drp_cow {
	/* fixed while the pool lives */
	struct drp_pool *pool;
	struct block_device *bdev;
	unsigned int chunk_shift;	/* log2 of sectors */
	struct drp_cow_store store;
	struct drp_cow_cache *cache;
	struct drp_flush *flush;	/* for when there is no memory for another: see leg.h */
	mempool_t *mem_pool;		/* reserve of struct drp_cow_mem: comes back with checkpoints */
	void *held_bdev;		/* our own hold on the device */
	bool fresh;			/* new space: no label yet */
	bool proven;			/* the label was seen; set once, by drp_cow_prove() */

	struct rw_semaphore tree_sem;	/* read: searches, held over reads of nodes; write: the root changes, memory only */
	struct drp_cow_root root;	/* under tree_sem; its counts under lock, too */
	struct drp_cow_root next_root;	/* of the checkpoint under way */
	u64 node_seq;			/* under checkpoint_lock: counts nodes written since activation */

	/* drp_cow_set_memory(); read by anybody */
	u64 memory_max;			/* bytes of nodes and entries */
	u64 mems_max;			/* of that, entries that are not in the tree yet */
	u64 recent_max;			/* how many of them make a checkpoint due */
	atomic64_t nr_mems;		/* there are, or are promised to a put */

	struct drp_plane_map *slots;	/* used ones, as committed; has its own lock */

	spinlock_t lock;		/* irq-safe; protects what follows */
	struct rb_root recent, frozen;	/* struct drp_cow_mem by key; frozen changes under tree_sem, too */
	u64 nr_recent, nr_frozen;
	struct list_head unconfirmed;	/* puts whose data is still being written, in the order of their commits */
	u64 nr_slots;			/* of the device; grows */
	u64 nr_taken;			/* handed out, not in entries yet */
	u64 ready[DRP_COW_READY_SLOTS];	/* found by the refill, ascending; the next one is the last */
	u32 nr_ready;
	u64 cursor;			/* where the refill goes on looking */
	bool full;			/* the last refill found nothing */
	bool short_of_nodes;		/* because the index has no room for more before the next checkpoint */
	bool has_bad;			/* taken has slots that took no data */
	u64 nodes_reserved;		/* metadata blocks promised to the tree */
	struct list_head freed;		/* struct drp_cow_freed: to be cleared in slots */

	struct xarray taken;		/* slots that are ready, handed out, or bad; own lock, inside of lock */
	struct mutex clear_lock;	/* one who clears; held over reads of pages */
	struct work_struct refill_work;	/* on op_wq */
	wait_queue_head_t refilled;
	atomic64_t refills;		/* that ended */

	atomic_t lost_flushes;		/* see drp_cow_flush_failed() */
	atomic_t flushes;		/* of ours that are with the device */

	/* used slots, and nodes of the index, from which pool->watch_work is due; racy */
	u64 watch_at, watch_nodes_at;
};

/* ---- life ---- */

/*
 * COW space of @pool on @bdev, as the superblock in memory says (without the COW
 * bit: new space, and the bit and its fields are set): device checked against
 * its label, nothing written. One of which the label cannot be read now is taken
 * all the same: see drp_cow_prove(). @args: format, cow_identity. 0 (pool->cow is
 * set) or a negative errno and *@error. Sleeps.
 */
int drp_cow_open(struct drp_pool *pool, struct block_device *bdev,
		 const struct drp_pool_args *args, char **error);
void drp_cow_close(struct drp_pool *pool);

/*
 * Is the device the one with the pool's label? Until this was answered with 0
 * once, nothing of it is shown and no slot handed out, for it may be another one.
 * 0, -EUCLEAN: it is another one, -ENOMEM, or the error of reading it. Sleeps; no
 * lock that its reads wait for.
 */
int drp_cow_prove(struct drp_cow *cow);
/* The same without sleeping; false: not that anybody knows, but somebody looks soon. Any context. */
bool drp_cow_is_proven(struct drp_cow *cow);

/*
 * A FLUSH of the device failed, and what hosts of snapshots had written in place
 * may be gone with its cache: the next FLUSH of each of them fails, too. Any context.
 */
static inline void drp_cow_flush_failed(struct drp_cow *cow)
{
	atomic_inc(&cow->lost_flushes);
}
/* The same if a FUA write failed, which may have been one with a FLUSH behind it. Any context. */
void drp_cow_fua_ended(struct drp_cow *cow, blk_status_t status);

/* First resume: the label, if the space is new. Before the superblock that has the COW bit. 0 or -errno. Sleeps. */
int drp_cow_activate(struct drp_pool *pool);
/*
 * Its device may have grown: use that, too. Without memory or metadata for more it
 * stays as it is, and the log says so. True: a checkpoint must follow before
 * anybody writes, for a load knows the size from the superblock only. op_lock
 * held, no I/O of elements. Sleeps.
 */
bool drp_cow_grow(struct drp_pool *pool);

/*
 * Nodes and entries of the index may have @mib MiB of memory (0: the default).
 * What is more goes with its last user, or with the next checkpoint. Sleeps not.
 */
void drp_cow_set_memory(struct drp_cow *cow, u32 mib);

/* ---- load (in the order of the log) and checkpoint ---- */

int drp_cow_load_root(struct drp_cow *cow, const struct drp_cow_root *root);
int drp_cow_load_put(struct drp_cow *cow, const struct drp_cow_entry *entry, u64 commit_seq);
int drp_cow_load_del(struct drp_cow *cow, const struct drp_cow_key *key);
/*
 * The log is over: entries of commits behind @confirmed are compared with their
 * data, those that differ dropped. So are those whose data cannot be read, after
 * @lost has said (0) that nobody relies any more on generations behind @above, up
 * to that of @entry, of its element. 0, -ENOMEM, or what @lost or the index says.
 */
typedef int drp_cow_lost_fn(struct drp_pool *pool, const struct drp_cow_entry *entry, u64 above);
int drp_cow_load_end(struct drp_cow *cow, u64 confirmed, drp_cow_lost_fn *lost);

/*
 * Around a checkpoint, which is one at a time. freeze: under ring_lock, with the
 * cut; what was committed before it is in frozen. merge: into the tree; sleeps
 * for I/O. 0 or -errno. thaw: the new tree counts (@ok), or what was frozen is
 * recent again.
 */
void drp_cow_freeze(struct drp_cow *cow);
int drp_cow_merge_frozen(struct drp_cow *cow);
void drp_cow_thaw(struct drp_cow *cow, bool ok);

/* The highest commit up to which all preserved data is durable, when commit @seq is built. Under ring_lock. */
u64 drp_cow_confirmed(struct drp_cow *cow, u64 seq);
/* The cut of a checkpoint must not pass what is not confirmed. Under ring_lock. */
struct drp_cut drp_cow_limit_cut(struct drp_cow *cow, struct drp_cut cut);
/* Has anything changed since the last checkpoint? Any context. */
bool drp_cow_dirty(struct drp_cow *cow);
/* Are there so many that the next one is due for their memory, or for room in the index? Any context. */
bool drp_cow_crowded(struct drp_cow *cow);
/* Does anybody wait for room that only the next one can show? Any context. */
bool drp_cow_short_of_nodes(struct drp_cow *cow);

/* ---- slots ---- */

/*
 * @n slots, not necessarily adjacent but adjacent ones in ascending order: how
 * many, which is less than @n only when these are the last ones; -EAGAIN: not at
 * hand, wait for drp_cow_wait_slots() or park (none ever is while the device is
 * not proven); -ENOSPC: none is free, or the index is full. Any context.
 */
int drp_cow_alloc(struct drp_cow *cow, u64 *slots, u32 n);
/*
 * Are @n slots to be had that nobody will miss: more are at hand, what is used and
 * handed out, and the index, stay below @percent, and no checkpoint is behind? Any context.
 */
bool drp_cow_can_spare(struct drp_cow *cow, u32 n, u32 percent);
/* Slots that no entry names and no I/O uses any more. Any context. */
void drp_cow_release(struct drp_cow *cow, const u64 *slots, u32 n);
/* The same of slots that took no data: they are handed out again when there are no others. Any context. */
void drp_cow_release_bad(struct drp_cow *cow, const u64 *slots, u32 n);
/* Wait until drp_cow_alloc() is worth another try: a refill is over. Sleeps. */
void drp_cow_wait_slots(struct drp_cow *cow);
static inline sector_t drp_cow_sector(const struct drp_cow *cow, u64 slot)
{
	return slot << cow->chunk_shift;
}

/* ---- entries ---- */

struct drp_cow_mem {
	struct rb_node node;
	struct drp_cow_mod mod;
	bool hidden;			/* its data is still being written: nobody finds it */
	u64 seq;			/* during load: of its commit */
};

#define DRP_COW_MEM_BYTES	96	/* that the allocator takes for one */
static_assert(sizeof(struct drp_cow_mem) <= DRP_COW_MEM_BYTES);

#define DRP_COW_PUT_MAX	64	/* entries of one put */

/*
 * Entries that become known together. The caller fills cow and n, takes their
 * memory with drp_cow_put_prepare(), fills entries and ended, and submits; @ended is
 * called (any context, no locks) when the commit is durable (0) or has failed:
 * then the entries are not there, and the slots still the caller's unless
 * put->lost says that they are given up. It may free the put.
 *
 * Preserved entries may be submitted while their data is being written (FUA);
 * the caller says drp_cow_put_confirm() when all of it is durable, or
 * drp_cow_put_abandon() when it failed: then the entries are deleted again
 * (committed before @ended(-EIO) is called). The put counts as ended only after
 * both. Private entries are submitted when their data is durable.
 */
struct drp_cow_put {
	struct drp_commit_req req;
	struct drp_cow *cow;
	u32 n;
	bool parallel;			/* confirm or abandon will be called */
	struct drp_cow_entry entries[DRP_COW_PUT_MAX];
	void (*ended)(struct drp_cow_put *put, int error);
	/* of cow_index.c */
	struct drp_cow_mem *mems[DRP_COW_PUT_MAX];
	struct list_head node;		/* in cow->unconfirmed */
	u64 seq, at;			/* of its commit: sequence (0: not built yet) and place in the ring */
	int data;			/* 0: being written, 1: durable, negative: failed */
	bool committed;			/* its commit has come to an end */
	bool landed;			/* its entries are there */
	bool lost;			/* abandoned, or its commit failed: the slots are not the caller's, nor anybody's */
	u32 len;
	u8 records[DRP_COW_PUT_MAX * 56];
};

/* Memory for its entries: 0 or -ENOMEM (no reserve or no room left: a checkpoint gives it back). @gfp GFP_NOWAIT, with __GFP_NOMEMALLOC without the reserve, or GFP_NOIO. */
int drp_cow_put_prepare(struct drp_cow_put *put, gfp_t gfp);
/* A prepared put that is not submitted after all. Any context. */
void drp_cow_put_cancel(struct drp_cow_put *put);
/* A prepared put that has only its first @n entries after all. Any context. */
void drp_cow_put_shrink(struct drp_cow_put *put, u32 n);
void drp_cow_put_submit(struct drp_cow_put *put);
/*
 * The same in two steps: between them its data may come to an end. @here: as
 * drp_commit_submit_here(), with its context.
 */
void drp_cow_put_begin(struct drp_cow_put *put);
void drp_cow_put_commit(struct drp_cow_put *put, bool here);
void drp_cow_put_confirm(struct drp_cow_put *put);
void drp_cow_put_abandon(struct drp_cow_put *put, int error);

/* ---- searches: 1 and @entry, 0: none, -errno. Sleep for nodes that are not in memory. ---- */

/* For who goes to the slot that is found: -EIO if its device is not proven. */

/* Oldest entry of the chunk with generation >= @from. */
int drp_cow_find_preserved(struct drp_cow *cow, u64 element, u64 chunk, u64 from,
			   struct drp_cow_entry *entry);
/* Newest entry of the chunk with generation < @below. */
int drp_cow_find_private(struct drp_cow *cow, u64 element, u64 chunk, u64 below,
			 struct drp_cow_entry *entry);
/* The next entry at or behind @key, of any element, whatever the device is. */
int drp_cow_next(struct drp_cow *cow, const struct drp_cow_key *key, struct drp_cow_entry *entry);

/* ---- deletion ---- */

/*
 * Delete up to DRP_COW_DEL_MAX entries in one commit; their slots are free when
 * it is durable. See drp_checkpoint_make_room(). Nobody reads them any more. 0 or -EIO, -ENOMEM. Sleeps.
 */
#define DRP_COW_DEL_MAX	256
/* They take memory until a checkpoint has done them. Is there room for @n? Any context. */
bool drp_cow_has_room(struct drp_cow *cow, u32 n);
int drp_cow_delete(struct drp_cow *cow, const struct drp_cow_entry *entries, u32 n);

/* ---- space ---- */

struct drp_cow_space {
	u64 chunk_bytes;
	u64 slots, used;		/* without the label */
	u64 entries;
	u64 nodes, max_nodes;		/* of the index, as of the last checkpoint, and with which it is full */
	u64 under_way;			/* entries that came or went since then */
	u64 index_bytes, index_max_bytes;	/* memory of the index, and what it may have */
	u64 memory_bytes, memory_max_bytes;	/* with that */
};
void drp_cow_space(struct drp_cow *cow, struct drp_cow_space *space);
/* Can anything be kept? What room has been found for already may be used all the same. Pure. */
static inline bool drp_cow_space_left(const struct drp_cow_space *space)
{
	return space->used < space->slots && space->nodes < space->max_nodes;
}
/*
 * Run pool->watch_work once when more than @used slots are used, or when some have
 * come back and others are taken; or when the index has come to @nodes nodes. Any context.
 */
void drp_cow_watch(struct drp_cow *cow, u64 used, u64 nodes);

#endif /* DRP_COW_H */
