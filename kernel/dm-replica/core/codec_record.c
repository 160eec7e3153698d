// SPDX-License-Identifier: GPL-2.0-only
/* The records of objects. Checked before they are written and after they are read. */
#include "codec.h"
#include "codec_record.h"
#include "codec_text.h"
#include "names.h"

static_assert(DRP_OBJ_ELEMENT == 2 && DRP_OBJ_SYNC == 3 && DRP_OBJ_GROUP == 4 &&
	      DRP_OBJ_ASPECT == 6);

int drp_record_next(const void *buf, u32 len, u32 *pos, struct drp_record *rec)
{
	while (*pos < len) {
		const u8 *at = (const u8 *)buf + *pos;
		struct drp_record_header h;
		u32 size;

		if (len - *pos < sizeof(h))
			return -EBADMSG;
		memcpy(&h, at, sizeof(h));
		size = le32_to_cpu(h.len);
		if (size < sizeof(h) || size % 8 || size > len - *pos || size > DRP_RECORD_MAX)
			return -EBADMSG;
		*pos += size;
		if (le16_to_cpu(h.type) == DRP_REC_PAD)
			continue;
		rec->type = le16_to_cpu(h.type);
		rec->flags = le16_to_cpu(h.flags);
		rec->body = at + sizeof(h);
		rec->len = size - sizeof(h);
		return 1;
	}
	return 0;
}

int drp_record_put(void *buf, u32 room, u16 type, const void *body, u32 body_len,
		   const void *tail, u32 tail_len)
{
	struct drp_record_header h;
	u32 used = sizeof(h) + body_len + tail_len;
	u32 len = round_up(used, 8);
	u8 *at = buf;

	if (len > room || len > DRP_RECORD_MAX)
		return -ENOSPC;
	h.type = cpu_to_le16(type);
	h.flags = cpu_to_le16(DRP_RECORD_CRITICAL);
	h.len = cpu_to_le32(len);
	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), body, body_len);
	if (tail)
		memcpy(at + sizeof(h) + body_len, tail, tail_len);
	memset(at + used, 0, len - used);
	return len;
}

static bool id_ok(u64 id)
{
	return id && id <= DRP_ID_MAX;
}

static bool name_ok(const char *name)
{
	return !drp_name_problem(name);
}

/* One byte on disk that must be 0 or 1. */
static bool take_bool(bool *to, u8 from)
{
	*to = from == 1;
	return from <= 1;
}

/* ---- pool ---- */

int drp_pool_rec_check(const struct drp_pool_rec *p)
{
	if (!id_ok(p->next_id) || !id_ok(p->next_job_id) || !id_ok(p->next_cut_id) ||
	    p->cow_memory > DRP_COW_MEMORY_HIGH)
		return -EINVAL;
	return 0;
}

int drp_encode_pool(const struct drp_pool_rec *p, void *buf, u32 room)
{
	const struct drp_pool_disk d = {
		.next_id = cpu_to_le64(p->next_id),
		.next_job_id = cpu_to_le64(p->next_job_id),
		.next_cut_id = cpu_to_le64(p->next_cut_id),
		.reclaim = cpu_to_le64(p->reclaim),
		.cow_memory = cpu_to_le64(p->cow_memory),
	};
	/* Unset, it is what a pool has always had. */
	const u32 len = p->cow_memory ? sizeof(d) : offsetof(struct drp_pool_disk, cow_memory);

	if (drp_pool_rec_check(p))
		return -EINVAL;
	return drp_record_put(buf, room, DRP_REC_POOL, &d, len, NULL, 0);
}

int drp_decode_pool(const void *body, u32 len, struct drp_pool_rec *p)
{
	struct drp_pool_disk d = { };
	u64 cow_memory;

	if (len != offsetof(struct drp_pool_disk, reclaim) &&
	    len != offsetof(struct drp_pool_disk, cow_memory) && len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, min_t(u32, len, sizeof(d)));
	p->next_id = le64_to_cpu(d.next_id);
	p->next_job_id = le64_to_cpu(d.next_job_id);
	p->next_cut_id = le64_to_cpu(d.next_cut_id);
	p->reclaim = le64_to_cpu(d.reclaim);
	cow_memory = le64_to_cpu(d.cow_memory);
	p->cow_memory = min_t(u64, cow_memory, U32_MAX);
	return drp_pool_rec_check(p) ? -EBADMSG : 0;
}

/* ---- element ---- */

int drp_element_rec_check(const struct drp_element_rec *e)
{
	if (!id_ok(e->id) || !name_ok(e->name) || e->size_sectors > S64_MAX >> DRP_SECTOR_SHIFT ||
	    e->data_offset || e->read_policy > DRP_READ_BALANCE ||
	    e->parent_element > DRP_ID_MAX || e->parent_element == e->id ||
	    e->generation > DRP_ID_MAX || e->parent_generation > DRP_ID_MAX ||
	    (e->parent_generation && !e->parent_element))
		return -EINVAL;
	return 0;
}

int drp_encode_element(const struct drp_element_rec *e, void *buf, u32 room)
{
	struct drp_element_disk d = {
		.id = cpu_to_le64(e->id),
		.size_sectors = cpu_to_le64(e->size_sectors),
		.data_offset = cpu_to_le64(e->data_offset),
		.created = cpu_to_le64(e->created),
		.fingerprint = cpu_to_le32(e->fingerprint),
		.active_extents_max = cpu_to_le32(e->active_extents_max),
		.read_policy = cpu_to_le16(e->read_policy),
		.fingerprint_valid = e->fingerprint_valid,
		.generation = cpu_to_le64(e->generation),
		.parent_element = cpu_to_le64(e->parent_element),
		.parent_generation = cpu_to_le64(e->parent_generation),
	};

	if (drp_element_rec_check(e))
		return -EINVAL;
	memcpy(d.uuid, e->uuid, sizeof(d.uuid));
	memcpy(d.wwid, e->wwid, sizeof(d.wwid));
	drp_text_pack(d.name, e->name, sizeof(d.name));
	drp_text_pack(d.identity, e->identity, sizeof(d.identity));
	return drp_record_put(buf, room, DRP_REC_ELEMENT, &d, sizeof(d), NULL, 0);
}

int drp_decode_element(const void *body, u32 len, struct drp_element_rec *e)
{
	struct drp_element_disk d;
	bool ok;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	e->id = le64_to_cpu(d.id);
	e->size_sectors = le64_to_cpu(d.size_sectors);
	e->data_offset = le64_to_cpu(d.data_offset);
	e->created = le64_to_cpu(d.created);
	e->fingerprint = le32_to_cpu(d.fingerprint);
	e->active_extents_max = le32_to_cpu(d.active_extents_max);
	e->read_policy = le16_to_cpu(d.read_policy);
	ok = take_bool(&e->fingerprint_valid, d.fingerprint_valid);
	e->generation = le64_to_cpu(d.generation);
	e->parent_element = le64_to_cpu(d.parent_element);
	e->parent_generation = le64_to_cpu(d.parent_generation);
	memcpy(e->uuid, d.uuid, sizeof(e->uuid));
	memcpy(e->wwid, d.wwid, sizeof(e->wwid));
	ok &= drp_text_unpack(e->name, d.name, sizeof(e->name));
	ok &= drp_text_unpack(e->identity, d.identity, sizeof(e->identity));
	return ok && !drp_element_rec_check(e) ? 0 : -EBADMSG;
}

/* ---- sync ---- */

static bool sync_type_ok(u16 type)
{
	return type >= DRP_SYNC_MIRROR && type <= DRP_SYNC_CLONE;
}

static bool sync_states_ok(const struct drp_sync_rec *s)
{
	return s->copy_state >= DRP_CS_INITIALIZED && s->copy_state <= DRP_CS_RESTORED &&
	       s->copy_state != DRP_CS_PARTITIONED &&
	       s->requested_copy_state != 1 && s->requested_copy_state <= DRP_CS_RESTORED &&
	       s->progress_status != 1 && s->progress_status <= DRP_PS_REQUIRES_RESUME;
}

/* Only a clone's target can lack something, and only until its copy ends. */
static bool sync_partial_ok(const struct drp_sync_rec *s)
{
	return !s->partial ||
	       (s->sync_type == DRP_SYNC_CLONE && !s->reverse &&
		(s->copy_state == DRP_CS_UNSYNCHRONIZED || s->copy_state == DRP_CS_SUSPENDED ||
		 s->copy_state == DRP_CS_BROKEN));
}

int drp_sync_rec_check(const struct drp_sync_rec *s)
{
	if (!id_ok(s->id) || !id_ok(s->source_id) || !id_ok(s->target_id) ||
	    s->source_id == s->target_id || !name_ok(s->name) || !sync_type_ok(s->sync_type) ||
	    s->mode < DRP_MODE_SYNC || s->mode > DRP_MODE_ASYNC || !sync_states_ok(s) ||
	    !sync_partial_ok(s) || s->recovery_mode < DRP_RECOVERY_AUTOMATIC ||
	    s->recovery_mode > DRP_RECOVERY_MANUAL ||
	    s->copy_priority > DRP_PRIO_URGENT || s->job_id > DRP_ID_MAX ||
	    s->gen_start > DRP_ID_MAX)
		return -EINVAL;
	return 0;
}

static void sync_pack(struct drp_sync_disk *d, const struct drp_sync_rec *s)
{
	d->id = cpu_to_le64(s->id);
	d->source_id = cpu_to_le64(s->source_id);
	d->target_id = cpu_to_le64(s->target_id);
	d->sync_type = cpu_to_le16(s->sync_type);
	d->mode = cpu_to_le16(s->mode);
	d->copy_state = cpu_to_le16(s->copy_state);
	d->requested_copy_state = cpu_to_le16(s->requested_copy_state);
	d->progress_status = cpu_to_le16(s->progress_status);
	d->recovery_mode = cpu_to_le16(s->recovery_mode);
	d->copy_priority = cpu_to_le16(s->copy_priority);
	d->target_consistent = s->target_consistent;
	d->in_sync = s->in_sync;
	d->source_changed = s->source_changed;
	d->target_changed = s->target_changed;
	d->partitioned = s->partitioned;
	d->reverse = s->reverse;
	d->failed_copy_stops_host_io = s->failed_copy_stops_host_io;
	d->auto_delete = s->auto_delete;
	d->initial_copy = s->initial_copy;
	d->partial = s->partial;
	d->rate_limit = cpu_to_le64(s->rate_limit);
	d->job_id = cpu_to_le64(s->job_id);
	d->when_established = cpu_to_le64(s->when_established);
	d->when_activated = cpu_to_le64(s->when_activated);
	d->when_deactivated = cpu_to_le64(s->when_deactivated);
	d->when_suspended = cpu_to_le64(s->when_suspended);
	d->when_synced = cpu_to_le64(s->when_synced);
	d->when_synchronized = cpu_to_le64(s->when_synchronized);
	d->group_sync_id = cpu_to_le64(s->group_sync_id);
	d->cut_id = cpu_to_le64(s->cut_id);
	d->gen_start = cpu_to_le64(s->gen_start);
	d->epoch = cpu_to_le64(s->epoch);
	d->undo_sync_id = cpu_to_le64(s->undo_sync_id);
	d->generation_current = cpu_to_le64(s->generation_current);
	d->generation_base = cpu_to_le64(s->generation_base);
	drp_text_pack(d->name, s->name, sizeof(d->name));
	drp_text_pack(d->error_text, s->error_text, sizeof(d->error_text));
}

int drp_encode_sync(const struct drp_sync_rec *s, void *buf, u32 room)
{
	struct drp_sync_disk d = { };

	if (drp_sync_rec_check(s))
		return -EINVAL;
	sync_pack(&d, s);
	return drp_record_put(buf, room, DRP_REC_SYNC, &d, sizeof(d), NULL, 0);
}

static bool sync_unpack_bools(struct drp_sync_rec *s, const struct drp_sync_disk *d)
{
	bool ok = true;

	ok &= take_bool(&s->target_consistent, d->target_consistent);
	ok &= take_bool(&s->in_sync, d->in_sync);
	ok &= take_bool(&s->source_changed, d->source_changed);
	ok &= take_bool(&s->target_changed, d->target_changed);
	ok &= take_bool(&s->partitioned, d->partitioned);
	ok &= take_bool(&s->reverse, d->reverse);
	ok &= take_bool(&s->failed_copy_stops_host_io, d->failed_copy_stops_host_io);
	ok &= take_bool(&s->auto_delete, d->auto_delete);
	ok &= take_bool(&s->initial_copy, d->initial_copy);
	ok &= take_bool(&s->partial, d->partial);
	return ok;
}

static void sync_unpack(struct drp_sync_rec *s, const struct drp_sync_disk *d)
{
	s->id = le64_to_cpu(d->id);
	s->source_id = le64_to_cpu(d->source_id);
	s->target_id = le64_to_cpu(d->target_id);
	s->sync_type = le16_to_cpu(d->sync_type);
	s->mode = le16_to_cpu(d->mode);
	s->copy_state = le16_to_cpu(d->copy_state);
	s->requested_copy_state = le16_to_cpu(d->requested_copy_state);
	s->progress_status = le16_to_cpu(d->progress_status);
	s->recovery_mode = le16_to_cpu(d->recovery_mode);
	s->copy_priority = le16_to_cpu(d->copy_priority);
	s->rate_limit = le64_to_cpu(d->rate_limit);
	s->job_id = le64_to_cpu(d->job_id);
	s->when_established = le64_to_cpu(d->when_established);
	s->when_activated = le64_to_cpu(d->when_activated);
	s->when_deactivated = le64_to_cpu(d->when_deactivated);
	s->when_suspended = le64_to_cpu(d->when_suspended);
	s->when_synced = le64_to_cpu(d->when_synced);
	s->when_synchronized = le64_to_cpu(d->when_synchronized);
	s->group_sync_id = le64_to_cpu(d->group_sync_id);
	s->cut_id = le64_to_cpu(d->cut_id);
	s->gen_start = le64_to_cpu(d->gen_start);
	s->epoch = le64_to_cpu(d->epoch);
	s->undo_sync_id = le64_to_cpu(d->undo_sync_id);
	s->generation_current = le64_to_cpu(d->generation_current);
	s->generation_base = le64_to_cpu(d->generation_base);
}

int drp_decode_sync(const void *body, u32 len, struct drp_sync_rec *s)
{
	struct drp_sync_disk d;
	bool ok;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	sync_unpack(s, &d);
	ok = sync_unpack_bools(s, &d);
	ok &= drp_text_unpack(s->name, d.name, sizeof(s->name));
	ok &= drp_text_unpack(s->error_text, d.error_text, sizeof(s->error_text));
	return ok && !drp_sync_rec_check(s) ? 0 : -EBADMSG;
}

/* ---- group ---- */

int drp_group_rec_check(const struct drp_group_rec *g)
{
	u32 i, j;

	if (!id_ok(g->id) || !name_ok(g->name) || g->nr_members > DRP_ARGS_MEMBERS_MAX)
		return -EINVAL;
	for (i = 0; i < g->nr_members; i++) {
		if (!id_ok(g->members[i]))
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (g->members[i] == g->members[j])
				return -EINVAL;
	}
	return 0;
}

int drp_encode_group(const struct drp_group_rec *g, void *buf, u32 room)
{
	struct drp_group_disk d = {
		.id = cpu_to_le64(g->id),
		.nr_members = cpu_to_le32(g->nr_members),
	};
	__le64 members[DRP_ARGS_MEMBERS_MAX];
	u32 i;

	if (drp_group_rec_check(g))
		return -EINVAL;
	drp_text_pack(d.name, g->name, sizeof(d.name));
	for (i = 0; i < g->nr_members; i++)
		members[i] = cpu_to_le64(g->members[i]);
	return drp_record_put(buf, room, DRP_REC_GROUP, &d, sizeof(d), members,
			      g->nr_members * sizeof(members[0]));
}

int drp_decode_group(const void *body, u32 len, struct drp_group_rec *g)
{
	struct drp_group_disk d;
	u32 i;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	memset(g, 0, sizeof(*g));
	g->id = le64_to_cpu(d.id);
	g->nr_members = le32_to_cpu(d.nr_members);
	if (!drp_text_unpack(g->name, d.name, sizeof(g->name)) ||
	    g->nr_members > DRP_ARGS_MEMBERS_MAX ||
	    g->nr_members > (len - sizeof(d)) / sizeof(__le64))
		return -EBADMSG;
	for (i = 0; i < g->nr_members; i++) {
		__le64 id;

		memcpy(&id, (const u8 *)body + sizeof(d) + i * sizeof(id), sizeof(id));
		g->members[i] = le64_to_cpu(id);
	}
	return drp_group_rec_check(g) ? -EBADMSG : 0;
}

/* ---- aspect ---- */

int drp_aspect_rec_check(const struct drp_aspect_rec *a)
{
	if (!id_ok(a->id) || !name_ok(a->name) || !id_ok(a->source_id) ||
	    !name_ok(a->source_name) || !id_ok(a->target_id) || !name_ok(a->target_name) ||
	    !id_ok(a->sync_id) || !sync_type_ok(a->sync_type) || a->generation > DRP_ID_MAX)
		return -EINVAL;
	return 0;
}

int drp_encode_aspect(const struct drp_aspect_rec *a, void *buf, u32 room)
{
	struct drp_aspect_disk d = {
		.id = cpu_to_le64(a->id),
		.source_id = cpu_to_le64(a->source_id),
		.target_id = cpu_to_le64(a->target_id),
		.sync_id = cpu_to_le64(a->sync_id),
		.when_synced = cpu_to_le64(a->when_synced),
		.created = cpu_to_le64(a->created),
		.generation = cpu_to_le64(a->generation),
		.sync_type = cpu_to_le16(a->sync_type),
	};

	if (drp_aspect_rec_check(a))
		return -EINVAL;
	drp_text_pack(d.name, a->name, sizeof(d.name));
	drp_text_pack(d.source_name, a->source_name, sizeof(d.source_name));
	drp_text_pack(d.target_name, a->target_name, sizeof(d.target_name));
	return drp_record_put(buf, room, DRP_REC_ASPECT, &d, sizeof(d), NULL, 0);
}

int drp_decode_aspect(const void *body, u32 len, struct drp_aspect_rec *a)
{
	struct drp_aspect_disk d;
	bool ok;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	a->id = le64_to_cpu(d.id);
	a->source_id = le64_to_cpu(d.source_id);
	a->target_id = le64_to_cpu(d.target_id);
	a->sync_id = le64_to_cpu(d.sync_id);
	a->when_synced = le64_to_cpu(d.when_synced);
	a->created = le64_to_cpu(d.created);
	a->generation = le64_to_cpu(d.generation);
	a->sync_type = le16_to_cpu(d.sync_type);
	ok = drp_text_unpack(a->name, d.name, sizeof(a->name));
	ok &= drp_text_unpack(a->source_name, d.source_name, sizeof(a->source_name));
	ok &= drp_text_unpack(a->target_name, d.target_name, sizeof(a->target_name));
	return ok && !drp_aspect_rec_check(a) ? 0 : -EBADMSG;
}
