// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core's probe, load, replay and offline check make of a metadata device,
 * as the module would take it in (kernel/dm-replica/load.c), but with plain arrays
 * for planes.
 */
#include <stdlib.h>

#include "bitmap.h"
#include "cut.h"

#define OBJECTS	64
#define ROOTS	64
#define BLOCKS_MAX	16384

struct load {
	struct pool *p;
	const struct disk *disk;
	const struct drp_super *sb;	/* in p->result, filled before the first record */
};

/* ---- the device ---- */

static int disk_read(void *ctx, u64 block, void *buf, u32 nr_blocks)
{
	const struct disk *d = ctx;

	if (block + nr_blocks > d->sectors * SECTOR / DRP_BLOCK_BYTES)
		return -EIO;
	memcpy(buf, d->image + block * DRP_BLOCK_BYTES, (size_t)nr_blocks * DRP_BLOCK_BYTES);
	return 0;
}

static const struct drp_io_ops read_only = { .read = disk_read };

/* ---- objects ---- */

struct pool_element *pool_element(struct pool *p, u64 id)
{
	u32 i;

	for (i = 0; i < ELEMENTS_MAX; i++)
		if (p->elements[i].rec.id == id)
			return &p->elements[i];
	return NULL;
}

struct pool_sync *pool_sync(struct pool *p, u64 id)
{
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++)
		if (p->syncs[i].rec.id == id)
			return &p->syncs[i];
	return NULL;
}

static u32 regions_of(const struct load *l, const struct pool_element *e)
{
	u64 n = (e->rec.size_sectors + l->sb->region_sectors - 1) / l->sb->region_sectors;

	return min_t(u64, n, REGIONS_MAX);
}

static struct pool_element *source_of(struct load *l, const struct pool_sync *s)
{
	return pool_element(l->p, s->rec.source_id);
}

static int take_element(void *ctx, const struct drp_element_rec *rec)
{
	struct load *l = ctx;
	struct pool_element *e = pool_element(l->p, rec->id);
	u32 old = e ? regions_of(l, e) : 0, i;
	u64 size = e ? max_t(u64, e->rec.size_sectors, rec->size_sectors) : rec->size_sectors;

	if (!e)
		e = pool_element(l->p, 0);
	if (!e || size > SECTORS_MAX)
		return -ERANGE;
	e->rec = *rec;
	e->rec.size_sectors = size;
	/* What it grew by may differ. */
	for (i = 0; i < SYNCS_MAX && old && regions_of(l, e) > old; i++)
		if (l->p->syncs[i].rec.id && l->p->syncs[i].rec.source_id == rec->id)
			memset(l->p->syncs[i].d + old, 1, regions_of(l, e) - old);
	return 0;
}

static int take_sync(void *ctx, const struct drp_sync_rec *rec)
{
	struct load *l = ctx;
	struct pool_sync *s = pool_sync(l->p, rec->id);

	if (!pool_element(l->p, rec->source_id) || !pool_element(l->p, rec->target_id))
		return 0;
	if (!s) {
		s = pool_sync(l->p, 0);
		if (!s)
			return -ERANGE;
		memset(s, 0, sizeof(*s));
		memset(s->d, 1, sizeof(s->d));
	}
	s->rec = *rec;
	return 0;
}

static int take_object_del(void *ctx, enum drp_object_kind kind, u64 id)
{
	struct load *l = ctx;
	struct pool_element *e = kind == DRP_OBJ_ELEMENT ? pool_element(l->p, id) : NULL;
	struct pool_sync *s = kind == DRP_OBJ_SYNC ? pool_sync(l->p, id) : NULL;

	if (e)
		memset(e, 0, sizeof(*e));
	if (s)
		memset(s, 0, sizeof(*s));
	return 0;
}

static int take_activate(void *ctx, u64 element_id, u64 first, u64 count)
{
	struct load *l = ctx;
	struct pool_element *e = pool_element(l->p, element_id);

	if (!e)
		return 0;
	if (first >= EXTENTS_MAX || count > EXTENTS_MAX - first)
		return -EBADMSG;
	memset(e->active + first, 1, count);
	return 0;
}

/* ---- planes ---- */

static int take_plane_all(void *ctx, u64 sync_id, enum drp_plane plane, bool value)
{
	struct load *l = ctx;
	struct pool_sync *s = pool_sync(l->p, sync_id);

	if (plane != DRP_PLANE_D)
		return -EPROTONOSUPPORT;
	if (s)
		memset(s->d, value, sizeof(s->d));
	return 0;
}

static int take_c_clear(void *ctx, u64 sync_id, u64 first, u64 count)
{
	struct load *l = ctx;
	struct pool_sync *s = pool_sync(l->p, sync_id);

	if (!s || !s->has_c)
		return 0;
	if (first >= REGIONS_MAX || count > REGIONS_MAX - first)
		return -EBADMSG;
	memset(s->c + first, 0, count);
	return 0;
}

/* One page of at most REGIONS_MAX regions. False: it cannot be used. */
static bool page_read(struct load *l, u64 sync_id, enum drp_plane plane,
		      const struct drp_dir_entry *e, u8 *bits)
{
	u64 words[DRP_PAGE_BYTES / sizeof(u64)];
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	u32 i;

	memset(bits, e->state != DRP_PAGE_CLEAN, REGIONS_MAX);
	if (e->state != DRP_PAGE_STORED)
		return true;
	if (disk_read((void *)l->disk, e->block, block, 1) ||
	    drp_page_decode(block, l->sb->nonce, sync_id, plane, 0, e->seq, words))
		return false;
	for (i = 0; i < REGIONS_MAX; i++)
		bits[i] = words[i / 64] >> (i % 64) & 1;
	return true;
}

static int take_plane_root(void *ctx, u64 sync_id, enum drp_plane plane, u64 first,
			   const struct drp_dir_entry *entries, u32 n)
{
	struct drp_dir_entry dir[DRP_DIR_ENTRIES];
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	struct load *l = ctx;
	struct pool_sync *s = pool_sync(l->p, sync_id);
	u8 *bits;

	if (!s || first || !n)
		return 0;
	bits = plane == DRP_PLANE_C ? s->c : s->d;
	s->has_c |= plane == DRP_PLANE_C;
	memset(bits, entries[0].state != DRP_PAGE_CLEAN, REGIONS_MAX);
	if (entries[0].state != DRP_PAGE_STORED)
		return 0;
	if (!disk_read((void *)l->disk, entries[0].block, block, 1) &&
	    !drp_dir_decode(block, l->sb->nonce, sync_id, plane, 0, entries[0].seq,
			    l->sb->device_blocks, dir) &&
	    page_read(l, sync_id, plane, &dir[0], bits))
		return 0;
	s->c_lost |= plane == DRP_PLANE_C;
	return 0;
}

static const struct drp_load_sink load_sink = {
	.element	= take_element,
	.sync		= take_sync,
	.object_del	= take_object_del,
	.activate	= take_activate,
	.plane_all	= take_plane_all,
	.plane_root	= take_plane_root,
	.c_clear	= take_c_clear,
};

/* ---- after the replay ---- */

/* What is active on an element may differ on the legs of every sync it reaches. */
static void or_active(struct load *l, struct pool_sync *s, const struct pool_element *e)
{
	const u32 per_extent = l->sb->extent_sectors / l->sb->region_sectors;
	u32 x;

	for (x = 0; e && x < EXTENTS_MAX && (x + 1) * per_extent <= REGIONS_MAX; x++)
		if (e->active[x])
			memset(s->d + x * per_extent, 1, per_extent);
}

static void settle(struct load *l, struct pool_sync *s)
{
	const struct pool_element *e = source_of(l, s);
	u32 hops, i;

	or_active(l, s, pool_element(l->p, s->rec.target_id));
	for (hops = 0; e && hops < SYNCS_MAX; hops++) {
		const struct pool_sync *up = NULL;

		or_active(l, s, e);
		for (i = 0; i < SYNCS_MAX; i++)
			if (l->p->syncs[i].rec.id && l->p->syncs[i].rec.target_id == e->rec.id)
				up = &l->p->syncs[i];
		e = up ? source_of(l, up) : NULL;
	}
}

/* The offline check's words: a power failure leaves an old superblock, no other damage. */
static void take_finding(void *ctx, enum drp_check_severity severity, const char *text)
{
	struct load *l = ctx;

	if (severity == DRP_CHECK_NOTE || l->p->finding[0] || !pool_usable(l->p))
		return;
	if (severity == DRP_CHECK_HARMLESS && strstr(text, "superblock"))
		return;
	strscpy(l->p->finding, text, sizeof(l->p->finding));
}

static void take_super(void *ctx, enum drp_probe probe, const struct drp_super *sb)
{
	struct load *l = ctx;

	l->p->probe = probe;
	l->sb = sb;
}

bool pool_usable(const struct pool *p)
{
	return p->probe == DRP_PROBE_VALID || p->probe == DRP_PROBE_REPAIR;
}

void pool_load(struct pool *p, const struct disk *metadata)
{
	static u8 scratch[DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES] __aligned(8);
	static struct drp_check_page page;
	static u64 used[BLOCKS_MAX / 64 + 1];
	static struct drp_check_object objects[OBJECTS];
	static struct drp_check_root roots[ROOTS];
	const struct drp_check_memory memory = {
		.scratch = scratch, .page = &page, .used = used, .objects = objects,
		.max_objects = OBJECTS, .roots = roots, .max_roots = ROOTS,
	};
	const struct drp_check_sink sink = {
		.finding = take_finding, .super = take_super, .load = &load_sink,
	};
	const struct drp_io io = { .ops = &read_only, .ctx = (void *)metadata };
	struct load l = { .p = p, .disk = metadata };
	u64 blocks = metadata->sectors * SECTOR / DRP_BLOCK_BYTES;
	u32 i;

	if (blocks > BLOCKS_MAX)
		die("a metadata device of %llu blocks", blocks);
	memset(p, 0, sizeof(*p));
	p->probe = DRP_PROBE_BLANK;
	p->error = drp_check(&io, blocks, &sink, &l, &memory, &p->result);
	p->probe = p->result.probe;
	for (i = 0; i < SYNCS_MAX && !p->error && pool_usable(p); i++)
		if (p->syncs[i].rec.id)
			settle(&l, &p->syncs[i]);
}
