// SPDX-License-Identifier: Apache-2.0
// Real CPythons, and what each says of itself at the same moment. This machine's python3, and all that
// RINGSIDE_PYTHONS names, separated by spaces.
#include "runtimes/python.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "child.h"
#include "memory.h"

#define WORDS_MAX 16

/* Each line of input is run; "truth" and "done" answer. gc stands still except when told to run. */
static const char script[] =
	"import gc, os, sys, threading, time\n"
	"gc.disable()\n"
	"try: import _interpreters as interpreters\n"
	"except ImportError:\n"
	"    try: import _xxsubinterpreters as interpreters\n"
	"    except ImportError: interpreters = None\n"
	"import platform, _thread\n"
	"def truth():\n"
	"    print(platform.python_version(), _thread._count() + 1, *[s[k] for k in ('collections', "
	"'collected', "
	"'uncollectable') for s in gc.get_stats()], flush=True)\n"
	"def cycles(count):\n"
	"    for i in range(count):\n"
	"        a = []; a.append(a)\n"
	"def work():\n"
	"    for generation in (0, 0, 0, 1, 1, 2, 0):\n"
	"        cycles(100 * generation + 17); gc.collect(generation)\n"
	"def threads(count):\n"
	"    for i in range(count): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
	"def child():\n"
	"    if os.fork() == 0: work(); print(os.getpid(), flush=True)\n"
	"def quick(count):\n"
	"    for i in range(count): cycles(10); gc.collect(i % 3)\n"
	"print('ready', os.getpid(), flush=True)\n"
	"for line in sys.stdin:\n"
	"    exec(line)\n"
	"    if line != 'truth()\\n' and line != 'child()\\n': print('done', flush=True)\n"
	"    sys.stdout.flush()\n";

static struct memory_counts counts;
static struct python *python;

static int set_up(void **state)
{
	(void)state;
	counts = (struct memory_counts){0};
	python = python_new(&counts);
	return python ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	python_free(python);
	return 0;
}

static struct child start(const char *interpreter)
{
	const char *const arguments[] = {interpreter, "-c", script, NULL};
	struct child child;

	if (!child_start(arguments, &child)) {
		print_message("there is no %s here\n", interpreter);
		skip();
	}
	return child;
}

static void tell(const struct child *child, const char *line)
{
	char answer[256];

	assert_true(child_ask(child, line, answer, sizeof(answer)));
	assert_string_equal(answer, "done");
}

static struct python_process *attach(pid_t pid)
{
	struct python_process *process = NULL;
	const char *reason = "";
	int error;

	for (int try = 0; (error = python_attach(python, pid, &process, &reason)) == -EAGAIN && try < 100;
	     try++)
		usleep(10000);
	/* A later version than we know: refused is right. */
	if (error == -ENOTSUP && strstr(reason, "is not known")) {
		print_message("%s\n", reason);
		skip();
	}
	if (error)
		fail_msg("process %d: %s, \"%s\"", pid, strerror(-error), reason);
	return process;
}

/* "3.11.2 1 …", the truth in its own words. */
static void describe(const struct python_reading *reading, char *text, size_t size)
{
	int len = snprintf(text, size, "%s %u", reading->version, reading->threads);
	const uint64_t *const all[] = {reading->collections, reading->collected, reading->uncollectable};

	for (unsigned i = 0; i < 9; i++)
		len += snprintf(text + len, size - (size_t)len, " %llu",
				(unsigned long long)all[i / 3][i % 3]);
}

static void assert_truth(const struct child *child, struct python_process *process)
{
	struct python_reading reading;
	char truth[256], read[256];

	assert_true(child_ask(child, "truth()", truth, sizeof(truth)));
	assert_int_equal(python_read(python, process, &reading), 0);
	describe(&reading, read, sizeof(read));
	assert_string_equal(read, truth);
}

static void check_counters(const char *interpreter)
{
	struct child child = start(interpreter);
	struct python_process *process = attach(child.observed);

	assert_truth(&child, process);
	tell(&child, "work()");
	assert_truth(&child, process);
	tell(&child, "threads(7)");
	tell(&child, "quick(1000)");
	assert_truth(&child, process);
	python_detach(process);
	child_stop(&child);
}

static void a_forked_child_counts_for_itself(void **state)
{
	struct child child = start("python3");
	struct python_process *parent = attach(child.observed), *forked;
	struct python_reading before, after;
	char answer[64];

	(void)state;
	assert_int_equal(python_read(python, parent, &before), 0);
	assert_true(child_ask(&child, "child()", answer, sizeof(answer)));
	forked = attach(atoi(answer));
	assert_int_equal(python_read(python, forked, &after), 0);
	assert_int_equal(after.collections[0], before.collections[0] + 4);
	assert_int_equal(after.collections[2], before.collections[2] + 1);
	assert_int_equal(python_read(python, parent, &after), 0);
	assert_int_equal(after.collections[0], before.collections[0]);
	kill(atoi(answer), SIGKILL);
	python_detach(forked);
	python_detach(parent);
	child_stop(&child);
}

static uint64_t full_collections(struct python_process *process)
{
	struct python_reading reading;

	assert_int_equal(python_read(python, process, &reading), 0);
	return reading.collections[2];
}

static void check_subinterpreters(const char *interpreter)
{
	struct child child = start(interpreter);
	struct python_process *process = attach(child.observed);
	uint64_t before, with, after;

	before = full_collections(process);
	tell(&child, "other = interpreters.create()");
	tell(&child, "interpreters.run_string(other, 'import gc; [gc.collect() for i in range(5)]')");
	with = full_collections(process);
	assert_true(with >= before + 5);
	tell(&child, "interpreters.destroy(other)");
	tell(&child, "gc.collect()");
	after = full_collections(process);
	assert_true(after >= with + 1);
	tell(&child, "other = interpreters.create()");
	assert_true(full_collections(process) >= after);
	python_detach(process);
	child_stop(&child);
}

/* What can be seen is between two truths, at any time. */
static void check_while_it_collects(const char *interpreter)
{
	struct child child = start(interpreter);
	struct python_process *process = attach(child.observed);
	struct python_reading reading, last = {0};
	unsigned read = 0;
	char answer[64];

	assert_true(write(child.input, "quick(3000)\n", 12) == 12);
	for (int i = 0; i < 3000; i++) {
		int error = python_read(python, process, &reading);

		assert_true(error == 0 || error == -EAGAIN);
		if (error)
			continue;
		read++;
		for (unsigned g = 0; g < PYTHON_GENERATIONS; g++) {
			assert_true(reading.collections[g] >= last.collections[g]);
			assert_true(reading.collected[g] >= last.collected[g]);
		}
		last = reading;
	}
	assert_int_equal(read, 3000);
	assert_true(child_line(&child, answer, sizeof(answer)));
	assert_truth(&child, process);
	/* Attaching in the middle of it. */
	assert_true(write(child.input, "quick(3000)\n", 12) == 12);
	for (int i = 0; i < 100; i++)
		python_detach(attach(child.observed));
	assert_true(child_line(&child, answer, sizeof(answer)));
	python_detach(process);
	child_stop(&child);
}

static double since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) * 1e3 + (double)(now.tv_nsec - from->tv_nsec) / 1e6;
}

static void check_cost(const char *interpreter)
{
	struct child child = start(interpreter);
	struct python_process *process;
	struct python_reading reading;
	struct timespec from;
	double first, again;

	clock_gettime(CLOCK_MONOTONIC, &from);
	python_detach(attach(child.observed));
	first = since(&from);
	clock_gettime(CLOCK_MONOTONIC, &from);
	process = attach(child.observed);
	again = since(&from);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(python_read(python, process, &reading), 0);
	print_message("%s: %.1f ms to attach, %.1f ms again, %.1f us a read\n", reading.version, first, again,
		      since(&from));
	python_detach(process);
	child_stop(&child);
}

static void each(void (*check)(const char *interpreter))
{
	char list[4096], *rest;

	snprintf(list, sizeof(list), "python3 %s",
		 getenv("RINGSIDE_PYTHONS") ? getenv("RINGSIDE_PYTHONS") : "");
	for (char *name = strtok_r(list, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		check(name);
}

static void all_counters_are_those_of_the_collector(void **state)
{
	(void)state;
	each(check_counters);
}

static void interpreters_that_end_stay_counted(void **state)
{
	(void)state;
	each(check_subinterpreters);
}

static void counters_never_fall_while_it_collects(void **state)
{
	(void)state;
	each(check_while_it_collects);
}

static void a_read_costs_little(void **state)
{
	(void)state;
	each(check_cost);
}

static void another_program_in_the_same_process_is_not_read(void **state)
{
	struct child child = start("python3");
	struct python_process *process = attach(child.observed);
	struct python_reading reading;
	char answer[16];
	int error = 0;

	(void)state;
	assert_false(child_ask(&child, "os.execvp('cat', ['cat', '/dev/null', '-'])", answer, 1));
	for (int i = 0; i < 1000 && !error; i++) {
		error = python_read(python, process, &reading);
		usleep(1000);
	}
	assert_int_equal(error, -ESRCH);
	python_detach(process);
	child_stop(&child);
}

static void a_process_that_ends_is_gone(void **state)
{
	struct child child = start("python3");
	struct python_process *process = attach(child.observed);
	struct python_reading reading;
	const char *reason = NULL;

	(void)state;
	child_stop(&child);
	assert_int_equal(python_read(python, process, &reading), -ESRCH);
	python_detach(process);
	assert_int_equal(python_attach(python, child.observed, &process, &reason), -ESRCH);
	assert_null(reason);
}

static void another_program_is_refused_with_a_reason(void **state)
{
	static const char *const arguments[] = {"sh", "-c", "echo ready $$; cat", NULL};
	struct python_process *process = NULL;
	const char *reason = NULL;
	struct child child;

	(void)state;
	assert_true(child_start(arguments, &child));
	assert_int_equal(python_attach(python, child.observed, &process, &reason), -ENOTSUP);
	assert_non_null(reason);
	assert_null(process);
	child_stop(&child);
}

static void versions_are_told_by_number_and_text(void **state)
{
	static const char text[] = "3.10.13 (main, Nov 11 2026, 10:00:00) [GCC 12.2.0]";
	static const char candidate[] = "3.9.0rc2 (default, Nov 11 2026, 10:00:00) \n[Clang 14.0.0 ]";
	static const char *const others[] = {
		"3.10.13",       "3.10 (main) \n[GCC]",    "3.x.1 (main) \n[GCC]", "",
		"3.10.13 (main", "3.10.13 [main) \n[GCC]", "2.7.18 (x) \n[GCC 12]"};
	struct python_version version;

	(void)state;
	assert_true(python_version_from_hex(0x030b02f0, &version));
	assert_int_equal(version.minor, 11);
	assert_int_equal(version.patch, 2);
	assert_false(version.prerelease);
	assert_true(python_version_from_hex(0x030d00b3, &version) && version.prerelease);
	assert_false(python_version_from_hex(0x02070000, &version));
	assert_true(python_version_from_text(text, sizeof(text), &version));
	assert_int_equal(version.minor, 10);
	assert_int_equal(version.patch, 13);
	assert_true(python_version_from_text(candidate, sizeof(candidate), &version) && version.prerelease);
	assert_false(python_version_from_text(text, sizeof(text) - 1, &version));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(python_version_from_text(others[i], strlen(others[i]) + 1, &version));
}

static void unknown_builds_have_no_layout(void **state)
{
	const struct python_version versions[] = {
		{.minor = 7, .patch = 17},
		{.minor = 15},
		{.minor = 13, .free_threaded = true},
		{.minor = 12, .prerelease = true},
		{.minor = 13, .patch = 1}, /* without its table of offsets */
	};
	const uint64_t words[PYTHON_DEBUG_WORDS] = {0};
	struct python_layout layout;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		const char *reason = NULL;

		assert_int_equal(python_layouts(&versions[i], words, &layout, 1, &reason), 0);
		assert_non_null(reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_told_by_number_and_text),
		cmocka_unit_test(unknown_builds_have_no_layout),
		cmocka_unit_test_setup_teardown(all_counters_are_those_of_the_collector, set_up, tear_down),
		cmocka_unit_test_setup_teardown(interpreters_that_end_stay_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counters_never_fall_while_it_collects, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_forked_child_counts_for_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_program_in_the_same_process_is_not_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_process_that_ends_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_program_is_refused_with_a_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_read_costs_little, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
