// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree of the COW index against a sorted array: random batches of changes,
 * searches at every boundary, every operation that may fail failing once, and
 * damaged nodes.
 */
#include "unit.h"

#include "codec_cow.h"
#include "cow_store.h"

#define MODEL_MAX	40000

struct fixture {
	struct cow_store *s;
	struct drp_cow_root root;
	struct sim_random r;
	struct drp_cow_merge *merge;
	struct drp_cow_entry *model;	/* what the tree should hold, in order */
	u32 nr_model;
	struct drp_cow_mod *mods;	/* the next batch, likewise */
	u32 nr_mods, at;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->s = store_new(1);
	f->r.state = 5;
	f->merge = aligned_alloc(8, (drp_cow_merge_bytes() + 7) / 8 * 8);
	f->model = calloc(MODEL_MAX, sizeof(*f->model));
	f->mods = calloc(MODEL_MAX, sizeof(*f->mods));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->s);
	free(f->merge);
	free(f->model);
	free(f->mods);
	free(f);
	return 0;
}

/* ---- the model ---- */

static int compare_mods(const void *a, const void *b)
{
	const struct drp_cow_mod *x = a, *y = b;

	return drp_cow_key_cmp(&x->entry.key, &y->entry.key);
}

/* Sort the batch; of those with the same key the first one stays. */
static void sort_batch(struct fixture *f)
{
	u32 i, n = 0;

	qsort(f->mods, f->nr_mods, sizeof(f->mods[0]), compare_mods);
	for (i = 0; i < f->nr_mods; i++)
		if (!n || compare_mods(&f->mods[n - 1], &f->mods[i]))
			f->mods[n++] = f->mods[i];
	f->nr_mods = n;
}

static void model_apply(struct fixture *f)
{
	struct drp_cow_entry *out = calloc(MODEL_MAX, sizeof(*out));
	u32 i = 0, j = 0, n = 0;

	while (i < f->nr_model || j < f->nr_mods) {
		int cmp = i == f->nr_model ? 1 : j == f->nr_mods ? -1 :
			drp_cow_key_cmp(&f->model[i].key, &f->mods[j].entry.key);

		assert_true(n < MODEL_MAX);
		if (cmp < 0) {
			out[n++] = f->model[i++];
			continue;
		}
		i += !cmp;
		if (!f->mods[j].del)
			out[n++] = f->mods[j].entry;
		j++;
	}
	free(f->model);
	f->model = out;
	f->nr_model = n;
}

/* Position of the first entry of the model at or behind @key. */
static u32 model_ge(const struct fixture *f, const struct drp_cow_key *key)
{
	u32 i = 0;

	while (i < f->nr_model && drp_cow_key_cmp(&f->model[i].key, key) < 0)
		i++;
	return i;
}

static struct drp_cow_mod random_put(struct fixture *f, struct drp_cow_key key)
{
	struct drp_cow_mod mod = { .entry.key = key };

	mod.entry.slot = 1 + (sim_random(&f->r) >> 17);
	mod.entry.kind = key.generation ? DRP_COW_PRESERVED + sim_below(&f->r, 2) :
					  DRP_COW_PRIVATE;
	return mod;
}

/* ---- merging ---- */

static int next_mod(void *ctx, struct drp_cow_mod *mod)
{
	struct fixture *f = ctx;

	if (store_fails(f->s, STORE_NEXT))
		return -EINTR;
	if (f->at == f->nr_mods)
		return 0;
	*mod = f->mods[f->at++];
	return 1;
}

static int merge(struct fixture *f)
{
	f->at = 0;
	memset(f->merge, 0x5a, drp_cow_merge_bytes());
	return drp_cow_merge(&f->s->ops, &f->root, next_mod, f, f->merge);
}

struct collected {
	struct fixture *f;
	u32 at;
	bool differs;
};

static int compare_leaf(void *ctx, const struct drp_cow_child *child, u32 level)
{
	struct collected *c = ctx;
	struct drp_cow_entry e;
	const void *node;
	u32 i;

	if (level)
		return 0;
	if (c->f->s->ops.get(c->f->s, child->block, child->seq, 0, &node))
		return -EIO;
	for (i = 0; i < drp_cow_node_count(node) && !c->differs; i++, c->at++) {
		const struct drp_cow_entry *want = &c->f->model[c->at];

		drp_cow_node_entry(node, i, &e);
		c->differs = c->at >= c->f->nr_model || drp_cow_key_cmp(&e.key, &want->key) ||
			     e.slot != want->slot || e.kind != want->kind || e.crc;
	}
	c->f->s->ops.put(c->f->s, node);
	return 0;
}

static void assert_is_model(struct fixture *f)
{
	struct collected c = { .f = f };
	const char *problem;

	store_heal(f->s);
	problem = store_check(f->s, &f->root);
	if (problem)
		print_error("%s\n", problem);
	assert_null(problem);
	assert_int_equal(drp_cow_visit(&f->s->ops, &f->root, compare_leaf, &c), 0);
	assert_false(c.differs);
	assert_int_equal(c.at, f->nr_model);
}

static void merge_and_compare(struct fixture *f)
{
	const u64 before = f->root.nodes;

	sort_batch(f);
	assert_int_equal(merge(f), 0);
	assert_true(f->root.nodes <= drp_cow_nodes_needed(before, f->nr_mods));
	model_apply(f);
	assert_is_model(f);
}

/* ---- random batches ---- */

static const struct shape {
	const char *name;
	u32 elements, chunks, generations;
	u32 batch;		/* changes at most */
	u32 batches;
	u32 dels;		/* one in so many is a del of something that is there */
} shapes[] = {
	{ "one element, few chunks, many generations", 1, 8, 500, 300, 40, 6 },
	{ "one generation", 2, 3000, 1, 400, 40, 6 },
	{ "sparse", 20, 1000000, 3, 2500, 18, 10 },
	{ "small batches", 3, 400, 10, 60, 120, 9 },
	{ "mostly dels", 3, 300, 10, 500, 40, 2 },
	{ "single changes", 2, 200, 5, 3, 200, 9 },
};

static struct drp_cow_key random_key(struct fixture *f, const struct shape *s)
{
	struct drp_cow_key key = {
		1 + sim_below(&f->r, s->elements), sim_below(&f->r, s->chunks),
		sim_below(&f->r, s->generations),
	};

	return key;
}

static void make_batch(struct fixture *f, const struct shape *s)
{
	u32 n = 1 + sim_below(&f->r, s->batch), i;
	/* Now and then all of one place: whole leaves go, or one grows. */
	bool narrow = sim_once_in(&f->r, 8);
	u32 from = f->nr_model ? sim_below(&f->r, f->nr_model) : 0;

	f->nr_mods = 0;
	for (i = 0; i < n; i++) {
		struct drp_cow_mod *mod = &f->mods[f->nr_mods++];

		if (f->nr_model && sim_once_in(&f->r, narrow ? 1 : s->dels)) {
			u32 at = narrow ? (from + i) % f->nr_model : sim_below(&f->r, f->nr_model);

			mod->entry = f->model[at];
			mod->entry.slot = 0;	/* only the key counts */
			mod->del = true;
			continue;
		}
		*mod = random_put(f, random_key(f, s));
		if (sim_once_in(&f->r, 20))
			mod->del = true;	/* perhaps of nothing */
	}
}

static void random_batches_match_a_sorted_array(void **state)
{
	u32 i, b, largest, height;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct fixture *f;

		setup((void **)&f);
		f->r.state = i + 100;
		for (b = largest = height = 0; b < shapes[i].batches; b++) {
			make_batch(f, &shapes[i]);
			merge_and_compare(f);
			largest = max_t(u32, largest, f->nr_model);
			height = max_t(u32, height, f->root.height);
		}
		print_message("           %s: up to %u entries, %u levels\n", shapes[i].name,
			      largest, height);
		assert_true(largest > 50);
		teardown((void **)&f);
	}
}

/* ---- growing and shrinking ---- */

static void put_run(struct fixture *f, u64 element, u64 first, u32 n)
{
	for (f->nr_mods = 0; f->nr_mods < n; f->nr_mods++) {
		struct drp_cow_key key = { element, first + f->nr_mods, 1 };

		f->mods[f->nr_mods] = random_put(f, key);
	}
	merge_and_compare(f);
}

static void del_run(struct fixture *f, u32 first, u32 n)
{
	for (f->nr_mods = 0; f->nr_mods < n && first + f->nr_mods < f->nr_model; f->nr_mods++) {
		f->mods[f->nr_mods].entry = f->model[first + f->nr_mods];
		f->mods[f->nr_mods].del = true;
	}
	merge_and_compare(f);
}

static void a_tree_grows_and_goes(void **state)
{
	struct fixture *f = *state;

	assert_is_model(f);
	put_run(f, 1, 0, 126);
	assert_int_equal(f->root.height, 1);
	put_run(f, 1, 126, 1);
	assert_int_equal(f->root.height, 2);
	assert_int_equal(f->root.nodes, 3);
	put_run(f, 1, 1000, 16000);
	assert_int_equal(f->root.height, 3);
	/* In order they are packed: 126 to a leaf. */
	assert_true(f->root.nodes < 16127 / 126 + 8);
	/* One more in every second one splits each of them, and no more than drp_cow_nodes_needed() says. */
	for (f->nr_mods = 0; f->nr_mods < 60; f->nr_mods++)
		f->mods[f->nr_mods] = random_put(f, (struct drp_cow_key){ 1, 1100 + 252 * f->nr_mods, 2 });
	merge_and_compare(f);
	assert_true(f->root.nodes > 16127 / 126 + 60);
	del_run(f, 500, 8000);		/* the middle */
	del_run(f, 0, 2000);		/* the front */
	del_run(f, 4000, 8000);		/* the end */
	del_run(f, 100, f->nr_model - 130);	/* all but the ends */
	assert_int_equal(f->nr_model, 130);
	assert_int_equal(f->root.height, 2);
	del_run(f, 20, 100);
	assert_int_equal(f->root.height, 1);
	del_run(f, 0, 30);
	assert_int_equal(f->root.block, 0);
	assert_int_equal(f->root.height, 0);
	assert_int_equal(f->s->used, 0);
	del_run(f, 0, 10);		/* of nothing */
	put_run(f, 7, 7, 1);
	assert_int_equal(f->root.entries, 1);
}

static void what_has_no_changes_is_kept(void **state)
{
	struct fixture *f = *state;
	u64 seq;

	put_run(f, 1, 0, 20000);
	f->nr_mods = 0;
	seq = f->s->seq;
	merge_and_compare(f);
	assert_int_equal(f->s->seq, seq);
	put_run(f, 1, 10000, 1);	/* replaces one: a node of each level */
	assert_int_equal(f->s->seq, seq + f->root.height);
	seq = f->s->seq;
	f->mods[0] = random_put(f, (struct drp_cow_key){ 1, 10000, 2 });
	f->nr_mods = 1;
	merge_and_compare(f);
	assert_int_equal(f->s->seq, seq + f->root.height + 1);	/* and its leaf is split */
	seq = f->s->seq;
	del_run(f, 10050, 200);		/* leaves a rest that takes in a neighbour */
	assert_true(f->s->seq - seq <= 2 * f->root.height);
}

/* ---- errors ---- */

/* Let the n-th operation of its kind fail, for all n, until the merge gets through. */
static u64 fail_each(struct fixture *f, enum store_fault which, bool on)
{
	static const int errors[] = { -EIO, -ENOSPC, -EIO, -EINTR };
	const struct drp_cow_root before = f->root;
	u64 n, failed = 0;
	int ret;

	for (n = 1; ; n++) {
		bool hit;

		store_heal(f->s);
		f->s->fail_at[which] = n;
		f->s->fail_on = on;
		ret = merge(f);
		hit = f->s->count[which] >= n;
		if (!ret)
			break;
		assert_true(hit);
		assert_int_equal(ret, errors[which]);
		assert_memory_equal(&f->root, &before, sizeof(before));
		failed++;
		if (n % 7 == 1)
			assert_is_model(f);	/* nothing lost, nothing left over */
		else
			assert_int_equal(f->s->used, before.nodes);
	}
	assert_null(f->s->problem);
	return failed;
}

static void every_error_leaves_the_old_tree(void **state)
{
	const struct shape s = { "", 3, 600, 10, 250, 0, 2 };
	enum store_fault which;
	u64 failed[STORE_FAULTS] = { };
	u32 round;

	(void)state;
	for (which = 0; which < STORE_FAULTS; which++) {
		struct fixture *f;

		setup((void **)&f);
		f->r.state = which + 7;
		put_run(f, 2, 0, 3000);
		for (round = 0; round < 3; round++) {
			make_batch(f, &s);
			sort_batch(f);
			failed[which] += fail_each(f, which, false);
			if (which == STORE_GET)
				break;	/* the last one failed where only space is lost */
			model_apply(f);
			assert_is_model(f);
			make_batch(f, &s);
			sort_batch(f);
			failed[which] += fail_each(f, which, true);
			model_apply(f);
			assert_is_model(f);
		}
		teardown((void **)&f);
	}
	print_message("           failed: %llu reads, %llu allocations, %llu writes, %llu changes\n",
		      failed[STORE_GET], failed[STORE_ALLOC], failed[STORE_WRITE],
		      failed[STORE_NEXT]);
	assert_true(failed[STORE_GET] > 10 && failed[STORE_ALLOC] > 50 &&
		    failed[STORE_WRITE] > 50 && failed[STORE_NEXT] > 300);
}

/* A read that fails while replaced nodes are looked for costs their space, nothing else. */
static void reads_that_fail_after_success_lose_no_entry(void **state)
{
	const struct shape s = { "", 3, 600, 10, 250, 0, 2 };
	u64 n, late = 0;

	(void)state;
	for (n = 1; n < 200; n++) {
		struct fixture *f;
		struct collected c;

		setup((void **)&f);
		put_run(f, 2, 0, 3000);
		make_batch(f, &s);
		sort_batch(f);
		store_heal(f->s);
		f->s->fail_at[STORE_GET] = n;
		if (!merge(f)) {
			late += f->s->count[STORE_GET] >= n;
			model_apply(f);
		}
		store_heal(f->s);
		c = (struct collected){ .f = f };
		assert_int_equal(drp_cow_visit(&f->s->ops, &f->root, compare_leaf, &c), 0);
		assert_false(c.differs);
		assert_int_equal(c.at, f->nr_model);
		assert_true(f->s->used >= f->root.nodes);
		assert_int_equal(f->s->held, 0);
		assert_null(f->s->problem);
		teardown((void **)&f);
	}
	print_message("           %llu reads failed after success\n", late);
	assert_true(late > 0);
}

static void a_full_device_changes_nothing(void **state)
{
	struct fixture *f = *state;

	put_run(f, 1, 0, 3000);
	f->s->nr_blocks = STORE_BLOCKS;
	while (f->s->data[f->s->nr_blocks - 1] == NULL)
		f->s->nr_blocks--;
	f->s->ops.alloc(f->s);	/* held by somebody else */
	f->s->used = f->s->nr_blocks - 2;	/* two are left */
	f->mods[0] = random_put(f, (struct drp_cow_key){ 1, 5, 9 });
	f->mods[1] = random_put(f, (struct drp_cow_key){ 1, 2900, 9 });
	f->nr_mods = 2;
	assert_int_equal(merge(f), -ENOSPC);
	assert_int_equal(f->s->used, f->s->nr_blocks - 2);
}

/* ---- a tree of all levels, of which only one path exists ---- */

static void write_node(struct fixture *f, u32 level, const void *payload, u32 len,
		       struct drp_cow_child *child)
{
	const struct drp_block_id id = {
		.kind = DRP_BLOCK_COW_NODE, .flags = level, .seq = ++f->s->seq,
	};
	u8 block[DRP_BLOCK_BYTES] __aligned(8);

	memcpy(drp_block_payload(block), payload, len);
	drp_block_seal(block, f->s->ops.nonce, &id, len);
	child->block = f->s->ops.alloc(f->s);
	child->seq = id.seq;
	assert_int_equal(f->s->ops.write(f->s, child->block, block), 0);
}

/* The last leaf has @leaf entries of element 1000, the nodes above it @above children. */
static void make_path(struct fixture *f, u32 height, u32 leaf, u32 above)
{
	struct drp_cow_entry_disk entries[DRP_COW_LEAF_ENTRIES];
	struct drp_cow_child_disk children[DRP_COW_NODE_CHILDREN];
	struct drp_cow_child child;
	u32 i, level;

	f->nr_model = leaf;
	for (i = 0; i < leaf; i++) {
		f->model[i] = random_put(f, (struct drp_cow_key){ 1000, i, 1 }).entry;
		drp_cow_entry_pack(&entries[i], &f->model[i]);
	}
	child.first = f->model[0].key;
	write_node(f, 0, entries, leaf * sizeof(entries[0]), &child);
	for (level = 1; level < height; level++) {
		for (i = 0; i + 1 < above; i++) {
			/* Never read: its keys are before all that is looked for. */
			const struct drp_cow_child other = {
				.first = { 1 + height - level, i, 1 }, .block = 300, .seq = 1,
			};

			drp_cow_child_pack(&children[i], &other);
		}
		drp_cow_child_pack(&children[i], &child);
		write_node(f, level, children, above * sizeof(children[0]), &child);
		drp_cow_node_key(store_block(f->s, child.block), 0, &child.first);
	}
	f->root = (struct drp_cow_root){ child.block, child.seq, height, leaf, height };
}

static void too_high_a_tree_is_refused(void **state)
{
	struct fixture *f = *state;
	struct drp_cow_root before;
	struct drp_cow_entry e;

	make_path(f, DRP_COW_HEIGHT_MAX, DRP_COW_LEAF_ENTRIES, DRP_COW_NODE_CHILDREN);
	before = f->root;
	f->mods[0] = random_put(f, (struct drp_cow_key){ 1001, 0, 1 });
	f->nr_mods = 1;
	assert_int_equal(merge(f), -E2BIG);
	assert_memory_equal(&f->root, &before, sizeof(before));
	assert_int_equal(f->s->used, DRP_COW_HEIGHT_MAX);
	assert_int_equal(drp_cow_find_le(&f->s->ops, &f->root, &f->mods[0].entry.key, &e), 1);
	assert_int_equal(e.slot, f->model[f->nr_model - 1].slot);
	f->mods[0] = random_put(f, (struct drp_cow_key){ 1000, 5, 1 });	/* replaces one */
	assert_int_equal(merge(f), 0);
	assert_int_equal(f->root.height, DRP_COW_HEIGHT_MAX);
	assert_int_equal(f->root.entries, before.entries);
	assert_int_equal(f->root.nodes, before.nodes);
	assert_int_equal(f->s->used, DRP_COW_HEIGHT_MAX);
	f->root.height++;
	assert_int_equal(merge(f), -EBADMSG);
	assert_int_equal(drp_cow_find_le(&f->s->ops, &f->root, &f->mods[0].entry.key, &e), -EBADMSG);
	assert_null(f->s->problem);
	assert_int_equal(f->s->held, 0);
}

/* ---- searches ---- */

static void assert_found(struct fixture *f, const struct drp_cow_key *key)
{
	u32 i = model_ge(f, key);
	struct drp_cow_entry e;
	int ret;

	store_heal(f->s);
	ret = drp_cow_find_ge(&f->s->ops, &f->root, key, &e);
	assert_int_equal(ret, i < f->nr_model);
	if (ret)
		assert_true(!drp_cow_key_cmp(&e.key, &f->model[i].key) &&
			    e.slot == f->model[i].slot);
	assert_true(f->s->count[STORE_GET] <= 2 * f->root.height);
	if (i == f->nr_model || drp_cow_key_cmp(&f->model[i].key, key))
		i--;	/* wraps: none is before */
	ret = drp_cow_find_le(&f->s->ops, &f->root, key, &e);
	assert_int_equal(ret, i < f->nr_model);
	if (ret)
		assert_true(!drp_cow_key_cmp(&e.key, &f->model[i].key) &&
			    e.slot == f->model[i].slot);
}

static void searches_at_every_boundary(void **state)
{
	const struct shape s = { "", 4, 200, 12, 1500, 0, 8 };
	const struct drp_cow_key first = { 0, 0, 0 }, last = { U64_MAX, U64_MAX, U64_MAX };
	struct fixture *f = *state;
	u32 i;

	assert_found(f, &first);
	assert_found(f, &last);
	while (f->nr_model < 1500) {
		make_batch(f, &s);
		merge_and_compare(f);
	}
	assert_int_equal(f->root.height, 2);
	assert_found(f, &first);
	assert_found(f, &last);
	for (i = 0; i < f->nr_model; i++) {
		struct drp_cow_key key = f->model[i].key;

		assert_found(f, &key);
		key.generation++;
		assert_found(f, &key);
		key.generation = U64_MAX;
		assert_found(f, &key);
		key.generation = 0;
		assert_found(f, &key);
		key.chunk++;
		assert_found(f, &key);
		key.chunk = U64_MAX;
		assert_found(f, &key);
	}
	assert_null(f->s->problem);
	assert_int_equal(f->s->held, 0);
}

static void reads_that_fail_are_told_by_searches(void **state)
{
	struct fixture *f = *state;
	struct drp_cow_key key = { 1, 125, 2 };	/* behind the last one of a leaf */
	struct drp_cow_entry e;
	u64 n;

	put_run(f, 1, 0, 16000);
	assert_int_equal(f->root.height, 3);
	for (n = 1; n <= 4; n++) {
		store_heal(f->s);
		f->s->fail_at[STORE_GET] = n;
		assert_int_equal(drp_cow_find_ge(&f->s->ops, &f->root, &key, &e), -EIO);
		if (n < 4)
			assert_int_equal(f->s->count[STORE_GET], n);
	}
	store_heal(f->s);
	f->s->fail_at[STORE_GET] = 3;
	assert_int_equal(drp_cow_find_le(&f->s->ops, &f->root, &key, &e), -EIO);
	assert_int_equal(f->s->held, 0);
}

/* ---- damage, and walks ---- */

/* A node at the right place with the right sequence, but not with the keys that its parent says. */
static void another_first_key_is_damage(void **state)
{
	struct fixture *f = *state;
	struct drp_cow_child child;
	struct drp_cow_key key = { 1000, 7, 1 };
	struct drp_cow_entry e;
	u8 *root;

	make_path(f, 2, 50, 30);
	root = store_block(f->s, f->root.block);
	assert_int_equal(drp_cow_find_ge(&f->s->ops, &f->root, &key, &e), 1);
	drp_cow_node_child(root, 29, &child);
	child.first.generation--;
	drp_cow_child_pack((void *)(root + 48 + 29 * 40), &child);
	drp_block_seal(root, 0x1234, &(struct drp_block_id){
		.kind = DRP_BLOCK_COW_NODE, .flags = 1, .seq = f->root.seq }, 30 * 40);
	assert_int_equal(drp_cow_find_ge(&f->s->ops, &f->root, &key, &e), -EBADMSG);
	assert_int_equal(drp_cow_find_le(&f->s->ops, &f->root, &key, &e), -EBADMSG);
	f->mods[0] = random_put(f, key);
	f->nr_mods = 1;
	assert_int_equal(merge(f), -EBADMSG);
	assert_int_equal(f->s->used, 2);
	assert_int_equal(f->s->held, 0);
}

static int count_blocks(void *ctx, u64 block, u32 level)
{
	u32 *seen = ctx;

	assert_true(block >= STORE_FIRST);
	seen[level]++;
	return seen[0] == 10 ? -EINTR : 0;
}

static void a_walk_reads_no_leaf(void **state)
{
	struct fixture *f = *state;
	u32 seen[3] = { };

	put_run(f, 1, 0, 16000);
	store_heal(f->s);
	assert_int_equal(drp_cow_walk(&f->s->ops, &f->root, count_blocks, seen), -EINTR);
	assert_true(seen[2] == 1 && seen[1] == 1 && seen[0] == 10);
	seen[0] = 11;
	seen[1] = seen[2] = 0;
	store_heal(f->s);
	assert_int_equal(drp_cow_walk(&f->s->ops, &f->root, count_blocks, seen), 0);
	assert_int_equal(seen[0] - 11 + seen[1] + seen[2], f->root.nodes);
	assert_int_equal(f->s->count[STORE_GET], seen[1] + seen[2]);
	assert_int_equal(f->s->held, 0);
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_batches_match_a_sorted_array),
		TEST(a_tree_grows_and_goes),
		TEST(what_has_no_changes_is_kept),
		cmocka_unit_test(every_error_leaves_the_old_tree),
		cmocka_unit_test(reads_that_fail_after_success_lose_no_entry),
		TEST(a_full_device_changes_nothing),
		TEST(too_high_a_tree_is_refused),
		TEST(searches_at_every_boundary),
		TEST(reads_that_fail_are_told_by_searches),
		TEST(another_first_key_is_damage),
		TEST(a_walk_reads_no_leaf),
	};

	return cmocka_run_group_tests_name("cow-tree", tests, NULL, NULL);
}
