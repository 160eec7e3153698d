// SPDX-License-Identifier: GPL-2.0-only
/*
 * make_pool DEVICE NAME [HOST]: an empty pool, written by the core, for the tests
 * of offline commands; as another HOST left it that did not stop it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal.h"

static int fd;

static int io_read(void *ctx, u64 block, void *buf, u32 nr)
{
	(void)ctx;
	return pread(fd, buf, nr * DRP_BLOCK_BYTES, block * DRP_BLOCK_BYTES) ==
	       (ssize_t)(nr * DRP_BLOCK_BYTES) ? 0 : -EIO;
}

static int io_write(void *ctx, u64 block, const void *buf, u32 nr, bool fua)
{
	(void)ctx;
	(void)fua;
	return pwrite(fd, buf, nr * DRP_BLOCK_BYTES, block * DRP_BLOCK_BYTES) ==
	       (ssize_t)(nr * DRP_BLOCK_BYTES) ? 0 : -EIO;
}

static int io_flush(void *ctx)
{
	(void)ctx;
	return fsync(fd) ? -EIO : 0;
}

int main(int argc, char **argv)
{
	static const struct drp_io_ops ops = { io_read, io_write, io_flush };
	static u8 scratch[2 * DRP_BLOCK_BYTES];
	struct drp_format_params p = {
		.uuid = { 1, 2, 3, 4 }, .nonce = 0x1234567890abcdefULL, .now = 1,
		.chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};
	struct drp_io io = { &ops, NULL };
	struct drp_super sb;
	int err;

	if (argc < 3 || argc > 4)
		return 64;
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		return 66;
	p.name = argv[2];
	p.device_blocks = lseek(fd, 0, SEEK_END) / DRP_BLOCK_BYTES;
	err = drp_format_layout(&p, &sb);
	if (!err && argc > 3) {
		sb.clean = false;
		memset(sb.owner_uuid, 0x5a, sizeof(sb.owner_uuid));
		strscpy(sb.owner_name, argv[3], sizeof(sb.owner_name));
	}
	if (!err)
		err = drp_format_write(&io, &sb, scratch);
	if (err)
		fprintf(stderr, "make_pool: %s\n", strerror(-err));
	return err ? 1 : 0;
}
