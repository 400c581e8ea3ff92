// SPDX-License-Identifier: Apache-2.0
// What wakes the loop and how often: descriptors by level and by edge, the clock, signals sent to ourselves.
#include "loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 5000 }; ///< for anything that must happen

static int setup(void **state)
{
	return loop_new((struct loop **)state);
}

static int teardown(void **state)
{
	loop_free(*state);
	return 0;
}

static void count(void *context)
{
	++*(unsigned *)context;
}

static void note(void *context, int signal)
{
	*(int *)context = signal;
}

static void a_descriptor_wakes_by_level_until_it_is_read(void **state)
{
	unsigned calls = 0;
	int ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(loop_watch(*state, ends[0], LOOP_LEVEL, count, &calls), 0);
	assert_int_equal(loop_turn(*state, 0), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(loop_turn(*state, PATIENCE_MS), 1);
	assert_int_equal(loop_turn(*state, PATIENCE_MS), 1);
	assert_int_equal(calls, 2);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(loop_turn(*state, 0), 0);
	close(ends[0]);
	close(ends[1]);
}

static void a_descriptor_wakes_by_edge_once_for_what_came(void **state)
{
	unsigned calls = 0;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(loop_watch(*state, ends[0], LOOP_EDGE, count, &calls), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(loop_turn(*state, PATIENCE_MS), 1);
	assert_int_equal(loop_turn(*state, 0), 0);
	assert_int_equal(write(ends[1], "y", 1), 1);
	assert_int_equal(loop_turn(*state, PATIENCE_MS), 1);
	assert_int_equal(calls, 2);
	close(ends[0]);
	close(ends[1]);
}

static void the_clock_calls_once_for_all_that_was_missed(void **state)
{
	const struct timespec nap = {.tv_nsec = 50000000};
	unsigned calls = 0;

	assert_int_equal(loop_watch_clock(*state, 10000000, count, &calls), 0);
	nanosleep(&nap, NULL);
	assert_int_equal(loop_turn(*state, PATIENCE_MS), 1);
	assert_int_equal(calls, 1);
	assert_int_equal(loop_turn(*state, PATIENCE_MS), 1);
	assert_int_equal(calls, 2);
}

static void signals_wait_for_the_loop(void **state)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	int seen = 0;

	assert_int_equal(loop_watch_signals(*state, note, &seen), 0);
	for (size_t i = 0; i < 3; i++) {
		kill(getpid(), signals[i]);
		assert_int_not_equal(seen, signals[i]);
		assert_int_equal(loop_turn(*state, PATIENCE_MS), 1);
		assert_int_equal(seen, signals[i]);
	}
	kill(getpid(), SIGPIPE);
	assert_int_equal(loop_turn(*state, 0), 0);
}

static void what_it_cannot_watch_is_said(void **state)
{
	unsigned calls = 0, watched = 0;
	int ends[2], fd;

	assert_int_equal(loop_watch(*state, -1, LOOP_LEVEL, count, &calls), -EBADF);
	assert_int_equal(pipe(ends), 0);
	while ((fd = dup(ends[0])) >= 0 && loop_watch(*state, fd, LOOP_LEVEL, count, &calls) == 0)
		watched++;
	assert_int_equal(watched, 8);
	assert_int_equal(loop_watch(*state, ends[0], LOOP_LEVEL, count, &calls), -ENOSPC);
	for (; fd > ends[1]; fd--)
		close(fd);
	close(ends[0]);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_descriptor_wakes_by_level_until_it_is_read),
		TEST(a_descriptor_wakes_by_edge_once_for_what_came),
		TEST(the_clock_calls_once_for_all_that_was_missed),
		TEST(signals_wait_for_the_loop),
		TEST(what_it_cannot_watch_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
