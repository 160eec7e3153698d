// SPDX-License-Identifier: GPL-2.0-only
/* References between objects, then every page of every plane. */
#include <stdarg.h>
#include <stdlib.h>

#include "check.h"

#define FINDINGS_MAX	1000	/* who has more does not read them */

static void add(struct check *c, bool harmless, const char *fmt, ...) __printf(3, 4);

static void add(struct check *c, bool harmless, const char *fmt, ...)
{
	struct finding *list;
	va_list args;

	if (c->nr_findings == FINDINGS_MAX)
		return;
	list = realloc(c->findings, (c->nr_findings + 1) * sizeof(*list));
	if (!list) {
		fail(0, "check", "out of memory; free some");
		exit(EX_OSERR);
	}
	c->findings = list;
	list += c->nr_findings++;
	list->harmless = harmless;
	va_start(args, fmt);
	vsnprintf(list->text, sizeof(list->text), fmt, args);
	va_end(args);
}

static const struct drp_element_rec *find_element(const struct image *image, u64 id)
{
	unsigned int i;

	for (i = 0; i < image->nr_elements; i++)
		if (image->elements[i].id == id)
			return &image->elements[i];
	return NULL;
}

static const struct drp_sync_rec *find_sync(const struct image *image, u64 id)
{
	unsigned int i;

	for (i = 0; i < image->nr_syncs; i++)
		if (image->syncs[i].id == id)
			return &image->syncs[i];
	return NULL;
}

static void check_sync(const struct image *image, const struct drp_sync_rec *s, struct check *c)
{
	const struct drp_element_rec *source = find_element(image, s->source_id);
	const struct drp_element_rec *target = find_element(image, s->target_id);

	if (!source)
		add(c, false, "synchronization %s: its source, element %llu, is missing", s->name,
		    (unsigned long long)s->source_id);
	if (!target)
		add(c, false, "synchronization %s: its target, element %llu, is missing", s->name,
		    (unsigned long long)s->target_id);
	if (source && source == target)
		add(c, false, "synchronization %s: its source is its target", s->name);
	if (source && target && target->size_sectors < source->size_sectors)
		add(c, false, "synchronization %s: its target is smaller than its source", s->name);
	if (s->id >= image->pool.next_id)
		add(c, false, "synchronization %s: its id %llu may be given out again", s->name,
		    (unsigned long long)s->id);
	if (!drp_state_valid(s->sync_type, s->copy_state))
		add(c, false, "synchronization %s: a %s has no copy state %u", s->name,
		    drp_name(DRP_ENUM_SYNC_TYPE, s->sync_type), s->copy_state);
}

static void check_names(const struct image *image, struct check *c)
{
	unsigned int i, j;

	for (i = 0; i < image->nr_elements; i++) {
		const struct drp_element_rec *e = &image->elements[i];

		if (e->id >= image->pool.next_id)
			add(c, false, "element %s: its id %llu may be given out again", e->name,
			    (unsigned long long)e->id);
		for (j = i + 1; j < image->nr_elements; j++)
			if (!strcmp(e->name, image->elements[j].name))
				add(c, false, "two elements have the name %s", e->name);
	}
	for (i = 0; i < image->nr_syncs; i++)
		for (j = i + 1; j < image->nr_syncs; j++)
			if (!strcmp(image->syncs[i].name, image->syncs[j].name))
				add(c, false, "two synchronizations have the name %s",
				    image->syncs[i].name);
}

static void check_groups(const struct image *image, struct check *c)
{
	unsigned int i;
	u32 m;

	for (i = 0; i < image->nr_groups; i++)
		for (m = 0; m < image->groups[i].nr_members; m++)
			if (!find_element(image, image->groups[i].members[m]))
				add(c, false, "group %s: its member, element %llu, is missing",
				    image->groups[i].name,
				    (unsigned long long)image->groups[i].members[m]);
}

/* ---- pages ---- */

struct walk {
	const struct metadata *m;
	const struct drp_super *sb;
	u64 *used;		/* a bit for each block */
	struct check *check;
	u8 block[DRP_BLOCK_BYTES];
	u64 words[DRP_PAGE_BYTES / 8];
	struct drp_dir_entry entries[DRP_DIR_ENTRIES];
};

static bool in_pages_area(const struct drp_super *sb, u64 block)
{
	u32 i;

	for (i = 0; i < sb->nr_areas && i < DRP_NR_AREAS; i++)
		if (sb->areas[i].kind == DRP_AREA_PAGES && block >= sb->areas[i].first &&
		    block - sb->areas[i].first < sb->areas[i].blocks)
			return true;
	return false;
}

/* Read a page's block into the walk; false with a finding when that is not right. */
static bool take_block(struct walk *w, const struct drp_sync_rec *s, u64 block)
{
	if (!in_pages_area(w->sb, block)) {
		add(w->check, true, "synchronization %s: block %llu lies outside of the pages",
		    s->name, (unsigned long long)block);
		return false;
	}
	if (w->used[block / 64] & (1ULL << (block % 64)))
		add(w->check, false, "synchronization %s: block %llu is used twice", s->name,
		    (unsigned long long)block);
	w->used[block / 64] |= 1ULL << (block % 64);
	w->check->pages++;
	if (!w->m->io.ops->read(w->m->io.ctx, block, w->block, 1))
		return true;
	add(w->check, true, "synchronization %s: block %llu cannot be read", s->name,
	    (unsigned long long)block);
	return false;
}

static void check_page(struct walk *w, const struct drp_sync_rec *s, enum drp_plane plane,
		       u64 index, const struct drp_dir_entry *e)
{
	if (!take_block(w, s, e->block))
		return;
	if (drp_page_decode(w->block, w->sb->nonce, s->id, plane, index, e->seq, w->words))
		add(w->check, true, "synchronization %s: page %llu of its bitmap is damaged (block %llu)",
		    s->name, (unsigned long long)index, (unsigned long long)e->block);
}

static void check_chunk(struct walk *w, const struct image *image, const struct chunk_root *root)
{
	const struct drp_sync_rec *s = find_sync(image, root->sync_id);
	u32 i;

	if (!s) {
		add(w->check, true, "a bitmap belongs to the synchronization %llu, which is missing",
		    (unsigned long long)root->sync_id);
		return;
	}
	if (!take_block(w, s, root->entry.block))
		return;
	if (drp_dir_decode(w->block, w->sb->nonce, s->id, root->plane, root->chunk,
			   root->entry.seq, w->sb->device_blocks, w->entries)) {
		add(w->check, true, "synchronization %s: directory chunk %llu of its bitmap is damaged (block %llu)",
		    s->name, (unsigned long long)root->chunk,
		    (unsigned long long)root->entry.block);
		return;
	}
	for (i = 0; i < DRP_DIR_ENTRIES; i++)
		if (w->entries[i].state == DRP_PAGE_STORED)
			check_page(w, s, root->plane, root->chunk * DRP_DIR_ENTRIES + i,
				   &w->entries[i]);
}

void check_image(const struct metadata *m, const struct drp_super *sb, const struct image *image,
		 struct check *check)
{
	struct walk *w = xalloc(sizeof(*w));
	unsigned int i;

	memset(check, 0, sizeof(*check));
	for (i = 0; i < image->nr_syncs; i++)
		check_sync(image, &image->syncs[i], check);
	check_names(image, check);
	check_groups(image, check);
	w->m = m;
	w->sb = sb;
	w->check = check;
	w->used = xalloc((sb->device_blocks / 64 + 1) * sizeof(*w->used));
	for (i = 0; i < image->nr_roots; i++)
		check_chunk(w, image, &image->roots[i]);
	free(w->used);
	free(w);
}

void check_free(struct check *check)
{
	free(check->findings);
}
