/* SPDX-License-Identifier: GPL-2.0-only */
/* Lengths and crc32c of the sample records. A change here is a change of the on-disk format. */
	{ "pool", 32, 0x3e0b172a },
	{ "element", 304, 0xac50e0c2 },
	{ "sync", 376, 0xa32b7ad8 },
	{ "group", 112, 0x5bf00577 },
	{ "aspect", 264, 0xad26bb70 },
	{ "object_del", 24, 0xd94645fa },
	{ "activate", 32, 0x5f14ff47 },
	{ "plane_all", 24, 0xde3066fd },
	{ "plane_root", 80, 0xb8a96b45 },
	{ "cut", 40, 0xfe893ba7 },
	{ "confirm", 424, 0x3d38085c },
	{ "cut_abort", 24, 0x443b55c6 },
