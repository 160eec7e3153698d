// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata that somebody meddled with, activated: images of cuts with bytes, blocks
 * and numbers changed, mostly with their checksums made good again. The module may
 * refuse them, or take in what makes sense; it must go down again, and the kernel
 * must not complain, which the VM's verdict looks after.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "codec.h"
#include "recorder.h"

#define BLOCKS_MAX	4096
#define SYNCS_MAX	16

static u8 *good, *bad;
static u64 nr_blocks, rng;
static u16 blocks[BLOCKS_MAX];		/* that are not zero */
static u32 nr_used;

static u32 below(u32 n)
{
	u64 z = (rng += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return ((z ^ z >> 31) >> 16) % n;
}

static void read_good(const char *dir)
{
	char path[512];
	u64 bytes;
	u32 b;
	int fd;

	snprintf(path, sizeof(path), "%s/" META, dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bytes = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	nr_blocks = bytes / DRP_BLOCK_BYTES;
	good = realloc(good, bytes);
	bad = realloc(bad, bytes);
	if (!nr_blocks || nr_blocks > BLOCKS_MAX || !good || !bad ||
	    pread(fd, good, bytes, 0) != (ssize_t)bytes)
		failed("%s cannot be read", path);
	close(fd);
	for (b = nr_used = 0; b < nr_blocks; b++)
		if (memchr_inv(good + b * DRP_BLOCK_BYTES, 0, DRP_BLOCK_BYTES))
			blocks[nr_used++] = b;
}

/* ---- changes ---- */

static void reseal(u8 *block)
{
	struct drp_block_header *h = (void *)block;
	const struct drp_block_id id = {
		le32_to_cpu(h->kind), le32_to_cpu(h->flags), le64_to_cpu(h->object),
		le64_to_cpu(h->index), le64_to_cpu(h->seq),
	};

	drp_block_seal(block, le64_to_cpu(h->nonce), &id, le32_to_cpu(h->len));
}

static void change_once(void)
{
	u8 *block = bad + (u64)blocks[below(nr_used)] * DRP_BLOCK_BYTES;
	const u8 *other = good + (u64)blocks[below(nr_used)] * DRP_BLOCK_BYTES;
	struct drp_block_header *h = (void *)block;
	u32 len = min_t(u32, le32_to_cpu(h->len) + sizeof(*h), DRP_BLOCK_BYTES);
	u32 at = below(below(4) ? len : DRP_BLOCK_BYTES), n;

	switch (below(6)) {
	case 0:
		memcpy(block, other, DRP_BLOCK_BYTES);
		break;
	case 1:
		memcpy(block + at / 512 * 512, other + at / 512 * 512, 512);
		break;
	case 2:
		memset(block + at / 8 * 8, below(2) ? 0xff : 0, below(2) ? 8 : 4);
		break;
	case 3:
		block[at] += 1 - 2 * below(2);
		break;
	default:
		for (n = 1 + below(8); n && at < DRP_BLOCK_BYTES; n--)
			block[at++] = below(256);
	}
	if (below(5))
		reseal(block);
}

static void write_bad(void)
{
	int fd = open("/dev/" META, O_WRONLY | O_CLOEXEC);
	ssize_t bytes = nr_blocks * DRP_BLOCK_BYTES;

	if (fd < 0 || write(fd, bad, bytes) != bytes || fsync(fd) || close(fd))
		failed("/dev/" META ": %s", strerror(errno));
	disk_drop_cache("/dev/" META);
}

/* ---- what the module makes of it ---- */

static void look(void)
{
	static uint8_t map[4096];
	struct sync_info all[SYNCS_MAX];
	char line[4096];
	int i, n = query_syncs(all, SYNCS_MAX);

	if (n < 0)
		failed("netlink: %s", strerror(-n));
	for (i = 0; i < n; i++)
		query_map("cut", all[i].id, map, sizeof(map));
	dm_status("cutpool", line, sizeof(line));
}

static void go_down(void)
{
	unsigned int i;
	int r;

	for (i = 0; i < nr_elements; i++) {
		r = dm_remove(elements[i].dm, 30);
		if (r && r != -ENXIO)
			failed("%s cannot be removed: %s", elements[i].dm, strerror(-r));
	}
	r = dm_remove("cutpool", 30);
	if (r)
		failed("the pool cannot be removed: %s", strerror(-r));
}

/* 1: it was taken in. */
static int activate_bad(void)
{
	char params[128], pool[16];
	uint64_t dev = 0;
	unsigned int i;

	if (dm_create("cutpool", 8, "replica-pool",
		      "/dev/" META " - 128 3 name=cut region=8 extent=128", &dev))
		return 0;
	snprintf(pool, sizeof(pool), "%u:%u", major(dev), minor(dev));
	look();
	for (i = 0; i < nr_elements; i++) {
		snprintf(params, sizeof(params), "%s %u /dev/%s", pool, elements[i].id,
			 elements[i].disk);
		dm_create(elements[i].dm, elements[i].sectors, "replica", params, &dev);
	}
	sleep_us(below(4) * 5000);
	look();
	go_down();
	return 1;
}

unsigned int activate_mutated(const char *dir, unsigned int rounds, uint64_t seed)
{
	unsigned int i, n, taken = 0;

	rng = seed;
	read_good(dir);
	nr_elements = 3;
	memset(elements, 0, sizeof(elements));
	for (i = 0; i < nr_elements; i++) {
		elements[i].id = i + 1;
		elements[i].sectors = 4096;
		snprintf(elements[i].dm, sizeof(elements[i].dm), "cute%c", 'a' + i);
		snprintf(elements[i].disk, sizeof(elements[i].disk), "cut%c", 'a' + i);
	}
	disks_make(nr_blocks * 8);
	for (i = 0; i < rounds; i++) {
		alarm(120);
		memcpy(bad, good, nr_blocks * DRP_BLOCK_BYTES);
		for (n = 1 + below(4); n; n--)
			change_once();
		write_bad();
		taken += activate_bad();
	}
	disks_remove();
	return taken;
}
