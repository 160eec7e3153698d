// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's planes and block allocator, built against a fake kernel: random
 * work, crashes, failures, and meddling in the middle of I/O, against a model.
 */
#include "unit.h"

#include <linux/err.h>

#include "fake/plane_world.c"

#define PAGE	((u64)DRP_PAGE_BITS)

static const struct world_config configs[] = {
	{ .name = "small", .nr_bits = 5 * PAGE + 777, .steps = 3000 },
	{ .name = "one word", .nr_bits = 61, .steps = 600 },
	{ .name = "growing", .nr_bits = 1000, .max_bits = 4 * PAGE, .steps = 3000 },
	{ .name = "chunks", .nr_bits = CHUNK_BITS + 3 * PAGE - 5,
	  .max_bits = 2 * CHUNK_BITS + PAGE, .steps = 300 },
	{ .name = "no memory", .nr_bits = 5 * PAGE + 777, .max_bits = 6 * PAGE, .steps = 3000,
	  .fail_nowait = 3, .fail_sleeping = 7 },
	{ .name = "small bound", .nr_bits = 6 * PAGE, .steps = 3000,
	  .memory_max = 2 * sizeof(struct drp_plane_page) },
	{ .name = "no blocks", .nr_bits = 6 * PAGE, .steps = 3000, .free_blocks = 5 },
	{ .name = "damage", .nr_bits = 6 * PAGE, .steps = 3000, .damage = true },
	{ .name = "read errors", .nr_bits = 6 * PAGE, .steps = 3000, .fail_read = 5 },
	{ .name = "write errors", .nr_bits = 6 * PAGE, .steps = 3000, .fail_write = 20 },
	{ .name = "all at once", .nr_bits = CHUNK_BITS + 3 * PAGE, .steps = 300,
	  .memory_max = 3 * sizeof(struct drp_plane_page), .fail_nowait = 4, .fail_sleeping = 9,
	  .fail_read = 9, .fail_write = 30, .free_blocks = 9, .damage = true },
};

static u32 seeds(void)
{
	const char *s = getenv("DRP_TEST_SEEDS");

	return s ? strtoul(s, NULL, 10) : 3;
}

static void run_world(const struct world_config *config, u64 seed)
{
	struct world *w = world_new(config, seed);
	u32 i;

	for (i = 0; i < config->steps; i++) {
		world_step(w);
		if (i % 16 == 0)
			world_verify(w);
		if (i % 128 == 0)
			world_check_blocks(w);
	}
	assert_true(w->crashes > 3 && w->checkpoints > 3 && w->abandoned > 0 && w->meddled > 0);
	world_free(w);
}

static void random_work_matches_model(void **state)
{
	u32 i, seed;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(configs); i++) {
		for (seed = 1; seed <= seeds(); seed++)
			run_world(&configs[i], seed * 1000 + i);
		print_message("%s: %u seeds\n", configs[i].name, seeds());
	}
}

static struct world_config plain = { .name = "plain", .nr_bits = CHUNK_BITS * 2 };

static struct world *plain_world(void)
{
	struct world *w = world_new(&plain, 1);

	w->quiet = true;
	return w;
}

/* 1 TiB at 4 KiB, nothing or everything different, costs less than a page of memory. */
static void uniform_plane_is_small(void **state)
{
	struct drp_metadev md = { .page_blocks = 1 << 20 };
	struct drp_plane_map *p;
	int ones;

	(void)state;
	fake_kernel = (struct fake_kernel){ 0 };
	for (ones = 0; ones < 2; ones++) {
		p = drp_plane_create(&md, 1, DRP_PLANE_D, 1ULL << 28, ones);
		assert_non_null(p);
		assert_true(drp_plane_memory(p) < 4096);
		drp_plane_set_all(p, !ones);
		drp_plane_set(p, 0, ones ? 0 : 1ULL << 28);
		assert_true(drp_plane_memory(p) < 4096);
		assert_int_equal(drp_plane_count(p), ones ? 0 : 1ULL << 28);
		drp_plane_destroy(p);
	}
	md.page_blocks = 16983;
	assert_ptr_equal(drp_plane_create(&md, 1, DRP_PLANE_D, 1ULL << 28, 0), ERR_PTR(-ENOSPC));
	assert_int_equal(md.reserved, 0);
}

/* Setting never reads; clearing never loses what was set before the stored words are known. */
static void partial_page_is_completed(void **state)
{
	struct world *w = plain_world();
	u64 reads;

	(void)state;
	drp_plane_set(w->plane, 100, 10);
	model_set(w, 100, 10);
	world_checkpoint(w);
	do_crash(w);
	w->quiet = true;
	w->md.memory_max = 0;
	drp_plane_shrink(w->plane);
	w->md.memory_max = DRP_METADEV_MEMORY_MAX;
	assert_int_equal(w->md.memory, 0);
	reads = w->disk->reads;
	drp_plane_set(w->plane, 105, 10);
	assert_int_equal(w->disk->reads, reads);
	assert_int_equal(drp_plane_count(w->plane), 20);
	assert_true(drp_plane_any(w->plane, 5000, 1));
	assert_int_equal(drp_plane_clear(w->plane, 110, 2), 0);
	assert_int_equal(w->disk->reads, reads + 1);
	assert_int_equal(drp_plane_count(w->plane), 13);
	assert_false(drp_plane_any(w->plane, 5000, 1));
	assert_false(drp_plane_any(w->plane, 110, 2));
	world_free(w);
}

static void forget_clean_pages(struct world *w)
{
	u64 max = w->md.memory_max;

	w->md.memory_max = 0;
	drp_plane_shrink(w->plane);
	drp_plane_shrink(w->plane);
	w->md.memory_max = max;
}

/* Where a bit is pinned, setting it sets no other, whatever became of its page: stored, emptied, unwanted. */
static void pinned_bit_needs_no_memory(void **state)
{
	const u64 bits[] = { 5, PAGE + 5, CHUNK_BITS + 7 };
	struct world *w = plain_world();
	u32 i;

	(void)state;
	drp_plane_set(w->plane, 3, 1);
	drp_plane_set(w->plane, PAGE + 3, 1);
	world_checkpoint(w);
	w->quiet = true;
	forget_clean_pages(w);
	assert_int_equal(w->md.memory, 0);
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		assert_int_equal(drp_plane_pin(w->plane, bits[i]), 0);
	assert_int_equal(drp_plane_count(w->plane), 2);
	/* The last bit of a page goes, and a checkpoint says so. */
	assert_int_equal(drp_plane_clear(w->plane, PAGE + 3, 1), 0);
	world_checkpoint(w);
	w->quiet = true;
	forget_clean_pages(w);
	fake_kernel.fail_nowait = 1;
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		drp_plane_set(w->plane, bits[i], 1);
		assert_int_equal(drp_plane_count(w->plane), 2 + i);
		drp_plane_unpin(w->plane, bits[i]);
	}
	fake_kernel.fail_nowait = 0;
	model_set(w, 3, 1);
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		model_set(w, bits[i], 1);
	world_verify(w);
	world_check_blocks(w);
	w->quiet = true;
	forget_clean_pages(w);
	assert_int_equal(w->md.memory, 0);
	world_free(w);
}

/* Blocks are reusable one checkpoint after they were replaced, not two. */
static void replaced_blocks_come_back(void **state)
{
	struct world *w = plain_world();
	u32 i;

	(void)state;
	for (i = 0; i < 20; i++) {
		drp_plane_set(w->plane, i, 1);
		model_set(w, i, 1);
		world_checkpoint(w);
		assert_int_equal(w->md.nr_used, 2);
	}
	drp_plane_set_all(w->plane, false);
	model_clear(w, 0, w->nr_bits);
	assert_int_equal(w->md.nr_used, 2);
	world_checkpoint(w);
	assert_int_equal(w->md.nr_used, 0);
	world_free(w);
}

/* Stored, in memory, absent and partial pages of one plane go into another. */
static void planes_combine(void **state)
{
	struct world *w = plain_world();
	struct drp_plane_map *p = drp_plane_create(&w->md, 6, DRP_PLANE_D, w->nr_bits, false);
	u64 sum = 5 + 3 + PAGE + CHUNK_BITS;

	(void)state;
	drp_plane_set(w->plane, 10, 5);
	drp_plane_set(w->plane, PAGE + 7, 2);
	drp_plane_set(w->plane, 2 * PAGE, PAGE);
	drp_plane_set(w->plane, CHUNK_BITS, CHUNK_BITS);
	world_checkpoint(w);
	w->quiet = true;
	w->md.memory_max = 0;
	drp_plane_shrink(w->plane);
	w->md.memory_max = DRP_METADEV_MEMORY_MAX;
	drp_plane_set(w->plane, PAGE + 8, 2);
	drp_plane_set(p, 12, 10);
	drp_plane_set(p, 5 * PAGE, 1);
	drp_plane_set(p, CHUNK_BITS + 3, 1);
	assert_int_equal(drp_plane_or(p, w->plane), 0);
	assert_int_equal(drp_plane_count(p), sum + 7 + 1);
	assert_int_equal(drp_plane_count(w->plane), sum);
	assert_int_equal(drp_plane_clear(p, 12, 10), 0);
	assert_int_equal(drp_plane_clear(p, 5 * PAGE, 1), 0);
	assert_int_equal(drp_plane_or(w->plane, p), 0);
	model_set(w, 10, 5);
	model_set(w, PAGE + 7, 3);
	model_set(w, 2 * PAGE, PAGE);
	model_set(w, CHUNK_BITS, CHUNK_BITS);
	world_verify(w);
	assert_int_equal(drp_plane_count(w->plane), sum);
	drp_plane_destroy(p);
	world_free(w);
}

static void allocator_borders(void **state)
{
	struct drp_metadev md = { .device_blocks = 2000 };
	struct drp_super sb = { .nr_areas = 1, .areas = {{ DRP_AREA_PAGES, 0, 1000, 70 }} };
	u64 i;

	(void)state;
	fake_kernel = (struct fake_kernel){ 0 };
	assert_int_equal(drp_metadev_bind_super(&md, &sb), 0);
	assert_int_equal(drp_metadev_claim(&md, 999), -EBADMSG);
	assert_int_equal(drp_metadev_claim(&md, 1070), -EBADMSG);
	assert_int_equal(drp_metadev_claim(&md, 1069), 0);
	assert_int_equal(drp_metadev_claim(&md, 1069), -EBADMSG);
	for (i = 0; i < 69; i++)
		assert_in_range(drp_metadev_alloc(&md), 1000, 1068);
	assert_int_equal(drp_metadev_alloc(&md), 0);
	drp_metadev_free_later(&md, 1003);
	assert_int_equal(drp_metadev_alloc(&md), 0);
	drp_metadev_checkpoint_begin(&md);
	drp_metadev_free_later(&md, 1004);
	drp_metadev_free_replaced(&md, 1005);
	drp_metadev_free_now(&md, 1006);
	assert_int_equal(drp_metadev_alloc(&md), 1006);
	assert_int_equal(drp_metadev_alloc(&md), 0);
	drp_metadev_checkpoint_done(&md);
	assert_int_equal(md.nr_used, 68);
	assert_int_equal(drp_metadev_reserve(&md, 36), -ENOSPC);
	assert_int_equal(drp_metadev_reserve(&md, 35), 0);
	drp_metadev_unreserve(&md, 35);
	sb.areas[0].blocks = 1001;
	assert_int_equal(drp_metadev_bind_super(&md, &sb), -EBADMSG);
	drp_metadev_unbind_super(&md);
}

/* What was never there at one time meets in a replay, and is not refused; later things are as ever. */
static void replay_promises_all(void **state)
{
	struct drp_metadev md = { .device_blocks = 2000 };
	struct drp_super sb = { .nr_areas = 1, .areas = {{ DRP_AREA_PAGES, 0, 1000, 70 }} };

	(void)state;
	fake_kernel = (struct fake_kernel){ 0 };
	assert_int_equal(drp_metadev_bind_super(&md, &sb), 0);
	drp_metadev_load_begin(&md);
	assert_int_equal(drp_metadev_reserve(&md, 30), 0);
	assert_int_equal(drp_metadev_reserve(&md, 20), 0);
	drp_metadev_unreserve(&md, 30);
	assert_int_equal(drp_metadev_reserve(&md, 15), 0);
	assert_int_equal(drp_metadev_load_end(&md), 0);
	assert_int_equal(drp_metadev_reserve(&md, 1), -ENOSPC);
	drp_metadev_load_begin(&md);
	assert_int_equal(drp_metadev_reserve(&md, 1), 0);
	assert_int_equal(drp_metadev_load_end(&md), -ENOSPC);
	/* More is promised than there is: that is no room, either. */
	assert_int_equal(drp_metadev_reserve(&md, 1), -ENOSPC);
	drp_metadev_unreserve(&md, 36);
	drp_metadev_unbind_super(&md);
}

/* A growth that is given up has changed nothing; one that is prepared needs nothing more. */
static void growth_is_prepared(void **state)
{
	const struct world_config config = { .nr_bits = 1000, .max_bits = 2 * CHUNK_BITS };
	struct world *w = world_new(&config, 1);
	u64 reserved = w->md.reserved, memory = w->md.memory, n = CHUNK_BITS + 77;

	(void)state;
	drp_plane_set(w->plane, 990, 10);
	model_set(w, 990, 10);
	memory = w->md.memory;
	assert_int_equal(drp_plane_grow_prepare(w->plane, n), 0);
	assert_true(w->md.reserved > reserved);
	assert_int_equal(drp_plane_grow_prepare(w->plane, n), -EINVAL);
	drp_plane_grow_cancel(w->plane);
	drp_plane_grow_cancel(w->plane);
	drp_plane_grow_prepared(w->plane, true);
	assert_int_equal(w->md.reserved, reserved);
	assert_int_equal(w->md.memory, memory);
	assert_int_equal(drp_plane_count(w->plane), 10);
	world_verify(w);

	assert_int_equal(drp_plane_grow_prepare(w->plane, n), 0);
	assert_int_equal(drp_metadev_reserve(&w->md, (w->md.page_blocks - w->md.reserved) / 2), 0);
	fake_kernel.fail_nowait = 1;
	fake_kernel.fail_sleeping = 1;
	drp_plane_grow_prepared(w->plane, true);
	assert_true(drp_plane_count(w->plane) >= n - 990);
	assert_true(drp_plane_any(w->plane, n - 1, 1));
	assert_false(drp_plane_any(w->plane, n, 1));
	w->nr_bits = n;
	w->md.reserved = reserved + 2 * (drp_plane_nr_pages(n) + drp_plane_nr_chunks(n) - 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocator_borders),
		cmocka_unit_test(replay_promises_all),
		cmocka_unit_test(uniform_plane_is_small),
		cmocka_unit_test(partial_page_is_completed),
		cmocka_unit_test(pinned_bit_needs_no_memory),
		cmocka_unit_test(replaced_blocks_come_back),
		cmocka_unit_test(planes_combine),
		cmocka_unit_test(growth_is_prepared),
		cmocka_unit_test(random_work_matches_model),
	};

	return cmocka_run_group_tests_name("plane", tests, NULL, NULL);
}
