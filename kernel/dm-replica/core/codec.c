// SPDX-License-Identifier: GPL-2.0-only
/* Blocks and the superblock. */
#include "codec.h"
#include "codec_text.h"
#include "names.h"

static u32 block_crc(const void *block, u64 nonce)
{
	return crc32c((u32)(nonce ^ nonce >> 32), (const u8 *)block + sizeof(__le32),
		      DRP_BLOCK_BYTES - sizeof(__le32));
}

void drp_block_seal(void *block, u64 nonce, const struct drp_block_id *id, u32 len)
{
	struct drp_block_header *h = block;

	len = min_t(u32, len, DRP_BLOCK_PAYLOAD);
	h->kind = cpu_to_le32(id->kind);
	h->nonce = cpu_to_le64(nonce);
	h->object = cpu_to_le64(id->object);
	h->index = cpu_to_le64(id->index);
	h->seq = cpu_to_le64(id->seq);
	h->len = cpu_to_le32(len);
	h->flags = cpu_to_le32(id->flags);
	memset((u8 *)block + sizeof(*h) + len, 0, DRP_BLOCK_PAYLOAD - len);
	h->crc = cpu_to_le32(block_crc(block, nonce));
}

int drp_block_check(const void *block, u64 nonce, const struct drp_block_id *want, u64 *seq)
{
	const struct drp_block_header *h = block;

	if (le64_to_cpu(h->nonce) != nonce || le32_to_cpu(h->len) > DRP_BLOCK_PAYLOAD ||
	    le32_to_cpu(h->crc) != block_crc(block, nonce))
		return -EBADMSG;
	if (le32_to_cpu(h->kind) != want->kind || le32_to_cpu(h->flags) != want->flags ||
	    le64_to_cpu(h->object) != want->object || le64_to_cpu(h->index) != want->index)
		return -EUCLEAN;
	if (seq)
		*seq = le64_to_cpu(h->seq);
	return le32_to_cpu(h->len);
}

/* ---- superblock ---- */

static void areas_pack(struct drp_super_disk *d, const struct drp_super *sb)
{
	u32 i;

	for (i = 0; i < DRP_NR_AREAS; i++) {
		const struct drp_area *a = &sb->areas[i];

		if (i >= sb->nr_areas)
			break;
		d->areas[i].kind = cpu_to_le32(a->kind);
		d->areas[i].index = cpu_to_le32(a->index);
		d->areas[i].first = cpu_to_le64(a->first);
		d->areas[i].blocks = cpu_to_le64(a->blocks);
	}
}

static void root_pack(struct drp_super_disk *d, const struct drp_super *sb)
{
	d->catalog_seq = cpu_to_le64(sb->catalog_seq);
	d->catalog_index = cpu_to_le32(sb->catalog_index);
	d->catalog_blocks = cpu_to_le32(sb->catalog_blocks);
	d->tail_block = cpu_to_le64(sb->tail_block);
	d->tail_seq = cpu_to_le64(sb->tail_seq);
}

void drp_super_encode(const struct drp_super *sb, void *block)
{
	const struct drp_block_id id = { .kind = DRP_BLOCK_SUPER, .seq = sb->seq };
	struct drp_super_disk *d = block;

	memset(d, 0, sizeof(*d));
	memcpy(d->magic, DRP_SUPER_MAGIC, sizeof(d->magic));
	d->version = cpu_to_le32(DRP_FORMAT_VERSION);
	d->block_bytes = cpu_to_le32(DRP_BLOCK_BYTES);
	memcpy(d->uuid, sb->uuid, sizeof(d->uuid));
	drp_text_pack(d->name, sb->name, sizeof(d->name));
	d->compat = cpu_to_le64(sb->compat);
	d->ro_compat = cpu_to_le64(sb->ro_compat);
	d->incompat = cpu_to_le64(sb->incompat);
	d->device_blocks = cpu_to_le64(sb->device_blocks);
	d->created = cpu_to_le64(sb->created);
	d->chunk_sectors = cpu_to_le32(sb->chunk_sectors);
	d->region_sectors = cpu_to_le32(sb->region_sectors);
	d->extent_sectors = cpu_to_le32(sb->extent_sectors);
	d->nr_areas = cpu_to_le32(sb->nr_areas);
	areas_pack(d, sb);
	root_pack(d, sb);
	memcpy(d->owner_uuid, sb->owner_uuid, sizeof(d->owner_uuid));
	memcpy(d->boot_id, sb->boot_id, sizeof(d->boot_id));
	drp_text_pack(d->owner_name, sb->owner_name, sizeof(d->owner_name));
	d->activation = cpu_to_le64(sb->activation);
	d->clean = cpu_to_le32(sb->clean);
	drp_text_pack(d->cow_identity, sb->cow_identity, sizeof(d->cow_identity));
	d->cow_sectors = cpu_to_le64(sb->cow_sectors);
	drp_block_seal(block, sb->nonce, &id, sizeof(*d) - sizeof(d->h));
}

static void areas_unpack(struct drp_super *sb, const struct drp_super_disk *d)
{
	u32 i;

	for (i = 0; i < DRP_NR_AREAS; i++) {
		struct drp_area *a = &sb->areas[i];

		a->kind = le32_to_cpu(d->areas[i].kind);
		a->index = le32_to_cpu(d->areas[i].index);
		a->first = le64_to_cpu(d->areas[i].first);
		a->blocks = le64_to_cpu(d->areas[i].blocks);
	}
}

/* False if a text has no end or a truth value is none. */
static bool super_unpack(struct drp_super *sb, const struct drp_super_disk *d)
{
	bool ok = le32_to_cpu(d->clean) <= 1;

	memcpy(sb->uuid, d->uuid, sizeof(sb->uuid));
	sb->nonce = le64_to_cpu(d->h.nonce);
	sb->seq = le64_to_cpu(d->h.seq);
	ok &= drp_text_unpack(sb->name, d->name, sizeof(sb->name));
	sb->compat = le64_to_cpu(d->compat);
	sb->ro_compat = le64_to_cpu(d->ro_compat);
	sb->incompat = le64_to_cpu(d->incompat);
	sb->device_blocks = le64_to_cpu(d->device_blocks);
	sb->created = le64_to_cpu(d->created);
	sb->chunk_sectors = le32_to_cpu(d->chunk_sectors);
	sb->region_sectors = le32_to_cpu(d->region_sectors);
	sb->extent_sectors = le32_to_cpu(d->extent_sectors);
	sb->nr_areas = le32_to_cpu(d->nr_areas);
	areas_unpack(sb, d);
	sb->catalog_seq = le64_to_cpu(d->catalog_seq);
	sb->catalog_index = le32_to_cpu(d->catalog_index);
	sb->catalog_blocks = le32_to_cpu(d->catalog_blocks);
	sb->tail_block = le64_to_cpu(d->tail_block);
	sb->tail_seq = le64_to_cpu(d->tail_seq);
	memcpy(sb->owner_uuid, d->owner_uuid, sizeof(sb->owner_uuid));
	memcpy(sb->boot_id, d->boot_id, sizeof(sb->boot_id));
	ok &= drp_text_unpack(sb->owner_name, d->owner_name, sizeof(sb->owner_name));
	sb->activation = le64_to_cpu(d->activation);
	sb->clean = le32_to_cpu(d->clean);
	ok &= drp_text_unpack(sb->cow_identity, d->cow_identity, sizeof(sb->cow_identity));
	sb->cow_sectors = le64_to_cpu(d->cow_sectors);
	sb->write_b_first = false;
	return ok;
}

static bool area_ok(const struct drp_super *sb, u32 i)
{
	const struct drp_area *a = &sb->areas[i];
	u32 j;

	if (a->kind < DRP_AREA_JOURNAL || a->kind > DRP_AREA_PAGES)
		return false;
	if (a->first < DRP_FIRST_AREA_BLOCK || a->first >= sb->device_blocks ||
	    !a->blocks || a->blocks > sb->device_blocks - a->first)
		return false;
	for (j = 0; j < i; j++) {
		const struct drp_area *b = &sb->areas[j];

		if (a->kind == b->kind && a->index == b->index)
			return false;
		if (a->first < b->first + b->blocks && b->first < a->first + a->blocks)
			return false;
	}
	return true;
}

static bool areas_ok(const struct drp_super *sb)
{
	const struct drp_area *journal, *catalog;
	u32 i;

	if (sb->nr_areas > DRP_NR_AREAS)
		return false;
	for (i = 0; i < sb->nr_areas; i++)
		if (!area_ok(sb, i))
			return false;
	journal = drp_super_area(sb, DRP_AREA_JOURNAL, 0);
	catalog = drp_super_area(sb, DRP_AREA_CATALOG, sb->catalog_index);
	if (!journal || !catalog || sb->catalog_index > 1 ||
	    !drp_super_area(sb, DRP_AREA_CATALOG, !sb->catalog_index) ||
	    !drp_super_area(sb, DRP_AREA_PAGES, 0))
		return false;
	return journal->blocks >= DRP_MIN_JOURNAL_BLOCKS && sb->tail_block < journal->blocks &&
	       sb->catalog_blocks && sb->catalog_blocks <= catalog->blocks;
}

static bool size_ok(u32 sectors, u32 least, u32 most)
{
	return is_power_of_2(sectors) && sectors >= least && sectors <= most;
}

/* With COW space: a label and at least one slot. */
static bool cow_ok(const struct drp_super *sb)
{
	if (!(sb->incompat & DRP_INCOMPAT_COW))
		return true;
	return sb->cow_sectors >= 2ULL * sb->chunk_sectors &&
	       sb->cow_sectors <= S64_MAX >> DRP_SECTOR_SHIFT;
}

bool drp_super_sizes_ok(u32 chunk_sectors, u32 region_sectors, u32 extent_sectors)
{
	return size_ok(chunk_sectors, 8, 2048) && size_ok(region_sectors, 8, 2048) &&
	       size_ok(extent_sectors, 128, 131072) && region_sectors <= extent_sectors;
}

int drp_super_decode(const void *block, u64 device_blocks, struct drp_super *sb)
{
	const struct drp_block_id want = { .kind = DRP_BLOCK_SUPER };
	const struct drp_super_disk *d = block;
	int len;

	len = drp_block_check(block, le64_to_cpu(d->h.nonce), &want, NULL);
	if (len < 0 || memcmp(d->magic, DRP_SUPER_MAGIC, sizeof(d->magic)))
		return -EBADMSG;
	if (le32_to_cpu(d->version) != DRP_FORMAT_VERSION ||
	    le64_to_cpu(d->incompat) & ~DRP_INCOMPAT_KNOWN)
		return -EPROTONOSUPPORT;
	if (len < (int)(sizeof(*d) - sizeof(d->h)) ||
	    le32_to_cpu(d->block_bytes) != DRP_BLOCK_BYTES || !super_unpack(sb, d))
		return -EBADMSG;
	if (!sb->nonce || !sb->seq || !sb->catalog_seq || !sb->tail_seq ||
	    sb->device_blocks > device_blocks || (sb->name[0] && drp_name_problem(sb->name)) ||
	    !drp_super_sizes_ok(sb->chunk_sectors, sb->region_sectors, sb->extent_sectors) ||
	    !areas_ok(sb) || !cow_ok(sb))
		return -EBADMSG;
	return 0;
}

const struct drp_area *drp_super_area(const struct drp_super *sb, u32 kind, u32 index)
{
	u32 i;

	for (i = 0; i < sb->nr_areas && i < DRP_NR_AREAS; i++)
		if (sb->areas[i].kind == kind && sb->areas[i].index == index)
			return &sb->areas[i];
	return NULL;
}
