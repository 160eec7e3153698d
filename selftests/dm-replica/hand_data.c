// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hand.h"
#include "machine.h"

#define MIB		(1U << 20)
#define POKE_BYTES	(64U << 10)
#define BLOCK		4096
#define HOST_MIB	4	/* the part of a device that hosts use */
#define HOST_BLOCKS	(HOST_MIB * MIB / BLOCK)
#define HOST_WRITES	1000
#define SLOTS		16
#define HOSTS		8

static void *buffer(size_t bytes)
{
	void *p;

	if (posix_memalign(&p, BLOCK, bytes))
		abort();
	return p;
}

static int write_at(const char *path, const void *buf, size_t bytes, uint64_t at)
{
	int fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, buf, bytes, at) != (ssize_t)bytes || fsync(fd))
		r = -errno;
	close(fd);
	return r;
}

/* ---- what hosts wrote ---- */

struct written {
	char path[64];
	uint64_t stamp[HOST_BLOCKS];	/* 0: nobody knows what is there */
};

static struct written writings[4];
static uint64_t last_stamp;

static struct written *written_of(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(writings) / sizeof(*writings); i++) {
		if (!*writings[i].path)
			snprintf(writings[i].path, sizeof(writings[i].path), "%s", path);
		if (!strcmp(writings[i].path, path))
			return &writings[i];
	}
	abort();
}

int hand_forget(char *rest)
{
	memset(written_of(rest)->stamp, 0, sizeof(writings[0].stamp));
	return 0;
}

int hand_has(char *rest)
{
	struct written *w = written_of(rest);
	char *buf = buffer(HOST_MIB * MIB);
	int r = disk_read(rest, buf, HOST_MIB * MIB);
	unsigned int i;

	for (i = 0; !r && i < HOST_BLOCKS; i++)
		if (w->stamp[i] && memcmp(buf + i * BLOCK, &w->stamp[i], sizeof(uint64_t)))
			r = -EBADE;
	free(buf);
	return r;
}

struct host {
	pthread_t thread;
	int fd;
	struct written *written;	/* NULL: it reads */
};

static struct host hosts[HOSTS];
static int nr_hosts;
static atomic_int hosts_stop;

static void host_writes(struct host *h, unsigned int *seed)
{
	uint64_t *buf = buffer(BLOCK);
	int i;

	memset(buf, 0, BLOCK);
	for (i = 0; i < HOST_WRITES && !hosts_stop; i++) {
		unsigned int block = rand_r(seed) % HOST_BLOCKS;

		buf[0] = __atomic_add_fetch(&last_stamp, 1, __ATOMIC_RELAXED);
		h->written->stamp[block] = 0;
		if (pwrite(h->fd, buf, BLOCK, (off_t)block * BLOCK) != BLOCK)
			break;
		h->written->stamp[block] = buf[0];
	}
	free(buf);
}

static void host_reads(struct host *h, unsigned int *seed)
{
	void *buf = buffer(POKE_BYTES);

	while (!hosts_stop) {
		off_t at = (off_t)(rand_r(seed) % (HOST_MIB * MIB / POKE_BYTES)) * POKE_BYTES;

		if (pread(h->fd, buf, POKE_BYTES, at) != POKE_BYTES)
			break;
	}
	free(buf);
}

static void *host_main(void *arg)
{
	struct host *h = arg;
	unsigned int seed = (unsigned int)(uintptr_t)h ^ (unsigned int)last_stamp;

	if (h->written)
		host_writes(h, &seed);
	else
		host_reads(h, &seed);
	/* It has the device open until it is told to go: removing it is refused meanwhile. */
	while (!hosts_stop)
		sleep_us(1000);
	close(h->fd);
	return NULL;
}

static int start_host(const char *path, struct written *w)
{
	struct host *h = &hosts[nr_hosts];

	if (nr_hosts == HOSTS)
		return -EMFILE;
	h->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (h->fd < 0 && !w)
		h->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (h->fd < 0)
		return w ? 0 : -errno;	/* nobody may write there now */
	h->written = w;
	if (pthread_create(&h->thread, NULL, host_main, h))
		abort();
	nr_hosts++;
	return 0;
}

int hand_host(char *rest)
{
	int r = start_host(rest, written_of(rest));

	return r ? r : start_host(rest, NULL);
}

int hand_hosts_end(char *rest)
{
	(void)rest;
	hosts_stop = 1;
	while (nr_hosts)
		pthread_join(hosts[--nr_hosts].thread, NULL);
	hosts_stop = 0;
	return 0;
}

/* ---- contents ---- */

struct content {
	char name[32];
	size_t bytes;
	char *data;
};

static struct content slots[SLOTS];

static struct content *slot(const char *name)
{
	int i;

	for (i = 0; i < SLOTS; i++) {
		if (!*slots[i].name)
			snprintf(slots[i].name, sizeof(slots[i].name), "%s", name);
		if (!strcmp(slots[i].name, name))
			return &slots[i];
	}
	abort();
}

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void scribble(void *buf, size_t bytes, uint64_t seed)
{
	uint64_t x = seed * 0x9E3779B97F4A7C15ULL + 1, *p = buf;
	size_t i;

	for (i = 0; i < bytes / sizeof(*p); i++)
		p[i] = next(&x);
}

int hand_fill(char *rest)
{
	char path[64];
	unsigned int mib;
	unsigned long long seed;
	char *buf;
	int r;

	if (sscanf(rest, "%63s %u %llu", path, &mib, &seed) != 3)
		return -EINVAL;
	buf = buffer((size_t)mib * MIB);
	scribble(buf, (size_t)mib * MIB, seed);
	r = write_at(path, buf, (size_t)mib * MIB, 0);
	free(buf);
	return r;
}

int hand_poke(char *rest)
{
	static uint64_t pokes = 1ULL << 40;
	char path[64], *buf;
	unsigned int mib, at, i;
	int r;

	if (sscanf(rest, "%63s %u", path, &mib) != 2)
		return -EINVAL;
	buf = buffer(POKE_BYTES);
	scribble(buf, POKE_BYTES, ++pokes);
	at = random() % (mib * MIB / POKE_BYTES);
	for (i = 0; i < POKE_BYTES / BLOCK && mib <= HOST_MIB; i++)
		written_of(path)->stamp[at * (POKE_BYTES / BLOCK) + i] = 0;
	r = write_at(path, buf, POKE_BYTES, (uint64_t)at * POKE_BYTES);
	free(buf);
	return r;
}

int hand_flush(char *rest)
{
	int fd = open(rest, O_RDONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		r = -errno;
	close(fd);
	return r;
}

/* All of a device, past the page cache; how long it is goes to *@bytes. */
static int read_all(const char *path, char **buf, size_t *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (fd >= 0)
		close(fd);
	if (end < 0)
		return -errno;
	*bytes = end;
	*buf = buffer(*bytes);
	r = disk_read(path, *buf, *bytes);
	if (r) {
		free(*buf);
		*buf = NULL;
	}
	return r;
}

static int equal(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	return a_bytes == b_bytes && !memcmp(a, b, a_bytes) ? 0 : -EBADE;
}

int hand_keep(char *rest)
{
	char path[64], name[32], *buf;
	struct content *c;
	size_t bytes;
	int r;

	if (sscanf(rest, "%63s %31s", path, name) != 2)
		return -EINVAL;
	r = read_all(path, &buf, &bytes);
	if (r)
		return r;
	c = slot(name);
	free(c->data);
	c->data = buf;
	c->bytes = bytes;
	return 0;
}

int hand_shows(char *rest)
{
	char path[64], name[32], *buf;
	size_t bytes;
	int r;

	if (sscanf(rest, "%63s %31s", path, name) != 2 || !slot(name)->data)
		return -EINVAL;
	r = read_all(path, &buf, &bytes);
	if (r)
		return r;
	r = equal(buf, bytes, slot(name)->data, slot(name)->bytes);
	free(buf);
	return r;
}

int hand_as(char *rest)
{
	char name[32], other[32];
	struct content *to, *from;

	if (sscanf(rest, "%31s %31s", name, other) != 2 || !slot(other)->data)
		return -EINVAL;
	to = slot(name);
	from = slot(other);
	if (to == from)
		return 0;
	free(to->data);
	to->bytes = from->bytes;
	to->data = buffer(to->bytes);
	memcpy(to->data, from->data, to->bytes);
	return 0;
}

int hand_same(char *rest)
{
	char a[64], b[64], *a_buf = NULL, *b_buf = NULL;
	size_t a_bytes = 0, b_bytes = 0;
	int r;

	if (sscanf(rest, "%63s %63s", a, b) != 2)
		return -EINVAL;
	r = read_all(a, &a_buf, &a_bytes);
	if (!r)
		r = read_all(b, &b_buf, &b_bytes);
	if (!r)
		r = equal(a_buf, a_bytes, b_buf, b_bytes);
	free(a_buf);
	free(b_buf);
	return r;
}
