// SPDX-License-Identifier: GPL-2.0-only
#include "bitmap.h"

#define WORD_BITS	64U

/* Bits of word @w that belong to [@first, @end); the range touches the word. */
static u64 word_mask(u32 w, u32 first, u32 end)
{
	u64 mask = ~0ULL;

	if (first / WORD_BITS == w)
		mask &= ~0ULL << (first % WORD_BITS);
	if (end / WORD_BITS == w)
		mask &= ~(~0ULL << (end % WORD_BITS));
	return mask;
}

static u32 last_word(u32 end)
{
	return (end - 1) / WORD_BITS;
}

u32 drp_bits_set(u64 *words, u32 first, u32 count)
{
	u32 end = first + count, changed = 0, w;

	if (!count)
		return 0;
	for (w = first / WORD_BITS; w <= last_word(end); w++) {
		u64 mask = word_mask(w, first, end);

		changed += hweight64(mask & ~words[w]);
		words[w] |= mask;
	}
	return changed;
}

u32 drp_bits_clear(u64 *words, u32 first, u32 count)
{
	u32 end = first + count, changed = 0, w;

	if (!count)
		return 0;
	for (w = first / WORD_BITS; w <= last_word(end); w++) {
		u64 mask = word_mask(w, first, end);

		changed += hweight64(mask & words[w]);
		words[w] &= ~mask;
	}
	return changed;
}

bool drp_bits_test(const u64 *words, u32 bit)
{
	return words[bit / WORD_BITS] >> (bit % WORD_BITS) & 1;
}

bool drp_bits_any(const u64 *words, u32 first, u32 count)
{
	u32 end = first + count, w;

	if (!count)
		return false;
	for (w = first / WORD_BITS; w <= last_word(end); w++)
		if (words[w] & word_mask(w, first, end))
			return true;
	return false;
}

u32 drp_bits_count(const u64 *words, u32 nr_bits)
{
	u32 n = 0, w;

	if (!nr_bits)
		return 0;
	for (w = 0; w <= last_word(nr_bits); w++)
		n += hweight64(words[w] & word_mask(w, 0, nr_bits));
	return n;
}

/* First bit at or behind @from whose value differs from the bits of @flip. */
static u32 next_bit(const u64 *words, u32 nr_bits, u32 from, u64 flip)
{
	u32 w;

	if (from >= nr_bits)
		return nr_bits;
	for (w = from / WORD_BITS; w <= last_word(nr_bits); w++) {
		u64 found = (words[w] ^ flip) & word_mask(w, from, nr_bits);

		if (found)
			return w * WORD_BITS + fls64(found & -found) - 1;
	}
	return nr_bits;
}

u32 drp_bits_next_set(const u64 *words, u32 nr_bits, u32 from)
{
	return next_bit(words, nr_bits, from, 0);
}

u32 drp_bits_next_clear(const u64 *words, u32 nr_bits, u32 from)
{
	return next_bit(words, nr_bits, from, ~0ULL);
}

u32 drp_bits_or(u64 *dst, const u64 *src, u32 nr_words)
{
	u32 changed = 0, w;

	for (w = 0; w < nr_words; w++) {
		changed += hweight64(src[w] & ~dst[w]);
		dst[w] |= src[w];
	}
	return changed;
}
