// SPDX-License-Identifier: GPL-2.0-only
/* Offline check, second part: references between objects, then all pages. */
#include "bitmap.h"
#include "check_state.h"

static const char *kind_word(enum drp_object_kind kind)
{
	switch (kind) {
	case DRP_OBJ_ELEMENT:
		return "element";
	case DRP_OBJ_SYNC:
		return "sync";
	case DRP_OBJ_GROUP:
		return "group";
	case DRP_OBJ_ASPECT:
		return "aspect";
	default:
		return "object";
	}
}

static void check_pair(struct check *c, const struct drp_check_object *a,
		       const struct drp_check_object *b)
{
	if (a->id == b->id)
		drp_check_say(c, DRP_CHECK_ERROR, "%s %s and %s %s have the same id %llu",
			      kind_word(a->kind), a->name, kind_word(b->kind), b->name, a->id);
	if (a->kind == b->kind && !strcmp(a->name, b->name))
		drp_check_say(c, DRP_CHECK_ERROR, "the %ss %llu and %llu have the same name %s",
			      kind_word(a->kind), a->id, b->id, a->name);
}

static void check_sync_ends(struct check *c, const struct drp_check_object *s)
{
	const struct drp_check_object *source = drp_check_find(c, DRP_OBJ_ELEMENT, s->source_id);
	const struct drp_check_object *target = drp_check_find(c, DRP_OBJ_ELEMENT, s->target_id);

	if (!source)
		drp_check_say(c, DRP_CHECK_ERROR, "sync %s: its source, element %llu, is missing",
			      s->name, s->source_id);
	if (!target)
		drp_check_say(c, DRP_CHECK_ERROR, "sync %s: its target, element %llu, is missing",
			      s->name, s->target_id);
	if (source && target && source->size_sectors && target->size_sectors &&
	    target->size_sectors < source->size_sectors)
		drp_check_say(c, DRP_CHECK_ERROR,
			      "sync %s: its target %s is smaller than its source %s",
			      s->name, target->name, source->name);
}

static void check_object(struct check *c, const struct drp_check_object *o)
{
	if (o->kind == DRP_OBJ_NONE) {
		if (!drp_check_find(c, DRP_OBJ_ELEMENT, o->id))
			drp_check_say(c, DRP_CHECK_ERROR,
				      "group %s: its member, element %llu, is missing",
				      o->name, o->id);
		return;
	}
	if (o->id >= c->result->pool.next_id)
		drp_check_say(c, DRP_CHECK_ERROR,
			      "%s %s: its id %llu may be given out again, the next one is %llu",
			      kind_word(o->kind), o->name, o->id, c->result->pool.next_id);
	if (o->kind == DRP_OBJ_SYNC)
		check_sync_ends(c, o);
}

void drp_check_references(struct check *c)
{
	const struct drp_check_object *objects = c->memory->objects;
	u32 i, j;

	if (!c->result->pool.next_id)
		drp_check_say(c, DRP_CHECK_ERROR, "the catalog has no record of the pool");
	for (i = 0; i < c->nr_objects; i++) {
		check_object(c, &objects[i]);
		for (j = 0; j < i && objects[i].kind != DRP_OBJ_NONE; j++)
			if (objects[j].kind != DRP_OBJ_NONE)
				check_pair(c, &objects[j], &objects[i]);
	}
}

/* ---- pages ---- */

static bool in_page_area(const struct drp_super *sb, u64 block)
{
	u32 i;

	for (i = 0; i < sb->nr_areas && i < DRP_NR_AREAS; i++)
		if (sb->areas[i].kind == DRP_AREA_PAGES && block >= sb->areas[i].first &&
		    block - sb->areas[i].first < sb->areas[i].blocks)
			return true;
	return false;
}

/* Claim @block for @sync and read it; false, with a finding, where that is not right. */
static bool page_take(struct check *c, const struct drp_check_object *sync, u64 block)
{
	u64 *word = &c->memory->used[block / 64];
	const u64 bit = 1ULL << (block % 64);

	if (!in_page_area(&c->result->sb, block)) {
		drp_check_say(c, DRP_CHECK_HARMLESS,
			      "sync %s: block %llu of its bitmap lies outside of the page areas",
			      sync->name, block);
		return false;
	}
	if (*word & bit)
		drp_check_say(c, DRP_CHECK_ERROR, "sync %s: block %llu is used twice",
			      sync->name, block);
	*word |= bit;
	c->result->pages++;
	if (!c->io->ops->read(c->io->ctx, block, c->memory->page->block, 1))
		return true;
	drp_check_say(c, DRP_CHECK_HARMLESS, "sync %s: block %llu of its bitmap cannot be read",
		      sync->name, block);
	return false;
}

static const char *decode_word(int error)
{
	switch (error) {
	case -ESTALE:
		return "is of another time";
	case -EUCLEAN:
		return "belongs somewhere else";
	default:
		return "is damaged";
	}
}

static void check_page(struct check *c, const struct drp_check_root *root,
		       const struct drp_check_object *sync, u64 index,
		       const struct drp_dir_entry *e)
{
	struct drp_check_page *p = c->memory->page;
	int ret;

	if (!page_take(c, sync, e->block))
		return;
	ret = drp_page_decode(p->block, c->result->sb.nonce, sync->id, root->plane, index, e->seq,
			      p->words);
	if (ret)
		drp_check_say(c, DRP_CHECK_HARMLESS, "sync %s: page %llu of its bitmap (block %llu) %s",
			      sync->name, index, e->block, decode_word(ret));
	else
		c->result->dirty_bits += drp_bits_count(p->words, DRP_PAGE_BITS);
}

/* Pages of a bitmap over an element of this size; 0: not known. */
static u64 pages_of(const struct check *c, const struct drp_check_object *sync)
{
	const struct drp_check_object *source = drp_check_find(c, DRP_OBJ_ELEMENT, sync->source_id);
	const u32 per_page = c->result->sb.region_sectors * DRP_PAGE_BITS;

	if (!source || !source->size_sectors)
		return 0;
	return (source->size_sectors - 1) / per_page + 1;
}

static void check_chunk(struct check *c, const struct drp_check_root *root)
{
	const struct drp_check_object *sync = drp_check_find(c, DRP_OBJ_SYNC, root->sync_id);
	struct drp_check_page *p = c->memory->page;
	u64 first = root->chunk * DRP_DIR_ENTRIES, pages;
	u32 i;
	int ret;

	if (!sync) {
		drp_check_say(c, DRP_CHECK_HARMLESS, "a bitmap belongs to the sync %llu, which is missing",
			      root->sync_id);
		return;
	}
	if (!page_take(c, sync, root->entry.block))
		return;
	ret = drp_dir_decode(p->block, c->result->sb.nonce, sync->id, root->plane, root->chunk,
			     root->entry.seq, c->result->sb.device_blocks, p->entries);
	if (ret) {
		drp_check_say(c, DRP_CHECK_HARMLESS,
			      "sync %s: directory chunk %llu of its bitmap (block %llu) %s",
			      sync->name, root->chunk, root->entry.block, decode_word(ret));
		return;
	}
	pages = pages_of(c, sync);
	for (i = 0; i < DRP_DIR_ENTRIES; i++) {
		if (p->entries[i].state != DRP_PAGE_STORED)
			continue;
		if (pages && first + i >= pages)
			drp_check_say(c, DRP_CHECK_HARMLESS,
				      "sync %s: page %llu of its bitmap lies behind its source's end",
				      sync->name, first + i);
		check_page(c, root, sync, first + i, &p->entries[i]);
	}
}

void drp_check_pages(struct check *c)
{
	u32 i, j;

	memset(c->memory->used, 0, (c->result->sb.device_blocks / 64 + 1) * sizeof(u64));
	for (i = 0; i < c->nr_roots; i++) {
		const struct drp_check_root *a = &c->memory->roots[i];

		for (j = 0; j < i; j++) {
			const struct drp_check_root *b = &c->memory->roots[j];

			if (a->sync_id == b->sync_id && a->plane == b->plane &&
			    a->chunk == b->chunk)
				drp_check_say(c, DRP_CHECK_ERROR,
					      "the bitmap of the sync %llu has its chunk %llu twice",
					      a->sync_id, a->chunk);
		}
		check_chunk(c, a);
	}
}
