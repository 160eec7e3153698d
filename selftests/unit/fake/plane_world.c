// SPDX-License-Identifier: GPL-2.0-only
/* Included by test_plane.c: it needs the fake kernel, which helpers here are not built with. */
#include <linux/err.h>

#include "plane_world.h"

struct fake_kernel fake_kernel;

#define CHUNK_BITS	((u64)DRP_DIR_ENTRIES * DRP_PAGE_BITS)

static void *must(void *memory)
{
	fake_assert(memory);
	return memory;
}

static bool may_err(const struct world *w)
{
	const struct world_config *c = w->config;

	return c->fail_nowait || c->fail_sleeping || c->fail_read || c->damage ||
	       c->memory_max;
}

static void failures(struct world *w, bool on)
{
	fake_kernel.fail_nowait = on ? w->config->fail_nowait : 0;
	fake_kernel.fail_sleeping = on ? w->config->fail_sleeping : 0;
}

/* ---- the model ---- */

static void model_set(struct world *w, u64 first, u64 count)
{
	memset(w->model + first, 1, count);
	memset(w->possible + first, 1, count);
	memset(w->next_possible + first, 1, count);
}

static void model_clear(struct world *w, u64 first, u64 count)
{
	memset(w->model + first, 0, count);
	memset(w->required + first, 0, count);
	memset(w->next_required + first, 0, count);
}

static bool all_zero(const u8 *bits, u64 n)
{
	return !n || !memchr(bits, 1, n);
}

/* A range that likes borders of pages and chunks. */
static void pick_range(struct world *w, u64 *first, u64 *count)
{
	u64 pages = w->nr_bits / DRP_PAGE_BITS + 1, at, n;

	at = sim_once_in(&w->r, 3) ? sim_below(&w->r, 3) * CHUNK_BITS :
		(u64)sim_below(&w->r, min(pages, (u64)6)) * DRP_PAGE_BITS;
	if (sim_once_in(&w->r, 4))
		at = w->nr_bits - 1 - sim_below(&w->r, 100);
	else if (!sim_once_in(&w->r, 4))
		at += sim_below(&w->r, 400);
	switch (sim_below(&w->r, 12)) {
	case 0:
		n = DRP_PAGE_BITS;
		break;
	case 1:
		n = sim_below(&w->r, 3 * DRP_PAGE_BITS) + 1;
		break;
	case 2:
		n = sim_once_in(&w->r, 4) ? CHUNK_BITS : 1;
		break;
	case 3:
		n = sim_once_in(&w->r, 10) ? U64_MAX : DRP_PAGE_BITS - 1;
		break;
	default:
		n = sim_below(&w->r, 300) + 1;
	}
	*first = at < w->nr_bits ? at : 0;
	*count = min(n, w->nr_bits - *first);
}

static bool guarded(const struct world *w, u64 first, u64 count)
{
	return w->guard_count && first < w->guard_first + w->guard_count &&
	       w->guard_first < first + count;
}

/* ---- operations on both ---- */

static void do_set(struct world *w)
{
	u64 first, count;

	pick_range(w, &first, &count);
	if (guarded(w, first, count))
		return;
	model_set(w, first, count);
	drp_plane_set(w->plane, first, count);
	fake_assert(drp_plane_any(w->plane, first, count));
}

static void do_clear(struct world *w)
{
	u64 first, count;
	int err;

	if (w->guard_count)
		return;
	pick_range(w, &first, &count);
	model_clear(w, first, count);
	w->guard_first = first;
	w->guard_count = count;
	err = drp_plane_clear(w->plane, first, count);
	w->guard_count = 0;
	fake_assert(!err || (err == -ENOMEM && may_err(w)));
}

static void do_set_all(struct world *w)
{
	bool ones = !all_zero(w->model, w->nr_bits);

	if (w->guard_count)
		return;
	if (ones)
		model_set(w, 0, w->nr_bits);
	else
		model_clear(w, 0, w->nr_bits);
	drp_plane_set_all(w->plane, ones);
	fake_assert(drp_plane_count(w->plane) == (ones ? w->nr_bits : 0));
}

static void do_any(struct world *w)
{
	u64 first, count;

	pick_range(w, &first, &count);
	if (!drp_plane_any(w->plane, first, count))
		fake_assert(all_zero(w->model + first, count));
	if (drp_plane_empty(w->plane))
		fake_assert(all_zero(w->model, w->nr_bits));
}

static void do_next_run(struct world *w)
{
	u64 from, max, first, count;
	bool quiet = w->quiet;
	int ret;

	pick_range(w, &from, &max);
	w->quiet = true;
	ret = drp_plane_next_run(w->plane, from, max, &first, &count);
	w->quiet = quiet;
	if (ret < 0) {
		fake_assert(ret == -ENOMEM && w->config->fail_sleeping);
		return;
	}
	if (!ret)
		first = w->nr_bits;
	else
		fake_assert(first >= from && count && count <= max &&
			    first / DRP_PAGE_BITS == (first + count - 1) / DRP_PAGE_BITS);
	fake_assert(all_zero(w->model + from, first - from));
	if (ret && !may_err(w))
		fake_assert(!memchr(w->model + first, 0, count));
}

static void do_resize(struct world *w)
{
	u64 nr_bits = w->nr_bits + sim_below(&w->r, w->config->max_bits - w->nr_bits + 1);
	bool ones = sim_random(&w->r) & 1;

	if (sim_once_in(&w->r, 3))
		nr_bits = min(w->nr_bits + sim_below(&w->r, 40), w->config->max_bits);
	if (drp_plane_resize(w->plane, nr_bits, ones)) {
		fake_assert(may_err(w));
		return;
	}
	memset(w->next_required + w->nr_bits, ones, nr_bits - w->nr_bits);
	memset(w->next_possible + w->nr_bits, ones, nr_bits - w->nr_bits);
	memset(w->possible + w->nr_bits, ones, nr_bits - w->nr_bits);
	memset(w->model + w->nr_bits, ones, nr_bits - w->nr_bits);
	/* the roots know the new end coarsely until the next writeback */
	if (nr_bits != w->nr_bits)
		w->next_exact = false;
	w->nr_bits = nr_bits;
}

static void drop_clean(struct world *w)
{
	u64 memory_max = w->md.memory_max;

	w->md.memory_max = 0;
	drp_plane_shrink(w->plane);
	w->md.memory_max = memory_max;
}

static bool do_checkpoint(struct world *w, bool may_crash);

static void meddle_once(struct world *w)
{
	switch (sim_below(&w->r, 10)) {
	case 0:
		drop_clean(w);
		break;
	case 1:
		do_clear(w);
		break;
	case 2:
		if (sim_once_in(&w->r, 4))
			do_set_all(w);
		break;
	case 3 ... 4:
		if (!w->checkpoint)
			do_checkpoint(w, false);
		break;
	case 5:
		if (w->nr_bits < w->config->max_bits && !w->guard_count)
			do_resize(w);
		break;
	default:
		do_set(w);
	}
}

/* What other threads do while one of the plane's is in I/O. */
static void meddle(struct world *w)
{
	might_sleep();
	if (w->quiet || w->depth || sim_random(&w->r) % 3)
		return;
	w->depth++;
	w->meddled++;
	do {
		meddle_once(w);
	} while (sim_below(&w->r, 3));
	w->depth--;
}

/* ---- the disk ---- */

static int world_read(void *ctx, u64 block, void *buf, u32 nr)
{
	struct world *w = ctx;
	int err = w->config->fail_read && !w->quiet && sim_once_in(&w->r, w->config->fail_read) ?
		-EIO : w->disk->io.ops->read(w->disk, block, buf, nr);

	meddle(w);
	return err;
}

static int world_write(void *ctx, u64 block, const void *buf, u32 nr, bool fua)
{
	struct world *w = ctx;
	u64 at = block - w->md.first_page_block;
	int err;

	fake_assert(nr == 1 && !w->named[block]);
	fake_assert(w->md.used[at / 64] >> (at % 64) & 1);
	meddle(w);
	err = w->disk->io.ops->write(w->disk, block, buf, nr, fua);
	if (w->config->fail_write && !w->quiet && sim_once_in(&w->r, w->config->fail_write))
		err = -EIO;
	meddle(w);
	return err;
}

static void find_named(struct world *w)
{
	static struct drp_dir_entry dir[DRP_DIR_ENTRIES];
	u32 c, i;
	int err;

	memset(w->named, 0, WORLD_BLOCKS);
	for (c = 0; c < drp_plane_nr_chunks(w->root_bits); c++) {
		if (w->roots[c].state != DRP_PAGE_STORED)
			continue;
		w->named[w->roots[c].block] = 1;
		err = drp_dir_decode(sim_disk_peek(w->disk, w->roots[c].block), w->md.nonce,
				     w->plane->sync_id, DRP_PLANE_D, c, w->roots[c].seq,
				     WORLD_BLOCKS, dir);
		fake_assert(!err || w->config->damage);
		if (err)
			continue;
		for (i = 0; i < DRP_DIR_ENTRIES; i++)
			if (dir[i].state == DRP_PAGE_STORED) {
				fake_assert(!w->named[dir[i].block]);
				w->named[dir[i].block] = 1;
			}
	}
}

/* ---- checkpoint and crash ---- */

static void collect_roots(struct world *w, struct drp_dir_entry *roots)
{
	u64 nr = drp_plane_nr_chunks(w->nr_bits), first = 0;

	while (first < nr) {
		u32 max = 1 + sim_below(&w->r, 3);

		fake_assert(drp_plane_root(w->plane, first, roots + first, max) == nr - first);
		first += min_t(u64, max, nr - first);
		if (!w->quiet && !w->depth && sim_once_in(&w->r, 4))
			do_set(w);
	}
}

/* False: it was not completed, as after a failure elsewhere or in a crash. */
static bool do_checkpoint(struct world *w, bool may_crash)
{
	struct drp_dir_entry roots[WORLD_ROOTS];
	bool done = false;

	w->checkpoint = true;
	drp_metadev_checkpoint_begin(&w->md);
	memcpy(w->next_required, w->model, w->nr_bits);
	memcpy(w->next_possible, w->model, w->nr_bits);
	/* what is being cleared may be cleared or not */
	memset(w->next_possible + w->guard_first, 1, w->guard_count);
	w->next_exact = !may_err(w) && !w->config->free_blocks;
	if (drp_plane_writeback(w->plane)) {
		fake_assert(w->config->fail_write && drp_plane_dirty(w->plane));
		goto out;
	}
	if (may_crash && sim_once_in(&w->r, 6))
		goto out;
	if (!w->quiet && !w->depth && w->nr_bits < w->config->max_bits && sim_once_in(&w->r, 8))
		do_resize(w);
	collect_roots(w, roots);
	w->disk->io.ops->flush(w->disk);
	if (may_crash && sim_once_in(&w->r, 6))
		goto out;
	memcpy(w->roots, roots, sizeof(roots));
	w->root_bits = w->nr_bits;
	memcpy(w->required, w->next_required, w->nr_bits);
	memcpy(w->possible, w->next_possible, w->nr_bits);
	w->stored_exact = w->next_exact;
	find_named(w);
	drp_metadev_checkpoint_done(&w->md);
	w->checkpoints++;
	done = true;
out:
	w->abandoned += !done;
	w->checkpoint = false;
	return done;
}

static void start(struct world *w, u64 nr_bits, bool ones)
{
	struct drp_super sb = {
		.nonce = 77, .activation = ++w->crashes, .device_blocks = WORLD_BLOCKS,
		.nr_areas = 1,
		.areas = {{ .kind = DRP_AREA_PAGES, .first = 300, .blocks = WORLD_BLOCKS - 333 }},
	};

	failures(w, false);
	memset(&w->md, 0, sizeof(w->md));
	spin_lock_init(&w->md.lock);
	w->md.device_blocks = WORLD_BLOCKS;
	w->md.memory_max = w->config->memory_max ?: DRP_METADEV_MEMORY_MAX;
	w->ops = (struct drp_io_ops){ .read = world_read, .write = world_write };
	w->md.io = (struct drp_io){ .ops = &w->ops, .ctx = w };
	fake_assert(!drp_metadev_bind_super(&w->md, &sb));
	w->plane = drp_plane_create(&w->md, 5, DRP_PLANE_D, nr_bits, ones);
	fake_assert(!IS_ERR_OR_NULL(w->plane));
	w->nr_bits = nr_bits;
}

static void stop(struct world *w)
{
	drp_plane_destroy(w->plane);
	fake_assert(!w->md.memory && !w->md.reserved);
	drp_metadev_unbind_super(&w->md);
}

/* Leave as many blocks as the configuration says; nobody frees the others. */
static void hog_blocks(struct world *w)
{
	if (w->config->free_blocks)
		while (w->md.page_blocks - w->md.nr_used > w->config->free_blocks)
			fake_assert(drp_metadev_alloc(&w->md));
}

static void damage(struct world *w)
{
	u8 block[DRP_BLOCK_BYTES];
	u64 b;

	for (b = 0; b < WORLD_BLOCKS; b++) {
		if (!w->named[b] || !sim_once_in(&w->r, 3))
			continue;
		memcpy(block, sim_disk_peek(w->disk, b), sizeof(block));
		if (sim_random(&w->r) & 1)
			memcpy(block, sim_disk_peek(w->disk, 300 + sim_below(&w->r, 50)),
			       sizeof(block));
		else
			block[sim_below(&w->r, sizeof(block))] ^= 1 << sim_below(&w->r, 8);
		sim_disk_poke(w->disk, b, block);
	}
}

static void check_loaded(struct world *w)
{
	u64 i, first, count, from = 0, sum = 0, counted = drp_plane_count(w->plane);

	memset(w->model, 0, w->nr_bits);
	while (drp_plane_next_run(w->plane, from, U64_MAX, &first, &count) == 1) {
		memset(w->model + first, 1, count);
		from = first + count;
		sum += count;
	}
	for (i = 0; i < w->nr_bits; i++) {
		fake_assert(w->model[i] >= w->required[i]);
		if (w->stored_exact)
			fake_assert(w->model[i] <= w->possible[i]);
	}
	fake_assert(drp_plane_count(w->plane) == sum);
	/* the sequences of pages told without reading them */
	if (!w->config->damage)
		fake_assert(counted == sum);
}

static void do_crash(struct world *w)
{
	u32 n = drp_plane_nr_chunks(w->root_bits);
	bool quiet = w->quiet;

	stop(w);
	sim_disk_power_fail(w->disk, sim_below(&w->r, 3), &w->r);
	if (w->config->damage)
		damage(w);
	w->quiet = true;
	start(w, w->root_bits, sim_random(&w->r) & 1);
	fake_assert(drp_plane_load_root(w->plane, n, w->roots, 1) == -EBADMSG);
	fake_assert(!drp_plane_load_root(w->plane, 0, w->roots, 1));
	if (n > 1)
		fake_assert(!drp_plane_load_root(w->plane, 1, w->roots + 1, n - 1));
	check_loaded(w);
	/* from here on the loaded content is what a crash must bring back */
	memcpy(w->possible, w->model, w->nr_bits);
	memcpy(w->required, w->model, w->nr_bits);
	find_named(w);
	w->quiet = quiet;
	hog_blocks(w);
	failures(w, true);
}

/* ---- interface ---- */

struct world *world_new(const struct world_config *config, u64 seed)
{
	u64 n = max(config->nr_bits, config->max_bits);
	struct world *w = must(calloc(1, sizeof(*w)));

	w->config = config;
	w->r.state = seed;
	fake_kernel = (struct fake_kernel){ .random = seed };
	w->disk = sim_disk_new(WORLD_BLOCKS);
	w->model = must(calloc(n, 1));
	w->required = must(calloc(n, 1));
	w->possible = must(calloc(n, 1));
	w->next_required = must(calloc(n, 1));
	w->next_possible = must(calloc(n, 1));
	w->named = must(calloc(WORLD_BLOCKS, 1));
	start(w, config->nr_bits, false);
	w->quiet = true;
	world_checkpoint(w);
	w->quiet = false;
	hog_blocks(w);
	failures(w, true);
	return w;
}

void world_free(struct world *w)
{
	stop(w);
	sim_disk_free(w->disk);
	free(w->model);
	free(w->required);
	free(w->possible);
	free(w->next_required);
	free(w->next_possible);
	free(w->named);
	free(w);
}

void world_step(struct world *w)
{
	switch (sim_below(&w->r, 40)) {
	case 0 ... 13:
		do_set(w);
		break;
	case 14 ... 25:
		do_clear(w);
		break;
	case 26:
		if (sim_once_in(&w->r, 6) || all_zero(w->model, w->nr_bits))
			do_set_all(w);
		break;
	case 27 ... 28:
		do_any(w);
		break;
	case 29 ... 31:
		do_next_run(w);
		break;
	case 32:
		drop_clean(w);
		break;
	case 33:
		if (w->nr_bits < w->config->max_bits)
			do_resize(w);
		break;
	case 34:
		do_crash(w);
		break;
	default:
		if (!do_checkpoint(w, true) && sim_random(&w->r) & 1)
			do_crash(w);
	}
	fake_assert(w->md.memory == w->plane->pages_held * sizeof(struct drp_plane_page));
}

void world_verify(struct world *w)
{
	u64 first, count, from = 0, sum = 0;
	bool quiet = w->quiet;

	w->quiet = true;
	failures(w, false);
	while (drp_plane_next_run(w->plane, from, U64_MAX, &first, &count) == 1) {
		fake_assert(all_zero(w->model + from, first - from));
		if (!may_err(w))
			fake_assert(!memchr(w->model + first, 0, count));
		from = first + count;
		sum += count;
	}
	fake_assert(all_zero(w->model + from, w->nr_bits - from));
	fake_assert(drp_plane_count(w->plane) == sum);
	fake_assert(drp_plane_memory(w->plane) <= drp_plane_memory_max(w->plane));
	fake_assert(w->md.memory <= 2 * w->md.memory_max);
	failures(w, true);
	w->quiet = quiet;
}

void world_checkpoint(struct world *w)
{
	w->quiet = true;
	failures(w, false);
	fake_assert(do_checkpoint(w, false));
	failures(w, true);
	w->quiet = false;
}

void world_check_blocks(struct world *w)
{
	u64 named = 0, writes, c;
	u32 i;

	/* the second frees what the first replaced, and has nothing to write */
	world_checkpoint(w);
	writes = w->disk->writes;
	world_checkpoint(w);
	if (!w->config->free_blocks) {
		fake_assert(w->disk->writes == writes);
		drp_plane_shrink(w->plane);
		fake_assert(w->md.memory <= w->md.memory_max);
	}
	for (c = 0; c < w->plane->nr_chunks; c++) {
		const struct drp_plane_slot *slot = &w->plane->slots[c];

		named += slot->root.state == DRP_PAGE_STORED;
		for (i = 0; slot->chunk && i < DRP_DIR_ENTRIES; i++)
			named += slot->chunk->state[i] == DRP_PAGE_STORED;
	}
	if (!w->config->free_blocks)
		fake_assert(named == w->md.nr_used);
	fake_assert(w->config->free_blocks || !drp_plane_dirty(w->plane));
}
