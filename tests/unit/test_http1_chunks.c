// SPDX-License-Identifier: Apache-2.0
// Where chunked bodies end: whole, in pieces cut at every byte, odd, and hostile.
#include "protocols/http1_chunks.h"
#include "guarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const bodies[] = {
	"0\r\n\r\n",
	"0\n\n",
	"5\r\nhello\r\n0\r\n\r\n",
	"A;name=\"value\" \r\n0123456789\r\n00000000000000000000000000000\r\n\r\n",
	"1 \nx\n1\t\r\ny\r\n0\r\n\r\n",
	"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
	"3\r\nabc\r\n0\r\nExpires: now\r\nX: y\r\n\r\n",
};

static enum decode walk(struct http1_chunks *chunks, const char *bytes, size_t len, size_t *ret_len)
{
	return http1_chunks_walk(chunks, (struct slice){guarded(bytes, len), len}, ret_len);
}

static void bodies_end_where_they_end_and_no_beginning_of_them_does(void **state)
{
	char followed[256];

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct http1_chunks chunks = {0};
		size_t len = strlen(bodies[i]), body_len = 0;

		snprintf(followed, sizeof(followed), "%sHTTP/1.1 200 OK\r\n\r\n", bodies[i]);
		assert_int_equal(walk(&chunks, followed, strlen(followed), &body_len), DECODE_OK);
		assert_int_equal(body_len, len);
		for (size_t cut_len = 0; cut_len < len; cut_len++) {
			size_t untouched = 12345;

			chunks = (struct http1_chunks){0};
			if (walk(&chunks, bodies[i], cut_len, &untouched) != DECODE_MORE)
				fail_msg("body %zu, cut to %zu bytes", i, cut_len);
			assert_int_equal(untouched, 12345);
		}
	}
}

static void pieces_are_as_good_as_the_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		size_t len = strlen(bodies[i]);

		for (size_t step = 1; step < len; step++) {
			struct http1_chunks chunks = {0};
			enum decode outcome = DECODE_MORE;
			size_t at, used = 0;

			for (at = 0; at < len && outcome == DECODE_MORE; at += step)
				outcome = walk(&chunks, bodies[i] + at, len - at < step ? len - at : step,
					       &used);
			if (outcome != DECODE_OK || at < len || used != len - (at - step))
				fail_msg("body %zu in pieces of %zu bytes", i, step);
		}
	}
}

static void what_is_no_chunked_body_is_malformed(void **state)
{
	static const char *const inputs[] = {
		"x",
		"\r\n",
		"-1\r\n",
		"5x\r\nhello\r\n",
		"5\r\nhello0\r\n\r\n",
		"5\r\nhello\r0",
		"4000000000000000\r\n",
		"10000000000000005\r\nhello\r\n",
		"fffffffffffffffffffffffff\r\n",
		"0\r\n\rx",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(inputs); i++) {
		struct http1_chunks chunks = {0};
		size_t len = 12345;

		if (walk(&chunks, inputs[i], strlen(inputs[i]), &len) != DECODE_MALFORMED)
			fail_msg("%s", inputs[i]);
		assert_int_equal(len, 12345);
	}
}

static void a_chunk_longer_than_any_memory_asks_for_more(void **state)
{
	static const char body[] = "3fffffffffffffff\r\nx";
	struct http1_chunks chunks = {0};
	size_t len;

	(void)state;
	assert_int_equal(walk(&chunks, body, strlen(body), &len), DECODE_MORE);
	assert_int_equal(chunks.left, 0x3ffffffffffffffe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_end_where_they_end_and_no_beginning_of_them_does),
		cmocka_unit_test(pieces_are_as_good_as_the_whole),
		cmocka_unit_test(what_is_no_chunked_body_is_malformed),
		cmocka_unit_test(a_chunk_longer_than_any_memory_asks_for_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
