// SPDX-License-Identifier: Apache-2.0
// HTTP/2 with holes: what the kernel passed over on purpose, what it lost, and what it tells in any order.
// A hole costs the requests in it, and no others.
#include "http2_stage.h"

static char zeros[16384];

static const char get[] = ":method: GET\n:scheme: http\n:path: /next";

/* Middles of header blocks are never passed over: without one the rest means something else. */
static void a_hole_in_a_header_block(void **state)
{
	struct h2_stage *stage = *state;
	char fields[4096];

	h2_open(stage);
	memset(fields, 0, sizeof(fields));
	strcpy(fields, ":method: GET\n:scheme: http\n:path: /cookies\ncookie: ");
	memset(fields + strlen(fields), 'c', 1500);
	strcat(fields, "\nx-other: one");
	h2_headers(stage, IN, 1, HTTP2_END_STREAM, fields);
	h2_piece(stage, IN, 0, 300, 0);
	h2_piece(stage, IN, 500, stage->len - 500, NO_FRAME);
	stage->position[IN] += stage->len;
	stage->len = 0;
	h2_answer(stage, 1, "200");
	h2_assert(stage, "");
	h2_headers(stage, IN, 3, HTTP2_END_STREAM, get);
	h2_tell(stage, IN);
	h2_answer(stage, 3, "200");
	h2_assert(stage, "GET /next 200");
}

/* Told as it is from here on, in order: what was passed over before is no hole. */
static void all_is_told_behind_a_payload_that_was_passed_over(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	h2_headers(stage, IN, 1, 0, ":method: POST\n:scheme: http\n:path: /upload");
	h2_frame(stage, HTTP2_DATA, HTTP2_END_STREAM, 1, zeros, 1000);
	h2_piece(stage, IN, 0, stage->len - 1000, 0);
	stage->flags = EVENT_RAW;
	h2_piece(stage, IN, stage->len - 400, 400, NO_FRAME);
	stage->position[IN] += stage->len;
	stage->len = 0;
	h2_headers(stage, IN, 3, HTTP2_END_STREAM, get);
	h2_tell(stage, IN);
	h2_answer(stage, 3, "200");
	h2_answer(stage, 1, "201");
	h2_assert(stage, "GET /next 200, POST /upload 201");
	h2_assert_losses(stage, (struct http2_losses){0});
}

static void ask_raw(struct h2_stage *stage, uint32_t id)
{
	h2_headers(stage, IN, id, HTTP2_END_STREAM, get);
	h2_piece(stage, IN, 0, stage->len, NO_FRAME);
	stage->position[IN] += stage->len;
	stage->len = 0;
}

/* Who answers has got what was before: it is not waited for, and the next request is read again. */
static void what_is_missing_is_waited_for_until_an_answer(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	stage->flags = EVENT_RAW;
	ask_raw(stage, 1);
	h2_answer(stage, 1, "200");
	stage->lose = true;
	ask_raw(stage, 3);
	stage->lose = false;
	ask_raw(stage, 5);
	ask_raw(stage, 7);
	h2_answer(stage, 5, "201");
	h2_answer(stage, 7, "202");
	h2_answer(stage, 3, "203");
	h2_assert(stage, "GET /next 200, GET /next 201, GET /next 202");
	h2_close(stage, 0);
	assert_int_equal(stage->count, 3);
}

static void what_waits_at_the_close_is_read(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	stage->flags = EVENT_RAW;
	stage->lose = true;
	ask_raw(stage, 1);
	stage->lose = false;
	ask_raw(stage, 3);
	h2_close(stage, EVENT_CLIENT_LEFT);
	h2_assert(stage, "GET /next aborted");
}

/* Bytes that came already are no place to begin anew. */
static void a_piece_that_comes_twice_behind_a_loss(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	stage->flags = EVENT_RAW;
	h2_frame(stage, HTTP2_CONTINUATION, HTTP2_END_HEADERS, 1, zeros, 40); /* continues nothing */
	h2_tell(stage, IN);
	stage->position[IN] -= 20;
	h2_bytes(stage, zeros, 30); /* ten of them are new, and the inside of something */
	h2_piece(stage, IN, 0, 30, NO_FRAME);
	stage->position[IN] += 30;
	stage->len = 0;
	ask_raw(stage, 3);
	ask_raw(stage, 5);
	h2_answer(stage, 3, "200");
	h2_answer(stage, 5, "200");
	h2_assert(stage, "GET /next 200, GET /next 200");
}

/* Of a connection older than ringside, fields without names may be a request's, but not on a stream that has
 * had one. */
static void trailers_behind_the_answer_are_no_request(void **state)
{
	struct h2_stage *stage = *state;
	static const char newest[] = "\xbe";

	stage->flags = EVENT_MIDSTREAM;
	h2_headers(stage, IN, 3, 0, get);
	h2_tell(stage, IN);
	h2_answer(stage, 3, "200");
	h2_frame(stage, HTTP2_HEADERS, HTTP2_END_STREAM | HTTP2_END_HEADERS, 3, newest, 1);
	h2_tell(stage, IN);
	h2_close(stage, 0);
	h2_assert(stage, "GET /next 200");
}

static void calls_that_end_without_a_status(void **state)
{
	struct h2_stage *stage = *state;
	static const uint8_t cancel[4] = {0, 0, 0, HTTP2_CANCEL}, refuse[4] = {0, 0, 0, HTTP2_REFUSED_STREAM};

	h2_open(stage);
	for (uint32_t id = 1; id <= 7; id += 2)
		h2_headers(stage, IN, id, 0,
			   ":method: POST\n:scheme: http\n:path: /a.B/C\ncontent-type: application/grpc");
	h2_tell(stage, IN);
	for (uint32_t id = 1; id <= 5; id += 2)
		h2_headers(stage, OUT, id, 0, ":status: 200\ncontent-type: application/grpc");
	h2_tell(stage, OUT);
	h2_frame(stage, HTTP2_RST_STREAM, 0, 1, cancel, 4);
	h2_tell(stage, IN);
	h2_frame(stage, HTTP2_RST_STREAM, 0, 3, zeros, 4);
	h2_frame(stage, HTTP2_RST_STREAM, 0, 7, refuse, 4);
	h2_tell(stage, OUT);
	h2_close(stage, EVENT_CLIENT_LEFT);
	h2_assert(stage, "POST /a.B/C 200 grpc 1, POST /a.B/C 200 grpc 2, POST /a.B/C none grpc 14, "
			 "POST /a.B/C 200 grpc 1");
}

/* The preface, SETTINGS and their acknowledgement are somebody's, too. */
static void all_bytes_until_the_answer_are_told(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	h2_request(stage, 1, "/a");
	h2_frame(stage, HTTP2_SETTINGS, 1, 0, NULL, 0);
	h2_tell(stage, IN);
	h2_answer(stage, 1, "200");
	h2_assert(stage, "GET /a 200");
	assert_int_equal(stage->last.request_bytes, stage->position[IN]);
	assert_int_equal(stage->last.response_bytes, stage->position[OUT]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		H2_TEST(a_hole_in_a_header_block),
		H2_TEST(all_is_told_behind_a_payload_that_was_passed_over),
		H2_TEST(what_is_missing_is_waited_for_until_an_answer),
		H2_TEST(what_waits_at_the_close_is_read),
		H2_TEST(a_piece_that_comes_twice_behind_a_loss),
		H2_TEST(trailers_behind_the_answer_are_no_request),
		H2_TEST(calls_that_end_without_a_status),
		H2_TEST(all_bytes_until_the_answer_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
