// SPDX-License-Identifier: GPL-2.0-only
/* Offline check, first part: load everything and remember what refers to what. */
#include "check.h"
#include "check_state.h"
#include "cow.h"
#include "names.h"

void drp_check_say(struct check *c, enum drp_check_severity severity, const char *fmt, ...)
{
	char text[DRP_MESSAGE_MAX + 1];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (severity == DRP_CHECK_ERROR)
		c->result->errors++;
	else if (severity == DRP_CHECK_HARMLESS)
		c->result->harmless++;
	else
		c->result->notes++;
	c->sink->finding(c->ctx, severity, text);
}

struct drp_check_object *drp_check_find(const struct check *c, enum drp_object_kind kind, u64 id)
{
	u32 i;

	for (i = 0; i < c->nr_objects; i++)
		if (c->memory->objects[i].kind == kind && c->memory->objects[i].id == id)
			return &c->memory->objects[i];
	return NULL;
}

/* The place of a new object or of the one that it replaces; NULL: memory is full. */
static struct drp_check_object *object_put(struct check *c, enum drp_object_kind kind, u64 id,
					   const char *name)
{
	struct drp_check_object *o = kind ? drp_check_find(c, kind, id) : NULL;

	if (!o) {
		if (c->nr_objects == c->memory->max_objects)
			return NULL;
		o = &c->memory->objects[c->nr_objects++];
	}
	memset(o, 0, sizeof(*o));
	o->kind = kind;
	o->id = id;
	strscpy(o->name, name, sizeof(o->name));
	return o;
}

static void object_drop(struct check *c, struct drp_check_object *o)
{
	*o = c->memory->objects[--c->nr_objects];
}

static void members_drop(struct check *c, u64 group_id)
{
	u32 i = 0;

	while (i < c->nr_objects) {
		struct drp_check_object *o = &c->memory->objects[i];

		if (o->kind == DRP_OBJ_NONE && o->source_id == group_id)
			object_drop(c, o);
		else
			i++;
	}
}

static void roots_drop(struct check *c, u64 sync_id, enum drp_plane plane)
{
	u32 i = 0;

	while (i < c->nr_roots) {
		struct drp_check_root *r = &c->memory->roots[i];

		if (r->sync_id == sync_id && r->plane == plane)
			*r = c->memory->roots[--c->nr_roots];
		else
			i++;
	}
}

/* ---- what the load hands out ---- */

static int take_pool(void *ctx, const struct drp_pool_rec *rec)
{
	struct check *c = ctx;

	c->result->pool = *rec;
	return c->dump && c->dump->pool ? c->dump->pool(c->ctx, rec) : 0;
}

static int take_element(void *ctx, const struct drp_element_rec *rec)
{
	struct check *c = ctx;
	struct drp_check_object *o = drp_check_find(c, DRP_OBJ_ELEMENT, rec->id);
	const u64 active_end = o ? o->active_end : 0;

	o = object_put(c, DRP_OBJ_ELEMENT, rec->id, rec->name);
	if (!o)
		return -ENOBUFS;
	o->active_end = active_end;
	o->size_sectors = rec->size_sectors;
	o->parent_id = rec->parent_element;
	o->parent_generation = rec->parent_generation;
	o->generation = rec->generation;
	return c->dump && c->dump->element ? c->dump->element(c->ctx, rec) : 0;
}

static int take_sync(void *ctx, const struct drp_sync_rec *rec)
{
	struct check *c = ctx;
	struct drp_check_object *o = object_put(c, DRP_OBJ_SYNC, rec->id, rec->name);

	if (!o)
		return -ENOBUFS;
	o->source_id = rec->source_id;
	o->target_id = rec->target_id;
	return c->dump && c->dump->sync ? c->dump->sync(c->ctx, rec) : 0;
}

static int take_group(void *ctx, const struct drp_group_rec *rec)
{
	struct check *c = ctx;
	struct drp_check_object *o;
	u32 i;

	members_drop(c, rec->id);
	if (!object_put(c, DRP_OBJ_GROUP, rec->id, rec->name))
		return -ENOBUFS;
	for (i = 0; i < rec->nr_members; i++) {
		o = object_put(c, DRP_OBJ_NONE, rec->members[i], rec->name);
		if (!o)
			return -ENOBUFS;
		o->source_id = rec->id;
	}
	return c->dump && c->dump->group ? c->dump->group(c->ctx, rec) : 0;
}

static int take_aspect(void *ctx, const struct drp_aspect_rec *rec)
{
	struct check *c = ctx;

	if (!object_put(c, DRP_OBJ_ASPECT, rec->id, rec->name))
		return -ENOBUFS;
	return c->dump && c->dump->aspect ? c->dump->aspect(c->ctx, rec) : 0;
}

static int take_object_del(void *ctx, enum drp_object_kind kind, u64 id)
{
	struct check *c = ctx;
	struct drp_check_object *o = drp_check_find(c, kind, id);

	if (o)
		object_drop(c, o);
	if (kind == DRP_OBJ_GROUP)
		members_drop(c, id);
	if (kind == DRP_OBJ_SYNC) {
		roots_drop(c, id, DRP_PLANE_D);
		roots_drop(c, id, DRP_PLANE_C);
	}
	return c->dump && c->dump->object_del ? c->dump->object_del(c->ctx, kind, id) : 0;
}

static int take_activate(void *ctx, u64 element_id, u64 first, u64 count)
{
	struct check *c = ctx;
	struct drp_check_object *o = drp_check_find(c, DRP_OBJ_ELEMENT, element_id);

	/*
	 * Without the element: a record from before it was deleted, replayed over a newer
	 * catalog. Behind its end: it may have grown in the middle of the catalog.
	 */
	if (o)
		o->active_end = max_t(u64, o->active_end, first + count);
	return c->dump && c->dump->activate ?
		c->dump->activate(c->ctx, element_id, first, count) : 0;
}

static int take_plane_all(void *ctx, u64 sync_id, enum drp_plane plane, bool value)
{
	struct check *c = ctx;

	roots_drop(c, sync_id, plane);
	return c->dump && c->dump->plane_all ?
		c->dump->plane_all(c->ctx, sync_id, plane, value) : 0;
}

static int take_c_clear(void *ctx, u64 sync_id, u64 first, u64 count)
{
	struct check *c = ctx;

	return c->dump && c->dump->c_clear ? c->dump->c_clear(c->ctx, sync_id, first, count) : 0;
}

static int take_plane_root(void *ctx, u64 sync_id, enum drp_plane plane, u64 first,
			   const struct drp_dir_entry *entries, u32 n)
{
	struct check *c = ctx;
	u32 i;

	for (i = 0; i < n; i++) {
		if (entries[i].state == DRP_PAGE_CLEAN ||
		    (entries[i].state == DRP_PAGE_DIRTY && plane != DRP_PLANE_SLOTS))
			continue;
		if (c->nr_roots == c->memory->max_roots)
			return -ENOBUFS;
		c->memory->roots[c->nr_roots++] = (struct drp_check_root){
			.sync_id = sync_id, .plane = plane, .chunk = first + i,
			.entry = entries[i],
		};
	}
	return c->dump && c->dump->plane_root ?
		c->dump->plane_root(c->ctx, sync_id, plane, first, entries, n) : 0;
}

static int take_cow_put(void *ctx, const struct drp_cow_entry *entry, u64 commit_seq)
{
	const struct drp_cow_mod mod = { .entry = *entry };
	struct check *c = ctx;
	int ret = drp_check_take_mod(c, &mod);

	if (ret)
		return ret;
	return c->dump && c->dump->cow_put ? c->dump->cow_put(c->ctx, entry, commit_seq) : 0;
}

static int take_cow_del(void *ctx, const struct drp_cow_key *key)
{
	const struct drp_cow_mod mod = { .entry.key = *key, .del = true };
	struct check *c = ctx;
	int ret = drp_check_take_mod(c, &mod);

	if (ret)
		return ret;
	return c->dump && c->dump->cow_del ? c->dump->cow_del(c->ctx, key) : 0;
}

static int take_cow_root(void *ctx, const struct drp_cow_root *root)
{
	struct check *c = ctx;

	c->cow_root = *root;
	return c->dump && c->dump->cow_root ? c->dump->cow_root(c->ctx, root) : 0;
}

static const struct drp_load_sink check_load_sink = {
	.pool		= take_pool,
	.element	= take_element,
	.sync		= take_sync,
	.group		= take_group,
	.aspect		= take_aspect,
	.object_del	= take_object_del,
	.activate	= take_activate,
	.plane_all	= take_plane_all,
	.plane_root	= take_plane_root,
	.c_clear	= take_c_clear,
	.cow_put	= take_cow_put,
	.cow_del	= take_cow_del,
	.cow_root	= take_cow_root,
};

/* ---- the whole ---- */

static bool check_probe(struct check *c)
{
	switch (c->result->probe) {
	case DRP_PROBE_VALID:
		return true;
	case DRP_PROBE_REPAIR:
		drp_check_say(c, DRP_CHECK_HARMLESS,
			      "one superblock is damaged or older than the other; repair writes both anew");
		return true;
	case DRP_PROBE_BLANK:
		drp_check_say(c, DRP_CHECK_ERROR, "the device is blank: there is no pool on it");
		return false;
	case DRP_PROBE_FOREIGN:
		drp_check_say(c, DRP_CHECK_ERROR,
			      "there is no pool on the device, but something else");
		return false;
	case DRP_PROBE_DAMAGED:
		break;
	}
	drp_check_say(c, DRP_CHECK_ERROR,
		      "no superblock can be used: damaged, of another version, or the device became smaller");
	return false;
}

int drp_check(const struct drp_io *io, u64 device_blocks, const struct drp_check_sink *sink,
	      void *ctx, const struct drp_check_memory *memory, struct drp_check_result *result)
{
	struct check c = {
		.io = io, .sink = sink, .dump = sink->load, .ctx = ctx, .memory = memory,
		.result = result,
	};
	int ret;

	memset(result, 0, sizeof(*result));
	ret = drp_probe_device(io, device_blocks, &result->sb, &result->probe, memory->scratch);
	if (ret || !check_probe(&c))
		return ret;
	if (sink->super)
		sink->super(ctx, result->probe, &result->sb);
	ret = drp_load(io, &result->sb, &check_load_sink, &c, memory->scratch, &result->load);
	if (ret == -EBADMSG || ret == -ESTALE || ret == -EPROTONOSUPPORT || ret == -EIO) {
		drp_check_say(&c, DRP_CHECK_ERROR, "the metadata cannot be loaded: %s",
			      result->load.problem);
		return 0;
	}
	if (ret)
		return ret;
	if (result->load.torn)
		drp_check_say(&c, DRP_CHECK_NOTE,
			      "a commit was in flight when the pool stopped; it does not count");
	if (drp_check_slots(&result->sb) > memory->max_slots)
		return -ENOBUFS;
	drp_check_references(&c);
	drp_check_pages(&c);
	drp_check_cow(&c);
	return 0;
}
