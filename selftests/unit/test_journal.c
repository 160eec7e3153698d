// SPDX-License-Identifier: GPL-2.0-only
/* Ring, commits, loading and probing, case by case; test_crash.c has the random runs. */
#include "unit.h"

#include "codec_samples.h"
#include "pool_machine.h"

struct fixture {
	struct sim_disk *disk;
	struct drp_super sb;
	struct drp_ring ring;
	struct model_load *load;
	u8 *buf;		/* a commit */
	u8 *scratch;
};

static int setup(void **state)
{
	struct drp_format_params p = {
		.nonce = SAMPLE_NONCE, .name = "pool", .device_blocks = 2048,
		.chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};
	struct fixture *f = calloc(1, sizeof(*f));

	f->disk = sim_disk_new(2048);
	f->load = calloc(1, sizeof(*f->load));
	f->buf = calloc(DRP_COMMIT_BLOCKS_MAX, DRP_BLOCK_BYTES);
	f->scratch = calloc(2, DRP_BLOCK_BYTES);
	assert_int_equal(drp_format_layout(&p, &f->sb), 0);
	f->sb.areas[0].blocks = 64;
	assert_int_equal(drp_format_write(&f->disk->io, &f->sb, f->scratch), 0);
	drp_ring_init(&f->ring, &f->sb);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sim_disk_free(f->disk);
	free(f->load);
	free(f->buf);
	free(f->scratch);
	free(f);
	return 0;
}

/* Write a commit of raw @records. */
static void commit(struct fixture *f, const void *records, u32 len)
{
	struct drp_commit c;

	drp_commit_start(&c, f->buf, DRP_COMMIT_BLOCKS_MAX);
	if (len)
		assert_int_equal(drp_commit_add(&c, records, len), 0);
	assert_int_equal(drp_commit_seal(&c, &f->ring), 0);
	assert_int_equal(drp_commit_write(&c, &f->ring, &f->disk->io), 0);
	drp_commit_complete(&c, &f->ring);
}

static void commit_count(struct fixture *f, u64 count)
{
	struct drp_pool_rec pool = { 1000, count, 1, 0, 0 };
	u8 buf[64];
	int len = drp_encode_pool(&pool, buf, sizeof(buf));

	commit(f, buf, len);
}

static int load(struct fixture *f)
{
	model_load(f->load, f->disk);
	return f->load->error;
}

static u64 ring_block(const struct fixture *f, u64 index)
{
	return drp_super_area(&f->sb, DRP_AREA_JOURNAL, 0)->first + index;
}

static void damage(struct fixture *f, u64 block, u32 at)
{
	u8 data[DRP_BLOCK_BYTES];

	memcpy(data, sim_disk_peek(f->disk, block), sizeof(data));
	data[at] ^= 0x40;
	sim_disk_poke(f->disk, block, data);
}

static void layout_follows_the_size(void **state)
{
	struct drp_format_params p = {
		.nonce = 1, .chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};
	static const struct { u64 device, journal, catalog; } cases[] = {
		{ 2048, 256, 64 }, { 4096, 512, 128 }, { 1 << 20, 4096, 16384 },
		{ 1ULL << 32, 4096, 16384 },
	};
	struct drp_super sb;
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		p.device_blocks = cases[i].device;
		assert_int_equal(drp_format_layout(&p, &sb), 0);
		assert_int_equal(sb.areas[0].blocks, cases[i].journal);
		assert_int_equal(sb.areas[1].blocks, cases[i].catalog);
		assert_int_equal(sb.areas[3].first + sb.areas[3].blocks, cases[i].device);
	}
	p.device_blocks = 2047;
	assert_int_equal(drp_format_layout(&p, &sb), -ENOSPC);
	p.device_blocks = 2048;
	p.extent_sectors = 8191;
	assert_int_equal(drp_format_layout(&p, &sb), -EINVAL);
	p.extent_sectors = 8192;
	p.nonce = 0;
	assert_int_equal(drp_format_layout(&p, &sb), -EINVAL);
}

static void ring_never_meets_its_tail(void **state)
{
	struct fixture *f = *state;
	struct drp_commit c;
	u32 i;

	for (i = 0; i < 63; i++) {
		assert_int_equal(drp_ring_room(&f->ring), 63 - i);
		commit_count(f, i + 2);
	}
	drp_commit_start(&c, f->buf, 1);
	assert_int_equal(drp_commit_seal(&c, &f->ring), -ENOSPC);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->load->state.commits, 64);
	assert_int_equal(f->load->result.commits, 63);
	assert_int_equal(f->load->result.next_block, 63);
	assert_int_equal(f->load->result.next_seq, 65);
	assert_false(f->load->result.torn);
	drp_ring_release(&f->ring, drp_ring_cut(&f->ring));
	assert_int_equal(drp_ring_room(&f->ring), 63);
}

static void commit_is_full_at_its_bounds(void **state)
{
	struct fixture *f = *state;
	u8 record[DRP_RECORD_MAX] = { };
	struct drp_record_header h = { .len = cpu_to_le32(DRP_RECORD_MAX) };
	struct drp_commit c;
	u32 n;

	memcpy(record, &h, sizeof(h));
	for (n = 1; n <= DRP_COMMIT_BLOCKS_MAX; n++) {
		u32 i;

		drp_commit_start(&c, f->buf, n);
		for (i = 0; i < n; i++)
			assert_int_equal(drp_commit_add(&c, record, sizeof(record)), 0);
		assert_int_equal(drp_commit_add(&c, record, sizeof(record)), -ENOSPC);
		assert_int_equal(c.nr_blocks, n);
	}
	assert_int_equal(drp_commit_add(&c, record, 12), -EINVAL);
	assert_int_equal(drp_commit_add(&c, record, DRP_RECORD_MAX + 8), -EINVAL);
	drp_commit_start(&c, f->buf, 1000);
	assert_int_equal(c.max_blocks, DRP_COMMIT_BLOCKS_MAX);
}

static void damaged_last_commit_is_torn(void **state)
{
	struct fixture *f = *state;
	u8 records[2 * DRP_RECORD_MAX];
	struct drp_commit c;
	int len, i;

	commit_count(f, 2);
	drp_commit_start(&c, f->buf, DRP_COMMIT_BLOCKS_MAX);
	for (i = 0; i < 30; i++) {
		len = sample_encode(SAMPLE_SYNC, records, sizeof(records));
		assert_int_equal(drp_commit_add(&c, records, len), 0);
	}
	assert_true(c.nr_blocks > 2);
	assert_int_equal(drp_commit_seal(&c, &f->ring), 0);
	assert_int_equal(drp_commit_write(&c, &f->ring, &f->disk->io), 0);
	damage(f, ring_block(f, 1), 100);
	assert_int_equal(load(f), 0);
	assert_true(f->load->result.torn);
	assert_int_equal(f->load->state.commits, 2);
	assert_int_equal(f->load->result.next_block, 1);
	assert_int_equal(f->load->result.next_seq, 3);
}

static void gap_in_the_journal_is_refused(void **state)
{
	struct fixture *f = *state;
	u64 i;

	for (i = 2; i < 12; i++)
		commit_count(f, i);
	assert_int_equal(load(f), 0);
	for (i = 0; i < 9; i++) {
		damage(f, ring_block(f, i), 2000);
		assert_int_equal(load(f), -ESTALE);
		assert_non_null(f->load->result.problem);
		damage(f, ring_block(f, i), 2000);
	}
	damage(f, ring_block(f, 9), 2000);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->load->state.commits, 10);
}

static int no_records(void *ctx, void *buf, u32 room)
{
	struct drp_pool_rec pool = { 1000, 500, 1, 0, 0 };
	u32 *n = ctx;
	int len;

	if (!*n)
		return 0;
	len = drp_encode_pool(&pool, buf, room);
	*n -= len > 0;
	return len;
}

static void old_superblock_is_refused(void **state)
{
	struct fixture *f = *state;
	u8 old[DRP_BLOCK_BYTES];
	struct drp_cut cut;
	u32 i, n = 1;

	memcpy(old, sim_disk_peek(f->disk, 0), sizeof(old));
	for (i = 0; i < 10; i++)
		commit_count(f, 2 + i);
	cut = drp_ring_cut(&f->ring);
	assert_int_equal(drp_checkpoint_write(&f->disk->io, &f->sb, cut, no_records, &n,
					      f->scratch), 0);
	drp_ring_release(&f->ring, cut);
	for (i = 0; i < 63; i++)
		commit_count(f, 600 + i);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->load->state.commits, 662);
	sim_disk_poke(f->disk, 0, old);
	sim_disk_poke(f->disk, 256, old);
	assert_int_equal(load(f), -ESTALE);
}

static void unknown_records(void **state)
{
	struct fixture *f = *state;
	u8 record[16] = { };
	struct drp_record_header h = { .type = cpu_to_le16(99), .len = cpu_to_le32(16) };

	memcpy(record, &h, sizeof(h));
	commit(f, record, sizeof(record));
	assert_int_equal(load(f), 0);
	h.flags = cpu_to_le16(DRP_RECORD_CRITICAL);
	memcpy(record, &h, sizeof(h));
	commit(f, record, sizeof(record));
	assert_int_equal(load(f), -EPROTONOSUPPORT);
}

static void cut_counts_with_its_confirm_only(void **state)
{
	struct fixture *f = *state;
	struct drp_pool_rec pool = { 1000, 77, 1, 0, 0 };
	u64 member = 1;
	u8 nested[64], buf[256];
	int len;

	len = drp_encode_pool(&pool, nested, sizeof(nested));
	commit(f, buf, drp_encode_cut(5, &member, 1, buf, sizeof(buf)));
	assert_int_equal(load(f), 0);
	assert_int_equal(f->load->state.commits, 1);
	commit(f, buf, drp_encode_cut_abort(5, buf, sizeof(buf)));
	assert_int_equal(load(f), 0);
	assert_int_equal(f->load->state.commits, 1);
	commit(f, buf, drp_encode_confirm(6, nested, len, buf, sizeof(buf)));
	assert_int_equal(load(f), 0);
	assert_int_equal(f->load->state.commits, 77);
}

static void directory_root_in_the_journal_is_refused(void **state)
{
	struct fixture *f = *state;
	u8 buf[256];

	commit(f, buf, sample_encode(SAMPLE_PLANE_ROOT, buf, sizeof(buf)));
	assert_int_equal(load(f), -EBADMSG);
}

static void catalog_that_does_not_fit(void **state)
{
	struct fixture *f = *state;
	struct drp_super before = f->sb;
	u32 n = 100 + 63 * 101 + 1;	/* 101 of these fit a block */

	assert_int_equal(f->sb.areas[1].blocks, 64);
	assert_int_equal(drp_checkpoint_write(&f->disk->io, &f->sb, drp_ring_cut(&f->ring),
					      no_records, &n, f->scratch), -ENOSPC);
	assert_memory_equal(&before, &f->sb, sizeof(before));
	assert_int_equal(load(f), 0);
	assert_int_equal(f->load->state.commits, 1);
	n = 100 + 63 * 101;
	assert_int_equal(drp_checkpoint_write(&f->disk->io, &f->sb, drp_ring_cut(&f->ring),
					      no_records, &n, f->scratch), 0);
	assert_int_equal(f->sb.catalog_blocks, 64);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->load->state.commits, 500);
}

static void every_byte_of_the_catalog_counts(void **state)
{
	struct fixture *f = *state;
	u64 block = f->sb.areas[1].first;
	u32 at;

	for (at = 0; at < DRP_BLOCK_BYTES; at += 7) {
		damage(f, block, at);
		assert_int_equal(load(f), -EBADMSG);
		damage(f, block, at);
	}
	assert_int_equal(load(f), 0);
}

/* ---- probe ---- */

static enum drp_probe probe(struct fixture *f, struct drp_super *sb)
{
	enum drp_probe what = DRP_PROBE_BLANK;

	assert_int_equal(drp_probe_device(&f->disk->io, f->disk->blocks, sb, &what, f->scratch), 0);
	return what;
}

static void probe_knows_superblocks(void **state)
{
	struct fixture *f = *state;
	u8 zero[DRP_BLOCK_BYTES] = { }, other[DRP_BLOCK_BYTES], good[DRP_BLOCK_BYTES];
	struct drp_super sb;

	memcpy(good, sim_disk_peek(f->disk, 0), sizeof(good));
	memset(other, 0xe5, sizeof(other));
	assert_int_equal(probe(f, &sb), DRP_PROBE_VALID);
	damage(f, 0, 300);
	assert_int_equal(probe(f, &sb), DRP_PROBE_REPAIR);
	assert_false(sb.write_b_first);
	sim_disk_poke(f->disk, 0, zero);
	assert_int_equal(probe(f, &sb), DRP_PROBE_REPAIR);
	sim_disk_poke(f->disk, 17, other);	/* something was written between them */
	assert_int_equal(probe(f, &sb), DRP_PROBE_FOREIGN);
	sim_disk_poke(f->disk, 17, zero);
	sim_disk_poke(f->disk, 0, other);
	assert_int_equal(probe(f, &sb), DRP_PROBE_FOREIGN);
	sim_disk_poke(f->disk, 0, good);
	sim_disk_poke(f->disk, 256, zero);
	assert_int_equal(probe(f, &sb), DRP_PROBE_REPAIR);
	assert_true(sb.write_b_first);
	damage(f, 0, 1000);
	assert_int_equal(probe(f, &sb), DRP_PROBE_DAMAGED);
	sim_disk_poke(f->disk, 0, zero);
	assert_int_equal(probe(f, &sb), DRP_PROBE_BLANK);
	sim_disk_poke(f->disk, 100, other);
	assert_int_equal(probe(f, &sb), DRP_PROBE_FOREIGN);
}

static void probe_takes_the_newer(void **state)
{
	struct fixture *f = *state;
	u8 old[DRP_BLOCK_BYTES];
	struct drp_super sb;

	memcpy(old, sim_disk_peek(f->disk, 0), sizeof(old));
	f->sb.activation = 42;
	assert_int_equal(drp_super_write(&f->disk->io, &f->sb, f->scratch), 0);
	assert_int_equal(probe(f, &sb), DRP_PROBE_VALID);
	sim_disk_poke(f->disk, 256, old);
	assert_int_equal(probe(f, &sb), DRP_PROBE_REPAIR);
	assert_int_equal(sb.activation, 42);
	assert_true(sb.write_b_first);
	assert_int_equal(drp_super_write(&f->disk->io, &sb, f->scratch), 0);
	sim_disk_poke(f->disk, 0, old);
	assert_int_equal(probe(f, &sb), DRP_PROBE_REPAIR);
	assert_int_equal(sb.activation, 42);
	assert_false(sb.write_b_first);
}

static int fail_reads(void *ctx, u64 block, u8 *data)
{
	const u64 *bad = ctx;

	(void)data;
	return block == bad[0] || block == bad[1] ? -EIO : 0;
}

static void read_errors(void **state)
{
	struct fixture *f = *state;
	u64 bad[2] = { 0, 0 };
	enum drp_probe what;
	struct drp_super sb;

	f->disk->hooks.read = fail_reads;
	f->disk->hooks.ctx = bad;
	assert_int_equal(probe(f, &sb), DRP_PROBE_REPAIR);
	bad[1] = 256;
	assert_int_equal(drp_probe_device(&f->disk->io, 2048, &sb, &what, f->scratch), -EIO);
	bad[0] = bad[1] = ring_block(f, 30);
	assert_int_equal(load(f), -EIO);
	assert_non_null(f->load->result.problem);
	bad[0] = bad[1] = f->sb.areas[1].first;
	assert_int_equal(load(f), -EIO);
}

static void write_errors_change_nothing_in_memory(void **state)
{
	struct fixture *f = *state;
	struct drp_super before = f->sb;
	u32 n = 1;

	f->disk->fail = -EIO;
	assert_int_equal(drp_checkpoint_write(&f->disk->io, &f->sb, drp_ring_cut(&f->ring),
					      no_records, &n, f->scratch), -EIO);
	f->disk->fail = 0;
	assert_int_equal(f->sb.catalog_seq, before.catalog_seq);
	assert_int_equal(f->sb.tail_seq, before.tail_seq);
	assert_int_equal(load(f), 0);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_follows_the_size),
		TEST(ring_never_meets_its_tail),
		TEST(commit_is_full_at_its_bounds),
		TEST(damaged_last_commit_is_torn),
		TEST(gap_in_the_journal_is_refused),
		TEST(old_superblock_is_refused),
		TEST(unknown_records),
		TEST(cut_counts_with_its_confirm_only),
		TEST(directory_root_in_the_journal_is_refused),
		TEST(catalog_that_does_not_fit),
		TEST(every_byte_of_the_catalog_counts),
		TEST(probe_knows_superblocks),
		TEST(probe_takes_the_newer),
		TEST(read_errors),
		TEST(write_errors_change_nothing_in_memory),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
