// SPDX-License-Identifier: GPL-2.0-only
/* Stands in for the tool's dm.c in a test binary: logs what would be done to $FAKE_LOG. */
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "dm.h"

static void log_line(const char *fmt, ...) __printf(1, 2);

static void log_line(const char *fmt, ...)
{
	const char *path = getenv("FAKE_LOG");
	FILE *f = path ? fopen(path, "a") : NULL;
	va_list args;

	if (!f)
		return;
	va_start(args, fmt);
	vfprintf(f, fmt, args);
	va_end(args);
	fclose(f);
}

int dm_create(const char *name, const char *uuid, u64 sectors, const char *target,
	      const char *params, dev_t *dev)
{
	log_line("dm create %s %s 0 %llu %s %s\n", name, uuid, (unsigned long long)sectors, target,
		 params);
	if (dev)
		*dev = makedev(253, 99);
	return 0;
}

int dm_remove(const char *name)
{
	log_line("dm remove %s\n", name);
	return 0;
}

/* tank-home (4000:10) is open, everything else is not. */
int dm_query(const char *name, dev_t dev, struct dm_device *d)
{
	memset(d, 0, sizeof(*d));
	d->exists = true;
	d->dev = dev;
	d->open_count = minor(dev) == 10;
	if (name)
		strscpy(d->name, name, sizeof(d->name));
	else
		snprintf(d->name, sizeof(d->name), "fake-%u", minor(dev));
	return 0;
}

void dm_finish(void)
{
}
