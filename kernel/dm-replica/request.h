/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one way in for whoever wants something changed: netlink and messages
 * parse into struct drp_request and call drp_request_execute().
 */
#ifndef DRP_REQUEST_H
#define DRP_REQUEST_H

#include "core/args.h"

struct drp_pool;

#define DRP_REQUEST_WAIT_MS	100	/* what takes longer becomes a job */

struct drp_result {
	u32 return_value;		/* enum drp_return_value */
	u64 job_id;			/* with 4096 */
	u64 object_id;			/* of what was created */
	u64 aspect_id;			/* SettingsState */
	u64 updated_sync_id;		/* if the operation changed the sync's keys */
	char text[DRP_MESSAGE_MAX + 1];	/* refusal in words, or what a dry run found; may be empty */
};

/*
 * Execute @req on @pool, strings in it are copied. Waits at most
 * DRP_REQUEST_WAIT_MS: what is not done by then goes on as a job and the
 * answer is 4096. Returns 0 (return_value 0 or 4096) or the negative errno of
 * the refusal, with the text in @res and in the pool's last_refusal. Process
 * context, no locks held; sleeps.
 */
int drp_request_execute(struct drp_pool *pool, const struct drp_request *req,
			struct drp_result *res);

/* Remember a refusal that was found while parsing. Logs it, too. */
void drp_request_note_refusal(struct drp_pool *pool, const char *text);

/* ---- capabilities ---- */

struct drp_capability {
	bool supported;			/* built, and meant for this SyncType */
	bool possible_now;		/* for a given sync */
	bool requires_force;
	u16 result_copy_state;		/* 0: the sync is gone */
	u32 from_states;		/* BIT(enum drp_copy_state): accepted without Force */
	u32 from_states_force;		/* only with Force */
	char reason[DRP_MESSAGE_MAX + 1];	/* why not, or what Force consents to */
};

/*
 * What @operation means for @sync_id (or, if that is 0, for @sync_type in
 * general): 0, -ENOENT (no such sync), -EINVAL (no such operation). Any pool
 * state. If another operation does not end within @wait jiffies only the state
 * is asked. Sleeps.
 */
int drp_capability_query(struct drp_pool *pool, u64 sync_id, u16 sync_type, u16 operation,
			 long wait, struct drp_capability *cap);

/* ---- map ---- */

/* A look at where something may differ, which goes on where the last one ended. */
struct drp_look {
	u64 subject, with;		/* two elements, or a sync and 0 */
	u64 next, end;			/* bytes that are still to be looked at */

	/* what the looks before this one were at */
	bool begun;
	u64 one, other;
};

/*
 * Up to @max extents (in bytes) that may differ: of a sync, of two elements of
 * which one is a snapshot or both are, or of the two sides of a mirror or clone.
 * Their number, and look->next and look->end tell how far that goes; may be 0
 * before the end. Or -ENOENT, -EINVAL, -ESTALE (a new point in time since the
 * first look: the answers do not belong together) and *@why, which may be NULL,
 * and -EIO; @look is of no use then. Reads metadata only: sleeps.
 */
int drp_look(struct drp_pool *pool, struct drp_look *look, struct drp_extent *out,
	     unsigned int max, const char **why);

/* Source and target of a snapshot, which are what to look at: 0, -ENOENT, or -EINVAL: it is another SyncType. */
int drp_sync_snapshot_ends(struct drp_pool *pool, u64 sync_id, u64 *source, u64 *target);

/* A part of what COW space has for a snapshot: all parts add up. */
struct drp_space {
	/* where it begins, and then where the next one does; first 0 */
	bool own;			/* of what was written to it, not of what it comes from */
	u64 chunk;
	/* bytes */
	u64 held;			/* kept for it, or written to it */
	u64 unique;			/* of that, what nobody else needs */
};

/*
 * The next part of what the snapshot @id has: 1, there are more; 0, it was the
 * last one; or -ENOENT, -EINVAL (and *@why), -ENOMEM, -EIO. Looks at a bounded
 * number of entries. Reads nodes of the index: sleeps.
 */
int drp_element_space(struct drp_pool *pool, u64 id, struct drp_space *space, const char **why);

#endif /* DRP_REQUEST_H */
