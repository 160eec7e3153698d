// SPDX-License-Identifier: GPL-2.0-only
/* The module's own core looks at the metadata of a pool that is not active. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#include "machine.h"
#include "snapshot.h"

#define OBJECTS		256
#define ROOTS		256
#define MODS		(1 << 16)

struct offline {
	uint8_t *image;
	uint64_t blocks;
	char finding[256];
};

static int read_image(void *ctx, u64 block, void *buf, u32 n)
{
	struct offline *o = ctx;

	if (block >= o->blocks || n > o->blocks - block)
		return -EIO;
	memcpy(buf, o->image + block * DRP_BLOCK_BYTES, (size_t)n * DRP_BLOCK_BYTES);
	return 0;
}

/* A power failure leaves an old superblock, no other damage. */
static void take_finding(void *ctx, enum drp_check_severity severity, const char *text)
{
	struct offline *o = ctx;

	if (severity == DRP_CHECK_NOTE || (severity == DRP_CHECK_HARMLESS && strstr(text, "superblock")))
		return;
	if (!o->finding[0])
		snprintf(o->finding, sizeof(o->finding), "%s", text);
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		err(1, "memory");
	return p;
}

static const struct drp_check_memory *memory_for(uint64_t blocks, uint64_t slots)
{
	static struct drp_check_memory m;

	if (!m.scratch) {
		m.scratch = zeroed(DRP_LOAD_SCRATCH_BLOCKS, DRP_BLOCK_BYTES);
		m.page = zeroed(1, sizeof(*m.page));
		m.objects = zeroed(OBJECTS, sizeof(*m.objects));
		m.roots = zeroed(ROOTS, sizeof(*m.roots));
		m.nodes = zeroed(DRP_COW_HEIGHT_MAX, DRP_BLOCK_BYTES);
		m.mods = zeroed(MODS, sizeof(*m.mods));
		m.max_objects = OBJECTS;
		m.max_roots = ROOTS;
		m.max_mods = MODS;
	}
	free(m.used);
	free(m.slots);
	free(m.slots_used);
	m.used = zeroed(blocks / 64 + 1, 8);
	m.slots = zeroed(slots / 64 + 1, 8);
	m.slots_used = zeroed(slots / 64 + 1, 8);
	m.max_slots = slots;
	return &m;
}

void check_offline(struct life *l, const char *path, int clean)
{
	static const struct drp_io_ops ops = { .read = read_image };
	static const struct drp_check_sink sink = { .finding = take_finding };
	struct offline o = { .blocks = (uint64_t)l->meta_mib << 8 };
	const struct drp_io io = { .ops = &ops, .ctx = &o };
	struct drp_check_result result = {};
	uint64_t slots = ((uint64_t)l->snapshots->cow_mib << 11) / l->snapshots->chunk_sectors;
	int r;

	if (posix_memalign((void **)&o.image, DRP_BLOCK_BYTES, o.blocks * DRP_BLOCK_BYTES))
		errx(1, "memory");
	r = disk_read(path, o.image, o.blocks * DRP_BLOCK_BYTES);
	if (!r)
		r = drp_check(&io, o.blocks, &sink, &o, memory_for(o.blocks, slots), &result);
	free(o.image);
	if (r)
		failed(l, "the metadata cannot be checked: %s", strerror(-r));
	if (o.finding[0] || result.errors)
		failed(l, "the offline check finds: %s", o.finding);
	if (clean && (result.cow_entries || result.cow_lost))
		failed(l, "of COW space %llu entries and %llu slots stay, but all snapshots were returned",
		       (unsigned long long)result.cow_entries, (unsigned long long)result.cow_lost);
}
