// SPDX-License-Identifier: GPL-2.0-only
/* The recorded disks, the pool and its elements' devices. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "recorder.h"

#define RECORD		"/dev/simdisk-record"
#define RECORD_MIB	96
#define META_SECTORS	(8 << 11)

struct element elements[ELEMENTS_MAX];
unsigned int nr_elements;
static char scenario[64] = "the start", pool_dev[16];
static int record_fd = -1, is_linear;

void failed(const char *fmt, ...)
{
	char line[1024];
	va_list args;

	fprintf(stderr, "FAILED: %s: ", scenario);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	if (!dm_status("cutpool", line, sizeof(line)))
		fprintf(stderr, "# %s\n", line);
	_exit(1);
}

/* ---- the recording ---- */

void mark(const char *fmt, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (write(record_fd, text, n) != n)
		failed("mark '%s': %s", text, strerror(errno));
}

void recording_start(const char *name)
{
	int r;

	snprintf(scenario, sizeof(scenario), "%s", name);
	if (record_fd < 0)
		record_fd = open(RECORD, O_RDWR | O_CLOEXEC);
	if (record_fd < 0)
		failed("%s: %s", RECORD, strerror(errno));
	r = sim_control("record-start %u", RECORD_MIB);
	if (r)
		failed("record-start: %s", strerror(-r));
	mark("scenario %s", name);
}

void recording_save(const char *path)
{
	static char buf[1 << 20];
	int r = sim_control("record-stop"), fd;
	ssize_t n;
	off_t at = 0;

	if (r)
		failed("record-stop: %s", strerror(-r));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		failed("%s: %s", path, strerror(errno));
	for (; (n = pread(record_fd, buf, sizeof(buf), at)) > 0; at += n)
		if (write(fd, buf, n) != n)
			failed("%s: %s", path, strerror(errno));
	if (n < 0 || fsync(fd) || close(fd))
		failed("%s: %s", path, strerror(errno));
	printf("# recorded %s: %lld KiB\n", scenario, (long long)at >> 10);
	fflush(stdout);
}

/* ---- disks ---- */

void disks_make(unsigned int meta_sectors)
{
	unsigned int i;
	int r;

	r = sim_control("add-sectors " META " %u", meta_sectors);
	for (i = 0; i < nr_elements && !r; i++)
		r = sim_control("add-sectors %s %llu", elements[i].disk,
				(unsigned long long)elements[i].sectors * (is_linear ? 2 : 1));
	if (r)
		failed("simdisk: %s", strerror(-r));
}

void disks_remove(void)
{
	unsigned int i;
	int r = sim_control("remove " META);

	for (i = 0; i < nr_elements && !r; i++)
		r = sim_control("remove %s", elements[i].disk);
	if (r)
		failed("a disk cannot be removed: %s", strerror(-r));
}

/* So slow that several requests are under way together, and end in another order. */
void disks_slow(void)
{
	static const char *const us[] = { "200", "350", "150", "250" };
	unsigned int i;

	sim_set(META, "write_us", "150");
	sim_set(META, "fua_us", "300");
	sim_set(META, "flush_us", "300");
	for (i = 0; i < nr_elements; i++) {
		sim_set(elements[i].disk, "write_us", us[i]);
		sim_set(elements[i].disk, "fua_us", "400");
		sim_set(elements[i].disk, "flush_us", "400");
	}
}

/* ---- device mapper ---- */

void pool_make(void)
{
	uint64_t dev = 0;
	int r = dm_create("cutpool", 8, "replica-pool",
			  "/dev/" META " - 128 3 name=cut region=8 extent=128", &dev);

	if (r)
		failed("the pool cannot be activated: %s", strerror(-r));
	snprintf(pool_dev, sizeof(pool_dev), "%u:%u", major(dev), minor(dev));
	mark("pool");
}

static void data_make(struct element *e)
{
	char name[32], params[64];
	uint64_t dev = 0;
	int r;

	snprintf(e->data, sizeof(e->data), "/dev/%s", e->disk);
	if (!is_linear)
		return;
	snprintf(name, sizeof(name), "%slin", e->disk);
	snprintf(params, sizeof(params), "/dev/%s 0", e->disk);
	r = dm_create(name, e->sectors, "linear", params, &dev);
	if (r)
		failed("%s: %s", name, strerror(-r));
	snprintf(e->data, sizeof(e->data), "%u:%u", major(dev), minor(dev));
}

static const char *element_params(const struct element *e)
{
	static char params[128];

	snprintf(params, sizeof(params), "%s %u %s", pool_dev, e->id, e->data);
	return params;
}

void element_attach(struct element *e)
{
	uint64_t dev = 0;
	int r;

	if (!*e->data)
		data_make(e);
	r = dm_create(e->dm, e->sectors, "replica", element_params(e), &dev);
	if (r)
		failed("%s cannot be activated: %s", e->dm, strerror(-r));
	snprintf(e->dev, sizeof(e->dev), "/dev/dm-%u", minor(dev));
}

void element_grow(struct element *e, uint64_t sectors)
{
	char name[32], params[64];
	int r;

	mark("grow %u %llu", e->id, (unsigned long long)sectors);
	snprintf(name, sizeof(name), "%slin", e->disk);
	snprintf(params, sizeof(params), "/dev/%s 0", e->disk);
	r = dm_reload(name, sectors, "linear", params);
	if (!r)
		r = dm_reload(e->dm, sectors, "replica", element_params(e));
	if (r)
		failed("%s does not grow: %s", e->dm, strerror(-r));
	e->sectors = sectors;
}

static void element_define(struct element *e)
{
	mark("element %u %s %llu", e->id, e->disk, (unsigned long long)e->sectors);
	message("create_element %u e%u size=%llu active_extents_max=32", e->id, e->id,
		(unsigned long long)e->sectors);
	mark("element! %u", e->id);
	element_attach(e);
}

/* ---- all of it ---- */

void world_begin(const char *name, unsigned int nr, uint64_t sectors, int linear)
{
	unsigned int i;

	nr_elements = nr;
	is_linear = linear;
	memset(elements, 0, sizeof(elements));
	for (i = 0; i < nr; i++) {
		elements[i].id = i + 1;
		elements[i].sectors = sectors;
		snprintf(elements[i].dm, sizeof(elements[i].dm), "cute%c", 'a' + i);
		snprintf(elements[i].disk, sizeof(elements[i].disk), "cut%c", 'a' + i);
	}
	disks_make(META_SECTORS);
	recording_start(name);
	disks_slow();
	pool_make();
	for (i = 0; i < nr; i++)
		element_define(&elements[i]);
}

void world_remove(void)
{
	char name[32];
	unsigned int i;
	int r = 0;

	for (i = 0; i < nr_elements && !r; i++)
		r = *elements[i].dev ? dm_remove(elements[i].dm, 30) : 0;
	if (!r)
		r = dm_remove("cutpool", 30);
	for (i = 0; i < nr_elements && is_linear && !r; i++) {
		snprintf(name, sizeof(name), "%slin", elements[i].disk);
		r = dm_remove(name, 30);
	}
	if (r)
		failed("a device cannot be removed: %s", strerror(-r));
}

void world_end(const char *path)
{
	hosts_stop();
	world_remove();
	recording_save(path);
	disks_remove();
}
