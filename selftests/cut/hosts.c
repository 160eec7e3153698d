// SPDX-License-Identifier: GPL-2.0-only
/* Hosts: threads that write, each its own part of an element, and mark what they do. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder.h"
#include "tag.h"

#define WRITE_MAX	24		/* sectors */

struct host {
	pthread_t thread;
	struct element *e;
	uint64_t first, sectors, rng;
	unsigned int left;		/* writes; 0: until stop */
	void *buf;
};

static struct host hosts[WRITERS_MAX];
static unsigned int nr_hosts;
static atomic_int stop;
static atomic_uint next_serial = 1, next_flush = 1, acked;
static uint64_t seed = 1;

static uint64_t rng_next(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static unsigned int below(struct host *h, unsigned int n)
{
	return (rng_next(&h->rng) >> 16) % n;
}

static void flush(struct host *h, int fd)
{
	unsigned int number = atomic_fetch_add(&next_flush, 1);

	mark("f %u %u", number, h->e->id);
	if (fdatasync(fd))
		failed("a flush of %s: %s", h->e->dm, strerror(errno));
	mark("F %u", number);
}

static void write_once(struct host *h, int fd, int fua)
{
	unsigned int serial = atomic_fetch_add(&next_serial, 1), i, nr;
	uint64_t at;

	if (below(h, 3)) {		/* whole regions, or any sectors */
		nr = 8 * (1 + below(h, WRITE_MAX / 8));
		at = h->first + below(h, (h->sectors - nr) / 8 + 1) * 8;
	} else {
		nr = 1 + below(h, WRITE_MAX);
		at = h->first + below(h, h->sectors - nr + 1);
	}
	for (i = 0; i < nr; i++)
		tag_fill((char *)h->buf + i * TAG_SECTOR, serial, h->e->id, at + i);
	mark("w %u %u %llu %u %d", serial, h->e->id, (unsigned long long)at, nr, fua);
	if (pwrite(fd, h->buf, nr * TAG_SECTOR, at * TAG_SECTOR) != nr * TAG_SECTOR)
		failed("a write of %s: %s", h->e->dm, strerror(errno));
	mark("a %u", serial);
	atomic_fetch_add(&acked, 1);
}

static void *write_all(void *arg)
{
	struct host *h = arg;
	int plain = open(h->e->dev, O_WRONLY | O_DIRECT | O_CLOEXEC);
	int fua = open(h->e->dev, O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
	unsigned int n;

	if (plain < 0 || fua < 0)
		failed("%s (%s): %s", h->e->dm, h->e->dev, strerror(errno));
	for (n = 0; !atomic_load(&stop) && (!h->left || n < h->left); n++) {
		unsigned int dice = below(h, 16);

		if (dice == 0)
			flush(h, plain);
		else
			write_once(h, dice < 4 ? fua : plain, dice < 4);
		if (!h->left)
			sleep_us(below(h, 1500));
	}
	close(plain);
	close(fua);
	return NULL;
}

static void start(struct element *e, unsigned int n, unsigned int left)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct host *h = &hosts[nr_hosts];

		if (nr_hosts == WRITERS_MAX)
			failed("too many hosts");
		if (!h->buf && posix_memalign(&h->buf, 4096, WRITE_MAX * TAG_SECTOR))
			failed("no memory");
		h->e = e;
		h->sectors = e->sectors / n / 8 * 8;
		h->first = i * h->sectors;
		h->rng = seed++;
		h->left = left;
		if (pthread_create(&h->thread, NULL, write_all, h))
			failed("no thread");
		nr_hosts++;
	}
}

static void join(void)
{
	while (nr_hosts)
		pthread_join(hosts[--nr_hosts].thread, NULL);
}

void hosts_start(struct element *e, unsigned int n)
{
	atomic_store(&stop, 0);
	start(e, n, 0);
}

void hosts_stop(void)
{
	atomic_store(&stop, 1);
	join();
}

void hosts_write(struct element *e, unsigned int n, unsigned int count)
{
	atomic_store(&stop, 0);
	start(e, n, count);
	join();
}

void hosts_wait(unsigned int count)
{
	unsigned int end = atomic_load(&acked) + count;
	double limit = now_seconds() + 120;

	while ((int)(atomic_load(&acked) - end) < 0) {
		if (now_seconds() > limit)
			failed("hosts do not get on");
		sleep_us(2000);
	}
}
