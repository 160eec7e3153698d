// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <linux/dm-ioctl.h>
#include <linux/fs.h>

#include "machine.h"

#define DM_BUFFER 16384

double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void sleep_us(unsigned int us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000L };

	nanosleep(&t, NULL);
}

/* ---- device mapper ---- */

static int control_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	return fd;
}

static struct dm_ioctl *dm_begin(void *buf, const char *name)
{
	struct dm_ioctl *d = buf;

	memset(buf, 0, DM_BUFFER);
	d->version[0] = DM_VERSION_MAJOR;
	d->data_size = DM_BUFFER;
	d->data_start = sizeof(*d);
	snprintf(d->name, sizeof(d->name), "%s", name);
	return d;
}

static int dm_call(unsigned long request, struct dm_ioctl *d)
{
	return ioctl(control_fd(), request, d) ? -errno : 0;
}

static int simple(unsigned long request, const char *name, unsigned int flags)
{
	char buf[DM_BUFFER] __attribute__((aligned(8)));
	struct dm_ioctl *d = dm_begin(buf, name);

	d->flags = flags;
	return dm_call(request, d);
}

int dm_suspend(const char *name)
{
	return simple(DM_DEV_SUSPEND, name, DM_SUSPEND_FLAG);
}

int dm_suspend_fast(const char *name)
{
	return simple(DM_DEV_SUSPEND, name,
		      DM_SUSPEND_FLAG | DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG);
}

int dm_remove_later(const char *name)
{
	return simple(DM_DEV_REMOVE, name, DM_DEFERRED_REMOVE);
}

int dm_resume(const char *name)
{
	return simple(DM_DEV_SUSPEND, name, 0);
}

int dm_remove(const char *name, unsigned int seconds)
{
	double end = now_seconds() + seconds;
	int r;

	while ((r = simple(DM_DEV_REMOVE, name, 0)) == -EBUSY && now_seconds() < end)
		sleep_us(20000);
	return r;
}

static int load_table(const char *name, uint64_t sectors, const char *target, const char *params)
{
	char buf[DM_BUFFER] __attribute__((aligned(8)));
	struct dm_ioctl *d = dm_begin(buf, name);
	struct dm_target_spec *spec = (void *)(buf + sizeof(*d));

	d->target_count = 1;
	spec->length = sectors;
	snprintf(spec->target_type, sizeof(spec->target_type), "%s", target);
	strcpy((char *)(spec + 1), params);
	spec->next = sizeof(*spec) + ((strlen(params) + 8) & ~7UL);
	return dm_call(DM_TABLE_LOAD, d);
}

int dm_create(const char *name, uint64_t sectors, const char *target, const char *params,
	      uint64_t *dev)
{
	char buf[DM_BUFFER] __attribute__((aligned(8)));
	struct dm_ioctl *d = dm_begin(buf, name);
	int r = dm_call(DM_DEV_CREATE, d);

	if (r)
		return r;
	*dev = d->dev;
	r = load_table(name, sectors, target, params);
	if (!r)
		r = dm_resume(name);
	if (r)
		dm_remove(name, 5);
	return r;
}

int dm_reload(const char *name, uint64_t sectors, const char *target, const char *params)
{
	int r = load_table(name, sectors, target, params);

	return r ? r : dm_resume(name);
}

int dm_message(const char *name, const char *message, char *answer)
{
	char buf[DM_BUFFER] __attribute__((aligned(8)));
	struct dm_ioctl *d = dm_begin(buf, name);
	struct dm_target_msg *msg = (void *)(buf + sizeof(*d));
	int r;

	*answer = '\0';
	strcpy(msg->message, message);
	r = dm_call(DM_TARGET_MSG, d);
	if (!r && (d->flags & DM_DATA_OUT_FLAG))
		snprintf(answer, 256, "%.255s", buf + d->data_start);
	return r;
}

/* The first target's words, and its type and length unless NULL. */
static int ask_target(const char *name, unsigned int flags, char *line, size_t size,
		      char *type, uint64_t *sectors)
{
	char buf[DM_BUFFER] __attribute__((aligned(8)));
	struct dm_ioctl *d = dm_begin(buf, name);
	struct dm_target_spec *spec;
	int r;

	d->flags = flags;
	r = dm_call(DM_TABLE_STATUS, d);
	spec = (void *)(buf + d->data_start);
	*line = '\0';
	if (type)
		*type = '\0';
	if (r || !d->target_count)
		return r;
	snprintf(line, size, "%s", (char *)(spec + 1));
	if (type)
		snprintf(type, DM_MAX_TYPE_NAME, "%s", spec->target_type);
	if (sectors)
		*sectors = spec->length;
	return 0;
}

int dm_status(const char *name, char *line, size_t size)
{
	return ask_target(name, DM_NOFLUSH_FLAG, line, size, NULL, NULL);
}

int dm_table(const char *name, char *params, size_t size, char *type, uint64_t *sectors)
{
	return ask_target(name, DM_NOFLUSH_FLAG | DM_STATUS_TABLE_FLAG, params, size, type, sectors);
}

int dm_names(char names[][DM_NAME_LEN], int max)
{
	char buf[DM_BUFFER] __attribute__((aligned(8)));
	struct dm_ioctl *d = dm_begin(buf, "");
	struct dm_name_list *nl;
	int n = 0, r = dm_call(DM_LIST_DEVICES, d);

	if (r)
		return r;
	nl = (void *)(buf + d->data_start);
	while (nl->dev && n < max) {
		snprintf(names[n++], DM_NAME_LEN, "%s", nl->name);
		if (!nl->next)
			break;
		nl = (void *)((char *)nl + nl->next);
	}
	return n;
}

/* ---- simdisk ---- */

#define SIM "/sys/kernel/simdisk/"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

int sim_control(const char *fmt, ...)
{
	char command[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return write_file(SIM "control", command);
}

int sim_set(const char *disk, const char *key, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), SIM "%s/%s", disk, key);
	return write_file(path, value);
}

static void read_power(char word[16])
{
	int fd = open(SIM "power", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, word, 15);

	word[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

int sim_power_is_on(void)
{
	char word[16];

	read_power(word);
	return !strncmp(word, "on", 2);
}

int sim_power_is_off(void)
{
	char word[16];

	read_power(word);
	return !strncmp(word, "off", 3) || !strncmp(word, "failing", 7);
}

/* ---- disks ---- */

#define CHUNK (1 << 20)

int disk_read(const char *path, void *buf, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC), r = 0;
	size_t at = 0;

	if (fd < 0)
		return -errno;
	while (at < bytes) {
		ssize_t n = pread(fd, (char *)buf + at, bytes - at < CHUNK ? bytes - at : CHUNK, at);

		if (n <= 0) {
			r = n ? -errno : -ENODATA;
			break;
		}
		at += n;
	}
	close(fd);
	return r;
}

void disk_drop_cache(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	ioctl(fd, BLKFLSBUF, 0);
	close(fd);
}

int disk_flush(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		r = -errno;
	close(fd);
	return r;
}

int disk_write(const char *path, const void *buf, size_t bytes, uint64_t at)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, buf, bytes, at) != (ssize_t)bytes || fsync(fd))
		r = -errno;
	close(fd);
	return r;
}
