// SPDX-License-Identifier: Apache-2.0
// HTTP/2 of which not everything was seen: connections older than ringside, pieces that found the ring full,
// segments out of order. Nothing is reported that is not so; what cannot be known is said to be.
#include "http2_stage.h"

#include "protocols/hpack.h"

/* What both sides had said before ringside came, into the tables that later blocks refer to. */
static void speak_unseen(struct h2_stage *stage)
{
	stage->lose = true;
	h2_open(stage);
	h2_request(stage, 1, "/known/before");
	h2_headers(stage, OUT, 1, HTTP2_END_STREAM, ":status: 418\nserver: test");
	h2_tell(stage, OUT);
	stage->lose = false;
	stage->flags = EVENT_MIDSTREAM;
}

static void an_older_connection_counts_with_its_next_request(void **state)
{
	struct h2_stage *stage = *state;

	speak_unseen(stage);
	h2_request(stage, 3, "/new/path");
	h2_answer(stage, 3, "200");
	h2_request(stage, 5, "/new/path");
	h2_answer(stage, 5, "201");
	h2_request(stage, 7, "/new/path");
	h2_answer(stage, 7, "201");
	h2_assert(stage, "GET /new/path 200, GET /new/path 201, GET /new/path 201");
	h2_assert_losses(stage, (struct http2_losses){0});
}

/* Libnghttp2 enters no paths into its table; others do. */
static void a_path_from_before_is_not_known(void **state)
{
	struct h2_stage *stage = *state;
	/* GET, http, :path literal with incremental indexing; then GET, http, the newest entry, or the one
	 * before. */
	static const char entered[] = "\x82\x86\x44\x06/known", newest[] = "\x82\x86\xbe",
			  second[] = "\x82\x86\xbf";

	speak_unseen(stage);
	h2_frame(stage, HTTP2_HEADERS, HTTP2_END_STREAM | HTTP2_END_HEADERS, 3, newest, 3);
	h2_frame(stage, HTTP2_HEADERS, HTTP2_END_STREAM | HTTP2_END_HEADERS, 5, entered, 10);
	h2_frame(stage, HTTP2_HEADERS, HTTP2_END_STREAM | HTTP2_END_HEADERS, 7, newest, 3);
	h2_frame(stage, HTTP2_HEADERS, HTTP2_END_STREAM | HTTP2_END_HEADERS, 9, second, 3);
	h2_tell(stage, IN);
	for (uint32_t id = 3; id <= 9; id += 2)
		h2_answer(stage, id, "200");
	h2_assert(stage, "GET * 200, GET /known 200, GET /known 200, GET * 200");
	h2_assert_losses(stage, (struct http2_losses){0});
}

static void a_status_from_before_is_counted_as_lost(void **state)
{
	struct h2_stage *stage = *state;

	speak_unseen(stage);
	h2_request(stage, 3, "/new");
	h2_answer(stage, 3, "418");
	h2_request(stage, 5, "/new");
	h2_answer(stage, 5, "200");
	h2_assert(stage, "GET /new 200");
	h2_assert_losses(stage, (struct http2_losses){.state = 1});
}

static void the_answer_to_a_request_from_before_is_nobodys(void **state)
{
	struct h2_stage *stage = *state;

	speak_unseen(stage);
	stage->lose = true;
	h2_request(stage, 3, "/unseen");
	stage->lose = false;
	h2_answer(stage, 3, "200");
	h2_request(stage, 5, "/seen");
	h2_answer(stage, 5, "200");
	h2_assert(stage, "GET /seen 200");
	h2_assert_losses(stage, (struct http2_losses){0});
}

static void a_lost_request_is_found_by_its_answer(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	h2_request(stage, 1, "/a");
	h2_answer(stage, 1, "200");
	stage->lose = true;
	h2_request(stage, 3, "/lost");
	stage->lose = false;
	h2_answer(stage, 3, "200");
	h2_request(stage, 5, "/c");
	h2_answer(stage, 5, "200");
	h2_assert(stage, "GET /a 200, GET /c 200");
	h2_assert_losses(stage, (struct http2_losses){.unmatched = 1});
}

static void a_lost_answer_is_counted_at_the_close(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	h2_request(stage, 1, "/a");
	stage->lose = true;
	h2_answer(stage, 1, "200");
	stage->lose = false;
	h2_request(stage, 3, "/b");
	h2_answer(stage, 3, "200");
	h2_close(stage, 0);
	h2_assert(stage, "GET /b 200");
	h2_assert_losses(stage, (struct http2_losses){.unmatched = 1});
}

/* Ingress tells segments as they come; positions put them in order. */
static void pieces_out_of_order_and_twice(void **state)
{
	struct h2_stage *stage = *state;
	size_t half;

	h2_open(stage);
	stage->flags = EVENT_RAW;
	for (uint32_t id = 1; id < 40; id += 2) {
		h2_headers(stage, IN, id, HTTP2_END_STREAM, ":method: GET\n:scheme: http\n:path: /a");
		h2_headers(stage, IN, id + 2, HTTP2_END_STREAM, ":method: GET\n:scheme: http\n:path: /b");
		id += 2;
		half = stage->len / 2;
		h2_piece(stage, IN, half, stage->len - half, NO_FRAME);
		h2_piece(stage, IN, 0, half, NO_FRAME);
		h2_piece(stage, IN, 0, stage->len, NO_FRAME);
		stage->position[IN] += stage->len;
		stage->len = 0;
		h2_answer(stage, id - 2, "200");
		h2_answer(stage, id, "200");
	}
	assert_int_equal(stage->count, 20);
	h2_assert_losses(stage, (struct http2_losses){0});
}

/* A hole that is never filled costs what waits behind it, not the rest of the connection. */
static void a_lost_piece_out_of_order(void **state)
{
	struct h2_stage *stage = *state;
	unsigned before;

	h2_open(stage);
	stage->flags = EVENT_RAW;
	stage->lose = true;
	h2_request(stage, 1, "/lost");
	stage->lose = false;
	for (uint32_t id = 3; id < 1600; id += 2) {
		h2_headers(stage, IN, id, HTTP2_END_STREAM, ":method: GET\n:scheme: http\n:path: /after");
		h2_piece(stage, IN, 0, stage->len, NO_FRAME);
		stage->position[IN] += stage->len;
		stage->len = 0;
	}
	before = stage->count;
	h2_answer(stage, 1599, "200");
	assert_int_equal(stage->count, before + 1);
	assert_int_equal(stage->last.status, 200);
}

static void count_field(void *context, struct slice name, struct slice value)
{
	(void)value;
	*(unsigned *)context += name.len != 0;
}

/* A peer that keeps a table of 64 KiB refers further back than the usual one reaches. */
static void a_large_table_from_before(void **state)
{
	struct hpack *hpack = hpack_new();
	static const char far[] = {(char)0xff, (char)0x80, 0x08}; /* index 127 + 1024 */
	unsigned known = 0;

	(void)state;
	assert_non_null(hpack);
	assert_int_equal(hpack_forget(hpack), 0);
	assert_true(hpack_inflate(hpack, (struct slice){far, 3}, count_field, &known) < 0);
	assert_int_equal(hpack_inflate(hpack, (struct slice){far, 3}, count_field, &known), 0);
	assert_int_equal(known, 0);
	hpack_free(hpack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		H2_TEST(an_older_connection_counts_with_its_next_request),
		H2_TEST(a_path_from_before_is_not_known),
		H2_TEST(a_status_from_before_is_counted_as_lost),
		H2_TEST(the_answer_to_a_request_from_before_is_nobodys),
		H2_TEST(a_lost_request_is_found_by_its_answer),
		H2_TEST(a_lost_answer_is_counted_at_the_close),
		H2_TEST(pieces_out_of_order_and_twice),
		H2_TEST(a_lost_piece_out_of_order),
		cmocka_unit_test(a_large_table_from_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
