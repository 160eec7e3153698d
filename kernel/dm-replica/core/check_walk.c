// SPDX-License-Identifier: GPL-2.0-only
/* Offline check, second part: references between objects, then all pages. */
#include "bitmap.h"
#include "check_state.h"

#define PARENTS_MAX	8U	/* snapshots of snapshots */

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

/* What a virtual element shows must be there, and the way to it must end. */
static void check_parent(struct check *c, const struct drp_check_object *o)
{
	const struct drp_check_object *p = drp_check_find(c, DRP_OBJ_ELEMENT, o->parent_id);
	u32 depth;

	if (!p) {
		drp_check_say(c, DRP_CHECK_ERROR,
			      "element %s: what it is a snapshot of, element %llu, is missing",
			      o->name, o->parent_id);
		return;
	}
	if (o->parent_generation > p->generation)
		drp_check_say(c, DRP_CHECK_ERROR,
			      "element %s: its point in time %llu was never taken of element %s",
			      o->name, o->parent_generation, p->name);
	for (depth = 1; p && p->parent_id && depth <= PARENTS_MAX; depth++)
		p = drp_check_find(c, DRP_OBJ_ELEMENT, p->parent_id);
	if (depth > PARENTS_MAX)
		drp_check_say(c, DRP_CHECK_ERROR,
			      "element %s: it is a snapshot of a snapshot more than %u times",
			      o->name, PARENTS_MAX);
}

static void check_active(struct check *c, const struct drp_check_object *o)
{
	const u64 extents = o->size_sectors ?
		(o->size_sectors - 1) / c->result->sb.extent_sectors + 1 : 0;

	if (o->size_sectors && o->active_end > extents)
		drp_check_say(c, DRP_CHECK_HARMLESS,
			      "element %s: active extents up to %llu lie behind its end",
			      o->name, o->active_end - 1);
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
	if (o->kind == DRP_OBJ_ELEMENT)
		check_active(c, o);
	if (o->kind == DRP_OBJ_ELEMENT && o->parent_id)
		check_parent(c, o);
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

bool drp_check_in_page_area(const struct drp_super *sb, u64 block)
{
	u32 i;

	for (i = 0; i < sb->nr_areas && i < DRP_NR_AREAS; i++)
		if (sb->areas[i].kind == DRP_AREA_PAGES && block >= sb->areas[i].first &&
		    block - sb->areas[i].first < sb->areas[i].blocks)
			return true;
	return false;
}

/* Whose plane it is, in words and as a length of it. */
struct owner {
	char text[DRP_NAME_MAX + 16];
	u64 id;
	u64 pages;		/* 0: not known */
	bool slots;
};

/* Claim @block and read it; false, with a finding, where that is not right. */
static bool page_take(struct check *c, const struct owner *o, u64 block)
{
	u64 *word = &c->memory->used[block / 64];
	const u64 bit = 1ULL << (block % 64);

	if (!drp_check_in_page_area(&c->result->sb, block)) {
		drp_check_say(c, DRP_CHECK_HARMLESS,
			      "%s: block %llu of its bitmap lies outside of the page areas",
			      o->text, block);
		return false;
	}
	if (*word & bit)
		drp_check_say(c, DRP_CHECK_ERROR, "%s: block %llu is used twice", o->text, block);
	*word |= bit;
	c->result->pages++;
	if (!c->io->ops->read(c->io->ctx, block, c->memory->page->block, 1))
		return true;
	drp_check_say(c, DRP_CHECK_HARMLESS, "%s: block %llu of its bitmap cannot be read",
		      o->text, block);
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

/* A page whose content is in p->words: 0, or all that it may say is to be taken as set. */
static int page_read(struct check *c, const struct drp_check_root *root, const struct owner *o,
		     u64 index, const struct drp_dir_entry *e)
{
	struct drp_check_page *p = c->memory->page;
	int ret;

	if (!page_take(c, o, e->block))
		return -EIO;
	ret = drp_page_decode(p->block, c->result->sb.nonce, o->id, root->plane, index, e->seq,
			      p->words);
	if (ret)
		drp_check_say(c, DRP_CHECK_HARMLESS, "%s: page %llu of its bitmap (block %llu) %s",
			      o->text, index, e->block, decode_word(ret));
	return ret;
}

static void check_page(struct check *c, const struct drp_check_root *root, const struct owner *o,
		       u64 index, const struct drp_dir_entry *e)
{
	int ret = e->state == DRP_PAGE_STORED ? page_read(c, root, o, index, e) : -ENOENT;

	if (!o->slots)
		c->result->dirty_bits += ret ? 0 : drp_bits_count(c->memory->page->words,
								  DRP_PAGE_BITS);
	else if (ret)
		drp_check_slots_all(c, index, 1);
	else
		drp_check_slots_page(c, index, c->memory->page->words);
}

/* Pages of a bitmap over so many sectors or slots. */
static u64 pages_of(u64 length, u32 per_bit)
{
	return length ? (length - 1) / ((u64)per_bit * DRP_PAGE_BITS) + 1 : 0;
}

static bool find_owner(struct check *c, const struct drp_check_root *root, struct owner *o)
{
	const struct drp_check_object *sync, *source;

	memset(o, 0, sizeof(*o));
	o->id = root->sync_id;
	if (root->plane == DRP_PLANE_SLOTS) {
		scnprintf(o->text, sizeof(o->text), "COW space");
		o->pages = pages_of(drp_check_slots(&c->result->sb), 1);
		o->slots = true;
		return true;
	}
	sync = drp_check_find(c, DRP_OBJ_SYNC, root->sync_id);
	if (!sync)
		return false;
	scnprintf(o->text, sizeof(o->text), "sync %s", sync->name);
	source = drp_check_find(c, DRP_OBJ_ELEMENT, sync->source_id);
	if (source)
		o->pages = pages_of(source->size_sectors, c->result->sb.region_sectors);
	return true;
}

/* The directory chunk, in p->entries: 0, or nothing is known of its pages. */
static int chunk_read(struct check *c, const struct drp_check_root *root, const struct owner *o)
{
	struct drp_check_page *p = c->memory->page;
	int ret;

	if (root->entry.state != DRP_PAGE_STORED)
		return -ENOENT;
	if (!page_take(c, o, root->entry.block))
		return -EIO;
	ret = drp_dir_decode(p->block, c->result->sb.nonce, o->id, root->plane, root->chunk,
			     root->entry.seq, c->result->sb.device_blocks, p->entries);
	if (ret)
		drp_check_say(c, DRP_CHECK_HARMLESS,
			      "%s: directory chunk %llu of its bitmap (block %llu) %s", o->text,
			      root->chunk, root->entry.block, decode_word(ret));
	return ret;
}

static void check_chunk(struct check *c, const struct drp_check_root *root)
{
	const u64 first = root->chunk * DRP_DIR_ENTRIES;
	struct drp_check_page *p = c->memory->page;
	struct owner o;
	u32 i;

	if (!find_owner(c, root, &o)) {
		drp_check_say(c, DRP_CHECK_HARMLESS, "a bitmap belongs to the sync %llu, which is missing",
			      root->sync_id);
		return;
	}
	if (chunk_read(c, root, &o)) {
		if (o.slots)
			drp_check_slots_all(c, first, DRP_DIR_ENTRIES);
		return;
	}
	for (i = 0; i < DRP_DIR_ENTRIES; i++) {
		if (p->entries[i].state == DRP_PAGE_CLEAN ||
		    (p->entries[i].state == DRP_PAGE_DIRTY && !o.slots))
			continue;
		if (o.pages && first + i >= o.pages)
			drp_check_say(c, DRP_CHECK_HARMLESS,
				      "%s: page %llu of its bitmap lies behind %s",
				      o.text, first + i, o.slots ? "its end" : "its source's end");
		check_page(c, root, &o, first + i, &p->entries[i]);
	}
}

void drp_check_pages(struct check *c)
{
	const u64 slots = drp_check_slots(&c->result->sb);
	u32 i, j;

	memset(c->memory->used, 0, (c->result->sb.device_blocks / 64 + 1) * sizeof(u64));
	if (slots) {
		memset(c->memory->slots, 0, (slots / 64 + 1) * sizeof(u64));
		memset(c->memory->slots_used, 0, (slots / 64 + 1) * sizeof(u64));
	}
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
