/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bits in 64-bit words, for plane pages and extent sets. Pure; the caller
 * serialises. Ranges are [first, first + count), inside the caller's words.
 */
#ifndef DRP_CORE_BITMAP_H
#define DRP_CORE_BITMAP_H

#include "types.h"

/* Set or clear a range; returns how many bits changed. */
u32 drp_bits_set(u64 *words, u32 first, u32 count);
u32 drp_bits_clear(u64 *words, u32 first, u32 count);

bool drp_bits_test(const u64 *words, u32 bit);

/* Any bit set in the range? */
bool drp_bits_any(const u64 *words, u32 first, u32 count);

u32 drp_bits_count(const u64 *words, u32 nr_bits);

/* Next set (clear) bit at or behind @from, or @nr_bits. */
u32 drp_bits_next_set(const u64 *words, u32 nr_bits, u32 from);
u32 drp_bits_next_clear(const u64 *words, u32 nr_bits, u32 from);

/* @dst |= @src over @nr_words; returns how many bits became set. */
u32 drp_bits_or(u64 *dst, const u64 *src, u32 nr_words);

#endif /* DRP_CORE_BITMAP_H */
