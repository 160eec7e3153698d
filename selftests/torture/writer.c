// SPDX-License-Identifier: GPL-2.0-only
/* The hosts: threads that write, flush and read the elements' devices. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include "machine.h"
#include "snapshot.h"

#define BLOCKS_MAX 16
#define GUESTS 2

atomic_int writers_stop, writers_pause, writers_failed;
atomic_ulong writes_done;
atomic_int acks_to_failure;
atomic_uint ack_failure_seed;

static struct writer writers[WRITERS_MAX];
static unsigned int nr_running;
static atomic_int nr_busy;

/* An error is what a power failure does, or a fault of the module. */
static int give_up(struct writer *w, const char *what, int error)
{
	int i;

	for (i = 0; i < 100 && !sim_power_is_off(); i++)
		sleep_us(1000);
	if (sim_power_is_off())
		return -1;
	fprintf(stderr, "# %s: %s failed with %s while the power was on (%s)\n", w->target->dm, what,
		strerror(error), w->life->phase);
	atomic_store(&writers_failed, 1);
	return -1;
}

/* ---- hosts of snapshots ---- */

struct element *snapshot_borrow(struct life *l, uint64_t *rng)
{
	struct snapshot *x = &l->snapshots->x[rng_below(rng, SNAPSHOTS_MAX)];

	atomic_fetch_add(&x->users, 1);
	if ((atomic_load(&x->e.line.open) & 1) && !atomic_load(&x->broken))
		return &x->e;
	atomic_fetch_sub(&x->users, 1);
	return NULL;
}

void snapshot_give_back(struct element *e)
{
	atomic_fetch_sub(&snapshot_of(e)->users, 1);
}

int snapshot_may_fail(struct life *l, struct element *e, int error)
{
	char line[4096], access[16] = "";

	if (!l->snapshots || !l->snapshots->small)
		return 0;
	if (error == ENOSPC)
		return 1;
	if (dm_status(e->dm, line, sizeof(line)) || sscanf(line, "%*s %*s %*s %15s", access) != 1 ||
	    strcmp(access, "none"))
		return 0;
	atomic_store(&snapshot_of(e)->broken, 1);
	return 1;
}

/* ---- one at work ---- */

/* Protected meanwhile, or what a snapshot shows is lost with a full space. */
static int was_taken_away(struct writer *w, int error, int gate)
{
	if (atomic_load(&w->target->line.open) != gate)
		return 1;
	/* The new state is reported a moment before the device may be written. */
	if (error == EPERM)
		return 1;
	/* Rather than that the snapshot which it is being restored from breaks. */
	if (error == ENOSPC && w->life->snapshots && w->life->snapshots->small &&
	    atomic_load(&w->target->restored))
		return 1;
	return w->guest && snapshot_may_fail(w->life, w->target, error);
}

/* What was acknowledged just now has to be there when the power is back. */
static void count_ack(void)
{
	if (atomic_load(&acks_to_failure) > 0 && atomic_fetch_sub(&acks_to_failure, 1) == 1)
		sim_control("power-fail %u", atomic_load(&ack_failure_seed));
}

static void choose_range(struct writer *w, uint32_t *block, uint32_t *nr)
{
	uint32_t total = w->life->nr_blocks, hot = total / 16;

	*nr = rng_below(&w->rng, 4) ? 1 + rng_below(&w->rng, 4) : 1 + rng_below(&w->rng, BLOCKS_MAX);
	if (rng_below(&w->rng, 3))
		*block = rng_below(&w->rng, hot - *nr);
	else
		*block = rng_below(&w->rng, total - *nr);
}

static int submit(int fd, int sync_fd, void *buf, uint32_t block, uint32_t nr, enum write_kind kind,
		  int durable)
{
	uint64_t range[2] = { (uint64_t)block * BLOCK_BYTES, (uint64_t)nr * BLOCK_BYTES };
	ssize_t n;

	if (kind != WRITE_DATA)
		return ioctl(fd, kind == WRITE_ZEROES ? BLKZEROOUT : BLKDISCARD, range) ? -errno : 0;
	n = pwrite(durable ? sync_fd : fd, buf, range[1], range[0]);
	return n == (ssize_t)range[1] ? 0 : n < 0 ? -errno : -EIO;
}

static int write_counted(struct writer *w, struct line *l, int fd, int sync_fd, int gate)
{
	enum write_kind kind = WRITE_DATA;
	unsigned int dice = rng_below(&w->rng, 100);
	int durable = dice < 8, r;
	uint32_t block, nr, serial;

	if (dice >= 97)
		kind = dice == 99 ? WRITE_DISCARD : WRITE_ZEROES;
	choose_range(w, &block, &nr);
	serial = line_write_begin(l, block, nr, kind);
	if (!serial) {
		sleep_us(1000);
		return 0;
	}
	model_fill(w->buf, l, serial, block, nr);
	r = submit(fd, sync_fd, w->buf, block, nr, kind, durable);
	if (!r) {
		line_write_end(l, serial, block, nr, kind, durable);
		atomic_fetch_add(&writes_done, 1);
		if (durable && kind == WRITE_DATA)
			count_ack();
		return 0;
	}
	if (kind == WRITE_DISCARD && r == -EOPNOTSUPP) {
		line_write_refused(l, serial, block, nr);
		return 0;
	}
	/* What it became is the sync's business. */
	if (was_taken_away(w, -r, gate)) {
		line_write_refused(l, serial, block, nr);
		return 0;
	}
	return give_up(w, "a write", -r);
}

static int write_one(struct writer *w, struct line *l, int fd, int sync_fd, int gate)
{
	int r;

	atomic_fetch_add(&w->target->writing, 1);
	r = write_counted(w, l, fd, sync_fd, gate);
	atomic_fetch_sub(&w->target->writing, 1);
	return r;
}

static int flush_one(struct writer *w, struct line *l, int fd, int gate)
{
	unsigned int generation = line_flush_begin(l, w->mark);

	if (fdatasync(fd))
		return was_taken_away(w, errno, gate) ? 0 : give_up(w, "a flush", errno);
	if (atomic_load(&w->target->line.open) == gate)
		line_flush_end(l, w->mark, generation);
	count_ack();
	return 0;
}

static int read_one(struct writer *w, struct line *l, int fd, int gate)
{
	uint32_t block, nr, floor[BLOCKS_MAX + 4];
	unsigned int generation;

	choose_range(w, &block, &nr);
	generation = line_read_begin(l, block, nr, floor);
	if (pread(fd, w->buf, nr * BLOCK_BYTES, (off_t)block * BLOCK_BYTES) != nr * BLOCK_BYTES)
		return was_taken_away(w, errno, gate) ? 0 : give_up(w, "a read", errno);
	if (atomic_load(&w->target->line.open) != gate)
		return 0;
	if (line_read_end(l, "live read", w->buf, block, nr, floor, generation)) {
		fprintf(stderr, "# read of %s (%s)\n", w->target->dm, w->life->phase);
		atomic_store(&writers_failed, 1);
	}
	return 0;
}

static void wait_while_paused(void)
{
	if (!atomic_load(&writers_pause))
		return;
	atomic_fetch_sub(&nr_busy, 1);
	while (atomic_load(&writers_pause) && !atomic_load(&writers_stop))
		sleep_us(500);
	atomic_fetch_add(&nr_busy, 1);
}

/* @gate: the target's line.open. */
static int work_one(struct writer *w, int fd, int sync_fd, int gate)
{
	struct line *l = &w->target->line;
	unsigned int dice = rng_below(&w->rng, 100);
	int reads = w->target == &w->life->e[0] || w->life->directions || w->life->clones ||
		    w->life->snapshots;

	if (dice < 3)
		return flush_one(w, l, fd, gate);
	if (dice < 10 && reads)
		return read_one(w, l, fd, gate);
	return write_one(w, l, fd, sync_fd, gate);
}

static void *run_writer(void *arg)
{
	struct writer *w = arg;
	int fd = open(w->target->dev, O_RDWR | O_DIRECT | O_CLOEXEC);
	int sync_fd = open(w->target->dev, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);

	if (fd < 0 || sync_fd < 0)
		give_up(w, "open", errno);
	while (fd >= 0 && sync_fd >= 0 && !atomic_load(&writers_stop)) {
		int gate = atomic_load(&w->target->line.open);

		wait_while_paused();
		if (!(gate & 1)) {
			sleep_us(2000);
			continue;
		}
		if (work_one(w, fd, sync_fd, gate))
			break;
	}
	if (fd >= 0)
		close(fd);
	if (sync_fd >= 0)
		close(sync_fd);
	atomic_fetch_sub(&nr_busy, 1);
	return NULL;
}

/* As long as it is the same: 0, or an error that ends it. */
static int work_some(struct writer *w, int gate)
{
	int fd = open(w->target->dev, O_RDWR | O_DIRECT | O_CLOEXEC);
	int sync_fd = open(w->target->dev, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
	unsigned int n = 1 + rng_below(&w->rng, 30);
	int r = 0;

	if (fd < 0 || sync_fd < 0)
		r = give_up(w, "open", errno);
	while (!r && n-- && !atomic_load(&writers_stop) && !atomic_load(&writers_pause) &&
	       atomic_load(&w->target->line.open) == gate)
		r = work_one(w, fd, sync_fd, gate);
	if (fd >= 0)
		close(fd);
	if (sync_fd >= 0)
		close(sync_fd);
	return r;
}

/* The hosts of snapshots, which come and go. */
static void *run_guest(void *arg)
{
	struct writer *w = arg;
	int r = 0, gate;

	while (!r && !atomic_load(&writers_stop)) {
		wait_while_paused();
		w->target = snapshot_borrow(w->life, &w->rng);
		if (!w->target) {
			sleep_us(2000);
			continue;
		}
		gate = atomic_load(&w->target->line.open);
		if (gate & 1)
			r = work_some(w, gate);
		snapshot_give_back(w->target);
	}
	atomic_fetch_sub(&nr_busy, 1);
	return NULL;
}

static void init_writer(struct writer *w, struct life *l, struct element *target)
{
	w->guest = !target;
	w->life = l;
	w->target = target;
	w->rng = rng_next(&l->rng);
	if (!w->buf && posix_memalign(&w->buf, BLOCK_BYTES, BLOCKS_MAX * BLOCK_BYTES))
		errx(1, "memory");
	/* The next life may have larger elements. */
	free(w->mark);
	w->mark = malloc(l->nr_blocks * sizeof(*w->mark));
	if (!w->mark)
		errx(1, "memory");
}

void writers_start(struct life *l)
{
	unsigned int i, n = 0;

	for (i = 0; i < l->nr_writers; i++)
		init_writer(&writers[n++], l, &l->e[0]);
	for (i = 1; i < l->nr_elements; i++)
		init_writer(&writers[n++], l, &l->e[i]);
	/* Each of them may be the source one day. */
	for (i = 1; i < l->nr_elements && (l->directions || l->clones); i++)
		init_writer(&writers[n++], l, &l->e[i]);
	for (i = 0; i < GUESTS && l->snapshots; i++)
		init_writer(&writers[n++], l, NULL);
	atomic_store(&writers_stop, 0);
	atomic_store(&nr_busy, n);
	nr_running = n;
	for (i = 0; i < n; i++)
		if (pthread_create(&writers[i].thread, NULL,
				   writers[i].guest ? run_guest : run_writer, &writers[i]))
			errx(1, "pthread_create");
}

void writers_write_first(struct life *l)
{
	static struct writer w;
	struct element *e = &l->e[0];
	uint32_t serial = line_write_begin(&e->line, 0, 1, WRITE_DATA);
	int fd = open(e->dev, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);

	if (!w.buf && posix_memalign(&w.buf, BLOCK_BYTES, BLOCK_BYTES))
		errx(1, "memory");
	model_fill(w.buf, &e->line, serial, 0, 1);
	if (fd < 0 || !serial || submit(fd, fd, w.buf, 0, 1, WRITE_DATA, 1))
		failed(l, "the first write fails");
	line_write_end(&e->line, serial, 0, 1, WRITE_DATA, 1);
	close(fd);
}

void writers_join(void)
{
	unsigned int i;

	atomic_store(&writers_stop, 1);
	for (i = 0; i < nr_running; i++)
		pthread_join(writers[i].thread, NULL);
	nr_running = 0;
	atomic_store(&writers_pause, 0);
}

int writers_quiet(void)
{
	double end = now_seconds() + HANG_SECONDS;

	atomic_store(&writers_pause, 1);
	while (atomic_load(&nr_busy) > 0 && now_seconds() < end)
		sleep_us(500);
	return atomic_load(&nr_busy) > 0 ? -1 : 0;
}

void writers_drain(struct life *l, struct element *e)
{
	double end = now_seconds() + HANG_SECONDS;

	while (atomic_load(&e->writing) && now_seconds() < end)
		sleep_us(200);
	if (atomic_load(&e->writing))
		failed(l, "a write to %s hangs", e->dm);
}
