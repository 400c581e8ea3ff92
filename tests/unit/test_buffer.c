// SPDX-License-Identifier: Apache-2.0
// The growing string: what is written is there, and one failure is remembered to the end.
#include "buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_holds(const struct buffer *buffer, const char *text)
{
	assert_int_equal(buffer->len, strlen(text));
	assert_memory_equal(buffer->data, text, buffer->len);
}

static void texts_bytes_and_formats_follow_each_other(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_text(&buffer, "one ");
	buffer_bytes(&buffer, "two three", 4);
	buffer_format(&buffer, "%d%%", 3);
	assert_true(buffer_ok(&buffer));
	assert_holds(&buffer, "one two 3%");
	buffer_free(&buffer);
}

static void nothing_may_be_written(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_text(&buffer, "");
	buffer_bytes(&buffer, NULL, 0);
	buffer_format(&buffer, "%s", "");
	assert_true(buffer_ok(&buffer));
	assert_int_equal(buffer.len, 0);
	buffer_free(&buffer);
}

static void zero_bytes_are_bytes(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_bytes(&buffer, "a\0b", 3);
	assert_int_equal(buffer.len, 3);
	assert_memory_equal(buffer.data, "a\0b", 3);
	buffer_free(&buffer);
}

/// Every length around every growth, so that an off-by-one meets the sanitizer.
static void it_grows_at_every_length(void **state)
{
	char *text = calloc(1, 3000);

	(void)state;
	assert_non_null(text);
	for (size_t len = 0; len < 2999; len++) {
		struct buffer bytes = {0}, format = {0};

		memset(text, 'x', len);
		buffer_bytes(&bytes, text, len);
		buffer_format(&format, "%s", text);
		assert_holds(&bytes, text);
		assert_holds(&format, text);
		buffer_text(&bytes, text);
		assert_int_equal(bytes.len, 2 * len);
		buffer_free(&bytes);
		buffer_free(&format);
	}
	free(text);
}

static void clearing_keeps_the_memory(void **state)
{
	struct buffer buffer = {0};
	const char *data;

	(void)state;
	buffer_text(&buffer, "something");
	data = buffer.data;
	buffer_clear(&buffer);
	assert_int_equal(buffer.len, 0);
	buffer_text(&buffer, "else");
	assert_ptr_equal(buffer.data, data);
	assert_holds(&buffer, "else");
	buffer_free(&buffer);
}

static void a_failure_to_grow_sticks_until_it_is_cleared(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_text(&buffer, "kept");
	buffer_bytes(&buffer, "", SIZE_MAX);
	assert_false(buffer_ok(&buffer));
	buffer_text(&buffer, "lost");
	buffer_format(&buffer, "lost");
	assert_false(buffer_ok(&buffer));
	assert_holds(&buffer, "kept");
	buffer_clear(&buffer);
	assert_true(buffer_ok(&buffer));
	buffer_text(&buffer, "new");
	assert_holds(&buffer, "new");
	buffer_free(&buffer);
}

static void freeing_leaves_a_usable_buffer(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_free(&buffer);
	buffer_text(&buffer, "text");
	buffer_free(&buffer);
	assert_null(buffer.data);
	buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_bytes_and_formats_follow_each_other),
		cmocka_unit_test(nothing_may_be_written),
		cmocka_unit_test(zero_bytes_are_bytes),
		cmocka_unit_test(it_grows_at_every_length),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(a_failure_to_grow_sticks_until_it_is_cleared),
		cmocka_unit_test(freeing_leaves_a_usable_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
