// SPDX-License-Identifier: Apache-2.0
// Reads decimal numbers byte by byte, wherever they are cut.
#include "redis_number.h"

#include "slice.h"

/* One digit more than this has no room. */
#define VALUE_MAX ((UINT64_MAX - 9) / 10)
#define LEN_MAX 20

/* False if no number goes on so. */
static bool byte_take(struct redis_number *number, char byte)
{
	bool first = number->len++ == 0;

	if (number->unknown || number->value > VALUE_MAX || number->len > LEN_MAX)
		return false;
	number->digit = byte >= '0' && byte <= '9';
	if (number->digit) {
		number->value = number->value * 10 + (uint64_t)(byte - '0');
		return true;
	}
	number->negative = byte == '-';
	number->unknown = byte == '?';
	return first && (byte == '-' || byte == '+' || byte == '?');
}

enum redis_step redis_number_read(struct redis_number *number, struct slice *bytes)
{
	while (bytes->len) {
		char byte = *bytes->data;

		*bytes = (struct slice){bytes->data + 1, bytes->len - 1};
		if (number->ending)
			return byte == '\n' ? REDIS_END : REDIS_MALFORMED;
		if (byte == '\r' && (number->digit || number->unknown))
			number->ending = true;
		else if (!byte_take(number, byte))
			return REDIS_MALFORMED;
	}
	return REDIS_MORE;
}

enum redis_step redis_string_read(uint64_t *left, struct slice *bytes, struct slice *ret_part)
{
	*ret_part = (struct slice){bytes->data, 0};
	if (*left <= 2)
		return *slice_take(bytes, 1).data == ((*left)-- == 2 ? '\r' : '\n') ? REDIS_MORE
										    : REDIS_MALFORMED;
	*ret_part = slice_take(bytes, *left - 2);
	*left -= ret_part->len;
	return REDIS_MORE;
}
