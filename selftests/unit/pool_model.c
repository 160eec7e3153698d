// SPDX-License-Identifier: GPL-2.0-only
#include "pool_model.h"

void model_or_active(u64 *words, u32 active)
{
	u32 i;

	for (i = 0; i < MODEL_EXTENTS; i++)
		if (active >> i & 1)
			drp_bits_set(words, i * MODEL_EXTENT_BITS, MODEL_EXTENT_BITS);
}

/* ---- what a load hands out ---- */

static int take_pool(void *ctx, const struct drp_pool_rec *rec)
{
	struct model_load *l = ctx;

	l->state.commits = rec->next_job_id;
	return 0;
}

static int take_element(void *ctx, const struct drp_element_rec *rec)
{
	struct model_load *l = ctx;

	if (rec->id - MODEL_ELEMENT_ID >= MODEL_ELEMENTS)
		return -ERANGE;
	l->state.element[rec->id - MODEL_ELEMENT_ID] = rec->active_extents_max;
	return 0;
}

static int take_sync(void *ctx, const struct drp_sync_rec *rec)
{
	struct model_load *l = ctx;

	if (rec->id - MODEL_SYNC_ID >= MODEL_SYNCS)
		return -ERANGE;
	l->state.sync[rec->id - MODEL_SYNC_ID] = rec->rate_limit;
	return 0;
}

static int take_group(void *ctx, const struct drp_group_rec *rec)
{
	(void)ctx;
	(void)rec;
	return -ERANGE;		/* the machine makes none */
}

static int take_aspect(void *ctx, const struct drp_aspect_rec *rec)
{
	(void)ctx;
	(void)rec;
	return -ERANGE;
}

static int take_object_del(void *ctx, enum drp_object_kind kind, u64 id)
{
	struct model_load *l = ctx;
	u64 i = id - (kind == DRP_OBJ_ELEMENT ? MODEL_ELEMENT_ID : MODEL_SYNC_ID);

	if (kind == DRP_OBJ_ELEMENT && i < MODEL_ELEMENTS) {
		l->state.element[i] = 0;
		l->state.active[i] = 0;
	} else if (kind == DRP_OBJ_SYNC && i < MODEL_SYNCS) {
		l->state.sync[i] = 0;
		l->root[i] = (struct drp_dir_entry){ .state = DRP_PAGE_CLEAN };
	} else {
		return -ERANGE;
	}
	return 0;
}

static int take_activate(void *ctx, u64 element_id, u64 first, u64 count)
{
	struct model_load *l = ctx;
	u64 i = element_id - MODEL_ELEMENT_ID;

	if (i >= MODEL_ELEMENTS || first + count > MODEL_EXTENTS)
		return -ERANGE;
	l->state.active[i] |= (u32)((1ULL << count) - 1) << first;
	return 0;
}

static int take_plane_all(void *ctx, u64 sync_id, enum drp_plane plane, bool value)
{
	struct model_load *l = ctx;

	if (sync_id - MODEL_SYNC_ID >= MODEL_SYNCS || plane != DRP_PLANE_D)
		return -ERANGE;
	l->root[sync_id - MODEL_SYNC_ID] = (struct drp_dir_entry){
		.state = value ? DRP_PAGE_DIRTY : DRP_PAGE_CLEAN,
	};
	return 0;
}

static int take_plane_root(void *ctx, u64 sync_id, enum drp_plane plane, u64 first,
			   const struct drp_dir_entry *entries, u32 n)
{
	struct model_load *l = ctx;

	if (plane == DRP_PLANE_SLOTS)
		return n == 1 && entries[0].state == DRP_PAGE_DIRTY ? 0 : -ERANGE;
	if (sync_id - MODEL_SYNC_ID >= MODEL_SYNCS || plane != DRP_PLANE_D || first || n != 1)
		return -ERANGE;
	l->root[sync_id - MODEL_SYNC_ID] = entries[0];
	return 0;
}

static int take_c_clear(void *ctx, u64 sync_id, u64 first, u64 count)
{
	(void)ctx;
	(void)sync_id;
	(void)first;
	(void)count;
	return -ERANGE;		/* the machine has no C planes */
}

static int take_cow_root(void *ctx, const struct drp_cow_root *root)
{
	struct model_load *l = ctx;
	u32 i;
	int ret;

	l->cow_root = *root;
	ret = cow_read_tree(l->disk, l->sb.nonce, root, l->tree);
	for (i = 0; i < COW_KEYS; i++)
		l->state.cow[i].slot = l->tree[i];
	return ret;
}

static int take_cow_put(void *ctx, const struct drp_cow_entry *entry, u64 commit_seq)
{
	struct model_load *l = ctx;
	u32 i = cow_index(&entry->key);

	if (i == COW_KEYS || entry->slot > COW_SLOTS)
		return -ERANGE;
	l->state.cow[i].slot = entry->slot;
	l->put_seq[i] = commit_seq;
	l->put_crc[i] = entry->crc;
	return 0;
}

static int take_cow_del(void *ctx, const struct drp_cow_key *key)
{
	struct model_load *l = ctx;
	u32 i = cow_index(key);

	if (i == COW_KEYS)
		return -ERANGE;
	l->state.cow[i].slot = 0;
	l->put_seq[i] = 0;
	return 0;
}

static const struct drp_load_sink model_sink = {
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

/* ---- planes ---- */

static int load_page(struct model_load *l, const struct sim_disk *disk, u32 s, u32 p)
{
	const struct drp_dir_entry *e = &l->dir[s][p];
	u64 *words = l->state.bits[s] + p * MODEL_PAGE_WORDS;

	memset(words, e->state == DRP_PAGE_DIRTY ? 0xff : 0, DRP_PAGE_BYTES);
	if (e->state != DRP_PAGE_STORED)
		return 0;
	return drp_page_decode(sim_disk_peek(disk, e->block), l->sb.nonce, MODEL_SYNC_ID + s,
			       DRP_PLANE_D, p, e->seq, words);
}

static int load_plane(struct model_load *l, const struct sim_disk *disk, u32 s)
{
	struct drp_dir_entry entries[DRP_DIR_ENTRIES];
	const struct drp_dir_entry *root = &l->root[s];
	int ret = 0;
	u32 p;

	for (p = 0; p < MODEL_PAGES; p++)
		l->dir[s][p] = (struct drp_dir_entry){ .state = root->state };
	if (root->state == DRP_PAGE_STORED) {
		ret = drp_dir_decode(sim_disk_peek(disk, root->block), l->sb.nonce,
				     MODEL_SYNC_ID + s, DRP_PLANE_D, 0, root->seq, disk->blocks,
				     entries);
		if (ret)
			return ret;
		memcpy(l->dir[s], entries, sizeof(l->dir[s]));
	}
	for (p = 0; !ret && p < MODEL_PAGES; p++)
		ret = load_page(l, disk, s, p);
	return ret;
}

/* ---- COW space ---- */

/* Only puts that nobody confirmed are compared with their data; what differs is dropped. */
static void verify_cow(struct model_load *l)
{
	u32 i;

	for (i = 0; i < COW_KEYS; i++) {
		struct cow_value *v = &l->state.cow[i];
		const u8 *data;

		if (!v->slot)
			continue;
		data = sim_disk_peek(l->disk, COW_FIRST_BLOCK + v->slot);
		if (l->put_seq[i] > l->result.confirmed && cow_crc(data) != l->put_crc[i]) {
			*v = (struct cow_value){ };
			l->dropped++;
			continue;
		}
		v->version = cow_version(data, i);
		v->sure = true;
	}
}

static const char *compare_cow(const struct cow_value *have, const struct cow_value *want)
{
	if (!have->slot)
		return want->slot && want->sure ? "a preserved chunk is lost" : NULL;
	if (!want->slot)
		return "a preserved chunk is there that was never committed, or is deleted";
	if (have->slot != want->slot)
		return "a preserved chunk is in another slot";
	return have->version == want->version ? NULL : "a slot holds what was not preserved in it";
}

void model_load(struct model_load *l, const struct sim_disk *disk)
{
	u32 s;

	memset(l, 0, offsetof(struct model_load, scratch));
	l->disk = disk;
	l->error = drp_probe_device(&disk->io, disk->blocks, &l->sb, &l->probe, l->scratch);
	if (l->error || (l->probe != DRP_PROBE_VALID && l->probe != DRP_PROBE_REPAIR))
		return;
	l->error = drp_load(&disk->io, &l->sb, &model_sink, l, l->scratch, &l->result);
	for (s = 0; !l->error && s < MODEL_SYNCS; s++)
		if (l->state.sync[s])
			l->error = load_plane(l, disk, s);
	if (!l->error)
		verify_cow(l);
}

/* ---- comparison ---- */

static const char *compare_plane(const struct model_load *l, const struct model_state *want, u32 s)
{
	u64 total[MODEL_PLANE_WORDS];
	u32 w;

	memcpy(total, l->state.bits[s], sizeof(total));
	model_or_active(total, l->state.active[model_source(s)]);
	for (w = 0; w < MODEL_PLANE_BITS / 64; w++) {
		if (want->bits[s][w] & ~total[w])
			return "regions that differ are believed equal";
		if (l->state.bits[s][w] & ~want->ever[s][w])
			return "regions that never differed are marked";
	}
	return NULL;
}

const char *model_compare(const struct model_load *l, const struct model_state *want,
			  const u32 *may_active)
{
	const char *problem;
	u32 i;

	if (l->error)
		return l->result.problem ? l->result.problem : "the pool cannot be loaded";
	if (l->probe != DRP_PROBE_VALID && l->probe != DRP_PROBE_REPAIR)
		return "there is no pool on the device";
	if (l->state.commits != want->commits)
		return "another number of commits than were made";
	for (i = 0; i < MODEL_ELEMENTS; i++) {
		if (l->state.element[i] != want->element[i])
			return "an element is of another time";
		if (want->active[i] & ~l->state.active[i])
			return "an active extent is forgotten";
		if (l->state.active[i] & ~(want->active[i] | may_active[i]))
			return "an extent is active that never was";
	}
	for (i = 0; i < MODEL_SYNCS; i++) {
		if (l->state.sync[i] != want->sync[i])
			return "a sync is of another time";
		problem = want->sync[i] ? compare_plane(l, want, i) : NULL;
		if (problem)
			return problem;
	}
	for (i = 0; i < COW_KEYS; i++) {
		problem = compare_cow(&l->state.cow[i], &want->cow[i]);
		if (problem)
			return problem;
	}
	return NULL;
}
