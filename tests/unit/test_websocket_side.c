// SPDX-License-Identifier: Apache-2.0
// One direction of a WebSocket session from pieces: out of order, twice, overlapping, with parts that never
// come.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event.h"
#include "websocket_side.h"

#define HELLO "\x81\x85\0\0\0\0Hello" /* masked, by zeroes: 11 bytes */
#define HELLO_LEN (sizeof(HELLO) - 1)
#define LONG_LEN 1000 /* with its header of 8 bytes */
#define BEGIN 777     /* position of the first frame */

struct stage {
	struct websocket_side side;
	struct memory_budget budget;
	uint64_t lost;
	char bytes[4 * HELLO_LEN + LONG_LEN + 8];
};

static int stage_open(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	char *at = stage->bytes;

	stage->budget.limit = 1 << 20;
	for (unsigned i = 0; i < 4; i++, at += HELLO_LEN)
		memcpy(at, HELLO, HELLO_LEN);
	memcpy(at, "\x82\xfe\x03\xe0\0\0\0\0", 8); /* 992 bytes of payload */
	memset(at + 8, 'p', LONG_LEN - 8);
	memcpy(at + LONG_LEN, "\x88\x82\0\0\0\0\x03\xe8", 8);
	*state = stage;
	return 0;
}

static int stage_close(void **state)
{
	struct stage *stage = *state;

	websocket_side_drop(&stage->side, &stage->budget);
	assert_int_equal(stage->budget.used, 0);
	free(stage);
	return 0;
}

static void feed(struct stage *stage, size_t from, size_t len, uint16_t flags, uint16_t frame)
{
	struct stream_event *event = calloc(1, sizeof(*event) + len);

	event->header.flags = flags;
	event->position = BEGIN + from;
	event->bytes = event->len = len;
	event->frame = frame;
	memcpy(event->data, stage->bytes + from, len);
	websocket_side_feed(&stage->side, event, &stage->budget, &stage->lost);
	free(event);
}

/* As the kernel tells what comes out of order: it knows the first frame only. */
static void feed_raw(struct stage *stage, size_t from, size_t len)
{
	feed(stage, from, len, EVENT_RAW, from ? NO_FRAME : 0);
}

static void expect_all(struct stage *stage)
{
	assert_int_equal(stage->side.messages, 5);
	assert_int_equal(stage->side.close_code, 1000);
	assert_int_equal(stage->lost, 0);
	assert_null(early_pieces_first(&stage->side.early));
}

static void the_first_comes_last(void **state)
{
	struct stage *stage = *state;

	feed_raw(stage, 2 * HELLO_LEN, 2 * HELLO_LEN);
	feed_raw(stage, 4 * HELLO_LEN + 500, LONG_LEN - 500 + 8);
	feed_raw(stage, 4 * HELLO_LEN, 500);
	assert_int_equal(stage->side.messages, 0);
	feed_raw(stage, 0, 2 * HELLO_LEN);
	expect_all(stage);
}

static void every_order_of_three(void **state)
{
	static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct stage *stage = *state;

	for (size_t first = 1; first < sizeof(stage->bytes) - 1; first += 7) {
		for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			size_t cuts[] = {0, first, first + (sizeof(stage->bytes) - first) / 2,
					 sizeof(stage->bytes)};

			memset(&stage->side, 0, sizeof(stage->side));
			for (unsigned piece = 0; piece < 3; piece++)
				feed_raw(stage, cuts[orders[i][piece]],
					 cuts[orders[i][piece] + 1] - cuts[orders[i][piece]]);
			expect_all(stage);
		}
	}
}

static void twice_and_overlapping(void **state)
{
	struct stage *stage = *state;

	feed_raw(stage, 0, HELLO_LEN + 3);
	feed_raw(stage, 0, HELLO_LEN + 3);
	feed_raw(stage, HELLO_LEN, 3 * HELLO_LEN);
	feed_raw(stage, HELLO_LEN - 4, HELLO_LEN);
	feed_raw(stage, 4 * HELLO_LEN, LONG_LEN + 8);
	feed_raw(stage, 4 * HELLO_LEN, LONG_LEN + 8);
	expect_all(stage);
}

static void what_was_passed_over(void **state)
{
	struct stage *stage = *state;

	feed(stage, 0, 4 * HELLO_LEN + 8, 0, 0);
	feed(stage, 4 * HELLO_LEN + LONG_LEN, 8, 0, 0);
	expect_all(stage);
}

/* In order, the kernel says where the next frame begins. */
static void what_was_lost_in_order(void **state)
{
	struct stage *stage = *state;

	feed(stage, 0, HELLO_LEN, 0, 0);
	feed(stage, 2 * HELLO_LEN + 4, HELLO_LEN, 0, HELLO_LEN - 4);
	assert_int_equal(stage->side.messages, 1);
	assert_int_equal(stage->lost, 1);
	feed(stage, 3 * HELLO_LEN + 4, HELLO_LEN - 4 + LONG_LEN + 8, 0, HELLO_LEN - 4);
	assert_int_equal(stage->side.messages, 3);
	assert_int_equal(stage->side.close_code, 1000);
	assert_int_equal(stage->lost, 1);
}

/* Out of order, what is missing is waited for until the end, or until too much has come. */
static void what_was_lost_out_of_order(void **state)
{
	struct stage *stage = *state;

	feed_raw(stage, 0, HELLO_LEN);
	feed_raw(stage, 2 * HELLO_LEN, HELLO_LEN);
	feed_raw(stage, 3 * HELLO_LEN, HELLO_LEN + LONG_LEN + 8);
	assert_int_equal(stage->side.messages, 1);
	websocket_side_end(&stage->side, &stage->budget, &stage->lost);
	assert_int_equal(stage->side.messages, 4);
	assert_int_equal(stage->side.close_code, 1000);
	assert_int_equal(stage->lost, 1);
}

static void what_waits_is_bounded(void **state)
{
	struct stage *stage = *state;

	feed_raw(stage, 0, HELLO_LEN);
	for (unsigned i = 0; i < 10000; i++)
		feed_raw(stage, 2 * HELLO_LEN, HELLO_LEN);
	assert_in_range(stage->budget.used, 0, 128 * 1024);
	assert_int_equal(stage->lost, 1);
	assert_int_equal(stage->side.messages, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_comes_last, stage_open, stage_close),
		cmocka_unit_test_setup_teardown(every_order_of_three, stage_open, stage_close),
		cmocka_unit_test_setup_teardown(twice_and_overlapping, stage_open, stage_close),
		cmocka_unit_test_setup_teardown(what_was_passed_over, stage_open, stage_close),
		cmocka_unit_test_setup_teardown(what_was_lost_in_order, stage_open, stage_close),
		cmocka_unit_test_setup_teardown(what_was_lost_out_of_order, stage_open, stage_close),
		cmocka_unit_test_setup_teardown(what_waits_is_bounded, stage_open, stage_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
