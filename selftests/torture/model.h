/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the content of an element may be. Every write gets a serial number that
 * all its sectors carry, with their place and the element they were written to.
 * A "line" says for each block which serials may be found in it:
 *
 *   durable   written, acknowledged and flushed: nothing older may be found
 *   acked     acknowledged, flushed or not
 *   issued    the newest that was written
 *   survived  the newest that was there when the line began; what was written
 *             after it and lost in a power failure must not come back
 *
 * A line may begin while its element is written (Restore from Replica of a source
 * in use). Writes in flight at that moment are in the line or not, nobody knows.
 *
 * Writes that overlap in time have no order: the oldest of them counts as
 * acknowledged when all are. Zeroes carry no serial: they are as new as the
 * newest write of zeroes.
 *
 * All functions may be called by any thread.
 */
#ifndef TORTURE_MODEL_H
#define TORTURE_MODEL_H

#include <stdatomic.h>
#include <stdint.h>

#define BLOCK_BYTES	4096
#define SECTOR_BYTES	512
#define BLOCK_SECTORS	8

struct line {
	unsigned int element;		/* that is written in sectors of this line */
	atomic_int open;		/* odd: may be written; counts up */
	int valid;			/* 0: nothing is known, nothing is checked */
	int cut;			/* a consistent cut of another line, not written since */
	unsigned int generation;	/* counts the beginnings of this line */
	int cutting;			/* between line_cut_begin() and its end */
	uint32_t base;			/* serials of this line begin here */
	uint32_t sure;			/* from here on for certain: the others were in flight */
	unsigned int cut_element;	/* whose writes the cut is one of, */
	uint32_t cut_sure;		/* from this serial on */
	uint64_t cut_asked, cut_answered;	/* stamps */
	uint32_t *durable, *acked, *issued, *survived, *zeroed;
	uint32_t *next_durable, *next_acked;	/* what the next line begins with */
	uint32_t next_base, next_sure, next_cut_sure;
	unsigned int next_cut_element;
	uint64_t next_asked;
	uint8_t *straddled;		/* had writes in flight when the next line began */
	uint32_t *oldest;		/* of the writes in flight together */
	uint16_t *in_flight;
};

enum write_kind { WRITE_DATA, WRITE_ZEROES, WRITE_DISCARD };

void model_begin(uint32_t nr_blocks, uint64_t seed);
void line_alloc(struct line *l, unsigned int element);
void line_free(struct line *l);
/* Nothing was written yet: all zeroes. */
void line_reset(struct line *l);

/* Only an open line is written. */
void line_open(struct line *l, int open);

/* A write starts: its serial; 0: the log is full or the line not open. */
uint32_t line_write_begin(struct line *l, uint32_t block, uint32_t nr, enum write_kind kind);
/* It was acknowledged; @durable: FUA. */
void line_write_end(struct line *l, uint32_t serial, uint32_t block, uint32_t nr,
		    enum write_kind kind, int durable);
/* It was refused: it may be there, but need not. */
void line_write_refused(struct line *l, uint32_t serial, uint32_t block, uint32_t nr);
/* Around a flush; @mark has room for all blocks. Gives the generation that the end wants. */
unsigned int line_flush_begin(struct line *l, uint32_t *mark);
void line_flush_end(struct line *l, const uint32_t *mark, unsigned int generation);

/*
 * @to becomes what @from is between these calls. @flushed: all acknowledged is
 * durable in it. Until the end @to is what it was, and it may be written.
 */
void line_cut_begin(struct line *to, const struct line *from, int flushed, int consistent);
void line_cut_end(struct line *to, const struct line *from);
/* It did not happen. */
void line_cut_cancel(struct line *to);

void model_fill(void *buf, const struct line *l, uint32_t serial, uint32_t block, uint32_t nr);

/*
 * Check blocks that were read. @floor: for each block the serial that was
 * acknowledged when the read began (NULL: durable). Number of bad sectors; the
 * first ones are explained on stderr.
 */
unsigned int line_check(struct line *l, const char *what, const void *buf, uint32_t block,
			uint32_t nr, const uint32_t *floor);
/*
 * Around a read by a host: its @floor, and the generation that the check wants. A
 * read in the middle of a cut is not checked.
 */
unsigned int line_read_begin(struct line *l, uint32_t block, uint32_t nr, uint32_t *floor);
unsigned int line_read_end(struct line *l, const char *what, const void *buf, uint32_t block,
			   uint32_t nr, const uint32_t *floor, unsigned int generation);
/* Is @buf, all of the element, @from's content at one moment of the cut? Number of bad blocks. */
unsigned int line_check_cut(struct line *l, const char *what, const void *buf);

/* After a power failure: the line goes on from what is there, whatever it was. */
void line_observe(struct line *l, const void *buf);
/* Nothing was known of it: it goes on from what is there now, flushed or not. */
void line_adopt(struct line *l, const void *buf);
/* After all lines were observed. */
void model_forget_log(void);
uint32_t model_log_room(void);

#endif
