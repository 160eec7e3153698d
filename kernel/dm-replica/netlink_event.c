// SPDX-License-Identifier: GPL-2.0-only
/* Events for the multicast group "events". */
#include "netlink.h"

/* One event: a text, two names and some numbers. */
#define EVENT_BYTES	1024

static int put_ids(struct sk_buff *skb, const struct drp_event *e)
{
	if ((e->element_id && drp_nl_put_u64(skb, DRP_A_ELEMENT_ID, e->element_id)) ||
	    (e->sync_id && drp_nl_put_u64(skb, DRP_A_SYNC_ID, e->sync_id)) ||
	    (e->job_id && drp_nl_put_u64(skb, DRP_A_JOB_ID, e->job_id)) ||
	    (e->aspect_id && drp_nl_put_u64(skb, DRP_A_ASPECT_ID, e->aspect_id)))
		return -EMSGSIZE;
	return 0;
}

static int put_news(struct sk_buff *skb, const struct drp_event *e)
{
	switch (e->type) {
	case DRP_EVENT_COPY_STATE:
		if (nla_put_u16(skb, DRP_A_COPY_STATE, e->copy_state))
			return -EMSGSIZE;
		return nla_put_u16(skb, DRP_A_PROGRESS_STATUS, e->progress_status);
	case DRP_EVENT_PROGRESS:
		return nla_put_u16(skb, DRP_A_PERCENT_COMPLETE, e->percent);
	case DRP_EVENT_JOB:
		return nla_put_u16(skb, DRP_A_JOB_STATE, e->job_state);
	case DRP_EVENT_POOL_MODE:
		return nla_put_u16(skb, DRP_A_POOL_MODE, e->pool_mode);
	case DRP_EVENT_ATTACHED:
		return nla_put_u8(skb, DRP_A_ATTACHED, e->attached);
	case DRP_EVENT_THRESHOLD:
		return nla_put_u16(skb, DRP_A_COW_LEVEL, e->cow_level);
	default:
		return 0;
	}
}

static int put_event(struct sk_buff *skb, const char *pool_name, const u8 *pool_uuid,
		     const struct drp_event *e)
{
	void *header = genlmsg_put(skb, 0, 0, &drp_nl_family, 0, DRP_CMD_EVENT);

	if (!header)
		return -EMSGSIZE;
	if (nla_put_u16(skb, DRP_A_EVENT_TYPE, e->type) ||
	    drp_nl_put_pool_id(skb, pool_name, pool_uuid) ||
	    put_ids(skb, e) || put_news(skb, e) ||
	    (e->message && nla_put_string(skb, DRP_A_MESSAGE, e->message)))
		return -EMSGSIZE;
	genlmsg_end(skb, header);
	return 0;
}

void drp_nl_event(const char *pool_name, const u8 *pool_uuid, const struct drp_event *event)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&drp_nl_family, &init_net, 0))
		return;
	skb = genlmsg_new(EVENT_BYTES, GFP_NOIO);
	if (!skb)
		return;
	if (put_event(skb, pool_name, pool_uuid, event))
		nlmsg_free(skb);
	else
		genlmsg_multicast(&drp_nl_family, skb, 0, 0, GFP_NOIO);
}
