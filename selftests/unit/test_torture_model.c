// SPDX-License-Identifier: GPL-2.0-only
/* What the torture program says of a cut, where it cannot know all that happened. */
#include "unit.h"

#include "../torture/model.c"

#define BLOCKS	40

static uint8_t content[BLOCKS * BLOCK_BYTES];

static void write_all(struct line *l, uint32_t block, uint32_t nr, enum write_kind kind)
{
	line_write_end(l, line_write_begin(l, block, nr, kind), block, nr, kind, 0);
}

/*
 * Blocks 24 to 26 are discarded, written with zeroes and then with data; in the
 * cut they are zeroes, and a write is there that began behind all that. How many
 * blocks are wrong, if the discard was over before the data came?
 */
static unsigned int wrong_blocks(int over)
{
	struct line from, cut;
	uint32_t discard, last;
	unsigned int bad;

	model_begin(BLOCKS, 1);
	line_alloc(&from, 1);
	line_alloc(&cut, 2);
	line_reset(&from);
	line_reset(&cut);
	line_open(&from, 1);
	discard = line_write_begin(&from, 20, 9, WRITE_DISCARD);
	write_all(&from, 23, 7, WRITE_ZEROES);
	if (over)
		line_write_end(&from, discard, 20, 9, WRITE_DISCARD, 0);
	write_all(&from, 24, 3, WRITE_DATA);
	line_cut_begin(&cut, &from, 1, 1);
	last = line_write_begin(&from, 19, 5, WRITE_DATA);
	line_write_end(&from, last, 19, 5, WRITE_DATA, 0);
	line_cut_end(&cut, &from);
	memset(content, 0, sizeof(content));
	model_fill(content + 19 * BLOCK_BYTES, &from, last, 19, 1);
	bad = line_check_cut(&cut, "cut", content);
	if (!over)
		line_write_end(&from, discard, 20, 9, WRITE_DISCARD, 0);
	line_free(&from);
	line_free(&cut);
	return bad;
}

static void zeroes_of_a_discard_that_came_late(void **state)
{
	(void)state;
	assert_int_equal(wrong_blocks(0), 0);
}

static void zeroes_where_data_is_missing(void **state)
{
	(void)state;
	assert_int_equal(wrong_blocks(1), 3);
}

/*
 * A snapshot gets a new point in time while two writes to it are in flight, then
 * it is written on, and is the source of a cut. How many blocks are wrong, if
 * the cut has what was before, and @missing: lacks a block of the last write?
 */
static unsigned int wrong_after_renewal(int missing)
{
	struct line from, mid, cut;
	uint32_t dropped, other, last;
	unsigned int bad;

	model_begin(BLOCKS, 1);
	line_alloc(&from, 1);
	line_alloc(&mid, 2);
	line_alloc(&cut, 3);
	line_reset(&from);
	line_reset(&mid);
	line_reset(&cut);
	line_open(&mid, 1);
	other = line_write_begin(&mid, 5, 1, WRITE_DATA);
	dropped = line_write_begin(&mid, 10, 1, WRITE_DATA);
	line_open(&mid, 0);
	line_cut_begin(&mid, &from, 1, 1);
	line_write_end(&mid, other, 5, 1, WRITE_DATA, 0);
	line_write_end(&mid, dropped, 10, 1, WRITE_DATA, 0);
	line_cut_end(&mid, &from);
	line_open(&mid, 1);
	last = line_write_begin(&mid, 20, 2, WRITE_DATA);
	line_write_end(&mid, last, 20, 2, WRITE_DATA, 0);
	line_cut_begin(&cut, &mid, 1, 1);
	line_cut_end(&cut, &mid);
	memset(content, 0, sizeof(content));
	model_fill(content + 20 * BLOCK_BYTES, &mid, last, 20, missing ? 1 : 2);
	bad = line_check_cut(&cut, "cut", content);
	line_free(&from);
	line_free(&mid);
	line_free(&cut);
	return bad;
}

static void writes_dropped_with_an_old_point(void **state)
{
	(void)state;
	assert_int_equal(wrong_after_renewal(0), 0);
}

static void writes_behind_a_new_point_are_missed(void **state)
{
	(void)state;
	assert_int_equal(wrong_after_renewal(1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroes_of_a_discard_that_came_late),
		cmocka_unit_test(zeroes_where_data_is_missing),
		cmocka_unit_test(writes_dropped_with_an_old_point),
		cmocka_unit_test(writes_behind_a_new_point_are_missed),
	};

	return cmocka_run_group_tests_name("cuts of the torture program", tests, NULL, NULL);
}
