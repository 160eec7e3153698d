// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink family "dm-replica": who may ask what, and what the handlers
 * share. The protocol stands in include/uapi/linux/dm-replica.h.
 */
#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/netlink.h>

#include "frontend.h"
#include "netlink.h"

/* ---- refusals ---- */

int drp_nl_refuse(struct netlink_ext_ack *extack, int err, const char *text)
{
	if (extack)
		extack->_msg = text;
	return err;
}

/* The answer is built after the handler returned: its text must live until then. */
#define TEXTS 64
static char texts[TEXTS][DRP_MESSAGE_MAX + 1];
static atomic_t next_text = ATOMIC_INIT(0);

int drp_nl_refuse_text(struct netlink_ext_ack *extack, int err, const char *text)
{
	char *copy = texts[(unsigned int)atomic_inc_return(&next_text) % TEXTS];

	strscpy(copy, text, sizeof(texts[0]));
	return drp_nl_refuse(extack, err, copy);
}

/* ---- attributes ---- */

static bool may_repeat(int type)
{
	return type == DRP_A_SETTING || type == DRP_A_MEMBER_ID || type == DRP_A_SYNC_PAIR;
}

int drp_nl_check_attrs(const struct nlmsghdr *nlh, struct netlink_ext_ack *extack)
{
	DECLARE_BITMAP(seen, DRP_NL_REQUEST_ATTR_MAX + 1) = {};
	const struct nlattr *attr;
	int rem, type;

	nlmsg_for_each_attr(attr, nlh, GENL_HDRLEN, rem) {
		type = nla_type(attr);
		if (extack)
			NL_SET_BAD_ATTR(extack, attr);
		if (type > DRP_NL_REQUEST_ATTR_MAX)
			return drp_nl_refuse(extack, -EINVAL, "an attribute is for answers only");
		if (attr->nla_type & NLA_F_NET_BYTEORDER)
			return drp_nl_refuse(extack, -EINVAL,
					     "an attribute is in network byte order: use the host's");
		if (__test_and_set_bit(type, seen) && !may_repeat(type))
			return drp_nl_refuse(extack, -EINVAL,
					     "an attribute is given twice: give it once");
	}
	if (extack)
		NL_SET_BAD_ATTR(extack, NULL);
	return 0;
}

const char *drp_nl_string(const struct nlattr *attr)
{
	const char *s = nla_data(attr);

	return strnlen(s, nla_len(attr)) + 1 == nla_len(attr) ? s : NULL;
}

/* ---- who a request is about ---- */

static const char junk_after_name[] = "bytes follow the end of a name";
static const char no_such_pool[] = "no such pool: activate it, or look for it with GET_POOL";

struct drp_pool *drp_nl_pool(struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	struct drp_pool *pool = NULL, *named;
	const char *name;

	if (!attrs[DRP_A_POOL_NAME] && !attrs[DRP_A_POOL_UUID])
		return ERR_PTR(drp_nl_refuse(extack, -EINVAL,
					     "POOL_NAME or POOL_UUID is missing: say which pool"));
	if (attrs[DRP_A_POOL_UUID]) {
		pool = drp_pool_get_by_uuid(nla_data(attrs[DRP_A_POOL_UUID]));
		if (!pool)
			return ERR_PTR(drp_nl_refuse(extack, -ENODEV, no_such_pool));
	}
	if (!attrs[DRP_A_POOL_NAME])
		return pool;

	name = drp_nl_string(attrs[DRP_A_POOL_NAME]);
	named = name ? drp_pool_get_by_name(name) : NULL;
	if (named && (!pool || pool == named)) {
		if (pool)
			drp_pool_put(pool);
		return named;
	}
	if (pool)
		drp_pool_put(pool);
	if (named)
		drp_pool_put(named);
	if (!name)
		return ERR_PTR(drp_nl_refuse(extack, -EINVAL, junk_after_name));
	if (!named)
		return ERR_PTR(drp_nl_refuse(extack, -ENODEV, no_such_pool));
	return ERR_PTR(drp_nl_refuse(extack, -EINVAL,
				     "POOL_NAME and POOL_UUID are of different pools: give one"));
}

#define NOUN(_kind, _attr, _word) {						\
	.kind		= _kind,						\
	.id_attr	= DRP_A_##_attr##_ID,					\
	.name_attr	= DRP_A_##_attr##_NAME,					\
	.missing	= #_attr "_ID or " #_attr "_NAME is missing: say which", \
	.unknown	= "no such " _word " in this pool",			\
	.differ		= #_attr "_ID and " #_attr "_NAME are of different objects: give one", \
}

const struct drp_nl_noun drp_nl_element = NOUN(DRP_OBJ_ELEMENT, ELEMENT, "element");
const struct drp_nl_noun drp_nl_sync = NOUN(DRP_OBJ_SYNC, SYNC, "sync");
const struct drp_nl_noun drp_nl_group = NOUN(DRP_OBJ_GROUP, GROUP, "group");
const struct drp_nl_noun drp_nl_aspect = NOUN(DRP_OBJ_ASPECT, ASPECT, "aspect");
const struct drp_nl_noun drp_nl_source = NOUN(DRP_OBJ_ELEMENT, SOURCE, "source element");
const struct drp_nl_noun drp_nl_target = NOUN(DRP_OBJ_ELEMENT, TARGET, "target element");
const struct drp_nl_noun drp_nl_job = {
	.kind		= DRP_OBJ_JOB,
	.id_attr	= DRP_A_JOB_ID,
	.missing	= "JOB_ID is missing: say which job",
	.unknown	= "no such job in this pool: ended jobs are forgotten",
};

bool drp_nl_names(struct nlattr **attrs, const struct drp_nl_noun *noun)
{
	return attrs[noun->id_attr] || (noun->name_attr && attrs[noun->name_attr]);
}

int drp_nl_find(struct drp_pool *pool, struct nlattr **attrs, const struct drp_nl_noun *noun,
		struct netlink_ext_ack *extack, u64 *id)
{
	u64 by_id = attrs[noun->id_attr] ? nla_get_u64(attrs[noun->id_attr]) : 0;
	const char *name;
	u64 by_name;

	if (!drp_nl_names(attrs, noun))
		return drp_nl_refuse(extack, -EINVAL, noun->missing);
	*id = by_id;
	if (!noun->name_attr || !attrs[noun->name_attr])
		return 0;
	name = drp_nl_string(attrs[noun->name_attr]);
	if (!name)
		return drp_nl_refuse(extack, -EINVAL, junk_after_name);
	by_name = drp_find_by_name(pool, noun->kind, name);
	if (!by_name)
		return drp_nl_refuse(extack, -ENOENT, noun->unknown);
	if (by_id && by_id != by_name)
		return drp_nl_refuse(extack, -EINVAL, noun->differ);
	*id = by_name;
	return 0;
}

int drp_nl_put_pool_id(struct sk_buff *skb, const char *name, const u8 *uuid)
{
	if (nla_put_string(skb, DRP_A_POOL_NAME, name) ||
	    nla_put(skb, DRP_A_POOL_UUID, DRP_UUID_BYTES, uuid))
		return -EMSGSIZE;
	return 0;
}

/* ---- before and after a handler ---- */

static int check_admin(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	/* GENL_ADMIN_PERM would ask for CAP_NET_ADMIN only. */
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	return drp_nl_refuse(extack, -EPERM, "this request needs CAP_SYS_ADMIN");
}

static int before_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		       struct genl_info *info)
{
	struct drp_pool *pool;
	int err;

	if (ops->internal_flags & DRP_NL_ADMIN) {
		err = check_admin(skb, info->extack);
		if (err)
			return err;
	}
	err = drp_nl_check_attrs(info->nlhdr, info->extack);
	if (err)
		return err;
	pool = drp_nl_pool(info->attrs, info->extack);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	info->user_ptr[0] = pool;
	return 0;
}

static void after_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		       struct genl_info *info)
{
	drp_pool_put(info->user_ptr[0]);
}

int drp_nl_dump_start(struct netlink_callback *cb, bool needs_pool, struct drp_pool **pool)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	struct drp_pool_info *info;
	int err;

	*pool = NULL;
	memset(cursor, 0, sizeof(*cursor));
	err = drp_nl_check_attrs(cb->nlh, cb->extack);
	if (err)
		return err;
	if (!needs_pool && !attrs[DRP_A_POOL_NAME] && !attrs[DRP_A_POOL_UUID])
		return 0;
	info = kmalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return -ENOMEM;
	*pool = drp_nl_pool(attrs, cb->extack);
	if (IS_ERR(*pool)) {
		err = PTR_ERR(*pool);
		*pool = NULL;
	} else {
		drp_pool_query(*pool, info);
		memcpy(cursor->uuid, info->uuid, sizeof(cursor->uuid));
		cursor->one_pool = true;
	}
	kfree(info);
	return err;
}

static int map_start(struct netlink_callback *cb)
{
	int err = check_admin(cb->skb, cb->extack);

	return err ? err : drp_nl_map_start(cb);
}

static int space_start(struct netlink_callback *cb)
{
	int err = check_admin(cb->skb, cb->extack);

	return err ? err : drp_nl_space_start(cb);
}

/* ---- the family ---- */

static const struct genl_ops ops[] = {
	{
		.cmd = DRP_CMD_GET_POOL,
		.doit = drp_nl_get_pool,
		.start = drp_nl_get_start,
		.dumpit = drp_nl_get_dump_pools,
		.policy = drp_nl_policy_pool,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_GET_ELEMENT,
		.doit = drp_nl_get_object,
		.start = drp_nl_get_start,
		.dumpit = drp_nl_get_dump_objects,
		.policy = drp_nl_policy_element,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_GET_SYNC,
		.doit = drp_nl_get_object,
		.start = drp_nl_get_start,
		.dumpit = drp_nl_get_dump_objects,
		.policy = drp_nl_policy_sync,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_GET_GROUP,
		.doit = drp_nl_get_object,
		.start = drp_nl_get_start,
		.dumpit = drp_nl_get_dump_objects,
		.policy = drp_nl_policy_group,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_GET_JOB,
		.doit = drp_nl_get_object,
		.start = drp_nl_get_start,
		.dumpit = drp_nl_get_dump_objects,
		.policy = drp_nl_policy_job,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_GET_ASPECT,
		.doit = drp_nl_get_object,
		.start = drp_nl_get_start,
		.dumpit = drp_nl_get_dump_objects,
		.policy = drp_nl_policy_aspect,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_CREATE_ELEMENT,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_create_element,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_DELETE_ELEMENT,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_delete_element,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_CREATE_SYNC,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_create_sync,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_MODIFY_SYNC,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_modify_sync,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_CREATE_GROUP,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_create_group,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_DELETE_GROUP,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_group,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_ADD_MEMBERS,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_members,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_REMOVE_MEMBERS,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_members,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_SET,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_set,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_CHANGE_JOB,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_change_job,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_DELETE_ASPECT,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_delete_aspect,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_RESTORE_ASPECT,
		.internal_flags = DRP_NL_ADMIN,
		.doit = drp_nl_change,
		.policy = drp_nl_policy_restore_aspect,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_CAPABILITIES,
		.start = drp_nl_capabilities_start,
		.dumpit = drp_nl_capabilities_dump,
		.policy = drp_nl_policy_capabilities,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_MAP,
		.start = map_start,
		.dumpit = drp_nl_map_dump,
		.done = drp_nl_map_done,
		.policy = drp_nl_policy_map,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
	{
		.cmd = DRP_CMD_SPACE,
		.start = space_start,
		.dumpit = drp_nl_space_dump,
		.policy = drp_nl_policy_space,
		.maxattr = DRP_NL_REQUEST_ATTR_MAX,
	},
};

static const struct genl_multicast_group groups[] = {
	{ .name = DRP_GENL_MCGRP_EVENTS },
};

/* Initial network namespace only: netnsok stays unset. */
struct genl_family drp_nl_family __ro_after_init = {
	.name		= DRP_GENL_NAME,
	.version	= DRP_GENL_VERSION,
	.module		= THIS_MODULE,
	.parallel_ops	= true,
	.pre_doit	= before_doit,
	.post_doit	= after_doit,
	.ops		= ops,
	.n_ops		= ARRAY_SIZE(ops),
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

int drp_netlink_init(void)
{
	int err = genl_register_family(&drp_nl_family);

	if (err)
		return err;
	drp_event_set_sink(drp_nl_event);
	return 0;
}

void drp_netlink_exit(void)
{
	drp_event_set_sink(NULL);
	genl_unregister_family(&drp_nl_family);
}
