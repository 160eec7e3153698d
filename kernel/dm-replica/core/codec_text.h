/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts of fixed size on disk, for the codec's files only. What lies behind the
 * NUL is zero on disk, so that equal objects have equal bytes.
 */
#ifndef DRP_CORE_CODEC_TEXT_H
#define DRP_CORE_CODEC_TEXT_H

#include "types.h"

static inline void drp_text_pack(char *dst, const char *src, size_t size)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	memset(dst + len, 0, size - len);
}

/* False if no NUL ends the text; @dst is whole in either case. */
static inline bool drp_text_unpack(char *dst, const char *src, size_t size)
{
	drp_text_pack(dst, src, size);
	return strnlen(src, size) < size;
}

#endif /* DRP_CORE_CODEC_TEXT_H */
