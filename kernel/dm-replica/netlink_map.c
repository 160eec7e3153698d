// SPDX-License-Identifier: GPL-2.0-only
/* Netlink dumps about one sync or snapshot: CAPABILITIES, MAP and SPACE. */
#include <linux/slab.h>

#include "netlink.h"

/* ---- capabilities: one message per operation ---- */

int drp_nl_capabilities_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	struct drp_capability cap;
	struct drp_pool *pool;
	int err;

	err = drp_nl_dump_start(cb, true, &pool);
	if (err)
		return err;
	cursor->next = DRP_OP_ABORT;
	cursor->sync_type = DRP_SYNC_MIRROR;
	cursor->end = DRP_SYNC_CLONE;
	if (attrs[DRP_A_SYNC_TYPE]) {
		cursor->sync_type = nla_get_u16(attrs[DRP_A_SYNC_TYPE]);
		cursor->end = cursor->sync_type;
	}
	cursor->wait_until = jiffies + msecs_to_jiffies(DRP_REQUEST_WAIT_MS);
	if (drp_nl_names(attrs, &drp_nl_sync)) {
		if (attrs[DRP_A_SYNC_TYPE])
			err = drp_nl_refuse(cb->extack, -EINVAL,
					    "a sync has its own SYNC_TYPE: give one of both");
		else
			err = drp_nl_find(pool, attrs, &drp_nl_sync, cb->extack,
					  &cursor->sync_id);
		if (!err && drp_capability_query(pool, cursor->sync_id, 0, DRP_OP_ABORT, 0,
						 &cap))
			err = drp_nl_refuse(cb->extack, -ENOENT, drp_nl_sync.unknown);
	}
	drp_pool_put(pool);
	return err;
}

static int put_states(struct sk_buff *skb, int attr, u32 states)
{
	unsigned int state;

	for (state = DRP_CS_INITIALIZED; state <= DRP_CS_RESTORED; state++)
		if ((states & BIT(state)) && nla_put_u16(skb, attr, state))
			return -EMSGSIZE;
	return 0;
}

static int put_capability(struct sk_buff *skb, const struct drp_nl_cursor *cursor,
			  const struct drp_capability *cap)
{
	if (nla_put(skb, DRP_A_POOL_UUID, DRP_UUID_BYTES, cursor->uuid) ||
	    nla_put_u16(skb, DRP_A_OPERATION, cursor->next) ||
	    nla_put_u8(skb, DRP_A_SUPPORTED, cap->supported) ||
	    nla_put_u8(skb, DRP_A_REQUIRES_FORCE, cap->requires_force) ||
	    (cap->result_copy_state &&
	     nla_put_u16(skb, DRP_A_RESULT_COPY_STATE, cap->result_copy_state)) ||
	    put_states(skb, DRP_A_FROM_COPY_STATE, cap->from_states) ||
	    put_states(skb, DRP_A_FROM_COPY_STATE_FORCE, cap->from_states_force) ||
	    nla_put_string(skb, DRP_A_MESSAGE, cap->reason))
		return -EMSGSIZE;
	if (!cursor->sync_id)
		return nla_put_u16(skb, DRP_A_SYNC_TYPE, cursor->sync_type);
	if (drp_nl_put_u64(skb, DRP_A_SYNC_ID, cursor->sync_id) ||
	    nla_put_u8(skb, DRP_A_POSSIBLE_NOW, cap->possible_now))
		return -EMSGSIZE;
	return 0;
}

static int put_capability_message(struct sk_buff *skb, struct netlink_callback *cb,
				  const struct drp_capability *cap)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &drp_nl_family, NLM_F_MULTI, DRP_CMD_CAPABILITIES);

	if (!header)
		return -EMSGSIZE;
	if (put_capability(skb, drp_nl_cursor(cb), cap)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* To the next operation, and after the last to the next SyncType; false at the end. */
static bool advance(struct drp_nl_cursor *cursor)
{
	if (++cursor->next <= DRP_OP_PREPARE)
		return true;
	cursor->next = DRP_OP_ABORT;
	cursor->sync_type++;
	return !cursor->sync_id && cursor->sync_type <= cursor->end;
}

/* For all operations together. */
static long wait_left(const struct drp_nl_cursor *cursor)
{
	return max_t(s32, cursor->wait_until - (u32)jiffies, 0);
}

int drp_nl_capabilities_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	struct drp_capability cap;
	struct drp_pool *pool;
	int err = 0;

	if (!cursor->next)
		return 0;
	pool = drp_pool_get_by_uuid(cursor->uuid);
	if (!pool)
		return -ENODEV;
	while (!err) {
		err = drp_capability_query(pool, cursor->sync_id, cursor->sync_type,
					   cursor->next, wait_left(cursor), &cap);
		if (!err)
			err = put_capability_message(skb, cb, &cap);
		if (!err && !advance(cursor)) {
			cursor->next = 0;
			break;
		}
	}
	drp_pool_put(pool);
	return skb->len ? skb->len : err;
}

/* ---- map: extents that may differ ---- */

#define EXTENTS_PER_MESSAGE	64

/* One dump; more than the callback has room for. */
struct map_dump {
	u8 uuid[DRP_UUID_BYTES];
	struct drp_look look;
	struct drp_extent extents[EXTENTS_PER_MESSAGE];
};

struct map_cursor {
	struct map_dump *dump;
};

static struct map_cursor *map_cursor(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct map_cursor) > sizeof(cb->ctx));
	return (struct map_cursor *)cb->ctx;
}

/* A sync, or two elements. */
static int find_subject(struct drp_pool *pool, struct nlattr **attrs,
			struct netlink_ext_ack *extack, struct drp_look *look)
{
	u64 source, target;
	int err;

	if (drp_nl_names(attrs, &drp_nl_source) || drp_nl_names(attrs, &drp_nl_target)) {
		if (drp_nl_names(attrs, &drp_nl_sync))
			return drp_nl_refuse(extack, -EINVAL,
					     "a sync and elements are named: name either");
		err = drp_nl_find(pool, attrs, &drp_nl_source, extack, &look->subject);
		return err ?: drp_nl_find(pool, attrs, &drp_nl_target, extack, &look->with);
	}
	err = drp_nl_find(pool, attrs, &drp_nl_sync, extack, &look->subject);
	if (err)
		return err;
	/* Of a snapshot the index tells, of any other its bitmap. */
	err = drp_sync_snapshot_ends(pool, look->subject, &source, &target);
	if (!err) {
		look->subject = source;
		look->with = target;
	}
	return err == -EINVAL ? 0 : err;
}

int drp_nl_map_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	u64 length = S64_MAX;
	struct drp_pool *pool;
	struct map_dump *d;
	int err;

	/* It uses ctx, too, but only until here. */
	err = drp_nl_dump_start(cb, true, &pool);
	if (err)
		return err;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		err = -ENOMEM;
	else
		err = find_subject(pool, attrs, cb->extack, &d->look);
	drp_pool_put(pool);
	if (err) {
		kfree(d);
		return err;
	}
	memcpy(d->uuid, drp_nl_cursor(cb)->uuid, sizeof(d->uuid));
	if (attrs[DRP_A_OFFSET_BYTES])
		d->look.next = nla_get_u64(attrs[DRP_A_OFFSET_BYTES]);
	if (attrs[DRP_A_LENGTH_BYTES])
		length = nla_get_u64(attrs[DRP_A_LENGTH_BYTES]);
	/* Both are at most S64_MAX, so the sum fits. */
	d->look.end = min_t(u64, d->look.next + length, S64_MAX);
	map_cursor(cb)->dump = d;
	return 0;
}

int drp_nl_map_done(struct netlink_callback *cb)
{
	kfree(map_cursor(cb)->dump);
	return 0;
}

static int put_extents(struct sk_buff *skb, struct netlink_callback *cb, int nr)
{
	const struct map_dump *d = map_cursor(cb)->dump;
	void *header;
	int i;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &drp_nl_family, NLM_F_MULTI, DRP_CMD_MAP);
	if (!header)
		return -EMSGSIZE;
	if (nla_put(skb, DRP_A_POOL_UUID, DRP_UUID_BYTES, d->uuid) ||
	    (!d->look.with && drp_nl_put_u64(skb, DRP_A_SYNC_ID, d->look.subject)))
		goto cancel;
	for (i = 0; i < nr; i++)
		if (nla_put_64bit(skb, DRP_A_EXTENT, sizeof(d->extents[i]), &d->extents[i],
				  DRP_A_PAD))
			goto cancel;
	genlmsg_end(skb, header);
	return 0;
cancel:
	genlmsg_cancel(skb, header);
	return -EMSGSIZE;
}

/*
 * One message of extents: 1, 0 when this part is over, or a negative errno. A look that
 * found nothing is told, too, and ends the part: the first one is made in the
 * caller's send, with locks that others of generic netlink need.
 */
static int dump_extents(struct sk_buff *skb, struct netlink_callback *cb, struct drp_pool *pool)
{
	struct map_dump *d = map_cursor(cb)->dump;
	struct drp_look look = d->look;
	const char *why;
	int nr, err;

	if (look.next >= look.end)
		return 0;
	nr = drp_look(pool, &look, d->extents, EXTENTS_PER_MESSAGE, &why);
	if (nr < 0)
		return why ? drp_nl_refuse(cb->extack, nr, why) : nr;
	if (look.next < look.end && look.next <= d->look.next)
		return -EIO;
	err = put_extents(skb, cb, nr);
	if (err)
		return err;	/* the same again into the next buffer */
	d->look = look;
	return nr > 0;
}

int drp_nl_map_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct drp_pool *pool = drp_pool_get_by_uuid(map_cursor(cb)->dump->uuid);
	int more;

	if (!pool)
		return -ENODEV;
	do {
		more = dump_extents(skb, cb, pool);
	} while (more > 0);
	drp_pool_put(pool);
	return skb->len ? skb->len : more;
}

/* ---- space: parts that add up ---- */

int drp_nl_space_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	struct drp_pool *pool;
	int err;

	err = drp_nl_dump_start(cb, true, &pool);
	if (err)
		return err;
	err = drp_nl_find(pool, attrs, &drp_nl_element, cb->extack, &cursor->sync_id);
	drp_pool_put(pool);
	return err;
}

static int put_space(struct sk_buff *skb, struct netlink_callback *cb,
		     const struct drp_space *space)
{
	const struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &drp_nl_family, NLM_F_MULTI, DRP_CMD_SPACE);
	if (!header)
		return -EMSGSIZE;
	if (nla_put(skb, DRP_A_POOL_UUID, DRP_UUID_BYTES, cursor->uuid) ||
	    drp_nl_put_u64(skb, DRP_A_ELEMENT_ID, cursor->sync_id) ||
	    drp_nl_put_u64(skb, DRP_A_HELD_BYTES, space->held) ||
	    drp_nl_put_u64(skb, DRP_A_UNIQUE_BYTES, space->unique)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* One part is one look: a reader that stops keeps nobody. */
int drp_nl_space_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	struct drp_space space = { .own = cursor->end, .chunk = cursor->next };
	struct drp_pool *pool;
	const char *why;
	int more, err;

	if (cursor->end > 1)
		return 0;
	pool = drp_pool_get_by_uuid(cursor->uuid);
	if (!pool)
		return -ENODEV;
	more = drp_element_space(pool, cursor->sync_id, &space, &why);
	drp_pool_put(pool);
	if (more < 0)
		return why ? drp_nl_refuse(cb->extack, more, why) : more;
	err = put_space(skb, cb, &space);
	if (err)
		return err;
	cursor->end = more ? space.own : 2;
	cursor->next = space.chunk;
	return skb->len;
}
