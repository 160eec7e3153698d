// SPDX-License-Identifier: GPL-2.0-only
/* The records that are no objects: deletions, active extents, whole planes, cuts. */
#include "codec.h"
#include "codec_record.h"

static bool id_ok(u64 id)
{
	return id && id <= DRP_ID_MAX;
}

static bool object_ok(u32 kind)
{
	return kind == DRP_OBJ_ELEMENT || kind == DRP_OBJ_SYNC || kind == DRP_OBJ_GROUP ||
	       kind == DRP_OBJ_ASPECT;
}

int drp_encode_object_del(enum drp_object_kind kind, u64 id, void *buf, u32 room)
{
	const struct drp_object_del_disk d = {
		.kind = cpu_to_le32(kind),
		.id = cpu_to_le64(id),
	};

	if (!object_ok(kind) || !id_ok(id))
		return -EINVAL;
	return drp_record_put(buf, room, DRP_REC_OBJECT_DEL, &d, sizeof(d), NULL, 0);
}

int drp_decode_object_del(const void *body, u32 len, enum drp_object_kind *kind, u64 *id)
{
	struct drp_object_del_disk d;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	if (!object_ok(le32_to_cpu(d.kind)) || !id_ok(le64_to_cpu(d.id)))
		return -EBADMSG;
	*kind = le32_to_cpu(d.kind);
	*id = le64_to_cpu(d.id);
	return 0;
}

static bool range_ok(u64 first, u64 count)
{
	return count && first <= DRP_ID_MAX && count <= DRP_ID_MAX - first;
}

int drp_encode_activate(u64 element_id, u64 first, u64 count, void *buf, u32 room)
{
	const struct drp_activate_disk d = {
		.element_id = cpu_to_le64(element_id),
		.first = cpu_to_le64(first),
		.count = cpu_to_le64(count),
	};

	if (!id_ok(element_id) || !range_ok(first, count))
		return -EINVAL;
	return drp_record_put(buf, room, DRP_REC_ACTIVATE, &d, sizeof(d), NULL, 0);
}

int drp_decode_activate(const void *body, u32 len, u64 *element_id, u64 *first, u64 *count)
{
	struct drp_activate_disk d;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	*element_id = le64_to_cpu(d.element_id);
	*first = le64_to_cpu(d.first);
	*count = le64_to_cpu(d.count);
	return id_ok(*element_id) && range_ok(*first, *count) ? 0 : -EBADMSG;
}

int drp_encode_plane_all(u64 sync_id, enum drp_plane plane, bool value, void *buf, u32 room)
{
	const struct drp_plane_all_disk d = {
		.sync_id = cpu_to_le64(sync_id),
		.plane = cpu_to_le32(plane),
		.value = cpu_to_le32(value),
	};

	if (!id_ok(sync_id) || (u32)plane > DRP_PLANE_C)
		return -EINVAL;
	return drp_record_put(buf, room, DRP_REC_PLANE_ALL, &d, sizeof(d), NULL, 0);
}

int drp_decode_plane_all(const void *body, u32 len, u64 *sync_id, enum drp_plane *plane,
			 bool *value)
{
	struct drp_plane_all_disk d;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	if (!id_ok(le64_to_cpu(d.sync_id)) || le32_to_cpu(d.plane) > DRP_PLANE_C ||
	    le32_to_cpu(d.value) > 1)
		return -EBADMSG;
	*sync_id = le64_to_cpu(d.sync_id);
	*plane = le32_to_cpu(d.plane);
	*value = le32_to_cpu(d.value);
	return 0;
}

int drp_encode_c_clear(u64 sync_id, u64 first, u64 count, void *buf, u32 room)
{
	const struct drp_c_clear_disk d = {
		.sync_id = cpu_to_le64(sync_id),
		.first = cpu_to_le64(first),
		.count = cpu_to_le64(count),
	};

	if (!id_ok(sync_id) || !range_ok(first, count))
		return -EINVAL;
	return drp_record_put(buf, room, DRP_REC_C_CLEAR, &d, sizeof(d), NULL, 0);
}

int drp_decode_c_clear(const void *body, u32 len, u64 *sync_id, u64 *first, u64 *count)
{
	struct drp_c_clear_disk d;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	*sync_id = le64_to_cpu(d.sync_id);
	*first = le64_to_cpu(d.first);
	*count = le64_to_cpu(d.count);
	return id_ok(*sync_id) && range_ok(*first, *count) ? 0 : -EBADMSG;
}

/* ---- cuts ---- */

int drp_encode_cut(u64 cut_id, const u64 *members, u32 n, void *buf, u32 room)
{
	const struct drp_cut_disk d = {
		.cut_id = cpu_to_le64(cut_id),
		.nr_members = cpu_to_le32(n),
	};
	u8 *at = (u8 *)buf + sizeof(struct drp_record_header) + sizeof(d);
	u32 i;

	if (!id_ok(cut_id))
		return -EINVAL;
	if (n > (DRP_RECORD_MAX - sizeof(struct drp_record_header) - sizeof(d)) / sizeof(__le64) ||
	    room < sizeof(struct drp_record_header) + sizeof(d) + n * sizeof(__le64))
		return -ENOSPC;
	for (i = 0; i < n; i++)
		if (!id_ok(members[i]))
			return -EINVAL;
	for (i = 0; i < n; i++) {
		__le64 id = cpu_to_le64(members[i]);

		memcpy(at + i * sizeof(id), &id, sizeof(id));
	}
	return drp_record_put(buf, room, DRP_REC_CUT, &d, sizeof(d), NULL, n * sizeof(__le64));
}

int drp_encode_cut_abort(u64 cut_id, void *buf, u32 room)
{
	const struct drp_cut_disk d = { .cut_id = cpu_to_le64(cut_id) };

	if (!id_ok(cut_id))
		return -EINVAL;
	return drp_record_put(buf, room, DRP_REC_CUT_ABORT, &d, sizeof(d), NULL, 0);
}

int drp_decode_cut(const void *body, u32 len, u64 *cut_id, u64 *members, u32 max, u32 *n)
{
	struct drp_cut_disk d;
	u32 i;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	*cut_id = le64_to_cpu(d.cut_id);
	*n = le32_to_cpu(d.nr_members);
	if (!id_ok(*cut_id) || *n > max || *n > (len - sizeof(d)) / sizeof(__le64))
		return -EBADMSG;
	for (i = 0; i < *n; i++) {
		__le64 id;

		memcpy(&id, (const u8 *)body + sizeof(d) + i * sizeof(id), sizeof(id));
		if (!id_ok(le64_to_cpu(id)))
			return -EBADMSG;
		if (members)
			members[i] = le64_to_cpu(id);
	}
	return 0;
}

/* No cut within a cut, and nothing that a commit of its own confirms. */
static bool may_nest(u16 type)
{
	switch (type) {
	case DRP_REC_CUT:
	case DRP_REC_CONFIRM:
	case DRP_REC_CUT_ABORT:
	case DRP_REC_PLANE_ROOT:
	case DRP_REC_COW_PUT:
	case DRP_REC_COW_DEL:
	case DRP_REC_COW_ROOT:
		return false;
	default:
		return true;
	}
}

/* What is nested holds at once when the CONFIRM is met. */
static bool nested_ok(const void *nested, u32 len)
{
	struct drp_record rec;
	u32 pos = 0;
	int ret;

	while ((ret = drp_record_next(nested, len, &pos, &rec)) > 0)
		if (!may_nest(rec.type))
			return false;
	return !ret;
}

int drp_encode_confirm(u64 cut_id, const void *nested, u32 nested_len, void *buf, u32 room)
{
	const struct drp_confirm_disk d = {
		.cut_id = cpu_to_le64(cut_id),
		.nested_bytes = cpu_to_le32(nested_len),
	};

	if (!id_ok(cut_id) || nested_len % 8 || !nested_ok(nested, nested_len))
		return -EINVAL;
	if (nested_len > DRP_RECORD_MAX)
		return -ENOSPC;
	return drp_record_put(buf, room, DRP_REC_CONFIRM, &d, sizeof(d), nested, nested_len);
}

int drp_decode_confirm(const void *body, u32 len, u64 *cut_id, const void **nested,
		       u32 *nested_len)
{
	struct drp_confirm_disk d;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	*cut_id = le64_to_cpu(d.cut_id);
	*nested_len = le32_to_cpu(d.nested_bytes);
	*nested = (const u8 *)body + sizeof(d);
	if (!id_ok(*cut_id) || *nested_len > len - sizeof(d) || !nested_ok(*nested, *nested_len))
		return -EBADMSG;
	return 0;
}
