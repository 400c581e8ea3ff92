// SPDX-License-Identifier: Apache-2.0
// Several requests on their way at once on one connection: each is reported once, with its own answer,
// whatever segments they came and left in.
#include "connections_stage.h"

#define OOPS "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
#define POST(target, body_len) "POST " target " HTTP/1.1\r\nContent-Length: " body_len "\r\n\r\n"

static const char *const five_requests[] = {GET("/1"), GET("/2"), GET("/3"), GET("/4"), GET("/5")};
static const char *const five_answers[] = {OK, CREATED, NOT_FOUND, OOPS, OK};
#define FIVE "GET /1 200, GET /2 201, GET /3 404, GET /4 500, GET /5 200"

/* Once in one segment, once in five. Nothing has been answered. */
static void send_five(struct stage *stage, bool together)
{
	stage->count = 0;
	stage_next_wire(stage);
	if (together)
		wire_in(&stage->wire, 0, join(five_requests, 5));
	for (int i = 0; !together && i < 5; i++)
		wire_in(&stage->wire, i, five_requests[i]);
}

static void answers_may_leave_together(void **state)
{
	for (int together = 0; together < 2; together++) {
		struct stage *stage = *state;

		send_five(stage, together);
		wire_out(&stage->wire, 10, join(five_answers, 5));
		assert_only(stage, FIVE);
		for (unsigned i = 0; i < 5; i++) {
			double duration_ms = together ? 10 : 10 - (double)i;

			assert_times(stage, i, duration_ms, duration_ms);
			assert_bytes(stage, i, strlen(five_requests[i]), strlen(five_answers[i]));
		}
	}
}

static void answers_may_leave_apart(void **state)
{
	for (int together = 0; together < 2; together++) {
		struct stage *stage = *state;

		send_five(stage, together);
		for (int i = 0; i < 5; i++)
			wire_out(&stage->wire, 10 + i, five_answers[i]);
		assert_only(stage, FIVE);
		for (unsigned i = 0; i < 5; i++) {
			double duration_ms = together ? 10 + (double)i : 10;

			assert_times(stage, i, duration_ms, duration_ms);
			assert_bytes(stage, i, strlen(five_requests[i]), strlen(five_answers[i]));
		}
	}
}

static void answers_may_leave_while_requests_come(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, five_requests[0]);
	wire_in(wire, 1, five_requests[1]);
	wire_out(wire, 2, five_answers[0]);
	wire_in(wire, 3, five_requests[2]);
	wire_in(wire, 4, five_requests[3]);
	wire_out(wire, 5, join(five_answers + 1, 2));
	wire_in(wire, 6, five_requests[4]);
	wire_out(wire, 7, five_answers[3]);
	wire_out(wire, 8, five_answers[4]);
	wire_close(wire, 9, true);
	assert_only(stage, FIVE);
}

static void the_answer_to_an_older_request_may_come_with_a_younger_one(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, join(five_requests, 2));
	wire_out(wire, 2, five_answers[0]);
	wire_in(wire, 3, five_requests[2]);
	wire_out(wire, 5, five_answers[1]);
	wire_out(wire, 9, five_answers[2]);
	assert_only(stage, "GET /1 200, GET /2 201, GET /3 404");
	assert_times(stage, 1, 5, 5);
	assert_times(stage, 2, 6, 6);
}

/* Ten requests cut every `width` bytes; answered as soon as each is whole, or all in the end. */
static void send_cut(struct stage *stage, size_t width, bool in_turn)
{
	const char *stream = repeat(GET("/cut"), 10);
	size_t len = strlen(stream), request_len = len / 10, answered = 0;

	stage->count = 0;
	stage_next_wire(stage);
	for (size_t at = 0; at < len; at += width) {
		size_t end = at + width < len ? at + width : len;

		wire_in_bytes(&stage->wire, at, stream + at, end - at);
		for (; in_turn && (answered + 1) * request_len <= end; answered++)
			wire_out(&stage->wire, end, OK);
	}
	if (!in_turn)
		wire_out(&stage->wire, len, repeat(OK, 10));
	wire_close(&stage->wire, len + 1, true);
}

static void assert_ten_of_each_width(struct stage *stage, bool in_turn)
{
	for (size_t width = WIRE_START; width <= 10 * strlen(GET("/cut")); width++) {
		send_cut(stage, width, in_turn);
		for (unsigned i = 0; i < stage->count; i++)
			if (strcmp(stage->log[i].text, "GET /cut 200") != 0)
				fail_msg("segments of %zu bytes: %s", width, stage->log[i].text);
		if (stage->count != 10)
			fail_msg("segments of %zu bytes: %u reported", width, stage->count);
		assert_losses(stage, (struct connection_losses){0});
	}
}

static void requests_may_be_cut_anywhere(void **state)
{
	assert_ten_of_each_width(*state, false);
}

static void requests_may_be_cut_anywhere_and_answered_in_turn(void **state)
{
	assert_ten_of_each_width(*state, true);
}

static void a_segment_too_short_to_be_told_is_counted_by_its_answer(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, GET("/1"));
	wire_in(&stage->wire, 1, "GET / HTTP/1.0\r\n\r\n");
	wire_out(&stage->wire, 2, OK);
	wire_out(&stage->wire, 3, OK);
	assert_log(stage, "GET /1 200");
	assert_losses(stage, (struct connection_losses){.unmatched = 1});
}

static void answers_may_be_cut_anywhere(void **state)
{
	struct stage *stage = *state;
	const char *answers = repeat(OK, 10);

	for (size_t width = 1; width <= strlen(answers); width++) {
		stage->count = 0;
		stage_next_wire(stage);
		for (int i = 0; i < 10; i++)
			wire_in(&stage->wire, i, GET("/cut"));
		for (size_t at = 0; at < strlen(answers); at += width)
			wire_out_bytes(&stage->wire, 10 + at, answers + at,
				       strlen(answers) - at < width ? strlen(answers) - at : width, 0);
		if (stage->count != 10)
			fail_msg("segments of %zu bytes: %u reported", width, stage->count);
		assert_losses(stage, (struct connection_losses){0});
	}
}

static void a_hundred_at_once_are_a_hundred(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, repeat(GET("/deep"), 100));
	wire_out(&stage->wire, 1, repeat(OK, 100));
	assert_int_equal(stage->count, 100);
	assert_losses(stage, (struct connection_losses){0});
}

static void answers_to_head_have_no_body(void **state)
{
	static const char *const requests[] = {"HEAD /h HTTP/1.1\r\n\r\n", GET("/g"),
					       "HEAD /h HTTP/1.1\r\n\r\n", GET("/g")};
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", OK,
					      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", NOT_FOUND};
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, join(requests, 4));
	wire_out(&stage->wire, 1, join(answers, 4));
	assert_only(stage, "HEAD /h 200, GET /g 200, HEAD /h 200, GET /g 404");
}

/* Times and sizes. */

static void a_request_arrives_with_its_first_byte(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_in(wire, 2, GET("/2") "GET /3 HT");
	wire_in(wire, 9, "TP/1.1\r\n\r\n");
	wire_out(wire, 10, OK);
	wire_out(wire, 11, OK);
	wire_out(wire, 12, OK);
	assert_only(stage, "GET /1 200, GET /2 200, GET /3 200");
	assert_times(stage, 0, 10, 10);
	assert_times(stage, 1, 9, 9);
	assert_times(stage, 2, 10, 10);
}

static void each_byte_of_requests_is_counted_once(void **state)
{
	static const char *const requests[] = {GET("/1"), POST("/2", "5") "hello", GET("/3"), GET("/4")};
	struct stage *stage = *state;
	size_t len = strlen(join(requests, 4));

	for (size_t width = 20; width <= len; width++) {
		uint64_t sum = 0;
		const char *stream = join(requests, 4);

		stage->count = 0;
		stage_next_wire(stage);
		for (size_t at = 0; at < len; at += width)
			wire_in_bytes(&stage->wire, at, stream + at, len - at < width ? len - at : width);
		wire_out(&stage->wire, 1000, repeat(OK, 4));
		for (unsigned i = 0; i < stage->count; i++)
			sum += stage->log[i].exchange.request_bytes;
		if (sum != len)
			fail_msg("segments of %zu bytes: %d of %zu", width, (int)sum, len);
	}
}

static void the_first_of_the_line_keeps_its_phases(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;
	const uint64_t *phase_ns = stage->log[0].exchange.phase_ns;

	wire->same_thread = true;
	wire->on_cpu_ns = 3000000;
	wire_in(wire, 0, GET("/1"));
	wire_read(wire, 2);
	wire_in(wire, 3, GET("/2"));
	wire_out(wire, 10, OK);
	wire_out(wire, 11, OK);
	assert_only(stage, "GET /1 200, GET /2 200");
	assert_int_equal(phase_ns[PHASE_SOCKET_WAIT], 2000000);
	assert_int_equal(phase_ns[PHASE_ON_CPU], 3000000);
	assert_int_equal(phase_ns[PHASE_BLOCKED], 5000000);
}

/* Ends. */

static void what_waits_at_the_close_has_no_answer(void **state)
{
	struct stage *stage = *state;

	for (int client_left = 0; client_left < 2; client_left++) {
		send_five(stage, false);
		wire_out(&stage->wire, 10, join(five_answers, 3));
		wire_close(&stage->wire, 20, client_left);
		assert_only(stage,
			    client_left ? "GET /1 200, GET /2 201, GET /3 404, GET /4 aborted, GET /5 aborted"
					: "GET /1 200, GET /2 201, GET /3 404, GET /4 none, GET /5 none");
		assert_times(stage, 4, 0, 16);
	}
}

static void nothing_was_answered_at_the_close(void **state)
{
	for (int together = 0; together < 2; together++) {
		struct stage *stage = *state;

		send_five(stage, together);
		wire_close(&stage->wire, 20, true);
		assert_only(stage,
			    "GET /1 aborted, GET /2 aborted, GET /3 aborted, GET /4 aborted, GET /5 aborted");
	}
}

static void nothing_of_a_deep_pipeline_was_answered_at_the_close(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, repeat(GET("/deep"), 20));
	wire_close(&stage->wire, 20, true);
	assert_int_equal(stage->count, 20);
	assert_losses(stage, (struct connection_losses){0});
}

static void a_fin_leaves_what_waits_without_an_answer(void **state)
{
	struct stage *stage = *state;

	send_five(stage, false);
	wire_out_bytes(&stage->wire, 10, OK, strlen(OK), WIRE_FIN);
	wire_close(&stage->wire, 20, false);
	assert_only(stage, "GET /1 200, GET /2 none, GET /3 none, GET /4 none, GET /5 none");
}

static void a_fin_to_a_client_that_left_leaves_aborted_requests(void **state)
{
	struct stage *stage = *state;

	send_five(stage, true);
	stage->wire.client_fin = true;
	wire_out_bytes(&stage->wire, 10, OK, strlen(OK), WIRE_FIN);
	assert_only(stage, "GET /1 200, GET /2 aborted, GET /3 aborted, GET /4 aborted, GET /5 aborted");
}

static void a_close_in_mid_answer_leaves_the_rest_without_one(void **state)
{
	struct stage *stage = *state;

	send_five(stage, false);
	wire_out(&stage->wire, 10, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all");
	wire_close(&stage->wire, 20, true);
	assert_only(stage, "GET /1 200, GET /2 aborted, GET /3 aborted, GET /4 aborted, GET /5 aborted");
	assert_times(stage, 0, 10, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(answers_may_leave_together),
		STAGE_TEST(answers_may_leave_apart),
		STAGE_TEST(answers_may_leave_while_requests_come),
		STAGE_TEST(the_answer_to_an_older_request_may_come_with_a_younger_one),
		STAGE_TEST(requests_may_be_cut_anywhere),
		STAGE_TEST(requests_may_be_cut_anywhere_and_answered_in_turn),
		STAGE_TEST(a_segment_too_short_to_be_told_is_counted_by_its_answer),
		STAGE_TEST(answers_may_be_cut_anywhere),
		STAGE_TEST(a_hundred_at_once_are_a_hundred),
		STAGE_TEST(answers_to_head_have_no_body),
		STAGE_TEST(a_request_arrives_with_its_first_byte),
		STAGE_TEST(each_byte_of_requests_is_counted_once),
		STAGE_TEST(the_first_of_the_line_keeps_its_phases),
		STAGE_TEST(what_waits_at_the_close_has_no_answer),
		STAGE_TEST(nothing_was_answered_at_the_close),
		STAGE_TEST(nothing_of_a_deep_pipeline_was_answered_at_the_close),
		STAGE_TEST(a_fin_leaves_what_waits_without_an_answer),
		STAGE_TEST(a_fin_to_a_client_that_left_leaves_aborted_requests),
		STAGE_TEST(a_close_in_mid_answer_leaves_the_rest_without_one),
	};

	return cmocka_run_group_tests_name("connections: pipelining", tests, NULL, NULL);
}
