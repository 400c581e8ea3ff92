// SPDX-License-Identifier: Apache-2.0
// Requests of HTTP/2 from the pieces of a connection that was seen from its beginning.
#include "http2_stage.h"

static void a_request_and_its_answer(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	h2_request(stage, 1, "/hello?x=1");
	stage->read_ns = stage->now_ns + 2000000;
	stage->now_ns += 5000000;
	h2_answer(stage, 1, "200");
	h2_assert(stage, "GET /hello?x=1 200");
	assert_int_equal(stage->last.duration_ns, 5000000);
	assert_int_equal(stage->last.phase_ns[PHASE_SOCKET_WAIT], 2000000);
	assert_int_equal(stage->last.phase_ns[PHASE_APP], 3000000);
	assert_int_equal(stage->last.tgid, 42);
	h2_close(stage, EVENT_CLIENT_LEFT);
	h2_assert_losses(stage, (struct http2_losses){0});
}

static void a_hundred_streams_answered_in_any_order(void **state)
{
	struct h2_stage *stage = *state;
	char expected[8192] = "";

	h2_open(stage);
	for (uint32_t id = 1; id < 200; id += 2) {
		char path[32];

		snprintf(path, sizeof(path), "/item/%u", id);
		h2_request(stage, id, path);
	}
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t id = 1 + 2 * (i * 37 % 100);

		h2_answer(stage, id, id % 3 ? "200" : "404");
		sprintf(expected + strlen(expected), "%sGET /item/%u %s", i ? ", " : "", id,
			id % 3 ? "200" : "404");
	}
	h2_assert(stage, expected);
	h2_assert_losses(stage, (struct http2_losses){0});
}

/* Every cut of a connection's bytes into two pieces says the same. */
static void pieces_cut_anywhere(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	for (unsigned i = 0; i < 60; i++) {
		uint32_t id = 1 + 2 * i;

		h2_headers(stage, IN, id, 0,
			   ":method: POST\n:scheme: http\n:path: /upload\ncontent-length: 3");
		h2_frame(stage, HTTP2_DATA, HTTP2_END_STREAM, id, "abc", 3);
		assert_true(stage->len > 1);
		h2_piece(stage, IN, 0, 1 + i % (stage->len - 1), 0);
		h2_piece(stage, IN, 1 + i % (stage->len - 1), stage->len - (1 + i % (stage->len - 1)),
			 NO_FRAME);
		stage->position[IN] += stage->len;
		stage->len = 0;
		h2_answer(stage, id, "201");
		assert_int_equal(stage->count, i + 1);
		assert_int_equal(stage->last.status, 201);
	}
	h2_assert_losses(stage, (struct http2_losses){0});
}

static void one_byte_at_a_time(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	h2_headers(stage, IN, 1, HTTP2_END_STREAM, ":method: GET\n:scheme: http\n:path: /bytes");
	for (size_t i = 0; i < stage->len; i++)
		h2_piece(stage, IN, i, 1, i ? NO_FRAME : 0);
	stage->position[IN] += stage->len;
	stage->len = 0;
	h2_answer(stage, 1, "204");
	h2_assert(stage, "GET /bytes 204");
}

static void a_block_over_continuations_with_padding_and_priority(void **state)
{
	struct h2_stage *stage = *state;
	uint8_t block[1024], payload[1024];
	size_t len;

	h2_open(stage);
	len = h2_block(stage, IN, ":method: GET\n:scheme: http\n:path: /continued\nx-long: abcdefghijklmnop",
		       block, sizeof(block));
	payload[0] = 4; /* padding */
	memset(payload + 1, 0, 5);
	memcpy(payload + 6, block, 5);
	memset(payload + 11, 0, 4);
	h2_frame(stage, HTTP2_HEADERS, HTTP2_END_STREAM | HTTP2_PADDED | HTTP2_HAS_PRIORITY, 1, payload, 15);
	h2_frame(stage, HTTP2_CONTINUATION, 0, 1, block + 5, 3);
	h2_frame(stage, HTTP2_CONTINUATION, HTTP2_END_HEADERS, 1, block + 8, len - 8);
	h2_tell(stage, IN);
	h2_answer(stage, 1, "200");
	h2_assert(stage, "GET /continued 200");
	h2_assert_losses(stage, (struct http2_losses){0});
}

/* The kernel passes over the inside of DATA, but for the last byte of the last. */
static void a_download_whose_payload_was_passed_over(void **state)
{
	struct h2_stage *stage = *state;
	static char big[16384];

	h2_open(stage);
	h2_request(stage, 1, "/big");
	h2_headers(stage, OUT, 1, 0, ":status: 200");
	h2_frame(stage, HTTP2_DATA, 0, 1, big, sizeof(big));
	h2_frame(stage, HTTP2_DATA, HTTP2_END_STREAM, 1, big, sizeof(big));
	h2_piece(stage, OUT, 0, stage->len - 2 * sizeof(big) - 9, 0);
	stage->now_ns += 1000000;
	h2_piece(stage, OUT, stage->len - sizeof(big) - 9, 9, 0);
	stage->now_ns += 1000000;
	h2_assert(stage, "");
	h2_piece(stage, OUT, stage->len - 1, 1, NO_FRAME);
	h2_assert(stage, "GET /big 200");
	assert_int_equal(stage->last.duration_ns, 2000000);
	assert_int_equal(stage->last.phase_ns[PHASE_SEND], 2000000);
	assert_true(stage->last.response_bytes >= 2 * sizeof(big));
}

static void interim_answers_and_trailers(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	h2_request(stage, 1, "/early");
	h2_headers(stage, OUT, 1, 0, ":status: 103\nlink: </a.css>");
	h2_tell(stage, OUT);
	stage->now_ns += 1000000;
	h2_headers(stage, OUT, 1, 0, ":status: 200");
	h2_frame(stage, HTTP2_DATA, 0, 1, "x", 1);
	h2_headers(stage, OUT, 1, HTTP2_END_STREAM, "x-checksum: 1");
	h2_tell(stage, OUT);
	h2_assert(stage, "GET /early 200");
	assert_int_equal(stage->last.first_byte_ns, 1000000);
}

static void resets_at_every_stage(void **state)
{
	struct h2_stage *stage = *state;
	static const uint8_t cancel[4] = {0, 0, 0, HTTP2_CANCEL};

	h2_open(stage);
	h2_request(stage, 1, "/client-before");
	h2_frame(stage, HTTP2_RST_STREAM, 0, 1, cancel, 4);
	h2_tell(stage, IN);
	h2_request(stage, 3, "/client-after");
	h2_headers(stage, OUT, 3, 0, ":status: 200");
	h2_tell(stage, OUT);
	h2_frame(stage, HTTP2_RST_STREAM, 0, 3, cancel, 4);
	h2_tell(stage, IN);
	h2_request(stage, 5, "/server-before");
	h2_frame(stage, HTTP2_RST_STREAM, 0, 5, cancel, 4);
	h2_tell(stage, OUT);
	h2_request(stage, 7, "/whole");
	h2_answer(stage, 7, "200");
	h2_frame(stage, HTTP2_RST_STREAM, 0, 7, cancel, 4);
	h2_tell(stage, OUT);
	h2_assert(
		stage,
		"GET /client-before aborted, GET /client-after 200, GET /server-before none, GET /whole 200");
	h2_assert_losses(stage, (struct http2_losses){0});
}

static void a_close_ends_what_is_open(void **state)
{
	struct h2_stage *stage = *state;

	h2_open(stage);
	h2_request(stage, 1, "/a");
	h2_request(stage, 3, "/b");
	h2_headers(stage, OUT, 3, 0, ":status: 500");
	h2_tell(stage, OUT);
	h2_close(stage, EVENT_CLIENT_LEFT);
	h2_assert(stage, "GET /a aborted, GET /b 500");
	h2_close(stage, 0);
	assert_int_equal(stage->count, 2);
}

static void grpc_calls_have_a_status_of_their_own(void **state)
{
	struct h2_stage *stage = *state;
	static const char call[] =
		":method: POST\n:scheme: http\n:path: /shop.Items/Get\ncontent-type: application/grpc+proto";

	h2_open(stage);
	h2_headers(stage, IN, 1, HTTP2_END_STREAM, call);
	h2_headers(stage, IN, 3, HTTP2_END_STREAM, call);
	h2_headers(stage, IN, 5, 0, call);
	h2_headers(stage, IN, 7, 0, call);
	h2_tell(stage, IN);
	h2_headers(stage, OUT, 1, 0, ":status: 200\ncontent-type: application/grpc");
	h2_frame(stage, HTTP2_DATA, 0, 1, "\0\0\0\0\0", 5);
	h2_headers(stage, OUT, 1, HTTP2_END_STREAM, "grpc-status: 0");
	h2_headers(stage, OUT, 3, HTTP2_END_STREAM, ":status: 200\ngrpc-status: 5\ngrpc-message: no");
	h2_headers(stage, OUT, 5, HTTP2_END_STREAM, ":status: 200\ngrpc-status: 4711");
	h2_tell(stage, OUT);
	h2_close(stage, 0);
	h2_assert(stage, "POST /shop.Items/Get 200 grpc 0, POST /shop.Items/Get 200 grpc 5, "
			 "POST /shop.Items/Get 200 grpc 2, POST /shop.Items/Get none grpc 14");
}

static void pushes_keep_the_table_in_step(void **state)
{
	struct h2_stage *stage = *state;
	uint8_t payload[512] = {0, 0, 0, 2};
	size_t len;

	h2_open(stage);
	h2_request(stage, 1, "/page");
	len = h2_block(stage, OUT, ":method: GET\n:scheme: http\n:path: /pushed\nx-new: one", payload + 4,
		       500);
	h2_frame(stage, HTTP2_PUSH_PROMISE, HTTP2_END_HEADERS, 1, payload, len + 4);
	h2_headers(stage, OUT, 2, HTTP2_END_STREAM, ":status: 203\nx-new: one");
	h2_headers(stage, OUT, 1, HTTP2_END_STREAM, ":status: 203\nx-new: one");
	h2_tell(stage, OUT);
	h2_assert(stage, "GET /page 203");
	h2_assert_losses(stage, (struct http2_losses){0});
}

static unsigned unfinished;

static void count_unfinished(void *context, const struct exchange *exchange)
{
	(void)context;
	assert_int_equal(exchange->tgid, 42);
	unfinished++;
}

static void open_requests_are_in_flight(void **state)
{
	struct h2_stage *stage = *state;

	unfinished = 0;
	h2_open(stage);
	h2_request(stage, 1, "/a");
	h2_request(stage, 3, "/b");
	h2_answer(stage, 1, "200");
	http2_connections_unfinished(stage->connections, count_unfinished, NULL);
	assert_int_equal(unfinished, 1);
}

/* Its answer comes as stream 1, which no HEADERS opened. */
static void an_upgraded_request_is_answered_as_stream_1(void **state)
{
	struct h2_stage *stage = *state;
	const struct exchange upgraded = {
		.arrival_ns = stage->now_ns,
		.duration_ns = 1000000,
		.socket = stage->socket,
		.tgid = 42,
		.status = 101,
		.h2c = true,
		.method = {"GET", 3},
		.target = {"/first", 6},
	};

	http2_connections_upgrade(stage->connections, &upgraded);
	stage->position[IN] = 200;
	stage->position[OUT] = 70;
	stage->now_ns += 3000000;
	h2_frame(stage, HTTP2_SETTINGS, 0, 0, NULL, 0);
	h2_tell(stage, OUT);
	h2_bytes(stage, PREFACE, 24);
	h2_piece(stage, IN, 0, 24, NO_FRAME);
	stage->position[IN] += 24;
	stage->len = 0;
	h2_answer(stage, 1, "200");
	h2_assert(stage, "GET /first 200");
	assert_int_equal(stage->last.duration_ns, 3000000);
	h2_request(stage, 3, "/second");
	h2_answer(stage, 3, "404");
	h2_assert(stage, "GET /first 200, GET /second 404");
	h2_assert_losses(stage, (struct http2_losses){0});
}

static void what_is_no_http2_is_counted_once(void **state)
{
	struct h2_stage *stage = *state;

	h2_bytes(stage, "PRI * HTTP/9.9\r\n\r\nXX\r\n\r\n", 24);
	h2_piece(stage, IN, 0, 24, NO_FRAME);
	h2_close(stage, 0);
	h2_assert(stage, "");
	h2_assert_losses(stage, (struct http2_losses){.connections = 1});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		H2_TEST(a_request_and_its_answer),
		H2_TEST(a_hundred_streams_answered_in_any_order),
		H2_TEST(pieces_cut_anywhere),
		H2_TEST(one_byte_at_a_time),
		H2_TEST(a_block_over_continuations_with_padding_and_priority),
		H2_TEST(a_download_whose_payload_was_passed_over),
		H2_TEST(interim_answers_and_trailers),
		H2_TEST(resets_at_every_stage),
		H2_TEST(a_close_ends_what_is_open),
		H2_TEST(grpc_calls_have_a_status_of_their_own),
		H2_TEST(pushes_keep_the_table_in_step),
		H2_TEST(open_requests_are_in_flight),
		H2_TEST(an_upgraded_request_is_answered_as_stream_1),
		H2_TEST(what_is_no_http2_is_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
