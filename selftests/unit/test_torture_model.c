// SPDX-License-Identifier: GPL-2.0-only
/* What the torture program says of a cut, where zeroes do not say whose they are. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroes_of_a_discard_that_came_late),
		cmocka_unit_test(zeroes_where_data_is_missing),
	};

	return cmocka_run_group_tests_name("cuts of the torture program", tests, NULL, NULL);
}
