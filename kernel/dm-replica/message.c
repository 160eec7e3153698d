// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to the pool's device: words in, one short line out. The grammar
 * stands in Documentation/dm-interface.rst.
 */
#include <linux/slab.h>

#include "frontend.h"
#include "request.h"

/* Room for every number that an answer can hold; a text may be cut. */
#define ANSWER_MIN	160
#define ANSWER_MAX	256

struct work {
	struct drp_request req;
	struct drp_result res;
	struct drp_parse_error err;
};

static void put_id(char *result, unsigned int size, const char *key, u64 id)
{
	size_t used = strlen(result);

	if (id)
		scnprintf(result + used, size - used, " %s=%llu", key, id);
}

/* A text ends the line; control characters would end it early. */
static void put_text(char *result, unsigned int size, const char *text)
{
	size_t used = strlen(result);
	char *p;

	if (!*text)
		return;
	scnprintf(result + used, size - used, " text: %s", text);
	for (p = result + used; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = ' ';
}

static void format_result(const struct work *w, char *result, unsigned int size)
{
	const struct drp_result *r = &w->res;

	scnprintf(result, size, "%u", r->return_value);
	put_id(result, size, "job", r->job_id);
	put_id(result, size, "id", r->object_id);
	put_id(result, size, "aspect", r->aspect_id);
	put_id(result, size, "updated_sync", r->updated_sync_id);
	put_text(result, size, r->text);
}

int drp_pool_message(struct drp_pool *pool, unsigned int argc, char **argv,
		     char *result, unsigned int maxlen)
{
	struct work *w;
	int err;

	/*
	 * dm takes an answer of maxlen - 1 bytes for one that did not fit, and
	 * then libdevmapper sends the message again: before that, do nothing.
	 */
	if (maxlen < ANSWER_MIN) {
		drp_request_note_refusal(pool, "the caller's buffer is too small for an answer");
		return -EINVAL;
	}
	w = kzalloc(sizeof(*w), GFP_KERNEL);
	if (!w)
		return -ENOMEM;

	err = drp_parse_message(argc, argv, &w->req, &w->err);
	if (err) {
		drp_request_note_refusal(pool, w->err.text);
		goto out;
	}
	/* This one remembers and logs its refusals itself. */
	err = drp_request_execute(pool, &w->req, &w->res);
	if (err)
		goto out;
	format_result(w, result, min_t(unsigned int, maxlen - 1, ANSWER_MAX));
	err = 1;
out:
	kfree(w);
	return err;
}
