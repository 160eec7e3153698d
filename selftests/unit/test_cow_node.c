// SPDX-License-Identifier: GPL-2.0-only
/* Nodes of the COW index: damaged ones, and whole ones that make no sense. */
#include "unit.h"

#include "codec_cow.h"

static int check_sealed(u32 level, const void *payload, u32 len)
{
	const struct drp_block_id id = {
		.kind = DRP_BLOCK_COW_NODE, .flags = level, .seq = 9,
	};
	u8 block[DRP_BLOCK_BYTES] __aligned(8);

	memcpy(drp_block_payload(block), payload, len);
	drp_block_seal(block, 1, &id, len);
	return drp_cow_node_check(block, 1, 9, level);
}

static void nodes_that_make_no_sense(void **state)
{
	struct drp_cow_entry e[3];
	struct drp_cow_child c[3];
	struct drp_cow_entry_disk ed[3];
	struct drp_cow_child_disk cd[3];
	u32 i;

	(void)state;
#define LEAF(change) ({								\
		for (i = 0; i < 3; i++)						\
			e[i] = (struct drp_cow_entry){ { 1, i, 1 }, 1 + i, 0, 1 }; \
		change;								\
		for (i = 0; i < 3; i++)						\
			drp_cow_entry_pack(&ed[i], &e[i]);			\
		check_sealed(0, ed, sizeof(ed)); })
#define NODE(change) ({								\
		for (i = 0; i < 3; i++)						\
			c[i] = (struct drp_cow_child){ { 1, i, 1 }, 300 + i, 1 + i }; \
		change;								\
		for (i = 0; i < 3; i++)						\
			drp_cow_child_pack(&cd[i], &c[i]);			\
		check_sealed(1, cd, sizeof(cd)); })
	assert_int_equal(LEAF(), 0);
	assert_int_equal(LEAF(e[1].key.chunk = 0), -EBADMSG);	/* twice */
	assert_int_equal(LEAF(e[1].key.chunk = 3), -EBADMSG);	/* order */
	assert_int_equal(LEAF(e[1].slot = 0), -EBADMSG);
	assert_int_equal(LEAF(e[1].kind = 0), -EBADMSG);
	assert_int_equal(LEAF(e[1].kind = 3), -EBADMSG);
	assert_int_equal(LEAF(e[2].key.element = 1ULL << 63), -EBADMSG);
	assert_int_equal(LEAF(e[0].key.element = 0), -EBADMSG);
	assert_int_equal(LEAF(e[2].key.generation = 0), -EBADMSG);
	assert_int_equal(LEAF(e[2].key.generation = 0; e[2].kind = DRP_COW_PRIVATE), 0);
	assert_int_equal(LEAF(), 0);
	ed[2].where |= cpu_to_le64(1ULL << 50);
	assert_int_equal(check_sealed(0, ed, sizeof(ed)), -EBADMSG);
	assert_int_equal(check_sealed(0, ed, 0), -EBADMSG);
	assert_int_equal(check_sealed(0, ed, 33), -EBADMSG);
	assert_int_equal(NODE(), 0);
	assert_int_equal(NODE(c[1].first.chunk = 0), -EBADMSG);
	assert_int_equal(NODE(c[1].first.chunk = 5), -EBADMSG);
	assert_int_equal(NODE(c[1].block = 256), -EBADMSG);
	assert_int_equal(NODE(c[2].first.element = 0), -EBADMSG);
	assert_int_equal(check_sealed(1, cd, 40), 0);
	assert_int_equal(check_sealed(1, cd, 41), -EBADMSG);
	assert_int_equal(check_sealed(1, cd, 0), -EBADMSG);
#undef LEAF
#undef NODE
}

static void damaged_nodes_are_recognised(void **state)
{
	const struct drp_block_id id = { .kind = DRP_BLOCK_COW_NODE, .seq = 9 };
	u8 leaf[DRP_BLOCK_BYTES] __aligned(8);
	struct drp_cow_entry_disk *at = drp_block_payload(leaf);
	u32 i;

	(void)state;
	for (i = 0; i < 50; i++)
		drp_cow_entry_pack(&at[i], &(struct drp_cow_entry){ { 1, i, 1 }, 1 + i, 0, 1 });
	drp_block_seal(leaf, 0x1234, &id, 50 * sizeof(*at));
	assert_int_equal(drp_cow_node_check(leaf, 0x1234, 9, 0), 0);
	assert_int_equal(drp_cow_node_check(leaf, 0x1235, 9, 0), -EBADMSG);
	assert_int_equal(drp_cow_node_check(leaf, 0x1234, 10, 0), -EBADMSG);
	assert_int_equal(drp_cow_node_check(leaf, 0x1234, 9, 1), -EBADMSG);
	for (i = 0; i < DRP_BLOCK_BYTES; i++) {
		leaf[i] ^= 0x40;
		assert_int_equal(drp_cow_node_check(leaf, 0x1234, 9, 0), -EBADMSG);
		leaf[i] ^= 0x40;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_nodes_are_recognised),
		cmocka_unit_test(nodes_that_make_no_sense),
	};

	return cmocka_run_group_tests_name("cow-node", tests, NULL, NULL);
}
