// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"

#define EXPLAINED	6
#define WORDS		(SECTOR / 8)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t magic, now;
static uint32_t next_tag;
static unsigned int keeping;

void content_begin(uint64_t seed)
{
	magic = (seed * 0x9e3779b97f4a7c15ULL) | 1;
	now = 1;
	next_tag = 1;
	keeping = 0;
}

uint64_t content_tick(void)
{
	uint64_t t;

	pthread_mutex_lock(&lock);
	t = ++now;
	pthread_mutex_unlock(&lock);
	return t;
}

/* ---- memory ---- */

void content_alloc(struct content *c, uint32_t sectors)
{
	c->nr = sectors;
	c->s = calloc(sectors, sizeof(*c->s));
	if (!c->s)
		err(1, "memory");
	content_reset(c);
}

void content_free(struct content *c)
{
	uint32_t i;

	for (i = 0; c->s && i < c->nr; i++)
		free(c->s[i].v);
	free(c->s);
	c->s = NULL;
}

static void add(struct sector *s, struct version v)
{
	if (s->nr == s->room) {
		s->room = s->room ? 2 * s->room : 2;
		s->v = realloc(s->v, s->room * sizeof(*s->v));
		if (!s->v)
			err(1, "memory");
	}
	s->v[s->nr++] = v;
}

static void only(struct sector *s, struct version v)
{
	s->nr = 0;
	add(s, v);
}

static void all_only(struct content *c, struct version v, bool known)
{
	uint32_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < c->nr; i++)
		only(&c->s[i], v);
	c->known = known;
	pthread_mutex_unlock(&lock);
}

void content_reset(struct content *c)
{
	all_only(c, (struct version){ .tag = TAG_ZEROES, .durable = true, .issued = 1, .acked = 1 },
		 true);
}

void content_forget(struct content *c)
{
	all_only(c, (struct version){ .tag = TAG_ANY, .durable = true, .issued = 1, .acked = 1 },
		 false);
}

/* ---- the two rules ---- */

static bool after(const struct version *w, const struct version *v)
{
	return v->acked && w->issued > v->acked;
}

/* Is @v over at @time, when what was acknowledged before that counts? */
static bool is_over(const struct sector *s, const struct version *v, uint64_t time)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (s->v[i].acked && s->v[i].acked <= time && after(&s->v[i], v))
			return true;
	return false;
}

static bool is_lost(const struct sector *s, const struct version *v)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (s->v[i].durable && after(&s->v[i], v))
			return true;
	return false;
}

/* A version that is lost for one that is lost itself is so for that one's reason, too. */
static void drop_lost(struct sector *s)
{
	unsigned int i, kept = 0;

	for (i = 0; i < s->nr && !keeping; i++)
		if (!is_lost(s, &s->v[i]))
			s->v[kept++] = s->v[i];
	if (!keeping)
		s->nr = kept;
}

bool content_keep(bool on)
{
	bool still;

	pthread_mutex_lock(&lock);
	keeping += on ? 1 : -!!keeping;
	still = keeping;
	pthread_mutex_unlock(&lock);
	return still;
}

/* ---- writing ---- */

uint32_t content_write(struct content *c, uint32_t sector, uint32_t nr, bool zeroes, uint64_t *at)
{
	struct version v = {};
	uint32_t i;

	pthread_mutex_lock(&lock);
	v.tag = zeroes ? TAG_ZEROES : next_tag++;
	v.issued = ++now;
	for (i = sector; i < sector + nr; i++)
		add(&c->s[i], v);
	pthread_mutex_unlock(&lock);
	*at = v.issued;
	return v.tag;
}

void content_written(struct content *c, uint32_t sector, uint32_t nr, uint64_t at, bool durable)
{
	unsigned int i, k;

	pthread_mutex_lock(&lock);
	now++;
	for (i = sector; i < sector + nr; i++) {
		struct sector *s = &c->s[i];

		for (k = 0; k < s->nr; k++)
			if (s->v[k].issued == at) {
				s->v[k].acked = now;
				s->v[k].durable = durable;
			}
		drop_lost(s);
	}
	pthread_mutex_unlock(&lock);
}

static void make_durable(struct content *c, uint64_t before)
{
	unsigned int i, k;

	for (i = 0; i < c->nr; i++) {
		struct sector *s = &c->s[i];

		for (k = 0; k < s->nr; k++)
			s->v[k].durable |= s->v[k].acked && s->v[k].acked < before;
		drop_lost(s);
	}
}

void content_flushed(struct content *c, uint64_t at)
{
	pthread_mutex_lock(&lock);
	make_durable(c, at);
	pthread_mutex_unlock(&lock);
}

/* ---- cuts ---- */

void content_cut(struct content *to, const struct content *from, uint64_t since, bool durable)
{
	unsigned int i, k;

	pthread_mutex_lock(&lock);
	for (i = 0; i < to->nr; i++) {
		const struct sector *s = &from->s[i];

		to->s[i].nr = 0;
		for (k = 0; k < s->nr; k++) {
			struct version v = s->v[k];

			/* What was not acknowledged by then may be in it or not. */
			if (v.acked > since)
				v.acked = 0;
			v.durable &= v.acked != 0;
			add(&to->s[i], v);
		}
	}
	to->known = from->known;
	if (durable)
		make_durable(to, since);
	pthread_mutex_unlock(&lock);
}

void content_end(struct content *c, uint64_t until)
{
	unsigned int i, k, kept;

	pthread_mutex_lock(&lock);
	for (i = 0; i < c->nr; i++) {
		struct sector *s = &c->s[i];

		for (k = kept = 0; k < s->nr; k++)
			if (s->v[k].issued < until)
				s->v[kept++] = s->v[k];
		s->nr = kept;
	}
	pthread_mutex_unlock(&lock);
}

struct content *content_late(const struct content *c, uint64_t since)
{
	struct content *late = calloc(1, sizeof(*late));
	unsigned int i, k;

	if (!late)
		err(1, "memory");
	content_alloc(late, c->nr);
	pthread_mutex_lock(&lock);
	for (i = 0; i < c->nr; i++) {
		late->s[i].nr = 0;
		for (k = 0; k < c->s[i].nr; k++) {
			struct version v = c->s[i].v[k];

			if (v.acked && v.acked < since)
				continue;
			v.acked = 0;
			v.durable = false;
			add(&late->s[i], v);
		}
	}
	pthread_mutex_unlock(&lock);
	return late;
}

void content_add_late(struct content *c, struct content *late)
{
	unsigned int i, k;

	pthread_mutex_lock(&lock);
	for (i = 0; i < c->nr; i++)
		for (k = 0; k < late->s[i].nr; k++)
			add(&c->s[i], late->s[i].v[k]);
	pthread_mutex_unlock(&lock);
	content_free(late);
	free(late);
}

/* ---- what is on the disk ---- */

/* The first words of a sector; the others repeat a mix of them. */
struct tag {
	uint64_t magic;
	uint64_t tag;
	uint64_t sector;
};

static uint64_t mix(const struct tag *t)
{
	return (t->tag + 1) * 0xd6e8feb86659fd93ULL ^ t->sector * 0xa0761d6478bd642fULL;
}

void content_fill(void *buf, uint32_t tag, uint32_t sector, uint32_t nr)
{
	struct tag t = { .magic = magic, .tag = tag };
	uint64_t *word = buf, rest;
	unsigned int i, n;

	for (n = 0; n < nr; n++, word += WORDS) {
		t.sector = sector + n;
		memcpy(word, &t, sizeof(t));
		rest = mix(&t);
		for (i = sizeof(t) / 8; i < WORDS; i++)
			word[i] = rest;
	}
}

/* The tag of a sector that is whole and where it belongs. */
static bool tag_of(const void *buf, uint32_t sector, uint32_t *tag)
{
	const uint64_t *word = buf;
	uint64_t rest = 0;
	unsigned int i;
	struct tag t;

	memcpy(&t, word, sizeof(t));
	*tag = TAG_ZEROES;
	if (t.magic) {
		if (t.magic != magic || t.sector != sector || t.tag >= next_tag)
			return false;
		*tag = t.tag;
		rest = mix(&t);
	} else if (t.tag || t.sector) {
		return false;
	}
	for (i = sizeof(t) / 8; i < WORDS; i++)
		if (word[i] != rest)
			return false;
	return true;
}

/* ---- comparing ---- */

static void explain(const struct sector *s, uint32_t sector, const void *buf, const char *what)
{
	const uint64_t *word = buf;
	unsigned int i;
	uint32_t tag;

	if (tag_of(buf, sector, &tag))
		fprintf(stderr, "# %s: sector %u has version %u, not one of", what, sector, tag);
	else
		fprintf(stderr, "# %s: sector %u has %016llx %016llx %016llx, not one of", what,
			sector, (unsigned long long)word[0], (unsigned long long)word[1],
			(unsigned long long)word[2]);
	for (i = 0; i < s->nr && i < 30; i++)
		fprintf(stderr, " %d(%llu-%llu%s)", (int)s->v[i].tag,
			(unsigned long long)s->v[i].issued, (unsigned long long)s->v[i].acked,
			s->v[i].durable ? " durable" : "");
	fprintf(stderr, "\n");
}

/* The version that was found, or NULL. */
static const struct version *find(const struct sector *s, uint32_t tag, enum view view,
				  uint64_t time)
{
	unsigned int i;

	for (i = s->nr; i-- > 0;) {
		const struct version *v = &s->v[i];

		if (v->tag != tag && v->tag != TAG_ANY)
			continue;
		if (view == VIEW_NOW ? !is_over(s, v, time) : !is_lost(s, v))
			return v;
	}
	return NULL;
}

static const struct version *found_in(const struct content *c, uint32_t sector, const void *buf,
				      enum view view, uint64_t time, uint32_t *tag)
{
	return tag_of(buf, sector, tag) ? find(&c->s[sector], *tag, view, time) : NULL;
}

/* Nothing else is there now, but what is not durable may still be lost. */
static void settle(struct sector *s, uint32_t tag, const struct version *found, enum view view)
{
	struct version v = { .tag = tag, .durable = found->durable && found->tag != TAG_ANY };
	unsigned int i;

	v.issued = v.acked = now;
	if (view == VIEW_AFTER_FAILURE)
		v.durable = true;
	if (s->nr == 1 && found->tag == tag && found->acked && v.durable == found->durable)
		return;
	if (v.durable) {
		only(s, v);
		return;
	}
	for (i = 0; i < s->nr; i++)
		if (!s->v[i].acked || s->v[i].acked >= now)
			s->v[i].acked = now - 1;
	add(s, v);
	/* The same version twice, the older one in vain. */
	for (i = 0; i + 1 < s->nr; i++)
		if (s->v[i].tag == tag && !s->v[i].durable) {
			s->v[i] = s->v[--s->nr];
			break;
		}
}

unsigned int content_settle(struct content *c, const void *buf, enum view view, const char *what)
{
	unsigned int bad = 0, i;
	uint32_t tag;

	pthread_mutex_lock(&lock);
	now += 2;
	for (i = 0; i < c->nr; i++) {
		const void *at = (const char *)buf + (size_t)i * SECTOR;
		const struct version *v = found_in(c, i, at, view, now, &tag);

		if (v)
			settle(&c->s[i], tag, v, view);
		else if (bad++ < EXPLAINED)
			explain(&c->s[i], i, at, what);
	}
	c->known = true;
	pthread_mutex_unlock(&lock);
	return bad;
}

unsigned int content_compare(const struct content *c, const void *buf, enum view view,
			     const char *what)
{
	unsigned int bad = 0, i;
	uint32_t tag;

	pthread_mutex_lock(&lock);
	for (i = 0; i < c->nr; i++) {
		const void *at = (const char *)buf + (size_t)i * SECTOR;

		if (!found_in(c, i, at, view, now, &tag) && bad++ < EXPLAINED)
			explain(&c->s[i], i, at, what);
	}
	pthread_mutex_unlock(&lock);
	return bad;
}

unsigned int content_check_read(const struct content *c, const void *buf, uint32_t sector,
				uint32_t nr, uint64_t at, const char *what)
{
	unsigned int bad = 0, i;
	uint32_t tag;

	pthread_mutex_lock(&lock);
	for (i = sector; i < sector + nr; i++, buf = (const char *)buf + SECTOR)
		if (!found_in(c, i, buf, VIEW_NOW, at - 1, &tag) && bad++ < EXPLAINED)
			explain(&c->s[i], i, buf, what);
	pthread_mutex_unlock(&lock);
	return bad;
}

unsigned int content_check_cut(const struct content *from, const void *buf, const char *what)
{
	unsigned int bad = 0, i, k;
	uint64_t newest = 0;
	uint32_t tag;

	pthread_mutex_lock(&lock);
	for (i = 0; i < from->nr; i++) {
		const struct version *v;

		v = found_in(from, i, (const char *)buf + (size_t)i * SECTOR, VIEW_NOW, 0, &tag);
		if (v && v->tag == tag && tag != TAG_ZEROES && v->issued > newest)
			newest = v->issued;
	}
	for (i = 0; i < from->nr; i++) {
		const struct sector *s = &from->s[i];

		if (!tag_of((const char *)buf + (size_t)i * SECTOR, i, &tag))
			continue;
		for (k = 0; k < s->nr; k++)
			if ((s->v[k].tag == tag || s->v[k].tag == TAG_ANY) &&
			    !is_over(s, &s->v[k], newest - 1))
				break;
		if (k == s->nr && bad++ < EXPLAINED)
			explain(s, i, (const char *)buf + (size_t)i * SECTOR, what);
	}
	pthread_mutex_unlock(&lock);
	return bad;
}
