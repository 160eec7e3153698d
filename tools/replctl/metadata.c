// SPDX-License-Identifier: GPL-2.0-only
/* The device operations that the core's journal code asks for, on a file descriptor. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "metadata.h"

static int whole_read(int fd, void *buf, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pread(fd, buf, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf = (u8 *)buf + n;
		len -= n;
		at += n;
	}
	return 0;
}

static int whole_write(int fd, const void *buf, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, buf, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf = (const u8 *)buf + n;
		len -= n;
		at += n;
	}
	return 0;
}

static int io_flush(void *ctx)
{
	struct metadata *m = ctx;

	return fdatasync(m->fd) ? -errno : 0;
}

static int io_read(void *ctx, u64 block, void *buf, u32 nr_blocks)
{
	struct metadata *m = ctx;

	return whole_read(m->fd, buf, (size_t)nr_blocks * DRP_BLOCK_BYTES,
			  block * DRP_BLOCK_BYTES);
}

static int io_write(void *ctx, u64 block, const void *buf, u32 nr_blocks, bool fua)
{
	struct metadata *m = ctx;
	int err = whole_write(m->fd, buf, (size_t)nr_blocks * DRP_BLOCK_BYTES,
			      block * DRP_BLOCK_BYTES);

	return err || !fua ? err : io_flush(ctx);
}

static const struct drp_io_ops file_ops = { io_read, io_write, io_flush };

int metadata_open(const struct device *d, bool write, struct metadata *m)
{
	memset(m, 0, sizeof(*m));
	m->fd = open(d->path, (write ? O_RDWR | O_EXCL : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (m->fd < 0)
		return -errno;
	m->io.ops = &file_ops;
	m->io.ctx = m;
	m->blocks = d->bytes / DRP_BLOCK_BYTES;
	m->scratch = xalloc((size_t)DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES);
	return 0;
}

void metadata_close(struct metadata *m)
{
	free(m->scratch);
	close(m->fd);
}

int metadata_probe(const struct device *d, enum drp_probe *what, struct drp_super *sb)
{
	struct metadata m;
	int err;

	/* Too small for a pool; the core would read behind its end. */
	if (d->bytes / DRP_BLOCK_BYTES < DRP_MIN_DEVICE_BLOCKS) {
		*what = DRP_PROBE_FOREIGN;
		return 0;
	}
	err = metadata_open(d, false, &m);
	if (err)
		return err;
	err = drp_probe_device(&m.io, m.blocks, sb, what, m.scratch);
	metadata_close(&m);
	return err;
}

int metadata_read_front(const struct device *d, void *block)
{
	int fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	err = whole_read(fd, block, DRP_BLOCK_BYTES, 0);
	close(fd);
	return err;
}

int metadata_wipe(const struct device *d)
{
	struct metadata m;
	int err;

	err = metadata_open(d, true, &m);
	if (err)
		return err;
	memset(m.scratch, 0, DRP_BLOCK_BYTES);
	err = io_write(&m, DRP_SUPER_BLOCK_A, m.scratch, 1, true);
	if (!err)
		err = io_write(&m, DRP_SUPER_BLOCK_B, m.scratch, 1, true);
	metadata_close(&m);
	return err;
}
