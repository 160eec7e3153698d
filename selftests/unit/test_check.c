// SPDX-License-Identifier: GPL-2.0-only
/* The offline check: silent on what the machine writes, and each fault has its finding. */
#include "unit.h"

#include "check.h"
#include "codec_samples.h"
#include "pool_machine.h"

#define OBJECTS	64
#define ROOTS	64

struct seen {
	char text[32][DRP_MESSAGE_MAX + 1];
	u32 n;
	u32 elements, syncs;
};

static u8 scratch[DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES] __aligned(8);
static struct drp_check_page page;
static u64 used[MACHINE_DEVICE_BLOCKS / 64 + 1];
static struct drp_check_object objects[OBJECTS];
static struct drp_check_root roots[ROOTS];
static u8 nodes[DRP_COW_HEIGHT_MAX * DRP_BLOCK_BYTES] __aligned(8);
static struct drp_check_mod mods[4096];
static u64 slots[COW_SLOTS / 64 + 1], slots_used[COW_SLOTS / 64 + 1];

static void take_finding(void *ctx, enum drp_check_severity severity, const char *text)
{
	struct seen *s = ctx;

	if (severity != DRP_CHECK_NOTE && s->n < ARRAY_SIZE(s->text))
		strcpy(s->text[s->n++], text);
}

static int count_element(void *ctx, const struct drp_element_rec *rec)
{
	struct seen *s = ctx;

	s->elements += rec->id != 0;
	return 0;
}

static int count_sync(void *ctx, const struct drp_sync_rec *rec)
{
	struct seen *s = ctx;

	s->syncs += rec->id != 0;
	return 0;
}

static const struct drp_load_sink counting = { .element = count_element, .sync = count_sync };

static int run_check(const struct sim_disk *disk, struct seen *s, struct drp_check_result *result,
		     u32 max_objects)
{
	const struct drp_check_memory memory = {
		.scratch = scratch, .page = &page, .used = used, .objects = objects,
		.max_objects = max_objects, .roots = roots, .max_roots = ROOTS,
		.nodes = nodes, .mods = mods, .max_mods = ARRAY_SIZE(mods), .slots = slots,
		.slots_used = slots_used, .max_slots = COW_SLOTS + 1,
	};
	const struct drp_check_sink sink = { .finding = take_finding, .load = &counting };

	memset(s, 0, sizeof(*s));
	return drp_check(&disk->io, disk->blocks, &sink, s, &memory, result);
}

static bool found(const struct seen *s, const char *words)
{
	u32 i;

	for (i = 0; i < s->n; i++)
		if (strstr(s->text[i], words))
			return true;
	for (i = 0; i < s->n; i++)
		print_error("found: %s\n", s->text[i]);
	return false;
}

/* Targets of the machine's syncs are no elements of it; nothing else may be found. */
static void assert_only_targets_missing(const struct seen *s)
{
	u32 i;

	for (i = 0; i < s->n; i++) {
		if (!strstr(s->text[i], "its target, element 5"))
			print_error("found: %s\n", s->text[i]);
		assert_non_null(strstr(s->text[i], "its target, element 5"));
	}
}

static void pools_of_the_machine_are_clean(void **state)
{
	struct drp_check_result result;
	u64 seed, pages = 0, entries = 0;
	struct seen s;

	(void)state;
	for (seed = 1; seed <= 25; seed++) {
		struct machine *m = machine_new(seed, FAULT_NONE);

		machine_run(m, 4);
		assert_null(m->violation);
		if (m->formatted) {
			assert_int_equal(run_check(m->disk, &s, &result, OBJECTS), 0);
			assert_only_targets_missing(&s);
			pages += result.pages;
			entries += result.cow_entries;
		}
		machine_free(m);
	}
	print_message("           %llu pages and directory chunks, %llu entries read\n", pages,
		      entries);
	assert_true(pages > 20 && entries > 100);
}

/* ---- a pool of given records ---- */

struct records {
	u8 buf[16][DRP_RECORD_MAX];
	u32 n, at;
};

static int next_record(void *ctx, void *buf, u32 room)
{
	struct records *r = ctx;
	struct drp_record_header h;

	if (r->at == r->n)
		return 0;
	memcpy(&h, r->buf[r->at], sizeof(h));
	if (le32_to_cpu(h.len) > room)
		return -ENOSPC;
	memcpy(buf, r->buf[r->at++], le32_to_cpu(h.len));
	return le32_to_cpu(h.len);
}

static void add_pool(struct records *r)
{
	const struct drp_pool_rec pool = { 1000, 1, 1, 0, 0 };

	assert_true(drp_encode_pool(&pool, r->buf[r->n++], DRP_RECORD_MAX) > 0);
}

static void add_element(struct records *r, u64 id, const char *name, u64 size)
{
	struct drp_element_rec e = { .id = id, .size_sectors = size };

	strcpy(e.name, name);
	assert_true(drp_encode_element(&e, r->buf[r->n++], DRP_RECORD_MAX) > 0);
}

static void add_sync(struct records *r, u64 id, u64 source, u64 target)
{
	struct drp_sync_rec s;

	sample_sync(&s);
	s.id = id;
	s.source_id = source;
	s.target_id = target;
	assert_true(drp_encode_sync(&s, r->buf[r->n++], DRP_RECORD_MAX) > 0);
}

static void add_root(struct records *r, u64 sync_id, u64 chunk, u64 block, u64 seq)
{
	const struct drp_dir_entry e = { DRP_PAGE_STORED, block, seq };
	u32 taken;

	assert_true(drp_encode_plane_root(sync_id, DRP_PLANE_D, chunk, &e, 1, &taken,
					  r->buf[r->n++], DRP_RECORD_MAX) > 0);
}

#define PAGE_AREA	(257 + 256 + 64 + 64)

static struct sim_disk *pool_of(struct records *r)
{
	struct drp_format_params p = {
		.nonce = SAMPLE_NONCE, .name = "pool", .device_blocks = MACHINE_DEVICE_BLOCKS,
		.chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};
	struct sim_disk *disk = sim_disk_new(p.device_blocks);
	struct drp_cut cut = { 0, 1 };
	struct drp_super sb;

	assert_int_equal(drp_format_layout(&p, &sb), 0);
	assert_int_equal(drp_format_write(&disk->io, &sb, scratch), 0);
	assert_int_equal(drp_checkpoint_write(&disk->io, &sb, cut, next_record, r, scratch), 0);
	return disk;
}

/* Directory chunk at the page area's first block, that names @pages pages behind it. */
static void put_plane(struct sim_disk *disk, u64 sync_id, u32 pages, bool twice)
{
	struct drp_dir_entry entries[DRP_DIR_ENTRIES] = { };
	u64 words[DRP_PAGE_BYTES / 8] = { 7 };
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	u32 i;

	for (i = 0; i < pages; i++) {
		entries[i] = (struct drp_dir_entry){
			DRP_PAGE_STORED, PAGE_AREA + 1 + (twice ? 0 : i), 20 + i,
		};
		drp_page_encode(block, SAMPLE_NONCE, sync_id, DRP_PLANE_D, i, 20 + i, words);
		sim_disk_poke(disk, entries[i].block, block);
	}
	drp_dir_encode(block, SAMPLE_NONCE, sync_id, DRP_PLANE_D, 0, 10, entries);
	sim_disk_poke(disk, PAGE_AREA, block);
}

static void start_good(struct records *r)
{
	memset(r, 0, sizeof(*r));
	add_pool(r);
	add_element(r, 1, "a", 3 * 8 * DRP_PAGE_BITS);
	add_element(r, 2, "b", 3 * 8 * DRP_PAGE_BITS);
	add_sync(r, 3, 1, 2);
}

static void a_good_pool_is_clean(void **state)
{
	struct drp_check_result result;
	struct sim_disk *disk;
	struct records r;
	struct seen s;

	(void)state;
	start_good(&r);
	add_root(&r, 3, 0, PAGE_AREA, 10);
	disk = pool_of(&r);
	put_plane(disk, 3, 3, false);
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(result.pages, 4);
	assert_int_equal(result.dirty_bits, 9);
	assert_int_equal(result.probe, DRP_PROBE_VALID);
	assert_int_equal(s.elements, 2);
	assert_int_equal(s.syncs, 1);
	assert_int_equal(run_check(disk, &s, &result, 2), -ENOBUFS);
	sim_disk_free(disk);
}

static void assert_clean(struct records *r)
{
	struct sim_disk *disk = pool_of(r);
	struct drp_check_result result;
	struct seen s;

	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	while (s.n)
		print_error("found: %s\n", s.text[--s.n]);
	assert_int_equal(result.errors + result.harmless, 0);
	sim_disk_free(disk);
}

static void assert_finds(struct records *r, const char *words)
{
	struct sim_disk *disk = pool_of(r);
	struct drp_check_result result;
	struct seen s;

	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, words));
	assert_int_equal(s.n, result.errors + result.harmless);
	sim_disk_free(disk);
}

static void references_and_names(void **state)
{
	struct records r;

	(void)state;
	start_good(&r);
	add_sync(&r, 4, 1, 9);
	assert_finds(&r, "its target, element 9, is missing");
	start_good(&r);
	add_element(&r, 5, "a", 8);
	assert_finds(&r, "the elements 1 and 5 have the same name a");
	start_good(&r);
	add_element(&r, 3, "c", 8);
	assert_finds(&r, "have the same id 3");
	start_good(&r);
	add_element(&r, 1000, "c", 8);
	assert_finds(&r, "id 1000 may be given out again");
	start_good(&r);
	add_element(&r, 2, "b", 8);
	assert_finds(&r, "its target b is smaller than its source a");
	start_good(&r);
	assert_true(sample_encode(SAMPLE_GROUP, r.buf[r.n++], DRP_RECORD_MAX) > 0);
	assert_finds(&r, "group database: its member, element 17, is missing");
	start_good(&r);
	assert_true(drp_encode_activate(1, 1000, 1, r.buf[r.n++], DRP_RECORD_MAX) > 0);
	assert_finds(&r, "lie behind its end");
	/* A catalog is not one moment: the record of an element that grew may be the older one. */
	add_element(&r, 2, "b", 1001 * 8192);
	add_element(&r, 1, "a", 1000 * 8192 + 1);
	r.at = 0;
	assert_clean(&r);
	start_good(&r);
	add_root(&r, 3, 0, 300, 10);
	assert_finds(&r, "lies outside of the page areas");
	start_good(&r);
	add_root(&r, 77, 0, PAGE_AREA, 10);
	assert_finds(&r, "belongs to the sync 77, which is missing");
}

static void pages(void **state)
{
	struct drp_check_result result;
	struct sim_disk *disk;
	struct records r;
	struct seen s;
	u8 zero[DRP_BLOCK_BYTES] = { };

	(void)state;
	start_good(&r);
	add_root(&r, 3, 0, PAGE_AREA, 10);
	disk = pool_of(&r);
	put_plane(disk, 3, 2, true);
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, "is used twice"));
	put_plane(disk, 3, 5, false);
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, "page 4 of its bitmap lies behind its source's end"));
	put_plane(disk, 3, 3, false);
	sim_disk_poke(disk, PAGE_AREA + 2, zero);
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, "page 1 of its bitmap (block 643) is damaged"));
	sim_disk_poke(disk, PAGE_AREA + 2, sim_disk_peek(disk, PAGE_AREA + 1));
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, "page 1 of its bitmap (block 643) belongs somewhere else"));
	put_plane(disk, 4, 3, false);
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, "directory chunk 0 of its bitmap (block 641) belongs somewhere else"));
	assert_int_equal(result.errors, 0);
	sim_disk_poke(disk, 0, zero);
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, "one superblock is damaged"));
	sim_disk_poke(disk, 577, zero);		/* the catalog in use */
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, "cannot be loaded: a block of the catalog is damaged"));
	sim_disk_poke(disk, 256, zero);
	assert_int_equal(run_check(disk, &s, &result, OBJECTS), 0);
	assert_true(found(&s, "the device is blank"));
	sim_disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_of_the_machine_are_clean),
		cmocka_unit_test(a_good_pool_is_clean),
		cmocka_unit_test(references_and_names),
		cmocka_unit_test(pages),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
