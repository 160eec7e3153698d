// SPDX-License-Identifier: GPL-2.0-only
/*
 * Offline check, third part: COW space. The index as the catalog has it and what
 * the journal changes are gone through together, in the order of keys, so that
 * what is looked at is what an activation would have.
 */
#include "check_state.h"
#include "codec_cow.h"

u64 drp_check_slots(const struct drp_super *sb)
{
	return sb->incompat & DRP_INCOMPAT_COW ? sb->cow_sectors / sb->chunk_sectors : 0;
}

/* ---- what the journal changes ---- */

int drp_check_take_mod(struct check *c, const struct drp_cow_mod *mod)
{
	if (c->nr_mods == c->memory->max_mods)
		return -ENOBUFS;
	c->memory->mods[c->nr_mods] = (struct drp_check_mod){ .mod = *mod, .order = c->nr_mods };
	c->nr_mods++;
	return 0;
}

static bool mod_before(const struct drp_check_mod *a, const struct drp_check_mod *b)
{
	int cmp = drp_cow_key_cmp(&a->mod.entry.key, &b->mod.entry.key);

	return cmp ? cmp < 0 : a->order < b->order;
}

/* Let mods[@at] sink to its place in the heap of @n. */
static void sift(struct drp_check_mod *mods, u32 at, u32 n)
{
	u32 child;

	for (; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && mod_before(&mods[child], &mods[child + 1]))
			child++;
		if (!mod_before(&mods[at], &mods[child]))
			return;
		swap(mods[at], mods[child]);
	}
}

/* By key; of each key only what was said last. */
static void sort_mods(struct check *c)
{
	struct drp_check_mod *mods = c->memory->mods;
	u32 i, n = 0;

	for (i = c->nr_mods / 2; i--;)
		sift(mods, i, c->nr_mods);
	for (i = c->nr_mods; i-- > 1;) {
		swap(mods[0], mods[i]);
		sift(mods, 0, i);
	}
	for (i = 0; i < c->nr_mods; i++) {
		if (n && !drp_cow_key_cmp(&mods[n - 1].mod.entry.key, &mods[i].mod.entry.key))
			n--;
		mods[n++] = mods[i];
	}
	c->nr_mods = n;
}

/* ---- slots ---- */

#define PAGE_WORDS	(DRP_PAGE_BITS / 64)

/* OR @words, NULL: all ones, into the page; bits behind the end do not matter. */
static void slots_or(struct check *c, u64 page, const u64 *words)
{
	const u64 slots = drp_check_slots(&c->result->sb), nr = slots / 64 + 1;
	u64 i;

	if (!slots || page > nr / PAGE_WORDS)
		return;
	for (i = 0; i < PAGE_WORDS && page * PAGE_WORDS + i < nr; i++)
		c->memory->slots_used[page * PAGE_WORDS + i] |= words ? words[i] : ~0ULL;
}

void drp_check_slots_all(struct check *c, u64 first_page, u64 pages)
{
	while (pages--)
		slots_or(c, first_page++, NULL);
}

void drp_check_slots_page(struct check *c, u64 page, const u64 *words)
{
	slots_or(c, page, words);
}

static bool bit_of(const u64 *words, u64 i)
{
	return words[i / 64] >> (i % 64) & 1;
}

/* ---- entries ---- */

static void say_entry(struct check *c, const struct drp_cow_entry *e, const char *what)
{
	drp_check_say(c, DRP_CHECK_ERROR,
		      "COW index: element %llu, chunk %llu, generation %llu: its slot %llu %s",
		      e->key.element, e->key.chunk, e->key.generation, e->slot, what);
}

static void check_owner(struct check *c, const struct drp_cow_entry *e)
{
	const struct drp_check_object *o = c->owner;
	bool private = e->kind == DRP_COW_PRIVATE;

	if (!c->owner_known || c->owner_id != e->key.element) {
		o = drp_check_find(c, DRP_OBJ_ELEMENT, e->key.element);
		c->owner = o;
		c->owner_id = e->key.element;
		c->owner_known = true;
	}
	if (!o) {
		c->result->cow_garbage++;
		return;
	}
	if (e->key.generation > o->generation)
		say_entry(c, e, "is of a point in time that was never taken");
	if (private != !!o->parent_id)
		say_entry(c, e, private ? "is written content, but the element has a device" :
			  "is preserved content, but the element has no device");
}

/* An entry that an activation would have; @journal: it says so, and marks the slot. */
static void check_entry(struct check *c, const struct drp_cow_entry *e, bool journal)
{
	const u64 nr = drp_check_slots(&c->result->sb);

	c->result->cow_entries++;
	check_owner(c, e);
	if (e->slot >= nr) {
		say_entry(c, e, "lies behind the end of the COW device");
		return;
	}
	if (bit_of(c->memory->slots, e->slot))
		say_entry(c, e, "belongs to another entry, too");
	c->memory->slots[e->slot / 64] |= 1ULL << (e->slot % 64);
	if (!journal && !bit_of(c->memory->slots_used, e->slot))
		say_entry(c, e, "is marked as free");
}

/* What the journal says up to @key, and about it: true. NULL: all of it. */
static bool check_mods(struct check *c, const struct drp_cow_key *key)
{
	int cmp = -1;

	while (c->at_mod < c->nr_mods) {
		const struct drp_cow_mod *mod = &c->memory->mods[c->at_mod].mod;

		if (key)
			cmp = drp_cow_key_cmp(&mod->entry.key, key);
		if (cmp > 0)
			return false;
		if (!mod->del)
			check_entry(c, &mod->entry, true);
		c->at_mod++;
		if (!cmp)
			return true;
	}
	return false;
}

/* ---- nodes ---- */

static bool node_claim(struct check *c, u64 block)
{
	u64 *word = &c->memory->used[block / 64];
	const u64 bit = 1ULL << (block % 64);

	if (!drp_check_in_page_area(&c->result->sb, block)) {
		drp_check_say(c, DRP_CHECK_ERROR,
			      "COW index: block %llu lies outside of the page areas", block);
		return false;
	}
	if (*word & bit) {
		drp_check_say(c, DRP_CHECK_ERROR, "COW index: block %llu is used twice", block);
		return false;
	}
	*word |= bit;
	return true;
}

static const void *node_take(struct check *c, const struct drp_cow_child *child, u32 level)
{
	void *node = (u8 *)c->memory->nodes + level * DRP_BLOCK_BYTES;

	if (!node_claim(c, child->block))
		return NULL;
	c->result->cow_nodes++;
	if (c->io->ops->read(c->io->ctx, child->block, node, 1)) {
		drp_check_say(c, DRP_CHECK_ERROR, "COW index: block %llu cannot be read",
			      child->block);
		return NULL;
	}
	if (!drp_cow_node_check(node, c->result->sb.nonce, child->seq, level))
		return node;
	drp_check_say(c, DRP_CHECK_ERROR,
		      "COW index: block %llu (level %u) is damaged or of another time",
		      child->block, level);
	return NULL;
}

/* Are the keys of @leaf behind those of the leaves before it? */
static void check_order(struct check *c, const struct drp_cow_child *child, const void *leaf)
{
	struct drp_cow_key key;

	drp_cow_node_key(leaf, 0, &key);
	if (c->any_key && drp_cow_key_cmp(&c->last_key, &key) >= 0)
		drp_check_say(c, DRP_CHECK_ERROR, "COW index: block %llu is out of order",
			      child->block);
	drp_cow_node_key(leaf, drp_cow_node_count(leaf) - 1, &c->last_key);
	c->any_key = true;
}

static void check_leaf(struct check *c, const void *leaf)
{
	u32 i, n = drp_cow_node_count(leaf);
	struct drp_cow_entry e;

	for (i = 0; i < n; i++) {
		drp_cow_node_entry(leaf, i, &e);
		c->tree_entries++;
		if (!check_mods(c, &e.key))
			check_entry(c, &e, false);
	}
}

/* At most DRP_COW_HEIGHT_MAX deep. */
static void check_node(struct check *c, const struct drp_cow_child *child, u32 level, bool top)
{
	struct drp_cow_child below;
	struct drp_cow_key first;
	const void *node;
	u32 i, n;

	node = node_take(c, child, level);
	if (!node) {
		c->incomplete = true;
		return;
	}
	drp_cow_node_key(node, 0, &first);
	if (!top && drp_cow_key_cmp(&first, &child->first))
		drp_check_say(c, DRP_CHECK_ERROR,
			      "COW index: block %llu begins elsewhere than its parent says",
			      child->block);
	if (!level) {
		check_order(c, child, node);
		check_leaf(c, node);
		return;
	}
	n = drp_cow_node_count(node);
	for (i = 0; i < n; i++) {
		drp_cow_node_child(node, i, &below);
		check_node(c, &below, level - 1, false);
	}
}

static void check_tree(struct check *c)
{
	const struct drp_cow_root *root = &c->cow_root;
	const struct drp_cow_child top = { .block = root->block, .seq = root->seq };

	if (!root->block)
		return;
	check_node(c, &top, root->height - 1, true);
	if (c->incomplete)
		return;
	if (c->tree_entries != root->entries || c->result->cow_nodes != root->nodes)
		drp_check_say(c, DRP_CHECK_ERROR,
			      "COW index: it has %llu entries in %llu nodes, but its root counts %llu in %llu",
			      c->tree_entries, c->result->cow_nodes, root->entries, root->nodes);
}

/* Slots that are marked as used and hold nothing; slot 0 is the label's. */
static void count_lost(struct check *c)
{
	const u64 nr = drp_check_slots(&c->result->sb);
	u64 i;

	for (i = 1; i < nr; i++)
		if (bit_of(c->memory->slots_used, i) && !bit_of(c->memory->slots, i))
			c->result->cow_lost++;
	if (c->result->cow_lost && !c->incomplete && c->result->sb.clean)
		drp_check_say(c, DRP_CHECK_NOTE,
			      "COW space: %llu slots are marked as used and hold nothing",
			      c->result->cow_lost);
}

void drp_check_cow(struct check *c)
{
	if (!(c->result->sb.incompat & DRP_INCOMPAT_COW)) {
		if (c->cow_root.block || c->nr_mods)
			drp_check_say(c, DRP_CHECK_ERROR,
				      "there is content of COW space, but the superblock says that there is none");
		return;
	}
	sort_mods(c);
	check_tree(c);
	check_mods(c, NULL);
	count_lost(c);
}
