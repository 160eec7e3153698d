// SPDX-License-Identifier: GPL-2.0-only
/*
 * The codec: frozen bytes of every structure with known content, round trips
 * with random content, and what decoders make of truncated and damaged bytes.
 */
#include "unit.h"

#include "codec_samples.h"
#include "simulated_disk.h"

static u8 block[DRP_BLOCK_BYTES] __aligned(8);

static u32 sum(const void *bytes, u32 len)
{
	return ~crc32c(~0U, bytes, len);
}

/* ---- frozen bytes ---- */

static const struct {
	const char *name;
	u32 len;
	u32 crc;
} golden_records[] = {
#include "codec_golden.h"
};

static void records_have_frozen_bytes(void **state)
{
	bool all = true;
	u32 i;

	(void)state;
	assert_int_equal(ARRAY_SIZE(golden_records), SAMPLES);
	for (i = 0; i < SAMPLES; i++) {
		u8 buf[DRP_BLOCK_BYTES];
		int len = sample_encode(i, buf, sizeof(buf));

		assert_true(len > 0);
		if ((u32)len == golden_records[i].len && sum(buf, len) == golden_records[i].crc &&
		    !strcmp(sample_name(i), golden_records[i].name))
			continue;
		print_error("	{ \"%s\", %d, 0x%08x },\n", sample_name(i), len, sum(buf, len));
		all = false;
	}
	assert_true(all);
}

static void superblock_bytes_by_hand(void **state)
{
	const struct drp_super_disk *d = (const void *)block;
	struct drp_super sb;

	(void)state;
	sample_super(&sb);
	drp_super_encode(&sb, block);
	assert_memory_equal(block + 4, "\1\0\0\0", 4);			/* kind */
	assert_memory_equal(block + 8, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	assert_memory_equal(block + 32, "\7\0\0\0\0\0\0\0", 8);		/* seq */
	assert_memory_equal(block + 40, "\x58\4\0\0", 4);		/* 1160 - 48 */
	assert_memory_equal(block + 48, "dm-replica pool", 16);
	assert_memory_equal(block + 64, "\1\0\0\0\0\x10\0\0", 8);	/* version, block bytes */
	assert_memory_equal(block + 88, "sample-pool", 12);
	assert_memory_equal(block + 208, "\1\0\0\0\0\0\0\0\1\1\0\0\0\0\0\0", 16);
	assert_ptr_equal(&d->catalog_seq, block + 592);
	assert_ptr_equal(&d->tail_block, block + 608);
	assert_ptr_equal(&d->owner_uuid, block + 624);
	assert_ptr_equal(&d->cow_identity, block + 768);
	assert_null(memchr_inv(block + 904, 0, DRP_BLOCK_BYTES - 904));
}

static void element_bytes_by_hand(void **state)
{
	u8 buf[512];

	(void)state;
	assert_int_equal(sample_encode(SAMPLE_ELEMENT, buf, sizeof(buf)), 304);
	assert_memory_equal(buf, "\2\0\1\0\x30\1\0\0", 8);	/* type, critical, length */
	assert_memory_equal(buf + 8, "\x11\0\0\0\0\0\0\0", 8);	/* id */
	assert_memory_equal(buf + 16, "\0\0\x20\0\0\0\0\0", 8);	/* size */
	assert_memory_equal(buf + 8 + 104, "volume-1", 9);
	assert_memory_equal(buf + 8 + 168, "wwn:5000", 9);
}

static void activate_bytes_by_hand(void **state)
{
	static const u8 want[] = {
		7, 0, 1, 0, 32, 0, 0, 0, 0x11, 0, 0, 0, 0, 0, 0, 0,
		0x20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
	};
	u8 buf[64];

	(void)state;
	assert_int_equal(drp_encode_activate(0x11, 0x20, 5, buf, sizeof(buf)), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

/* ---- records: room, truncation, growth, damage ---- */

/* Random bytes behind the end show whoever reads there. */
static int decode_copy(u16 type, const u8 *body, u32 len)
{
	u8 *exact = malloc(len ? len : 1);
	int ret;

	memcpy(exact, body, len);
	ret = sample_decode(type, exact, len);
	free(exact);
	return ret;
}

static void every_room_too_small_is_refused(void **state)
{
	u8 buf[DRP_BLOCK_BYTES], before[DRP_BLOCK_BYTES];
	u32 i, room;

	(void)state;
	memset(before, 0x5a, sizeof(before));
	for (i = 0; i < SAMPLES; i++) {
		u32 len = golden_records[i].len;

		if (i == SAMPLE_PLANE_ROOT)
			continue;	/* takes fewer entries instead: has its own test */
		for (room = 0; room < len; room++) {
			memcpy(buf, before, sizeof(buf));
			assert_int_equal(sample_encode(i, buf, room), -ENOSPC);
			assert_memory_equal(buf, before, sizeof(buf));
		}
		assert_int_equal(sample_encode(i, buf, len), len);
		assert_memory_equal(buf + len, before + len, sizeof(buf) - len);
	}
}

static void every_truncation_is_refused_and_growth_accepted(void **state)
{
	u8 buf[DRP_BLOCK_BYTES + 64] = { };
	struct drp_record rec;
	u32 i, len, pos;

	(void)state;
	for (i = 0; i < SAMPLES; i++) {
		memset(buf, 0, sizeof(buf));
		pos = 0;
		len = sample_encode(i, buf, DRP_BLOCK_BYTES);
		assert_int_equal(drp_record_next(buf, len, &pos, &rec), 1);
		assert_int_equal(rec.type, sample_type(i));
		assert_true(rec.flags & DRP_RECORD_CRITICAL);
		assert_int_equal(sample_decode(rec.type, rec.body, rec.len), 0);
		assert_int_equal(sample_decode(rec.type, rec.body, rec.len + 40), 0);
		for (len = 0; len < rec.len; len++) {
			if (i == SAMPLE_POOL && len == 24)
				continue;	/* the first version's, has its own test */
			assert_int_equal(decode_copy(rec.type, rec.body, len), -EBADMSG);
		}
	}
}

static void pool_record_of_the_first_version_is_read(void **state)
{
	struct drp_pool_rec p = { .reclaim = 5 };
	u8 buf[64];

	(void)state;
	assert_int_equal(sample_encode(SAMPLE_POOL, buf, sizeof(buf)), 40);
	assert_memory_equal(buf + 32, "\x90\1\0\0\0\0\0\0", 8);
	assert_int_equal(drp_decode_pool(buf + 8, 32, &p), 0);
	assert_int_equal(p.reclaim, 400);
	assert_int_equal(drp_decode_pool(buf + 8, 24, &p), 0);
	assert_int_equal(p.next_cut_id, 300);
	assert_int_equal(p.reclaim, 0);
}

static void memory_of_the_index_is_appended_where_it_is_set(void **state)
{
	struct drp_pool_rec p = { 100, 200, 300, 400, 7 };
	u8 buf[64];
	u32 len;

	(void)state;
	assert_int_equal(drp_encode_pool(&p, buf, sizeof(buf)), 48);
	assert_memory_equal(buf + 40, "\7\0\0\0\0\0\0\0", 8);
	p.cow_memory = 9;
	assert_int_equal(drp_decode_pool(buf + 8, 32, &p), 0);
	assert_int_equal(p.cow_memory, 0);
	assert_int_equal(drp_decode_pool(buf + 8, 40, &p), 0);
	assert_int_equal(p.cow_memory, 7);
	for (len = 33; len < 40; len++)
		assert_int_equal(drp_decode_pool(buf + 8, len, &p), -EBADMSG);
	/* What no request could have set is damage, and is not written. */
	buf[44] = 1;
	assert_int_equal(drp_decode_pool(buf + 8, 40, &p), -EBADMSG);
	buf[44] = 0;
	memcpy(buf + 40, "\1\0\1\0", 4);
	assert_int_equal(drp_decode_pool(buf + 8, 40, &p), -EBADMSG);
	p.cow_memory = DRP_COW_MEMORY_HIGH + 1;
	assert_int_equal(drp_encode_pool(&p, buf, sizeof(buf)), -EINVAL);
}

static void every_cut_of_a_buffer_is_an_error(void **state)
{
	u8 buf[DRP_BLOCK_BYTES];
	struct drp_record rec;
	u32 cut, pos, len = 0, ends[SAMPLES + 1] = { 0 }, n = 0;
	int ret;

	(void)state;
	len += sample_encode(SAMPLE_POOL, buf, sizeof(buf));
	ends[++n] = len;
	len += sample_encode(SAMPLE_ELEMENT, buf + len, sizeof(buf) - len);
	ends[++n] = len;
	len += sample_encode(SAMPLE_ACTIVATE, buf + len, sizeof(buf) - len);
	ends[++n] = len;
	for (cut = 0; cut <= len; cut++) {
		u8 *exact = malloc(cut ? cut : 1);
		u32 i, whole = 0;
		bool border = false;

		memcpy(exact, buf, cut);
		for (i = 0; i <= n; i++)
			border |= ends[i] == cut;
		for (i = 1; i <= n; i++)
			whole += ends[i] <= cut;
		pos = 0;
		while ((ret = drp_record_next(exact, cut, &pos, &rec)) > 0)
			whole--;
		assert_int_equal(whole, 0);
		assert_int_equal(ret, border ? 0 : -EBADMSG);
		free(exact);
	}
}

/* A damaged byte gives an error or something that could have been written. */
static void every_damaged_byte_is_refused_or_valid(void **state)
{
	u32 i, at, bit, refused = 0, valid = 0;
	u8 buf[DRP_BLOCK_BYTES], again[DRP_BLOCK_BYTES];
	struct drp_record rec;

	(void)state;
	for (i = 0; i < SAMPLES; i++) {
		u32 len = sample_encode(i, buf, sizeof(buf)), pos;

		for (at = 0; at < len; at++) {
			for (bit = 0; bit < 8; bit++) {
				int ret;

				buf[at] ^= 1 << bit;
				pos = 0;
				ret = drp_record_next(buf, len, &pos, &rec);
				if (ret == 1)
					ret = sample_decode(rec.type, rec.body, rec.len);
				if (ret == 0)
					ret = sample_reencode(rec.type, rec.body, rec.len, again,
							      sizeof(again));
				if (ret < 0)
					refused++;
				else
					valid++;
				assert_true(ret >= 0 || ret == -EBADMSG || ret == -ENOENT);
				buf[at] ^= 1 << bit;
			}
		}
	}
	print_message("           %u refused, %u still valid\n", refused, valid);
	assert_true(refused > 1000);
}

static void random_records_come_back(void **state)
{
	struct sim_random r = { 7 };
	u32 i;

	(void)state;
	for (i = 0; i < 20000; i++)
		sample_round_trip(&r);
}

static void bad_values_are_not_written(void **state)
{
	struct drp_element_rec e;
	struct drp_sync_rec s;
	struct drp_group_rec g;
	u8 buf[1024];

	(void)state;
#define BAD(init, object, change) do {					\
		init;							\
		assert_true(drp_encode_##object > 0);			\
		change;							\
		assert_int_equal(drp_encode_##object, -EINVAL);		\
	} while (0)
#define BAD_ELEMENT(change)	BAD(sample_element(&e), element(&e, buf, sizeof(buf)), change)
#define BAD_SYNC(change)	BAD(sample_sync(&s), sync(&s, buf, sizeof(buf)), change)
#define BAD_GROUP(change)	BAD(sample_group(&g), group(&g, buf, sizeof(buf)), change)
	BAD_ELEMENT(e.id = 0);
	BAD_ELEMENT(e.id = 1ULL << 63);
	BAD_ELEMENT(e.name[0] = '\0');
	BAD_ELEMENT(strcpy(e.name, "a/b"));
	BAD_ELEMENT(strcpy(e.name, "-a"));
	BAD_ELEMENT(e.data_offset = 8);
	BAD_ELEMENT(e.size_sectors = 1ULL << 60);
	BAD_ELEMENT(e.read_policy = 2);
	BAD_ELEMENT(e.parent_element = e.id);
	BAD_ELEMENT(e.parent_element = 0);
	BAD_ELEMENT(e.generation = 1ULL << 63);
	BAD_ELEMENT(e.parent_generation = 1ULL << 63);
	BAD_SYNC(s.source_id = 0);
	BAD_SYNC(s.target_id = s.source_id);
	BAD_SYNC(s.sync_type = 9);
	BAD_SYNC(s.mode = 4);
	BAD_SYNC(s.copy_state = DRP_CS_PARTITIONED);
	BAD_SYNC(s.copy_state = 0);
	BAD_SYNC(s.copy_state = 19);
	BAD_SYNC(s.progress_status = 26);
	BAD_SYNC(s.recovery_mode = 1);
	/* Only of a clone that is being copied to its target. */
	BAD_SYNC((s.partial = true, s.sync_type = DRP_SYNC_MIRROR,
		  s.copy_state = DRP_CS_UNSYNCHRONIZED, s.reverse = false));
	BAD_SYNC((s.partial = true, s.sync_type = DRP_SYNC_CLONE,
		  s.copy_state = DRP_CS_SYNCHRONIZED, s.reverse = false));
	BAD_SYNC((s.partial = true, s.sync_type = DRP_SYNC_CLONE,
		  s.copy_state = DRP_CS_UNSYNCHRONIZED, s.reverse = true));
	BAD_SYNC(s.copy_priority = 5);
	BAD_SYNC(s.gen_start = 1ULL << 63);
	BAD_GROUP(g.members[1] = g.members[0]);
	BAD_GROUP(g.members[0] = 0);
	BAD_GROUP(g.nr_members = DRP_ARGS_MEMBERS_MAX + 1);
#undef BAD
	assert_int_equal(drp_encode_activate(1, 0, 0, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(drp_encode_activate(1, 1ULL << 63, 1, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(drp_encode_object_del(DRP_OBJ_JOB, 1, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(drp_encode_plane_all(1, 2, true, buf, sizeof(buf)), -EINVAL);
}

static void cuts_do_not_nest(void **state)
{
	u8 inner[64], outer[256];
	u32 i;
	int len;

	(void)state;
	len = drp_encode_cut_abort(1, inner, sizeof(inner));
	assert_int_equal(drp_encode_confirm(1, inner, len, outer, sizeof(outer)), -EINVAL);
	for (i = SAMPLE_COW_PUT; i <= SAMPLE_COW_ROOT; i++) {
		len = sample_encode(i, inner, sizeof(inner));
		assert_int_equal(drp_encode_confirm(1, inner, len, outer, sizeof(outer)), -EINVAL);
	}
	len = drp_encode_activate(1, 2, 3, inner, sizeof(inner));
	assert_true(drp_encode_confirm(1, inner, len, outer, sizeof(outer)) > len);
	assert_int_equal(drp_encode_confirm(1, inner, len - 8, outer, sizeof(outer)), -EINVAL);
}

static void the_plane_of_slots_is_the_pools(void **state)
{
	const struct drp_dir_entry e = { DRP_PAGE_STORED, 700, 9 };
	u8 buf[128];
	u32 taken;

	(void)state;
	assert_int_equal(drp_encode_plane_root(DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, 0, &e, 1, &taken,
					       buf, sizeof(buf)), 48);
	assert_memory_equal(buf + 8, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
	assert_int_equal(buf[24], 2);
	assert_int_equal(sample_decode(DRP_REC_PLANE_ROOT, buf + 8, 40), 0);
	buf[24] = DRP_PLANE_D;
	assert_int_equal(sample_decode(DRP_REC_PLANE_ROOT, buf + 8, 40), -EBADMSG);
	buf[24] = 3;
	assert_int_equal(sample_decode(DRP_REC_PLANE_ROOT, buf + 8, 40), -EBADMSG);
	buf[24] = DRP_PLANE_SLOTS;
	buf[8] = 1;
	assert_int_equal(sample_decode(DRP_REC_PLANE_ROOT, buf + 8, 40), -EBADMSG);
	assert_int_equal(drp_encode_plane_root(5, DRP_PLANE_SLOTS, 0, &e, 1, &taken, buf,
					       sizeof(buf)), -EINVAL);
	assert_int_equal(drp_encode_plane_root(DRP_COW_PLANE_ID, DRP_PLANE_D, 0, &e, 1, &taken,
					       buf, sizeof(buf)), -EINVAL);
	assert_int_equal(drp_encode_plane_all(DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, true, buf,
					      sizeof(buf)), -EINVAL);
}

static void cow_put_bytes_by_hand(void **state)
{
	static const u8 want[] = {
		15, 0, 1, 0, 48, 0, 0, 0, 0x11, 0, 0, 0, 0, 0, 0, 0,
		0x67, 0x45, 0x23, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
		0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12, 0, 1, 0x0d, 0xf0, 0xfe, 0xca, 0, 0, 0, 0,
	};
	u8 buf[64];

	(void)state;
	assert_int_equal(sample_encode(SAMPLE_COW_PUT, buf, sizeof(buf)), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void bad_cow_values_are_not_written(void **state)
{
	struct drp_cow_entry c;
	struct drp_cow_root r;
	u8 buf[64];

	(void)state;
#define BAD_ENTRY(change) do {							\
		sample_cow_entry(&c);						\
		assert_int_equal(drp_encode_cow_put(&c, buf, sizeof(buf)), 48);	\
		change;								\
		assert_int_equal(drp_encode_cow_put(&c, buf, sizeof(buf)), -EINVAL); \
	} while (0)
	BAD_ENTRY(c.key.element = 0);
	BAD_ENTRY(c.key.element = 1ULL << 63);
	BAD_ENTRY(c.key.chunk = 1ULL << 63);
	BAD_ENTRY(c.key.generation = 1ULL << 63);
	BAD_ENTRY(c.key.generation = 0);
	BAD_ENTRY(c.slot = 0);
	BAD_ENTRY(c.slot = 1ULL << 48);
	BAD_ENTRY(c.kind = 0);
	BAD_ENTRY(c.kind = 3);
	BAD_ENTRY(c.kind = DRP_COW_PRIVATE);	/* with a checksum */
	sample_cow_entry(&c);
	c.kind = DRP_COW_PRIVATE;
	c.crc = 0;
	c.key.generation = 0;
	assert_int_equal(drp_encode_cow_put(&c, buf, sizeof(buf)), 48);
#define BAD_ROOT(change) do {							\
		r = (struct drp_cow_root){ 700, 99, 2, 200, 3 };		\
		assert_int_equal(drp_encode_cow_root(&r, buf, sizeof(buf)), 48); \
		change;								\
		assert_int_equal(drp_encode_cow_root(&r, buf, sizeof(buf)), -EINVAL); \
	} while (0)
	BAD_ROOT(r.block = 0);
	BAD_ROOT(r.block = 256);
	BAD_ROOT(r.height = 0);
	BAD_ROOT(r.height = DRP_COW_HEIGHT_MAX + 1);
	BAD_ROOT(r.nodes = 1);
	BAD_ROOT(r.entries = 0);
	r = (struct drp_cow_root){ 0 };
	assert_int_equal(drp_encode_cow_root(&r, buf, sizeof(buf)), 48);
#undef BAD_ENTRY
#undef BAD_ROOT
}

static void the_label_tells_whose_space_it_is(void **state)
{
	struct drp_super sb, other;
	u32 at;

	(void)state;
	sample_super(&sb);
	memset(block, 0, sizeof(block));
	assert_int_equal(drp_cow_label_check(block, &sb), -ENOENT);
	drp_cow_label_encode(&sb, block);
	assert_int_equal(sum(block, sizeof(block)), GOLDEN_LABEL);
	assert_int_equal(drp_cow_label_check(block, &sb), 0);
	other = sb;
	other.nonce++;
	assert_int_equal(drp_cow_label_check(block, &other), -EUCLEAN);
	other = sb;
	other.uuid[3]++;
	assert_int_equal(drp_cow_label_check(block, &other), -EUCLEAN);
	other = sb;
	other.chunk_sectors *= 2;
	assert_int_equal(drp_cow_label_check(block, &other), -EBADMSG);
	for (at = 0; at < DRP_BLOCK_BYTES; at++) {
		block[at] ^= 0x20;
		assert_int_equal(drp_cow_label_check(block, &sb), -EBADMSG);
		block[at] ^= 0x20;
	}
	drp_super_encode(&sb, block);
	assert_int_equal(drp_cow_label_check(block, &sb), -EBADMSG);
}

static void plane_root_takes_what_fits(void **state)
{
	struct drp_dir_entry in[300], out[300];
	u8 buf[DRP_BLOCK_BYTES];
	u64 sync_id, first;
	enum drp_plane plane;
	u32 i, taken, n, room;
	int len;

	(void)state;
	memset(in, 0, sizeof(in));
	memset(out, 0, sizeof(out));
	for (i = 0; i < ARRAY_SIZE(in); i++) {
		in[i].state = i % 3;
		in[i].block = i % 3 == 2 ? 300 + i : 0;
		in[i].seq = i % 3 == 2 ? i : 0;
	}
	for (room = 0; room <= sizeof(buf); room++) {
		len = drp_encode_plane_root(5, DRP_PLANE_C, 9, in, 300, &taken, buf, room);
		if (room < 48) {
			assert_int_equal(len, -ENOSPC);
			continue;
		}
		assert_true((u32)len <= room && len <= DRP_RECORD_MAX);
		assert_int_equal(drp_decode_plane_root(buf + 8, len - 8, &sync_id, &plane, &first,
						       out, 300, &n), 0);
		assert_true(sync_id == 5 && plane == DRP_PLANE_C && first == 9 && n == taken);
		assert_memory_equal(in, out, n * sizeof(in[0]));
		assert_int_equal(drp_decode_plane_root(buf + 8, len - 8, &sync_id, &plane, &first,
						       out, n - 1, &n), -EBADMSG);
	}
	assert_int_equal(taken, 238);
}

/* ---- blocks ---- */

static void every_damaged_byte_of_a_block_is_noticed(void **state)
{
	const struct drp_block_id id = { DRP_BLOCK_PLANE, DRP_PLANE_D, 5, 6, 7 };
	struct drp_block_id want = id;
	u32 at;
	u64 seq;

	(void)state;
	memset(block, 0xab, sizeof(block));
	drp_block_seal(block, SAMPLE_NONCE, &id, 1000);
	assert_null(memchr_inv(block + 48 + 1000, 0, DRP_BLOCK_BYTES - 1048));
	assert_int_equal(drp_block_check(block, SAMPLE_NONCE, &want, &seq), 1000);
	assert_int_equal(seq, 7);
	assert_int_equal(drp_block_check(block, SAMPLE_NONCE ^ 1, &want, &seq), -EBADMSG);
	want.index = 8;
	assert_int_equal(drp_block_check(block, SAMPLE_NONCE, &want, &seq), -EUCLEAN);
	want = id;
	want.flags = DRP_PLANE_C;
	assert_int_equal(drp_block_check(block, SAMPLE_NONCE, &want, &seq), -EUCLEAN);
	for (at = 0; at < DRP_BLOCK_BYTES; at++) {
		block[at] ^= 0x10;
		assert_int_equal(drp_block_check(block, SAMPLE_NONCE, &id, &seq), -EBADMSG);
		block[at] ^= 0x10;
	}
}

static void superblock_comes_back(void **state)
{
	struct drp_super in, out;
	u32 at;

	(void)state;
	sample_super(&in);
	drp_super_encode(&in, block);
	memset(&out, 0xff, sizeof(out));
	assert_int_equal(drp_super_decode(block, in.device_blocks, &out), 0);
	assert_int_equal(out.nonce, SAMPLE_NONCE);
	drp_super_encode(&out, block);
	assert_int_equal(drp_super_decode(block, in.device_blocks, &in), 0);
	assert_memory_equal(in.areas, out.areas, sizeof(in.areas));
	assert_string_equal(in.owner_name, out.owner_name);
	in.incompat = DRP_INCOMPAT_COW;
	drp_super_encode(&in, block);
	assert_int_equal(drp_super_decode(block, in.device_blocks, &out), 0);
	assert_int_equal(out.incompat, DRP_INCOMPAT_COW);
	assert_int_equal(out.cow_sectors, 1 << 20);
	assert_string_equal(out.cow_identity, "partuuid:1234");
	assert_int_equal(drp_super_decode(block, in.device_blocks - 1, &out), -EBADMSG);
	for (at = 0; at < DRP_BLOCK_BYTES; at++) {
		block[at] ^= 1;
		assert_int_equal(drp_super_decode(block, in.device_blocks, &out), -EBADMSG);
		block[at] ^= 1;
	}
}

static int resealed(struct drp_super *sb)
{
	struct drp_super out;

	drp_super_encode(sb, block);
	return drp_super_decode(block, 1 << 20, &out);
}

static void contradictions_in_a_superblock_are_refused(void **state)
{
	struct drp_super sb;

	(void)state;
#define BAD(change, error) do {					\
		sample_super(&sb);				\
		assert_int_equal(resealed(&sb), 0);		\
		change;						\
		assert_int_equal(resealed(&sb), error);		\
	} while (0)
	BAD(sb.incompat = 1ULL << 40, -EPROTONOSUPPORT);
	BAD(sb.incompat = DRP_INCOMPAT_TWO_COPIES, -EPROTONOSUPPORT);
	BAD(sb.incompat = DRP_INCOMPAT_COW; sb.cow_sectors = 255, -EBADMSG);
	BAD(sb.incompat = DRP_INCOMPAT_COW; sb.cow_sectors = 1ULL << 60, -EBADMSG);
	BAD(sb.areas[1].first--, -EBADMSG);
	BAD(sb.areas[0].first = 256, -EBADMSG);
	BAD(sb.areas[3].blocks = ~0ULL, -EBADMSG);
	BAD(sb.areas[3].first = ~0ULL, -EBADMSG);
	BAD(sb.areas[2].index = 0, -EBADMSG);
	BAD(sb.areas[0].kind = 9, -EBADMSG);
	BAD(sb.areas[0].blocks = 8, -EBADMSG);
	BAD(sb.nr_areas = 17, -EBADMSG);
	BAD(sb.nr_areas = 3, -EBADMSG);
	BAD(sb.catalog_index = 2, -EBADMSG);
	BAD(sb.catalog_blocks = 0, -EBADMSG);
	BAD(sb.catalog_blocks = 1 << 16, -EBADMSG);
	BAD(sb.tail_block = sb.areas[0].blocks, -EBADMSG);
	BAD(sb.tail_seq = 0, -EBADMSG);
	BAD(sb.seq = 0, -EBADMSG);
	BAD(sb.region_sectors = 9, -EBADMSG);
	BAD(sb.extent_sectors = 64, -EBADMSG);
	BAD(strcpy(sb.name, "a b"), -EBADMSG);
#undef BAD
}

static void pages_and_directories_come_back(void **state)
{
	u64 words[DRP_PAGE_BYTES / 8], back[DRP_PAGE_BYTES / 8];
	struct drp_dir_entry in[DRP_DIR_ENTRIES], out[DRP_DIR_ENTRIES];
	struct sim_random r = { 3 };
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = sim_random(&r);
	drp_page_encode(block, SAMPLE_NONCE, 5, DRP_PLANE_D, 6, 7, words);
	assert_int_equal(sum(block, sizeof(block)), GOLDEN_PAGE);
	assert_int_equal(drp_page_decode(block, SAMPLE_NONCE, 5, DRP_PLANE_D, 6, 7, back), 0);
	assert_memory_equal(words, back, sizeof(words));
	assert_int_equal(drp_page_decode(block, SAMPLE_NONCE, 5, DRP_PLANE_D, 6, 8, back), -ESTALE);
	assert_int_equal(drp_page_decode(block, SAMPLE_NONCE, 5, DRP_PLANE_C, 6, 7, back), -EUCLEAN);
	assert_int_equal(drp_page_decode(block, SAMPLE_NONCE, 4, DRP_PLANE_D, 6, 7, back), -EUCLEAN);
	assert_int_equal(drp_dir_decode(block, SAMPLE_NONCE, 5, DRP_PLANE_D, 6, 7, 999, out), -EUCLEAN);
	memset(in, 0, sizeof(in));
	memset(out, 0, sizeof(out));
	for (i = 0; i < DRP_DIR_ENTRIES; i++) {
		in[i].state = sim_below(&r, 3);
		if (in[i].state == DRP_PAGE_STORED) {
			in[i].block = 257 + sim_below(&r, 700);
			in[i].seq = sim_random(&r);
		}
	}
	drp_dir_encode(block, SAMPLE_NONCE, 5, DRP_PLANE_D, 0, 9, in);
	assert_int_equal(sum(block, sizeof(block)), GOLDEN_DIR);
	assert_int_equal(drp_dir_decode(block, SAMPLE_NONCE, 5, DRP_PLANE_D, 0, 9, 957, out), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(drp_dir_decode(block, SAMPLE_NONCE, 5, DRP_PLANE_D, 0, 9, 300, out), -EBADMSG);
}

static void superblock_has_frozen_bytes(void **state)
{
	struct drp_super sb;

	(void)state;
	sample_super(&sb);
	drp_super_encode(&sb, block);
	assert_int_equal(sum(block, sizeof(block)), GOLDEN_SUPER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_have_frozen_bytes),
		cmocka_unit_test(superblock_has_frozen_bytes),
		cmocka_unit_test(superblock_bytes_by_hand),
		cmocka_unit_test(element_bytes_by_hand),
		cmocka_unit_test(activate_bytes_by_hand),
		cmocka_unit_test(every_room_too_small_is_refused),
		cmocka_unit_test(every_truncation_is_refused_and_growth_accepted),
		cmocka_unit_test(pool_record_of_the_first_version_is_read),
		cmocka_unit_test(memory_of_the_index_is_appended_where_it_is_set),
		cmocka_unit_test(every_cut_of_a_buffer_is_an_error),
		cmocka_unit_test(every_damaged_byte_is_refused_or_valid),
		cmocka_unit_test(random_records_come_back),
		cmocka_unit_test(bad_values_are_not_written),
		cmocka_unit_test(cuts_do_not_nest),
		cmocka_unit_test(the_plane_of_slots_is_the_pools),
		cmocka_unit_test(cow_put_bytes_by_hand),
		cmocka_unit_test(bad_cow_values_are_not_written),
		cmocka_unit_test(the_label_tells_whose_space_it_is),
		cmocka_unit_test(plane_root_takes_what_fits),
		cmocka_unit_test(every_damaged_byte_of_a_block_is_noticed),
		cmocka_unit_test(superblock_comes_back),
		cmocka_unit_test(contradictions_in_a_superblock_are_refused),
		cmocka_unit_test(pages_and_directories_come_back),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
