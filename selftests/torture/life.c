// SPDX-License-Identifier: GPL-2.0-only
/* Bringing the pool up and down. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <linux/dm-replica.h>

#include "life.h"
#include "machine.h"
#include "snapshot.h"

#define META "pfmeta"
#define META_PATH "/dev/" META
#define COW "pfcow"
#define COW_PATH "/dev/" COW

/* ---- disks ---- */

static void choose_life(struct life *l, int snapshots)
{
	static const unsigned int extents[] = { 256, 1024, 1024, 8192 };

	l->topology = rng_below(&l->rng, 3);
	l->nr_elements = l->topology ? 3 : 2;
	l->nr_syncs = l->nr_elements - 1;
	l->extent_sectors = extents[rng_below(&l->rng, 4)];
	/* Larger than a block: most writes then cover a part of a region only. */
	l->region_sectors = l->directions || snapshots ? 8U << rng_below(&l->rng, 3) : 8;
	l->active_max = rng_below(&l->rng, 3) ? 32 : 1024;
	l->meta_mib = rng_below(&l->rng, 2) ? 8 : 16;
	l->nr_writers = 1 + rng_below(&l->rng, 3);
	l->nr_blocks = (rng_below(&l->rng, 3) ? 16 : 32) << 8;
	/* All of each snapshot is read after each failure. */
	if (snapshots)
		l->nr_blocks >>= 3;
	/* Mirrors beside them: of the same source, or of the first one's target. */
	if (l->clones) {
		l->s[0].clone = 1;
		l->s[1].clone = l->topology == 1 && rng_below(&l->rng, 2);
	}
}

static void init_elements(struct life *l)
{
	unsigned int i;

	for (i = 0; i < l->nr_elements; i++) {
		struct element *e = &l->e[i];

		e->id = i + 1;
		snprintf(e->dm, sizeof(e->dm), "pf%c", 'a' + i);
		snprintf(e->disk, sizeof(e->disk), "pfdisk%c", 'a' + i);
		snprintf(e->disk_path, sizeof(e->disk_path), "/dev/%s", e->disk);
		line_alloc(&e->line, e->id);
		line_reset(&e->line);
		if (posix_memalign((void **)&l->content[i], BLOCK_BYTES,
				   (size_t)l->nr_blocks * BLOCK_BYTES))
			errx(1, "memory");
	}
	for (i = 0; i < l->nr_syncs; i++) {
		l->s[i].source = &l->e[l->topology == 2 ? i : 0];
		l->s[i].target = &l->e[i + 1];
		l->s[i].maybe.state = NO_GOAL;
		l->turned_map[i] = malloc(l->nr_blocks);
		if (!l->turned_map[i])
			errx(1, "memory");
	}
	l->map = malloc(l->nr_blocks);
	if (!l->map)
		errx(1, "memory");
}

static int make_cow(struct life *l, const char *options)
{
	static const char *const times[] = { "0", "500", "5000", "20000" };
	/* A power failure while data and record are being written is not to be rare. */
	int r = sim_control("add " COW " %u %s", l->snapshots->cow_mib, options);

	if (!r)
		sim_set(COW, "fua_us", times[rng_below(&l->rng, 4)]);
	return r;
}

static void make_disks(struct life *l)
{
	const char *options = rng_below(&l->rng, 4) ? "cache=fua" : "cache=flush";
	unsigned int i;
	int r;

	r = sim_control("add " META " %u %s", l->meta_mib, options);
	if (!r && l->snapshots)
		r = make_cow(l, options);
	for (i = 0; i < l->nr_elements && !r; i++) {
		r = sim_control("add %s %u %s", l->e[i].disk, l->nr_blocks >> 8, options);
		if (!r && !rng_below(&l->rng, 3))
			sim_set(l->e[i].disk, "write_us", "300");
	}
	if (r)
		failed(l, "simdisk: %s", strerror(-r));
}

void life_begin(struct life *l, uint64_t seed, unsigned int with)
{
	memset(l, 0, sizeof(*l));
	l->directions = !!(with & WITH_DIRECTIONS);
	l->clones = !!(with & WITH_CLONES);
	l->seed = seed;
	l->rng = seed;
	choose_life(l, with & WITH_SNAPSHOTS);
	model_begin(l->nr_blocks, seed);
	if (with & WITH_SNAPSHOTS)
		snapshots_begin(l);
	init_elements(l);
	make_disks(l);
	l->last_id = 100;
	printf("# life %llu: %s%s, %u MiB, regions of %u, extents of %u sectors, %u active at most, metadata %u MiB, %u writers\n",
	       (unsigned long long)seed,
	       l->topology == 0 ? "A->B" : l->topology == 1 ? "A->B A->C" : "A->B->C",
	       !l->clones ? "" : l->s[1].clone ? " (clones)" : " (the first a clone)",
	       l->nr_blocks >> 8, l->region_sectors, l->extent_sectors, l->active_max, l->meta_mib, l->nr_writers);
	if (l->snapshots)
		printf("#   %u snapshots at most, COW space %u MiB in chunks of %u sectors%s\n",
		       l->snapshots->max, l->snapshots->cow_mib, l->snapshots->chunk_sectors,
		       l->snapshots->small ? ", which may become full" : "");
	fflush(stdout);
}

/* ---- devices ---- */

/* 0; -EIO when the power failed; any other error ends the test. */
static int judge(struct life *l, const char *what, int r)
{
	int i;

	for (i = 0; r && i < 100 && !sim_power_is_off(); i++)
		sleep_us(1000);
	if (r && !sim_power_is_off())
		failed(l, "%s: %s", what, strerror(-r));
	return r ? -EIO : 0;
}

static int message(struct life *l, const char *text)
{
	char answer[256];

	return judge(l, text, dm_message("pfpool", text, answer));
}

int create_pool(struct life *l)
{
	char params[256];
	uint64_t dev = 0;
	int r;

	snprintf(params, sizeof(params), META_PATH " %s %u 3 name=pf region=%u extent=%u",
		 l->snapshots ? COW_PATH : "-", l->snapshots ? l->snapshots->chunk_sectors : 128,
		 l->region_sectors, l->extent_sectors);
	r = dm_create("pfpool", 8, "replica-pool", params, &dev);
	snprintf(l->pool_dev, sizeof(l->pool_dev), "%u:%u", major(dev), minor(dev));
	l->pool_active = !r;
	return judge(l, "activate the pool", r);
}

int create_element(struct life *l, struct element *e, const char *disk)
{
	char params[256];
	uint64_t dev = 0;
	int r;

	snprintf(params, sizeof(params), "%s %u%s%s", l->pool_dev, e->id, disk ? " " : "",
		 disk ? disk : "");
	r = dm_create(e->dm, (uint64_t)l->nr_blocks * BLOCK_SECTORS, "replica", params, &dev);
	if (!r)
		snprintf(e->dev, sizeof(e->dev), "/dev/dm-%u", minor(dev));
	return judge(l, "activate an element", r);
}

int create_elements(struct life *l)
{
	unsigned int i, first = rng_below(&l->rng, l->nr_elements);

	for (i = 0; i < l->nr_elements; i++)
		if (create_element(l, &l->e[(first + i) % l->nr_elements],
				   l->e[(first + i) % l->nr_elements].disk_path))
			return -EIO;
	return 0;
}

static int define_elements(struct life *l)
{
	char text[128];
	unsigned int i;

	for (i = 0; i < l->nr_elements; i++) {
		snprintf(text, sizeof(text),
			 "create_element %u %c size=%u active_extents_max=%u read_policy=%s",
			 l->e[i].id, 'a' + i, l->nr_blocks * BLOCK_SECTORS, l->active_max,
			 rng_below(&l->rng, 2) ? "balance" : "source");
		if (message(l, text))
			return -EIO;
	}
	return 0;
}

int life_activate(struct life *l)
{
	unsigned int i;

	if (create_pool(l) || (!l->failures && define_elements(l)) || create_elements(l))
		return -EIO;
	for (i = 0; i < l->nr_syncs && !l->failures; i++)
		if (make_sync(l, &l->s[i]))
			return -EIO;
	set_writable(l);
	return 0;
}

void life_deactivate(struct life *l)
{
	unsigned int i;
	int r;

	if (l->snapshots)
		snapshots_remove_devices(l);
	for (i = 0; i < l->nr_elements; i++) {
		if (!*l->e[i].dev)
			continue;
		r = dm_remove(l->e[i].dm, 30);
		if (r && r != -ENXIO)
			failed(l, "remove %s: %s", l->e[i].dm, strerror(-r));
		l->e[i].dev[0] = '\0';
	}
	if (!l->pool_active)
		return;
	r = dm_remove("pfpool", 30);
	if (r && r != -ENXIO)
		failed(l, "remove the pool: %s", strerror(-r));
	l->pool_active = 0;
}

void life_end(struct life *l)
{
	unsigned int i;

	life_deactivate(l);
	for (i = 0; i < l->nr_elements; i++) {
		sim_control("remove %s", l->e[i].disk);
		line_free(&l->e[i].line);
		free(l->content[i]);
	}
	for (i = 0; i < l->nr_syncs; i++)
		free(l->turned_map[i]);
	free(l->map);
	sim_control("remove " META);
	if (l->snapshots) {
		sim_control("remove " COW);
		snapshots_end(l);
	}
}
