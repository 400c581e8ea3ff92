// SPDX-License-Identifier: Apache-2.0
// Numbers as they are written: each short, each read back as itself, bounds as Go spells them.
#include "number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/// `value`, terminated.
static const char *number_text(double value, char ret_text[NUMBER_MAX + 1])
{
	ret_text[number_write_double(ret_text, value)] = '\0';
	return ret_text;
}

static const char *bound_text(double bound, bool openmetrics, char ret_text[NUMBER_MAX + 1])
{
	ret_text[number_write_bound(ret_text, bound, openmetrics)] = '\0';
	return ret_text;
}

static void numbers_are_short_and_exact(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "0"},
		{1, "1"},
		{-17, "-17"},
		{1e6, "1000000"},
		{999999999999999, "999999999999999"},
		{1e15, "1e+15"},
		{9007199254740992, "9007199254740992"},
		{0.1, "0.1"},
		{-0.25, "-0.25"},
		{0.0005, "0.0005"},
		{1e-9, "0.000000001"},
		{1e-10, "1e-10"},
		{5e-324, "4.94065645841247e-324"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3, "0.33333333333333331"},
		{12.345678901, "12.345678901"},
		{999999.999999999, "999999.999999999"},
		{1234567.5, "1234567.5"},
		{1234567.123456789, "1234567.123456789"},
		{4194303.999999999, "4194303.999999999"},
		{4194304.5, "4194304.5"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{INFINITY, "+Inf"},
		{-INFINITY, "-Inf"},
		{NAN, "NaN"},
	};
	char text[NUMBER_MAX + 1];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_string_equal(number_text(cases[i].value, text), cases[i].text);
}

static void numbers_read_back_as_themselves(void **state)
{
	uint64_t random = 88172645463325252;
	char text[NUMBER_MAX + 1], shortest[64];
	double value;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		memcpy(&value, &random, sizeof(value));
		if (i % 2) // what we mostly write: sums of nanoseconds, ratios
			value = i % 4 == 1 ? (double)(random % 1000000000000000) / 1e9
					   : (double)(random % 1000) / 999;
		if (!isfinite(value))
			continue;
		assert_true(strtod(number_text(value, text), NULL) == value);
		snprintf(shortest, sizeof(shortest), "%.15g", value);
		if (strtod(shortest, NULL) == value && !strchr(shortest, 'e'))
			assert_string_equal(text, shortest);
	}
}

static void bounds_are_canonical(void **state)
{
	static const struct {
		double bound;
		const char *text, *openmetrics;
	} cases[] = {
		{0, "0", "0.0"},
		{-1, "-1", "-1.0"},
		{1, "1", "1.0"},
		{2.5, "2.5", "2.5"},
		{0.0005, "0.0005", "0.0005"},
		{1e-4, "0.0001", "0.0001"},
		{1e-5, "1e-05", "1e-05"},
		{2.5e-7, "2.5e-07", "2.5e-07"},
		{1e-10, "1e-10", "1e-10"},
		{100000, "100000", "100000.0"},
		{1e6, "1e+06", "1e+06"},
		{1048576, "1.048576e+06", "1.048576e+06"},
		{1e10, "1e+10", "1e+10"},
		{1e100, "1e+100", "1e+100"},
	};
	char text[NUMBER_MAX + 1];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_string_equal(bound_text(cases[i].bound, false, text), cases[i].text);
		assert_string_equal(bound_text(cases[i].bound, true, text), cases[i].openmetrics);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_short_and_exact),
		cmocka_unit_test(numbers_read_back_as_themselves),
		cmocka_unit_test(bounds_are_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
