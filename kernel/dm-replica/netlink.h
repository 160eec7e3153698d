/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the netlink front end share. All in process context; a
 * handler may sleep, but waits for no I/O.
 */
#ifndef DRP_NETLINK_H
#define DRP_NETLINK_H

#include <net/genetlink.h>

#include "event.h"
#include "query.h"
#include "request.h"

/* Attributes above this one are answers only. */
#define DRP_NL_REQUEST_ATTR_MAX	DRP_A_DEVICE_IDENTITY

/* genl_ops.internal_flags */
#define DRP_NL_ADMIN	BIT(0)	/* needs CAP_SYS_ADMIN */

extern struct genl_family drp_nl_family;

/* What each request may carry; everything else is refused. */
extern const struct nla_policy drp_nl_policy_pool[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_element[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_sync[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_group[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_job[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_aspect[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_create_element[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_delete_element[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_create_sync[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_modify_sync[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_create_group[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_members[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_set[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_change_job[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_delete_aspect[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_restore_aspect[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_capabilities[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_space[DRP_NL_REQUEST_ATTR_MAX + 1];
extern const struct nla_policy drp_nl_policy_map[DRP_NL_REQUEST_ATTR_MAX + 1];

/* How requests name an object: by id, by name, or by both that agree. */
struct drp_nl_noun {
	enum drp_object_kind kind;
	u16 id_attr;
	u16 name_attr;			/* 0: has no names */
	const char *missing;
	const char *unknown;
	const char *differ;
};

extern const struct drp_nl_noun drp_nl_element, drp_nl_sync, drp_nl_group;
extern const struct drp_nl_noun drp_nl_job, drp_nl_aspect;
extern const struct drp_nl_noun drp_nl_source, drp_nl_target;

/* Refuse with @text, which is static. Returns @err. */
int drp_nl_refuse(struct netlink_ext_ack *extack, int err, const char *text);

/*
 * Refuse with a copy of @text that lives until the answer is built. Only after
 * the caller proved CAP_SYS_ADMIN: the copies are recycled, and a flood of
 * refusals must not be within reach of everybody. Returns @err.
 */
int drp_nl_refuse_text(struct netlink_ext_ack *extack, int err, const char *text);

/* What a policy cannot say: no attribute twice, none in network byte order. 0 or -EINVAL. */
int drp_nl_check_attrs(const struct nlmsghdr *nlh, struct netlink_ext_ack *extack);

/* The value of a string attribute, or NULL if bytes follow its NUL. */
const char *drp_nl_string(const struct nlattr *attr);

/* The pool that @attrs name, referenced; or ERR_PTR(-EINVAL, -ENODEV). */
struct drp_pool *drp_nl_pool(struct nlattr **attrs, struct netlink_ext_ack *extack);

/* Do @attrs name a @noun? */
bool drp_nl_names(struct nlattr **attrs, const struct drp_nl_noun *noun);

/*
 * Id of the @noun that @attrs name: 0, -EINVAL (missing, or id and name do not
 * agree), -ENOENT (no such name). An id alone is not looked up.
 */
int drp_nl_find(struct drp_pool *pool, struct nlattr **attrs, const struct drp_nl_noun *noun,
		struct netlink_ext_ack *extack, u64 *id);

/* Attributes POOL_NAME and POOL_UUID. 0 or -EMSGSIZE. */
int drp_nl_put_pool_id(struct sk_buff *skb, const char *name, const u8 *uuid);

static inline int drp_nl_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, DRP_A_PAD);
}

/* ---- dumps ---- */

/* Where a dump stands, in netlink_callback.ctx; MAP has its own. */
struct drp_nl_cursor {
	u8 uuid[DRP_UUID_BYTES];	/* of the one pool that is asked for */
	u64 next;			/* id, operation, offset or chunk */
	u64 end;			/* space: 0 (of what it comes from), 1 (its own), 2 (the end) */
	u64 sync_id;			/* space: the element */
	union {
		u32 pool_from;		/* number of the pool, or of the next */
		u32 wait_until;		/* capabilities: jiffies, the lower half */
	};
	u16 sync_type;
	bool one_pool;
};

static inline struct drp_nl_cursor *drp_nl_cursor(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct drp_nl_cursor) > sizeof(cb->ctx));
	return (struct drp_nl_cursor *)cb->ctx;
}

/*
 * Start of every dump: check the attributes and find the pool, if one is named;
 * @needs_pool: one must be. A dump holds no reference between its parts: a
 * reader who stops reading must not keep a pool. On 0 *@pool is NULL or
 * referenced.
 */
int drp_nl_dump_start(struct netlink_callback *cb, bool needs_pool, struct drp_pool **pool);

/* ---- handlers; info->user_ptr[0] of a do request is its pool, referenced ---- */

int drp_nl_get_pool(struct sk_buff *skb, struct genl_info *info);
int drp_nl_get_object(struct sk_buff *skb, struct genl_info *info);
int drp_nl_get_start(struct netlink_callback *cb);
int drp_nl_get_dump_pools(struct sk_buff *skb, struct netlink_callback *cb);
int drp_nl_get_dump_objects(struct sk_buff *skb, struct netlink_callback *cb);

int drp_nl_change(struct sk_buff *skb, struct genl_info *info);

int drp_nl_capabilities_start(struct netlink_callback *cb);
int drp_nl_capabilities_dump(struct sk_buff *skb, struct netlink_callback *cb);
int drp_nl_map_start(struct netlink_callback *cb);
int drp_nl_map_dump(struct sk_buff *skb, struct netlink_callback *cb);
int drp_nl_space_start(struct netlink_callback *cb);
int drp_nl_space_dump(struct sk_buff *skb, struct netlink_callback *cb);
int drp_nl_map_done(struct netlink_callback *cb);

/* The event sink: multicast @event, or drop it when there is no memory. */
void drp_nl_event(const char *pool_name, const u8 *pool_uuid, const struct drp_event *event);

#endif /* DRP_NETLINK_H */
