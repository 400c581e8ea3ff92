// SPDX-License-Identifier: Apache-2.0
// Who is sent gzip, and that it is what it was before.
#include "compress.h"
#include "server_client.h"

#include <zlib.h>

static void offers_of_gzip_are_understood(void **state)
{
	static const struct {
		const char *header;
		bool offered;
	} cases[] = {
		{NULL, false},
		{"", false},
		{"gzip", true},
		{"GZIP", true},
		{"x-gzip", true},
		{"deflate, gzip, br", true},
		{"gzip;q=0", false},
		{"gzip; q=0.000", false},
		{"gzip ; q=0.001", true},
		{"gzip;q=0.5, identity", true},
		{"gzip;q=1.0", true},
		{"*", true},
		{"*;q=0", false},
		{"gzip;q=0, *", false},
		{"*;q=0, gzip", true},
		{"identity", false},
		{"br;q=0, zstd", false},
		{"gzipped", false},
		{"not-gzip", false},
		{",, ,gzip", true},
		{";q=0", false},
		{"gzip;q=", true},
		{"\xff\xfe", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (compress_offered(cases[i].header) != cases[i].offered)
			fail_msg("wrong answer for Accept-Encoding: %s", cases[i].header);
}

static void a_long_answer_is_compressed_for_those_who_take_it(void **state)
{
	struct answer plain = ask(*state, "GET", "/metrics", "");
	struct answer packed = ask(*state, "GET", "/metrics", "Accept-Encoding: gzip\r\n");
	unsigned char text[65536];
	z_stream stream = {.next_in = (unsigned char *)packed.body,
			   .avail_in = (unsigned)packed.body_len,
			   .next_out = text,
			   .avail_out = sizeof(text)};

	assert_true(has_line(&packed, "Content-Encoding: gzip"));
	assert_true(has_line(&packed, "Vary: Accept-Encoding"));
	assert_true(packed.body_len < plain.body_len / 4);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, plain.body_len);
	assert_memory_equal(text, plain.body, plain.body_len);
	inflateEnd(&stream);
	answer_free(&plain);
	answer_free(&packed);
}

static void other_answers_are_not_compressed(void **state)
{
	static const char *const requests[][2] = {
		{"/", "Accept-Encoding: gzip\r\n"}, // too short
		{"/metrics", "Accept-Encoding: gzip;q=0\r\n"},
		{"/metrics", "Accept-Encoding: br\r\n"},
		{"/metrics", ""},
	};

	for (unsigned i = 0; i < 4; i++) {
		struct answer answer = ask(*state, "GET", requests[i][0], requests[i][1]);

		assert_int_equal(answer.status, 200);
		assert_null(strstr(answer.raw.data, "Content-Encoding"));
		answer_free(&answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_of_gzip_are_understood),
		SITE_TEST(a_long_answer_is_compressed_for_those_who_take_it),
		SITE_TEST(other_answers_are_not_compressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
