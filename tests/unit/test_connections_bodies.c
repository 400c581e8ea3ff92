// SPDX-License-Identifier: Apache-2.0
// Bodies on connections where more than one request is on its way: those of requests are not taken for
// requests, those of answers not for the next answer.
#include "connections_stage.h"

#define POST(target, body_len) "POST " target " HTTP/1.1\r\nContent-Length: " body_len "\r\n\r\n"

#define LOOKALIKE "GET /stolen HTTP/1.1\r\nHost: shop.example\r\n\r\n" /* 44 bytes */

static void a_body_and_the_next_head_may_share_a_segment(void **state)
{
	static const char *const requests[] = {POST("/1", "44"), LOOKALIKE, POST("/2", "44"), LOOKALIKE,
					       GET("/3")};
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, join(requests, 5));
	wire_out(&stage->wire, 1, repeat(OK, 3));
	assert_only(stage, "POST /1 200, POST /2 200, GET /3 200");
	assert_bytes(stage, 0, strlen(POST("/1", "44")) + 44, strlen(OK));
}

static void a_body_that_looks_like_a_request_is_none(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, POST("/1", "44"));
	wire_in(wire, 1, LOOKALIKE);
	wire_out(wire, 2, OK);
	wire_in(wire, 3, GET("/2"));
	wire_out(wire, 4, NOT_FOUND);
	wire_close(wire, 5, true);
	assert_only(stage, "POST /1 200, GET /2 404");
	assert_bytes(stage, 0, strlen(POST("/1", "44")) + 44, strlen(OK));
}

static void a_body_that_looks_like_a_request_and_has_no_answer_is_none(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, POST("/1", "44"));
	wire_in(&stage->wire, 1, LOOKALIKE);
	wire_close(&stage->wire, 5, true);
	assert_only(stage, "POST /1 aborted");
}

static void the_body_of_a_pipelined_request_is_none(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_in(wire, 1, POST("/2", "88"));
	wire_in(wire, 2, LOOKALIKE);
	wire_in(wire, 3, LOOKALIKE);
	wire_in(wire, 4, GET("/3"));
	wire_out(wire, 5, repeat(OK, 3));
	assert_only(stage, "GET /1 200, POST /2 200, GET /3 200");
}

static void a_body_behind_a_head_longer_than_the_capture_is_no_request(void **state)
{
	struct stage *stage = *state;
	char head[2048], padding[900];

	memset(padding, 'x', sizeof(padding));
	snprintf(head, sizeof(head), "POST /1 HTTP/1.1\r\nCookie: %.900s\r\nContent-Length: 27\r\n\r\n",
		 padding);
	wire_in(&stage->wire, 0, head);
	wire_in(&stage->wire, 1, "two words, and some more of");
	wire_out(&stage->wire, 2, OK);
	wire_close(&stage->wire, 5, true);
	assert_only(stage, "POST /1 200");
}

static void a_request_behind_a_head_longer_than_the_capture_is_one(void **state)
{
	struct stage *stage = *state;
	char head[2048], padding[900];

	memset(padding, 'x', sizeof(padding));
	snprintf(head, sizeof(head), "GET /1 HTTP/1.1\r\nCookie: %.900s\r\n\r\n", padding);
	wire_in(&stage->wire, 0, head);
	wire_in(&stage->wire, 1, GET("/2"));
	wire_out(&stage->wire, 2, OK);
	wire_out(&stage->wire, 3, NOT_FOUND);
	assert_only(stage, "GET /1 200, GET /2 404");
}

static void chunks_that_look_like_requests_are_none(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, "POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	wire_in(wire, 1, "2c\r\n" LOOKALIKE "\r\n");
	wire_in(wire, 2, "0\r\n\r\n");
	wire_in(wire, 3, GET("/2"));
	wire_out(wire, 4, OK);
	wire_out(wire, 5, NOT_FOUND);
	wire_close(wire, 6, true);
	assert_only(stage, "POST /1 200, GET /2 404");
}

static void empty_lines_between_requests_are_none(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	/* Some old clients end a body with a line end that its length does not count (RFC 9112 section 2.2).
	 */
	wire_in(wire, 0, POST("/1", "3") "a=b\r\n");
	wire_out(wire, 1, OK);
	wire_in(wire, 2, POST("/2", "3") "a=b\r\n" GET("/3") "\r\n");
	wire_out(wire, 3, OK OK);
	wire_close(wire, 4, true);
	assert_only(stage, "POST /1 200, POST /2 200, GET /3 200");
}

/* Answers longer than what is captured of a first segment. */

static void an_answer_may_begin_behind_a_long_one(void **state)
{
	static char answers[4096];
	struct stage *stage = *state;
	size_t len = sprintf(answers, "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n");

	memset(answers + len, 'x', 2000);
	strcpy(answers + len + 2000, NOT_FOUND);
	for (int together = 0; together < 2; together++) {
		struct wire *wire = stage_next_wire(stage);

		stage->count = 0;
		wire_in(wire, 0, together ? GET("/long") GET("/short") : GET("/long"));
		if (!together)
			wire_in(wire, 1, GET("/short"));
		wire_out(wire, 2, answers);
		assert_only(stage, "GET /long 200, GET /short 404");
		assert_int_equal(stage->log[0].exchange.response_bytes, len + 2000);
	}
}

static void an_answer_may_begin_behind_a_long_one_in_chunks(void **state)
{
	static char answers[4096];
	struct stage *stage = *state;
	size_t len = sprintf(answers, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n");

	memset(answers + len, 'x', 2000);
	/* What looks like the last chunk stands within the data, and ends a segment. */
	memcpy(answers + len + 993, "\r\n0\r\n\r\n", 7);
	strcpy(answers + len + 2000, "\r\n0\r\n\r\n" NOT_FOUND);
	for (int cut = 0; cut < 2; cut++) {
		struct wire *wire = stage_next_wire(stage);
		char segment[4096];

		stage->count = 0;
		wire_in(wire, 0, GET("/long"));
		wire_in(wire, 1, GET("/short"));
		snprintf(segment, sizeof(segment), "%.*s", cut ? (int)len + 1000 : (int)strlen(answers),
			 answers);
		wire_out(wire, 2, segment);
		if (cut)
			wire_out(wire, 3, answers + len + 1000);
		wire_close(wire, 4, true);
		assert_only(stage, "GET /long 200, GET /short 404");
	}
}

static void a_request_may_follow_chunks_that_end_like_a_body(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	/* Pipelining: from here on every byte is told. */
	wire_in(wire, 0, GET("/1"));
	wire_in(wire, 1, GET("/2"));
	wire_out(wire, 1, OK OK);
	wire_in(wire, 2, "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n");
	wire_in(wire, 3, "\r\n2c\r\n" LOOKALIKE "\r\n0\r\n\r\n" GET("/4"));
	wire_out(wire, 4, OK NOT_FOUND);
	wire_close(wire, 5, true);
	assert_only(stage, "GET /1 200, GET /2 200, POST /3 200, GET /4 404");
}

/* What is not known to be over ends where the next answer begins. */
static void assert_both_are_answered(struct stage *stage, const char *const *segments)
{
	for (int together = 0; together < 2; together++) {
		struct wire *wire = stage_next_wire(stage);

		stage->count = 0;
		wire_in(wire, 0, together ? GET("/1") GET("/2") : GET("/1"));
		if (!together)
			wire_in(wire, 1, GET("/2"));
		for (int i = 0; segments[i]; i++)
			wire_out(wire, 2 + i, segments[i]);
		wire_out(wire, 10, NOT_FOUND);
		wire_close(wire, 11, true);
		assert_only(stage, "GET /1 200, GET /2 404");
	}
}

static void an_answer_may_follow_a_last_chunk_in_two_segments(void **state)
{
	static const char *const segments[] = {
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r", "\n\r\n", NULL};

	assert_both_are_answered(*state, segments);
}

static void an_answer_may_follow_a_head_longer_than_the_capture(void **state)
{
	static char head[2048];
	const char *const segments[] = {head, "hello", NULL};
	char padding[1500];

	memset(padding, 'x', sizeof(padding));
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Security-Policy: %.1500s\r\nContent-Length: 5\r\n\r\n", padding);
	assert_both_are_answered(*state, segments);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(a_body_and_the_next_head_may_share_a_segment),
		STAGE_TEST(a_body_that_looks_like_a_request_is_none),
		STAGE_TEST(a_body_that_looks_like_a_request_and_has_no_answer_is_none),
		STAGE_TEST(the_body_of_a_pipelined_request_is_none),
		STAGE_TEST(a_body_behind_a_head_longer_than_the_capture_is_no_request),
		STAGE_TEST(a_request_behind_a_head_longer_than_the_capture_is_one),
		STAGE_TEST(chunks_that_look_like_requests_are_none),
		STAGE_TEST(empty_lines_between_requests_are_none),
		STAGE_TEST(an_answer_may_begin_behind_a_long_one),
		STAGE_TEST(an_answer_may_begin_behind_a_long_one_in_chunks),
		STAGE_TEST(a_request_may_follow_chunks_that_end_like_a_body),
		STAGE_TEST(an_answer_may_follow_a_last_chunk_in_two_segments),
		STAGE_TEST(an_answer_may_follow_a_head_longer_than_the_capture),
	};

	return cmocka_run_group_tests_name("connections: bodies", tests, NULL, NULL);
}
