// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "cut.h"

static u8 *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	u8 *bytes;
	long end;

	if (!f || fseek(f, 0, SEEK_END))
		die("%s cannot be read", path);
	end = ftell(f);
	if (end < 0)
		die("%s cannot be read", path);
	rewind(f);
	*size = end;
	bytes = must_alloc(end + 8);
	if (fread(bytes, 1, end, f) != (size_t)end)
		die("%s cannot be read", path);
	fclose(f);
	return bytes;
}

void log_read(struct log *log, const char *path)
{
	size_t size, at = 0;
	u32 max = 0;

	memset(log, 0, sizeof(*log));
	log->bytes = read_file(path, &size);
	while (at < size) {
		struct event *e;

		if (log->nr == max) {
			max = max ? 2 * max : 4096;
			log->events = realloc(log->events, max * sizeof(*log->events));
			if (!log->events)
				die("no memory");
		}
		e = &log->events[log->nr++];
		if (size - at < sizeof(e->h))
			die("%s: event %u is cut off", path, log->nr);
		memcpy(&e->h, log->bytes + at, sizeof(e->h));
		at += sizeof(e->h);
		e->data = log->bytes + at;
		if (e->h.bytes > size - at || e->h.disk >= DISKS_MAX)
			die("%s: event %u makes no sense", path, log->nr);
		at += (e->h.bytes + 7) & ~7U;
	}
	if (!log->nr)
		die("%s is empty", path);
}

void log_free(struct log *log)
{
	free(log->events);
	free(log->bytes);
}
