// SPDX-License-Identifier: GPL-2.0-only
/* crc32c for user space with the kernel's raw semantics: see user.h. */
#include "user.h"

#define CRC32C_POLY_LE	0x82f63b78U	/* Castagnoli, reflected */

#define STEP(c)		(((c) >> 1) ^ (((c) & 1) ? CRC32C_POLY_LE : 0))

static u32 crc32c_table[256];

/*
 * Filled before main() so that threads need no lock; a constant table of 256
 * nested macros makes compilers crawl.
 */
static void __attribute__((constructor)) crc32c_init(void)
{
	unsigned int n, bit;

	for (n = 0; n < ARRAY_SIZE(crc32c_table); n++) {
		u32 c = n;

		for (bit = 0; bit < 8; bit++)
			c = STEP(c);
		crc32c_table[n] = c;
	}
}

u32 crc32c(u32 crc, const void *buf, unsigned int len)
{
	const u8 *p = buf;

	while (len--)
		crc = crc32c_table[(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return crc;
}
