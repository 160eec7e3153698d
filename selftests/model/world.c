// SPDX-License-Identifier: GPL-2.0-only
/* Bringing disks, pools and elements up and down. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "world.h"

#define COW_MIB		64		/* more than 60 steps fill */

bool power_failed(void)
{
	int i;

	for (i = 0; i < 200 && !sim_power_is_off(); i++)
		sleep_us(1000);
	return sim_power_is_off();
}

int judge(struct world *w, const char *what, int error)
{
	if (!error)
		return 0;
	if (!power_failed())
		broken(w, "%s: %s", what, strerror(-error));
	return -EIO;
}

/* ---- disks ---- */

static void add_disk(struct world *w, const char *name, unsigned int mib)
{
	static const char *const cache[] = { "cache=fua", "cache=flush", "cache=none" };
	int r = sim_control("add %s %u %s", name, mib, cache[w->shape.cache % 3]);

	if (r)
		broken(w, "simdisk %s: %s", name, strerror(-r));
	if (w->shape.slow)
		sim_set(name, "write_us", "200");
}

static void init_element(struct world *w, unsigned int i)
{
	struct element *e = &w->e[i];

	e->pool = &w->p[i % w->shape.nr_pools];
	snprintf(e->name, sizeof(e->name), "%c", 'a' + i);
	snprintf(e->dm, sizeof(e->dm), "mt%c", 'a' + i);
	snprintf(e->disk, sizeof(e->disk), "mtdisk%c", 'a' + i);
	snprintf(e->path, sizeof(e->path), "/dev/%s", e->disk);
	e->held = -1;
	e->virtual = i >= w->shape.nr_elements;
	content_alloc(&e->content, w->nr_sectors);
	if (e->virtual)
		content_alloc(&e->point, w->nr_sectors);
	if (posix_memalign(&e->raw, 4096, (size_t)w->nr_sectors * SECTOR))
		err(1, "memory");
	if (!e->virtual)
		add_disk(w, e->disk, w->shape.mib);
}

void world_begin(struct world *w, const struct shape *shape, uint64_t seed)
{
	struct element *e;
	struct pool *p;
	unsigned int i;

	memset(w, 0, sizeof(*w));
	w->shape = *shape;
	w->seed = seed;
	w->phase = "beginning";
	w->nr_sectors = shape->mib * 2048;
	w->map = calloc(w->nr_sectors / BLOCK_SECTORS, 1);
	content_begin(seed);
	if (!sim_power_is_on())		/* armed by the run before */
		sim_control("rearm");
	for (i = 0; i < shape->nr_pools; i++) {
		p = &w->p[i];
		snprintf(p->name, sizeof(p->name), "mtp%u", i);
		snprintf(p->disk, sizeof(p->disk), "mtmeta%u", i);
		p->next_id = 1;
		add_disk(w, p->disk, shape->meta_mib);
		if (!shape->snapshots)
			continue;
		snprintf(p->cow, sizeof(p->cow), "mtcow%u", i);
		add_disk(w, p->cow, shape->cow_mib ?: COW_MIB);
	}
	for (i = 0; i < nr_slots(w); i++)
		init_element(w, i);
	for (i = 0; i < SYNCS_MAX; i++) {
		w->s[i].map = calloc(w->nr_sectors / BLOCK_SECTORS, 1);
		if (!w->s[i].map || !w->map)
			err(1, "memory");
	}
	for_each_pool(w, p)
		if (pool_up(w, p))
			broken(w, "the power failed by itself");
	for_each_disk(w, e)
		if (element_define(w, e) || element_up(w, e))
			broken(w, "the power failed by itself");
}

/* ---- devices ---- */

void pool_params(const struct world *w, const struct pool *p, char *params, size_t size)
{
	snprintf(params, size, "/dev/%s %s%s %u", p->disk, *p->cow ? "/dev/" : "-", p->cow,
		 w->shape.chunk ?: 128);
}

int pool_up(struct world *w, struct pool *p)
{
	char params[160], device[64];
	uint64_t dev = 0;
	int r;

	pool_params(w, p, device, sizeof(device));
	snprintf(params, sizeof(params), "%s 3 name=%s region=8 extent=%u", device, p->name,
		 w->shape.extent);
	r = dm_create(p->name, 8, "replica-pool", params, &dev);
	snprintf(p->dev, sizeof(p->dev), "%u:%u", major(dev), minor(dev));
	p->active = !r;
	p->read_only = false;
	return judge(w, "activate a pool", r);
}

int element_define(struct world *w, struct element *e)
{
	struct answer a;
	char settings[64];

	e->id = e->pool->next_id++;
	snprintf(settings, sizeof(settings), "active_extents_max=%u", w->shape.active);
	ask_create_element(e, settings, w->nr_sectors, &a);
	e->exists = a.return_value == DRP_RV_COMPLETED;
	if (!e->exists && a.return_value == DRP_RV_JOB_STARTED) {
		uint32_t error;
		double end = now_seconds() + 30;

		while (ask_job(e->pool, a.job, &error) < DRP_JOB_COMPLETED && now_seconds() < end)
			sleep_us(2000);
		e->exists = !error;
	}
	if (e->exists)
		return 0;
	fprintf(stderr, "# create element %s: %u %s\n", e->name, a.return_value, a.text);
	return judge(w, "create an element", -EIO);
}

static void element_params(const struct element *e, char *params, size_t size)
{
	snprintf(params, size, "%s %llu%s%s", e->pool->dev, (unsigned long long)e->id,
		 e->virtual ? "" : " ", e->virtual ? "" : e->path);
}

int element_up(struct world *w, struct element *e)
{
	char params[128];
	uint64_t dev = 0;
	int r;

	element_params(e, params, sizeof(params));
	r = dm_create(e->dm, w->nr_sectors, "replica", params, &dev);
	snprintf(e->dev, sizeof(e->dev), "/dev/dm-%u", minor(dev));
	e->attached = !r;
	return judge(w, "activate an element", r);
}

int element_reload(struct world *w, struct element *e)
{
	char params[128];
	int r;

	element_params(e, params, sizeof(params));
	r = dm_reload(e->dm, w->nr_sectors, "replica", params);
	return judge(w, "reload the table of an element", r);
}

void element_down(struct world *w, struct element *e)
{
	int r;

	if (e->held >= 0)
		close(e->held);
	e->held = -1;
	if (!e->attached)
		return;
	r = dm_remove(e->dm, 30);
	if (r && r != -ENXIO)
		broken(w, "remove %s: %s", e->dm, strerror(-r));
	e->attached = false;
}

void pool_down(struct world *w, struct pool *p)
{
	int r;

	if (!p->active)
		return;
	r = dm_remove(p->name, 30);
	if (r && r != -ENXIO)
		broken(w, "remove pool %s: %s", p->name, strerror(-r));
	p->active = false;
}

void world_end(struct world *w)
{
	struct element *e;
	struct pool *p;
	unsigned int i;

	for_each_element(w, e)
		element_down(w, e);
	for_each_pool(w, p) {
		pool_down(w, p);
		sim_control("remove %s", p->disk);
		if (*p->cow)
			sim_control("remove %s", p->cow);
	}
	for_each_element(w, e) {
		if (!e->virtual)
			sim_control("remove %s", e->disk);
		content_free(&e->content);
		content_free(&e->point);
		free(e->raw);
	}
	for (i = 0; i < ASPECTS_MAX; i++)
		content_free(&w->a[i].content);
	for (i = 0; i < SYNCS_MAX; i++)
		free(w->s[i].map);
	free(w->map);
}

void world_sweep(void)
{
	char name[32];
	unsigned int i;

	if (!sim_power_is_on())
		sim_control("rearm");
	for (i = 0; i < ELEMENTS_MAX + 2 * POOLS_MAX; i++) {
		if (i < ELEMENTS_MAX)
			snprintf(name, sizeof(name), "mtdisk%c", 'a' + i);
		else
			snprintf(name, sizeof(name), "%s%u", i & 1 ? "mtmeta" : "mtcow",
				 (i - ELEMENTS_MAX) / 2);
		sim_set(name, "hang", "0");
	}
	for (i = 0; i < POOLS_MAX; i++) {
		snprintf(name, sizeof(name), "mtp%u", i);
		dm_resume(name);
	}
	for (i = 0; i < SLOTS_MAX; i++) {
		snprintf(name, sizeof(name), "mt%c", 'a' + i);
		dm_resume(name);
		dm_remove(name, 30);
	}
	for (i = 0; i < POOLS_MAX; i++) {
		snprintf(name, sizeof(name), "mtp%u", i);
		dm_remove(name, 30);
		sim_control("remove mtmeta%u", i);
		sim_control("remove mtcow%u", i);
	}
	for (i = 0; i < ELEMENTS_MAX; i++)
		sim_control("remove mtdisk%c", 'a' + i);
}
