// SPDX-License-Identifier: Apache-2.0
// Nothing is lost without a count, and nothing is counted twice: each request that came in is reported once,
// or found in exactly one counter, the kernel's or ours.
#include "connections_stage.h"

#define BAD_REQUEST "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
#define STREAM "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

/* Of requests that came one at a time. */

static void a_lost_exchange_is_the_kernels_to_count(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire->lose = true;
	wire_out(wire, 1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
	wire_out(wire, 2, "again");
	wire_in(wire, 3, GET("/2"));
	wire_out(wire, 4, NOT_FOUND);
	wire_close(wire, 5, true);
	assert_only(stage, "GET /2 404");
	assert_int_equal(wire->lost_requests, 1);
}

static void a_lost_end_is_known_with_the_next_request(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_out(wire, 1, STREAM);
	wire->lose = true;
	wire_out(wire, 6, "0\r\n\r\n");
	wire_in(wire, 100, GET("/2"));
	wire_out(wire, 103, NOT_FOUND);
	assert_only(stage, "GET /1 200, GET /2 404");
	assert_times(stage, 0, 1, 6);
	assert_bytes(stage, 0, strlen(GET("/1")), strlen(STREAM) + 5);
}

static void a_lost_end_is_known_with_the_close(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_out(wire, 1, STREAM);
	wire->lose = true;
	wire_out(wire, 6, "0\r\n\r\n");
	wire_close(wire, 100, true);
	assert_only(stage, "GET /1 200");
	assert_times(stage, 0, 1, 6);
	assert_bytes(stage, 0, strlen(GET("/1")), strlen(STREAM) + 5);
}

static void a_lost_end_is_known_with_the_fin(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_out(wire, 1, STREAM);
	wire->lose = true;
	wire_out(wire, 6, "0\r\n\r\n");
	wire_fin(wire, 100);
	assert_only(stage, "GET /1 200");
	assert_times(stage, 0, 1, 6);
	assert_bytes(stage, 0, strlen(GET("/1")), strlen(STREAM) + 5);
}

static void an_answer_does_not_end_where_a_lost_one_did(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_out(wire, 1, STREAM);
	wire_out(wire, 2, "0\r\n");
	wire_out(wire, 3, "\r\n");
	wire_in(wire, 100, GET("/2"));
	wire->lose = true;
	wire_out(wire, 200, OK);
	wire_in(wire, 300, GET("/3"));
	wire_out(wire, 303, NOT_FOUND);
	assert_only(stage, "GET /1 200, GET /3 404");
	assert_times(stage, 0, 1, 3);
	assert_int_equal(wire->lost_requests, 1);
}

static void a_lost_close_is_the_kernels_to_count(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire->lose = true;
	wire_close(wire, 5, true);
	connections_tick(stage->connections, UINT64_MAX);
	assert_only(stage, "");
	assert_int_equal(wire->lost_requests, 1);
}

/* Of what is no request, or no answer. */

static void a_malformed_request_counts_once_though_it_is_answered(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, "GET / HTTP/0.9 or so\r\n\r\n");
	wire_out(&stage->wire, 1, BAD_REQUEST);
	wire_fin(&stage->wire, 2);
	assert_log(stage, "");
	assert_losses(stage, (struct connection_losses){.malformed = 1});
}

static void an_incomplete_request_counts_once_though_it_is_answered(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, "GET");
	wire_out(&stage->wire, 1, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
	wire_fin(&stage->wire, 2);
	assert_log(stage, "");
	assert_losses(stage, (struct connection_losses){.incomplete_request = 1});
}

static void an_answer_that_is_none_counts_once(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, GET("/1"));
	wire_out(&stage->wire, 1, "HTTP/1.1 no number\r\n\r\n");
	wire_out(&stage->wire, 2, "more of it");
	wire_close(&stage->wire, 3, true);
	assert_log(stage, "");
	assert_losses(stage, (struct connection_losses){.unmatched = 1});
}

static void an_answer_whose_status_was_lost_counts_once(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_out(wire, 1, "HTTP/1.1 2");
	wire->lose = true;
	wire_out(wire, 2, "00 OK\r\nContent-Length: 5\r\n\r\n");
	wire_out(wire, 3, "hello");
	wire_close(wire, 9, true);
	assert_log(stage, "");
	assert_losses(stage, (struct connection_losses){.unmatched = 1});
}

/* Of pipelined requests. */

static void send_apart(struct wire *wire)
{
	wire_in(wire, 0, GET("/1"));
	wire_in(wire, 1, GET("/2"));
	wire_in(wire, 2, GET("/3"));
}

static void a_lost_request_does_not_shift_the_answers(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire->lose = true;
	wire_in(wire, 1, GET("/2"));
	wire_in(wire, 2, GET("/3"));
	wire_out(wire, 3, OK);
	wire_out(wire, 4, NOT_FOUND);
	wire_out(wire, 5, CREATED);
	wire_close(wire, 6, true);
	/* Whether the third finds its answer or is given up: it does not get the second's. */
	assert_string_equal(stage->log[0].text, "GET /1 200");
	if (stage->count > 1)
		assert_string_equal(stage->log[1].text, "GET /3 201");
	/* The kernel counts the piece, besides: it does not know what is in it. */
	assert_int_equal(stage->count + sum_of_losses(stage), 3);
}

static void a_request_that_was_not_kept_does_not_shift_the_answers(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;
	char post[512], padding[400];

	memset(padding, 'x', sizeof(padding));
	snprintf(post, sizeof(post), "POST /1 HTTP/1.1\r\nContent-Length: 400\r\n\r\n%.400s", padding);
	wire_in(wire, 0, post);
	snprintf(post, sizeof(post), "GET /2 HTTP/1.1\r\nCookie: %.400s\r\n\r\n", padding);
	wire_in(wire, 1, post);
	wire_in(wire, 2, GET("/3"));
	wire_out(wire, 3, OK);
	wire_out(wire, 4, NOT_FOUND);
	wire_out(wire, 5, CREATED);
	wire_close(wire, 6, true);
	assert_string_equal(stage->log[0].text, "POST /1 200");
	for (unsigned i = 1; i < stage->count; i++)
		assert_string_not_equal(stage->log[i].text, "GET /3 404");
	assert_int_equal(stage->count + sum_of_losses(stage), 3);
}

static void a_lost_answer_does_not_shift_the_others(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	send_apart(wire);
	wire_out(wire, 3, OK);
	wire->lose = true;
	wire_out(wire, 4, NOT_FOUND);
	wire_out(wire, 5, CREATED);
	wire_close(wire, 6, true);
	assert_string_equal(stage->log[0].text, "GET /1 200");
	for (unsigned i = 1; i < stage->count; i++)
		assert_string_not_equal(stage->log[i].text, "GET /2 201");
	assert_int_equal(stage->count + sum_of_losses(stage), 3);
}

static void requests_behind_a_lost_exchange_are_counted(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	send_apart(wire);
	wire->lose = true;
	wire_out(wire, 3, OK);
	wire_close(wire, 6, true);
	assert_int_equal(stage->count + sum_of_losses(stage) + wire->lost_requests, 3);
}

static void requests_behind_a_lost_close_are_counted(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	send_apart(wire);
	wire->lose = true;
	wire_close(wire, 6, true);
	connections_tick(stage->connections, wire_time_ns(2 * 3600.0 * 1000));
	assert_int_equal(stage->count + sum_of_losses(stage) + wire->lost_requests, 3);
}

static void a_request_whose_rest_was_lost_counts_once(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_in(wire, 1, "GET /2 HTTP/1.1\r\nHost: sh");
	wire->lose = true;
	wire_in(wire, 2, "op.example\r\n\r\n");
	wire_in(wire, 3, GET("/3"));
	wire_out(wire, 4, OK);
	wire_out(wire, 5, OK);
	wire_out(wire, 6, OK);
	wire_close(wire, 7, true);
	assert_int_equal(stage->count + sum_of_losses(stage), 3);
}

static void a_piece_that_was_behind_when_the_answer_left_is_not_lost(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_in(wire, 1, GET("/2"));
	wire_out(wire, 2, OK);
	/* It arrived while that answer left on another processor, and saw the request still waiting. */
	wire->waiting = true;
	wire_in(wire, 2, GET("/3"));
	wire->waiting = false;
	wire_out(wire, 3, OK);
	wire_out(wire, 4, NOT_FOUND);
	wire_close(wire, 5, true);
	assert_only(stage, "GET /1 200, GET /2 200, GET /3 404");
}

static void requests_behind_a_malformed_one_are_counted(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	wire_in(wire, 0, GET("/1"));
	wire_in(wire, 1, GET("/2") "GET / HTTP/0.9 or so\r\n\r\n");
	wire_out(wire, 2, OK);
	wire_out(wire, 3, OK);
	wire_out_bytes(wire, 4, BAD_REQUEST, strlen(BAD_REQUEST), WIRE_FIN);
	assert_log(stage, "GET /1 200, GET /2 200");
	assert_losses(stage, (struct connection_losses){.malformed = 1});
}

/* Limits. */

static void a_pipeline_without_end_is_counted_where_it_is_cut(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;

	for (int i = 0; i < 3000; i++)
		wire_in(wire, 0, GET("/deep"));
	for (int i = 0; i < 3000; i++)
		wire_out(wire, 1, OK);
	wire_close(wire, 2, true);
	assert_true(stage->count >= 128);
	assert_losses(stage, (struct connection_losses){.table_full = 3000 - stage->count});
}

static void a_head_without_end_is_one_request(void **state)
{
	struct stage *stage = *state;
	struct wire *wire = &stage->wire;
	char field[1024];

	snprintf(field, sizeof(field), "X-Field: %1000s\r\n", "x");
	wire_in(wire, 0, GET("/1"));
	wire_in(wire, 1, "GET /2 HTTP/1.1\r\nHost: shop.example\r\n");
	for (int i = 0; i < 100; i++)
		wire_in(wire, 2, field);
	wire_in(wire, 3, "\r\n");
	wire_out(wire, 4, OK);
	wire_out(wire, 5, "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n");
	wire_close(wire, 6, true);
	assert_string_equal(stage->log[0].text, "GET /1 200");
	assert_int_equal(stage->count + sum_of_losses(stage), 2);
}

static void too_many_connections_are_counted(void **state)
{
	struct stage *stage = *state;
	unsigned opened = 0;

	while (!sum_of_losses(stage) && opened < 200000) {
		wire_in(stage_next_wire(stage), 0, GET("/stream"));
		wire_out(&stage->wire, 1, STREAM);
		opened++;
	}
	assert_log(stage, "");
	assert_losses(stage, (struct connection_losses){.table_full = 1});
	/* What needs no memory goes on. */
	wire_in(stage_next_wire(stage), 0, GET("/short"));
	wire_out(&stage->wire, 1, OK);
	assert_log(stage, "GET /short 200");
	connections_tick(stage->connections, UINT64_MAX);
	assert_int_equal(stage->count, opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(a_lost_exchange_is_the_kernels_to_count),
		STAGE_TEST(a_lost_end_is_known_with_the_next_request),
		STAGE_TEST(a_lost_end_is_known_with_the_close),
		STAGE_TEST(a_lost_end_is_known_with_the_fin),
		STAGE_TEST(an_answer_does_not_end_where_a_lost_one_did),
		STAGE_TEST(a_lost_close_is_the_kernels_to_count),
		STAGE_TEST(a_malformed_request_counts_once_though_it_is_answered),
		STAGE_TEST(an_incomplete_request_counts_once_though_it_is_answered),
		STAGE_TEST(an_answer_that_is_none_counts_once),
		STAGE_TEST(an_answer_whose_status_was_lost_counts_once),
		STAGE_TEST(a_lost_request_does_not_shift_the_answers),
		STAGE_TEST(a_request_that_was_not_kept_does_not_shift_the_answers),
		STAGE_TEST(a_lost_answer_does_not_shift_the_others),
		STAGE_TEST(requests_behind_a_lost_exchange_are_counted),
		STAGE_TEST(requests_behind_a_lost_close_are_counted),
		STAGE_TEST(a_request_whose_rest_was_lost_counts_once),
		STAGE_TEST(a_piece_that_was_behind_when_the_answer_left_is_not_lost),
		STAGE_TEST(requests_behind_a_malformed_one_are_counted),
		STAGE_TEST(a_pipeline_without_end_is_counted_where_it_is_cut),
		STAGE_TEST(a_head_without_end_is_one_request),
		STAGE_TEST(too_many_connections_are_counted),
	};

	return cmocka_run_group_tests_name("connections: losses", tests, NULL, NULL);
}
