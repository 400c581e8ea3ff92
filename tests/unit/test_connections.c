// SPDX-License-Identifier: Apache-2.0
// One request at a time: when its answer is over, what it is reported as, and what is no request at all.
#include "connections_stage.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

/* Longer than what is captured of an answer. */
static const char *long_body(size_t len)
{
	static char body[8192];

	memset(body, 'x', sizeof(body));
	assert_true(len < sizeof(body));
	body[len] = '\0';
	return body;
}

static void one_segment_each_way_is_one_exchange(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;
	const struct exchange *exchange = &stage->log[0].exchange;

	wire_in(wire, 0, GET("/hello?name=x"));
	wire_read(wire, 1);
	wire_out(wire, 7, OK);
	assert_only(stage, "GET /hello?name=x 200");
	assert_times(stage, 0, 7, 7);
	assert_bytes(stage, 0, strlen(GET("/hello?name=x")), strlen(OK));
	assert_int_equal(exchange->arrival_ns, wire_time_ns(0));
	assert_int_equal(exchange->cgroup, WIRE_CGROUP);
	assert_int_equal(exchange->netns, WIRE_NETNS);
	assert_int_equal(exchange->tgid, WIRE_TGID);
	assert_int_equal(exchange->local_port, WIRE_PORT);
}

static void a_kept_connection_serves_one_after_the_other(void **state)
{
	struct stage *stage = *state;

	for (int i = 0; i < 3; i++) {
		wire_in(&stage->wire, i * 10, GET("/again"));
		wire_out(&stage->wire, i * 10 + 1 + i, i == 1 ? NOT_FOUND : OK);
	}
	wire_close(&stage->wire, 40, true);
	assert_only(stage, "GET /again 200, GET /again 404, GET /again 200");
	for (unsigned i = 0; i < 3; i++)
		assert_times(stage, i, 1 + i, 1 + i);
	assert_bytes(stage, 2, strlen(GET("/again")), strlen(OK));
}

static void a_body_of_known_length_ends_with_its_last_byte(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/report"));
	wire_out(wire, 2, "HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n");
	wire_out_bytes(wire, 3, long_body(2500), 2500, WIRE_QUEUED);
	wire_out_bytes(wire, 4, long_body(2500), 2500, 0);
	assert_only(stage, "");
	wire_out_bytes(wire, 9, long_body(1000), 1000, 0);
	assert_only(stage, "GET /report 200");
	assert_times(stage, 0, 2, 9);
	assert_bytes(stage, 0, strlen(GET("/report")), 41 + 6000);
}

static void a_head_may_come_in_pieces_of_any_length(void **state)
{
	struct stage *stage = *state;

	for (size_t piece = 1; piece < strlen(OK); piece++) {
		struct wire *wire = stage_next_wire(stage);
		double at_ms = 1;

		stage->count = 0;
		wire_in(wire, 0, GET("/pieces"));
		for (size_t at = 0; at < strlen(OK); at += piece, at_ms++) {
			size_t left = strlen(OK) - at;

			assert_only(stage, "");
			wire_out_bytes(wire, at_ms, &OK[at], left < piece ? left : piece, 0);
		}
		assert_only(stage, "GET /pieces 200");
		assert_times(stage, 0, 1, at_ms - 1);
		assert_bytes(stage, 0, strlen(GET("/pieces")), strlen(OK));
	}
}

static void a_request_may_come_in_pieces_of_any_length(void **state)
{
	static const char post[] =
		"POST /orders HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 9\r\n\r\nbody 123\n";
	struct stage *stage = *state;

	for (size_t piece = 1; piece < strlen(post); piece++) {
		struct wire *wire = stage_next_wire(stage);

		stage->count = 0;
		for (size_t at = 0; at < strlen(post); at += piece)
			wire_in_bytes(wire, at, post + at,
				      strlen(post) - at < piece ? strlen(post) - at : piece);
		wire_out(wire, 200, OK);
		assert_only(stage, "POST /orders 200");
		assert_times(stage, 0, 200, 200);
		assert_bytes(stage, 0, strlen(post), strlen(OK));
	}
}

static void a_request_head_longer_than_the_capture_is_reported(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;
	char head[2048];

	snprintf(head, sizeof(head), "GET /cookies HTTP/1.1\r\nHost: shop.example\r\nCookie: %s\r\n\r\n",
		 long_body(1000));
	wire_in(wire, 0, head);
	wire_out(wire, 3, OK);
	assert_only(stage, "GET /cookies 200");
	assert_bytes(stage, 0, strlen(head), strlen(OK));
}

static void a_target_longer_than_the_capture_is_reported_as_far_as_it_goes(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;
	char head[2048], expected[600];

	snprintf(head, sizeof(head), "GET /%s HTTP/1.1\r\nHost: shop.example\r\n\r\n", long_body(1000));
	snprintf(expected, sizeof(expected), "GET /%s 200", long_body(REQUEST_CAPTURE_MAX - strlen("GET /")));
	wire_in(wire, 0, head);
	wire_out(wire, 3, OK);
	assert_only(stage, expected);
}

static void an_answer_may_come_before_the_body_that_it_refuses(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, "POST /upload HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\n");
	wire_in(wire, 1, long_body(1400));
	wire_out(wire, 2, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n");
	wire_in(wire, 3, long_body(1400));
	assert_only(stage, "POST /upload 413");
	assert_times(stage, 0, 2, 2);
}

static void answers_without_a_body_end_with_their_head(void **state)
{
	static const struct {
		const char *request, *answer, *reported;
	} cases[] = {
		{"HEAD /big HTTP/1.1\r\nHost: shop.example\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "HEAD /big 200"},
		{"HEAD /big HTTP/1.1\r\nHost: shop.example\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD /big 200"},
		{"DELETE /order/7 HTTP/1.1\r\nHost: shop.example\r\n\r\n",
		 "HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n", "DELETE /order/7 204"},
		{GET("/cached"), "HTTP/1.1 304 Not Modified\r\nContent-Length: 100000\r\n\r\n",
		 "GET /cached 304"},
		{GET("/none"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET /none 200"},
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wire *wire = stage_next_wire(stage);

		stage->count = 0;
		wire_in(wire, 0, cases[i].request);
		wire_out(wire, 3, cases[i].answer);
		assert_only(stage, cases[i].reported);
		assert_times(stage, 0, 3, 3);
	}
}

static void an_upgrade_is_an_answer_and_the_end_of_http(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, "GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	wire_out(wire, 2, SWITCHING "\x81\x02hi");
	assert_only(stage, "GET /chat 101");
	assert_int_equal(stage->log[0].exchange.response_bytes, strlen(SWITCHING));
	wire_out(wire, 5, "\x81\x02ho");
	wire_close(wire, 9, true);
	assert_only(stage, "GET /chat 101");
}

static void a_tunnel_is_an_answer_and_the_end_of_http(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, "CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n");
	wire_out(wire, 2, "HTTP/1.1 200 Connection established\r\n\r\n");
	wire_out(wire, 5, "whatever flows through it");
	wire_close(wire, 9, false);
	assert_only(stage, "CONNECT db.example:5432 200");
	assert_times(stage, 0, 2, 2);
}

static void an_interim_answer_is_passed_over(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, "PUT /file HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
	wire_out(wire, 1, "HTTP/1.1 100 Continue\r\n\r\n");
	wire_in(wire, 2, "data");
	wire_out(wire, 8, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" OK);
	assert_only(stage, "PUT /file 200");
	assert_times(stage, 0, 8, 8);
	assert_int_equal(stage->log[0].exchange.response_bytes, strlen(OK));
}

static void an_interim_answer_in_pieces_is_passed_over(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/hints"));
	wire_out(wire, 1, "HTTP/1.1 1");
	wire_out(wire, 2, "03 Early Hints\r\nLink: </a.css>\r\n\r\n");
	wire_out(wire, 3, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 20");
	assert_only(stage, "");
	wire_out(wire, 8, "0 OK\r\nContent-Length: 5\r\n\r\nhello");
	assert_only(stage, "GET /hints 200");
	assert_bytes(stage, 0, strlen(GET("/hints")), strlen(OK));
}

static void the_first_byte_of_an_answer_is_not_that_of_an_interim_one(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/hints"));
	wire_out(wire, 1, "HTTP/1.1 1");
	wire_out(wire, 2, "03 Early Hints\r\nLink: </a.css>\r\n\r\n");
	wire_out(wire, 8, OK);
	assert_only(stage, "GET /hints 200");
	assert_times(stage, 0, 8, 8);
}

/* An answer is in progress. */
static void begin_stream(struct stage *stage)
{
	wire_in(&stage->wire, 0, GET("/stream"));
	wire_out(&stage->wire, 1, "HTTP/1.1 200 OK\r\n\r\nfirst");
	wire_out(&stage->wire, 4, "second");
	assert_only(stage, "");
}

static void a_body_until_close_ends_with_the_last_segment(void **state)
{
	struct stage *stage = *state;

	begin_stream(stage);
	wire_out_bytes(&stage->wire, 6, "third", 5, WIRE_FIN);
	wire_close(&stage->wire, 9, false);
	assert_only(stage, "GET /stream 200");
	assert_times(stage, 0, 1, 6);
	assert_bytes(stage, 0, strlen(GET("/stream")), 19 + 5 + 6 + 5);
}

static void a_body_until_close_ends_before_a_late_fin(void **state)
{
	struct stage *stage = *state;

	begin_stream(stage);
	wire_fin(&stage->wire, 900);
	assert_only(stage, "GET /stream 200");
	assert_times(stage, 0, 1, 4);
}

static void a_body_until_close_ends_before_a_reset(void **state)
{
	struct stage *stage = *state;

	begin_stream(stage);
	wire_close(&stage->wire, 900, true);
	assert_only(stage, "GET /stream 200");
	assert_times(stage, 0, 1, 4);
}

static void a_whole_answer_until_close_may_be_one_segment(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, "GET /old HTTP/1.0\r\n\r\n");
	wire_out_bytes(&stage->wire, 2, "HTTP/1.0 200 OK\r\n\r\nhi", 21, WIRE_FIN);
	assert_only(stage, "GET /old 200");
	assert_times(stage, 0, 2, 2);
}

static void a_close_in_mid_answer_counts_by_the_status(void **state)
{
	struct stage *stage = *state;

	for (int client_left = 0; client_left < 2; client_left++) {
		struct wire *wire = stage_next_wire(stage);

		stage->count = 0;
		wire_in(wire, 0, GET("/download"));
		wire_out(wire, 1, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
		wire_out(wire, 2, long_body(3000));
		wire_close(wire, 60, client_left);
		assert_only(stage, "GET /download 200");
		assert_times(stage, 0, 1, 2);
		assert_bytes(stage, 0, strlen(GET("/download")), 41 + 3000);
	}
}

static void a_request_without_an_answer_says_who_left(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, GET("/slow"));
	wire_read(&stage->wire, 1);
	wire_close(&stage->wire, 30, true);
	wire_in(stage_next_wire(stage), 0, GET("/crash"));
	wire_close(&stage->wire, 20, false);
	assert_only(stage, "GET /slow aborted, GET /crash none");
	assert_times(stage, 0, 0, 30);
	assert_times(stage, 1, 0, 20);
	assert_bytes(stage, 0, strlen(GET("/slow")), 0);
	assert_int_equal(stage->log[0].exchange.phase_ns[PHASE_SOCKET_WAIT], 1000000);
	assert_int_equal(stage->log[1].exchange.phase_ns[PHASE_SOCKET_WAIT], 20000000);
}

static void a_request_line_that_never_ended_is_no_request(void **state)
{
	static const char *const beginnings[] = {"G",         "GET", "GET ", "GET /slo", "GET /slow HTTP/1.",
						 "two /words"};
	struct stage *stage = *state;

	for (size_t i = 0; i < COUNT(beginnings); i++) {
		wire_in(stage_next_wire(stage), 0, beginnings[i]);
		wire_close(&stage->wire, 30, true);
		assert_log(stage, "");
		assert_losses(stage, (struct connection_losses){.incomplete_request = i + 1});
	}
}

static void what_looks_like_a_request_and_is_none_is_malformed(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, "get /some_key\r\n");
	wire_close(&stage->wire, 30, true);
	assert_log(stage, "");
	assert_losses(stage, (struct connection_losses){.malformed = 1});
}

static void prose_in_a_body_that_was_answered_before_is_no_request(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, "POST /1 HTTP/1.1\r\nContent-Length: 44\r\n\r\n");
	wire_out(&stage->wire, 1, OK);
	wire_in(&stage->wire, 2, "hello world, here comes what nobody reads\r\n!");
	wire_in(&stage->wire, 3, GET("/2"));
	wire_out(&stage->wire, 4, NOT_FOUND);
	assert_only(stage, "POST /1 200, GET /2 404");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(one_segment_each_way_is_one_exchange),
		STAGE_TEST(a_kept_connection_serves_one_after_the_other),
		STAGE_TEST(a_body_of_known_length_ends_with_its_last_byte),
		STAGE_TEST(a_head_may_come_in_pieces_of_any_length),
		STAGE_TEST(a_request_may_come_in_pieces_of_any_length),
		STAGE_TEST(a_request_head_longer_than_the_capture_is_reported),
		STAGE_TEST(a_target_longer_than_the_capture_is_reported_as_far_as_it_goes),
		STAGE_TEST(an_answer_may_come_before_the_body_that_it_refuses),
		STAGE_TEST(answers_without_a_body_end_with_their_head),
		STAGE_TEST(an_upgrade_is_an_answer_and_the_end_of_http),
		STAGE_TEST(a_tunnel_is_an_answer_and_the_end_of_http),
		STAGE_TEST(an_interim_answer_is_passed_over),
		STAGE_TEST(an_interim_answer_in_pieces_is_passed_over),
		STAGE_TEST(the_first_byte_of_an_answer_is_not_that_of_an_interim_one),
		STAGE_TEST(a_body_until_close_ends_with_the_last_segment),
		STAGE_TEST(a_body_until_close_ends_before_a_late_fin),
		STAGE_TEST(a_body_until_close_ends_before_a_reset),
		STAGE_TEST(a_whole_answer_until_close_may_be_one_segment),
		STAGE_TEST(a_close_in_mid_answer_counts_by_the_status),
		STAGE_TEST(a_request_without_an_answer_says_who_left),
		STAGE_TEST(a_request_line_that_never_ended_is_no_request),
		STAGE_TEST(what_looks_like_a_request_and_is_none_is_malformed),
		STAGE_TEST(prose_in_a_body_that_was_answered_before_is_no_request),
	};

	return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
