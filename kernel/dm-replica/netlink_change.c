// SPDX-License-Identifier: GPL-2.0-only
/* Netlink requests that change something: parse, execute, METHOD_RESULT. */
#include <linux/slab.h>

#include "core/names.h"
#include "netlink.h"

enum subject {
	MAKES,			/* a new object: its id and name are given, not looked up */
	NAMES,			/* exactly one of the kinds */
	NAMES_OR_POOL,		/* at most one of the kinds */
};

struct recipe {
	u8 cmd;
	enum drp_request_kind kind;
	enum subject subject;
	const struct drp_nl_noun *nouns[3];
	u16 required[3];
	u16 made;		/* the id of what is made, if it is not the subject's */
};

static const struct recipe recipes[] = {
	{
		DRP_CMD_CREATE_ELEMENT, DRP_REQ_CREATE_ELEMENT, MAKES, { &drp_nl_element },
		{ DRP_A_ELEMENT_NAME, DRP_A_SIZE_SECTORS },
	},
	{ DRP_CMD_DELETE_ELEMENT, DRP_REQ_DELETE_ELEMENT, NAMES, { &drp_nl_element } },
	{
		DRP_CMD_CREATE_SYNC, DRP_REQ_CREATE_SYNC, MAKES, { &drp_nl_sync },
		{ DRP_A_SYNC_TYPE },
	},
	{
		DRP_CMD_MODIFY_SYNC, DRP_REQ_MODIFY, NAMES, { &drp_nl_sync, &drp_nl_group },
		{ DRP_A_OPERATION },
	},
	{
		DRP_CMD_CREATE_GROUP, DRP_REQ_CREATE_GROUP, MAKES, { &drp_nl_group },
		{ DRP_A_GROUP_NAME },
	},
	{ DRP_CMD_DELETE_GROUP, DRP_REQ_DELETE_GROUP, NAMES, { &drp_nl_group } },
	{
		DRP_CMD_ADD_MEMBERS, DRP_REQ_ADD_MEMBERS, NAMES, { &drp_nl_group },
		{ DRP_A_MEMBER_ID },
	},
	{
		DRP_CMD_REMOVE_MEMBERS, DRP_REQ_REMOVE_MEMBERS, NAMES, { &drp_nl_group },
		{ DRP_A_MEMBER_ID },
	},
	{
		DRP_CMD_SET, DRP_REQ_SET, NAMES_OR_POOL,
		{ &drp_nl_element, &drp_nl_sync, &drp_nl_group },
		{ DRP_A_SETTING },
	},
	{
		DRP_CMD_CHANGE_JOB, DRP_REQ_JOB, NAMES, { &drp_nl_job },
		{ DRP_A_REQUESTED_JOB_STATE },
	},
	{ DRP_CMD_DELETE_ASPECT, DRP_REQ_DELETE_ASPECT, NAMES, { &drp_nl_aspect } },
	{
		DRP_CMD_RESTORE_ASPECT, DRP_REQ_RESTORE_ASPECT, NAMES, { &drp_nl_aspect }, {},
		DRP_A_SYNC_ID,
	},
};

/* One change under way; too large for the stack. */
struct change {
	const struct recipe *recipe;
	struct drp_pool *pool;
	struct genl_info *info;
	struct drp_request req;
	struct drp_result res;
	struct drp_parse_error err;
	char identity[sizeof("identity=") + DRP_IDENTITY_MAX];
};

static const struct recipe *find_recipe(u8 cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(recipes); i++)
		if (recipes[i].cmd == cmd)
			return &recipes[i];
	return NULL;
}

/* A refusal that is found here, not by drp_request_execute(). */
static int refuse(struct change *c, int err, const char *text)
{
	drp_request_note_refusal(c->pool, text);
	return drp_nl_refuse_text(c->info->extack, err, text);
}

/* ---- from attributes to a request ---- */

static const char *missing_text(u16 attr)
{
	switch (attr) {
	case DRP_A_ELEMENT_NAME:
		return "ELEMENT_NAME is missing: give the new element a name";
	case DRP_A_GROUP_NAME:
		return "GROUP_NAME is missing: give the new group a name";
	case DRP_A_SIZE_SECTORS:
		return "SIZE_SECTORS is missing: say how large the element is";
	case DRP_A_SYNC_TYPE:
		return "SYNC_TYPE is missing: mirror (6), snapshot (7) or clone (8)";
	case DRP_A_OPERATION:
		return "OPERATION is missing: a number from 2 to 24";
	case DRP_A_MEMBER_ID:
		return "MEMBER_ID is missing: give the ids of the elements";
	case DRP_A_SETTING:
		return "SETTING is missing: give at least one KEY=VALUE";
	case DRP_A_REQUESTED_JOB_STATE:
		return "REQUESTED_JOB_STATE is missing: start (2), suspend (3) or terminate (4)";
	default:
		return "an attribute is missing";
	}
}

static int check_required(struct change *c)
{
	const u16 *required = c->recipe->required;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(c->recipe->required) && required[i]; i++)
		if (!c->info->attrs[required[i]])
			return refuse(c, -EINVAL, missing_text(required[i]));
	return 0;
}

static int find(struct change *c, const struct drp_nl_noun *noun, u64 *id)
{
	int err = drp_nl_find(c->pool, c->info->attrs, noun, c->info->extack, id);

	if (err)
		drp_request_note_refusal(c->pool, c->info->extack->_msg);
	return err;
}

/* Settings have no attribute of their own for a name that a sync is given. */
static void set_name(struct change *c, const char *name)
{
	if (c->recipe->kind != DRP_REQ_CREATE_SYNC) {
		c->req.name = name;
		return;
	}
	c->req.settings.name = name;
	c->req.settings.mask |= DRP_SET_NAME;
}

static int fill_new(struct change *c)
{
	const struct drp_nl_noun *noun = c->recipe->nouns[0];
	struct nlattr **attrs = c->info->attrs;
	const char *name, *problem;

	c->req.object = noun->kind;
	if (attrs[noun->id_attr])
		c->req.id = nla_get_u64(attrs[noun->id_attr]);
	if (!attrs[noun->name_attr])
		return 0;
	name = drp_nl_string(attrs[noun->name_attr]);
	problem = name ? drp_name_problem(name) : "bytes follow the end of the name";
	if (problem)
		return refuse(c, -EINVAL, problem);
	set_name(c, name);
	return 0;
}

static int fill_subject(struct change *c)
{
	const struct drp_nl_noun *noun = NULL;
	unsigned int i;

	if (c->recipe->subject == MAKES)
		return fill_new(c);
	for (i = 0; i < ARRAY_SIZE(c->recipe->nouns) && c->recipe->nouns[i]; i++) {
		if (!drp_nl_names(c->info->attrs, c->recipe->nouns[i]))
			continue;
		if (noun)
			return refuse(c, -EINVAL, "two objects are named: name one");
		noun = c->recipe->nouns[i];
	}
	if (!noun && c->recipe->subject == NAMES_OR_POOL) {
		c->req.object = DRP_OBJ_POOL;
		return 0;
	}
	if (!noun)
		noun = c->recipe->nouns[0];
	c->req.object = noun->kind;
	return find(c, noun, &c->req.id);
}

static int add_member(struct change *c, const struct nlattr *attr)
{
	u64 id = nla_get_u64(attr);
	unsigned int i;

	for (i = 0; i < c->req.nr_members; i++)
		if (c->req.members[i] == id)
			return refuse(c, -EINVAL, "an id is given twice: give it once");
	if (c->req.nr_members == DRP_ARGS_MEMBERS_MAX)
		return refuse(c, -EINVAL, "more than 64 ids: split the request");
	c->req.members[c->req.nr_members++] = id;
	return 0;
}

static int parse_setting(struct change *c, const char *text)
{
	if (drp_parse_setting(text, &c->req.settings, &c->err))
		return refuse(c, -EINVAL, c->err.text);
	return 0;
}

static int add_setting(struct change *c, const struct nlattr *attr)
{
	const char *text = drp_nl_string(attr);

	if (!text)
		return refuse(c, -EINVAL, "bytes follow the end of a SETTING");
	return parse_setting(c, text);
}

static int fill_repeated(struct change *c)
{
	const struct nlattr *attr;
	int rem, err = 0;

	nlmsg_for_each_attr(attr, c->info->nlhdr, GENL_HDRLEN, rem) {
		switch (nla_type(attr)) {
		case DRP_A_SETTING:
			err = add_setting(c, attr);
			break;
		case DRP_A_MEMBER_ID:
		case DRP_A_SYNC_PAIR:
			err = add_member(c, attr);
			break;
		}
		if (err)
			return err;
	}
	return 0;
}

/* Attributes that are settings by another name; before DRP_A_SETTING, so that twice is refused. */
static int fill_settings(struct change *c)
{
	struct drp_settings *s = &c->req.settings;
	struct nlattr **attrs = c->info->attrs;

	if (attrs[DRP_A_MODE]) {
		s->mode = nla_get_u16(attrs[DRP_A_MODE]);
		s->mask |= DRP_SET_MODE;
	}
	if (attrs[DRP_A_WAIT_FOR_COPY_STATE]) {
		s->wait_state = nla_get_u16(attrs[DRP_A_WAIT_FOR_COPY_STATE]);
		s->mask |= DRP_SET_WAIT_STATE;
	}
	if (attrs[DRP_A_SIZE_SECTORS]) {
		s->size_sectors = nla_get_u64(attrs[DRP_A_SIZE_SECTORS]);
		s->mask |= DRP_SET_SIZE_SECTORS;
	}
	if (attrs[DRP_A_DEVICE_IDENTITY]) {
		const char *identity = drp_nl_string(attrs[DRP_A_DEVICE_IDENTITY]);

		if (!identity)
			return refuse(c, -EINVAL, "bytes follow the end of DEVICE_IDENTITY");
		scnprintf(c->identity, sizeof(c->identity), "identity=%s", identity);
		return parse_setting(c, c->identity);
	}
	return 0;
}

/* The rules between attributes; those of messages stand in drp_parse_message(). */
static int check_request(struct change *c)
{
	u32 wrong = c->req.settings.mask & ~drp_settings_allowed(c->req.kind, c->req.object);
	bool pairs = c->req.operation == DRP_OP_ADD_SYNC_PAIR ||
		     c->req.operation == DRP_OP_REMOVE_SYNC_PAIR;

	if (wrong) {
		scnprintf(c->err.text, sizeof(c->err.text),
			  "setting '%s' does not apply to this request", drp_setting_key(wrong));
		return refuse(c, -EINVAL, c->err.text);
	}
	if (c->req.kind == DRP_REQ_CREATE_SYNC && c->req.source_id == c->req.target_id)
		return refuse(c, -EINVAL, "the target is the source as well: name another element");
	if (c->req.kind == DRP_REQ_MODIFY && pairs && !c->req.nr_members)
		return refuse(c, -EINVAL, "SYNC_PAIR is missing: give the ids of the syncs");
	if (c->req.kind == DRP_REQ_MODIFY && !pairs && c->req.nr_members)
		return refuse(c, -EINVAL, "this operation takes no SYNC_PAIR");
	if (c->req.settings.mask & DRP_SET_WAIT_STATE &&
	    c->req.settings.wait_state == DRP_CS_MIXED)
		return refuse(c, -EINVAL, "Mixed is no copy state to wait for");
	return 0;
}

static void fill_numbers(struct change *c)
{
	struct nlattr **attrs = c->info->attrs;

	c->req.force = attrs[DRP_A_FORCE];
	c->req.dry_run = attrs[DRP_A_DRY_RUN];
	if (attrs[DRP_A_OPERATION])
		c->req.operation = nla_get_u16(attrs[DRP_A_OPERATION]);
	if (attrs[DRP_A_SYNC_TYPE])
		c->req.sync_type = nla_get_u16(attrs[DRP_A_SYNC_TYPE]);
	if (attrs[DRP_A_REQUESTED_JOB_STATE])
		c->req.job_request = nla_get_u16(attrs[DRP_A_REQUESTED_JOB_STATE]);
}

static int fill_name(struct change *c, u16 attr, u32 setting, const char **to)
{
	const struct nlattr *a = c->info->attrs[attr];
	const char *problem;

	if (!a)
		return 0;
	*to = drp_nl_string(a);
	problem = *to ? drp_name_problem(*to) : "bytes follow the end of the name";
	if (problem)
		return refuse(c, -EINVAL, problem);
	c->req.settings.mask |= setting;
	return 0;
}

static int fill_target_name(struct change *c)
{
	return fill_name(c, DRP_A_TARGET_NAME, DRP_SET_TARGET_NAME, &c->req.settings.target_name);
}

/* The target of a snapshot is made with it. */
static int fill_new_target(struct change *c)
{
	struct nlattr **attrs = c->info->attrs;

	if (attrs[DRP_A_TARGET_ID])
		c->req.target_id = nla_get_u64(attrs[DRP_A_TARGET_ID]);
	if (!attrs[DRP_A_TARGET_NAME])
		return refuse(c, -EINVAL, "TARGET_NAME is missing: name the element that is made");
	return fill_target_name(c);
}

static int fill_request(struct change *c)
{
	int err;

	c->req.kind = c->recipe->kind;
	fill_numbers(c);
	err = check_required(c);
	if (!err)
		err = fill_subject(c);
	if (!err && c->recipe->kind == DRP_REQ_CREATE_SYNC) {
		err = find(c, &drp_nl_source, &c->req.source_id);
		if (!err && c->req.sync_type == DRP_SYNC_SNAPSHOT)
			err = fill_new_target(c);
		else if (!err)
			err = find(c, &drp_nl_target, &c->req.target_id);
	}
	if (!err && c->recipe->kind == DRP_REQ_RESTORE_ASPECT)
		err = fill_target_name(c) ?:
		      fill_name(c, DRP_A_SYNC_NAME, DRP_SET_NAME, &c->req.settings.name);
	if (!err)
		err = fill_settings(c);
	if (!err)
		err = fill_repeated(c);
	if (!err)
		err = check_request(c);
	return err;
}

/* ---- the answer ---- */

static int put_result(struct sk_buff *skb, const struct change *c)
{
	const struct drp_result *r = &c->res;
	u16 made = c->recipe->subject == MAKES ? c->recipe->nouns[0]->id_attr : c->recipe->made;

	if (nla_put_u32(skb, DRP_A_RETURN_VALUE, r->return_value) ||
	    (r->job_id && drp_nl_put_u64(skb, DRP_A_JOB_ID, r->job_id)) ||
	    (made && r->object_id && drp_nl_put_u64(skb, made, r->object_id)) ||
	    (r->aspect_id && drp_nl_put_u64(skb, DRP_A_ASPECT_ID, r->aspect_id)) ||
	    (r->updated_sync_id &&
	     drp_nl_put_u64(skb, DRP_A_UPDATED_SYNC_ID, r->updated_sync_id)) ||
	    (*r->text && nla_put_string(skb, DRP_A_MESSAGE, r->text)) ||
	    (c->req.dry_run && nla_put_flag(skb, DRP_A_DRY_RUN)))
		return -EMSGSIZE;
	return 0;
}

/* A change that is done stays done: an answer that cannot be delivered is no refusal. */
static void reply(struct sk_buff *skb, const struct change *c)
{
	void *header = genlmsg_put(skb, c->info->snd_portid, c->info->snd_seq, &drp_nl_family, 0,
				   DRP_CMD_METHOD_RESULT);

	if (!header || put_result(skb, c)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_reply(skb, c->info);
}

static int execute(struct change *c)
{
	int err = drp_request_execute(c->pool, &c->req, &c->res);

	if (!err)
		return 0;
	return drp_nl_refuse_text(c->info->extack, err, *c->res.text ? c->res.text :
				  drp_name(DRP_ENUM_RETURN_VALUE, drp_errno_to_rv(-err)));
}

int drp_nl_change(struct sk_buff *request, struct genl_info *info)
{
	const struct recipe *recipe = find_recipe(info->genlhdr->cmd);
	struct sk_buff *skb;
	struct change *c;
	int err = -ENOMEM;

	if (!recipe)
		return -EOPNOTSUPP;
	/* All memory first: what has happened must not end in -ENOMEM. */
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c || !skb)
		goto out;
	c->recipe = recipe;
	c->pool = info->user_ptr[0];
	c->info = info;
	err = fill_request(c);
	if (!err)
		err = execute(c);
	if (!err) {
		reply(skb, c);
		skb = NULL;
	}
out:
	nlmsg_free(skb);
	kfree(c);
	return err;
}
