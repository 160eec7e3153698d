// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is that the disk of before? One that does not say who it is may be another one
 * after a crash (contract rule 7). Where nothing says that its sides differ, a
 * sync tells it by what is on them.
 */
#include "io.h"
#include "op.h"
#include "turn.h"

#define PLACES_FIRST	64	/* pages at the start, where most have something */
#define PLACES_SPREAD	192	/* and over the rest */
#define PLACES_OF_DATA	8	/* of them: more than a cache can have lost */
#define LOOK_TIME	(10 * HZ)
#define PLACE_SECTORS	(PAGE_SIZE >> SECTOR_SHIFT)

static int read_page(struct drp_element *e, u64 sector, struct page *page)
{
	struct bio *bio = bio_alloc(e->bdev, 1, REQ_OP_READ, GFP_NOIO);
	int r;

	bio->bi_iter.bi_sector = e->rec.data_offset + sector;
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	r = submit_bio_wait(bio);
	bio_put(bio);
	return r;
}

/* Nothing says that these sectors differ, on whichever side their content is. */
static bool must_be_equal(struct drp_sync *s, u64 sector)
{
	u64 first, count, at, n;
	int r;

	drp_sync_regions(s->pool, sector, sector + PLACE_SECTORS, &first, &count);
	/* Reads the page if need be; the C plane is in memory as long as there is one. */
	r = drp_plane_next_run(s->d, first, count, &at, &n);
	return r >= 0 && (!r || at >= first + count) &&
	       (!s->turn || !drp_plane_any(s->turn->c, first, count));
}

struct look {
	struct drp_sync *s;
	struct page *here, *there;
	bool differs;		/* somewhere where it must not */
	bool target_lacks;	/* there the target has zeroes */
	unsigned int data_here, data_there;	/* places spread over the whole with more than zeroes */
};

static bool has_data(struct page *page)
{
	return memchr_inv(page_address(page), 0, PAGE_SIZE);
}

/* 0 or a read's error. */
static int look_at(struct look *l, u64 sector, bool spread)
{
	struct drp_sync *s = l->s;
	bool equal = must_be_equal(s, sector);
	int r;

	if (!equal && !spread)
		return 0;
	r = read_page(s->source, sector, l->here) ?: read_page(s->target, sector, l->there);
	if (r)
		return r;
	l->data_here += spread && has_data(l->here);
	l->data_there += spread && has_data(l->there);
	/* A host that wrote to one meanwhile has marked it first. */
	if (equal && memcmp(page_address(l->here), page_address(l->there), PAGE_SIZE) &&
	    must_be_equal(s, sector)) {
		l->differs = true;
		l->target_lacks = !has_data(l->there);
	}
	return 0;
}

static int look_around(struct look *l)
{
	const u64 pages = l->s->source->rec.size_sectors / PLACE_SECTORS;
	const unsigned long end = jiffies + LOOK_TIME;
	int r = 0;
	u64 i, page;

	l->here = alloc_page(GFP_NOIO);
	l->there = alloc_page(GFP_NOIO);
	if (!l->here || !l->there)
		r = -ENOMEM;
	for (i = 0; !r && !l->differs && i < PLACES_FIRST + PLACES_SPREAD; i++) {
		page = i < PLACES_FIRST ? i : div64_u64(pages * (i - PLACES_FIRST), PLACES_SPREAD);
		if (page < pages)
			r = look_at(l, page * PLACE_SECTORS, i >= PLACES_FIRST);
		if (time_after(jiffies, end))
			break;		/* others wait for op_lock */
	}
	if (l->here)
		__free_page(l->here);
	if (l->there)
		__free_page(l->there);
	return r;
}

static bool is_turned(const struct drp_sync *s)
{
	return s->rec.reverse || s->rec.copy_state == DRP_CS_FAILEDOVER;
}

/* They may have emptied either, and nothing is copied unasked. */
static bool hosts_write_both(const struct drp_sync *s)
{
	return drp_state_access(s->rec.sync_type, s->rec.copy_state, false).target == DRP_ACCESS_WRITE;
}

/* Where all may differ nothing can be compared, but no disk of before is empty if the other one is not. */
static bool is_a_new_disk(const struct look *l)
{
	if (is_turned(l->s) || l->s->rec.initial_copy || hosts_write_both(l->s))
		return false;
	/* A target that is being overwritten may not have got anything yet. */
	return ((l->s->doubt & DRP_DOUBT_SOURCE) && !l->data_here && l->data_there >= PLACES_OF_DATA) ||
	       ((l->s->doubt & DRP_DOUBT_TARGET) && l->s->rec.target_consistent && !l->data_there &&
		l->data_here >= PLACES_OF_DATA);
}

/* Is what is on the disks of its sides what their elements show, but for its own turn? */
static bool shows_its_disks(const struct drp_sync *s)
{
	return (!s->source->inbound || s->source->inbound->s == s) &&
	       (!s->target->inbound || s->target->inbound->s == s);
}

static bool can_be_compared(const struct drp_sync *s)
{
	/* Of a snapshot nothing says what its source must have. */
	if (drp_sync_is_snapshot(s) || s->rec.copy_state == DRP_CS_INVALID)
		return false;
	if (is_turned(s))
		return true;
	return s->rec.sync_type == DRP_SYNC_MIRROR && shows_its_disks(s);
}

void drp_op_doubt_legs(struct drp_sync *s)
{
	struct look l = { .s = s };
	int r = 0;

	if (!s->doubt || !can_be_compared(s))
		return;
	if (look_around(&l))
		return;		/* another time */
	/* A new disk is empty; else it is the side that failed. */
	if (l.differs && s->rec.copy_state == DRP_CS_FAILEDOVER && (s->doubt & DRP_DOUBT_SOURCE) &&
	    !(l.target_lacks && (s->doubt & DRP_DOUBT_TARGET)))
		r = drp_op_source_replaced(s);
	else if (l.differs || is_a_new_disk(&l))
		r = drp_op_invalidate(s, "its sides differ where they must not: is one of them another device?");
	/* What could not be recorded is asked again. */
	if (!r)
		s->doubt = 0;
}
