// SPDX-License-Identifier: Apache-2.0
// Closes wait for what is told late, and come out in their order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event.h"
#include "tls_closes.h"

struct heard {
	uint64_t sockets[8];
	unsigned len;
};

static void hear(void *context, const struct tls_close_event *event)
{
	struct heard *heard = context;

	heard->sockets[heard->len++] = event->header.socket;
}

static void they_wait_a_moment_and_keep_their_order(void **state)
{
	struct heard heard = {0};
	struct tls_closes *closes = tls_closes_new(NULL, hear, &heard);
	const uint64_t ms = 1000000;

	(void)state;
	assert_non_null(closes);
	for (uint64_t i = 1; i <= 3; i++)
		tls_closes_add(closes,
			       &(struct tls_close_event){.header = {.socket = i, .time_ns = i * 100 * ms}});
	tls_closes_run(closes, 250 * ms);
	assert_int_equal(heard.len, 0);
	tls_closes_run(closes, 400 * ms);
	assert_int_equal(heard.len, 2);
	tls_closes_add(closes, &(struct tls_close_event){.header = {.socket = 4, .time_ns = 450 * ms}});
	tls_closes_run(closes, 5000 * ms);
	assert_int_equal(heard.len, 4);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(heard.sockets[i], i + 1);
	tls_closes_add(closes, &(struct tls_close_event){.header = {.socket = 5, .time_ns = 6000 * ms}});
	tls_closes_free(closes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(they_wait_a_moment_and_keep_their_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
