// SPDX-License-Identifier: GPL-2.0-only
/* Netlink requests GET_*: one object, or a dump of all. */
#include <linux/slab.h>

#include "netlink.h"

union object {
	struct drp_element_info element;
	struct drp_sync_info sync;
	struct drp_group_rec group;
	struct drp_job_info job;
	struct drp_aspect_rec aspect;
};

/* What one answer needs; too large for the stack. */
struct answer {
	struct drp_pool_info pool;
	union object object;
};

/* Optional attributes: absent when there is nothing to tell. */
static int put_time(struct sk_buff *skb, int attr, u64 ns)
{
	return ns ? drp_nl_put_u64(skb, attr, ns) : 0;
}

static int put_dev(struct sk_buff *skb, int attr, dev_t dev)
{
	return dev ? drp_nl_put_u64(skb, attr, dev) : 0;
}

static int put_text(struct sk_buff *skb, int attr, const char *text)
{
	return *text ? nla_put_string(skb, attr, text) : 0;
}

/* ---- pools ---- */

static int put_cow(struct sk_buff *skb, const struct drp_pool_info *p)
{
	if (drp_nl_put_u64(skb, DRP_A_COW_BYTES, p->cow_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_COW_USED_BYTES, p->cow_used_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_COW_ENTRIES, p->cow_entries) ||
	    nla_put_u16(skb, DRP_A_COW_LEVEL, p->cow_level) ||
	    drp_nl_put_u64(skb, DRP_A_COW_MEMORY_BYTES, p->cow_memory_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_COW_MEMORY_MAX_BYTES, p->cow_memory_max_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_COW_INDEX_BYTES, p->cow_index_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_COW_INDEX_MAX_BYTES, p->cow_index_max_bytes))
		return -EMSGSIZE;
	return 0;
}

static int put_pool(struct sk_buff *skb, const struct drp_pool_info *p)
{
	if (drp_nl_put_pool_id(skb, p->name, p->uuid) ||
	    nla_put_u16(skb, DRP_A_POOL_MODE, p->mode) ||
	    nla_put_u8(skb, DRP_A_ACTIVE, p->active) ||
	    put_dev(skb, DRP_A_POOL_DEV, p->pool_dev) ||
	    put_dev(skb, DRP_A_METADATA_DEV, p->metadata_dev) ||
	    put_dev(skb, DRP_A_COW_DEV, p->cow_dev) ||
	    nla_put_u32(skb, DRP_A_CHUNK_BYTES, p->chunk_bytes) ||
	    nla_put_u32(skb, DRP_A_REGION_BYTES, p->region_bytes) ||
	    nla_put_u32(skb, DRP_A_EXTENT_BYTES, p->extent_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_METADATA_BYTES, p->metadata_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_METADATA_USED_BYTES, p->metadata_used_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_COMMITS, p->commits) ||
	    drp_nl_put_u64(skb, DRP_A_CHECKPOINTS, p->checkpoints) ||
	    drp_nl_put_u64(skb, DRP_A_MEMORY_BYTES, p->memory_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_MEMORY_MAX_BYTES, p->memory_max_bytes) ||
	    put_text(skb, DRP_A_LAST_REFUSAL, p->last_refusal) ||
	    drp_nl_put_u64(skb, DRP_A_STALL_MAX_NS, p->stall_max_ns))
		return -EMSGSIZE;
	return p->cow_bytes ? put_cow(skb, p) : 0;
}

static int put_pool_message(struct sk_buff *skb, u32 portid, u32 seq, int flags,
			    const struct drp_pool_info *p)
{
	void *header = genlmsg_put(skb, portid, seq, &drp_nl_family, flags, DRP_CMD_GET_POOL);

	if (!header)
		return -EMSGSIZE;
	if (put_pool(skb, p)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

int drp_nl_get_pool(struct sk_buff *request, struct genl_info *info)
{
	struct drp_pool_info *p = kmalloc(sizeof(*p), GFP_KERNEL);
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	int err = -ENOMEM;

	if (!p || !skb)
		goto out;
	drp_pool_query(info->user_ptr[0], p);
	err = put_pool_message(skb, info->snd_portid, info->snd_seq, 0, p);
	if (!err) {
		err = genlmsg_reply(skb, info);
		skb = NULL;
	}
out:
	nlmsg_free(skb);
	kfree(p);
	return err;
}

/* ---- elements, syncs, groups, jobs, aspects ---- */

static int query_element(struct drp_pool *pool, u64 from, union object *o, u64 *id)
{
	int err = drp_element_query(pool, from, &o->element);

	*id = err ? 0 : o->element.rec.id;
	return err;
}

static int put_element(struct sk_buff *skb, const union object *o)
{
	const struct drp_element_info *e = &o->element;

	if (drp_nl_put_u64(skb, DRP_A_ELEMENT_ID, e->rec.id) ||
	    nla_put_string(skb, DRP_A_ELEMENT_NAME, e->rec.name) ||
	    drp_nl_put_u64(skb, DRP_A_SIZE_SECTORS, e->rec.size_sectors) ||
	    put_dev(skb, DRP_A_DATA_DEV, e->data_dev) ||
	    put_text(skb, DRP_A_DEVICE_IDENTITY, e->rec.identity) ||
	    put_dev(skb, DRP_A_ELEMENT_DEV, e->element_dev) ||
	    nla_put_u8(skb, DRP_A_ATTACHED, e->attached) ||
	    nla_put(skb, DRP_A_WWID, DRP_UUID_BYTES, e->rec.wwid) ||
	    nla_put(skb, DRP_A_ELEMENT_UUID, DRP_UUID_BYTES, e->rec.uuid) ||
	    nla_put_u16(skb, DRP_A_HOST_ACCESS, e->host_access) ||
	    nla_put_u16(skb, DRP_A_READ_POLICY, e->rec.read_policy) ||
	    nla_put_u32(skb, DRP_A_ACTIVE_EXTENTS, e->active_extents) ||
	    nla_put_u32(skb, DRP_A_ACTIVE_EXTENTS_MAX, e->rec.active_extents_max) ||
	    put_time(skb, DRP_A_WHEN_ESTABLISHED, e->rec.created) ||
	    drp_nl_put_u64(skb, DRP_A_GENERATION, e->rec.generation))
		return -EMSGSIZE;
	if (e->rec.parent_element &&
	    (drp_nl_put_u64(skb, DRP_A_PARENT_ID, e->rec.parent_element) ||
	     drp_nl_put_u64(skb, DRP_A_PARENT_GENERATION, e->rec.parent_generation)))
		return -EMSGSIZE;
	return 0;
}

static int query_sync(struct drp_pool *pool, u64 from, union object *o, u64 *id)
{
	int err = drp_sync_query(pool, from, &o->sync);

	*id = err ? 0 : o->sync.rec.id;
	return err;
}

static int put_sync_times(struct sk_buff *skb, const struct drp_sync_rec *r)
{
	if (put_time(skb, DRP_A_WHEN_ESTABLISHED, r->when_established) ||
	    put_time(skb, DRP_A_WHEN_ACTIVATED, r->when_activated) ||
	    put_time(skb, DRP_A_WHEN_DEACTIVATED, r->when_deactivated) ||
	    put_time(skb, DRP_A_WHEN_SUSPENDED, r->when_suspended) ||
	    put_time(skb, DRP_A_WHEN_SYNCED, r->when_synced) ||
	    put_time(skb, DRP_A_WHEN_SYNCHRONIZED, r->when_synchronized))
		return -EMSGSIZE;
	return 0;
}

static int put_sync_state(struct sk_buff *skb, const struct drp_sync_info *s)
{
	if (nla_put_u16(skb, DRP_A_COPY_STATE, s->copy_state) ||
	    nla_put_u16(skb, DRP_A_REQUESTED_COPY_STATE, s->rec.requested_copy_state) ||
	    nla_put_u16(skb, DRP_A_PROGRESS_STATUS, s->progress_status) ||
	    nla_put_u16(skb, DRP_A_PERCENT_SYNCED, s->percent_synced) ||
	    drp_nl_put_u64(skb, DRP_A_DIRTY_BYTES, s->dirty_bytes) ||
	    nla_put_u8(skb, DRP_A_TARGET_CONSISTENT, s->target_consistent) ||
	    nla_put_u8(skb, DRP_A_IN_SYNC, s->in_sync) ||
	    nla_put_u8(skb, DRP_A_SOURCE_CHANGED, s->rec.source_changed) ||
	    nla_put_u8(skb, DRP_A_TARGET_CHANGED, s->rec.target_changed) ||
	    nla_put_u8(skb, DRP_A_REVERSE, s->rec.reverse) ||
	    nla_put_u16(skb, DRP_A_SOURCE_ACCESS, s->access.source) ||
	    nla_put_u16(skb, DRP_A_TARGET_ACCESS, s->access.target) ||
	    drp_nl_put_u64(skb, DRP_A_MEMORY_BYTES, s->memory_bytes) ||
	    drp_nl_put_u64(skb, DRP_A_MEMORY_MAX_BYTES, s->memory_max_bytes) ||
	    put_text(skb, DRP_A_ERROR_TEXT, s->rec.error_text))
		return -EMSGSIZE;
	return 0;
}

static int put_sync(struct sk_buff *skb, const union object *o)
{
	const struct drp_sync_info *s = &o->sync;

	if (drp_nl_put_u64(skb, DRP_A_SYNC_ID, s->rec.id) ||
	    nla_put_string(skb, DRP_A_SYNC_NAME, s->rec.name) ||
	    drp_nl_put_u64(skb, DRP_A_SOURCE_ID, s->rec.source_id) ||
	    nla_put_string(skb, DRP_A_SOURCE_NAME, s->source_name) ||
	    drp_nl_put_u64(skb, DRP_A_TARGET_ID, s->rec.target_id) ||
	    nla_put_string(skb, DRP_A_TARGET_NAME, s->target_name) ||
	    nla_put_u16(skb, DRP_A_SYNC_TYPE, s->rec.sync_type) ||
	    nla_put_u16(skb, DRP_A_MODE, s->rec.mode) ||
	    (s->rec.job_id && drp_nl_put_u64(skb, DRP_A_JOB_ID, s->rec.job_id)) ||
	    put_sync_state(skb, s) ||
	    nla_put_u16(skb, DRP_A_RECOVERY_MODE, s->rec.recovery_mode) ||
	    nla_put_u8(skb, DRP_A_AUTO_DELETE, s->rec.auto_delete) ||
	    nla_put_u8(skb, DRP_A_FAILED_COPY_STOPS_HOST_IO, s->rec.failed_copy_stops_host_io) ||
	    nla_put_u16(skb, DRP_A_COPY_PRIORITY, s->rec.copy_priority) ||
	    drp_nl_put_u64(skb, DRP_A_RATE_LIMIT, s->rec.rate_limit) ||
	    put_sync_times(skb, &s->rec))
		return -EMSGSIZE;
	return 0;
}

static int query_group(struct drp_pool *pool, u64 from, union object *o, u64 *id)
{
	int err = drp_group_query(pool, from, &o->group);

	*id = err ? 0 : o->group.id;
	return err;
}

static int put_group(struct sk_buff *skb, const union object *o)
{
	const struct drp_group_rec *g = &o->group;
	u32 i;

	if (drp_nl_put_u64(skb, DRP_A_GROUP_ID, g->id) ||
	    nla_put_string(skb, DRP_A_GROUP_NAME, g->name))
		return -EMSGSIZE;
	for (i = 0; i < g->nr_members; i++)
		if (drp_nl_put_u64(skb, DRP_A_MEMBER_ID, g->members[i]))
			return -EMSGSIZE;
	return 0;
}

static int query_job(struct drp_pool *pool, u64 from, union object *o, u64 *id)
{
	int err = drp_job_query(pool, from, &o->job);

	*id = err ? 0 : o->job.id;
	return err;
}

static int put_job(struct sk_buff *skb, const union object *o)
{
	const struct drp_job_info *j = &o->job;

	if (drp_nl_put_u64(skb, DRP_A_JOB_ID, j->id) ||
	    (j->sync_id && drp_nl_put_u64(skb, DRP_A_SYNC_ID, j->sync_id)) ||
	    put_text(skb, DRP_A_SYNC_NAME, j->sync_name) ||
	    (j->updated_sync_id &&
	     drp_nl_put_u64(skb, DRP_A_UPDATED_SYNC_ID, j->updated_sync_id)) ||
	    (j->operation && nla_put_u16(skb, DRP_A_OPERATION, j->operation)) ||
	    nla_put_u16(skb, DRP_A_JOB_STATE, j->state) ||
	    nla_put_u16(skb, DRP_A_PERCENT_COMPLETE, j->percent) ||
	    drp_nl_put_u64(skb, DRP_A_BYTES_DONE, j->bytes_done) ||
	    drp_nl_put_u64(skb, DRP_A_BYTES_TOTAL, j->bytes_total) ||
	    drp_nl_put_u64(skb, DRP_A_RATE, j->rate) ||
	    (j->eta_seconds != U64_MAX &&
	     drp_nl_put_u64(skb, DRP_A_ETA_SECONDS, j->eta_seconds)) ||
	    nla_put_u32(skb, DRP_A_ERROR_CODE, j->error_code) ||
	    put_text(skb, DRP_A_ERROR_TEXT, j->error_text) ||
	    put_time(skb, DRP_A_TIME_SUBMITTED, j->submitted) ||
	    put_time(skb, DRP_A_TIME_STARTED, j->started) ||
	    put_time(skb, DRP_A_TIME_ENDED, j->ended) ||
	    (j->aspect_id && drp_nl_put_u64(skb, DRP_A_ASPECT_ID, j->aspect_id)))
		return -EMSGSIZE;
	return 0;
}

static int query_aspect(struct drp_pool *pool, u64 from, union object *o, u64 *id)
{
	int err = drp_aspect_query(pool, from, &o->aspect);

	*id = err ? 0 : o->aspect.id;
	return err;
}

static int put_aspect(struct sk_buff *skb, const union object *o)
{
	const struct drp_aspect_rec *a = &o->aspect;

	if (drp_nl_put_u64(skb, DRP_A_ASPECT_ID, a->id) ||
	    nla_put_string(skb, DRP_A_ASPECT_NAME, a->name) ||
	    drp_nl_put_u64(skb, DRP_A_SYNC_ID, a->sync_id) ||
	    drp_nl_put_u64(skb, DRP_A_SOURCE_ID, a->source_id) ||
	    nla_put_string(skb, DRP_A_SOURCE_NAME, a->source_name) ||
	    drp_nl_put_u64(skb, DRP_A_TARGET_ID, a->target_id) ||
	    nla_put_string(skb, DRP_A_TARGET_NAME, a->target_name) ||
	    nla_put_u16(skb, DRP_A_SYNC_TYPE, a->sync_type) ||
	    (a->generation && drp_nl_put_u64(skb, DRP_A_GENERATION, a->generation)) ||
	    put_time(skb, DRP_A_WHEN_ESTABLISHED, a->created) ||
	    put_time(skb, DRP_A_WHEN_SYNCED, a->when_synced))
		return -EMSGSIZE;
	return 0;
}

struct noun_ops {
	u8 cmd;
	const struct drp_nl_noun *noun;
	/* The object with the smallest id >= @from: 0, or -ENOENT. */
	int (*query)(struct drp_pool *pool, u64 from, union object *o, u64 *id);
	int (*put)(struct sk_buff *skb, const union object *o);
};

static const struct noun_ops nouns[] = {
	{ DRP_CMD_GET_ELEMENT,	&drp_nl_element, query_element,	put_element },
	{ DRP_CMD_GET_SYNC,	&drp_nl_sync,	 query_sync,	put_sync },
	{ DRP_CMD_GET_GROUP,	&drp_nl_group,	 query_group,	put_group },
	{ DRP_CMD_GET_JOB,	&drp_nl_job,	 query_job,	put_job },
	{ DRP_CMD_GET_ASPECT,	&drp_nl_aspect,	 query_aspect,	put_aspect },
};

static const struct noun_ops *find_noun(u8 cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nouns); i++)
		if (nouns[i].cmd == cmd)
			return &nouns[i];
	return NULL;
}

static int put_object_message(struct sk_buff *skb, u32 portid, u32 seq, int flags,
			      const struct noun_ops *n, const struct answer *a)
{
	void *header = genlmsg_put(skb, portid, seq, &drp_nl_family, flags, n->cmd);

	if (!header)
		return -EMSGSIZE;
	if (drp_nl_put_pool_id(skb, a->pool.name, a->pool.uuid) || n->put(skb, &a->object)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

int drp_nl_get_object(struct sk_buff *request, struct genl_info *info)
{
	const struct noun_ops *n = find_noun(info->genlhdr->cmd);
	struct drp_pool *pool = info->user_ptr[0];
	struct sk_buff *skb = NULL;
	struct answer *a = NULL;
	u64 id, found;
	int err;

	if (!n)
		return -EOPNOTSUPP;
	err = drp_nl_find(pool, info->attrs, n->noun, info->extack, &id);
	if (err)
		return err;
	err = -ENOMEM;
	a = kmalloc(sizeof(*a), GFP_KERNEL);
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!a || !skb)
		goto out;
	if (n->query(pool, id, &a->object, &found) || found != id) {
		err = drp_nl_refuse(info->extack, -ENOENT, n->noun->unknown);
		goto out;
	}
	drp_pool_query(pool, &a->pool);
	err = put_object_message(skb, info->snd_portid, info->snd_seq, 0, n, a);
	if (!err) {
		err = genlmsg_reply(skb, info);
		skb = NULL;
	}
out:
	nlmsg_free(skb);
	kfree(a);
	return err;
}

/* ---- dumps ---- */

int drp_nl_get_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct drp_pool *pool;
	unsigned int i;
	int err;

	/* The policy is that of the do request, which names one object. */
	for (i = 0; i < ARRAY_SIZE(nouns); i++)
		if (drp_nl_names(attrs, nouns[i].noun))
			return drp_nl_refuse(cb->extack, -EINVAL,
					     "a dump is of all objects: name a pool or nothing");
	err = drp_nl_dump_start(cb, false, &pool);
	if (pool)
		drp_pool_put(pool);
	return err;
}

/* The pool at which the dump stands, referenced; NULL: no further one. */
static struct drp_pool *dump_pool(struct drp_nl_cursor *cursor)
{
	u32 number = cursor->pool_from;
	struct drp_pool *pool;

	if (cursor->one_pool)
		return number ? NULL : drp_pool_get_by_uuid(cursor->uuid);
	pool = drp_pool_get_from(&number);
	/* The one in whose objects it stood is gone. */
	if (number != cursor->pool_from)
		cursor->next = 0;
	cursor->pool_from = number;
	return pool;
}

int drp_nl_get_dump_pools(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	struct drp_pool_info *p = kmalloc(sizeof(*p), GFP_KERNEL);
	struct drp_pool *pool;
	int err = 0;

	if (!p)
		return -ENOMEM;
	while (!err) {
		pool = dump_pool(cursor);
		if (!pool)
			break;
		drp_pool_query(pool, p);
		drp_pool_put(pool);
		err = put_pool_message(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				       NLM_F_MULTI, p);
		if (!err)
			cursor->pool_from++;
	}
	kfree(p);
	return skb->len ? skb->len : err;
}

/* The objects of one pool from the cursor on: 0 after the last, or -EMSGSIZE. */
static int dump_objects_of(struct sk_buff *skb, struct netlink_callback *cb,
			   struct drp_pool *pool, const struct noun_ops *n, struct answer *a)
{
	struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	u64 id;
	int err;

	drp_pool_query(pool, &a->pool);
	while (!n->query(pool, cursor->next, &a->object, &id)) {
		err = put_object_message(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					 NLM_F_MULTI, n, a);
		if (err)
			return err;
		cursor->next = id + 1;
	}
	return 0;
}

int drp_nl_get_dump_objects(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genlmsghdr *header = nlmsg_data(cb->nlh);
	const struct noun_ops *n = find_noun(header->cmd);
	struct drp_nl_cursor *cursor = drp_nl_cursor(cb);
	struct drp_pool *pool;
	struct answer *a;
	int err = 0;

	if (!n)
		return -EOPNOTSUPP;
	a = kmalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return -ENOMEM;
	while (!err) {
		pool = dump_pool(cursor);
		if (!pool)
			break;
		err = dump_objects_of(skb, cb, pool, n, a);
		drp_pool_put(pool);
		if (!err) {
			cursor->pool_from++;
			cursor->next = 0;
		}
	}
	kfree(a);
	return skb->len ? skb->len : err;
}
