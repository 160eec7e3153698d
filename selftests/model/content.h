/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may be found in each sector of an element, as a list of versions. Every
 * write is a version: it was issued, it was acknowledged or not, it is durable or
 * not. Two rules say what may be read:
 *
 *   now              a version is over when another one was issued after it had
 *                    been acknowledged, and has been acknowledged, too
 *   after a failure  a version is lost for good when another one was issued after
 *                    it had been acknowledged, and is durable
 *
 * Versions that overlap in time have no order: any of them may be the last. What
 * was read tells, and content_settle() notes it.
 *
 * Times are counted by content_tick(). One lock for all of it; all functions take
 * it, any thread may call.
 */
#ifndef MODEL_CONTENT_H
#define MODEL_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECTOR		512
#define TAG_ZEROES	0U		/* what zeroes carry */
#define TAG_ANY		0xffffffffU	/* a version of which nothing is known */

struct version {
	uint32_t tag;			/* that its sectors carry */
	bool durable;
	uint64_t issued, acked;		/* acked 0: not (yet), perhaps never */
};

struct sector {
	struct version *v;
	uint16_t nr, room;
};

struct content {
	struct sector *s;
	uint32_t nr;
	bool known;			/* else nothing is promised, content_settle() adopts */
};

void content_begin(uint64_t seed);
uint64_t content_tick(void);
/* While on (it counts), versions that are over are kept: an operation may be cutting, a read under way. */
bool content_keep(bool on);

void content_alloc(struct content *c, uint32_t sectors);
void content_free(struct content *c);
/* All zeroes, durable. */
void content_reset(struct content *c);
void content_forget(struct content *c);

/* A write begins; its tag. @zeroes: of zeroes. */
uint32_t content_write(struct content *c, uint32_t sector, uint32_t nr, bool zeroes, uint64_t *at);
/* The write that began at @at was acknowledged; @durable: it was FUA. */
void content_written(struct content *c, uint32_t sector, uint32_t nr, uint64_t at, bool durable);
/* A flush that began at @at was acknowledged. */
void content_flushed(struct content *c, uint64_t at);

/* Fill a buffer with what a write of @tag writes. */
void content_fill(void *buf, uint32_t tag, uint32_t sector, uint32_t nr);

/*
 * @to becomes what @from was at one moment since @since. @durable: all that was
 * acknowledged before counts as durable in @to.
 */
void content_cut(struct content *to, const struct content *from, uint64_t since, bool durable);
/* Nothing of @c was issued after @until. */
void content_end(struct content *c, uint64_t until);
/* What hosts wrote to @to since @since may be in it or not: after content_cut(). */
struct content *content_late(const struct content *c, uint64_t since);
void content_add_late(struct content *c, struct content *late);
enum view { VIEW_NOW, VIEW_AFTER_FAILURE };

/*
 * Number of bad sectors of @buf, all of the element; the first ones are explained
 * on stderr. Then it is what was found: after a failure durable, now not.
 */
unsigned int content_settle(struct content *c, const void *buf, enum view view, const char *what);
/* Only look, whatever is durable in @c. */
unsigned int content_compare(const struct content *c, const void *buf, enum view view,
			     const char *what);
/* A read that began at @at. */
unsigned int content_check_read(const struct content *c, const void *buf, uint32_t sector,
				uint32_t nr, uint64_t at, const char *what);
/*
 * Is @buf what @from was at one moment: does it lack nothing that had been
 * acknowledged before something that it has was issued?
 */
unsigned int content_check_cut(const struct content *from, const void *buf, const char *what);

#endif
