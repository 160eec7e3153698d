// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each request may carry. The core of netlink refuses what a policy does
 * not list, and values out of range, before a handler runs.
 */
#include "netlink.h"

/* Not const: older kernels point to them without. */
static struct netlink_range_validation id_range = { .min = 1, .max = S64_MAX };
static struct netlink_range_validation new_id_range = { .min = 0, .max = S64_MAX };
static struct netlink_range_validation size_range = { .min = 1, .max = DRP_SIZE_SECTORS_MAX };
static struct netlink_range_validation offset_range = { .min = 0, .max = S64_MAX };

#define ID		NLA_POLICY_FULL_RANGE(NLA_U64, &id_range)
#define NEW_ID		NLA_POLICY_FULL_RANGE(NLA_U64, &new_id_range)
#define OFFSET		NLA_POLICY_FULL_RANGE(NLA_U64, &offset_range)
#define NAME		{ .type = NLA_NUL_STRING, .len = DRP_NAME_MAX }
#define UUID		NLA_POLICY_EXACT_LEN(DRP_UUID_BYTES)
#define FLAG		{ .type = NLA_FLAG }
#define SETTING		{ .type = NLA_NUL_STRING, .len = DRP_SETTING_MAX }
#define SYNC_TYPE	NLA_POLICY_RANGE(NLA_U16, DRP_SYNC_MIRROR, DRP_SYNC_CLONE)
#define COPY_STATE	NLA_POLICY_RANGE(NLA_U16, DRP_CS_INITIALIZED, DRP_CS_RESTORED)

const struct nla_policy drp_nl_policy_pool[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
};

const struct nla_policy drp_nl_policy_element[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_ELEMENT_ID]		= ID,
	[DRP_A_ELEMENT_NAME]		= NAME,
};

const struct nla_policy drp_nl_policy_sync[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_SYNC_ID]			= ID,
	[DRP_A_SYNC_NAME]		= NAME,
};

const struct nla_policy drp_nl_policy_group[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_GROUP_ID]		= ID,
	[DRP_A_GROUP_NAME]		= NAME,
};

const struct nla_policy drp_nl_policy_job[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_JOB_ID]			= ID,
};

const struct nla_policy drp_nl_policy_aspect[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_ASPECT_ID]		= ID,
	[DRP_A_ASPECT_NAME]		= NAME,
};

const struct nla_policy drp_nl_policy_create_element[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_ELEMENT_ID]		= NEW_ID,
	[DRP_A_ELEMENT_NAME]		= NAME,
	[DRP_A_SETTING]			= SETTING,
	[DRP_A_SIZE_SECTORS]		= NLA_POLICY_FULL_RANGE(NLA_U64, &size_range),
	[DRP_A_DEVICE_IDENTITY]		= { .type = NLA_NUL_STRING, .len = DRP_IDENTITY_MAX },
};

const struct nla_policy drp_nl_policy_delete_element[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_ELEMENT_ID]		= ID,
	[DRP_A_ELEMENT_NAME]		= NAME,
	[DRP_A_FORCE]			= FLAG,
};

const struct nla_policy drp_nl_policy_create_sync[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_SYNC_ID]			= NEW_ID,
	[DRP_A_SYNC_NAME]		= NAME,
	[DRP_A_SOURCE_ID]		= ID,
	[DRP_A_SOURCE_NAME]		= NAME,
	[DRP_A_TARGET_ID]		= ID,
	[DRP_A_TARGET_NAME]		= NAME,
	[DRP_A_SYNC_TYPE]		= SYNC_TYPE,
	[DRP_A_MODE]			= NLA_POLICY_RANGE(NLA_U16, DRP_MODE_SYNC, DRP_MODE_ASYNC),
	[DRP_A_FORCE]			= FLAG,
	[DRP_A_DRY_RUN]			= FLAG,
	[DRP_A_SETTING]			= SETTING,
	[DRP_A_WAIT_FOR_COPY_STATE]	= COPY_STATE,
};

const struct nla_policy drp_nl_policy_modify_sync[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_SYNC_ID]			= ID,
	[DRP_A_SYNC_NAME]		= NAME,
	[DRP_A_GROUP_ID]		= ID,
	[DRP_A_GROUP_NAME]		= NAME,
	[DRP_A_SYNC_PAIR]		= ID,
	[DRP_A_OPERATION]		= NLA_POLICY_RANGE(NLA_U16, DRP_OP_ABORT, DRP_OP_PREPARE),
	[DRP_A_FORCE]			= FLAG,
	[DRP_A_DRY_RUN]			= FLAG,
	[DRP_A_SETTING]			= SETTING,
	[DRP_A_WAIT_FOR_COPY_STATE]	= COPY_STATE,
};

const struct nla_policy drp_nl_policy_create_group[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_GROUP_ID]		= NEW_ID,
	[DRP_A_GROUP_NAME]		= NAME,
	[DRP_A_MEMBER_ID]		= ID,
};

const struct nla_policy drp_nl_policy_members[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_GROUP_ID]		= ID,
	[DRP_A_GROUP_NAME]		= NAME,
	[DRP_A_MEMBER_ID]		= ID,
};

const struct nla_policy drp_nl_policy_set[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_ELEMENT_ID]		= ID,
	[DRP_A_ELEMENT_NAME]		= NAME,
	[DRP_A_SYNC_ID]			= ID,
	[DRP_A_SYNC_NAME]		= NAME,
	[DRP_A_GROUP_ID]		= ID,
	[DRP_A_GROUP_NAME]		= NAME,
	[DRP_A_SETTING]			= SETTING,
};

const struct nla_policy drp_nl_policy_change_job[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_JOB_ID]			= ID,
	[DRP_A_REQUESTED_JOB_STATE]	= NLA_POLICY_RANGE(NLA_U16, DRP_JOB_REQ_START,
							   DRP_JOB_REQ_TERMINATE),
};

const struct nla_policy drp_nl_policy_delete_aspect[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_ASPECT_ID]		= ID,
	[DRP_A_ASPECT_NAME]		= NAME,
	[DRP_A_FORCE]			= FLAG,
};

const struct nla_policy drp_nl_policy_restore_aspect[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_ASPECT_ID]		= ID,
	[DRP_A_ASPECT_NAME]		= NAME,
	[DRP_A_SYNC_NAME]		= NAME,
	[DRP_A_TARGET_NAME]		= NAME,
	[DRP_A_FORCE]			= FLAG,
	[DRP_A_DRY_RUN]			= FLAG,
	[DRP_A_SETTING]			= SETTING,
	[DRP_A_WAIT_FOR_COPY_STATE]	= COPY_STATE,
};

const struct nla_policy drp_nl_policy_capabilities[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_SYNC_ID]			= ID,
	[DRP_A_SYNC_NAME]		= NAME,
	[DRP_A_SYNC_TYPE]		= SYNC_TYPE,
};

const struct nla_policy drp_nl_policy_space[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_ELEMENT_ID]		= ID,
	[DRP_A_ELEMENT_NAME]		= NAME,
};

const struct nla_policy drp_nl_policy_map[DRP_NL_REQUEST_ATTR_MAX + 1] = {
	[DRP_A_POOL_NAME]		= NAME,
	[DRP_A_POOL_UUID]		= UUID,
	[DRP_A_SYNC_ID]			= ID,
	[DRP_A_SYNC_NAME]		= NAME,
	[DRP_A_SOURCE_ID]		= ID,
	[DRP_A_SOURCE_NAME]		= NAME,
	[DRP_A_TARGET_ID]		= ID,
	[DRP_A_TARGET_NAME]		= NAME,
	[DRP_A_OFFSET_BYTES]		= OFFSET,
	[DRP_A_LENGTH_BYTES]		= OFFSET,
};
