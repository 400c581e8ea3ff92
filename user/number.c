// SPDX-License-Identifier: Apache-2.0
// Writes numbers as short as they can be and still be read back as themselves, most of them without printf.
// The exposition puts them behind its samples and into the labels le and quantile.
#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t number_write_integer(char *text, uint64_t number)
{
	char digits[NUMBER_MAX];
	size_t len = 0;

	do {
		digits[sizeof(digits) - ++len] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	memcpy(text, digits + sizeof(digits) - len, len);
	return len;
}

/// Whole nanounits below 2^22: nearly every time and ratio that we publish. Doubles are closer together than
/// 1e-9 there, so no two such decimals share one, and the division rounds once: if it gives the value again,
/// the digits are the shortest ones. (Up to 2^23 that holds, too, but not for adding 0.5.) 0 if `value` is
/// something else.
static size_t write_decimal(char *text, double value)
{
	uint64_t nanounits, fraction;
	size_t len;

	if (value >= 1 << 22)
		return 0;
	nanounits = (uint64_t)(value * 1e9 + 0.5);
	if ((double)nanounits / 1e9 != value)
		return 0;
	len = number_write_integer(text, nanounits / 1000000000);
	fraction = nanounits % 1000000000;
	if (fraction == 0)
		return len;
	text[len++] = '.';
	for (; fraction > 0; fraction = fraction * 10 % 1000000000)
		text[len++] = (char)('0' + fraction / 100000000);
	return len;
}

static size_t write_special(char *text, double value)
{
	const char *name = isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

	return (size_t)(stpcpy(text, name) - text);
}

size_t number_write_double(char *text, double value)
{
	double magnitude = fabs(value);
	size_t sign = value < 0, len;

	if (!isfinite(value))
		return write_special(text, value);
	text[0] = '-';
	if (magnitude < 1e15 && magnitude == (double)(uint64_t)magnitude)
		return sign + number_write_integer(text + sign, (uint64_t)magnitude);
	len = write_decimal(text + sign, magnitude);
	if (len > 0)
		return sign + len;
	len = (size_t)snprintf(text, NUMBER_MAX, "%.15g", value);
	return strtod(text, NULL) == value ? len : (size_t)snprintf(text, NUMBER_MAX, "%.17g", value);
}

size_t number_write_bound(char *text, double bound, bool openmetrics)
{
	double magnitude = fabs(bound);
	size_t len = 0;

	if (isfinite(bound) && bound != 0 && (magnitude < 1e-4 || magnitude >= 1e6)) {
		// 16 digits behind the point are enough for any double.
		for (int precision = 0; precision <= 16; precision++) {
			len = (size_t)snprintf(text, NUMBER_MAX, "%.*e", precision, bound);
			if (strtod(text, NULL) == bound)
				break;
		}
		return len;
	}
	len = number_write_double(text, bound);
	if (openmetrics && isfinite(bound) && !memchr(text, '.', len)) {
		text[len++] = '.';
		text[len++] = '0';
	}
	return len;
}
