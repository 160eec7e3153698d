// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/slab.h>

#include "op_commit.h"

#define ROOM	(2 * DRP_RECORD_MAX)

static void add(struct drp_changes *c, struct drp_change change)
{
	if (!WARN_ON_ONCE(c->nr == DRP_CHANGES_MAX))
		c->change[c->nr++] = change;
}

void drp_change_element(struct drp_changes *c, struct drp_element *e,
			const struct drp_element_rec *rec)
{
	add(c, (struct drp_change){ DRP_OBJ_ELEMENT, rec->id, e, rec });
}

void drp_change_sync(struct drp_changes *c, struct drp_sync *s, const struct drp_sync_rec *rec)
{
	add(c, (struct drp_change){ DRP_OBJ_SYNC, rec->id, s, rec });
}

void drp_change_new_element(struct drp_changes *c, struct drp_element *e)
{
	add(c, (struct drp_change){ DRP_OBJ_ELEMENT, e->rec.id, e, &e->rec, true });
}

void drp_change_new_sync(struct drp_changes *c, struct drp_sync *s)
{
	add(c, (struct drp_change){ DRP_OBJ_SYNC, s->rec.id, s, &s->rec, true });
}

void drp_change_new_aspect(struct drp_changes *c, struct drp_aspect_rec *a)
{
	add(c, (struct drp_change){ DRP_OBJ_ASPECT, a->id, a, a, true });
}

void drp_change_del(struct drp_changes *c, enum drp_object_kind kind, u64 id)
{
	add(c, (struct drp_change){ .kind = kind, .id = id });
}

static struct xarray *objects_of(struct drp_pool *pool, enum drp_object_kind kind)
{
	if (kind == DRP_OBJ_ELEMENT)
		return &pool->elements;
	return kind == DRP_OBJ_SYNC ? &pool->syncs : &pool->aspects;
}

/* ---- the records ---- */

static int encode_one(const struct drp_change *ch, void *buf, u32 room)
{
	if (!ch->rec)
		return drp_encode_object_del(ch->kind, ch->id, buf, room);
	switch (ch->kind) {
	case DRP_OBJ_ELEMENT:
		return drp_encode_element(ch->rec, buf, room);
	case DRP_OBJ_SYNC:
		return drp_encode_sync(ch->rec, buf, room);
	default:
		return drp_encode_aspect(ch->rec, buf, room);
	}
}

static bool changes_pool(const struct drp_changes *c)
{
	return c->next_id || c->reclaim || c->cow_memory;
}

static int encode_pool(struct drp_changes *c, void *buf, u32 room)
{
	spin_lock(&c->pool->rec_lock);
	c->pool_rec = c->pool->rec;
	spin_unlock(&c->pool->rec_lock);
	c->pool_rec.next_id = max(c->next_id, c->pool_rec.next_id);
	if (c->reclaim)
		c->pool_rec.reclaim = 1;
	if (c->cow_memory)
		c->pool_rec.cow_memory = c->cow_memory;
	return drp_encode_pool(&c->pool_rec, buf, room);
}

static int encode_all(struct drp_changes *c, u8 *buf, u32 room)
{
	int len = 0, r = 0;
	unsigned int i;

	/* The elements first: a sync's record needs them when it is replayed. */
	for (i = 0; i < c->nr && r >= 0; i++) {
		r = encode_one(&c->change[i], buf + len, room - len);
		len += max(r, 0);
	}
	if (r >= 0 && changes_pool(c)) {
		r = encode_pool(c, buf + len, room - len);
		len += max(r, 0);
	}
	return r < 0 ? r : len;
}

/* ---- the commit ---- */

static void apply_one(struct drp_pool *pool, const struct drp_change *ch)
{
	struct xarray *objects = objects_of(pool, ch->kind);

	if (!ch->rec)
		xa_erase(objects, ch->id);
	else if (ch->make)
		xa_store(objects, ch->id, ch->object, 0);	/* reserved before */
	else if (ch->kind == DRP_OBJ_ELEMENT)
		((struct drp_element *)ch->object)->rec = *(const struct drp_element_rec *)ch->rec;
	else if (ch->kind == DRP_OBJ_SYNC)
		((struct drp_sync *)ch->object)->rec = *(const struct drp_sync_rec *)ch->rec;
}

static void apply(struct drp_commit_req *req)
{
	struct drp_changes *c = container_of(req, struct drp_changes, req);
	unsigned int i;

	spin_lock(&c->pool->rec_lock);
	for (i = 0; i < c->nr; i++)
		apply_one(c->pool, &c->change[i]);
	if (changes_pool(c)) {
		c->pool->rec.next_id = c->pool_rec.next_id;
		c->pool->rec.reclaim = c->pool_rec.reclaim;
		c->pool->rec.cow_memory = c->pool_rec.cow_memory;
	}
	spin_unlock(&c->pool->rec_lock);
}

/* @undo: give back what was reserved. */
static int reserve(struct drp_changes *c, bool undo)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < c->nr && !r; i++) {
		struct xarray *objects = objects_of(c->pool, c->change[i].kind);

		if (!c->change[i].make)
			continue;
		if (undo)
			xa_release(objects, c->change[i].id);
		else
			r = xa_reserve(objects, c->change[i].id, GFP_NOIO);
	}
	return r;
}

int drp_changes_commit(struct drp_changes *c, u64 cut_id)
{
	u8 *buf = kvmalloc(2 * ROOM, GFP_NOIO | __GFP_NOFAIL);
	int r = encode_all(c, buf, ROOM);

	c->req.records = buf;
	c->req.len = max(r, 0);
	c->req.apply = apply;
	if (r > 0 && cut_id) {
		r = drp_encode_confirm(cut_id, buf, r, buf + ROOM, ROOM);
		c->req.records = buf + ROOM;
		c->req.len = max(r, 0);
	}
	if (r > 0)
		r = reserve(c, false);
	if (!r)
		r = drp_commit_wait(&c->pool->cm, &c->req);
	if (r)
		reserve(c, true);
	kvfree(buf);
	return r;
}
