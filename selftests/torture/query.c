// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "nl_link.h"
#include "query.h"

struct attrs {
	const uint8_t *at;
	size_t left;
};

/* The next attribute: its type and payload, or 0 at the end. */
static int next_attr(struct attrs *a, const uint8_t **data, size_t *len)
{
	const struct nlattr *attr = (const struct nlattr *)a->at;
	size_t step;

	if (a->left < NLA_HDRLEN || attr->nla_len < NLA_HDRLEN || attr->nla_len > a->left)
		return 0;
	*data = a->at + NLA_HDRLEN;
	*len = attr->nla_len - NLA_HDRLEN;
	step = NLA_ALIGN(attr->nla_len);
	a->at += step;
	a->left -= step < a->left ? step : a->left;
	return attr->nla_type & NLA_TYPE_MASK;
}

static struct nl_link the_link;
static int link_open;

static struct nl_link *link_of_thread(void)
{
	if (!link_open && nl_open(&the_link, DRP_GENL_NAME))
		err(1, "netlink family " DRP_GENL_NAME);
	link_open = 1;
	return &the_link;
}

void query_anew(void)
{
	if (link_open)
		nl_close(&the_link);
	link_open = 0;
}

/* Send a dump request, call @object for each message, until the end. */
static int dump(struct nl_msg *m, void (*object)(struct attrs *a, void *arg), void *arg)
{
	static uint8_t buf[1 << 16] __attribute__((aligned(8)));
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nl_link *nl = link_of_thread();
	struct nlmsghdr *h = nl_header(m);

	h->nlmsg_type = nl->family;
	h->nlmsg_len = m->len;
	h->nlmsg_seq = ++nl->seq;
	if (sendto(nl->fd, m->buf, m->len, 0, (const void *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(nl->fd, buf, sizeof(buf), 0);
		size_t left = n;

		if (n < 0)
			return -errno;
		for (h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			struct attrs a = {
				.at = (uint8_t *)h + NL_HEADERS,
				.left = h->nlmsg_len - NL_HEADERS,
			};

			if (h->nlmsg_seq != nl->seq)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
				return *(int *)NLMSG_DATA(h);
			object(&a, arg);
		}
	}
}

/* ---- syncs ---- */

struct sync_list {
	struct sync_info *syncs;
	int nr, max;
};

static void note_sync(struct attrs *a, void *arg)
{
	struct sync_list *list = arg;
	struct sync_info s = { .in_sync = -1, .consistent = -1 };
	const uint8_t *data;
	size_t len;
	int type;

	while ((type = next_attr(a, &data, &len))) {
		switch (type) {
		case DRP_A_SYNC_ID:
			memcpy(&s.id, data, 8);
			break;
		case DRP_A_SOURCE_ID:
			memcpy(&s.source, data, 8);
			break;
		case DRP_A_TARGET_ID:
			memcpy(&s.target, data, 8);
			break;
		case DRP_A_JOB_ID:
			memcpy(&s.job, data, 8);
			break;
		case DRP_A_DIRTY_BYTES:
			memcpy(&s.dirty_bytes, data, 8);
			break;
		case DRP_A_COPY_STATE:
			s.state = *(const uint16_t *)data;
			break;
		case DRP_A_IN_SYNC:
			s.in_sync = *data;
			break;
		case DRP_A_WHEN_ACTIVATED:
			memcpy(&s.activated, data, 8);
			break;
		case DRP_A_REVERSE:
			s.reverse = *data;
			break;
		case DRP_A_TARGET_CONSISTENT:
			s.consistent = *data;
			break;
		case DRP_A_ERROR_TEXT:
			memcpy(s.error, data, len < 255 ? len : 255);
			break;
		}
	}
	if (list->nr < list->max)
		list->syncs[list->nr++] = s;
}

int query_syncs(struct sync_info *syncs, int max)
{
	struct sync_list list = { .syncs = syncs, .max = max };
	struct nl_msg m;
	int r;

	nl_begin(&m, 0, DRP_CMD_GET_SYNC, NLM_F_DUMP);
	r = dump(&m, note_sync, &list);
	return r ? r : list.nr;
}

/* ---- elements, aspects ---- */

struct id_list {
	uint64_t (*ids)[4];
	const int *types;
	int nr, max;
};

static void note_ids(struct attrs *a, void *arg)
{
	struct id_list *list = arg;
	uint64_t ids[4] = {};
	const uint8_t *data;
	size_t len;
	int type, i;

	while ((type = next_attr(a, &data, &len)))
		for (i = 0; i < 4; i++)
			if (type == list->types[i])
				memcpy(&ids[i], data, 8);
	if (list->nr < list->max)
		memcpy(list->ids[list->nr++], ids, sizeof(ids));
}

static int query_ids(uint8_t cmd, const int *types, void *ids, int max)
{
	struct id_list list = { .ids = ids, .types = types, .max = max };
	struct nl_msg m;
	int r;

	nl_begin(&m, 0, cmd, NLM_F_DUMP);
	r = dump(&m, note_ids, &list);
	return r ? r : list.nr;
}

int query_elements(struct element_info *elements, int max)
{
	static const int types[] = {
		DRP_A_ELEMENT_ID, DRP_A_PARENT_ID, DRP_A_PARENT_GENERATION, DRP_A_GENERATION,
	};

	return query_ids(DRP_CMD_GET_ELEMENT, types, elements, max);
}

int query_aspects(struct aspect_info *aspects, int max)
{
	static const int types[] = {
		DRP_A_ASPECT_ID, DRP_A_SYNC_ID, DRP_A_SOURCE_ID, DRP_A_GENERATION,
	};

	return query_ids(DRP_CMD_GET_ASPECT, types, aspects, max);
}

/* ---- jobs ---- */

struct job {
	uint64_t id;
	unsigned int state, error;
};

static void note_job(struct attrs *a, void *arg)
{
	struct job *wanted = arg, j = {};
	const uint8_t *data;
	size_t len;
	int type;

	while ((type = next_attr(a, &data, &len))) {
		if (type == DRP_A_JOB_ID)
			memcpy(&j.id, data, 8);
		else if (type == DRP_A_JOB_STATE)
			j.state = *(const uint16_t *)data;
		else if (type == DRP_A_ERROR_CODE)
			memcpy(&j.error, data, 4);
	}
	if (j.id == wanted->id)
		*wanted = j;
}

unsigned int query_job(uint64_t id, unsigned int *error)
{
	struct job job = { .id = id };
	struct nl_msg m;

	nl_begin(&m, 0, DRP_CMD_GET_JOB, NLM_F_DUMP);
	dump(&m, note_job, &job);
	*error = job.error;
	return job.state;
}

/* ---- map ---- */

struct map {
	uint8_t *bits;
	uint64_t nr;
};

static void note_extents(struct attrs *a, void *arg)
{
	struct map *map = arg;
	struct drp_extent x;
	const uint8_t *data;
	uint64_t b;
	size_t len;
	int type;

	while ((type = next_attr(a, &data, &len))) {
		if (type != DRP_A_EXTENT || len != sizeof(x))
			continue;
		memcpy(&x, data, sizeof(x));
		for (b = x.offset >> 12; b < (x.offset + x.length + 4095) >> 12 && b < map->nr; b++)
			map->bits[b] = 1;
	}
}

int query_map(const char *pool, uint64_t sync_id, uint8_t *bits, uint64_t nr_blocks)
{
	struct map map = { .bits = bits, .nr = nr_blocks };
	struct nl_msg m;

	memset(bits, 0, nr_blocks);
	nl_begin(&m, 0, DRP_CMD_MAP, NLM_F_DUMP);
	nl_put_string(&m, DRP_A_POOL_NAME, pool);
	nl_put_u64(&m, DRP_A_SYNC_ID, sync_id);
	return dump(&m, note_extents, &map);
}
