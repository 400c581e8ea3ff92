// SPDX-License-Identifier: Apache-2.0
// Every code point there is, encoded here, and what is none: each byte, each pair, cuts, overlong forms.
#include "utf8.h"
#include "guarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/// `code` in `len` bytes, whether that is the right number or not.
static const char *encode(uint32_t code, size_t len, char ret_text[5])
{
	static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len; i-- > 1; code >>= 6)
		ret_text[i] = (char)(0x80 | (code & 0x3f));
	ret_text[0] = (char)(leads[len] | code);
	ret_text[len] = '\0';
	return ret_text;
}

static size_t right_length(uint32_t code)
{
	return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

static void every_code_point_but_surrogates_is_a_character(void **state)
{
	char text[5];

	(void)state;
	for (uint32_t code = 0; code < 0x110000; code++) {
		size_t len = right_length(code), expected = code >= 0xd800 && code <= 0xdfff ? 0 : len;

		if (utf8_length(encode(code, len, text), SIZE_MAX) != expected)
			fail_msg("U+%04X", code);
	}
	for (uint32_t code = 0x110000; code < 0x200000; code++)
		if (utf8_length(encode(code, 4, text), SIZE_MAX) != 0)
			fail_msg("0x%X is beyond Unicode", code);
}

static void a_character_in_more_bytes_than_it_needs_is_none(void **state)
{
	char text[5];

	(void)state;
	for (size_t len = 2; len <= 4; len++)
		for (uint32_t code = 0; right_length(code) < len; code++)
			if (utf8_length(encode(code, len, text), SIZE_MAX) != 0)
				fail_msg("U+%04X in %zu bytes", code, len);
}

static void a_cut_character_is_none_and_is_not_read_beyond(void **state)
{
	static const char *const whole[] = {"\u00e9", "\u20ac", "\U0001F600"};
	char cut[5];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t room = 1; room < strlen(whole[i]); room++) {
			assert_int_equal(utf8_length(guarded(whole[i], room), room), 0);
			snprintf(cut, sizeof(cut), "%.*s", (int)room, whole[i]);
			assert_int_equal(utf8_length(guarded(cut, room + 1), SIZE_MAX), 0);
		}
}

static void no_other_byte_begins_a_character(void **state)
{
	char text[5] = "x\x80\x80\x80";

	(void)state;
	for (unsigned lead = 0x80; lead < 0x100; lead++) {
		text[0] = (char)lead;
		assert_int_equal(utf8_is_tail(text[0]), lead < 0xc0);
		if (lead < 0xc2 || lead > 0xf4)
			assert_int_equal(utf8_length(text, SIZE_MAX), 0);
	}
	assert_false(utf8_is_tail('a'));
}

static void control_characters_are_those_of_c0_and_c1_and_delete(void **state)
{
	char text[5];

	(void)state;
	for (uint32_t code = 0; code < 0x1000; code++) {
		size_t len = right_length(code);
		bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);

		assert_int_equal(utf8_is_control(encode(code, len, text), len), control);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_but_surrogates_is_a_character),
		cmocka_unit_test(a_character_in_more_bytes_than_it_needs_is_none),
		cmocka_unit_test(a_cut_character_is_none_and_is_not_read_beyond),
		cmocka_unit_test(no_other_byte_begins_a_character),
		cmocka_unit_test(control_characters_are_those_of_c0_and_c1_and_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
