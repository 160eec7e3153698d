// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nl_link.h"

#define RECEIVE_BYTES	65536

/* ---- messages ---- */

struct nlmsghdr *nl_header(struct nl_msg *m)
{
	return (struct nlmsghdr *)m->buf;
}

struct genlmsghdr *nl_genl(struct nl_msg *m)
{
	return (struct genlmsghdr *)(m->buf + NLMSG_HDRLEN);
}

struct nlattr *nl_last(struct nl_msg *m)
{
	return (struct nlattr *)(m->buf + m->last);
}

void nl_begin(struct nl_msg *m, uint16_t family, uint8_t cmd, int flags)
{
	memset(m, 0, sizeof(*m));
	nl_header(m)->nlmsg_type = family;
	nl_header(m)->nlmsg_flags = NLM_F_REQUEST | flags;
	nl_genl(m)->cmd = cmd;
	nl_genl(m)->version = 1;
	m->len = NL_HEADERS;
}

void nl_put(struct nl_msg *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr *attr;

	if (m->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(m->buf) - 64)
		return;
	m->last = m->len;
	attr = nl_last(m);
	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy(m->buf + m->len + NLA_HDRLEN, data, len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
}

void nl_put_u16(struct nl_msg *m, uint16_t type, uint16_t value)
{
	nl_put(m, type, &value, sizeof(value));
}

void nl_put_u64(struct nl_msg *m, uint16_t type, uint64_t value)
{
	nl_put(m, type, &value, sizeof(value));
}

void nl_put_string(struct nl_msg *m, uint16_t type, const char *text)
{
	nl_put(m, type, text, strlen(text) + 1);
}

/* Attribute @type in the @len bytes at @data, or NULL. */
static const struct nlattr *find_attr(const uint8_t *data, size_t len, uint16_t type)
{
	while (len >= NLA_HDRLEN) {
		const struct nlattr *attr = (const struct nlattr *)data;
		size_t step = NLA_ALIGN(attr->nla_len);

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > len)
			return NULL;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		if (step >= len)
			return NULL;
		data += step;
		len -= step;
	}
	return NULL;
}

/* ---- the socket ---- */

static void send_msg(struct nl_link *nl, struct nl_msg *m)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *h = nl_header(m);

	h->nlmsg_len = m->claimed ? m->claimed : m->len;
	h->nlmsg_seq = ++nl->seq;
	if (sendto(nl->fd, m->buf, m->len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		err(1, "send");
}

static void note_error(const struct nlmsghdr *h, struct nl_outcome *o)
{
	const uint8_t *data = (const uint8_t *)h + NLMSG_HDRLEN;
	size_t skip = h->nlmsg_type == NLMSG_DONE ? sizeof(int) : sizeof(struct nlmsgerr);
	const struct nlattr *text;

	if (h->nlmsg_len < NLMSG_HDRLEN + sizeof(int))
		return;
	memcpy(&o->error, data, sizeof(o->error));
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || h->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	text = find_attr(data + skip, h->nlmsg_len - NLMSG_HDRLEN - skip, NLMSGERR_ATTR_MSG);
	if (text)
		strncpy(o->text, (const char *)text + NLA_HDRLEN, sizeof(o->text) - 1);
}

/* One datagram: calls @object for each message of the family. False at the end. */
static int receive(struct nl_link *nl, struct nl_outcome *o,
		   void (*object)(const struct nlmsghdr *h, void *arg), void *arg)
{
	static uint8_t buf[RECEIVE_BYTES] __attribute__((aligned(8)));
	ssize_t n = recv(nl->fd, buf, sizeof(buf), MSG_DONTWAIT);
	struct nlmsghdr *h;
	size_t left;

	if (n < 0 && errno != EAGAIN)
		err(1, "receive");
	if (n <= 0)
		return 0;
	left = n;
	for (h = (struct nlmsghdr *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		o->answered = 1;
		if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
			note_error(h, o);
		} else if (h->nlmsg_type == nl->family) {
			o->objects++;
			if (object)
				object(h, arg);
		}
	}
	return 1;
}

void nl_exchange(struct nl_link *nl, struct nl_msg *m, struct nl_outcome *o)
{
	memset(o, 0, sizeof(*o));
	send_msg(nl, m);
	while (receive(nl, o, NULL, NULL))
		;
}

static void note_family(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *id = find_attr((const uint8_t *)h + NL_HEADERS,
					    h->nlmsg_len - NL_HEADERS, CTRL_ATTR_FAMILY_ID);

	if (id)
		memcpy(arg, (const uint8_t *)id + NLA_HDRLEN, sizeof(uint16_t));
}

int nl_open(struct nl_link *nl, const char *family)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int on = 1, big = 4 << 20;
	uint16_t id = 0;
	struct nl_outcome o = {};
	struct nl_msg m;

	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -1;
	if (bind(nl->fd, (struct sockaddr *)&any, sizeof(any)) ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) ||
	    setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big)))
		return -1;
	nl->family = GENL_ID_CTRL;
	nl_begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	nl_put_string(&m, CTRL_ATTR_FAMILY_NAME, family);
	send_msg(nl, &m);
	while (receive(nl, &o, note_family, &id))
		;
	nl->family = id;
	errno = id ? 0 : ENOENT;
	return id ? 0 : -1;
}

void nl_close(struct nl_link *nl)
{
	close(nl->fd);
}

/* ---- the dump of all objects ---- */

/* Counters, and what a refusal leaves behind on purpose. */
static int is_volatile(uint16_t type)
{
	switch (type) {
	case DRP_A_LAST_REFUSAL:
	case DRP_A_COMMITS:
	case DRP_A_CHECKPOINTS:
	case DRP_A_METADATA_USED_BYTES:
	case DRP_A_MEMORY_BYTES:
	case DRP_A_STALL_MAX_NS:
	case DRP_A_ACTIVE_EXTENTS:
	case DRP_A_COW_MEMORY_BYTES:
	case DRP_A_COW_INDEX_BYTES:
		return 1;
	default:
		return 0;
	}
}

static void keep(struct nl_dump *dump, const void *data, size_t len)
{
	if (dump->len + len > NL_DUMP_MAX)
		errx(1, "more than %d bytes of objects", NL_DUMP_MAX);
	memcpy(dump->buf + dump->len, data, len);
	dump->len += len;
}

static void keep_object(const struct nlmsghdr *h, void *arg)
{
	const uint8_t *data = (const uint8_t *)h + NLMSG_HDRLEN;
	size_t len = h->nlmsg_len - NLMSG_HDRLEN;

	keep(arg, data, GENL_HDRLEN);
	data += GENL_HDRLEN;
	len -= GENL_HDRLEN;
	while (len >= NLA_HDRLEN) {
		const struct nlattr *attr = (const struct nlattr *)data;
		size_t step = NLA_ALIGN(attr->nla_len);

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > len)
			errx(1, "the kernel sent a broken attribute");
		if (!is_volatile(attr->nla_type))
			keep(arg, attr, attr->nla_len);
		if (step >= len)
			break;
		data += step;
		len -= step;
	}
}

void nl_dump_all(struct nl_link *nl, struct nl_dump *dump)
{
	struct nl_outcome o = {};
	struct nl_msg m;
	int cmd;

	memset(dump, 0, sizeof(*dump));
	dump->buf = malloc(NL_DUMP_MAX);
	if (!dump->buf)
		err(1, "memory");
	for (cmd = DRP_CMD_GET_POOL; cmd <= DRP_CMD_GET_ASPECT; cmd++) {
		nl_begin(&m, nl->family, cmd, NLM_F_DUMP);
		send_msg(nl, &m);
		while (receive(nl, &o, keep_object, dump))
			;
		if (o.error)
			dump->error = o.error;
	}
	dump->objects = o.objects;
}
