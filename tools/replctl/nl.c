// SPDX-License-Identifier: GPL-2.0-only
/* Generic netlink with libnl: requests, answers, refusals with their extended ack, events. */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <netlink/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/genl/ctrl.h>

#include "nl.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

static struct nl_sock *request_sock, *event_sock;
static int family;

struct request {
	u8 command;
	struct nl_msg *msg;
};

struct collect {
	struct records *answers;
	struct refusal *refusal;
	bool done;
};

static void no_memory(void)
{
	fail(0, "request", "out of memory or too large; ask for less");
	exit(EX_OSERR);
}

static struct nl_sock *open_socket(struct refusal *refusal)
{
	struct nl_sock *sock = nl_socket_alloc();
	int on = 1;

	if (!sock)
		no_memory();
	if (genl_connect(sock) < 0) {
		nl_socket_free(sock);
		refusal->own_status = EX_UNAVAILABLE;
		strscpy(refusal->text, "no generic netlink in this kernel; modprobe dm-replica",
			sizeof(refusal->text));
		return NULL;
	}
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return sock;
}

static int no_family(struct refusal *refusal)
{
	refusal->own_status = EX_UNAVAILABLE;
	strscpy(refusal->text, "the kernel module is not loaded; modprobe dm-replica",
		sizeof(refusal->text));
	return -1;
}

static int nl_connect_requests(struct refusal *refusal)
{
	if (request_sock)
		return 0;
	request_sock = open_socket(refusal);
	if (!request_sock)
		return -1;
	family = genl_ctrl_resolve(request_sock, DRP_GENL_NAME);
	if (family < 0) {
		nl_socket_free(request_sock);
		request_sock = NULL;
		return no_family(refusal);
	}
	return 0;
}

bool nl_family_present(void)
{
	struct refusal refusal = { 0 };

	return !nl_connect_requests(&refusal);
}

struct request *req_new(u8 command)
{
	struct request *req = xalloc(sizeof(*req));

	req->command = command;
	req->msg = nlmsg_alloc();
	/* The family's number is filled in when the request is sent. */
	if (!req->msg || !genlmsg_put(req->msg, NL_AUTO_PORT, NL_AUTO_SEQ, 0, 0, 0, command,
				      DRP_GENL_VERSION))
		no_memory();
	return req;
}

void req_free(struct request *req)
{
	nlmsg_free(req->msg);
	free(req);
}

void req_u16(struct request *req, u16 attr, u16 value)
{
	if (nla_put_u16(req->msg, attr, value))
		no_memory();
}

void req_u64(struct request *req, u16 attr, u64 value)
{
	if (nla_put_u64(req->msg, attr, value))
		no_memory();
}

void req_str(struct request *req, u16 attr, const char *value)
{
	if (nla_put_string(req->msg, attr, value))
		no_memory();
}

void req_flag(struct request *req, u16 attr)
{
	if (nla_put_flag(req->msg, attr))
		no_memory();
}

/* The words of an extended ack whose attributes start at @attrs. */
static void ext_ack_text(struct refusal *refusal, const void *attrs, int len)
{
	const struct nlattr *a = nla_find(attrs, len, NLMSGERR_ATTR_MSG);

	if (a)
		nla_strlcpy(refusal->text, a, sizeof(refusal->text));
}

static void refuse(struct refusal *refusal, int err)
{
	refusal->err = err;
	refusal->return_value = drp_errno_to_rv(err);
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *nlerr, void *arg)
{
	const struct nlmsghdr *hdr = (const struct nlmsghdr *)nlerr - 1;
	struct collect *c = arg;
	size_t skip = sizeof(*nlerr);

	(void)from;
	refuse(c->refusal, -nlerr->error);
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += nlerr->msg.nlmsg_len - NLMSG_HDRLEN;
	if ((hdr->nlmsg_flags & NLM_F_ACK_TLVS) && hdr->nlmsg_len > NLMSG_HDRLEN + skip)
		ext_ack_text(c->refusal, (const u8 *)nlerr + skip,
			     hdr->nlmsg_len - NLMSG_HDRLEN - skip);
	c->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct collect *c = arg;

	(void)msg;
	c->done = true;
	return NL_STOP;
}

/* The end of a dump carries its result, which libnl does not look at. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct collect *c = arg;
	int result = 0, len = nlmsg_datalen(hdr);

	if (len >= (int)sizeof(result))
		memcpy(&result, nlmsg_data(hdr), sizeof(result));
	if (result < 0) {
		refuse(c->refusal, -result);
		if (hdr->nlmsg_flags & NLM_F_ACK_TLVS)
			ext_ack_text(c->refusal, (const u8 *)nlmsg_data(hdr) + sizeof(result),
				     len - sizeof(result));
	}
	c->done = true;
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	const struct genlmsghdr *genl = nlmsg_data(nlmsg_hdr(msg));
	struct collect *c = arg;

	if (c->answers && genlmsg_valid_hdr(nlmsg_hdr(msg), 0))
		records_add(c->answers, genl->cmd, genlmsg_attrdata(genl, 0),
			    genlmsg_attrlen(genl, 0));
	return NL_OK;
}

static int collect_answers(struct collect *c)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err = 0;

	if (!cb)
		no_memory();
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, c);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, c);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, c);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, c);
	while (!c->done && err >= 0)
		err = nl_recvmsgs(request_sock, cb);
	nl_cb_put(cb);
	if (!c->done && err < 0) {
		c->refusal->own_status = EX_IOERR;
		strscpy(c->refusal->text, nl_geterror(err), sizeof(c->refusal->text));
	}
	return c->refusal->own_status || c->refusal->err ? -1 : 0;
}

static int exchange(struct request *req, int flags, struct records *answers,
		    struct refusal *refusal)
{
	struct collect c = { .answers = answers, .refusal = refusal };
	int err;

	memset(refusal, 0, sizeof(*refusal));
	if (nl_connect_requests(refusal)) {
		req_free(req);
		return -1;
	}
	nlmsg_hdr(req->msg)->nlmsg_type = family;
	nlmsg_hdr(req->msg)->nlmsg_flags |= flags;
	err = nl_send_auto(request_sock, req->msg);
	req_free(req);
	if (err < 0) {
		refusal->own_status = EX_IOERR;
		strscpy(refusal->text, nl_geterror(err), sizeof(refusal->text));
		return -1;
	}
	return collect_answers(&c);
}

int ask_all(struct request *req, struct records *answers, struct refusal *refusal)
{
	memset(answers, 0, sizeof(*answers));
	if (!exchange(req, NLM_F_DUMP, answers, refusal))
		return 0;
	records_free(answers);
	return -1;
}

int ask_one(struct request *req, struct record *answer, struct refusal *refusal)
{
	struct records answers = { 0 };
	int err;

	memset(answer, 0, sizeof(*answer));
	err = exchange(req, NLM_F_ACK, &answers, refusal);
	if (!err && answers.nr) {
		*answer = answers.v[0];
		memset(&answers.v[0], 0, sizeof(answers.v[0]));
	}
	records_free(&answers);
	return err;
}

int refusal_report(const struct refusal *refusal, const char *what)
{
	if (refusal->own_status)
		return fail(refusal->own_status, what, "%s", refusal->text);
	return fail_rv(refusal->return_value, what,
		       *refusal->text ? refusal->text : strerror(refusal->err));
}

int nl_subscribe(struct refusal *refusal)
{
	int group;

	memset(refusal, 0, sizeof(*refusal));
	if (event_sock)
		return 0;
	if (nl_connect_requests(refusal))
		return -1;
	group = genl_ctrl_resolve_grp(request_sock, DRP_GENL_NAME, DRP_GENL_MCGRP_EVENTS);
	if (group < 0)
		return no_family(refusal);
	event_sock = open_socket(refusal);
	if (!event_sock)
		return -1;
	nl_socket_disable_seq_check(event_sock);
	nl_socket_set_nonblocking(event_sock);
	nl_socket_set_buffer_size(event_sock, 1 << 20, 0);
	if (nl_socket_add_membership(event_sock, group) < 0) {
		nl_socket_free(event_sock);
		event_sock = NULL;
		return no_family(refusal);
	}
	return 0;
}

static int on_event(struct nl_msg *msg, void *arg)
{
	const struct genlmsghdr *genl = nlmsg_data(nlmsg_hdr(msg));

	if (genlmsg_valid_hdr(nlmsg_hdr(msg), 0) && genl->cmd == DRP_CMD_EVENT)
		records_add(arg, genl->cmd, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0));
	return NL_OK;
}

int nl_event(struct record *event, int timeout_ms)
{
	struct pollfd pfd = { .fd = nl_socket_get_fd(event_sock), .events = POLLIN };
	struct records got = { 0 };
	int err;

	memset(event, 0, sizeof(*event));
	err = poll(&pfd, 1, timeout_ms);
	if (err <= 0)
		return err < 0 ? -errno : 0;
	/* The kernel sends one event in a datagram. */
	nl_socket_modify_cb(event_sock, NL_CB_VALID, NL_CB_CUSTOM, on_event, &got);
	err = nl_recvmsgs_default(event_sock);
	if (got.nr) {
		*event = got.v[0];
		memset(&got.v[0], 0, sizeof(got.v[0]));
		records_free(&got);
		return 1;
	}
	records_free(&got);
	if (err == -NLE_NOMEM)
		return -ENOBUFS;
	return err < 0 && err != -NLE_AGAIN ? -EIO : 0;
}

void nl_finish(void)
{
	nl_socket_free(request_sock);
	nl_socket_free(event_sock);
	request_sock = NULL;
	event_sock = NULL;
}
