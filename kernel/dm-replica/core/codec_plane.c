// SPDX-License-Identifier: GPL-2.0-only
/* Plane pages, directory chunks, and the directory's root in the catalog. */
#include "codec_record.h"
#include "cow.h"

#define WHERE_STATE	3ULL
#define WHERE_UNUSED	0xfcULL
#define WHERE_SHIFT	8
#define BLOCK_MAX	(~0ULL >> WHERE_SHIFT)

static_assert(DRP_PAGE_BYTES <= DRP_BLOCK_PAYLOAD && DRP_PAGE_BYTES % sizeof(u64) == 0);
static_assert(DRP_DIR_ENTRIES * sizeof(struct drp_dir_entry_disk) <= DRP_BLOCK_PAYLOAD);

static void entry_pack(struct drp_dir_entry_disk *d, const struct drp_dir_entry *e)
{
	bool stored = e->state == DRP_PAGE_STORED;

	d->where = cpu_to_le64((u64)e->state | (stored ? e->block << WHERE_SHIFT : 0));
	d->seq = cpu_to_le64(stored ? e->seq : 0);
}

static bool entry_unpack(struct drp_dir_entry *e, const struct drp_dir_entry_disk *d,
			 u64 device_blocks)
{
	u64 where = le64_to_cpu(d->where);

	if ((where & WHERE_STATE) > DRP_PAGE_STORED || where & WHERE_UNUSED)
		return false;
	e->state = where & WHERE_STATE;
	e->block = where >> WHERE_SHIFT;
	e->seq = le64_to_cpu(d->seq);
	if (e->state != DRP_PAGE_STORED)
		return !e->block && !e->seq;
	return e->block >= DRP_FIRST_AREA_BLOCK && e->block < device_blocks;
}

static bool entry_ok(const struct drp_dir_entry *e)
{
	if (e->state != DRP_PAGE_STORED)
		return e->state == DRP_PAGE_CLEAN || e->state == DRP_PAGE_DIRTY;
	return e->block >= DRP_FIRST_AREA_BLOCK && e->block <= BLOCK_MAX;
}

/* The plane of slots belongs to the pool, the others to syncs. */
static bool root_ok(u64 id, u32 plane)
{
	if (!id || id > DRP_ID_MAX || plane > DRP_PLANE_SLOTS)
		return false;
	return (plane == DRP_PLANE_SLOTS) == (id == DRP_COW_PLANE_ID);
}

int drp_encode_plane_root(u64 sync_id, enum drp_plane plane, u64 first,
			  const struct drp_dir_entry *entries, u32 n, u32 *taken,
			  void *buf, u32 room)
{
	const u32 fixed = sizeof(struct drp_record_header) + sizeof(struct drp_plane_root_disk);
	struct drp_plane_root_disk d = {
		.sync_id = cpu_to_le64(sync_id),
		.first = cpu_to_le64(first),
		.plane = cpu_to_le32(plane),
	};
	u32 i;

	if (!root_ok(sync_id, plane) || !n || first > DRP_ID_MAX - n)
		return -EINVAL;
	room = min_t(u32, room, DRP_RECORD_MAX);
	if (room < fixed + sizeof(struct drp_dir_entry_disk))
		return -ENOSPC;
	n = min_t(u32, n, (room - fixed) / sizeof(struct drp_dir_entry_disk));
	for (i = 0; i < n; i++)
		if (!entry_ok(&entries[i]))
			return -EINVAL;
	for (i = 0; i < n; i++) {
		struct drp_dir_entry_disk e;

		entry_pack(&e, &entries[i]);
		memcpy((u8 *)buf + fixed + i * sizeof(e), &e, sizeof(e));
	}
	d.nr_entries = cpu_to_le32(n);
	*taken = n;
	return drp_record_put(buf, room, DRP_REC_PLANE_ROOT, &d, sizeof(d), NULL,
			      n * sizeof(struct drp_dir_entry_disk));
}

int drp_decode_plane_root(const void *body, u32 len, u64 *sync_id, enum drp_plane *plane,
			  u64 *first, struct drp_dir_entry *entries, u32 max, u32 *n)
{
	struct drp_plane_root_disk d;
	u32 i;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	*sync_id = le64_to_cpu(d.sync_id);
	*first = le64_to_cpu(d.first);
	*n = le32_to_cpu(d.nr_entries);
	if (!root_ok(*sync_id, le32_to_cpu(d.plane)) || !*n || *n > max ||
	    *n > (len - sizeof(d)) / sizeof(struct drp_dir_entry_disk) ||
	    *first > DRP_ID_MAX - *n)
		return -EBADMSG;
	*plane = le32_to_cpu(d.plane);
	for (i = 0; i < *n; i++) {
		struct drp_dir_entry_disk e;

		memcpy(&e, (const u8 *)body + sizeof(d) + i * sizeof(e), sizeof(e));
		if (!entry_unpack(&entries[i], &e, BLOCK_MAX))
			return -EBADMSG;
	}
	return 0;
}

/* Is @block the one that is wanted, with a payload of @len bytes? */
static int plane_block_check(const void *block, u64 nonce, const struct drp_block_id *want, int len)
{
	u64 seq;
	int ret = drp_block_check(block, nonce, want, &seq);

	if (ret < 0)
		return ret;
	if (ret != len)
		return -EBADMSG;
	return seq == want->seq ? 0 : -ESTALE;
}

void drp_page_encode(void *block, u64 nonce, u64 sync_id, enum drp_plane plane, u64 index,
		     u64 seq, const u64 *words)
{
	const struct drp_block_id id = {
		.kind = DRP_BLOCK_PLANE, .flags = plane, .object = sync_id, .index = index,
		.seq = seq,
	};
	__le64 *to = drp_block_payload(block);
	u32 i;

	for (i = 0; i < DRP_PAGE_BYTES / sizeof(u64); i++)
		to[i] = cpu_to_le64(words[i]);
	drp_block_seal(block, nonce, &id, DRP_PAGE_BYTES);
}

int drp_page_decode(const void *block, u64 nonce, u64 sync_id, enum drp_plane plane, u64 index,
		    u64 seq, u64 *words)
{
	const struct drp_block_id want = {
		.kind = DRP_BLOCK_PLANE, .flags = plane, .object = sync_id, .index = index,
		.seq = seq,
	};
	const __le64 *from = (const void *)((const u8 *)block + sizeof(struct drp_block_header));
	int ret = plane_block_check(block, nonce, &want, DRP_PAGE_BYTES);
	u32 i;

	if (ret)
		return ret;
	for (i = 0; i < DRP_PAGE_BYTES / sizeof(u64); i++)
		words[i] = le64_to_cpu(from[i]);
	return 0;
}

#define DIR_BYTES	(DRP_DIR_ENTRIES * sizeof(struct drp_dir_entry_disk))

void drp_dir_encode(void *block, u64 nonce, u64 sync_id, enum drp_plane plane, u64 index,
		    u64 seq, const struct drp_dir_entry entries[DRP_DIR_ENTRIES])
{
	const struct drp_block_id id = {
		.kind = DRP_BLOCK_PLANE_DIR, .flags = plane, .object = sync_id, .index = index,
		.seq = seq,
	};
	struct drp_dir_entry_disk *to = drp_block_payload(block);
	u32 i;

	for (i = 0; i < DRP_DIR_ENTRIES; i++)
		entry_pack(&to[i], &entries[i]);
	drp_block_seal(block, nonce, &id, DIR_BYTES);
}

int drp_dir_decode(const void *block, u64 nonce, u64 sync_id, enum drp_plane plane, u64 index,
		   u64 seq, u64 device_blocks, struct drp_dir_entry entries[DRP_DIR_ENTRIES])
{
	const struct drp_block_id want = {
		.kind = DRP_BLOCK_PLANE_DIR, .flags = plane, .object = sync_id, .index = index,
		.seq = seq,
	};
	const struct drp_dir_entry_disk *from =
		(const void *)((const u8 *)block + sizeof(struct drp_block_header));
	int ret = plane_block_check(block, nonce, &want, DIR_BYTES);
	u32 i;

	for (i = 0; !ret && i < DRP_DIR_ENTRIES; i++)
		if (!entry_unpack(&entries[i], &from[i], device_blocks))
			ret = -EBADMSG;
	return ret;
}
