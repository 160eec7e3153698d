// SPDX-License-Identifier: GPL-2.0-only
/* The tree of values that a command prints, as JSON or as text. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/sysmacros.h>
#include <json-c/json.h>

#include "device.h"
#include "output.h"

enum node_kind { NODE_VALUE, NODE_OBJECT, NODE_ARRAY };

struct node {
	enum node_kind kind;
	bool known;			/* false: null */
	bool alarm;			/* colour it */
	const char *key, *column;
	char *text;
	json_object *json;		/* owned by the parent's, or by the root */
	struct node *first, *last, *next;
};

static bool json_wanted, colour_wanted;

void output_setup(const struct args *args)
{
	const char *no_colour = getenv("NO_COLOR");

	json_wanted = opt(args, OPT_JSON);
	colour_wanted = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

bool output_is_json(void)
{
	return json_wanted;
}

static struct node *add(struct node *parent, const char *key, enum node_kind kind,
			json_object *json)
{
	struct node *n = xalloc(sizeof(*n));

	n->kind = kind;
	n->key = key;
	n->json = json;
	n->known = true;
	if (!parent)
		return n;
	if (parent->kind == NODE_ARRAY)
		json_object_array_add(parent->json, json);
	else
		json_object_object_add(parent->json, key, json);
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

struct node *out_object(struct node *parent, const char *key)
{
	return add(parent, key, NODE_OBJECT, json_object_new_object());
}

struct node *out_array(struct node *parent, const char *key)
{
	return add(parent, key, NODE_ARRAY, json_object_new_array());
}

static struct node *value(struct node *o, const char *key, const char *column, const char *text,
			  json_object *json)
{
	struct node *n = add(o, key, NODE_VALUE, json);

	n->column = column;
	n->text = xstrdup(text);
	return n;
}

void out_null(struct node *o, const char *key, const char *column)
{
	value(o, key, column, "-", NULL)->known = false;
}

void out_str(struct node *o, const char *key, const char *column, const char *text)
{
	if (*text)
		value(o, key, column, text, json_object_new_string(text));
	else
		out_null(o, key, column);
}

void out_uint(struct node *o, const char *key, const char *column, u64 number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	value(o, key, column, text, json_object_new_uint64(number));
}

void out_bool(struct node *o, const char *key, const char *column, bool yes)
{
	value(o, key, column, yes ? "yes" : "no", json_object_new_boolean(yes));
}

static bool alarming(enum drp_enum which, u32 number)
{
	switch (which) {
	case DRP_ENUM_COPY_STATE:
		return number == DRP_CS_BROKEN || number == DRP_CS_INVALID ||
		       number == DRP_CS_PARTITIONED || number == DRP_CS_ABORTED;
	case DRP_ENUM_POOL_MODE:
		return number != DRP_POOL_RW;
	case DRP_ENUM_JOB_STATE:
		return number == DRP_JOB_EXCEPTION || number == DRP_JOB_KILLED;
	default:
		return false;
	}
}

void out_enum(struct node *o, const char *key, const char *column, enum drp_enum which, u32 number)
{
	const char *name = drp_name(which, number);
	json_object *json = json_object_new_object();

	json_object_object_add(json, "value", json_object_new_uint64(number));
	json_object_object_add(json, "name", json_object_new_string(name));
	value(o, key, column, name, json)->alarm = alarming(which, number);
}

const char *human_bytes(u64 bytes, char *buf, size_t size)
{
	static const char * const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned int u = 0;
	double v = bytes;

	for (; v >= 1024 && u + 1 < ARRAY_SIZE(units); u++)
		v /= 1024;
	snprintf(buf, size, u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return buf;
}

const char *human_seconds(u64 s, char *buf, size_t size)
{
	unsigned long long n = s;

	if (n >= 3600)
		snprintf(buf, size, "%lluh%02llum", n / 3600, n / 60 % 60);
	else if (n >= 60)
		snprintf(buf, size, "%llum%02llus", n / 60, n % 60);
	else
		snprintf(buf, size, "%llus", n);
	return buf;
}

void out_bytes(struct node *o, const char *key, const char *column, u64 bytes)
{
	char text[32];

	value(o, key, column, human_bytes(bytes, text, sizeof(text)),
	      json_object_new_uint64(bytes));
}

/* JSON has UTC with all digits, text has local time. */
static void out_time(struct node *o, const struct field *f, u64 ns)
{
	char utc[32], iso[48], local[32];
	time_t seconds = ns / 1000000000;
	struct tm tm;

	if (!ns) {
		out_null(o, f->key, f->column);
		return;
	}
	gmtime_r(&seconds, &tm);
	strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(iso, sizeof(iso), "%s.%09uZ", utc, (unsigned int)(ns % 1000000000));
	localtime_r(&seconds, &tm);
	strftime(local, sizeof(local), "%Y-%m-%d %H:%M:%S", &tm);
	value(o, f->key, f->column, local, json_object_new_string(iso));
}

void out_uuid(struct node *o, const char *key, const char *column, const u8 *b)
{
	char text[37];

	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
		 b[12], b[13], b[14], b[15]);
	out_str(o, key, column, text);
}

static void out_uuid_field(struct node *o, const struct field *f, const struct record *r)
{
	const u8 *bytes;
	u32 len;

	bytes = rec_bin(r, f->attr, &len);
	if (bytes && len == DRP_UUID_BYTES)
		out_uuid(o, f->key, f->column, bytes);
	else
		out_null(o, f->key, f->column);
}

/* Device numbers come as the kernel's MKDEV(): 20 bits of minor. */
static void out_dev(struct node *o, const struct field *f, u64 number)
{
	char path[REPLCTL_PATH_MAX];

	if (number)
		out_str(o, f->key, f->column,
			device_path(kernel_dev(number), path, sizeof(path)));
	else
		out_null(o, f->key, f->column);
}

static void out_text(struct node *o, const struct field *f, u64 number, const char *text)
{
	value(o, f->key, f->column, text, json_object_new_uint64(number));
}

static void out_number(struct node *o, const struct field *f, u64 v)
{
	char text[40], human[32];

	switch (f->kind) {
	case F_RATE:
	case F_JOB_RATE:
		snprintf(text, sizeof(text), "%s/s", human_bytes(v, human, sizeof(human)));
		out_text(o, f, v, text);
		return;
	case F_PERCENT:
		snprintf(text, sizeof(text), "%u%%", (unsigned int)v);
		out_text(o, f, v, text);
		return;
	case F_SECONDS:
		out_text(o, f, v, human_seconds(v, human, sizeof(human)));
		return;
	case F_NANOSECONDS:
		snprintf(text, sizeof(text), "%.3f ms", (double)v / 1e6);
		out_text(o, f, v, text);
		return;
	default:
		out_uint(o, f->key, f->column, v);
	}
}

static void out_ids(struct node *o, const struct field *f, const struct record *r)
{
	json_object *json = json_object_new_array();
	char text[512] = "";
	unsigned int i;
	size_t len = 0;
	u64 id;

	for (i = 0; rec_u64_at(r, f->attr, i, &id); i++) {
		json_object_array_add(json, json_object_new_uint64(id));
		len += scnprintf(text + len, sizeof(text) - len, "%s%llu", i ? " " : "",
				 (unsigned long long)id);
	}
	value(o, f->key, f->column, i ? text : "-", json)->known = i;
}

/* The momentary rate of a job that has ended is of no use: what it was on the whole, if known. */
static void out_job_rate(struct node *o, const struct field *f, const struct record *r)
{
	u64 from = rec_u64(r, DRP_A_TIME_STARTED), to = rec_u64(r, DRP_A_TIME_ENDED);
	u64 done = rec_u64(r, DRP_A_BYTES_DONE);

	if (!to)
		out_number(o, f, rec_u64(r, f->attr));
	else if (from && to > from && done)
		out_number(o, f, (double)done * 1e9 / (double)(to - from));
	else
		out_null(o, f->key, f->column);
}

static void out_field(struct node *o, const struct field *f, const struct record *r)
{
	u64 v = rec_u64(r, f->attr);

	if (f->kind == F_IDS)
		out_ids(o, f, r);
	else if (f->kind == F_JOB_RATE)
		out_job_rate(o, f, r);
	else if (!rec_has(r, f->attr))
		out_null(o, f->key, f->column);
	else if (f->kind == F_STR)
		out_str(o, f->key, f->column, rec_str(r, f->attr));
	else if (f->kind == F_BOOL)
		out_bool(o, f->key, f->column, v);
	else if (f->kind == F_ENUM)
		out_enum(o, f->key, f->column, f->which, v);
	else if (f->kind == F_BYTES)
		out_bytes(o, f->key, f->column, v);
	else if (f->kind == F_SECTORS)
		out_bytes(o, f->key, f->column, v << DRP_SECTOR_SHIFT);
	else if (f->kind == F_TIME)
		out_time(o, f, v);
	else if (f->kind == F_UUID)
		out_uuid_field(o, f, r);
	else if (f->kind == F_DEV)
		out_dev(o, f, v);
	else
		out_number(o, f, v);
}

void out_fields(struct node *o, const struct field *fields, unsigned int nr,
		const struct record *r)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		out_field(o, &fields[i], r);
}

static void print_text(const struct node *n, int width)
{
	/* Blanks behind the last column are of no use to anybody. */
	int pad = width - (int)strlen(n->text);

	if (n->alarm && colour_wanted)
		printf("\033[31m%s\033[0m", n->text);
	else
		fputs(n->text, stdout);
	if (pad > 0)
		printf("%*s", pad, "");
}

static int column_width(const struct node *array, const char *column)
{
	const struct node *row, *n;
	size_t width = strlen(column);

	for (row = array->first; row; row = row->next)
		for (n = row->first; n; n = n->next)
			if (n->column && !strcmp(n->column, column) && strlen(n->text) > width)
				width = strlen(n->text);
	return width;
}

static bool more_columns(const struct node *n)
{
	for (n = n->next; n; n = n->next)
		if (n->column)
			return true;
	return false;
}

static void print_table(const struct node *array)
{
	const struct node *row, *n;

	if (!array->first)
		return;
	for (n = array->first->first; n; n = n->next)
		if (n->column)
			printf("%-*s%s", more_columns(n) ? column_width(array, n->column) : 0,
			       n->column, more_columns(n) ? "  " : "\n");
	for (row = array->first; row; row = row->next)
		for (n = row->first; n; n = n->next)
			if (n->column) {
				print_text(n, more_columns(n) ? column_width(array, n->column) : 0);
				fputs(more_columns(n) ? "  " : "\n", stdout);
			}
}

static void print_object(const struct node *object, const char *empty)
{
	const struct node *n;
	size_t width = 0;
	bool lines = false;

	for (n = object->first; n; n = n->next)
		if (n->kind == NODE_VALUE && n->known && strlen(n->key) > width)
			width = strlen(n->key);
	for (n = object->first; n; n = n->next)
		if (n->kind == NODE_VALUE && n->known) {
			printf("%-*s  ", (int)width, n->key);
			print_text(n, 0);
			putchar('\n');
			lines = true;
		}
	for (n = object->first; n; n = n->next) {
		bool alone = !lines && object->first == n && !n->next;

		if (n->kind == NODE_VALUE)
			continue;
		if (!alone && n->first)
			printf("%s%s:\n", lines ? "\n" : "", n->key);
		if (n->kind == NODE_ARRAY)
			print_table(n);
		else
			print_object(n, NULL);
		if (alone && !n->first && empty)
			puts(empty);
		lines = lines || n->first;
	}
}

static void free_tree(struct node *n)
{
	while (n) {
		struct node *next = n->next;

		free_tree(n->first);
		free(n->text);
		free(n);
		n = next;
	}
}

void out_print(struct node *root, const char *empty)
{
	if (json_wanted)
		puts(json_object_to_json_string_ext(root->json, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_SPACED |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		print_object(root, empty);
	json_object_put(root->json);
	free_tree(root);
}

void out_print_line(struct node *root)
{
	const struct node *n;
	char now[32];
	time_t seconds = time(NULL);
	struct tm tm;

	if (json_wanted) {
		puts(json_object_to_json_string_ext(root->json, JSON_C_TO_STRING_PLAIN |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	} else {
		localtime_r(&seconds, &tm);
		strftime(now, sizeof(now), "%Y-%m-%d %H:%M:%S", &tm);
		fputs(now, stdout);
		for (n = root->first; n; n = n->next)
			if (n->kind == NODE_VALUE && n->known) {
				printf(" %s=", n->key);
				print_text(n, 0);
			}
		putchar('\n');
	}
	json_object_put(root->json);
	free_tree(root);
}
