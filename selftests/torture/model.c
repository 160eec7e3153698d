// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define LOG_MAX (1U << 17)

/* The first words of a sector; the others repeat a mix of them. */
struct tag {
	uint64_t magic;
	uint32_t serial, element;
	uint64_t sector;
};

struct log_entry {
	uint32_t block;
	uint16_t nr;
	uint16_t element;
	uint64_t issue, ack;		/* stamps; ack 0: not acknowledged */
	uint64_t end;			/* when it was over, whatever came of it; 0: it may still come */
	int zeroes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t nr_blocks;
static uint64_t magic;
static uint32_t next_serial, log_base;
static uint64_t stamp;
static struct log_entry *log_of;

void model_begin(uint32_t blocks, uint64_t seed)
{
	nr_blocks = blocks;
	magic = (seed * 0x9e3779b97f4a7c15ULL) | 1;
	next_serial = 1;
	log_base = 1;
	stamp = 1;
	if (!log_of)
		log_of = calloc(LOG_MAX, sizeof(*log_of));
	if (!log_of)
		err(1, "memory");
}

static uint32_t *array(void)
{
	uint32_t *p = calloc(nr_blocks, sizeof(*p));

	if (!p)
		err(1, "memory");
	return p;
}

void line_alloc(struct line *l, unsigned int element)
{
	l->element = element;
	l->durable = array();
	l->acked = array();
	l->issued = array();
	l->survived = array();
	l->zeroed = array();
	l->oldest = array();
	l->next_durable = array();
	l->next_acked = array();
	l->in_flight = (uint16_t *)array();
	l->straddled = (uint8_t *)array();
	l->generation = 1;
}

void line_free(struct line *l)
{
	free(l->durable);
	free(l->acked);
	free(l->issued);
	free(l->survived);
	free(l->zeroed);
	free(l->oldest);
	free(l->next_durable);
	free(l->next_acked);
	free(l->in_flight);
	free(l->straddled);
}

static void zero(uint32_t *p)
{
	memset(p, 0, nr_blocks * sizeof(*p));
}

void line_reset(struct line *l)
{
	zero(l->durable);
	zero(l->acked);
	zero(l->issued);
	zero(l->survived);
	zero(l->zeroed);
	memset(l->in_flight, 0, nr_blocks * sizeof(*l->in_flight));
	l->base = next_serial;
	l->sure = next_serial;
	l->valid = 1;
	l->cut = 0;
}

static struct log_entry *entry(uint32_t serial)
{
	return serial >= log_base && serial < next_serial ? &log_of[serial - log_base] : NULL;
}

uint32_t model_log_room(void)
{
	return LOG_MAX - (next_serial - log_base);
}

void model_forget_log(void)
{
	log_base = next_serial;
}

/* ---- writing ---- */

void line_open(struct line *l, int open)
{
	pthread_mutex_lock(&lock);
	if ((l->open & 1) != !!open)
		l->open++;
	pthread_mutex_unlock(&lock);
}

uint32_t line_write_begin(struct line *l, uint32_t block, uint32_t nr, enum write_kind kind)
{
	uint32_t serial, b;

	pthread_mutex_lock(&lock);
	if (!(l->open & 1) || next_serial - log_base >= LOG_MAX) {
		pthread_mutex_unlock(&lock);
		return 0;
	}
	serial = next_serial++;
	log_of[serial - log_base] = (struct log_entry){
		.block = block, .nr = nr, .element = l->element, .issue = ++stamp,
		.zeroes = kind != WRITE_DATA,
	};
	for (b = block; b < block + nr; b++) {
		if (!l->in_flight[b]++)
			l->oldest[b] = serial;
		l->issued[b] = serial;
		if (kind != WRITE_DATA)
			l->zeroed[b] = serial;
	}
	l->cut = 0;
	pthread_mutex_unlock(&lock);
	return serial;
}

static void is_over(uint32_t serial)
{
	if (entry(serial))
		entry(serial)->end = ++stamp;
}

void line_write_end(struct line *l, uint32_t serial, uint32_t block, uint32_t nr,
		    enum write_kind kind, int durable)
{
	uint32_t b;

	if (kind == WRITE_DISCARD) {	/* it may have done nothing */
		line_write_refused(l, serial, block, nr);
		return;
	}
	pthread_mutex_lock(&lock);
	is_over(serial);
	if (serial < l->base) {		/* the line is another one now */
		pthread_mutex_unlock(&lock);
		return;
	}
	entry(serial)->ack = ++stamp;
	for (b = block; b < block + nr; b++) {
		if (--l->in_flight[b] || l->oldest[b] < l->sure)
			continue;
		l->acked[b] = l->oldest[b];
		if (durable && l->oldest[b] == serial && l->issued[b] == serial)
			l->durable[b] = serial;
	}
	pthread_mutex_unlock(&lock);
}

void line_write_refused(struct line *l, uint32_t serial, uint32_t block, uint32_t nr)
{
	uint32_t b;

	pthread_mutex_lock(&lock);
	is_over(serial);
	for (b = block; b < block + nr && serial >= l->base; b++)
		l->in_flight[b]--;
	pthread_mutex_unlock(&lock);
}

unsigned int line_flush_begin(struct line *l, uint32_t *mark)
{
	unsigned int generation;

	pthread_mutex_lock(&lock);
	memcpy(mark, l->acked, nr_blocks * sizeof(*mark));
	generation = l->generation;
	pthread_mutex_unlock(&lock);
	return generation;
}

void line_flush_end(struct line *l, const uint32_t *mark, unsigned int generation)
{
	uint32_t b;

	pthread_mutex_lock(&lock);
	for (b = 0; b < nr_blocks && generation == l->generation; b++)
		if (l->durable[b] < mark[b])
			l->durable[b] = mark[b];
	pthread_mutex_unlock(&lock);
}

unsigned int line_read_begin(struct line *l, uint32_t block, uint32_t nr, uint32_t *floor)
{
	unsigned int generation;

	pthread_mutex_lock(&lock);
	memcpy(floor, l->acked + block, nr * sizeof(*floor));
	generation = l->cutting ? 0 : l->generation;
	pthread_mutex_unlock(&lock);
	return generation;
}

/* ---- cuts ---- */

/* What of @to is in flight when it becomes another line. */
static void note_straddlers(struct line *to)
{
	uint32_t b;

	to->next_sure = next_serial;
	to->next_base = next_serial;
	for (b = 0; b < nr_blocks; b++) {
		to->straddled[b] = to->in_flight[b] && to->oldest[b] >= to->base;
		if (to->straddled[b] && to->oldest[b] < to->next_base)
			to->next_base = to->oldest[b];
	}
}

void line_cut_begin(struct line *to, const struct line *from, int flushed, int consistent)
{
	size_t bytes = nr_blocks * sizeof(uint32_t);

	pthread_mutex_lock(&lock);
	memcpy(to->next_durable, flushed ? from->acked : from->durable, bytes);
	memcpy(to->next_acked, from->acked, bytes);
	note_straddlers(to);
	to->cutting = consistent ? 2 : 1;
	to->next_asked = ++stamp;
	to->next_cut_element = from->element;
	to->next_cut_sure = from->sure;
	pthread_mutex_unlock(&lock);
}

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Block @b of the new line; if it was written while that began (1), it is one or the other. */
static int begin_block(struct line *to, const struct line *from, uint32_t b)
{
	uint32_t own = to->issued[b], zeroed = to->zeroed[b];
	int written = to->straddled[b] || own >= to->next_sure;

	to->durable[b] = written ? 0 : to->next_durable[b];
	to->acked[b] = written ? 0 : to->next_acked[b];
	to->issued[b] = written ? max_of(own, from->issued[b]) : from->issued[b];
	to->survived[b] = from->issued[b];
	to->zeroed[b] = from->zeroed[b];
	if (!written)
		to->in_flight[b] = 0;
	else if (zeroed >= to->next_base)
		to->zeroed[b] = max_of(zeroed, from->zeroed[b]);
	return written;
}

void line_cut_end(struct line *to, const struct line *from)
{
	uint32_t b, written = 0;

	pthread_mutex_lock(&lock);
	for (b = 0; b < nr_blocks; b++)
		written |= begin_block(to, from, b);
	to->base = written ? to->next_base : next_serial;
	to->sure = next_serial;
	to->cut = to->cutting == 2;
	to->cut_asked = to->next_asked;
	to->cut_element = to->next_cut_element;
	to->cut_sure = to->next_cut_sure;
	to->cutting = 0;
	to->generation++;
	to->cut_answered = ++stamp;
	to->valid = 1;
	pthread_mutex_unlock(&lock);
}

void line_cut_cancel(struct line *to)
{
	pthread_mutex_lock(&lock);
	to->cutting = 0;
	pthread_mutex_unlock(&lock);
}

/* ---- content ---- */

static uint64_t mix(const struct tag *t)
{
	uint64_t x = t->magic ^ t->sector * 0xff51afd7ed558ccdULL ^
		     ((uint64_t)t->serial << 32 | t->element) * 0xc4ceb9fe1a85ec53ULL;

	return x ^ x >> 29;
}

void model_fill(void *buf, const struct line *l, uint32_t serial, uint32_t block, uint32_t nr)
{
	uint64_t *word = buf, sector = (uint64_t)block * BLOCK_SECTORS;
	uint64_t end = sector + (uint64_t)nr * BLOCK_SECTORS;
	unsigned int i;

	for (; sector < end; sector++) {
		struct tag t = { magic, serial, l->element, sector };
		uint64_t m = mix(&t);

		memcpy(word, &t, sizeof(t));
		for (i = sizeof(t) / 8; i < SECTOR_BYTES / 8; i++)
			word[i] = m + i;
		word += SECTOR_BYTES / 8;
	}
}

enum found { FOUND_SERIAL, FOUND_ZEROES, FOUND_GARBAGE };

/* What is in a sector that belongs at @sector? @t: its tag. */
static enum found look(const uint64_t *word, uint64_t sector, struct tag *t)
{
	uint64_t m;
	unsigned int i;

	memcpy(t, word, sizeof(*t));
	if (!t->magic) {
		for (i = 0; i < SECTOR_BYTES / 8; i++)
			if (word[i])
				return FOUND_GARBAGE;
		return FOUND_ZEROES;
	}
	if (t->magic != magic || t->sector != sector)
		return FOUND_GARBAGE;
	m = mix(t);
	for (i = sizeof(*t) / 8; i < SECTOR_BYTES / 8; i++)
		if (word[i] != m + i)
			return FOUND_GARBAGE;
	return FOUND_SERIAL;
}

static void explain(const struct line *l, const char *what, uint64_t sector, const struct tag *t,
		    enum found f, uint32_t floor)
{
	uint32_t b = sector / BLOCK_SECTORS;
	const struct log_entry *e = entry(t->serial);

	if (f == FOUND_GARBAGE) {
		fprintf(stderr, "# %s: sector %llu: garbage: magic %llx (ours %llx) serial %u element %u sector %llu\n",
			what, (unsigned long long)sector, (unsigned long long)t->magic,
			(unsigned long long)magic, t->serial, t->element,
			(unsigned long long)t->sector);
		return;
	}
	fprintf(stderr,
		"# %s: sector %llu (block %u): found %s %u of element %u; allowed %u..%u or %u..%u; acked %u durable %u zeroed %u",
		what, (unsigned long long)sector, b, f == FOUND_ZEROES ? "zeroes" : "serial",
		f == FOUND_ZEROES ? l->zeroed[b] : t->serial, t->element, floor, l->survived[b],
		l->base, l->issued[b], l->acked[b], l->durable[b], l->zeroed[b]);
	if (e)
		fprintf(stderr, "; that write: blocks %u+%u issued %llu acked %llu", e->block, e->nr,
			(unsigned long long)e->issue, (unsigned long long)e->ack);
	e = entry(floor);
	if (l->cut_answered)
		fprintf(stderr, "; cut asked %llu answered %llu", (unsigned long long)l->cut_asked,
			(unsigned long long)l->cut_answered);
	if (e)
		fprintf(stderr, "; the one missing: blocks %u+%u issued %llu acked %llu", e->block,
			e->nr, (unsigned long long)e->issue, (unsigned long long)e->ack);
	fprintf(stderr, "\n");
}

static int allowed(const struct line *l, uint32_t b, uint32_t v, uint32_t floor, int zeroes,
		   const struct tag *t)
{
	if (zeroes)
		return l->zeroed[b] >= floor;
	if (v < floor)
		return 0;
	if (v <= l->survived[b])
		return 1;
	return v >= l->base && v <= l->issued[b] && t->element == l->element;
}

#define EXPLAINED 8

static unsigned int __line_check(struct line *l, const char *what, const void *buf, uint32_t block,
				 uint32_t nr, const uint32_t *floors)
{
	const uint64_t *word = buf;
	unsigned int bad = 0;
	uint64_t sector = (uint64_t)block * BLOCK_SECTORS;
	uint64_t end = sector + (uint64_t)nr * BLOCK_SECTORS;
	struct tag t;

	for (; sector < end; sector++, word += SECTOR_BYTES / 8) {
		enum found f = look(word, sector, &t);
		uint32_t b = sector / BLOCK_SECTORS;
		uint32_t floor = floors ? floors[b - block] : l->durable[b];

		if (f != FOUND_GARBAGE &&
		    allowed(l, b, t.serial, floor, f == FOUND_ZEROES, &t))
			continue;
		if (bad++ < EXPLAINED)
			explain(l, what, sector, &t, f, floor);
	}
	return bad;
}

unsigned int line_check(struct line *l, const char *what, const void *buf, uint32_t block,
			uint32_t nr, const uint32_t *floors)
{
	unsigned int bad;

	pthread_mutex_lock(&lock);
	bad = __line_check(l, what, buf, block, nr, floors);
	pthread_mutex_unlock(&lock);
	return bad;
}

unsigned int line_read_end(struct line *l, const char *what, const void *buf, uint32_t block,
			   uint32_t nr, const uint32_t *floor, unsigned int generation)
{
	unsigned int bad = 0;

	pthread_mutex_lock(&lock);
	if (generation == l->generation && !l->cutting)
		bad = __line_check(l, what, buf, block, nr, floor);
	pthread_mutex_unlock(&lock);
	return bad;
}

/* The serial of a block, *@zeroes: at most; sectors of one block are alike in an intact cut. */
static uint32_t serial_of(const struct line *l, const void *buf, uint32_t b, int *zeroes)
{
	const uint64_t *word = (const uint64_t *)((const char *)buf + (size_t)b * BLOCK_BYTES);
	struct tag t;

	*zeroes = look(word, (uint64_t)b * BLOCK_SECTORS, &t) != FOUND_SERIAL;
	return *zeroes ? l->zeroed[b] : t.serial;
}

/* The write in the cut that was issued last: its stamp, *@serial. */
static uint64_t newest_of_cut(const struct line *l, const void *buf, uint32_t *serial)
{
	uint64_t newest = l->cut_asked;
	const struct log_entry *e;
	uint32_t b, v;
	int zeroes;

	*serial = 0;
	for (b = 0; b < nr_blocks; b++) {
		v = serial_of(l, buf, b, &zeroes);
		e = entry(v);
		if (!e || zeroes || e->issue <= newest || v >= l->base)
			continue;
		newest = e->issue;
		*serial = v;
	}
	return newest;
}

/* Zeroes do not say whose they are: they may be of any that was not over when @serial was issued. */
static int zeroes_came_late(const struct line *l, uint32_t b, uint32_t serial)
{
	const struct log_entry *z;
	uint32_t s;

	for (s = log_base; s < next_serial; s++) {
		z = entry(s);
		if (z->zeroes && z->element == l->cut_element && b >= z->block &&
		    b < z->block + z->nr && (!z->end || z->end > entry(serial)->issue))
			return 1;
	}
	return 0;
}

/* Does block @b lack write @serial, which nothing in it overlapped or followed? */
static int lacks(const struct line *l, const void *buf, uint32_t b, uint32_t serial, uint32_t *has)
{
	const struct log_entry *there;
	int zeroes;

	*has = serial_of(l, buf, b, &zeroes);
	if (serial > l->survived[b] || serial <= *has)
		return 0;
	if (zeroes && zeroes_came_late(l, b, serial))
		return 0;
	there = entry(*has);
	return !there || (there->ack && there->ack < entry(serial)->issue);
}

/*
 * A write that is there had been issued before the cut; so whatever was
 * acknowledged before it was issued must be there too. What was in flight when
 * the source itself became another line may have been dropped with the old one.
 */
unsigned int line_check_cut(struct line *l, const char *what, const void *buf)
{
	uint32_t s, b, has, newest_serial;
	const struct log_entry *e;
	unsigned int bad = 0;
	uint64_t newest;

	pthread_mutex_lock(&lock);
	newest = newest_of_cut(l, buf, &newest_serial);
	s = max_of(l->cut_sure, log_base);
	for (; s < next_serial && s < l->base; s++) {
		e = entry(s);
		if (e->element != l->cut_element || !e->ack || e->ack >= newest)
			continue;
		for (b = e->block; b < e->block + e->nr; b++) {
			if (!lacks(l, buf, b, s, &has) || bad++ >= EXPLAINED)
				continue;
			fprintf(stderr, "# %s: no cut: block %u has %u and lacks %u (acked %llu), but %u (issued %llu) is there; asked %llu answered %llu\n",
				what, b, has, s, (unsigned long long)e->ack, newest_serial,
				(unsigned long long)newest, (unsigned long long)l->cut_asked,
				(unsigned long long)l->cut_answered);
		}
	}
	pthread_mutex_unlock(&lock);
	return bad;
}

static void go_on_from(struct line *l, const void *buf, int durable)
{
	const uint64_t *word = buf;
	uint32_t b, i, v;
	struct tag t;

	for (b = 0; b < nr_blocks; b++) {
		uint32_t low = UINT32_MAX, high = 0;

		for (i = 0; i < BLOCK_SECTORS; i++, word += SECTOR_BYTES / 8) {
			v = look(word, (uint64_t)b * BLOCK_SECTORS + i, &t) == FOUND_SERIAL ?
				    t.serial : l->zeroed[b];
			low = v < low ? v : low;
			high = v > high ? v : high;
		}
		l->durable[b] = durable ? low : 0;
		l->acked[b] = low;
		l->issued[b] = high;
		l->survived[b] = high;
		l->in_flight[b] = 0;
	}
	l->base = next_serial;
	l->sure = next_serial;
	l->cut = 0;
	l->cutting = 0;
	l->generation++;
	l->valid = 1;
}

void line_observe(struct line *l, const void *buf)
{
	pthread_mutex_lock(&lock);
	go_on_from(l, buf, 1);
	pthread_mutex_unlock(&lock);
}

void line_adopt(struct line *l, const void *buf)
{
	pthread_mutex_lock(&lock);
	go_on_from(l, buf, 0);
	pthread_mutex_unlock(&lock);
}
