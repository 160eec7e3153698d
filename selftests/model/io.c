// SPDX-License-Identifier: GPL-2.0-only
/* The hosts: threads that write, flush, discard, zero and read elements' devices. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include "world.h"

#define THREADS_MAX	4
#define SECTORS_IO	64

struct host {
	struct world *w;
	uint64_t rng;
	void *buf;
	pthread_t thread;
	int fd[SLOTS_MAX], sync_fd[SLOTS_MAX];
};

static struct host hosts[THREADS_MAX];
static struct load load;
static unsigned int nr_hosts;
static bool targets[SLOTS_MAX], frail[SLOTS_MAX], full[SLOTS_MAX];
static atomic_bool stop, failed;
static atomic_uint wrote[SLOTS_MAX];
static atomic_ulong nr_io, nr_reads;

/* True: go on. */
static bool tolerate(struct host *h, struct element *e, const char *what, int error)
{
	int i;

	if (atomic_load(&e->unsure) || frail[e - h->w->e] || e->pool->trouble ||
	    e->pool->meta_fails || e->pool->read_only)
		return !sim_power_is_off();
	for (i = 0; i < 200 && !sim_power_is_off(); i++)
		sleep_us(1000);
	if (sim_power_is_off())
		return false;
	fprintf(stderr, "# %s: %s failed with %s while all was well\n", e->dm, what,
		strerror(error));
	atomic_store(&failed, true);
	return false;
}

static void choose_range(struct host *h, uint32_t *sector, uint32_t *nr)
{
	uint32_t total = h->w->nr_sectors, hot = total / 16;
	unsigned int dice = rng_below(&h->rng, 8);

	*nr = dice < 4 ? 8 * (1 + rng_below(&h->rng, 2)) :
	      dice < 6 ? 1 + rng_below(&h->rng, 24) : 1 + rng_below(&h->rng, SECTORS_IO);
	*sector = rng_below(&h->rng, (!load.wide && rng_below(&h->rng, 3) ? hot : total) - *nr);
	if (dice < 4)
		*sector &= ~7U;
}

static int open_for(struct host *h, unsigned int i, bool sync)
{
	int *fd = sync ? &h->sync_fd[i] : &h->fd[i];

	if (*fd < 0)
		*fd = open(h->w->e[i].dev,
			   O_RDWR | O_DIRECT | O_CLOEXEC | (sync ? O_DSYNC : 0));
	return *fd;
}

static bool write_one(struct host *h, struct element *e, unsigned int dice)
{
	bool zeroes = dice < 4, discard = dice == 0, durable = dice >= 4 && dice < 14;
	unsigned int i = e - h->w->e;
	uint64_t range[2], at;
	uint32_t sector, nr, tag;
	int fd = open_for(h, i, durable), r;

	if (fd < 0)
		return tolerate(h, e, "open", errno);
	choose_range(h, &sector, &nr);
	tag = content_write(&e->content, sector, nr, zeroes, &at);
	range[0] = (uint64_t)sector * SECTOR;
	range[1] = (uint64_t)nr * SECTOR;
	if (zeroes) {
		r = ioctl(fd, discard ? BLKDISCARD : BLKZEROOUT, range) ? errno : 0;
	} else {
		content_fill(h->buf, tag, sector, nr);
		r = pwrite(fd, h->buf, range[1], range[0]) == (ssize_t)range[1] ? 0 : errno;
	}
	if (atomic_load(&wrote[i]) < WROTE_PERHAPS)
		atomic_store(&wrote[i], WROTE_PERHAPS);
	if (discard && (!r || r == EOPNOTSUPP))	/* it may have done nothing */
		return true;
	if (r)
		return full[i] || tolerate(h, e, "a write", r);
	content_written(&e->content, sector, nr, at, durable);
	atomic_store(&wrote[i], WROTE);
	return true;
}

static bool flush_one(struct host *h, struct element *e)
{
	uint64_t at = content_tick();
	int fd = open_for(h, e - h->w->e, false);

	if (fd < 0)
		return tolerate(h, e, "open", errno);
	if (fdatasync(fd))
		return tolerate(h, e, "a flush", errno);
	content_flushed(&e->content, at);
	return true;
}

static bool read_one(struct host *h, struct element *e)
{
	int fd = open_for(h, e - h->w->e, false);
	uint32_t sector, nr;
	uint64_t at;

	if (fd < 0)
		return tolerate(h, e, "open", errno);
	choose_range(h, &sector, &nr);
	at = content_tick();
	if (pread(fd, h->buf, nr * SECTOR, (off_t)sector * SECTOR) != (ssize_t)nr * SECTOR)
		return tolerate(h, e, "a read", errno);
	atomic_fetch_add(&nr_reads, 1);
	if (atomic_load(&e->unsure) ||
	    !content_check_read(&e->content, h->buf, sector, nr, at, e->dm))
		return true;
	/* It may have become so in the middle of the read. */
	if (!atomic_load(&e->unsure))
		atomic_store(&failed, true);
	return true;
}

static bool do_one(struct host *h)
{
	unsigned int n = nr_slots(h->w), i = rng_below(&h->rng, n), k;
	unsigned int dice = rng_below(&h->rng, 100);

	for (k = 0; k < n && !targets[i]; k++)
		i = (i + 1) % n;
	if (!targets[i])
		return false;
	atomic_fetch_add(&nr_io, 1);
	if (dice >= 96)
		return flush_one(h, &h->w->e[i]);
	if (dice >= 78)
		return read_one(h, &h->w->e[i]);
	return write_one(h, &h->w->e[i], dice);
}

static void flush_all(struct host *h)
{
	unsigned int i;

	for (i = 0; i < nr_slots(h->w) && !atomic_load(&failed); i++)
		if (targets[i] && !flush_one(h, &h->w->e[i]))
			break;
}

static void *run_host(void *arg)
{
	struct host *h = arg;
	unsigned int i;

	for (i = 0; !atomic_load(&stop) && !atomic_load(&failed) && (!load.each || i < load.each);
	     i++)
		if (!do_one(h))
			break;
	/* What fails next fails right behind that, at times. */
	if (!rng_below(&h->rng, 3))
		flush_all(h);
	for (i = 0; i < SLOTS_MAX; i++) {
		if (h->fd[i] >= 0)
			close(h->fd[i]);
		if (h->sync_fd[i] >= 0)
			close(h->sync_fd[i]);
	}
	return NULL;
}

static bool is_target(struct world *w, struct element *e, const struct load *l)
{
	int least, most;

	if ((l->element >= 0 && e != &w->e[l->element]) || e == l->spared)
		return false;
	may_do(w, e, &least, &most);
	/* It may go for want of room any time. */
	if (w->shape.cow_mib && e->virtual && most == 2 && !is_frail(w, e))
		least = 2;
	/* Something that ends by itself may make it writable any time, or not: not now. */
	return e->attached && least == 2 && e->content.known;
}

void load_start(struct world *w, const struct load *l)
{
	unsigned int i, k;

	load = *l;
	content_keep(true);
	atomic_store(&stop, false);
	atomic_store(&failed, false);
	for (i = 0; i < nr_slots(w); i++) {
		targets[i] = is_target(w, &w->e[i], l);
		frail[i] = is_frail(w, &w->e[i]) || (w->shape.cow_mib && w->e[i].virtual);
		full[i] = may_lack_room(w, &w->e[i]);
		atomic_store(&wrote[i], WROTE_NOTHING);
	}
	nr_hosts = l->threads < THREADS_MAX ? l->threads : THREADS_MAX;
	for (i = 0; i < nr_hosts; i++) {
		struct host *h = &hosts[i];

		h->w = w;
		h->rng = l->seed + i * 0x1234567;
		for (k = 0; k < SLOTS_MAX; k++)
			h->fd[k] = h->sync_fd[k] = -1;
		if (!h->buf && posix_memalign(&h->buf, 4096, SECTORS_IO * SECTOR))
			err(1, "memory");
		if (pthread_create(&h->thread, NULL, run_host, h))
			errx(1, "pthread_create");
	}
}

static uint8_t max_of(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

static void note_wrote(struct world *w)
{
	struct sync *s;

	for_each_sync(w, s) {
		unsigned int source = wrote[s->source - w->e], target = wrote[s->target - w->e];
		bool unsure = s->source->unsure || s->target->unsure;

		s->source_wrote = max_of(s->source_wrote, source && unsure ? WROTE_PERHAPS : source);
		s->target_wrote = max_of(s->target_wrote, target && unsure ? WROTE_PERHAPS : target);
	}
}

int load_stop(struct world *w)
{
	unsigned int i;

	/* With a number of their own they end by themselves. */
	if (!load.each)
		atomic_store(&stop, true);
	for (i = 0; i < nr_hosts; i++)
		pthread_join(hosts[i].thread, NULL);
	nr_hosts = 0;
	content_keep(false);
	counts.host_io = atomic_load(&nr_io);
	counts.reads = atomic_load(&nr_reads);
	if (atomic_load(&failed))
		broken(w, "a host saw what must not be");
	note_wrote(w);
	return sim_power_is_off() ? -EIO : 0;
}

/* Writes to what is protected: refused, and without a trace (check_now() looks). */
int io_protected(struct world *w, struct element *e, uint64_t seed)
{
	int fd = open(e->dev, O_RDWR | O_DIRECT | O_CLOEXEC), r;
	void *buf;

	if (fd < 0)
		return errno == EACCES || errno == EROFS || errno == EPERM ? 0 :
		       judge(w, "open what is protected", -errno);
	if (posix_memalign(&buf, 4096, 4096))
		err(1, "memory");
	memset(buf, 0xee, 4096);
	r = pwrite(fd, buf, 4096, (off_t)rng_below(&seed, w->nr_sectors / 8) * 4096) == 4096;
	free(buf);
	close(fd);
	if (r)
		broken(w, "a write to %s, which is protected, was accepted", e->dm);
	return sim_power_is_off() ? -EIO : 0;
}

int read_all(const char *path, void *buf, size_t bytes)
{
	return disk_read(path, buf, bytes);
}
