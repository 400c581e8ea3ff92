// SPDX-License-Identifier: Apache-2.0
// Quantiles of durations against the exact ones, and that a minute later they are gone.
#include "sketch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* "A quantile is off by at most 1.6 %" (sketch.h). */
#define ERROR_MAX 0.016

static int empty(void **state)
{
	static struct sketch sketch;

	memset(&sketch, 0, sizeof(sketch));
	*state = &sketch;
	return 0;
}

static double quantile(struct sketch *sketch, uint64_t now_s, double which)
{
	double seconds = -1;

	sketch_quantiles(sketch, now_s, &which, 1, &seconds);
	return seconds;
}

static void assert_close(double seconds, uint64_t exact_ns)
{
	double exact = (double)exact_ns / 1e9;

	if (!(fabs(seconds - exact) <= exact * ERROR_MAX))
		fail_msg("%.9f s is not within %.1f %% of %.9f s", seconds, ERROR_MAX * 100, exact);
}

static void nothing_has_no_quantiles(void **state)
{
	double values[3] = {1, 2, 3};

	sketch_quantiles(*state, 1000, (const double[]){0.5, 0.95, 0.99}, 3, values);
	for (size_t i = 0; i < COUNT(values); i++)
		assert_true(isnan(values[i]));
}

static void one_duration_is_every_quantile(void **state)
{
	double values[4];

	sketch_add(*state, 123456789, 1000);
	sketch_quantiles(*state, 1000, (const double[]){0.01, 0.5, 0.99, 1}, 4, values);
	for (size_t i = 0; i < COUNT(values); i++)
		assert_close(values[i], 123456789);
}

static void each_duration_comes_back_as_itself(void **state)
{
	for (double ns = 1024; ns < 1e12; ns *= 1.0007) {
		empty(state);
		sketch_add(*state, (uint64_t)ns, 1000);
		assert_close(quantile(*state, 1000, 0.5), (uint64_t)ns);
	}
}

static void the_edges_of_powers_of_two_come_back_as_themselves(void **state)
{
	for (unsigned bit = SKETCH_LOWEST_BIT + 1; bit < SKETCH_HIGHEST_BIT; bit++)
		for (int offset = -1; offset <= 1; offset++) {
			uint64_t ns = (1ULL << bit) + offset;

			empty(state);
			sketch_add(*state, ns, 1000);
			assert_close(quantile(*state, 1000, 0.5), ns);
		}
}

static void what_is_too_short_or_too_long_goes_to_the_outermost(void **state)
{
	static const uint64_t longest[] = {1ULL << 40, 1ULL << 41, 1ULL << 63, UINT64_MAX};

	for (uint64_t ns = 0; ns < 1024; ns += 31) {
		empty(state);
		sketch_add(*state, ns, 1000);
		assert_true(quantile(*state, 1000, 0.5) < 1.1e-6);
	}
	for (size_t i = 0; i < COUNT(longest); i++) {
		empty(state);
		sketch_add(*state, longest[i], 1000);
		assert_close(quantile(*state, 1000, 0.5), (1ULL << 40) - 1);
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* The smallest that at least this share is not above. */
static uint64_t exact_quantile(const uint64_t *sorted, size_t len, double which)
{
	size_t rank = (size_t)ceil(which * (double)len);

	return sorted[rank ? rank - 1 : 0];
}

static void quantiles_are_those_of_the_sorted_durations(void **state)
{
	static const double which[] = {0.05, 0.5, 0.9, 0.95, 0.99, 0.999};
	static uint64_t durations[20000];
	double values[COUNT(which)];

	srandom(7);
	for (size_t len = 1; len <= COUNT(durations); len = len * 3 + 1) {
		empty(state);
		for (size_t i = 0; i < len; i++) {
			/* From 2 µs to 100 s, each power of ten as likely as the next. */
			durations[i] = (uint64_t)(2000 * pow(10, 7.7 * (double)random() / RAND_MAX));
			sketch_add(*state, durations[i], 1000 + i * 30 / len);
		}
		qsort(durations, len, sizeof(durations[0]), compare);
		sketch_quantiles(*state, 1030, which, COUNT(which), values);
		for (size_t i = 0; i < COUNT(which); i++)
			assert_close(values[i], exact_quantile(durations, len, which[i]));
	}
}

static void what_is_younger_than_a_minute_counts(void **state)
{
	for (unsigned phase = 0; phase < SKETCH_SLICE_SECONDS; phase++)
		for (unsigned age = 0; age <= 60; age++) {
			empty(state);
			sketch_add(*state, 5000000, 1000 + phase);
			assert_close(quantile(*state, 1000 + phase + age, 0.5), 5000000);
		}
}

static void what_is_older_than_the_last_slice_is_gone(void **state)
{
	for (unsigned phase = 0; phase < SKETCH_SLICE_SECONDS; phase++)
		for (unsigned age = SKETCH_SLICES * SKETCH_SLICE_SECONDS; age < 300; age += 7) {
			empty(state);
			sketch_add(*state, 5000000, 1000 + phase);
			assert_true(isnan(quantile(*state, 1000 + phase + age, 0.5)));
		}
}

static void slices_age_out_one_after_the_other(void **state)
{
	/* One duration a slice: 1 ms, 2 ms, 4 ms …, so that the smallest tells which are left. */
	for (unsigned slice = 0; slice < 20; slice++) {
		unsigned oldest = slice < SKETCH_SLICES ? 0 : slice - SKETCH_SLICES + 1;

		sketch_add(*state, 1000000ULL << slice, 1000 + slice * 10);
		assert_close(quantile(*state, 1000 + slice * 10, 0.001), 1000000ULL << oldest);
		assert_close(quantile(*state, 1000 + slice * 10, 1), 1000000ULL << slice);
	}
}

static void a_gap_longer_than_all_slices_leaves_nothing_behind(void **state)
{
	for (unsigned second = 0; second < 70; second++)
		sketch_add(*state, 1000000, 1000 + second);
	sketch_add(*state, 64000000, 5000);
	assert_close(quantile(*state, 5000, 0.001), 64000000);
}

static void the_first_minute_of_the_clock_is_like_any_other(void **state)
{
	sketch_add(*state, 5000000, 0);
	sketch_add(*state, 9000000, 3);
	assert_close(quantile(*state, 5, 0.5), 5000000);
	assert_close(quantile(*state, 5, 1), 9000000);
	assert_true(isnan(quantile(*state, 75, 0.5)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_has_no_quantiles, empty),
		cmocka_unit_test_setup(one_duration_is_every_quantile, empty),
		cmocka_unit_test_setup(each_duration_comes_back_as_itself, empty),
		cmocka_unit_test_setup(the_edges_of_powers_of_two_come_back_as_themselves, empty),
		cmocka_unit_test_setup(what_is_too_short_or_too_long_goes_to_the_outermost, empty),
		cmocka_unit_test_setup(quantiles_are_those_of_the_sorted_durations, empty),
		cmocka_unit_test_setup(what_is_younger_than_a_minute_counts, empty),
		cmocka_unit_test_setup(what_is_older_than_the_last_slice_is_gone, empty),
		cmocka_unit_test_setup(slices_age_out_one_after_the_other, empty),
		cmocka_unit_test_setup(a_gap_longer_than_all_slices_leaves_nothing_behind, empty),
		cmocka_unit_test_setup(the_first_minute_of_the_clock_is_like_any_other, empty),
	};

	return cmocka_run_group_tests_name("sketch", tests, NULL, NULL);
}
