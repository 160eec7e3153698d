// SPDX-License-Identifier: GPL-2.0-only
/* Slots of COW space, built against a fake kernel: each has one owner, whatever happens beside it. */
#include "unit.h"

#include <linux/err.h>

#include "cow_internal.h"

#define SLOTS	64U
#define USABLE	(SLOTS - 1)	/* the first one is the label's */

struct fake_kernel fake_kernel;
void (*fake_before_xa_load)(struct xarray *xa, unsigned long index);

static struct drp_pool pool;
static struct drp_cow cow;

int drp_cow_prove(struct drp_cow *c)
{
	(void)c;
	return 0;
}

static unsigned int wanted;	/* checkpoints */

static void want_checkpoint(void *ctx)
{
	(void)ctx;
	wanted++;
}

static const struct drp_committer_ops committer_ops = { .want_checkpoint = want_checkpoint };

static void refill(void)
{
	drp_cow_refill_work(&cow.refill_work);
}

static int setup(void **state)
{
	(void)state;
	fake_kernel = (struct fake_kernel){ .random = 1 };
	fake_before_xa_load = NULL;
	memset(&pool, 0, sizeof(pool));
	memset(&cow, 0, sizeof(cow));
	pool.md.page_blocks = 1 << 20;
	pool.md.memory_max = DRP_METADEV_MEMORY_MAX;
	cow.pool = &pool;
	cow.proven = true;
	cow.nr_slots = SLOTS;
	INIT_LIST_HEAD(&cow.freed);
	cow.slots = drp_plane_create(&pool.md, DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, SLOTS, false);
	assert_false(IS_ERR_OR_NULL(cow.slots));
	pool.cm.ops = &committer_ops;
	wanted = 0;
	drp_cow_watch(&cow, U64_MAX, U64_MAX);
	refill();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drp_plane_destroy(cow.slots);
	return 0;
}

/* All that there are. */
static void take_all(u64 *slots)
{
	u32 n = 0;
	int r;

	while (n < USABLE) {
		r = drp_cow_alloc(&cow, slots + n, 1);
		if (r == -EAGAIN)
			refill();
		else
			assert_int_equal(r, 1);
		n += r > 0;
	}
}

static void land_first_put(struct xarray *xa, unsigned long index)
{
	(void)xa;
	fake_before_xa_load = NULL;
	assert_int_equal(index, 1);
	drp_cow_slot_committed(&cow, index);
}

/* Its bit was read before its put landed, and the note is gone when it is looked for. */
static void slot_of_a_put_that_lands_is_not_found(void **state)
{
	u64 slots[USABLE], again;

	(void)state;
	take_all(slots);
	fake_before_xa_load = land_first_put;
	refill();
	assert_null(fake_before_xa_load);
	assert_int_equal(drp_cow_alloc(&cow, &again, 1), -ENOSPC);
	assert_int_equal(drp_plane_count(cow.slots), 1);
	/* It is found when its entry is gone. */
	drp_plane_clear(cow.slots, 1, 1);
	refill();
	assert_int_equal(drp_cow_alloc(&cow, &again, 1), 1);
	assert_int_equal(again, 1);
}

/* Who commits cannot wait for memory, and takes no more than its own slots. */
static void put_without_memory_uses_its_slot_only(void **state)
{
	u64 slots[2];

	(void)state;
	assert_int_equal(drp_cow_alloc(&cow, slots, 2), 2);
	fake_kernel.fail_nowait = 1;
	drp_cow_slot_committed(&cow, slots[0]);
	assert_int_equal(drp_plane_count(cow.slots), 1);
	drp_cow_slot_committed(&cow, slots[1]);
	assert_int_equal(drp_plane_count(cow.slots), 2);
	fake_kernel.fail_nowait = 0;
	assert_int_equal(drp_plane_clear(cow.slots, 0, SLOTS), 0);
}

/* The last refill found nothing; then all places turn out to take no data. */
static void bad_slots_of_full_space_come_back(void **state)
{
	u64 slots[USABLE], again;
	u32 i;

	(void)state;
	take_all(slots);
	refill();
	assert_int_equal(drp_cow_alloc(&cow, &again, 1), -ENOSPC);
	for (i = 0; i < USABLE; i++)
		drp_cow_slot_committed(&cow, slots[i]);
	cow.refill_work.queued = false;
	for (i = 0; i < USABLE; i++)
		drp_cow_slot_bad(&cow, slots[i]);
	assert_true(cow.refill_work.queued);
	assert_int_equal(drp_cow_alloc(&cow, &again, 1), -EAGAIN);
	refill();
	assert_int_equal(drp_plane_count(cow.slots), 0);
	take_all(slots);
}

/* Entries without room for the nodes of their index cannot be written down, and it is said which device has none. */
static void no_room_for_the_index_is_said(void **state)
{
	u64 slots[USABLE], again;

	(void)state;
	pool.md.page_blocks = pool.md.reserved;
	strcpy(pool.sb.name, "tank");
	while (cow.nr_ready)
		assert_int_equal(drp_cow_alloc(&cow, slots, 1), 1);
	cow.nodes_reserved = 0;
	refill();
	assert_int_equal(fake_kernel.warnings, 1);
	assert_non_null(strstr(fake_kernel.log, "pool tank: its metadata device has no room"));
	assert_int_equal(drp_cow_alloc(&cow, &again, 1), -ENOSPC);
}

/* The device has room for @nodes of the index, of which it has @has. */
static void limit_nodes(u64 nodes, u64 has)
{
	drp_metadev_unreserve(&pool.md, cow.nodes_reserved);
	cow.nodes_reserved = 0;
	pool.md.page_blocks = pool.md.reserved + 2 * nodes;
	cow.root.nodes = has;
}

static u64 max_nodes(void)
{
	u64 max;

	spin_lock_irq(&cow.lock);
	max = __drp_cow_max_nodes(&cow);
	spin_unlock_irq(&cow.lock);
	return max;
}

/* What is not in the tree yet may take less room than it is promised, which only a checkpoint shows. */
static void entries_under_way_do_not_make_the_index_full(void **state)
{
	u64 slots[USABLE], again;

	(void)state;
	take_all(slots);
	drp_cow_release(&cow, slots + 1, USABLE - 1);
	cow.nr_ready = 0;
	limit_nodes(1000, 700);
	cow.nr_recent = 400;
	refill();
	assert_int_equal(wanted, 1);
	assert_true(drp_cow_short_of_nodes(&cow));
	assert_int_equal(fake_kernel.warnings, 0);
	assert_int_equal(drp_cow_alloc(&cow, &again, 1), -EAGAIN);

	cow.nr_recent = 0;
	drp_cow_nodes_changed(&cow);
	assert_false(drp_cow_short_of_nodes(&cow));
	assert_true(cow.root.nodes < max_nodes());
	refill();
	assert_false(cow.short_of_nodes);
	assert_int_equal(wanted, 1);
}

/* With all of it in the tree it is, and no more after a checkpoint for which something was deleted. */
static void a_full_index_is_full_until_it_has_less(void **state)
{
	u64 again;

	(void)state;
	limit_nodes(1000, 0);
	cow.nr_ready = 0;
	cow.root.nodes = max_nodes() + 40;
	refill();
	assert_int_equal(drp_cow_alloc(&cow, &again, 1), -ENOSPC);
	assert_int_equal(fake_kernel.warnings, 1);
	assert_int_equal(wanted, 0);

	cow.root.nodes = max_nodes() - 1;
	drp_cow_nodes_changed(&cow);
	assert_int_equal(drp_cow_alloc(&cow, &again, 1), -EAGAIN);
	refill();
	assert_false(cow.short_of_nodes);
	assert_int_equal(fake_kernel.warnings, 1);
}

/* Below what is called full one put can always be written down. */
static void max_nodes_is_never_too_much(void **state)
{
	u64 nodes, all, max;

	(void)state;
	for (all = 0; all < 10000; all += 7) {
		limit_nodes(all, 0);
		max = max_nodes();
		assert_true(!max || drp_cow_nodes_needed(max - 1, DRP_COW_PUT_MAX) <= all);
		nodes = max + max / 16 + 80;
		assert_true(drp_cow_nodes_needed(nodes, DRP_COW_PUT_MAX) > all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slot_of_a_put_that_lands_is_not_found,
						setup, teardown),
		cmocka_unit_test_setup_teardown(put_without_memory_uses_its_slot_only,
						setup, teardown),
		cmocka_unit_test_setup_teardown(bad_slots_of_full_space_come_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(no_room_for_the_index_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(entries_under_way_do_not_make_the_index_full,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_index_is_full_until_it_has_less,
						setup, teardown),
		cmocka_unit_test_setup_teardown(max_nodes_is_never_too_much, setup, teardown),
	};

	return cmocka_run_group_tests_name("slots of COW space", tests, NULL, NULL);
}
