/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between bytes on the metadata device and structures in memory. Pure; any
 * context. Decoders take a length, believe nothing, and check every count,
 * offset, string end and enum before it is used.
 */
#ifndef DRP_CORE_CODEC_H
#define DRP_CORE_CODEC_H

#include "record.h"

/* What a block says it is. */
struct drp_block_id {
	u32 kind;
	u32 flags;
	u64 object;
	u64 index;
	u64 seq;
};

/* Fill the header of a 4096-byte block whose payload (@len bytes) stands, zero the rest, seal it. */
void drp_block_seal(void *block, u64 nonce, const struct drp_block_id *id, u32 len);

/*
 * Check a block against @nonce and, where @want->kind matches, hand out what it
 * says. Returns the payload length, -EBADMSG (not ours, damaged) or -EUCLEAN
 * (ours and whole, but kind, flags, object or index are not those wanted: a
 * misdirected write). The sequence is not compared.
 */
int drp_block_check(const void *block, u64 nonce, const struct drp_block_id *want, u64 *seq);

static inline void *drp_block_payload(void *block)
{
	return (u8 *)block + sizeof(struct drp_block_header);
}

/* Superblock: encode seals it. Decode: 0, -EBADMSG, -EPROTONOSUPPORT (version or incompat bits). */
void drp_super_encode(const struct drp_super *sb, void *block);
int drp_super_decode(const void *block, u64 device_blocks, struct drp_super *sb);

/* Are these powers of two within the bounds of the format? */
bool drp_super_sizes_ok(u32 chunk_sectors, u32 region_sectors, u32 extent_sectors);

/* The area of @kind and @index, or NULL. */
const struct drp_area *drp_super_area(const struct drp_super *sb, u32 kind, u32 index);

/*
 * Records. Encoders write a whole record at @buf and return its length,
 * -ENOSPC if @room is too small (@buf is as it was), or -EINVAL for what a
 * decoder would refuse, so that nothing reaches the disk that cannot be read
 * back. Decoders take the body (behind the header); longer bodies than known
 * are accepted (extended at the end), shorter ones that end where the first
 * version's did; else -EBADMSG. Neither needs alignment.
 */
struct drp_record {
	u16 type;
	u16 flags;
	const void *body;
	u32 len;		/* of the body */
};

/* Next record of @buf[@pos..@len): 1 and @rec filled, 0 at the end, -EBADMSG. Pads are skipped. */
int drp_record_next(const void *buf, u32 len, u32 *pos, struct drp_record *rec);

int drp_encode_pool(const struct drp_pool_rec *p, void *buf, u32 room);
int drp_encode_element(const struct drp_element_rec *e, void *buf, u32 room);
int drp_encode_sync(const struct drp_sync_rec *s, void *buf, u32 room);
int drp_encode_group(const struct drp_group_rec *g, void *buf, u32 room);
int drp_encode_aspect(const struct drp_aspect_rec *a, void *buf, u32 room);
int drp_encode_object_del(enum drp_object_kind kind, u64 id, void *buf, u32 room);
int drp_encode_activate(u64 element_id, u64 first, u64 count, void *buf, u32 room);
int drp_encode_c_clear(u64 sync_id, u64 first, u64 count, void *buf, u32 room);
int drp_encode_plane_all(u64 sync_id, enum drp_plane plane, bool value, void *buf, u32 room);
/* @n directory root entries from chunk @first on; as many as fit one record, the number goes to *@taken. */
int drp_encode_plane_root(u64 sync_id, enum drp_plane plane, u64 first,
			  const struct drp_dir_entry *entries, u32 n, u32 *taken,
			  void *buf, u32 room);
int drp_encode_cut(u64 cut_id, const u64 *members, u32 n, void *buf, u32 room);
int drp_encode_confirm(u64 cut_id, const void *nested, u32 nested_len, void *buf, u32 room);
int drp_encode_cut_abort(u64 cut_id, void *buf, u32 room);

/* Is @p (@e, ...) something that may stand on disk? 0 or -EINVAL. */
int drp_pool_rec_check(const struct drp_pool_rec *p);
int drp_element_rec_check(const struct drp_element_rec *e);
int drp_sync_rec_check(const struct drp_sync_rec *s);
int drp_group_rec_check(const struct drp_group_rec *g);
int drp_aspect_rec_check(const struct drp_aspect_rec *a);

int drp_decode_pool(const void *body, u32 len, struct drp_pool_rec *p);
int drp_decode_element(const void *body, u32 len, struct drp_element_rec *e);
int drp_decode_sync(const void *body, u32 len, struct drp_sync_rec *s);
int drp_decode_group(const void *body, u32 len, struct drp_group_rec *g);
int drp_decode_aspect(const void *body, u32 len, struct drp_aspect_rec *a);
int drp_decode_object_del(const void *body, u32 len, enum drp_object_kind *kind, u64 *id);
int drp_decode_activate(const void *body, u32 len, u64 *element_id, u64 *first, u64 *count);
int drp_decode_c_clear(const void *body, u32 len, u64 *sync_id, u64 *first, u64 *count);
int drp_decode_plane_all(const void *body, u32 len, u64 *sync_id, enum drp_plane *plane, bool *value);
/* Fills at most @max entries; -EBADMSG if the record has more. */
int drp_decode_plane_root(const void *body, u32 len, u64 *sync_id, enum drp_plane *plane,
			  u64 *first, struct drp_dir_entry *entries, u32 max, u32 *n);
/* CUT and CUT_ABORT. -EBADMSG if there are more than @max members; @members NULL: only checked. */
int drp_decode_cut(const void *body, u32 len, u64 *cut_id, u64 *members, u32 max, u32 *n);
/* The nested records are whole and of types that may be nested; @nested points into @body. */
int drp_decode_confirm(const void *body, u32 len, u64 *cut_id, const void **nested, u32 *nested_len);

/*
 * Plane pages and directory chunks: a whole sealed block to or from memory.
 * Decode: 0, -EBADMSG (damaged, not ours), -EUCLEAN (another page), -ESTALE
 * (this page, but of another sequence than @seq).
 */
void drp_page_encode(void *block, u64 nonce, u64 sync_id, enum drp_plane plane, u64 index,
		     u64 seq, const u64 *words);
int drp_page_decode(const void *block, u64 nonce, u64 sync_id, enum drp_plane plane, u64 index,
		    u64 seq, u64 *words);
void drp_dir_encode(void *block, u64 nonce, u64 sync_id, enum drp_plane plane, u64 index,
		    u64 seq, const struct drp_dir_entry entries[DRP_DIR_ENTRIES]);
/* Entries whose block lies outside [1, @device_blocks) are -EBADMSG. */
int drp_dir_decode(const void *block, u64 nonce, u64 sync_id, enum drp_plane plane, u64 index,
		   u64 seq, u64 device_blocks, struct drp_dir_entry entries[DRP_DIR_ENTRIES]);

#endif /* DRP_CORE_CODEC_H */
