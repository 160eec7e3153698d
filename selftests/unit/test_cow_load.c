// SPDX-License-Identifier: GPL-2.0-only
/* What a load hands out of COW space, where its records may stand, and what is confirmed. */
#include "unit.h"

#include "codec_samples.h"

struct loaded {
	u32 pools, puts, dels, roots, slot_roots;
	struct drp_cow_entry put;
	struct drp_cow_key del;
	struct drp_cow_root root;
	u64 put_seq;
};

struct fixture {
	struct sim_disk *disk;
	struct drp_super sb;
	struct drp_ring ring;
	struct drp_load_result result;
	struct loaded got;
	u8 buf[2 * DRP_BLOCK_BYTES] __aligned(8);
	u8 scratch[DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES] __aligned(8);
};

static int setup(void **state)
{
	struct drp_format_params p = {
		.nonce = SAMPLE_NONCE, .name = "pool", .device_blocks = 2048,
		.chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};
	struct fixture *f = aligned_alloc(8, sizeof(*f));

	memset(f, 0, sizeof(*f));
	f->disk = sim_disk_new(2048);
	assert_int_equal(drp_format_layout(&p, &f->sb), 0);
	assert_int_equal(drp_format_write(&f->disk->io, &f->sb, f->scratch), 0);
	drp_ring_init(&f->ring, &f->sb);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sim_disk_free(f->disk);
	free(f);
	return 0;
}

static int take_pool(void *ctx, const struct drp_pool_rec *rec)
{
	struct loaded *l = ctx;

	l->pools += rec->next_id != 0;
	return 0;
}

static int take_put(void *ctx, const struct drp_cow_entry *entry, u64 commit_seq)
{
	struct loaded *l = ctx;

	l->puts++;
	l->put = *entry;
	l->put_seq = commit_seq;
	return 0;
}

static int take_del(void *ctx, const struct drp_cow_key *key)
{
	struct loaded *l = ctx;

	l->dels++;
	l->del = *key;
	return 0;
}

static int take_root(void *ctx, const struct drp_cow_root *root)
{
	struct loaded *l = ctx;

	l->roots++;
	l->root = *root;
	return 0;
}

static int take_plane_root(void *ctx, u64 sync_id, enum drp_plane plane, u64 first,
			   const struct drp_dir_entry *entries, u32 n)
{
	struct loaded *l = ctx;

	(void)first;
	(void)entries;
	l->slot_roots += sync_id == DRP_COW_PLANE_ID && plane == DRP_PLANE_SLOTS && n;
	return 0;
}

static const struct drp_load_sink with_cow = {
	.pool = take_pool, .plane_root = take_plane_root,
	.cow_put = take_put, .cow_del = take_del, .cow_root = take_root,
};
static const struct drp_load_sink without_cow = {
	.pool = take_pool, .plane_root = take_plane_root,
};

static int load(struct fixture *f, const struct drp_load_sink *sink)
{
	memset(&f->got, 0, sizeof(f->got));
	return drp_load(&f->disk->io, &f->sb, sink, &f->got, f->scratch, &f->result);
}

static void commit(struct fixture *f, enum sample which)
{
	u8 record[128];
	struct drp_commit c;
	int len = sample_encode(which, record, sizeof(record));

	drp_commit_start(&c, f->buf, 2);
	assert_int_equal(drp_commit_add(&c, record, len), 0);
	assert_int_equal(drp_commit_seal(&c, &f->ring), 0);
	assert_int_equal(drp_commit_write(&c, &f->ring, &f->disk->io), 0);
	drp_commit_complete(&c, &f->ring);
}

struct one {
	u8 record[128];
	int len;
};

static int next_one(void *ctx, void *buf, u32 room)
{
	struct one *o = ctx;
	int len = o->len;

	assert_true(room >= sizeof(o->record));
	memcpy(buf, o->record, sizeof(o->record));
	o->len = 0;
	return len;
}

static void catalog(struct fixture *f, struct one *o)
{
	assert_true(o->len > 0);
	assert_int_equal(drp_checkpoint_write(&f->disk->io, &f->sb, drp_ring_cut(&f->ring),
					      next_one, o, f->scratch), 0);
}

static void catalog_of(struct fixture *f, enum sample which)
{
	struct one o;

	o.len = sample_encode(which, o.record, sizeof(o.record));
	catalog(f, &o);
}

static void commits_hand_out_puts_and_dels(void **state)
{
	struct fixture *f = *state;
	struct drp_cow_entry want;

	sample_cow_entry(&want);
	commit(f, SAMPLE_POOL);
	commit(f, SAMPLE_COW_PUT);
	commit(f, SAMPLE_COW_DEL);
	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(f->got.puts, 1);
	assert_int_equal(f->got.put_seq, f->sb.tail_seq + 1);
	assert_memory_equal(&f->got.put.key, &want.key, sizeof(want.key));
	assert_true(f->got.put.slot == want.slot && f->got.put.crc == want.crc &&
		    f->got.put.kind == want.kind);
	assert_int_equal(f->got.dels, 1);
	assert_memory_equal(&f->got.del, &want.key, sizeof(want.key));
	assert_int_equal(load(f, &without_cow), -EPROTONOSUPPORT);
	assert_non_null(f->result.problem);
}

static void the_catalog_has_the_root_alone(void **state)
{
	struct fixture *f = *state;
	struct drp_dir_entry e = { DRP_PAGE_STORED, 700, 9 };
	struct one o;
	u32 taken;

	catalog_of(f, SAMPLE_COW_ROOT);
	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(f->got.roots, 1);
	assert_true(f->got.root.block == 700 && f->got.root.seq == 99 && f->got.root.height == 2 &&
		    f->got.root.entries == 200 && f->got.root.nodes == 3);
	assert_int_equal(load(f, &without_cow), -EPROTONOSUPPORT);
	o.len = drp_encode_plane_root(DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, 0, &e, 1, &taken, o.record,
				      sizeof(o.record));
	catalog(f, &o);
	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(f->got.slot_roots, 1);
	assert_int_equal(load(f, &without_cow), -EPROTONOSUPPORT);
	catalog_of(f, SAMPLE_COW_PUT);
	assert_int_equal(load(f, &with_cow), -EBADMSG);
	catalog_of(f, SAMPLE_COW_DEL);
	assert_int_equal(load(f, &with_cow), -EBADMSG);
	catalog_of(f, SAMPLE_POOL);
	assert_int_equal(load(f, &without_cow), 0);
	commit(f, SAMPLE_COW_ROOT);
	assert_int_equal(load(f, &with_cow), -EBADMSG);
}

static void a_root_behind_the_device_is_refused(void **state)
{
	struct drp_cow_root root = { 2048, 1, 1, 1, 1 };
	struct fixture *f = *state;
	struct one o;

	o.len = drp_encode_cow_root(&root, o.record, sizeof(o.record));
	catalog(f, &o);
	assert_int_equal(load(f, &with_cow), -EBADMSG);
}

static void the_feature_alone_is_refused_by_who_does_not_know_it(void **state)
{
	struct fixture *f = *state;

	f->sb.incompat = DRP_INCOMPAT_COW;
	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(load(f, &without_cow), -EPROTONOSUPPORT);
}

static void the_highest_confirmed_counts(void **state)
{
	struct fixture *f = *state;
	struct drp_ring resumed;
	u64 first = f->ring.head_seq;

	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(f->result.confirmed, 0);
	commit(f, SAMPLE_COW_PUT);
	commit(f, SAMPLE_COW_PUT);
	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(f->result.confirmed, 0);
	f->ring.confirmed = first;
	commit(f, SAMPLE_POOL);
	f->ring.confirmed = first + 1;
	commit(f, SAMPLE_COW_PUT);
	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(f->result.confirmed, first + 1);
	assert_int_equal(f->got.put_seq, first + 3);
	f->ring.confirmed = first;	/* never goes back */
	commit(f, SAMPLE_POOL);
	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(f->result.confirmed, first + 1);
	resumed = f->ring;
	drp_ring_resume(&resumed, &f->result);
	assert_int_equal(resumed.confirmed, first + 1);
	f->ring.confirmed = U64_MAX;	/* no commit confirms itself */
	commit(f, SAMPLE_COW_PUT);
	assert_int_equal(load(f, &with_cow), 0);
	assert_int_equal(f->result.confirmed, first + 4);
	assert_int_equal(f->got.put_seq, first + 5);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(commits_hand_out_puts_and_dels),
		TEST(the_catalog_has_the_root_alone),
		TEST(a_root_behind_the_device_is_refused),
		TEST(the_feature_alone_is_refused_by_who_does_not_know_it),
		TEST(the_highest_confirmed_counts),
	};

	return cmocka_run_group_tests_name("cow-load", tests, NULL, NULL);
}
