// SPDX-License-Identifier: Apache-2.0
// Where an answer ends whose head does not say it: chunked bodies, which are not captured beyond their
// beginning, and heads that were cut. Then what happens to answers that never end.
#include "connections_stage.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_WITH_TRAILERS "HTTP/1.1 200 OK\r\nTrailer: Expires\r\nTransfer-Encoding: chunked\r\n\r\n"

static void begin(struct stage *stage)
{
	stage->count = 0;
	wire_in(stage_next_wire(stage), 0, GET("/feed"));
}

/* Segments that leave a millisecond after each other; the answer is over with the last of them, not before.
 */
static void assert_ends_with_last(struct stage *stage, const char *const *segments)
{
	uint64_t bytes = 0;
	double at_ms = 0;

	begin(stage);
	for (; *segments; segments++) {
		assert_only(stage, "");
		wire_out(&stage->wire, ++at_ms, *segments);
		bytes += strlen(*segments);
	}
	assert_only(stage, "GET /feed 200");
	assert_times(stage, 0, 1, at_ms);
	assert_bytes(stage, 0, strlen(GET("/feed")), bytes);
}

static void chunks_end_with_the_last_chunk(void **state)
{
	static const char *const cases[][8] = {
		{CHUNKED "5\r\nhello\r\n0\r\n\r\n"},
		{CHUNKED, "5\r\nhello\r\n0\r\n\r\n"},
		{CHUNKED, "5\r\nhello\r\n", "0\r\n\r\n"},
		{CHUNKED "5\r\nhel", "lo\r\n6\r\n world\r\n0\r\n\r\n"},
		{CHUNKED "5\r\nhello\r\n", "5\r\nhello\r\n", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n\r\n"},
		{CHUNKED "5\r\nhello", "\r\n0\r\n\r\n"},
		{CHUNKED, "0\r\n\r\n"},
		{CHUNKED "0\r\n\r\n"},
		{"HTTP/1.1 200 OK\r\nTransfer-Enc", "oding: chunked\r\n\r\n5\r\nhello\r\n", "0\r\n\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_ends_with_last(*state, cases[i]);
}

static void chunks_with_trailers_end_with_the_trailers(void **state)
{
	static const char *const cases[][8] = {
		{CHUNKED_WITH_TRAILERS "5\r\nhello\r\n0\r\nExpires: never\r\n\r\n"},
		{CHUNKED_WITH_TRAILERS "5\r\nhello\r\n", "0\r\nExpires: never\r\n\r\n"},
		{CHUNKED_WITH_TRAILERS "5\r\nhello\r\n", "0\r\n", "Expires: never\r\n\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_ends_with_last(*state, cases[i]);
}

static void the_end_of_a_head_is_not_the_end_of_trailers(void **state)
{
	static const char *const segments[] = {CHUNKED_WITH_TRAILERS, "5\r\nhello\r\n",
					       "0\r\nExpires: never\r\n\r\n", NULL};

	assert_ends_with_last(*state, segments);
}

static void chunks_beyond_the_capture_end_with_the_last_chunk(void **state)
{
	static char segment[2048];
	struct stage *stage = *state;
	size_t len = sprintf(segment, CHUNKED "f00\r\n");

	memset(segment + len, 'x', 1400 - len);
	begin(stage);
	wire_out_bytes(&stage->wire, 1, segment, 1400, 0);
	memset(segment, 'x', sizeof(segment));
	wire_out_bytes(&stage->wire, 2, segment, 1400, WIRE_QUEUED);
	wire_out_bytes(&stage->wire, 3, segment, 1000, 0);
	assert_only(stage, "");
	memcpy(segment + 90, "\r\n0\r\n\r\n", 7);
	wire_out_bytes(&stage->wire, 4, segment, 97, 0);
	assert_only(stage, "GET /feed 200");
	assert_times(stage, 0, 1, 4);
	assert_bytes(stage, 0, strlen(GET("/feed")), 1400 + 1400 + 1000 + 97);
}

static void a_last_chunk_in_two_segments_is_known_with_the_next_request(void **state)
{
	struct stage *stage = *state;

	begin(stage);
	wire_out(&stage->wire, 1, CHUNKED "5\r\nhello\r\n");
	wire_out(&stage->wire, 2, "0\r\n");
	wire_out(&stage->wire, 3, "\r\n");
	wire_in(&stage->wire, 700, GET("/next"));
	wire_out(&stage->wire, 701, OK);
	assert_only(stage, "GET /feed 200, GET /next 200");
	assert_times(stage, 0, 1, 3);
	assert_bytes(stage, 0, strlen(GET("/feed")), strlen(CHUNKED) + 10 + 5);
}

/* The head's last line is beyond what is captured. */
static void begin_with_long_head(struct stage *stage)
{
	static char head[2000];
	size_t len = sprintf(head, "HTTP/1.1 206 Partial Content\r\nContent-Security-Policy: ");

	memset(head + len, 'x', sizeof(head) - len);
	begin(stage);
	wire_out_bytes(&stage->wire, 2, head, 1400, WIRE_QUEUED);
	wire_out_bytes(&stage->wire, 3, head + 1400, 600, 0);
	assert_only(stage, "");
}

static void an_answer_of_unknown_length_ends_before_the_next_request(void **state)
{
	struct stage *stage = *state;

	begin_with_long_head(stage);
	wire_out(&stage->wire, 5, "the body");
	wire_in(&stage->wire, 400, GET("/next"));
	wire_out(&stage->wire, 402, OK);
	assert_only(stage, "GET /feed 206, GET /next 200");
	assert_times(stage, 0, 2, 5);
	assert_bytes(stage, 0, strlen(GET("/feed")), 2000 + 8);
	assert_times(stage, 1, 2, 2);
}

static void an_answer_of_unknown_length_ends_before_a_request_without_an_answer(void **state)
{
	struct stage *stage = *state;

	begin_with_long_head(stage);
	stage->wire.lose = true;
	wire_out(&stage->wire, 5, "the body");
	wire_in(&stage->wire, 400, GET("/next"));
	wire_close(&stage->wire, 500, false);
	assert_only(stage, "GET /feed 206, GET /next none");
	assert_times(stage, 0, 2, 5);
	assert_bytes(stage, 0, strlen(GET("/feed")), 2000 + 8);
	assert_times(stage, 1, 0, 100);
}

static void an_answer_of_unknown_length_ends_at_the_close(void **state)
{
	struct stage *stage = *state;

	begin_with_long_head(stage);
	wire_close(&stage->wire, 400, true);
	assert_only(stage, "GET /feed 206");
	assert_times(stage, 0, 2, 3);
	assert_bytes(stage, 0, strlen(GET("/feed")), 2000);
}

static void an_answer_of_unknown_length_is_reported_after_a_silence(void **state)
{
	struct stage *stage = *state;

	begin_with_long_head(stage);
	connections_tick(stage->connections, wire_time_ns(500));
	assert_only(stage, "");
	connections_tick(stage->connections, wire_time_ns(1200));
	assert_only(stage, "GET /feed 206");
	assert_times(stage, 0, 2, 3);
	wire_out(&stage->wire, 1300, "a late rest");
	wire_in(&stage->wire, 1400, GET("/next"));
	wire_out(&stage->wire, 1402, OK);
	assert_only(stage, "GET /feed 206, GET /next 200");
}

static void an_answer_that_must_go_on_may_be_quiet(void **state)
{
	struct stage *stage = *state;

	begin(stage);
	wire_out(&stage->wire, 1, CHUNKED "5\r\nhello\r\n");
	for (int second = 1; second < 100; second++)
		connections_tick(stage->connections, wire_time_ns(second * 1000));
	assert_only(stage, "");
	wire_out(&stage->wire, 100000, "0\r\n\r\n");
	assert_only(stage, "GET /feed 200");
	assert_times(stage, 0, 1, 100000);
}

static void a_connection_whose_close_was_not_told_is_reported_in_the_end(void **state)
{
	struct stage *stage = *state;

	begin(stage);
	wire_out(&stage->wire, 1, CHUNKED "5\r\nhello\r\n");
	connections_tick(stage->connections, wire_time_ns(3601.0 * 1000));
	assert_only(stage, "GET /feed 200");
	assert_times(stage, 0, 1, 1);
}

static void a_tick_before_the_last_event_is_harmless(void **state)
{
	struct stage *stage = *state;

	begin_with_long_head(stage);
	connections_tick(stage->connections, wire_time_ns(0));
	connections_tick(stage->connections, 0);
	assert_only(stage, "");
}

static void collect(void *context, const struct exchange *exchange)
{
	char *text = context;

	sprintf(text + strlen(text), "%.*s %.*s by %u;", (int)exchange->method.len, exchange->method.data,
		(int)exchange->target.len, exchange->target.data, exchange->tgid);
}

static void answers_in_progress_can_be_looked_at(void **state)
{
	struct stage *stage = *state;
	char text[200] = "";

	connections_unfinished(stage->connections, collect, text);
	assert_string_equal(text, "");
	begin(stage);
	wire_read(&stage->wire, 1);
	wire_out(&stage->wire, 2, CHUNKED "5\r\nhello\r\n");
	connections_unfinished(stage->connections, collect, text);
	assert_string_equal(text, "GET /feed by 4242;");
	wire_out(&stage->wire, 3, "0\r\n\r\n");
	text[0] = '\0';
	connections_unfinished(stage->connections, collect, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(chunks_end_with_the_last_chunk),
		STAGE_TEST(chunks_with_trailers_end_with_the_trailers),
		STAGE_TEST(the_end_of_a_head_is_not_the_end_of_trailers),
		STAGE_TEST(chunks_beyond_the_capture_end_with_the_last_chunk),
		STAGE_TEST(a_last_chunk_in_two_segments_is_known_with_the_next_request),
		STAGE_TEST(an_answer_of_unknown_length_ends_before_the_next_request),
		STAGE_TEST(an_answer_of_unknown_length_ends_before_a_request_without_an_answer),
		STAGE_TEST(an_answer_of_unknown_length_ends_at_the_close),
		STAGE_TEST(an_answer_of_unknown_length_is_reported_after_a_silence),
		STAGE_TEST(an_answer_that_must_go_on_may_be_quiet),
		STAGE_TEST(a_connection_whose_close_was_not_told_is_reported_in_the_end),
		STAGE_TEST(a_tick_before_the_last_event_is_harmless),
		STAGE_TEST(answers_in_progress_can_be_looked_at),
	};

	return cmocka_run_group_tests_name("connections: framing", tests, NULL, NULL);
}
