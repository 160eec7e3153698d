// SPDX-License-Identifier: GPL-2.0-only
/*
 * Status lines: words separated by one blank, "-" for nothing. The grammar
 * stands in Documentation/dm-interface.rst; its version is the first word.
 */
#include <linux/math64.h>
#include <linux/time64.h>

#include "core/names.h"
#include "frontend.h"
#include "query.h"

#define STATUS_VERSION	1
#define HEADER_BYTES	256

/* Make @text one word of printable ASCII. */
static void put_word(char *word, size_t size, const char *text)
{
	char *p;

	strscpy(word, *text ? text : "-", size);
	for (p = word; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '_';
}

static noinline_for_stack void format_pool(const struct drp_pool_info *p, char *result,
					   unsigned int maxlen)
{
	const u32 chunk = max(p->chunk_bytes, 1U);
	char refusal[DRP_MESSAGE_MAX + 1];
	int len;

	put_word(refusal, sizeof(refusal), p->last_refusal);
	len = scnprintf(result, maxlen, "%d %s %u %u %u %llu/%llu %llu %llu %llu %llu %llu %s",
		  STATUS_VERSION,
		  p->active ? drp_kebab(DRP_ENUM_POOL_MODE, p->mode) : "inactive",
		  p->nr_elements, p->nr_syncs, p->nr_jobs,
		  div_u64(p->metadata_used_bytes, DRP_BLOCK_BYTES),
		  div_u64(p->metadata_bytes, DRP_BLOCK_BYTES),
		  p->commits, p->checkpoints, div_u64(p->stall_max_ns, NSEC_PER_USEC),
		  p->memory_bytes, p->memory_max_bytes, refusal);
	if (p->cow_bytes)
		scnprintf(result + len, maxlen - len, " %llu/%llu %u %llu/%llu %llu/%llu",
			  div_u64(p->cow_used_bytes, chunk), div_u64(p->cow_bytes, chunk),
			  p->cow_level, p->cow_memory_bytes, p->cow_memory_max_bytes,
			  div_u64(p->cow_index_bytes, DRP_BLOCK_BYTES),
			  div_u64(p->cow_index_max_bytes, DRP_BLOCK_BYTES));
	else
		scnprintf(result + len, maxlen - len, " - 0 - -");
}

void drp_pool_status(struct drp_pool *pool, char *result, unsigned int maxlen)
{
	struct drp_pool_info info;

	drp_pool_query(pool, &info);
	format_pool(&info, result, maxlen);
}

/* Letters for what is durably known of a sync. */
static void put_flags(char flags[6], const struct drp_sync_info *s)
{
	char *p = flags;

	if (s->target_consistent)
		*p++ = 'C';
	if (s->in_sync)
		*p++ = 'I';
	if (s->rec.source_changed)
		*p++ = 'S';
	if (s->rec.target_changed)
		*p++ = 'T';
	if (s->rec.reverse)
		*p++ = 'R';
	if (p == flags)
		*p++ = '-';
	*p = '\0';
}

static unsigned int put_sync(const struct drp_sync_info *s, char role, char *result,
			     unsigned int size)
{
	char flags[6];

	put_flags(flags, s);
	return scnprintf(result, size, " %llu %s %c %s %s %u %llu %s", s->rec.id,
			 drp_kebab(DRP_ENUM_SYNC_TYPE, s->rec.sync_type), role,
			 drp_kebab(DRP_ENUM_COPY_STATE, s->copy_state),
			 drp_kebab(DRP_ENUM_PROGRESS_STATUS, s->progress_status),
			 s->percent_synced, s->dirty_bytes >> DRP_SECTOR_SHIFT, flags);
}

/* The words of all syncs of @element_id; returns how many there are. */
static noinline_for_stack unsigned int put_syncs(struct drp_pool *pool, u64 element_id,
						 char *result, unsigned int maxlen)
{
	struct drp_sync_info info;
	unsigned int used = 0, nr = 0;
	u64 next = 1;

	*result = '\0';
	while (!drp_sync_query(pool, next, &info)) {
		bool source = info.rec.source_id == element_id;

		next = info.rec.id + 1;
		if (!source && info.rec.target_id != element_id)
			continue;
		nr++;
		used += put_sync(&info, source ? 's' : 't', result + used, maxlen - used);
	}
	return nr;
}

static noinline_for_stack int put_header(struct drp_pool *pool, u64 element_id,
					 unsigned int nr_syncs, char *header)
{
	struct drp_element_info info;

	if (drp_element_query(pool, element_id, &info) || info.rec.id != element_id)
		return -ENOENT;
	return scnprintf(header, HEADER_BYTES, "%d %s %u %s %u/%u %u", STATUS_VERSION,
			 info.rec.name, info.attached,
			 drp_kebab(DRP_ENUM_ACCESS, info.host_access),
			 info.active_extents, info.rec.active_extents_max, nr_syncs);
}

/*
 * The syncs first, then what stands before them: so their number is right even
 * when one comes or goes meanwhile. A line that does not fit fills @maxlen - 1
 * bytes, by which dm knows to ask again with a larger buffer.
 */
void drp_element_status(struct drp_pool *pool, u64 element_id, char *result, unsigned int maxlen)
{
	char header[HEADER_BYTES];
	unsigned int nr, syncs;
	int len;

	if (!maxlen)
		return;
	nr = put_syncs(pool, element_id, result, maxlen);
	len = put_header(pool, element_id, nr, header);
	if (len < 0) {
		scnprintf(result, maxlen, "Error");
		return;
	}
	len = min_t(unsigned int, len, maxlen - 1);
	syncs = min_t(unsigned int, strlen(result), maxlen - 1 - len);
	memmove(result + len, result, syncs);
	memcpy(result, header, len);
	result[len + syncs] = '\0';
}
