// SPDX-License-Identifier: GPL-2.0-only
/* Table lines of the targets: see args.h. */
#include "args_word.h"

#define FEATURE_USAGE	"[<#feature args> <feature arg>...]"

/*
 * Checks the "<#feature args>" word against what follows it. A count that does
 * not fit is refused, because a later version could mean something by the rest.
 */
static int parse_feature_count(unsigned int argc, char **argv, struct drp_parse_error *err)
{
	u64 n;

	if (!argc)
		return 0;
	if (drp_arg_range("number of feature args", argv[0], 0, U32_MAX, &n, err))
		return -EINVAL;
	if (n != argc - 1)
		return drp_bad(err, "number of feature args: '%.48s', but %u follow", argv[0],
			       argc - 1);
	return 0;
}

static int parse_sectors(const char *what, const char *text, u32 low, u32 high, u32 *sectors,
			 struct drp_parse_error *err)
{
	if (drp_arg_range32(what, text, low, high, sectors, err))
		return -EINVAL;
	if (*sectors & (*sectors - 1))
		return drp_bad(err, "%s: '%.48s' is not a power of two", what, text);
	return 0;
}

/* 8-4-4-4-12 hexadecimal digits. */
static int parse_owner(const char *text, const char **owner, struct drp_parse_error *err)
{
	static const char shape[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
	size_t i;

	for (i = 0; i < sizeof(shape); i++) {
		bool hex = (text[i] >= '0' && text[i] <= '9') ||
			   (text[i] >= 'a' && text[i] <= 'f') ||
			   (text[i] >= 'A' && text[i] <= 'F');

		if (shape[i] == 'h' ? !hex : text[i] != shape[i])
			return drp_bad(err, "owner: '%.48s' is not a UUID", text);
	}
	*owner = text;
	return 0;
}

#define REGION_SECTORS_LOW	8
#define REGION_SECTORS_HIGH	2048
#define REGION_SECTORS_DEFAULT	8
#define CHUNK_SECTORS_LOW	8
#define CHUNK_SECTORS_HIGH	2048
#define EXTENT_SECTORS_LOW	128
#define EXTENT_SECTORS_HIGH	131072
#define EXTENT_SECTORS_DEFAULT	8192

static int parse_pool_feature(const char *text, struct drp_pool_args *a,
			      struct drp_parse_error *err)
{
	int r = drp_arg_flag(text, "format", &a->format, err);

	if (!r)
		r = drp_arg_flag(text, "take_over", &a->take_over, err);
	if (r)
		return r < 0 ? r : 0;
	if (!strncmp(text, "region=", 7) && !a->region_sectors)
		return parse_sectors("region", text + 7, REGION_SECTORS_LOW, REGION_SECTORS_HIGH,
				     &a->region_sectors, err);
	if (!strncmp(text, "extent=", 7) && !a->extent_sectors)
		return parse_sectors("extent", text + 7, EXTENT_SECTORS_LOW, EXTENT_SECTORS_HIGH,
				     &a->extent_sectors, err);
	if (!strncmp(text, "name=", 5) && !a->name)
		return drp_arg_new_name(text + 5, &a->name, err);
	if (!strncmp(text, "owner=", 6) && !a->owner)
		return parse_owner(text + 6, &a->owner, err);
	if (!strncmp(text, "cow_identity=", 13) && !a->cow_identity)
		return drp_arg_identity(text + 13, &a->cow_identity, err);
	return drp_bad(err, "feature '%.64s' is not known or given twice", text);
}

/* Defaults, and what the sizes demand of each other. */
static int finish_pool_args(struct drp_pool_args *a, struct drp_parse_error *err)
{
	if (!a->region_sectors)
		a->region_sectors = REGION_SECTORS_DEFAULT;
	if (!a->extent_sectors)
		a->extent_sectors = EXTENT_SECTORS_DEFAULT;
	if (a->region_sectors > a->extent_sectors)
		return drp_bad(err, "region: '%u' sectors do not fit an extent of %u sectors",
			       a->region_sectors, a->extent_sectors);
	if (a->cow_identity && !a->cow_dev)
		return drp_bad(err, "cow_identity: there is no COW device");
	if (a->chunk_sectors > a->extent_sectors)
		return drp_bad(err, "chunk: '%u' sectors do not fit an extent of %u sectors",
			       a->chunk_sectors, a->extent_sectors);
	return 0;
}

int drp_parse_pool_args(unsigned int argc, char **argv, struct drp_pool_args *a,
			struct drp_parse_error *err)
{
	unsigned int i;

	memset(a, 0, sizeof(*a));
	if (argc < 3)
		return drp_bad(err, "a pool needs: <metadata dev> <cow dev | -> <chunk sectors> %s",
			       FEATURE_USAGE);
	if (!*argv[0] || !strcmp(argv[0], "-"))
		return drp_bad(err, "metadata device: '%s' is no device", argv[0]);
	if (!*argv[1])
		return drp_bad(err, "COW device: '' is no device, write - for none");
	a->metadata_dev = argv[0];
	if (strcmp(argv[1], "-"))
		a->cow_dev = argv[1];
	if (a->cow_dev && !strcmp(a->cow_dev, a->metadata_dev))
		return drp_bad(err, "COW device: '%.96s' is the metadata device", a->cow_dev);
	if (parse_sectors("chunk", argv[2], CHUNK_SECTORS_LOW, CHUNK_SECTORS_HIGH,
			  &a->chunk_sectors, err) ||
	    parse_feature_count(argc - 3, argv + 3, err))
		return -EINVAL;
	for (i = 4; i < argc; i++)
		if (parse_pool_feature(argv[i], a, err))
			return -EINVAL;
	return finish_pool_args(a, err);
}

int drp_parse_element_args(unsigned int argc, char **argv, struct drp_element_args *a,
			   struct drp_parse_error *err)
{
	unsigned int i;

	memset(a, 0, sizeof(*a));
	if (argc < 2)
		return drp_bad(err, "an element needs: <pool dev> <element id> [<data dev | -> %s]",
			       FEATURE_USAGE);
	if (!*argv[0] || !strcmp(argv[0], "-"))
		return drp_bad(err, "pool device: '%s' is no device", argv[0]);
	a->pool_dev = argv[0];
	if (drp_arg_id("element id", argv[1], false, &a->id, err))
		return -EINVAL;
	if (argc == 2)
		return 0;
	if (!*argv[2])
		return drp_bad(err, "data device: '' is no device, write - for none");
	if (strcmp(argv[2], "-"))
		a->data_dev = argv[2];
	if (a->data_dev && !strcmp(a->data_dev, a->pool_dev))
		return drp_bad(err, "data device: '%.96s' is the pool", a->data_dev);
	if (parse_feature_count(argc - 3, argv + 3, err))
		return -EINVAL;
	for (i = 4; i < argc; i++) {
		if (strncmp(argv[i], "identity=", 9) || a->identity)
			return drp_bad(err, "feature '%.64s' is not known or given twice", argv[i]);
		if (drp_arg_identity(argv[i] + 9, &a->identity, err))
			return -EINVAL;
	}
	return 0;
}
