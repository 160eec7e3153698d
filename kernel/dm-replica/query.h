/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What front ends may see of the objects: copies, taken under short locks.
 * Nothing here waits for I/O. All in process context.
 */
#ifndef DRP_QUERY_H
#define DRP_QUERY_H

#include "core/record.h"
#include "core/state.h"

struct drp_pool;
struct mapped_device;

struct drp_pool_info {
	char name[DRP_NAME_MAX + 1];
	u8 uuid[DRP_UUID_BYTES];
	u16 mode;			/* enum drp_pool_mode */
	bool active;			/* has been resumed: serves I/O and requests */
	dev_t pool_dev;
	dev_t metadata_dev;
	dev_t cow_dev;			/* 0: none */
	u32 chunk_bytes;
	u32 region_bytes;
	u32 extent_bytes;
	u64 metadata_bytes;
	u64 metadata_used_bytes;
	u64 commits;
	u64 checkpoints;
	u64 memory_bytes;
	u64 memory_max_bytes;
	u64 stall_max_ns;
	u64 cow_bytes, cow_used_bytes;	/* 0: no COW space */
	u64 cow_entries;
	u64 cow_index_bytes, cow_index_max_bytes;	/* on the metadata device */
	u64 cow_memory_bytes, cow_memory_max_bytes;	/* of the index */
	u16 cow_level;			/* watermark that is reached; 0: none */
	u32 nr_elements, nr_syncs, nr_groups, nr_jobs, nr_aspects;
	char last_refusal[DRP_MESSAGE_MAX + 1];
};

struct drp_element_info {
	struct drp_element_rec rec;	/* parent_generation only while that can be read */
	bool attached;
	dev_t data_dev;			/* 0 when not attached */
	dev_t element_dev;		/* its dm device, 0 when not attached */
	u16 host_access;		/* enum drp_access: over all its syncs */
	u32 active_extents;
};

struct drp_sync_info {
	struct drp_sync_rec rec;
	char source_name[DRP_NAME_MAX + 1];
	char target_name[DRP_NAME_MAX + 1];
	u16 copy_state;			/* as seen now, Partitioned included */
	u16 progress_status;
	u16 percent_synced;
	u64 dirty_bytes;
	bool target_consistent;		/* with those it comes from */
	bool in_sync;
	struct drp_host_access access;
	u64 memory_bytes;
	u64 memory_max_bytes;
};

struct drp_job_info {
	u64 id;
	u64 sync_id;			/* 0: not about one */
	u64 updated_sync_id;		/* 0: none */
	u64 aspect_id;			/* SettingsState; 0: none */
	char sync_name[DRP_NAME_MAX + 1];
	u16 operation;			/* enum drp_operation; 0: a create */
	u16 state;			/* enum drp_job_state */
	u16 percent;
	u64 bytes_done;
	u64 bytes_total;
	u64 rate;			/* bytes per second, over the last seconds */
	u64 eta_seconds;		/* U64_MAX: not known */
	u32 error_code;			/* return value; 0 without error */
	char error_text[DRP_MESSAGE_MAX + 1];
	u64 submitted, started, ended;	/* ns since the epoch; 0: not yet */
};

/* ---- pools ---- */

/* A referenced pool by name, uuid (16 bytes) or its dm device; NULL if there is none. */
struct drp_pool *drp_pool_get_by_name(const char *name);
struct drp_pool *drp_pool_get_by_uuid(const u8 *uuid);
struct drp_pool *drp_pool_get_by_md(struct mapped_device *md);
void drp_pool_get(struct drp_pool *pool);
void drp_pool_put(struct drp_pool *pool);

/*
 * For walks that hold nothing between: the first pool, referenced, whose number is
 * *@number or greater, which becomes its own; or NULL. Numbers are never given again.
 */
struct drp_pool *drp_pool_get_from(u32 *number);

void drp_pool_query(struct drp_pool *pool, struct drp_pool_info *info);

/* ---- the others: the object with the smallest id >= @from; 0 or -ENOENT ---- */

int drp_element_query(struct drp_pool *pool, u64 from, struct drp_element_info *info);
int drp_sync_query(struct drp_pool *pool, u64 from, struct drp_sync_info *info);
int drp_group_query(struct drp_pool *pool, u64 from, struct drp_group_rec *info);
int drp_aspect_query(struct drp_pool *pool, u64 from, struct drp_aspect_rec *info);
int drp_job_query(struct drp_pool *pool, u64 from, struct drp_job_info *info);

/* Id of the object of @kind with this name, or 0. */
u64 drp_find_by_name(struct drp_pool *pool, enum drp_object_kind kind, const char *name);

/* The same for operations, which run only while the pool lives. */
u64 drp_find_by_name_held(struct drp_pool *pool, enum drp_object_kind kind, const char *name);
int drp_job_query_held(struct drp_pool *pool, u64 from, struct drp_job_info *info);

#endif /* DRP_QUERY_H */
