// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the marks of a recording promise. A mark is a word and numbers:
 *
 *	scenario NAME
 *	pool				it is there from now on
 *	element ID DISK SECTORS		may be there; "element! ID": must
 *	gone ID				may be gone; "gone! ID": is
 *	grow ID SECTORS
 *	sync ID SOURCE TARGET		an operation will make it
 *	op ID FROM EFFECT STATE...	begins; copy states that it may lead to, 0: no sync
 *	end ID ok|no			was answered
 *	is ID STATE			has come there, and nothing moves it
 *	w SERIAL ELEMENT SECTOR COUNT FUA	a host's write begins
 *	a SERIAL			is acknowledged
 *	f NUMBER ELEMENT, F NUMBER	a host's flush begins, is acknowledged
 *	adopt				nothing is known but what the media hold now
 */
#include <stdlib.h>

#include "cut.h"

struct host *host_new(void)
{
	return must_alloc(sizeof(struct host));
}

struct host_element *host_element(struct host *h, u64 id)
{
	u32 i;

	for (i = 0; i < ELEMENTS_MAX; i++)
		if (h->elements[i].id == id)
			return &h->elements[i];
	die("there is no room for element %llu, or no such one", id);
}

static struct host_sync *host_sync(struct host *h, u64 id)
{
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++)
		if (h->syncs[i].id == id)
			return &h->syncs[i];
	die("there is no room for sync %llu, or no such one", id);
}

/* ---- lines ---- */

static u32 *serials(const u32 *from)
{
	u32 *to = must_alloc(SECTORS_MAX * sizeof(*to));

	if (from)
		memcpy(to, from, SECTORS_MAX * sizeof(*to));
	return to;
}

/* Lines are never freed: there are as many as operations. */
static struct line *line_new(struct host *h, struct line *parent, bool flushed)
{
	struct line *l = must_alloc(sizeof(*l));

	l->number = ++h->nr_lines;
	l->parent = parent;
	l->durable = serials(!parent ? NULL : flushed ? parent->acked : parent->durable);
	l->told = serials(parent ? parent->told : NULL);
	l->acked = serials(parent ? parent->acked : NULL);
	l->issued = serials(parent ? parent->issued : NULL);
	return l;
}

/* From now on no write of its parent's can be in it any more. */
static void line_part(struct line *l)
{
	if (l && l->parent)
		l->ceiling = serials(l->parent->issued);
}

/* ---- elements ---- */

static void mark_element(struct host *h, struct media *m, const char *text)
{
	struct host_element *e;
	unsigned long long id, sectors;
	char disk[32];

	if (sscanf(text, "%llu %31s %llu", &id, disk, &sectors) != 3 || sectors > SECTORS_MAX)
		die("element %s", text);
	e = host_element(h, 0);
	e->id = id;
	e->disk = media_find(m, disk);
	e->sectors = sectors;
	e->shows = id;
	e->may = true;
	e->line = line_new(h, NULL, false);
	if (!e->disk)
		die("element %llu is on disk %s, which is not there", id, disk);
}

/* ---- operations ---- */

static void mark_sync(struct host *h, const char *text)
{
	unsigned long long id, source, target;
	struct host_sync *s;

	if (sscanf(text, "%llu %llu %llu", &id, &source, &target) != 3)
		die("sync %s", text);
	s = host_sync(h, 0);
	s->id = id;
	s->source = source;
	s->target = target;
	s->allowed = 1;
}

static enum effect effect_of(const char *word)
{
	static const char * const words[] = { "-", "cut", "part", "copy", "turn", "swap", "roles" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], word))
			return i;
	die("an effect %s", word);
}

bool effect_turns_roles(enum effect effect)
{
	return effect == EFFECT_SWAP || effect == EFFECT_ROLES;
}

static void begin_effect(struct host *h, struct host_sync *s, u64 at)
{
	struct line *source = host_element(h, s->source)->line;
	struct line *target = host_element(h, s->target)->line;

	s->next = NULL;
	switch (s->effect) {
	case EFFECT_CUT:
	case EFFECT_SWAP:
		s->next = source ? line_new(h, source, true) : NULL;
		if (s->next) {
			s->next->moment = true;
			s->next->asked = at;
		}
		break;
	case EFFECT_PART:
		s->next = source ? line_new(h, source, false) : NULL;
		break;
	case EFFECT_TURN:
		s->next = target ? line_new(h, target, true) : NULL;
		line_part(s->next);
		break;
	default:
		break;
	}
}

static void mark_op(struct host *h, const char *text, u64 at)
{
	unsigned int from, state;
	unsigned long long id;
	struct host_sync *s;
	char effect[16];
	int n;

	if (sscanf(text, "%llu %u %15s%n", &id, &from, effect, &n) != 3)
		die("op %s", text);
	s = host_sync(h, id);
	if (s->operating)
		die("sync %llu: an operation begins in an operation", id);
	s->operating = true;
	s->from = from;
	s->effect = effect_of(effect);
	s->named = 0;
	for (text += n; sscanf(text, "%u%n", &state, &n) == 1; text += n)
		s->named |= 1U << state;
	s->allowed = 1U << from | s->named;
	begin_effect(h, s, at);
	h->nr_operations++;
}

static void mark_end(struct host *h, const char *text)
{
	struct host_sync *s;
	struct host_element *source, *target;
	unsigned long long id;
	char word[8];

	if (sscanf(text, "%llu %7s", &id, word) != 2)
		die("end %s", text);
	s = host_sync(h, id);
	source = host_element(h, s->source);
	target = host_element(h, s->target);
	s->operating = false;
	if (strcmp(word, "ok")) {
		s->allowed = 1U << s->from;
		return;
	}
	s->allowed = s->named;
	if (s->effect == EFFECT_TURN) {
		source->line = s->next;
	} else if (s->effect == EFFECT_SWAP) {
		line_part(s->next);
		target->line = s->next;
		source->line = NULL;
	} else if (s->effect != EFFECT_NONE && s->effect != EFFECT_ROLES) {
		line_part(s->next);
		target->former = target->line;
		target->line = s->next;
	}
	if (effect_turns_roles(s->effect)) {
		swap(s->source, s->target);
		swap(source->shows, target->shows);
	}
	s->next = NULL;
}

/* ---- hosts' writes ---- */

static struct host_write *write_at(struct host *h, u32 serial)
{
	u32 max = h->max_writes;

	if (serial > 1 << 20)
		die("write %u", serial);
	while (serial >= max)
		max = max ? 2 * max : 4096;
	if (max > h->max_writes) {
		h->writes = realloc(h->writes, max * sizeof(*h->writes));
		if (!h->writes)
			die("no memory");
		memset(h->writes + h->max_writes, 0, (max - h->max_writes) * sizeof(*h->writes));
		h->max_writes = max;
	}
	return &h->writes[serial];
}

static struct line *line_numbered(struct host *h, u32 number)
{
	u32 i;

	for (i = 0; i < ELEMENTS_MAX; i++)
		if (h->elements[i].line && h->elements[i].line->number == number)
			return h->elements[i].line;
	return NULL;
}

static void mark_write(struct host *h, const char *text, u64 at)
{
	unsigned int serial, sector, sectors, fua, i;
	struct host_element *e;
	unsigned long long id;

	if (sscanf(text, "%u %llu %u %u %u", &serial, &id, &sector, &sectors, &fua) != 5)
		die("w %s", text);
	e = host_element(h, id);
	if (!e->line || sector + sectors > e->sectors)
		die("a host writes %llu, of which nothing is known, or behind its end", id);
	*write_at(h, serial) = (struct host_write){
		.line = e->line->number, .sector = sector, .sectors = sectors, .issued_at = at,
		.fua = fua,
	};
	for (i = sector; i < sector + sectors; i++)
		e->line->issued[i] = serial;
}

static void mark_acked(struct host *h, const char *text, u64 at)
{
	u32 serial = strtoul(text, NULL, 10), i;
	struct host_write *w = write_at(h, serial);
	struct line *l = line_numbered(h, w->line);

	if (!w->sectors)
		die("write %u is acknowledged, but did not begin", serial);
	h->nr_acked++;
	w->acked_at = at;
	for (i = w->sector; l && i < w->sector + w->sectors; i++) {
		l->acked[i] = serial;
		if (w->fua)
			l->durable[i] = l->told[i] = serial;
	}
}

static void mark_flush(struct host *h, const char *text, bool ended)
{
	unsigned long long id = 0;
	unsigned int number;
	u32 i, s;

	if (sscanf(text, "%u %llu", &number, &id) < 1)
		die("f %s", text);
	for (i = 0; i < ARRAY_SIZE(h->flushes); i++)
		if (h->flushes[i].number == (ended ? number : 0))
			break;
	if (i == ARRAY_SIZE(h->flushes))
		die("flush %u", number);
	if (!ended) {
		h->flushes[i].number = number;
		h->flushes[i].line = host_element(h, id)->line;
		if (!h->flushes[i].line)
			die("a flush of %llu, of which nothing is known", id);
		h->flushes[i].acked = serials(h->flushes[i].line->acked);
		return;
	}
	for (s = 0; s < SECTORS_MAX; s++) {
		struct line *l = h->flushes[i].line;

		l->durable[s] = max_t(u32, l->durable[s], h->flushes[i].acked[s]);
		l->told[s] = max_t(u32, l->told[s], h->flushes[i].acked[s]);
	}
	free(h->flushes[i].acked);
	h->flushes[i].number = 0;
}

/* ---- nothing is known ---- */

/* What a sync may come to by itself. */
static u32 goes_on(const struct drp_sync_rec *rec)
{
	const u32 copied = 1U << DRP_CS_UNSYNCHRONIZED | 1U << DRP_CS_SYNCHRONIZED;

	switch (rec->copy_state) {
	case DRP_CS_INITIALIZED:
	case DRP_CS_SYNCHRONIZED:
		return copied;
	case DRP_CS_UNSYNCHRONIZED:
		return copied | (rec->reverse ? 1U << DRP_CS_RESTORED : 0);
	default:
		return 0;
	}
}

static bool is_mirrored(struct pool *p, u64 element)
{
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++) {
		const struct drp_sync_rec *r = &p->syncs[i].rec;

		if (r->id && r->target_id == element && (goes_on(r) || r->reverse))
			return true;
	}
	return false;
}

static void adopt_content(struct host *h, struct host_element *e, struct pool *p)
{
	u64 s;

	e->exact = must_alloc(e->sectors * SECTOR);
	for (s = 0; s < e->sectors; s++)
		memcpy(e->exact + s * SECTOR, logical_sector(h, e, p, s), SECTOR);
}

/* Whose identity a record has; 0: nobody's. */
static u64 identity_of(struct pool *p, const struct drp_element_rec *rec)
{
	u32 i;

	for (i = 0; i < ELEMENTS_MAX; i++)
		if (!memcmp(p->elements[i].rec.uuid, rec->wwid, sizeof(rec->wwid)))
			return p->elements[i].rec.id;
	return 0;
}

void host_adopt(struct host *h, struct pool *p)
{
	u32 i;

	h->formatted = true;
	h->adopted = true;
	for (i = 0; i < ELEMENTS_MAX; i++) {
		struct host_element *e = &h->elements[i];
		const struct pool_element *there = e->id ? pool_element(p, e->id) : NULL;

		e->must = e->may = there;
		e->line = NULL;
		if (there) {
			e->sectors = there->rec.size_sectors;
			e->shows = identity_of(p, &there->rec);
		}
		if (there && !is_mirrored(p, e->id))
			adopt_content(h, e, p);
	}
	for (i = 0; i < SYNCS_MAX; i++) {
		const struct drp_sync_rec *rec = &p->syncs[i].rec;

		h->syncs[i] = (struct host_sync){
			.id = rec->id, .source = rec->source_id, .target = rec->target_id,
			.allowed = 1U << rec->copy_state | goes_on(rec),
		};
	}
}

/* ---- marks ---- */

static void mark_about_element(struct host *h, const char *word, const char *text)
{
	unsigned long long id = 0, sectors = 0;
	struct host_element *e;

	if (sscanf(text, "%llu %llu", &id, &sectors) < 1)
		die("%s %s", word, text);
	e = host_element(h, id);
	if (!strcmp(word, "element!")) {
		e->must = true;
	} else if (!strcmp(word, "gone")) {
		e->must = false;
	} else if (!strcmp(word, "gone!")) {
		memset(e, 0, sizeof(*e));
	} else {
		if (sectors > SECTORS_MAX || sectors < e->sectors)
			die("%s %s", word, text);
		e->sectors = sectors;
	}
}

static void mark_is(struct host *h, const char *text)
{
	unsigned long long id;
	unsigned int state;

	if (sscanf(text, "%llu %u", &id, &state) != 2 || state > 31)
		die("is %s", text);
	if (!(host_sync(h, id)->allowed & 1U << state))
		die("sync %llu came to state %u, which the mark of its operation does not name",
		    id, state);
	host_sync(h, id)->allowed = 1U << state;
	if (state == DRP_CS_SYNCHRONIZED)
		host_element(h, host_sync(h, id)->target)->former = NULL;
}

static void mark_adopt(struct host *h, struct media *m)
{
	static struct pool p;

	if (media_pending(m))
		die("adopt: the media are not quiet");
	pool_load(&p, m->metadata);
	if (p.error || !pool_usable(&p))
		die("adopt: there is no pool");
	host_adopt(h, &p);
}

void host_mark(struct host *h, struct media *m, const char *text, u64 at)
{
	char word[16];
	int n = 0;

	if (sscanf(text, "%15s %n", word, &n) != 1 || !n)
		die("a mark: %s", text);
	text += n;
	if (!strcmp(word, "w"))
		mark_write(h, text, at);
	else if (!strcmp(word, "a"))
		mark_acked(h, text, at);
	else if (!strcmp(word, "f") || !strcmp(word, "F"))
		mark_flush(h, text, *word == 'F');
	else if (!strcmp(word, "op"))
		mark_op(h, text, at);
	else if (!strcmp(word, "end"))
		mark_end(h, text);
	else if (!strcmp(word, "is"))
		mark_is(h, text);
	else if (!strcmp(word, "element"))
		mark_element(h, m, text);
	else if (!strcmp(word, "sync"))
		mark_sync(h, text);
	else if (!strcmp(word, "element!") || !strcmp(word, "gone") || !strcmp(word, "gone!") ||
		 !strcmp(word, "grow"))
		mark_about_element(h, word, text);
	else if (!strcmp(word, "pool"))
		h->formatted = true;
	else if (!strcmp(word, "scenario"))
		snprintf(h->scenario, sizeof(h->scenario), "%.63s", text);
	else if (!strcmp(word, "adopt"))
		mark_adopt(h, m);
	else
		die("a mark of an unknown word: %s", word);
}
