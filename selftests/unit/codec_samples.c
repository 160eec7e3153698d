// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "codec_samples.h"

static const char * const names[SAMPLES] = {
	"pool", "element", "sync", "group", "aspect", "object_del", "activate", "plane_all",
	"plane_root", "cut", "confirm", "cut_abort", "c_clear", "cow_put", "cow_del", "cow_root",
};

static void fill(u8 *to, u8 from, u32 n)
{
	while (n--)
		*to++ = from++;
}

void sample_super(struct drp_super *sb)
{
	static const struct drp_area areas[] = {
		{ DRP_AREA_JOURNAL, 0, 257, 256 },
		{ DRP_AREA_CATALOG, 0, 513, 64 },
		{ DRP_AREA_CATALOG, 1, 577, 64 },
		{ DRP_AREA_PAGES, 0, 641, 1407 },
	};

	memset(sb, 0, sizeof(*sb));
	fill(sb->uuid, 1, sizeof(sb->uuid));
	sb->nonce = SAMPLE_NONCE;
	sb->seq = 7;
	strcpy(sb->name, "sample-pool");
	sb->device_blocks = 2048;
	sb->created = 1700000000000000000ULL;
	sb->chunk_sectors = 128;
	sb->region_sectors = 8;
	sb->extent_sectors = 8192;
	sb->nr_areas = ARRAY_SIZE(areas);
	memcpy(sb->areas, areas, sizeof(areas));
	sb->catalog_seq = 5;
	sb->catalog_index = 1;
	sb->catalog_blocks = 2;
	sb->tail_block = 100;
	sb->tail_seq = 4321;
	fill(sb->owner_uuid, 0x20, sizeof(sb->owner_uuid));
	fill(sb->boot_id, 0x40, sizeof(sb->boot_id));
	strcpy(sb->owner_name, "host.example");
	sb->activation = 3;
	sb->clean = true;
	strcpy(sb->cow_identity, "partuuid:1234");
	sb->cow_sectors = 1 << 20;
}

void sample_element(struct drp_element_rec *e)
{
	memset(e, 0, sizeof(*e));
	e->id = 0x11;
	strcpy(e->name, "volume-1");
	fill(e->uuid, 0x60, sizeof(e->uuid));
	fill(e->wwid, 0x80, sizeof(e->wwid));
	e->size_sectors = 1 << 21;
	strcpy(e->identity, "wwn:5000");
	e->fingerprint = 0xdeadbeef;
	e->fingerprint_valid = true;
	e->read_policy = DRP_READ_BALANCE;
	e->active_extents_max = 512;
	e->created = 1700000000000000001ULL;
	e->generation = 3;
	e->parent_element = 2;
	e->parent_generation = 1;
}

void sample_sync(struct drp_sync_rec *s)
{
	memset(s, 0, sizeof(*s));
	s->id = 0x21;
	strcpy(s->name, "nightly");
	s->source_id = 0x11;
	s->target_id = 0x12;
	s->sync_type = DRP_SYNC_MIRROR;
	s->mode = DRP_MODE_SYNC;
	s->copy_state = DRP_CS_SPLIT;
	s->requested_copy_state = DRP_CS_SPLIT;
	s->progress_status = DRP_PS_COMPLETED;
	s->recovery_mode = DRP_RECOVERY_MANUAL;
	s->copy_priority = DRP_PRIO_HIGH;
	s->target_consistent = true;
	s->source_changed = true;
	s->auto_delete = true;
	s->rate_limit = 100 << 20;
	s->job_id = 77;
	s->when_established = 1;
	s->when_activated = 2;
	s->when_deactivated = 3;
	s->when_suspended = 4;
	s->when_synced = 5;
	s->when_synchronized = 6;
	strcpy(s->error_text, "no error");
	s->group_sync_id = 10;
	s->cut_id = 11;
	s->gen_start = 12;
	s->epoch = 13;
	s->undo_sync_id = 14;
	s->generation_current = 15;
	s->generation_base = 16;
}

void sample_group(struct drp_group_rec *g)
{
	memset(g, 0, sizeof(*g));
	g->id = 0x31;
	strcpy(g->name, "database");
	g->nr_members = 3;
	g->members[0] = 0x12;
	g->members[1] = 0x11;
	g->members[2] = 0x13;
}

void sample_cow_entry(struct drp_cow_entry *c)
{
	memset(c, 0, sizeof(*c));
	c->key = (struct drp_cow_key){ 0x11, 0x1234567, 3 };
	c->slot = 0x123456789abcULL;
	c->crc = 0xcafef00d;
	c->kind = DRP_COW_PRESERVED;
}

static void sample_aspect(struct drp_aspect_rec *a)
{
	memset(a, 0, sizeof(*a));
	a->id = 0x41;
	strcpy(a->name, "before-upgrade");
	a->source_id = 0x11;
	strcpy(a->source_name, "volume-1");
	a->target_id = 0x12;
	strcpy(a->target_name, "volume-2");
	a->sync_type = DRP_SYNC_CLONE;
	a->sync_id = 0x21;
	a->when_synced = 5;
	a->created = 6;
	a->generation = 7;
}

const char *sample_name(enum sample which)
{
	return names[which];
}

u16 sample_type(enum sample which)
{
	switch (which) {
	case SAMPLE_C_CLEAR:
		return DRP_REC_C_CLEAR;
	case SAMPLE_COW_PUT:
		return DRP_REC_COW_PUT;
	case SAMPLE_COW_DEL:
		return DRP_REC_COW_DEL;
	case SAMPLE_COW_ROOT:
		return DRP_REC_COW_ROOT;
	default:
		return DRP_REC_POOL + which;
	}
}

static int encode_confirm(void *buf, u32 room)
{
	struct drp_sync_rec s;
	u8 nested[512];
	int len;

	sample_sync(&s);
	len = drp_encode_sync(&s, nested, sizeof(nested));
	len += drp_encode_plane_all(s.id, DRP_PLANE_D, true, nested + len, sizeof(nested) - len);
	return drp_encode_confirm(9, nested, len, buf, room);
}

static int encode_plane_root(void *buf, u32 room)
{
	static const struct drp_dir_entry entries[] = {
		{ DRP_PAGE_CLEAN, 0, 0 }, { DRP_PAGE_STORED, 700, 99 }, { DRP_PAGE_DIRTY, 0, 0 },
	};
	u32 taken;

	return drp_encode_plane_root(0x21, DRP_PLANE_D, 4, entries, ARRAY_SIZE(entries), &taken,
				     buf, room);
}

int sample_encode(enum sample which, void *buf, u32 room)
{
	static const struct drp_pool_rec pool = { 100, 200, 300, 400, 0 };
	static const struct drp_cow_root root = { 700, 99, 2, 200, 3 };
	static const u64 members[] = { 0x11, 0x12 };
	struct drp_element_rec e;
	struct drp_cow_entry c;
	struct drp_aspect_rec a;
	struct drp_group_rec g;
	struct drp_sync_rec s;

	sample_element(&e);
	sample_sync(&s);
	sample_group(&g);
	sample_aspect(&a);
	sample_cow_entry(&c);
	switch (which) {
	case SAMPLE_POOL:
		return drp_encode_pool(&pool, buf, room);
	case SAMPLE_ELEMENT:
		return drp_encode_element(&e, buf, room);
	case SAMPLE_SYNC:
		return drp_encode_sync(&s, buf, room);
	case SAMPLE_GROUP:
		return drp_encode_group(&g, buf, room);
	case SAMPLE_ASPECT:
		return drp_encode_aspect(&a, buf, room);
	case SAMPLE_OBJECT_DEL:
		return drp_encode_object_del(DRP_OBJ_SYNC, 0x21, buf, room);
	case SAMPLE_ACTIVATE:
		return drp_encode_activate(0x11, 0x20, 5, buf, room);
	case SAMPLE_PLANE_ALL:
		return drp_encode_plane_all(0x21, DRP_PLANE_D, true, buf, room);
	case SAMPLE_PLANE_ROOT:
		return encode_plane_root(buf, room);
	case SAMPLE_CUT:
		return drp_encode_cut(9, members, ARRAY_SIZE(members), buf, room);
	case SAMPLE_CONFIRM:
		return encode_confirm(buf, room);
	case SAMPLE_CUT_ABORT:
		return drp_encode_cut_abort(9, buf, room);
	case SAMPLE_C_CLEAR:
		return drp_encode_c_clear(0x21, 0x1000, 7, buf, room);
	case SAMPLE_COW_PUT:
		return drp_encode_cow_put(&c, buf, room);
	case SAMPLE_COW_DEL:
		return drp_encode_cow_del(&c.key, buf, room);
	case SAMPLE_COW_ROOT:
		return drp_encode_cow_root(&root, buf, room);
	default:
		return -ENOENT;
	}
}

/* What a decoder can give, so that one function serves all types. */
struct decoded {
	union {
		struct drp_pool_rec pool;
		struct drp_element_rec element;
		struct drp_sync_rec sync;
		struct drp_group_rec group;
		struct drp_aspect_rec aspect;
		struct drp_cow_entry entry;
		struct drp_cow_root root;
		u64 members[DRP_RECORD_MAX / 8];
		struct drp_dir_entry entries[DRP_RECORD_MAX / 16];
	};
	enum drp_object_kind kind;
	enum drp_plane plane;
	bool value;
	u64 id, first, count;
	u32 n;
	const void *nested;
	u32 nested_len;
};

static int decode(u16 type, const void *body, u32 len, struct decoded *d)
{
	memset(d, 0, sizeof(*d));
	switch (type) {
	case DRP_REC_POOL:
		return drp_decode_pool(body, len, &d->pool);
	case DRP_REC_ELEMENT:
		return drp_decode_element(body, len, &d->element);
	case DRP_REC_SYNC:
		return drp_decode_sync(body, len, &d->sync);
	case DRP_REC_GROUP:
		return drp_decode_group(body, len, &d->group);
	case DRP_REC_ASPECT:
		return drp_decode_aspect(body, len, &d->aspect);
	case DRP_REC_OBJECT_DEL:
		return drp_decode_object_del(body, len, &d->kind, &d->id);
	case DRP_REC_ACTIVATE:
		return drp_decode_activate(body, len, &d->id, &d->first, &d->count);
	case DRP_REC_C_CLEAR:
		return drp_decode_c_clear(body, len, &d->id, &d->first, &d->count);
	case DRP_REC_PLANE_ALL:
		return drp_decode_plane_all(body, len, &d->id, &d->plane, &d->value);
	case DRP_REC_PLANE_ROOT:
		return drp_decode_plane_root(body, len, &d->id, &d->plane, &d->first, d->entries,
					     ARRAY_SIZE(d->entries), &d->n);
	case DRP_REC_CUT:
	case DRP_REC_CUT_ABORT:
		return drp_decode_cut(body, len, &d->id, d->members, ARRAY_SIZE(d->members), &d->n);
	case DRP_REC_CONFIRM:
		return drp_decode_confirm(body, len, &d->id, &d->nested, &d->nested_len);
	case DRP_REC_COW_PUT:
		return drp_decode_cow_put(body, len, &d->entry);
	case DRP_REC_COW_DEL:
		return drp_decode_cow_del(body, len, &d->entry.key);
	case DRP_REC_COW_ROOT:
		return drp_decode_cow_root(body, len, &d->root);
	default:
		return -ENOENT;
	}
}

static int encode(u16 type, const struct decoded *d, void *buf, u32 room)
{
	u32 taken;

	switch (type) {
	case DRP_REC_POOL:
		return drp_encode_pool(&d->pool, buf, room);
	case DRP_REC_ELEMENT:
		return drp_encode_element(&d->element, buf, room);
	case DRP_REC_SYNC:
		return drp_encode_sync(&d->sync, buf, room);
	case DRP_REC_GROUP:
		return drp_encode_group(&d->group, buf, room);
	case DRP_REC_ASPECT:
		return drp_encode_aspect(&d->aspect, buf, room);
	case DRP_REC_OBJECT_DEL:
		return drp_encode_object_del(d->kind, d->id, buf, room);
	case DRP_REC_ACTIVATE:
		return drp_encode_activate(d->id, d->first, d->count, buf, room);
	case DRP_REC_C_CLEAR:
		return drp_encode_c_clear(d->id, d->first, d->count, buf, room);
	case DRP_REC_PLANE_ALL:
		return drp_encode_plane_all(d->id, d->plane, d->value, buf, room);
	case DRP_REC_PLANE_ROOT:
		return drp_encode_plane_root(d->id, d->plane, d->first, d->entries, d->n, &taken,
					     buf, room);
	case DRP_REC_CUT:
		return drp_encode_cut(d->id, d->members, d->n, buf, room);
	case DRP_REC_CUT_ABORT:
		return drp_encode_cut_abort(d->id, buf, room);
	case DRP_REC_CONFIRM:
		return drp_encode_confirm(d->id, d->nested, d->nested_len, buf, room);
	case DRP_REC_COW_PUT:
		return drp_encode_cow_put(&d->entry, buf, room);
	case DRP_REC_COW_DEL:
		return drp_encode_cow_del(&d->entry.key, buf, room);
	case DRP_REC_COW_ROOT:
		return drp_encode_cow_root(&d->root, buf, room);
	default:
		return -ENOENT;
	}
}

int sample_decode(u16 type, const void *body, u32 len)
{
	struct decoded d;

	return decode(type, body, len, &d);
}

int sample_reencode(u16 type, const void *body, u32 len, void *buf, u32 room)
{
	struct decoded d;
	int ret = decode(type, body, len, &d);

	return ret ? ret : encode(type, &d, buf, room);
}

/* ---- random content ---- */

static u64 random_id(struct sim_random *r)
{
	return 1 + (sim_random(r) >> 1) % DRP_ID_MAX;
}

static void random_name(struct sim_random *r, char *to, u32 max)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_+0123456789";
	u32 n = 1 + sim_below(r, max), i;

	for (i = 0; i < n; i++)
		to[i] = letters[sim_below(r, sizeof(letters) - 1)];
	to[n] = '\0';
}

static void random_sync(struct sim_random *r, struct drp_sync_rec *s)
{
	bool *bools[] = {
		&s->target_consistent, &s->in_sync, &s->source_changed, &s->target_changed,
		&s->partitioned, &s->reverse, &s->failed_copy_stops_host_io, &s->auto_delete,
		&s->initial_copy,
	};
	u64 *numbers[] = {
		&s->rate_limit, &s->when_established, &s->when_activated, &s->when_deactivated,
		&s->when_suspended, &s->when_synced, &s->when_synchronized, &s->group_sync_id,
		&s->cut_id, &s->gen_start, &s->epoch, &s->undo_sync_id, &s->generation_current,
		&s->generation_base,
	};
	u32 i;

	s->id = random_id(r);
	s->source_id = random_id(r);
	s->target_id = random_id(r);
	s->job_id = random_id(r);
	random_name(r, s->name, DRP_NAME_MAX);
	random_name(r, s->error_text, DRP_IDENTITY_MAX);
	s->sync_type = DRP_SYNC_MIRROR + sim_below(r, 3);
	s->mode = DRP_MODE_SYNC + sim_below(r, 2);
	s->copy_state = DRP_CS_INITIALIZED + sim_below(r, 14);
	s->requested_copy_state = DRP_CS_INITIALIZED + sim_below(r, 14);
	s->progress_status = DRP_PS_COMPLETED + sim_below(r, 24);
	s->recovery_mode = DRP_RECOVERY_AUTOMATIC + sim_below(r, 2);
	s->copy_priority = sim_below(r, 5);
	for (i = 0; i < ARRAY_SIZE(bools); i++)
		*bools[i] = sim_random(r) & 1;
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		*numbers[i] = sim_random(r) >> 1;
	s->partial = s->sync_type == DRP_SYNC_CLONE && !s->reverse &&
		     s->copy_state == DRP_CS_UNSYNCHRONIZED;
}

static void random_element(struct sim_random *r, struct drp_element_rec *e)
{
	e->id = random_id(r);
	random_name(r, e->name, DRP_NAME_MAX);
	random_name(r, e->identity, DRP_IDENTITY_MAX);
	fill(e->uuid, sim_random(r), sizeof(e->uuid));
	fill(e->wwid, sim_random(r), sizeof(e->wwid));
	e->size_sectors = sim_random(r) >> 11;
	e->fingerprint = sim_random(r);
	e->fingerprint_valid = sim_random(r) & 1;
	e->read_policy = sim_below(r, 2);
	e->active_extents_max = sim_random(r);
	e->created = sim_random(r);
	e->generation = sim_random(r) >> 1;
	if (sim_random(r) & 1) {
		e->parent_element = random_id(r);
		e->parent_generation = sim_random(r) >> 1;
	}
}

static void random_aspect(struct sim_random *r, struct drp_aspect_rec *a)
{
	a->id = random_id(r);
	a->source_id = random_id(r);
	a->target_id = random_id(r);
	a->sync_id = random_id(r);
	random_name(r, a->name, DRP_NAME_MAX);
	random_name(r, a->source_name, DRP_NAME_MAX);
	random_name(r, a->target_name, DRP_NAME_MAX);
	a->sync_type = DRP_SYNC_MIRROR + sim_below(r, 3);
	a->when_synced = sim_random(r);
	a->created = sim_random(r);
	a->generation = sim_random(r) >> 1;
}

static void random_group(struct sim_random *r, struct drp_group_rec *g)
{
	u32 i;

	g->id = random_id(r);
	random_name(r, g->name, DRP_NAME_MAX);
	g->nr_members = sim_below(r, DRP_ARGS_MEMBERS_MAX + 1);
	for (i = 0; i < g->nr_members; i++)
		g->members[i] = random_id(r);
}

static void random_cow(struct sim_random *r, u16 type, struct decoded *d)
{
	if (type == DRP_REC_COW_ROOT) {
		d->root.block = 257 + (sim_random(r) >> 10);
		d->root.seq = sim_random(r);
		d->root.height = 1 + sim_below(r, DRP_COW_HEIGHT_MAX);
		d->root.entries = sim_random(r) | 1;
		d->root.nodes = 100 + (sim_random(r) >> 1);
		return;
	}
	d->entry.key.element = random_id(r);
	d->entry.key.chunk = sim_random(r) >> 1;
	d->entry.key.generation = 1 + (sim_random(r) >> 2);
	if (type == DRP_REC_COW_DEL)
		return;
	d->entry.slot = 1 + (sim_random(r) >> 17);
	d->entry.kind = DRP_COW_PRESERVED + sim_below(r, 2);
	if (d->entry.kind == DRP_COW_PRESERVED)
		d->entry.crc = sim_random(r);
}

static bool type_is_cow(u16 type)
{
	return type == DRP_REC_COW_PUT || type == DRP_REC_COW_DEL || type == DRP_REC_COW_ROOT;
}

void sample_round_trip(struct sim_random *r)
{
	static const u16 types[] = {
		DRP_REC_POOL, DRP_REC_ELEMENT, DRP_REC_SYNC, DRP_REC_GROUP, DRP_REC_ASPECT,
		DRP_REC_OBJECT_DEL, DRP_REC_ACTIVATE, DRP_REC_PLANE_ALL, DRP_REC_PLANE_ROOT,
		DRP_REC_COW_PUT, DRP_REC_COW_DEL, DRP_REC_COW_ROOT,
	};
	u16 type = types[sim_below(r, ARRAY_SIZE(types))];
	struct decoded in = { }, out;
	u8 buf[DRP_RECORD_MAX];
	u32 i;
	int len;

	if (type == DRP_REC_POOL)
		in.pool = (struct drp_pool_rec){
			random_id(r), random_id(r), random_id(r), sim_random(r),
			sim_below(r, 2) ? sim_below(r, DRP_COW_MEMORY_HIGH + 1) : 0,
		};
	else if (type == DRP_REC_ELEMENT)
		random_element(r, &in.element);
	else if (type == DRP_REC_SYNC)
		random_sync(r, &in.sync);
	else if (type == DRP_REC_GROUP)
		random_group(r, &in.group);
	else if (type == DRP_REC_ASPECT)
		random_aspect(r, &in.aspect);
	else if (type_is_cow(type))
		random_cow(r, type, &in);
	else
		in.id = random_id(r);
	if (type == DRP_REC_OBJECT_DEL)
		in.kind = DRP_OBJ_ELEMENT + sim_below(r, 3);
	if (type == DRP_REC_ACTIVATE || type == DRP_REC_PLANE_ROOT)
		in.first = sim_random(r) >> 2;
	if (type == DRP_REC_ACTIVATE)
		in.count = 1 + (sim_random(r) >> 3);
	if (type == DRP_REC_PLANE_ALL || type == DRP_REC_PLANE_ROOT)
		in.plane = sim_below(r, 2);
	if (type == DRP_REC_PLANE_ALL)
		in.value = sim_random(r) & 1;
	if (type == DRP_REC_PLANE_ROOT) {
		if (sim_once_in(r, 3)) {
			in.plane = DRP_PLANE_SLOTS;
			in.id = DRP_COW_PLANE_ID;
		}
		in.n = 1 + sim_below(r, 200);
		for (i = 0; i < in.n; i++) {
			in.entries[i].state = sim_below(r, 3);
			if (in.entries[i].state == DRP_PAGE_STORED) {
				in.entries[i].block = 257 + (sim_random(r) >> 10);
				in.entries[i].seq = sim_random(r);
			}
		}
	}
	len = encode(type, &in, buf, sizeof(buf));
	if (len < 8 || decode(type, buf + 8, len - 8, &out) || memcmp(&in, &out, sizeof(in)))
		abort();
}
