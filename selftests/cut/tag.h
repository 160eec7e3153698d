/* SPDX-License-Identifier: GPL-2.0-only */
/* What hosts write: every sector names its write, its place and its element. */
#ifndef CUT_TAG_H
#define CUT_TAG_H

#include <stdint.h>
#include <string.h>

#define TAG_SECTOR	512
#define TAG_WORDS	(TAG_SECTOR / 8)
#define TAG_MAGIC	0x6375742d74616721ULL

struct tag {
	uint64_t magic;
	uint32_t serial, element;
	uint64_t sector;
};

static inline uint64_t tag_mix(const struct tag *t)
{
	uint64_t x = t->sector * 0xff51afd7ed558ccdULL ^
		     ((uint64_t)t->serial << 32 | t->element) * 0xc4ceb9fe1a85ec53ULL;

	return x ^ x >> 29;
}

static inline void tag_fill(void *sector, uint32_t serial, uint32_t element, uint64_t at)
{
	const struct tag t = { TAG_MAGIC, serial, element, at };
	uint64_t words[TAG_WORDS], mix = tag_mix(&t);
	unsigned int i;

	memcpy(words, &t, sizeof(t));
	for (i = sizeof(t) / 8; i < TAG_WORDS; i++)
		words[i] = mix + i;
	memcpy(sector, words, sizeof(words));
}

/* The serial in a sector that belongs @at, 0: zeroes, -1: neither. */
static inline int64_t tag_serial(const void *sector, uint64_t at)
{
	uint64_t words[TAG_WORDS], mix;
	unsigned int i;
	struct tag t;

	memcpy(words, sector, sizeof(words));
	memcpy(&t, words, sizeof(t));
	mix = tag_mix(&t);
	for (i = t.magic ? sizeof(t) / 8 : 0; i < TAG_WORDS; i++)
		if (words[i] != (t.magic ? mix + i : 0))
			return -1;
	if (!t.magic)
		return 0;
	return t.magic == TAG_MAGIC && t.sector == at ? t.serial : -1;
}

#endif
