// SPDX-License-Identifier: Apache-2.0
// What the kernel under the test says of its tracepoints.
#include "kernel_btf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void need_btf(void)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		skip();
}

static void test_arguments_are_counted_without_the_callbacks_own(void **state)
{
	(void)state;
	need_btf();
	/* include/trace/events/sock.h: sk, oldstate, newstate, since 4.16. */
	assert_int_equal(kernel_btf_tracepoint("inet_sock_set_state"), 3);
	/* Without, or from 6.17 on with, a result. */
	assert_in_range(kernel_btf_tracepoint("tcp_retransmit_skb"), 2, 3);
}

static void test_a_tracepoint_that_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(kernel_btf_tracepoint("no_such_tracepoint"), -ENOENT);
	assert_int_equal(kernel_btf_tracepoint(""), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_are_counted_without_the_callbacks_own),
		cmocka_unit_test(test_a_tracepoint_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
