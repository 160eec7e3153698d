// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing a pool back: what the core's loader reads becomes objects in memory.
 * Contract rule 7: what cannot be trusted means "may differ".
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "cow.h"
#include "io.h"
#include "op.h"
#include "pool.h"
#include "snapshot.h"
#include "turn.h"

/* ---- the sink: in the order of the log, puts replace ---- */

static int put_pool(void *ctx, const struct drp_pool_rec *rec)
{
	struct drp_pool *pool = ctx;

	pool->rec = *rec;
	if (pool->cow)
		drp_cow_set_memory(pool->cow, rec->cow_memory);
	return 0;
}

static int put_element(void *ctx, const struct drp_element_rec *rec)
{
	struct drp_pool *pool = ctx;
	struct drp_element *e = drp_pool_element(pool, rec->id);

	if (e && e->rec.size_sectors == rec->size_sectors) {
		e->rec = *rec;
		return 0;
	}
	if (e) {
		/* It grew: what was active stays so. */
		int r = drp_element_replay_growth(e, rec);

		return r;
	}
	e = drp_element_alloc(pool, rec);
	if (IS_ERR(e))
		return PTR_ERR(e);
	return xa_err(xa_store(&pool->elements, rec->id, e, GFP_KERNEL));
}

static int put_sync(void *ctx, const struct drp_sync_rec *rec)
{
	struct drp_pool *pool = ctx;
	struct drp_sync *s = drp_pool_sync(pool, rec->id);

	if (s && drp_pool_element(pool, rec->source_id) && drp_pool_element(pool, rec->target_id)) {
		s->rec = *rec;
		/* Its roles may have been reversed. */
		s->source = drp_pool_element(pool, rec->source_id);
		s->target = drp_pool_element(pool, rec->target_id);
	}
	if (s)
		return 0;
	/*
	 * The catalog may be newer than the first commits behind its cut: what
	 * they say about objects that are gone by then is skipped.
	 */
	if (!drp_pool_element(pool, rec->source_id) || !drp_pool_element(pool, rec->target_id))
		return 0;
	/* All 1 until the log says more. */
	s = drp_sync_alloc(pool, rec, true);
	if (IS_ERR(s))
		return PTR_ERR(s);
	return xa_err(xa_store(&pool->syncs, rec->id, s, GFP_KERNEL));
}

static int put_copy(struct xarray *xa, u64 id, const void *rec, size_t size)
{
	void *copy = kmemdup(rec, size, GFP_KERNEL);

	if (!copy)
		return -ENOMEM;
	kfree(xa_erase(xa, id));
	return xa_err(xa_store(xa, id, copy, GFP_KERNEL));
}

static int put_group(void *ctx, const struct drp_group_rec *rec)
{
	struct drp_pool *pool = ctx;

	return put_copy(&pool->groups, rec->id, rec, sizeof(*rec));
}

static int put_aspect(void *ctx, const struct drp_aspect_rec *rec)
{
	struct drp_pool *pool = ctx;

	return put_copy(&pool->aspects, rec->id, rec, sizeof(*rec));
}

static int object_del(void *ctx, enum drp_object_kind kind, u64 id)
{
	struct drp_pool *pool = ctx;
	struct drp_element *e;
	struct drp_sync *s;

	switch (kind) {
	case DRP_OBJ_ELEMENT:
		e = xa_erase(&pool->elements, id);
		if (e)
			drp_element_free(e);
		return 0;
	case DRP_OBJ_SYNC:
		s = xa_erase(&pool->syncs, id);
		if (s)
			drp_sync_free(s);
		return 0;
	case DRP_OBJ_GROUP:
		kfree(xa_erase(&pool->groups, id));
		return 0;
	case DRP_OBJ_ASPECT:
		kfree(xa_erase(&pool->aspects, id));
		return 0;
	default:
		return -EBADMSG;
	}
}

static int activate(void *ctx, u64 element_id, u64 first, u64 count)
{
	struct drp_pool *pool = ctx;
	struct drp_element *e = drp_pool_element(pool, element_id);
	u64 x;

	if (!e)
		return 0;	/* deleted later in the log */
	/* It may have grown in the middle of a catalog: the journal has the rest. */
	if (first >= e->nr_extents)
		return 0;
	count = min(count, e->nr_extents - first);
	for (x = first; x < first + count; x++)
		if (!test_and_set_bit(x, e->active))
			e->nr_active++;
	return 0;
}

static int plane_all(void *ctx, u64 sync_id, enum drp_plane plane, bool value)
{
	struct drp_sync *s = drp_pool_sync(ctx, sync_id);

	if (s && plane == DRP_PLANE_D)
		drp_plane_set_all(s->d, value);
	/* A C plane begins with a checkpoint, and ends with its sync's record. */
	return plane == DRP_PLANE_D ? 0 : -EPROTONOSUPPORT;
}

static int c_clear(void *ctx, u64 sync_id, u64 first, u64 count)
{
	struct drp_sync *s = drp_pool_sync(ctx, sync_id);

	/* Without a C plane: of a turn that is over in the catalog. */
	return s && s->turn ? drp_plane_clear(s->turn->c, first, count) : 0;
}

static u64 regions_of(const struct drp_sync *s)
{
	return (s->source->rec.size_sectors + (1ULL << s->pool->region_shift) - 1) >>
	       s->pool->region_shift;
}

static int load_slots(struct drp_pool *pool, enum drp_plane plane, u64 first,
		      const struct drp_dir_entry *entries, u32 n)
{
	u64 chunks;

	if (!pool->cow || plane != DRP_PLANE_SLOTS)
		return -EBADMSG;
	/* It may have been larger in a catalog that was written while it grew. */
	chunks = DIV_ROUND_UP_ULL(pool->cow->nr_slots, DRP_PAGE_BITS * DRP_DIR_ENTRIES);
	return first >= chunks ? 0 : drp_plane_load_root(pool->cow->slots, first, entries,
							 min_t(u64, n, chunks - first));
}

static int cow_root(void *ctx, const struct drp_cow_root *root)
{
	struct drp_pool *pool = ctx;

	return pool->cow ? drp_cow_load_root(pool->cow, root) : -EBADMSG;
}

static int cow_put(void *ctx, const struct drp_cow_entry *entry, u64 commit_seq)
{
	struct drp_pool *pool = ctx;

	return pool->cow ? drp_cow_load_put(pool->cow, entry, commit_seq) : -EBADMSG;
}

static int cow_del(void *ctx, const struct drp_cow_key *key)
{
	struct drp_pool *pool = ctx;

	return pool->cow ? drp_cow_load_del(pool->cow, key) : -EBADMSG;
}

static int plane_root(void *ctx, u64 sync_id, enum drp_plane plane, u64 first,
		      const struct drp_dir_entry *entries, u32 n)
{
	struct drp_sync *s = drp_pool_sync(ctx, sync_id);
	struct drp_plane_map *p;
	u64 chunks;

	if (sync_id == DRP_COW_PLANE_ID)
		return load_slots(ctx, plane, first, entries, n);
	/* Made behind the cut: its records follow in the journal. */
	if (!s)
		return 0;
	/* Resized before its element's record was durable: the rest comes with that. */
	chunks = DIV_ROUND_UP_ULL(plane == DRP_PLANE_C ? regions_of(s) : drp_sync_nr_regions(s),
				  DRP_PAGE_BITS * DRP_DIR_ENTRIES);
	if (first >= chunks)
		return 0;
	if (plane == DRP_PLANE_C && !s->turn) {
		struct drp_turn *t = drp_turn_alloc(s, s->source);

		if (IS_ERR(t))
			return PTR_ERR(t);
		s->turn = t;
	}
	p = plane == DRP_PLANE_C ? s->turn->c : s->d;
	return drp_plane_load_root(p, first, entries, min_t(u64, n, chunks - first));
}

static const struct drp_load_sink sink = {
	.pool = put_pool,
	.element = put_element,
	.sync = put_sync,
	.group = put_group,
	.aspect = put_aspect,
	.object_del = object_del,
	.activate = activate,
	.plane_all = plane_all,
	.plane_root = plane_root,
	.c_clear = c_clear,
	.cow_root = cow_root,
	.cow_put = cow_put,
	.cow_del = cow_del,
};

/* ---- after the replay ---- */

static void free_turn(struct drp_sync *s)
{
	if (s->turn)
		drp_turn_free(s->turn);
	s->turn = NULL;
}

/* Its hosts' I/O finds it before both legs are there. */
static void hook_turn(struct drp_sync *s)
{
	struct drp_turn *t = s->turn;

	drp_turn_aim(t, s->rec.partial ? s->target : s->source);
	t->confirmed = 1;
	t->began = s->rec.reverse ? s->rec.gen_start : 0;
	t->here->inbound = t;
	if (s->rec.partial)
		s->flow = DRP_FLOW_CLONE;
}

/* What a crash interrupted goes on; what it cannot tell of any more is Invalid. -ENOMEM. */
static int settle_turn(struct drp_sync *s)
{
	int r;

	if (!s->rec.reverse && !s->rec.partial) {
		/* It was prepared, or is over. */
		free_turn(s);
		return 0;
	}
	if (drp_snapshot_is_nested(s) && s->rec.copy_state != DRP_CS_INVALID && s->rec.gen_start) {
		s->source->nested = s;
		s->source->keeps_versions = true;
		return 0;
	}
	r = s->turn ? drp_plane_load_all(s->turn->c) : -EIO;
	if (r == -ENOMEM)
		return r;
	if (r && s->rec.copy_state != DRP_CS_INVALID) {
		DMERR("sync %s: which regions its %s still lacks cannot be read: Invalid",
		      s->rec.name, s->rec.partial ? "target" : "source");
		s->rec.copy_state = DRP_CS_INVALID;
		s->rec.progress_status = DRP_PS_UNKNOWN;
		if (!drp_sync_is_snapshot(s))
			drp_plane_set_all(s->d, true);
		strscpy(s->rec.error_text, s->rec.partial ? "which regions were copied is lost" :
			"which regions were restored is lost", sizeof(s->rec.error_text));
		s->rec.target_consistent = s->rec.target_consistent && !s->rec.partial;
	}
	if (r && s->rec.partial) {
		/* Nothing of the target can be shown: as if it was given up. */
		s->rec.partial = false;
		free_turn(s);
	}
	if (s->turn)
		hook_turn(s);
	return 0;
}

/*
 * Active extents may differ on the legs of every sync that they concern. A sync
 * that has differences now is not Synchronized any more.
 */
static int settle_syncs(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;
	int r;

	xa_for_each(&pool->syncs, id, s) {
		drp_extents_to_d(s, false);
		if (!drp_plane_empty(s->d))
			s->rec.in_sync = false;
		WRITE_ONCE(s->source_noted, s->rec.source_changed);
		WRITE_ONCE(s->target_noted, s->rec.target_changed);
		r = settle_turn(s);
		if (r)
			return r;
	}
	return 0;
}

static int load_state(struct drp_pool *pool, char **error)
{
	struct drp_load_result result = {};
	void *scratch = vmalloc(DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES);
	int r;

	if (!scratch)
		return -ENOMEM;
	r = drp_load(&pool->md.io, &pool->sb, &sink, pool, scratch, &result);
	vfree(scratch);
	if (r == -ENOMEM) {
		*error = "No memory to load the metadata";
		return r;
	}
	if (r) {
		DMERR("metadata cannot be loaded: %s (error %d)",
		      result.problem ?: "state is not consistent", r);
		*error = r == -EBADMSG || r == -ESTALE ?
				 "Metadata is damaged: see replctl pool check" :
				 "Metadata cannot be read (the kernel log says why)";
		return r;
	}
	pool->replay = result;
	pool->job_ids_next = pool->rec.next_job_id;
	if (result.commits || result.torn)
		DMINFO("pool %s: %llu commits replayed%s", pool->sb.name, result.commits,
		       result.torn ? ", a torn one dropped" : "");
	return drp_plans_rebuild(pool, 1);
}

/* Catalog and journal; only what is left then has been there at one time. */
static int replay(struct drp_pool *pool, char **error)
{
	int r;

	drp_metadev_load_begin(&pool->md);
	r = load_state(pool, error) ?: settle_syncs(pool);
	if (r)
		return r;
	r = drp_metadev_load_end(&pool->md);
	if (r)
		*error = "Metadata device has no room for the bitmaps of this pool";
	return r;
}

/* What was just being preserved, and for whom. */
static int load_snapshots(struct drp_pool *pool, char **error)
{
	int r = 0;

	drp_snapshot_link(pool);
	if (pool->cow)
		r = drp_cow_load_end(pool->cow, pool->replay.confirmed, drp_snapshot_lost_chunk);
	if (r)
		*error = "COW space cannot be read";
	return r ?: drp_snapshot_load(pool);
}

static int check_owner(struct drp_pool *pool, bool take_over, char **error)
{
	static const u8 nobody[DRP_UUID_BYTES];
	const struct drp_super *sb = &pool->sb;

	if (sb->clean || take_over || !memcmp(sb->owner_uuid, nobody, sizeof(nobody)))
		return 0;
	if (!memcmp(sb->owner_uuid, pool->owner_uuid, sizeof(nobody)))
		return 0;
	DMERR("pool %s was left unclean by host \"%s\", which may still use it; if it does not, use take_over",
	      sb->name, sb->owner_name);
	*error = "Pool belongs to another host: take_over needed";
	return -EBUSY;
}

static int bind_super(struct drp_pool *pool, char **error)
{
	int r = drp_metadev_bind_super(&pool->md, &pool->sb);

	if (r) {
		*error = "Cannot set up the metadata area";
		return r;
	}
	pool->region_shift = ilog2(pool->sb.region_sectors);
	pool->extent_shift = ilog2(pool->sb.extent_sectors);
	drp_range_space_init(&pool->ranges, pool->extent_shift);
	return 0;
}

static int prepare_format(struct drp_pool *pool, const struct drp_pool_args *args,
			  struct block_device *cow_bdev, char **error)
{
	struct drp_format_params p = {
		.name = args->name,
		.device_blocks = pool->md.device_blocks,
		.now = drp_now(),
		.chunk_sectors = args->chunk_sectors,
		.region_sectors = args->region_sectors,
		.extent_sectors = args->extent_sectors,
	};
	int r;

	if (!args->name) {
		*error = "Feature name=NAME is needed to format a pool";
		return -EINVAL;
	}
	generate_random_uuid(p.uuid);
	p.nonce = get_random_u64();
	r = drp_format_layout(&p, &pool->sb);
	if (r) {
		*error = "Metadata device is too small: 8 MiB at least";
		return r;
	}
	pool->needs_format = true;
	pool->rec.next_id = 1;
	pool->rec.next_job_id = 1;
	pool->rec.next_cut_id = 1;
	pool->job_ids_next = 1;
	r = bind_super(pool, error);
	return r || !cow_bdev ? r : drp_cow_open(pool, cow_bdev, args, error);
}

/* Space that it has, or is given now. */
static int open_cow(struct drp_pool *pool, const struct drp_pool_args *args,
		    struct block_device *cow_bdev, char **error)
{
	if (cow_bdev)
		return drp_cow_open(pool, cow_bdev, args, error);
	if (!(pool->sb.incompat & DRP_INCOMPAT_COW))
		return 0;
	*error = "This pool has COW space: give its device instead of -";
	return -EINVAL;
}

static int load_existing(struct drp_pool *pool, const struct drp_pool_args *args,
			 struct block_device *cow_bdev, char **error)
{
	int r;

	if (args->name && strcmp(args->name, pool->sb.name)) {
		DMERR("metadata belongs to pool \"%s\", not \"%s\"", pool->sb.name, args->name);
		*error = "Metadata belongs to a pool of another name";
		return -EINVAL;
	}
	if (args->chunk_sectors != pool->sb.chunk_sectors) {
		DMERR("pool %s was made with chunks of %u sectors", pool->sb.name,
		      pool->sb.chunk_sectors);
		*error = "Chunk size differs from the pool's";
		return -EINVAL;
	}
	r = check_owner(pool, args->take_over, error);
	if (!r)
		r = bind_super(pool, error);
	if (!r)
		r = open_cow(pool, args, cow_bdev, error);
	if (!r)
		r = replay(pool, error);
	if (!r)
		r = load_snapshots(pool, error);
	return r;
}

int drp_pool_load(struct drp_pool *pool, const struct drp_pool_args *args,
		  struct block_device *cow_bdev, char **error)
{
	enum drp_probe what;
	void *scratch;
	int r;

	scratch = kmalloc(2 * DRP_BLOCK_BYTES, GFP_KERNEL);
	if (!scratch)
		return -ENOMEM;
	r = drp_probe_device(&pool->md.io, pool->md.device_blocks, &pool->sb, &what, scratch);
	kfree(scratch);
	if (r) {
		*error = "Metadata device cannot be read";
		return r;
	}
	drp_pool_set_owner(pool, args);
	if (args->format)
		return prepare_format(pool, args, cow_bdev, error);
	switch (what) {
	case DRP_PROBE_REPAIR:
		DMWARN("pool %s: one superblock is damaged, it will be rewritten", pool->sb.name);
		pool->needs_repair = true;
		fallthrough;
	case DRP_PROBE_VALID:
		return load_existing(pool, args, cow_bdev, error);
	case DRP_PROBE_BLANK:
		return prepare_format(pool, args, cow_bdev, error);
	case DRP_PROBE_DAMAGED:
		*error = "Metadata is a pool's, but no superblock is usable: see replctl pool check";
		return -EINVAL;
	default:
		*error = "Metadata device has foreign content: wipe its first MiB, or use feature format";
		return -EINVAL;
	}
}
