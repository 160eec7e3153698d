// SPDX-License-Identifier: GPL-2.0-only
/* The records of COW space, and the label of its device. */
#include "codec_cow.h"
#include "codec_record.h"

#define SLOT_BITS	48
#define KIND_SHIFT	56

static_assert(DRP_COW_SLOT_MAX == (1ULL << SLOT_BITS) - 1);
static_assert(DRP_COW_LEAF_ENTRIES ==
	      DRP_BLOCK_PAYLOAD / sizeof(struct drp_cow_entry_disk));
static_assert(DRP_COW_NODE_CHILDREN ==
	      DRP_BLOCK_PAYLOAD / sizeof(struct drp_cow_child_disk));

static bool key_ok(const struct drp_cow_key *key)
{
	return key->element && key->element <= DRP_ID_MAX && key->chunk <= DRP_ID_MAX &&
	       key->generation <= DRP_ID_MAX;
}

/* A preserved one is of a cut, and the first cut has number 1. */
static bool entry_ok(const struct drp_cow_entry *e)
{
	if (!key_ok(&e->key) || !e->slot || e->slot > DRP_COW_SLOT_MAX)
		return false;
	return e->kind == DRP_COW_PRIVATE || (e->kind == DRP_COW_PRESERVED && e->key.generation);
}

void drp_cow_entry_pack(struct drp_cow_entry_disk *d, const struct drp_cow_entry *e)
{
	d->element_id = cpu_to_le64(e->key.element);
	d->chunk = cpu_to_le64(e->key.chunk);
	d->generation = cpu_to_le64(e->key.generation);
	d->where = cpu_to_le64(e->slot | (u64)e->kind << KIND_SHIFT);
}

bool drp_cow_entry_unpack(struct drp_cow_entry *e, const struct drp_cow_entry_disk *d)
{
	u64 where = le64_to_cpu(d->where);

	e->key.element = le64_to_cpu(d->element_id);
	e->key.chunk = le64_to_cpu(d->chunk);
	e->key.generation = le64_to_cpu(d->generation);
	e->slot = where & DRP_COW_SLOT_MAX;
	e->crc = 0;
	e->kind = where >> KIND_SHIFT;
	return entry_ok(e) && !(where >> SLOT_BITS & 0xff);
}

void drp_cow_child_pack(struct drp_cow_child_disk *d, const struct drp_cow_child *c)
{
	d->element_id = cpu_to_le64(c->first.element);
	d->chunk = cpu_to_le64(c->first.chunk);
	d->generation = cpu_to_le64(c->first.generation);
	d->block = cpu_to_le64(c->block);
	d->seq = cpu_to_le64(c->seq);
}

bool drp_cow_child_unpack(struct drp_cow_child *c, const struct drp_cow_child_disk *d)
{
	c->first.element = le64_to_cpu(d->element_id);
	c->first.chunk = le64_to_cpu(d->chunk);
	c->first.generation = le64_to_cpu(d->generation);
	c->block = le64_to_cpu(d->block);
	c->seq = le64_to_cpu(d->seq);
	return key_ok(&c->first) && c->block >= DRP_FIRST_AREA_BLOCK;
}

/* ---- records ---- */

/* Only what is preserved is compared, so only that has a checksum. */
static bool put_ok(const struct drp_cow_entry *e)
{
	return entry_ok(e) && (e->kind == DRP_COW_PRESERVED || !e->crc);
}

int drp_encode_cow_put(const struct drp_cow_entry *entry, void *buf, u32 room)
{
	struct drp_cow_put_disk d = { .crc = cpu_to_le32(entry->crc) };

	if (!put_ok(entry))
		return -EINVAL;
	drp_cow_entry_pack(&d.entry, entry);
	return drp_record_put(buf, room, DRP_REC_COW_PUT, &d, sizeof(d), NULL, 0);
}

int drp_decode_cow_put(const void *body, u32 len, struct drp_cow_entry *entry)
{
	struct drp_cow_put_disk d;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	if (!drp_cow_entry_unpack(entry, &d.entry))
		return -EBADMSG;
	entry->crc = le32_to_cpu(d.crc);
	return put_ok(entry) ? 0 : -EBADMSG;
}

int drp_encode_cow_del(const struct drp_cow_key *key, void *buf, u32 room)
{
	const struct drp_cow_del_disk d = {
		.element_id = cpu_to_le64(key->element),
		.chunk = cpu_to_le64(key->chunk),
		.generation = cpu_to_le64(key->generation),
	};

	if (!key_ok(key))
		return -EINVAL;
	return drp_record_put(buf, room, DRP_REC_COW_DEL, &d, sizeof(d), NULL, 0);
}

int drp_decode_cow_del(const void *body, u32 len, struct drp_cow_key *key)
{
	struct drp_cow_del_disk d;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	key->element = le64_to_cpu(d.element_id);
	key->chunk = le64_to_cpu(d.chunk);
	key->generation = le64_to_cpu(d.generation);
	return key_ok(key) ? 0 : -EBADMSG;
}

/* A tree without a block has nothing; one with a block has at least a node for each level. */
static bool root_ok(const struct drp_cow_root *r)
{
	if (!r->block)
		return !r->seq && !r->height && !r->entries && !r->nodes;
	return r->block >= DRP_FIRST_AREA_BLOCK && r->height && r->height <= DRP_COW_HEIGHT_MAX &&
	       r->nodes >= r->height && r->entries;
}

int drp_encode_cow_root(const struct drp_cow_root *root, void *buf, u32 room)
{
	const struct drp_cow_root_disk d = {
		.block = cpu_to_le64(root->block),
		.seq = cpu_to_le64(root->seq),
		.entries = cpu_to_le64(root->entries),
		.nodes = cpu_to_le64(root->nodes),
		.height = cpu_to_le32(root->height),
	};

	if (!root_ok(root))
		return -EINVAL;
	return drp_record_put(buf, room, DRP_REC_COW_ROOT, &d, sizeof(d), NULL, 0);
}

int drp_decode_cow_root(const void *body, u32 len, struct drp_cow_root *root)
{
	struct drp_cow_root_disk d;

	if (len < sizeof(d))
		return -EBADMSG;
	memcpy(&d, body, sizeof(d));
	root->block = le64_to_cpu(d.block);
	root->seq = le64_to_cpu(d.seq);
	root->height = le32_to_cpu(d.height);
	root->entries = le64_to_cpu(d.entries);
	root->nodes = le64_to_cpu(d.nodes);
	return root_ok(root) ? 0 : -EBADMSG;
}

/* ---- label ---- */

static const struct drp_block_id label_id = { .kind = DRP_BLOCK_COW_LABEL };

void drp_cow_label_encode(const struct drp_super *sb, void *block)
{
	struct drp_cow_label_disk *d = block;

	memset(d, 0, sizeof(*d));
	memcpy(d->magic, DRP_COW_LABEL_MAGIC, sizeof(DRP_COW_LABEL_MAGIC));
	memcpy(d->uuid, sb->uuid, sizeof(d->uuid));
	d->chunk_sectors = cpu_to_le32(sb->chunk_sectors);
	drp_block_seal(block, sb->nonce, &label_id, sizeof(*d) - sizeof(d->h));
}

int drp_cow_label_check(const void *block, const struct drp_super *sb)
{
	const struct drp_cow_label_disk *d = block;
	int len;

	if (!memchr_inv(block, 0, DRP_BLOCK_BYTES))
		return -ENOENT;
	len = drp_block_check(block, le64_to_cpu(d->h.nonce), &label_id, NULL);
	if (len < (int)(sizeof(*d) - sizeof(d->h)) ||
	    memcmp(d->magic, DRP_COW_LABEL_MAGIC, sizeof(DRP_COW_LABEL_MAGIC)))
		return -EBADMSG;
	if (le64_to_cpu(d->h.nonce) != sb->nonce || memcmp(d->uuid, sb->uuid, sizeof(d->uuid)))
		return -EUCLEAN;
	return le32_to_cpu(d->chunk_sectors) == sb->chunk_sectors ? 0 : -EBADMSG;
}
