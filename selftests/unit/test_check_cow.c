// SPDX-License-Identifier: GPL-2.0-only
/* The offline check of COW space: a good pool is clean, and each fault has its finding. */
#include "unit.h"

#include "check.h"
#include "codec_cow.h"
#include "codec_samples.h"

#define BLOCKS		2048
#define SLOTS		2000
#define PAGE_AREA	(257 + 256 + 64 + 64)
#define FIRST_NODE	(PAGE_AREA + 10)
#define ENTRIES		300

struct pool {
	struct sim_disk *disk;
	struct drp_super sb;
	struct drp_ring ring;
	/* what its catalog will say */
	u8 records[16][DRP_RECORD_MAX];
	u32 nr_records, at_record;
	struct drp_cow_entry entries[ENTRIES];	/* of the tree, in order */
	u32 nr_entries, at_entry;
	struct drp_cow_root root;
	u64 marked[DRP_PAGE_BYTES / 8];
	bool no_feature;
	/* the store */
	u64 next_block, seq;
	u8 node[DRP_COW_HEIGHT_MAX][DRP_BLOCK_BYTES] __aligned(8);
};

static u8 scratch[DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES] __aligned(8);
static u8 nodes[DRP_COW_HEIGHT_MAX * DRP_BLOCK_BYTES] __aligned(8);
static struct drp_check_page page;
static u64 used[BLOCKS / 64 + 1], slots[SLOTS / 64 + 1], slots_used[SLOTS / 64 + 1];
static struct drp_check_object objects[16];
static struct drp_check_root roots[16];
static struct drp_check_mod mods[64];
static struct drp_check_result result;
static char findings[16][DRP_MESSAGE_MAX + 1];
static u32 nr_findings, nr_notes;

/* ---- the store: nodes one behind the other ---- */

static int op_get(void *ctx, u64 block, u64 seq, u32 level, const void **node)
{
	struct pool *p = ctx;

	memcpy(p->node[level], sim_disk_peek(p->disk, block), DRP_BLOCK_BYTES);
	*node = p->node[level];
	return drp_cow_node_check(*node, SAMPLE_NONCE, seq, level);
}

static void op_put(void *ctx, const void *node)
{
	(void)ctx;
	(void)node;
}

static u64 op_alloc(void *ctx)
{
	return ((struct pool *)ctx)->next_block++;
}

static int op_write(void *ctx, u64 block, const void *node)
{
	sim_disk_poke(((struct pool *)ctx)->disk, block, node);
	return 0;
}

static void op_free(void *ctx, u64 block)
{
	(void)ctx;
	(void)block;
}

static u64 op_next_seq(void *ctx)
{
	return ++((struct pool *)ctx)->seq;
}

static int next_entry(void *ctx, struct drp_cow_mod *mod)
{
	struct pool *p = ctx;

	if (p->at_entry == p->nr_entries)
		return 0;
	mod->entry = p->entries[p->at_entry++];
	mod->del = false;
	return 1;
}

static void write_tree(struct pool *p)
{
	const struct drp_cow_store store = {
		.get = op_get, .put = op_put, .alloc = op_alloc, .write = op_write,
		.free = op_free, .next_seq = op_next_seq, .ctx = p, .nonce = SAMPLE_NONCE,
	};
	struct drp_cow_merge *merge = aligned_alloc(8, (drp_cow_merge_bytes() + 7) / 8 * 8);

	assert_int_equal(drp_cow_merge(&store, &p->root, next_entry, p, merge), 0);
	free(merge);
}

/* ---- a good pool ---- */

static void add_element(struct pool *p, u64 id, const char *name, u64 generation, u64 parent,
			u64 parent_generation)
{
	struct drp_element_rec e = {
		.id = id, .size_sectors = 1 << 20, .generation = generation,
		.parent_element = parent, .parent_generation = parent_generation,
	};

	strcpy(e.name, name);
	assert_true(drp_encode_element(&e, p->records[p->nr_records++], DRP_RECORD_MAX) > 0);
}

static void mark(struct pool *p, u64 slot, bool value)
{
	p->marked[slot / 64] &= ~(1ULL << (slot % 64));
	p->marked[slot / 64] |= (u64)value << (slot % 64);
}

/* 200 preserved chunks of element 1, 50 private ones of its snapshot 2, 50 of one that is gone. */
static struct pool *good(void)
{
	struct pool *p = aligned_alloc(8, sizeof(*p));
	const struct drp_pool_rec rec = { 1000, 1, 1, 0, 0 };
	u32 i;

	memset(p, 0, sizeof(*p));
	p->next_block = FIRST_NODE;
	assert_true(drp_encode_pool(&rec, p->records[p->nr_records++], DRP_RECORD_MAX) > 0);
	add_element(p, 1, "a", 5, 0, 0);
	add_element(p, 2, "snap", 1, 1, 3);
	mark(p, 0, true);
	for (i = 0; i < ENTRIES; i++) {
		struct drp_cow_entry *e = &p->entries[i];

		e->key.element = i < 200 ? 1 : i < 250 ? 2 : 7;
		e->key.chunk = i;
		e->key.generation = i < 200 ? 3 : 1;
		e->kind = i < 200 ? DRP_COW_PRESERVED : DRP_COW_PRIVATE;
		e->slot = 1 + 5 * i;
		mark(p, e->slot, true);
	}
	p->nr_entries = ENTRIES;
	return p;
}

static int next_record(void *ctx, void *buf, u32 room)
{
	struct pool *p = ctx;
	struct drp_record_header h;

	if (p->at_record == p->nr_records)
		return 0;
	memcpy(&h, p->records[p->at_record], sizeof(h));
	assert_true(le32_to_cpu(h.len) <= room);
	memcpy(buf, p->records[p->at_record++], le32_to_cpu(h.len));
	return le32_to_cpu(h.len);
}

static void write_slots(struct pool *p)
{
	const struct drp_dir_entry e = { DRP_PAGE_STORED, PAGE_AREA, 10 };
	struct drp_dir_entry entries[DRP_DIR_ENTRIES] = { { DRP_PAGE_STORED, PAGE_AREA + 1, 11 } };
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	u32 taken;

	drp_page_encode(block, SAMPLE_NONCE, DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, 0, 11, p->marked);
	sim_disk_poke(p->disk, PAGE_AREA + 1, block);
	drp_dir_encode(block, SAMPLE_NONCE, DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, 0, 10, entries);
	sim_disk_poke(p->disk, PAGE_AREA, block);
	assert_true(drp_encode_plane_root(DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, 0, &e, 1, &taken,
					  p->records[p->nr_records++], DRP_RECORD_MAX) > 0);
}

/* Everything but the root's record, which write_catalog() adds. */
static void make(struct pool *p)
{
	struct drp_format_params f = {
		.nonce = SAMPLE_NONCE, .name = "pool", .device_blocks = BLOCKS,
		.chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};

	p->disk = sim_disk_new(BLOCKS);
	assert_int_equal(drp_format_layout(&f, &p->sb), 0);
	assert_int_equal(drp_format_write(&p->disk->io, &p->sb, scratch), 0);
	p->sb.incompat = p->no_feature ? 0 : DRP_INCOMPAT_COW;
	p->sb.cow_sectors = SLOTS * 128;
	p->sb.clean = true;
	write_tree(p);
	write_slots(p);
}

static void write_catalog(struct pool *p)
{
	struct drp_cut cut = { 0, 1 };

	assert_true(drp_encode_cow_root(&p->root, p->records[p->nr_records++],
					DRP_RECORD_MAX) > 0);
	assert_int_equal(drp_checkpoint_write(&p->disk->io, &p->sb, cut, next_record, p, scratch), 0);
	drp_ring_init(&p->ring, &p->sb);
}

static void commit(struct pool *p, const void *record, int len)
{
	static u8 buf[2 * DRP_BLOCK_BYTES] __aligned(8);
	struct drp_commit c;

	assert_true(len > 0);
	drp_commit_start(&c, buf, 2);
	assert_int_equal(drp_commit_add(&c, record, len), 0);
	assert_int_equal(drp_commit_seal(&c, &p->ring), 0);
	assert_int_equal(drp_commit_write(&c, &p->ring, &p->disk->io), 0);
}

static void put(struct pool *p, u64 element, u64 chunk, u64 slot)
{
	const struct drp_cow_entry e = {
		{ element, chunk, 1 }, slot, 0,
		element == 1 ? DRP_COW_PRESERVED : DRP_COW_PRIVATE,
	};
	u8 record[64];

	commit(p, record, drp_encode_cow_put(&e, record, sizeof(record)));
}

static void del(struct pool *p, const struct drp_cow_key *key)
{
	u8 record[64];

	commit(p, record, drp_encode_cow_del(key, record, sizeof(record)));
}

/* ---- checking ---- */

static void take_finding(void *ctx, enum drp_check_severity severity, const char *text)
{
	(void)ctx;
	if (severity == DRP_CHECK_NOTE)
		nr_notes++;
	else if (nr_findings < ARRAY_SIZE(findings))
		strcpy(findings[nr_findings++], text);
}

static int check_with(struct pool *p, u64 max_slots, u32 max_mods)
{
	const struct drp_check_memory memory = {
		.scratch = scratch, .page = &page, .used = used, .objects = objects,
		.max_objects = ARRAY_SIZE(objects), .roots = roots, .max_roots = ARRAY_SIZE(roots),
		.nodes = nodes, .mods = mods, .max_mods = max_mods, .slots = slots,
		.slots_used = slots_used, .max_slots = max_slots,
	};
	const struct drp_check_sink sink = { .finding = take_finding };

	nr_findings = nr_notes = 0;
	memset(slots, 0xff, sizeof(slots));
	memset(slots_used, 0xff, sizeof(slots_used));
	return drp_check(&p->disk->io, BLOCKS, &sink, NULL, &memory, &result);
}

static void check(struct pool *p)
{
	assert_int_equal(check_with(p, SLOTS, ARRAY_SIZE(mods)), 0);
}

static void done(struct pool *p)
{
	sim_disk_free(p->disk);
	free(p);
}

/* One finding, with these words in it. */
static void assert_one(const char *words)
{
	u32 i;

	for (i = 0; i < nr_findings; i++)
		if (nr_findings != 1 || !strstr(findings[i], words))
			print_error("found: %s\n", findings[i]);
	assert_int_equal(nr_findings, 1);
	assert_non_null(strstr(findings[0], words));
}

static void assert_finds(struct pool *p, const char *words)
{
	make(p);
	write_catalog(p);
	check(p);
	assert_one(words);
	assert_int_equal(result.errors, 1);
	done(p);
}

static void a_good_pool_is_clean(void **state)
{
	struct pool *p = good();

	(void)state;
	make(p);
	write_catalog(p);
	check(p);
	assert_int_equal(nr_findings + nr_notes, 0);
	assert_int_equal(result.cow_entries, ENTRIES);
	assert_int_equal(result.cow_garbage, 50);
	assert_int_equal(result.cow_nodes, p->root.nodes);
	assert_int_equal(p->root.height, 2);
	assert_int_equal(result.cow_lost, 0);
	assert_int_equal(result.pages, 2);
	assert_int_equal(result.dirty_bits, 0);
	assert_int_equal(check_with(p, SLOTS - 1, ARRAY_SIZE(mods)), -ENOBUFS);
	put(p, 1, 1000, 3);
	assert_int_equal(check_with(p, SLOTS, 0), -ENOBUFS);
	done(p);
	p = good();
	p->nr_entries = 0;
	memset(p->marked, 0, sizeof(p->marked));
	make(p);
	write_catalog(p);
	check(p);
	assert_int_equal(nr_findings + nr_notes, 0);
	assert_int_equal(result.cow_entries, 0);
	done(p);
}

static void entries(void **state)
{
	struct pool *p;

	(void)state;
	p = good();
	p->entries[10].slot = p->entries[11].slot;
	assert_finds(p, "element 1, chunk 11, generation 3: its slot 56 belongs to another entry");
	p = good();
	p->entries[299].slot = SLOTS;
	assert_finds(p, "its slot 2000 lies behind the end of the COW device");
	p = good();
	mark(p, p->entries[20].slot, false);
	assert_finds(p, "chunk 20, generation 3: its slot 101 is marked as free");
	p = good();
	p->entries[199].key.generation = 6;
	assert_finds(p, "is of a point in time that was never taken");
	p = good();
	p->entries[30].kind = DRP_COW_PRIVATE;
	assert_finds(p, "is written content, but the element has a device");
	p = good();
	p->entries[210].kind = DRP_COW_PRESERVED;
	assert_finds(p, "is preserved content, but the element has no device");
	p = good();
	p->no_feature = true;
	/* Then the plane of slots has no owner either. */
	assert_finds(p, "the superblock says that there is none");
}

static void parents(void **state)
{
	struct pool *p;

	(void)state;
	p = good();
	add_element(p, 3, "orphan", 0, 99, 1);
	assert_finds(p, "element orphan: what it is a snapshot of, element 99, is missing");
	p = good();
	add_element(p, 3, "early", 0, 1, 6);
	assert_finds(p, "element early: its point in time 6 was never taken of element a");
	p = good();
	add_element(p, 3, "x", 1, 4, 1);
	add_element(p, 4, "y", 1, 3, 1);
	make(p);
	write_catalog(p);
	check(p);
	assert_int_equal(result.errors, 2);
	assert_non_null(strstr(findings[0], "snapshot of a snapshot more than 8 times"));
	done(p);
}

static void reseal(struct pool *p, u64 at, u8 *block)
{
	const struct drp_block_header *h = (void *)block;
	const struct drp_block_id id = {
		le32_to_cpu(h->kind), le32_to_cpu(h->flags), 0, 0, le64_to_cpu(h->seq),
	};

	drp_block_seal(block, SAMPLE_NONCE, &id, le32_to_cpu(h->len));
	sim_disk_poke(p->disk, at, block);
}

static void tree_nodes(void **state)
{
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	struct drp_cow_child child;
	struct pool *p = good();

	(void)state;
	p->root.nodes = 0;
	make(p);
	write_catalog(p);
	check(p);
	memcpy(block, sim_disk_peek(p->disk, FIRST_NODE), sizeof(block));
	block[100] ^= 1;
	sim_disk_poke(p->disk, FIRST_NODE, block);
	check(p);
	assert_one("COW index: block 651 (level 0) is damaged");
	block[100] ^= 1;
	sim_disk_poke(p->disk, FIRST_NODE, block);
	check(p);
	assert_int_equal(nr_findings, 0);

	/* The second leaf where the first one was, resealed with another key in the root. */
	memcpy(block, sim_disk_peek(p->disk, p->root.block), sizeof(block));
	drp_cow_node_child(block, 1, &child);
	child.first.chunk--;
	drp_cow_child_pack((void *)(block + 48 + 40), &child);
	reseal(p, p->root.block, block);
	check(p);
	assert_one("begins elsewhere than its parent says");
	child.block = FIRST_NODE;
	drp_cow_child_pack((void *)(block + 48 + 40), &child);
	reseal(p, p->root.block, block);
	check(p);
	assert_one("COW index: block 651 is used twice");
	child.block = 300;
	drp_cow_child_pack((void *)(block + 48 + 40), &child);
	reseal(p, p->root.block, block);
	check(p);
	assert_one("COW index: block 300 lies outside of the page areas");
	child.block = PAGE_AREA + 1;
	drp_cow_child_pack((void *)(block + 48 + 40), &child);
	reseal(p, p->root.block, block);
	check(p);
	assert_one("COW index: block 642 is used twice");
	done(p);
}

static void order_and_counts(void **state)
{
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	struct drp_cow_entry_disk *last;
	struct pool *p = good();

	(void)state;
	make(p);
	p->root.entries++;
	write_catalog(p);
	check(p);
	assert_one("it has 300 entries in 4 nodes, but its root counts 301 in 4");
	/* The last entry of the first leaf moves behind the second leaf's first. */
	memcpy(block, sim_disk_peek(p->disk, FIRST_NODE), sizeof(block));
	last = (void *)(block + 48 + (drp_cow_node_count(block) - 1) * 32);
	last->chunk = cpu_to_le64(le64_to_cpu(last->chunk) + 10);
	reseal(p, FIRST_NODE, block);
	check(p);
	assert_int_equal(nr_findings, 2);
	assert_non_null(strstr(findings[0], "is out of order"));
	done(p);
}

static void the_journal_counts(void **state)
{
	struct pool *p = good();

	(void)state;
	make(p);
	write_catalog(p);
	put(p, 1, 500, 3);			/* its slot is not marked yet */
	check(p);
	assert_int_equal(nr_findings, 0);
	assert_int_equal(result.cow_entries, ENTRIES + 1);
	put(p, 1, 501, p->entries[40].slot);	/* taken by another */
	check(p);
	assert_one("its slot 201 belongs to another entry");
	del(p, &p->entries[40].key);		/* no: that one goes */
	check(p);
	assert_int_equal(nr_findings, 0);
	assert_int_equal(result.cow_entries, ENTRIES + 1);
	put(p, 1, 502, 4);
	del(p, &(struct drp_cow_key){ 1, 502, 1 });
	put(p, 1, 503, 4);			/* the same slot again */
	put(p, 2, 7777, 9);
	del(p, &(struct drp_cow_key){ 1, 9999, 1 });	/* of nothing */
	check(p);
	assert_int_equal(nr_findings, 0);
	assert_int_equal(result.cow_entries, ENTRIES + 3);
	put(p, 2, 7777, 4);			/* replaces, but the slot is 503's */
	check(p);
	assert_one("its slot 4 belongs to another entry");
	done(p);
}

static void a_slot_that_goes_free_may_be_marked_so(void **state)
{
	struct pool *p = good();

	(void)state;
	mark(p, p->entries[20].slot, false);	/* the plane is newer than the cut */
	make(p);
	write_catalog(p);
	check(p);
	assert_int_equal(nr_findings, 1);
	del(p, &p->entries[20].key);
	check(p);
	assert_int_equal(nr_findings, 0);
	done(p);
}

static void planes_of_slots(void **state)
{
	u8 zero[DRP_BLOCK_BYTES] = { };
	struct pool *p = good();

	(void)state;
	mark(p, 1999, true);
	make(p);
	write_catalog(p);
	check(p);
	assert_int_equal(nr_findings, 0);
	assert_int_equal(result.cow_lost, 1);
	assert_int_equal(nr_notes, 1);
	sim_disk_poke(p->disk, PAGE_AREA + 1, zero);
	check(p);
	assert_one("COW space: page 0 of its bitmap (block 642) is damaged");
	assert_int_equal(result.harmless, 1);
	sim_disk_poke(p->disk, PAGE_AREA, zero);
	check(p);
	assert_one("COW space: directory chunk 0 of its bitmap (block 641) is damaged");
	assert_int_equal(result.harmless, 1);
	done(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_pool_is_clean),
		cmocka_unit_test(entries),
		cmocka_unit_test(parents),
		cmocka_unit_test(tree_nodes),
		cmocka_unit_test(order_and_counts),
		cmocka_unit_test(the_journal_counts),
		cmocka_unit_test(a_slot_that_goes_free_may_be_marked_so),
		cmocka_unit_test(planes_of_slots),
	};

	return cmocka_run_group_tests_name("check-cow", tests, NULL, NULL);
}
