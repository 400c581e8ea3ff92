// SPDX-License-Identifier: Apache-2.0
// Exchanges that wait keep their order and their text, and are refused where there are too many.
#include "held.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct seen {
	struct held_queue *again; ///< where to push the first one, once
	char targets[4][600];
	unsigned count;
};

static void note(void *context, const struct exchange *exchange)
{
	struct seen *seen = context;

	if (seen->again) {
		assert_true(held_push(seen->again, exchange));
		seen->again = NULL;
		return;
	}
	snprintf(seen->targets[seen->count++], sizeof(seen->targets[0]), "%.*s %.*s",
		 (int)exchange->method.len, exchange->method.data, (int)exchange->target.len,
		 exchange->target.data);
}

static void push(struct held_queue *queue, const char *target)
{
	char method[] = "GET", text[600];
	struct exchange exchange = {0};

	snprintf(text, sizeof(text), "%s", target);
	exchange.method = (struct slice){method, 3};
	exchange.target = (struct slice){text, strlen(text)};
	assert_true(held_push(queue, &exchange));
	memset(method, 'x', sizeof(method));
	memset(text, 'x', sizeof(text));
}

static void what_waits_keeps_its_order_and_its_text(void **state)
{
	struct held_queue queue;
	struct seen seen = {0};

	(void)state;
	held_init(&queue);
	push(&queue, "/first");
	push(&queue, "/second");
	held_release(&queue, note, &seen);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.targets[0], "GET /first");
	assert_string_equal(seen.targets[1], "GET /second");
	assert_int_equal(queue.count, 0);
	held_free(&queue);
}

static void what_is_held_again_comes_with_the_next_release(void **state)
{
	struct held_queue queue;
	struct seen seen = {.again = &queue};

	(void)state;
	held_init(&queue);
	push(&queue, "/first");
	push(&queue, "/second");
	held_release(&queue, note, &seen);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.targets[0], "GET /second");
	assert_int_equal(queue.count, 1);
	held_release(&queue, note, &seen);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.targets[1], "GET /first");
	held_free(&queue);
}

static void a_long_target_is_cut(void **state)
{
	struct held_queue queue;
	struct seen seen = {0};
	char target[600];

	(void)state;
	memset(target, 'a', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	held_init(&queue);
	push(&queue, target);
	held_release(&queue, note, &seen);
	assert_int_equal(strlen(seen.targets[0]), 512 + 1); /* text of both, and the space between */
	held_free(&queue);
}

static void too_many_are_refused_until_there_is_room(void **state)
{
	const struct exchange exchange = {.method = {"GET", 3}, .target = {"/", 1}};
	struct held_queue queue;
	unsigned count = 0;

	(void)state;
	held_init(&queue);
	while (count < 100000 && held_push(&queue, &exchange))
		count++;
	assert_int_equal(count, 16384);
	assert_int_equal(queue.count, count);
	held_free(&queue);
	assert_int_equal(queue.count, 0);
	assert_true(held_push(&queue, &exchange));
	held_free(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_keeps_its_order_and_its_text),
		cmocka_unit_test(what_is_held_again_comes_with_the_next_release),
		cmocka_unit_test(a_long_target_is_cut),
		cmocka_unit_test(too_many_are_refused_until_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
