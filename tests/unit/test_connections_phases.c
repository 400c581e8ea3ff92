// SPDX-License-Identifier: Apache-2.0
// Where the time of a request went: the parts always add up to the whole, whatever the clocks say.
#include "connections_stage.h"

#include "answer.h"

/* Milliseconds in the order of enum phase. */
static void assert_phases(const struct exchange *exchange, const double *expected_ms)
{
	static const char *const names[PHASE_COUNT] = {"socket_wait", "run_queue", "on_cpu",
						       "blocked",     "app",       "send"};
	uint64_t sum = 0;

	for (unsigned phase = 0; phase < PHASE_COUNT; phase++) {
		if (exchange->phase_ns[phase] != (uint64_t)(expected_ms[phase] * 1e6))
			fail_msg("%s is %f ms, not %f", names[phase], exchange->phase_ns[phase] / 1e6,
				 expected_ms[phase]);
		sum += exchange->phase_ns[phase];
	}
	assert_int_equal(sum, exchange->duration_ns);
}

#define PHASES(...) ((const double[PHASE_COUNT]){__VA_ARGS__})

/* A request that arrives at 0, is read at `read_ms` if that is not 0, and answered from 10 to 14. */
static const struct exchange *serve(struct stage *stage, double read_ms)
{
	wire_in(&stage->wire, 0, GET("/work"));
	if (read_ms > 0)
		wire_read(&stage->wire, read_ms);
	wire_out(&stage->wire, 10, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	wire_out(&stage->wire, 14, "hello");
	assert_only(stage, "GET /work 200");
	assert_times(stage, 0, 10, 14);
	return &stage->log[0].exchange;
}

static void the_thread_that_read_and_answered_is_divisible(void **state)
{
	struct stage *stage = *state;

	stage->wire.same_thread = true;
	stage->wire.on_cpu_ns = 3000000;
	stage->wire.run_queue_ns = 1000000;
	assert_phases(serve(stage, 2), PHASES(2, 1, 3, 4, 0, 4));
}

static void an_answer_by_another_thread_is_not_divisible(void **state)
{
	struct stage *stage = *state;

	assert_phases(serve(stage, 2), PHASES(2, 0, 0, 0, 8, 4));
}

static void a_read_that_was_not_seen_leaves_all_to_the_application(void **state)
{
	struct stage *stage = *state;

	assert_phases(serve(stage, 0), PHASES(0, 0, 0, 0, 10, 4));
}

static void a_thread_that_only_computed_was_never_blocked(void **state)
{
	struct stage *stage = *state;

	stage->wire.same_thread = true;
	stage->wire.on_cpu_ns = 8000000;
	assert_phases(serve(stage, 2), PHASES(2, 0, 8, 0, 0, 4));
}

static void sums_beyond_the_whole_are_clamped(void **state)
{
	struct stage *stage = *state;

	stage->wire.same_thread = true;
	stage->wire.on_cpu_ns = 8000050;
	stage->wire.run_queue_ns = 70;
	assert_phases(serve(stage, 2), PHASES(2, 0, 8, 0, 0, 4));
}

static void a_long_wait_for_the_processor_is_clamped(void **state)
{
	struct stage *stage = *state;

	stage->wire.same_thread = true;
	stage->wire.on_cpu_ns = 5000000;
	stage->wire.run_queue_ns = 9000000;
	assert_phases(serve(stage, 2), PHASES(2, 3, 5, 0, 0, 4));
}

static void a_sum_that_drifted_below_zero_is_none(void **state)
{
	struct stage *stage = *state;

	stage->wire.same_thread = true;
	stage->wire.on_cpu_ns = (uint64_t)-40;
	assert_phases(serve(stage, 2), PHASES(2, 0, 0, 8, 0, 4));
}

static void what_nobody_ever_read_waited_in_the_socket(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, GET("/work"));
	wire_close(&stage->wire, 25, true);
	assert_only(stage, "GET /work aborted");
	assert_phases(&stage->log[0].exchange, PHASES(25, 0, 0, 0, 0, 0));
}

static void what_was_read_and_not_answered_was_with_the_application(void **state)
{
	struct stage *stage = *state;

	wire_in(&stage->wire, 0, GET("/work"));
	wire_read(&stage->wire, 5);
	wire_close(&stage->wire, 25, true);
	assert_only(stage, "GET /work aborted");
	assert_phases(&stage->log[0].exchange, PHASES(5, 0, 0, 0, 20, 0));
}

/* Below: one answer by itself, with times that no kernel should report. */

static struct answer *answer_at(double arrival_ms, double read_ms, double first_ms, double last_ms)
{
	static struct answer answer;

	answer_init(&answer);
	answer.exchange.arrival_ns = wire_time_ns(arrival_ms);
	answer.read_ns = wire_time_ns(read_ms);
	answer.first_ns = first_ms ? wire_time_ns(first_ms) : 0;
	answer.last_ns = last_ms ? wire_time_ns(last_ms) : 0;
	return &answer;
}

static void a_read_after_the_answer_is_clamped(void **state)
{
	struct answer *answer = answer_at(1, 9, 5, 8);

	(void)state;
	answer_finish(answer, 0);
	assert_phases(&answer->exchange, PHASES(4, 0, 0, 0, 0, 3));
}

static void a_read_before_the_arrival_is_not_of_this_request(void **state)
{
	struct answer *answer = answer_at(5, 1, 8, 9);

	(void)state;
	answer_finish(answer, 0);
	assert_phases(&answer->exchange, PHASES(0, 0, 0, 0, 3, 1));
}

static void an_answer_before_the_arrival_takes_no_time(void **state)
{
	struct answer *answer = answer_at(5, 6, 1, 3);

	(void)state;
	answer_finish(answer, 0);
	assert_phases(&answer->exchange, PHASES(0, 0, 0, 0, 0, 0));
	assert_int_equal(answer->exchange.first_byte_ns, 0);
}

static void a_last_byte_before_the_first_is_clamped(void **state)
{
	struct answer *answer = answer_at(1, 2, 6, 4);

	(void)state;
	answer_finish(answer, 0);
	assert_phases(&answer->exchange, PHASES(1, 0, 0, 0, 4, 0));
}

static void a_close_before_the_arrival_takes_no_time(void **state)
{
	struct answer *answer = answer_at(5, 0, 0, 0);

	(void)state;
	answer_finish(answer, wire_time_ns(2));
	assert_phases(&answer->exchange, PHASES(0, 0, 0, 0, 0, 0));
}

static void any_times_add_up(void **state)
{
	uint64_t random = 88172645463325252, draws[7];

	(void)state;
	for (int round = 0; round < 200000; round++) {
		struct answer *answer = answer_at(0, 0, 0, 0);

		/* A few orders of magnitude, so that each order of the times occurs. */
		for (size_t i = 0; i < 7; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			draws[i] = random >> (random % 61);
		}
		answer->exchange.arrival_ns = draws[0];
		answer->read_ns = draws[1];
		answer->first_ns = draws[2];
		answer->last_ns = draws[3];
		answer->on_cpu_ns = draws[4];
		answer->run_queue_ns = draws[5];
		answer->same_thread = round & 1;
		answer->exchange.method = answer->exchange.target = (struct slice){"x", 1};
		answer->exchange.status = 200;
		answer_finish(answer, draws[6]);
		check_exchange(&answer->exchange);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(the_thread_that_read_and_answered_is_divisible),
		STAGE_TEST(an_answer_by_another_thread_is_not_divisible),
		STAGE_TEST(a_read_that_was_not_seen_leaves_all_to_the_application),
		STAGE_TEST(a_thread_that_only_computed_was_never_blocked),
		STAGE_TEST(sums_beyond_the_whole_are_clamped),
		STAGE_TEST(a_long_wait_for_the_processor_is_clamped),
		STAGE_TEST(a_sum_that_drifted_below_zero_is_none),
		STAGE_TEST(what_nobody_ever_read_waited_in_the_socket),
		STAGE_TEST(what_was_read_and_not_answered_was_with_the_application),
		cmocka_unit_test(a_read_after_the_answer_is_clamped),
		cmocka_unit_test(a_read_before_the_arrival_is_not_of_this_request),
		cmocka_unit_test(an_answer_before_the_arrival_takes_no_time),
		cmocka_unit_test(a_last_byte_before_the_first_is_clamped),
		cmocka_unit_test(a_close_before_the_arrival_takes_no_time),
		cmocka_unit_test(any_times_add_up),
	};

	return cmocka_run_group_tests_name("connections: phases", tests, NULL, NULL);
}
