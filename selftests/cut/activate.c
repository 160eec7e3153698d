// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module itself on a cut image: its states and map are those that the core
 * gave the cutter; in the end what says it is in sync is. All of it is recorded,
 * so that recovery can be cut, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder.h"

#define SYNCS_MAX	8
#define REGIONS_MAX	2048
#define REGION		4096

struct expected {
	unsigned long long id, source, target;
	unsigned int state, reverse;
	char d[REGIONS_MAX + 1];
};

static struct expected syncs[SYNCS_MAX];
static unsigned int nr_syncs, meta_sectors;

static void read_expected(const char *dir)
{
	static char line[2 * REGIONS_MAX];
	unsigned long long sectors;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/expect", dir);
	f = fopen(path, "r");
	if (!f)
		failed("%s: %s", path, strerror(errno));
	nr_elements = 0;
	nr_syncs = 0;
	memset(elements, 0, sizeof(elements));
	while (fgets(line, sizeof(line), f)) {
		struct element *e = &elements[nr_elements];
		struct expected *s = &syncs[nr_syncs];

		if (sscanf(line, "disk " META " %llu", &sectors) == 1) {
			meta_sectors = sectors;
		} else if (sscanf(line, "element %u %15s %llu", &e->id, e->disk, &sectors) == 3) {
			e->sectors = sectors;
			snprintf(e->dm, sizeof(e->dm), "cute%u", e->id);
			nr_elements++;
		} else if (sscanf(line, "sync %llu %llu %llu %u %u %2048s", &s->id, &s->source,
				  &s->target, &s->state, &s->reverse, s->d) == 6) {
			nr_syncs++;
		}
	}
	fclose(f);
}

/* The first @sectors of the image are all that is compared. */
static void fill_disk(const char *dir, const char *disk, uint64_t sectors)
{
	char path[512], dev[64];
	uint64_t bytes = sectors * 512;
	void *buf = malloc(bytes);
	int from, to;

	snprintf(path, sizeof(path), "%s/%s", dir, disk);
	snprintf(dev, sizeof(dev), "/dev/%s", disk);
	from = open(path, O_RDONLY | O_CLOEXEC);
	to = open(dev, O_WRONLY | O_CLOEXEC);
	if (!buf || from < 0 || to < 0 || read(from, buf, bytes) != (ssize_t)bytes ||
	    write(to, buf, bytes) != (ssize_t)bytes || fsync(to))
		failed("%s to %s: %s", path, dev, strerror(errno));
	close(from);
	close(to);
	free(buf);
	disk_drop_cache(dev);
}

/* With the pool alone: what copies is Partitioned then. */
static void compare_sync(const struct expected *s)
{
	static uint8_t map[REGIONS_MAX];
	struct sync_info info;
	unsigned int state = state_of(s->id, &info), r;
	int copies = s->state == DRP_CS_UNSYNCHRONIZED || s->state == DRP_CS_SYNCHRONIZED ||
		     s->state == DRP_CS_INITIALIZED;
	int err;

	if (state != s->state && !(copies && state == DRP_CS_PARTITIONED))
		failed("sync %llu is in state %u, expected %u", s->id, state, s->state);
	if (info.source != s->source || info.target != s->target)
		failed("sync %llu has other elements", s->id);
	err = query_map("cut", s->id, map, REGIONS_MAX);
	if (err)
		failed("the map of sync %llu: %s", s->id, strerror(-err));
	for (r = 0; r < elements[0].sectors / 8; r++)
		if (map[r] != (s->d[r] == '1'))
			failed("region %u of sync %llu is %smarked, but the core says otherwise", r,
			       s->id, map[r] ? "" : "not ");
}

static int is_settled(const struct expected *s, unsigned int state)
{
	return state != DRP_CS_UNSYNCHRONIZED && state != DRP_CS_INITIALIZED &&
	       (state != DRP_CS_PARTITIONED || s->state == DRP_CS_PARTITIONED);
}

static struct element *element_of(unsigned long long id)
{
	unsigned int i;

	for (i = 0; i < nr_elements; i++)
		if (elements[i].id == id)
			return &elements[i];
	failed("there is no element %llu", id);
}

static void compare_legs(const struct expected *s)
{
	struct element *source = element_of(s->source), *target = element_of(s->target);
	size_t bytes = source->sectors * 512;
	void *x = NULL, *y = NULL;

	if (posix_memalign(&x, 4096, bytes) || posix_memalign(&y, 4096, bytes) ||
	    disk_read(source->data, x, bytes) || disk_read(target->data, y, bytes))
		failed("the legs of sync %llu cannot be read", s->id);
	if (memcmp(x, y, bytes))
		failed("sync %llu is in sync, but its legs differ", s->id);
	free(x);
	free(y);
}

static void settle(const struct expected *s)
{
	double limit = now_seconds() + 90;
	struct sync_info info = {};

	while (!is_settled(s, state_of(s->id, &info))) {
		if (now_seconds() > limit)
			failed("sync %llu stays in state %u", s->id, info.state);
		sleep_us(2000);
	}
}

static void compare_settled(const struct expected *s)
{
	struct sync_info info = {};

	if (state_of(s->id, &info) == DRP_CS_SYNCHRONIZED && info.in_sync == 1)
		compare_legs(s);
}

/* Copies were given a slow rate, so that much happens in them. */
static void hurry(void)
{
	unsigned int i;

	for (i = 0; i < nr_syncs; i++)
		message("set sync:%llu rate_limit=0", syncs[i].id);
}

void activate(const char *dir, const char *path)
{
	unsigned int i;

	read_expected(dir);
	disks_make(meta_sectors);
	fill_disk(dir, META, meta_sectors);
	for (i = 0; i < nr_elements; i++)
		fill_disk(dir, elements[i].disk, elements[i].sectors);
	recording_start(dir);
	for (i = 0; i < nr_elements; i++)
		mark("element %u %s %llu", elements[i].id, elements[i].disk,
		     (unsigned long long)elements[i].sectors);
	mark("adopt all");
	disks_slow();
	pool_make();
	for (i = 0; i < nr_syncs; i++)
		compare_sync(&syncs[i]);
	for (i = 0; i < nr_elements; i++)
		element_attach(&elements[i]);
	hurry();
	for (i = 0; i < nr_syncs; i++)
		settle(&syncs[i]);
	/* A copy into a source reaches its targets: all have to end first. */
	for (i = 0; i < nr_syncs; i++)
		compare_settled(&syncs[i]);
	world_remove();
	recording_save(path);
	disks_remove();
}
