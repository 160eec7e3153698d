/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * simdisk: RAM disks with modelled latency, a volatile write cache, exact
 * counters, error injection and power failure, for tests and benchmarks.
 */
#ifndef SIMDISK_H
#define SIMDISK_H

#include <linux/blk-mq.h>
#include <linux/hrtimer.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "simdisk_compat.h"

#define SIM_BLOCK_SHIFT		12
#define SIM_BLOCK_SIZE		(1U << SIM_BLOCK_SHIFT)
#define SIM_SECTORS_PER_BLOCK	(SIM_BLOCK_SIZE >> SECTOR_SHIFT)
#define SIM_MAX_CHANNELS	64
#define SIM_MAX_FAIL_RANGES	8
#define SIM_FAIL_AFTER_OFF	(-1LL)

/* How a power failure treats what was written but not flushed. */
enum sim_loss {
	SIM_LOSS_ANY,		/* the seed chooses one of the others */
	SIM_LOSS_KEEP,		/* the whole cache happened to be destaged */
	SIM_LOSS_DROP,		/* nothing of the cache was destaged */
	SIM_LOSS_SECTORS,	/* each sector by itself */
	SIM_LOSS_RUNS,		/* runs of sectors together */
	SIM_LOSS_FEW,		/* one sector in eight lost */
	SIM_LOSS_MOST,		/* seven sectors in eight lost */
	SIM_LOSS_COUNT,
};

/* The older, durable content of a block that has volatile sectors. */
struct sim_shadow {
	struct list_head link;		/* sim_store.volatile_blocks or .spare */
	struct sim_block *block;
	u8 volatile_mask;		/* sectors whose content is volatile */
	u64 stamp[SIM_SECTORS_PER_BLOCK];	/* epoch of the volatile write */
	u8 *durable;			/* valid for the sectors in the mask */
};

struct sim_block {
	u8 *data;
	struct sim_shadow *shadow;	/* NULL: all of data is durable */
	unsigned long index;
	bool unmap;			/* discarded as a whole: free when durable */
};

/* Content of one disk. Everything is protected by sim_disk.lock. */
struct sim_store {
	struct xarray blocks;
	struct list_head volatile_blocks;
	struct list_head spare;		/* shadows kept for reuse */
	unsigned int spare_count;
	unsigned int flushes_running;
	u64 epoch;			/* of writes completed from now on */
	u64 allocated;			/* blocks */
	u64 early_durable;		/* sectors made durable for want of memory */
	bool track;
};

struct sim_stats {
	u64 reads, read_sectors;
	u64 writes, write_sectors;
	u64 flushes, fua;
	u64 discards, discard_sectors;
	u64 write_zeroes, write_zeroes_sectors;
	u64 errors;
	u64 max_inflight;
};

struct sim_latency {
	u32 read_us, write_us, flush_us, fua_us, discard_us;
	u32 ns_per_kib;
};

struct sim_fail_range {
	sector_t start, end;		/* end is exclusive */
	bool reads, writes;
};

struct sim_faults {
	bool fail_reads, fail_writes, fail_flushes, fail_discards;
	bool hang, offline;
	bool lose_unflushed;		/* a flush that fails drops the cache */
	s64 fail_after;			/* requests left, SIM_FAIL_AFTER_OFF */
	s64 fail_written;		/* writes left, the same */
	unsigned int ranges;
	struct sim_fail_range range[SIM_MAX_FAIL_RANGES];
};

/* A channel serves one request at a time, in the order they were given. */
struct sim_channel {
	struct hrtimer timer;
	struct list_head queue;
	ktime_t free_at;
	struct sim_disk *disk;
};

struct sim_disk {
	char name[DISK_NAME_LEN];
	u64 name_hash;
	struct gendisk *gd;
	struct blk_mq_tag_set tag_set;
	struct sim_limits limits;
	u64 sectors;
	u32 record_number;		/* in the recording; under sim_mutex */
	struct list_head link;		/* sim_disks, under sim_mutex */
	struct kobject kobj;

	spinlock_t lock;		/* all below; taken in hard interrupts */
	struct sim_store store;
	struct sim_stats stats;
	struct sim_latency latency;
	struct sim_faults faults;
	struct list_head inflight;	/* every admitted request, oldest first */
	struct list_head held;		/* those kept back by faults.hang */
	unsigned int inflight_count;
	unsigned int channels;
	struct sim_channel channel[SIM_MAX_CHANNELS];
};

/* Driver part of a request. */
struct sim_cmd {
	struct list_head inflight;	/* sim_disk.inflight */
	struct list_head queue;		/* a channel, held, or a list of done */
	ktime_t end;
	u64 flush_epoch;
	u64 record_id;			/* 0: not recorded */
	unsigned int alloc_retries;
	blk_status_t status;
};

/* What `add` was asked for. */
struct sim_disk_options {
	const char *name;
	u64 sectors;
	unsigned int logical_block_size;
	unsigned int max_sectors;
	unsigned int channels;
	bool write_cache, fua, discard, track;
};

extern struct list_head sim_disks;
extern struct mutex sim_mutex;		/* sim_disks, and power commands */
extern struct kobject *sim_root;
extern const struct blk_mq_ops sim_mq_ops;
extern const struct kobj_type sim_disk_ktype;

/* disk.c: process context, sim_mutex held. Errors are logged by name. */
int sim_disk_add(const struct sim_disk_options *options);
int sim_disk_remove(struct sim_disk *disk);
struct sim_disk *sim_disk_find(const char *name);

/* queue.c */
void sim_channels_init(struct sim_disk *disk);
/* Stops the channels' timers; no request may be in flight. May sleep. */
void sim_channels_stop(struct sim_disk *disk);
/* Gives the requests that hang kept back to the channels. Any context. */
void sim_release_held(struct sim_disk *disk);
/*
 * Applies a power failure to the disk: decides what survives, fails every
 * request in flight. The power is off already. Process context, sim_mutex.
 */
void sim_disk_cut(struct sim_disk *disk, u64 seed, enum sim_loss loss);

/* store.c: the disk's lock is held unless another rule is given. */
void sim_store_init(struct sim_store *store, bool track);
/* Frees everything; the disk is gone, no lock needed. May sleep. */
void sim_store_destroy(struct sim_store *store);
/* Makes the blocks of a range exist. -ENOMEM when there is no memory now. */
int sim_store_prepare(struct sim_store *store, sector_t sector,
		      unsigned int bytes);
void sim_store_read(struct sim_store *store, struct request *rq);
/* -ENOMEM when a block vanished by a concurrent discard and memory is out. */
int sim_store_write(struct sim_store *store, struct request *rq, bool durable);
void sim_store_zero(struct sim_store *store, sector_t sector, u64 sectors,
		    bool durable, bool unmap);
/* Returns the epoch to give to sim_store_flush_end(). */
u64 sim_store_flush_begin(struct sim_store *store);
/* Makes durable what was complete at flush_begin; failed flushes do not. */
void sim_store_flush_end(struct sim_store *store, u64 epoch, bool failed);
/* Makes everything durable, as when tracking is switched off. */
void sim_store_commit_all(struct sim_store *store);
unsigned int sim_store_volatile_sectors(struct sim_store *store);
/*
 * Rolls back the volatile sectors that key and loss say, keeps the others.
 * Handles at most a batch of blocks; returns true while there are more.
 */
bool sim_store_lose(struct sim_store *store, u64 key, enum sim_loss loss);
/* Applies a part, torn at sectors, of a request that was in flight. */
void sim_store_tear(struct sim_store *store, struct request *rq, u64 key);

/*
 * record.c. Arrival and end of a request: the disk's lock is held, any context.
 * Those that change nothing, or failed before they began, are not recorded.
 */
void sim_record_arrival(struct sim_disk *disk, struct sim_cmd *cmd);
void sim_record_end(struct sim_disk *disk, struct sim_cmd *cmd);
/* A new disk, before it takes requests; sim_mutex held, as for the next two. */
void sim_record_disk(struct sim_disk *disk);
/* -EBUSY while one runs, or a disk is written or has volatile sectors. */
int sim_record_start(unsigned int mib);
/* The log stays until the next start. -ENOSPC: it did not fit. */
int sim_record_stop(void);
int sim_record_show(char *buf);
int sim_record_init(void);
void sim_record_exit(void);

/* power.c */
bool sim_power_off(void);
/* Counts one write for power-fail-after; may switch the power off. */
void sim_power_count_write(void);
int sim_power_fail(u64 seed, enum sim_loss loss);
int sim_power_fail_after(u64 writes, u64 seed, enum sim_loss loss);
int sim_power_fail_in_us(u64 us, u64 seed, enum sim_loss loss);
/* Finishes a failure under way, then lets the disks work again. */
void sim_power_rearm(void);
const char *sim_power_state(void);
int sim_loss_parse(const char *word, enum sim_loss *loss);
void sim_power_init(void);
void sim_power_exit(void);
u64 sim_mix(u64 value);

#endif
