// SPDX-License-Identifier: GPL-2.0-only
#include "element.h"
#include "copy.h"
#include "cow.h"
#include "job.h"
#include "snapshot.h"
#include "sync.h"
#include "turn.h"

static u64 memory_of(struct drp_pool *pool)
{
	u64 bytes = sizeof(*pool) + DRP_COMMIT_BLOCKS_MAX * DRP_BLOCK_BYTES +
		    atomic64_read(&pool->bits_bytes);
	struct drp_element *e;
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->elements, id, e)
		bytes += sizeof(*e) + 5 * BITS_TO_LONGS(e->nr_extents) * sizeof(long);
	xa_for_each(&pool->syncs, id, s)
		bytes += sizeof(*s) + drp_plane_memory(s->d) +
			 (s->turn ? sizeof(*s->turn) + drp_plane_memory(s->turn->c) : 0);
	return bytes;
}

static u32 count(struct xarray *xa)
{
	unsigned long id;
	void *object;
	u32 n = 0;

	xa_for_each(xa, id, object)
		n++;
	return n;
}

static void fill_cow(struct drp_pool *pool, struct drp_pool_info *info)
{
	struct drp_cow_space space;

	drp_cow_space(pool->cow, &space);
	info->cow_bytes = space.slots * space.chunk_bytes;
	info->cow_used_bytes = space.used * space.chunk_bytes;
	info->cow_entries = space.entries;
	info->cow_index_bytes = space.nodes * DRP_BLOCK_BYTES;
	info->cow_index_max_bytes = space.max_nodes * DRP_BLOCK_BYTES;
	info->cow_memory_bytes = space.index_bytes;
	info->cow_memory_max_bytes = space.index_max_bytes;
	info->cow_level = drp_snapshot_level(&space);
	info->memory_bytes += space.memory_bytes;
	info->memory_max_bytes += space.memory_max_bytes;
}

void drp_pool_query(struct drp_pool *pool, struct drp_pool_info *info)
{
	memset(info, 0, sizeof(*info));
	if (!drp_pool_hold(pool))
		return;
	spin_lock(&pool->rec_lock);
	strscpy(info->name, pool->sb.name, sizeof(info->name));
	memcpy(info->uuid, pool->sb.uuid, sizeof(info->uuid));
	info->mode = pool->mode;
	info->active = pool->active;
	info->pool_dev = pool->pool_dev;
	info->metadata_dev = pool->md.bdev->bd_dev;
	info->cow_dev = pool->cow_dev;
	info->chunk_bytes = pool->sb.chunk_sectors << SECTOR_SHIFT;
	info->region_bytes = pool->sb.region_sectors << SECTOR_SHIFT;
	info->extent_bytes = pool->sb.extent_sectors << SECTOR_SHIFT;
	info->metadata_bytes = pool->md.device_blocks * DRP_BLOCK_BYTES;
	info->metadata_used_bytes = (pool->md.device_blocks - pool->md.page_blocks +
				     READ_ONCE(pool->md.nr_used)) * DRP_BLOCK_BYTES;
	info->commits = atomic64_read(&pool->cm.commits);
	info->checkpoints = atomic64_read(&pool->checkpoints);
	info->memory_bytes = memory_of(pool);
	info->memory_max_bytes = info->memory_bytes - READ_ONCE(pool->md.memory) +
				 pool->md.memory_max;
	info->stall_max_ns = atomic64_read(&pool->stall_max_ns);
	info->nr_elements = count(&pool->elements);
	info->nr_syncs = count(&pool->syncs);
	info->nr_groups = count(&pool->groups);
	info->nr_jobs = count(&pool->jobs);
	info->nr_aspects = count(&pool->aspects);
	strscpy(info->last_refusal, pool->last_refusal, sizeof(info->last_refusal));
	spin_unlock(&pool->rec_lock);
	if (pool->cow)
		fill_cow(pool, info);
	drp_pool_release(pool);
}

/*
 * A state is recorded a moment before hosts are let do more, or after it when they
 * are let do less: who reads both is never told more than both allow.
 */
static u8 seen_access(struct drp_element *e)
{
	u8 access = READ_ONCE(e->access);
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&e->pool->syncs, id, s) {
		struct drp_host_access a;

		if (s->removed || (s->source != e && s->target != e))
			continue;
		a = drp_state_access(s->rec.sync_type, s->rec.copy_state, s->rec.reverse);
		access = min(access, s->source == e ? a.source : a.target);
	}
	return access;
}

/* rec_lock held. */
static void fill_element(struct drp_element *e, struct drp_element_info *info)
{
	struct drp_attachment *at = READ_ONCE(e->live);

	info->rec = e->rec;
	if (!drp_snapshot_live(e))
		info->rec.parent_generation = 0;
	info->attached = at;
	info->data_dev = at ? e->data_dev : 0;
	info->element_dev = at ? e->element_dev : 0;
	info->host_access = seen_access(e);
	info->active_extents = READ_ONCE(e->nr_active);
}

static void fill_sync(struct drp_sync *s, struct drp_sync_info *info)
{
	struct drp_pool *pool = s->pool;
	const unsigned int shift = pool->region_shift + SECTOR_SHIFT;
	u64 total = max_t(u64, s->source->rec.size_sectors << SECTOR_SHIFT, 1);
	char waits[DRP_IDENTITY_MAX + 1];

	info->rec = s->rec;
	drp_sync_wait_text(s, waits);
	if (waits[0])
		strscpy(info->rec.error_text, waits, sizeof(info->rec.error_text));
	strscpy(info->source_name, s->source->rec.name, sizeof(info->source_name));
	strscpy(info->target_name, s->target->rec.name, sizeof(info->target_name));
	info->copy_state = drp_sync_seen_state(s);
	info->progress_status = drp_sync_seen_progress(s, info->copy_state);
	/* During a turn: what the side that is copied to still lacks. */
	info->dirty_bytes = s->source->nested == s ? drp_copy_nested_dirty(s) :
			    drp_plane_count(s->turn ? s->turn->c : s->d) << shift;
	info->dirty_bytes = min(info->dirty_bytes, total);
	info->percent_synced = div64_u64((total - info->dirty_bytes) * 100, total);
	info->target_consistent = drp_sync_consistent(s);
	info->in_sync = !s->rec.partitioned && !s->rec.reverse && !s->rec.partial &&
			drp_plane_empty(s->d) &&
			info->copy_state != DRP_CS_PARTITIONED;
	info->access = drp_state_access(s->rec.sync_type, s->rec.copy_state, s->rec.reverse);
	info->memory_bytes = drp_plane_memory(s->d);
	info->memory_max_bytes = drp_plane_memory_max(s->d);
}

static void fill_job(struct drp_job *job, struct drp_job_info *info)
{
	u64 left;

	memset(info, 0, sizeof(*info));
	info->id = job->id;
	info->sync_id = job->sync_id;
	info->updated_sync_id = job->updated_sync_id;
	info->aspect_id = job->aspect_id;
	strscpy(info->sync_name, job->sync_name, sizeof(info->sync_name));
	info->operation = job->operation;
	info->state = job->state;
	info->bytes_done = job->bytes_done;
	info->bytes_total = job->bytes_total;
	info->rate = job->rate;
	info->error_code = job->error_code;
	strscpy(info->error_text, job->error_text, sizeof(info->error_text));
	info->submitted = job->submitted;
	info->started = job->started;
	info->ended = job->ended;
	left = job->bytes_total - min(job->bytes_done, job->bytes_total);
	info->eta_seconds = job->rate && !job->ended ? div64_u64(left, job->rate) : U64_MAX;
	/* 100 only at the end: clients wait for it. */
	if (job->state == DRP_JOB_COMPLETED)
		info->percent = 100;
	else if (job->bytes_total)
		info->percent = min_t(u64, 99, div64_u64(job->bytes_done * 100, job->bytes_total));
}

/* The first object of @xa at or behind @from. rec_lock held. */
static void *first_from(struct xarray *xa, u64 from)
{
	unsigned long index = from;

	return from > ULONG_MAX ? NULL : xa_find(xa, &index, ULONG_MAX, XA_PRESENT);
}

#define QUERY(pool, objects, from, object, fill)				\
({										\
	int __r = -ENOENT;							\
										\
	if (drp_pool_hold(pool)) {						\
		spin_lock(&(pool)->rec_lock);					\
		object = first_from(&(pool)->objects, from);			\
		if (object) {							\
			fill;							\
			__r = 0;						\
		}								\
		spin_unlock(&(pool)->rec_lock);					\
		drp_pool_release(pool);						\
	}									\
	__r;									\
})

int drp_element_query(struct drp_pool *pool, u64 from, struct drp_element_info *info)
{
	struct drp_element *e;

	return QUERY(pool, elements, from, e, fill_element(e, info));
}

int drp_sync_query(struct drp_pool *pool, u64 from, struct drp_sync_info *info)
{
	struct drp_sync *s;

	return QUERY(pool, syncs, from, s, fill_sync(s, info));
}

int drp_group_query(struct drp_pool *pool, u64 from, struct drp_group_rec *info)
{
	struct drp_group_rec *g;

	return QUERY(pool, groups, from, g, *info = *g);
}

int drp_aspect_query(struct drp_pool *pool, u64 from, struct drp_aspect_rec *info)
{
	struct drp_aspect_rec *a;

	return QUERY(pool, aspects, from, a, *info = *a);
}

int drp_job_query_held(struct drp_pool *pool, u64 from, struct drp_job_info *info)
{
	struct drp_job *job;

	spin_lock(&pool->rec_lock);
	job = first_from(&pool->jobs, from);
	if (job)
		fill_job(job, info);
	spin_unlock(&pool->rec_lock);
	return job ? 0 : -ENOENT;
}

int drp_job_query(struct drp_pool *pool, u64 from, struct drp_job_info *info)
{
	struct drp_job *job;

	return QUERY(pool, jobs, from, job, fill_job(job, info));
}

static u64 find_name(struct drp_pool *pool, enum drp_object_kind kind, const char *name)
{
	struct drp_element *e;
	struct drp_sync *s;
	struct drp_group_rec *g;
	struct drp_aspect_rec *a;
	unsigned long id;

	switch (kind) {
	case DRP_OBJ_ELEMENT:
		xa_for_each(&pool->elements, id, e)
			if (!strcmp(e->rec.name, name))
				return id;
		return 0;
	case DRP_OBJ_SYNC:
		xa_for_each(&pool->syncs, id, s)
			if (!strcmp(s->rec.name, name))
				return id;
		return 0;
	case DRP_OBJ_GROUP:
		xa_for_each(&pool->groups, id, g)
			if (!strcmp(g->name, name))
				return id;
		return 0;
	case DRP_OBJ_ASPECT:
		xa_for_each(&pool->aspects, id, a)
			if (!strcmp(a->name, name))
				return id;
		return 0;
	default:
		return 0;
	}
}

u64 drp_find_by_name_held(struct drp_pool *pool, enum drp_object_kind kind, const char *name)
{
	u64 id;

	spin_lock(&pool->rec_lock);
	id = find_name(pool, kind, name);
	spin_unlock(&pool->rec_lock);
	return id;
}

u64 drp_find_by_name(struct drp_pool *pool, enum drp_object_kind kind, const char *name)
{
	u64 id;

	if (!drp_pool_hold(pool))
		return 0;
	id = drp_find_by_name_held(pool, kind, name);
	drp_pool_release(pool);
	return id;
}
