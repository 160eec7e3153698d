// SPDX-License-Identifier: GPL-2.0-only
/* Collects what drp_load() hands out: a put replaces the object of the same id. */
#include <stdlib.h>

#include "dump.h"

/* The record in @list (of @nr, each @size, beginning with its id) to write @rec to. */
static void *place(void *list_pointer, unsigned int *nr, size_t size, u64 id)
{
	u8 **list = list_pointer;
	unsigned int i;
	u8 *grown;

	for (i = 0; i < *nr; i++) {
		u64 have;

		memcpy(&have, *list + i * size, sizeof(have));
		if (have == id)
			return *list + i * size;
	}
	grown = realloc(*list, (*nr + 1) * size);
	if (!grown)
		return NULL;
	*list = grown;
	memset(grown + *nr * size, 0, size);
	return grown + (*nr)++ * size;
}

static int drop(void *list, unsigned int *nr, size_t size, u64 id)
{
	unsigned int i;
	u64 have;

	for (i = 0; i < *nr; i++) {
		memcpy(&have, (u8 *)list + i * size, sizeof(have));
		if (have != id)
			continue;
		memmove((u8 *)list + i * size, (u8 *)list + (i + 1) * size, (*nr - i - 1) * size);
		(*nr)--;
		break;
	}
	return 0;
}

static_assert(offsetof(struct drp_element_rec, id) == 0);
static_assert(offsetof(struct drp_sync_rec, id) == 0);
static_assert(offsetof(struct drp_group_rec, id) == 0);
static_assert(offsetof(struct drp_aspect_rec, id) == 0);

#define PUT(image, list, rec)	({						\
	void *__p = place(&(image)->list, &(image)->nr_##list, sizeof(*(rec)), (rec)->id); \
	if (__p)								\
		memcpy(__p, rec, sizeof(*(rec)));				\
	__p ? 0 : -ENOMEM; })

static int put_pool(void *ctx, const struct drp_pool_rec *rec)
{
	((struct image *)ctx)->pool = *rec;
	return 0;
}

static int put_element(void *ctx, const struct drp_element_rec *rec)
{
	struct image *image = ctx;

	return PUT(image, elements, rec);
}

static int put_sync(void *ctx, const struct drp_sync_rec *rec)
{
	struct image *image = ctx;

	return PUT(image, syncs, rec);
}

static int put_group(void *ctx, const struct drp_group_rec *rec)
{
	struct image *image = ctx;

	return PUT(image, groups, rec);
}

static int put_aspect(void *ctx, const struct drp_aspect_rec *rec)
{
	struct image *image = ctx;

	return PUT(image, aspects, rec);
}

static int object_del(void *ctx, enum drp_object_kind kind, u64 id)
{
	struct image *m = ctx;

	switch (kind) {
	case DRP_OBJ_ELEMENT:
		return drop(m->elements, &m->nr_elements, sizeof(*m->elements), id);
	case DRP_OBJ_SYNC:
		return drop(m->syncs, &m->nr_syncs, sizeof(*m->syncs), id);
	case DRP_OBJ_GROUP:
		return drop(m->groups, &m->nr_groups, sizeof(*m->groups), id);
	case DRP_OBJ_ASPECT:
		return drop(m->aspects, &m->nr_aspects, sizeof(*m->aspects), id);
	default:
		return 0;
	}
}

static int activate(void *ctx, u64 element_id, u64 first, u64 count)
{
	(void)element_id;
	(void)first;
	((struct image *)ctx)->activations += count;
	return 0;
}

static struct plane_state *find_plane(struct image *image, u64 sync_id, enum drp_plane plane)
{
	struct plane_state *p;
	unsigned int i;

	for (i = 0; i < image->nr_planes; i++)
		if (image->planes[i].sync_id == sync_id && image->planes[i].plane == plane)
			return &image->planes[i];
	p = realloc(image->planes, (image->nr_planes + 1) * sizeof(*p));
	if (!p)
		return NULL;
	image->planes = p;
	p += image->nr_planes++;
	memset(p, 0, sizeof(*p));
	p->sync_id = sync_id;
	p->plane = plane;
	return p;
}

static int plane_all(void *ctx, u64 sync_id, enum drp_plane plane, bool value)
{
	struct plane_state *p = find_plane(ctx, sync_id, plane);

	if (!p)
		return -ENOMEM;
	p->all_known = true;
	p->all_value = value;
	p->stored = 0;
	p->dirty = 0;
	return 0;
}

/* How many regions of a page are set is not counted here. */
static int c_clear(void *ctx, u64 sync_id, u64 first, u64 count)
{
	(void)first;
	(void)count;
	return find_plane(ctx, sync_id, DRP_PLANE_C) ? 0 : -ENOMEM;
}

static int plane_root(void *ctx, u64 sync_id, enum drp_plane plane, u64 first,
		      const struct drp_dir_entry *entries, u32 n)
{
	struct plane_state *p = find_plane(ctx, sync_id, plane);
	u32 i;

	(void)first;
	if (!p)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		p->stored += entries[i].state == DRP_PAGE_STORED;
		p->dirty += entries[i].state == DRP_PAGE_DIRTY;
	}
	return 0;
}

static int cow_put(void *ctx, const struct drp_cow_entry *entry, u64 commit_seq)
{
	(void)entry;
	(void)commit_seq;
	((struct image *)ctx)->cow_puts++;
	return 0;
}

static int cow_del(void *ctx, const struct drp_cow_key *key)
{
	(void)key;
	((struct image *)ctx)->cow_dels++;
	return 0;
}

static int cow_root(void *ctx, const struct drp_cow_root *root)
{
	((struct image *)ctx)->cow_root = *root;
	return 0;
}

static const struct drp_load_sink sink = {
	.pool = put_pool, .element = put_element, .sync = put_sync, .group = put_group,
	.aspect = put_aspect, .object_del = object_del, .activate = activate,
	.plane_all = plane_all, .plane_root = plane_root, .c_clear = c_clear,
	.cow_put = cow_put, .cow_del = cow_del, .cow_root = cow_root,
};

int image_load(const struct metadata *m, const struct drp_super *sb, struct image *image)
{
	memset(image, 0, sizeof(*image));
	return drp_load(&m->io, sb, &sink, image, m->scratch, &image->result);
}

void image_free(struct image *image)
{
	free(image->elements);
	free(image->syncs);
	free(image->groups);
	free(image->aspects);
	free(image->planes);
}
