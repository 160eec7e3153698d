// SPDX-License-Identifier: GPL-2.0-only
/* Bit ranges against one byte per bit. */
#include "unit.h"

#include "bitmap.h"
#include "simulated_disk.h"

#define NR_BITS		517
#define NR_WORDS	((NR_BITS + 63) / 64)

struct pair {
	u64 words[NR_WORDS];
	u8 naive[NR_BITS];
};

static void assert_equal(const struct pair *p)
{
	u32 i;

	for (i = 0; i < NR_BITS; i++)
		assert_int_equal(drp_bits_test(p->words, i), p->naive[i]);
	for (i = NR_BITS; i < NR_WORDS * 64; i++)
		assert_false(drp_bits_test(p->words, i));
}

static u32 naive_fill(struct pair *p, u32 first, u32 count, u8 value)
{
	u32 i, changed = 0;

	for (i = first; i < first + count; i++) {
		changed += p->naive[i] != value;
		p->naive[i] = value;
	}
	return changed;
}

static u32 naive_next(const struct pair *p, u32 nr, u32 from, u8 value)
{
	while (from < nr && p->naive[from] != value)
		from++;
	return from < nr ? from : nr;
}

static u32 naive_count(const struct pair *p, u32 first, u32 count)
{
	u32 i, n = 0;

	for (i = first; i < first + count; i++)
		n += p->naive[i];
	return n;
}

static void step(struct pair *p, struct sim_random *r)
{
	u32 first = sim_below(r, NR_BITS);
	u32 count = sim_once_in(r, 4) ? sim_below(r, NR_BITS - first + 1) :
					min_t(u32, sim_below(r, 130), NR_BITS - first);
	u32 nr = sim_below(r, NR_BITS + 1), from = sim_below(r, NR_BITS + 10);

	if (sim_random(r) & 1)
		assert_int_equal(drp_bits_set(p->words, first, count),
				 naive_fill(p, first, count, 1));
	else
		assert_int_equal(drp_bits_clear(p->words, first, count),
				 naive_fill(p, first, count, 0));
	assert_int_equal(drp_bits_count(p->words, nr), naive_count(p, 0, nr));
	assert_int_equal(drp_bits_any(p->words, first, count),
			 naive_count(p, first, count) > 0);
	assert_int_equal(drp_bits_next_set(p->words, nr, from), naive_next(p, nr, from, 1));
	assert_int_equal(drp_bits_next_clear(p->words, nr, from), naive_next(p, nr, from, 0));
}

static void ranges_match_naive_model(void **state)
{
	struct sim_random r = { 1 };
	struct pair p = { };
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		step(&p, &r);
		if (i % 100 == 0)
			assert_equal(&p);
	}
	assert_equal(&p);
}

static void or_counts_new_bits(void **state)
{
	struct sim_random r = { 2 };
	int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		struct pair a = { }, b = { };
		u32 n, was;

		for (n = 0; n < 20; n++) {
			step(&a, &r);
			step(&b, &r);
		}
		was = drp_bits_count(a.words, NR_BITS);
		n = drp_bits_or(a.words, b.words, NR_WORDS);
		assert_int_equal(drp_bits_count(a.words, NR_BITS), was + n);
		for (n = 0; n < NR_BITS; n++)
			a.naive[n] |= b.naive[n];
		assert_equal(&a);
	}
}

static void borders(void **state)
{
	u64 words[3] = { };

	(void)state;
	assert_int_equal(drp_bits_set(words, 64, 64), 64);
	assert_true(words[0] == 0 && words[1] == ~0ULL && words[2] == 0);
	assert_int_equal(drp_bits_set(words, 63, 2), 1);
	assert_true(words[0] == 1ULL << 63);
	assert_int_equal(drp_bits_clear(words, 0, 192), 65);
	assert_int_equal(drp_bits_set(words, 10, 0), 0);
	assert_false(drp_bits_any(words, 0, 192));
	assert_false(drp_bits_any(words, 5, 0));
	assert_int_equal(drp_bits_next_set(words, 192, 0), 192);
	assert_int_equal(drp_bits_next_clear(words, 0, 0), 0);
	assert_int_equal(drp_bits_count(words, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_match_naive_model),
		cmocka_unit_test(or_counts_new_bits),
		cmocka_unit_test(borders),
	};

	return cmocka_run_group_tests_name("bitmap", tests, NULL, NULL);
}
