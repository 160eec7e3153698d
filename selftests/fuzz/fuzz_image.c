// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: whole metadata devices, as the commit protocol left them after a
 * while, with edits, through the offline check and through the load of
 * "replctl pool dump". What the check finds whole must load, and what does not load
 * must be an error of the check.
 *
 * The first byte picks the device. An edit is 8 bytes: block (2), offset (2), other
 * block or value (2), length (1), how (1). Blocks count those that are not zero.
 */
#include <stdlib.h>

#include "check.h"
#include "dump.h"
#include "fuzz.h"
#include "pool_machine.h"

#define DEVICES		6
#define OBJECTS		64

static struct device_image {
	struct machine *machine;	/* whose disk it is */
	struct sim_disk *disk;
	u16 blocks[MACHINE_DEVICE_BLOCKS];	/* that are not zero */
	u32 nr;
} devices[DEVICES];

static u8 scratch[DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES] __aligned(8);

/* Some commits and checkpoints; the power fails where it likes. */
static void live(struct machine *m, u32 steps)
{
	u32 i;

	m->image = true;	/* nobody looks at what a power failure would leave */
	if (machine_recover(m))
		abort();
	memset(&m->disk->hooks, 0, sizeof(m->disk->hooks));
	for (i = 0; i < steps; i++)
		if (i % 9 == 8 ? machine_checkpoint(m) : machine_commit(m))
			abort();
	sim_disk_power_fail(m->disk, SIM_KEEP_SECTORS, &m->random);
}

static void make_devices(void)
{
	u32 i, b;

	for (i = 0; i < DEVICES; i++) {
		struct machine *m = machine_new(i + 1, FAULT_NONE);

		live(m, 5 + 3 * i);
		live(m, 3 * i);
		devices[i].machine = m;
		devices[i].disk = m->disk;
		for (b = 0; b < MACHINE_DEVICE_BLOCKS; b++)
			if (memchr_inv(sim_disk_peek(m->disk, b), 0, DRP_BLOCK_BYTES))
				devices[i].blocks[devices[i].nr++] = b;
	}
}

/* ---- edits ---- */

static void reseal(u8 *block)
{
	struct drp_block_header *h = (void *)block;
	const struct drp_block_id id = {
		le32_to_cpu(h->kind), le32_to_cpu(h->flags), le64_to_cpu(h->object),
		le64_to_cpu(h->index), le64_to_cpu(h->seq),
	};

	drp_block_seal(block, le64_to_cpu(h->nonce), &id, le32_to_cpu(h->len));
}

static void edit(struct sim_disk *disk, const struct device_image *from, const u8 *e)
{
	u16 at = from->blocks[(e[0] | e[1] << 8) % from->nr];
	u16 other = from->blocks[(e[4] | e[5] << 8) % from->nr];
	u32 offset = (e[2] | e[3] << 8) % DRP_BLOCK_BYTES;
	u32 run = min_t(u32, 1 + e[6] % 32, DRP_BLOCK_BYTES - offset), i;
	u8 block[DRP_BLOCK_BYTES] __aligned(8);

	memcpy(block, sim_disk_peek(disk, at), sizeof(block));
	switch (e[7] % 6) {
	case 0:
	case 1:			/* bytes, set or added to */
		for (i = 0; i < run; i++)
			block[offset + i] = (e[7] % 6 ? block[offset + i] : 0) + e[4];
		break;
	case 2:			/* misdirected, or of another time */
		memcpy(block, sim_disk_peek(disk, other), sizeof(block));
		break;
	case 3:			/* torn */
		memcpy(block + offset / 512 * 512,
		       sim_disk_peek(disk, other) + offset / 512 * 512, 512);
		break;
	case 4:
		memset(block, 0, sizeof(block));
		break;
	default:		/* a number at its edge */
		memset(block + offset / 8 * 8, e[4] & 1 ? 0xff : 0, e[4] & 2 ? 8 : 4);
	}
	if (e[7] & 0x40)
		reseal(block);
	sim_disk_poke(disk, at, block);
}

/* ---- what is made of it ---- */

static void note_finding(void *ctx, enum drp_check_severity severity, const char *text)
{
	(void)ctx;
	(void)severity;
	if (strnlen(text, DRP_MESSAGE_MAX + 1) > DRP_MESSAGE_MAX)
		abort();
}

static int check(struct sim_disk *disk, struct drp_check_result *result)
{
	static struct drp_check_page page;
	static u64 used[MACHINE_DEVICE_BLOCKS / 64 + 1];
	static struct drp_check_object objects[OBJECTS];
	static struct drp_check_root roots[OBJECTS];
	const struct drp_check_memory memory = {
		.scratch = scratch, .page = &page, .used = used, .objects = objects,
		.max_objects = OBJECTS, .roots = roots, .max_roots = OBJECTS,
	};
	const struct drp_check_sink sink = { .finding = note_finding };

	return drp_check(&disk->io, disk->blocks, &sink, NULL, &memory, result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct drp_check_result result;
	struct metadata m = { .scratch = scratch };
	const struct device_image *from;
	struct sim_random r = { 1 };
	struct sim_disk *disk;
	struct image image;
	int checked, loaded;

	if (!devices[0].nr)
		make_devices();
	if (!size)
		return 0;
	from = &devices[data[0] % DEVICES];
	disk = sim_disk_image(from->disk, SIM_KEEP_NOTHING, &r);
	for (data++, size--; size >= 8; data += 8, size -= 8)
		edit(disk, from, data);
	checked = check(disk, &result);
	if (!checked && (result.probe == DRP_PROBE_VALID || result.probe == DRP_PROBE_REPAIR)) {
		m.io = disk->io;
		m.blocks = disk->blocks;
		loaded = image_load(&m, &result.sb, &image);
		if (loaded ? !result.errors : image.result.commits != result.load.commits)
			abort();
		image_free(&image);
	} else if (!checked && !result.errors) {
		abort();
	}
	sim_disk_free(disk);
	return 0;
}
