// SPDX-License-Identifier: Apache-2.0
// Real Go programs, with symbols, stripped and position-independent, and what each says of itself at the same
// moment. This machine's Go builds them; RINGSIDE_GO_PROGRAMS names more, built by other versions from
// tests/unit/go_program.go, separated by spaces.
#include "runtimes/go.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "child.h"
#include "memory.h"
#include "runtimes/go_layout.h"

static char directory[] = "/tmp/ringside-go-XXXXXX";
static char programs[8192]; /* paths, separated by spaces */
static struct memory_counts counts;
static struct go *go;

static void build(const char *name, const char *flags)
{
	char command[512];
	size_t len = strlen(programs);

	snprintf(command, sizeof(command),
		 "PATH=$PATH:/usr/local/go/bin GOFLAGS= GO111MODULE=off CGO_ENABLED=0 go build %s -o %s/%s "
		 "tests/unit/go_program.go >/dev/null 2>&1",
		 flags, directory, name);
	if (system(command) == 0)
		snprintf(programs + len, sizeof(programs) - len, "%s/%s ", directory, name);
	else
		print_message("Go does not build the program %s\n", name);
}

static int build_programs(void **state)
{
	const char *more = getenv("RINGSIDE_GO_PROGRAMS");

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	build("with-symbols", "");
	build("stripped", "-ldflags='-s -w'");
	build("independent", "-buildmode=pie -ldflags='-s -w'");
	if (more)
		snprintf(programs + strlen(programs), sizeof(programs) - strlen(programs), "%s", more);
	return 0;
}

static int remove_programs(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static int set_up(void **state)
{
	(void)state;
	counts = (struct memory_counts){0};
	go = go_new(&counts);
	return go ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	go_free(go);
	return 0;
}

static struct child start(const char *program)
{
	const char *const arguments[] = {program, NULL};
	struct child child;

	if (!child_start(arguments, &child))
		fail_msg("%s does not start", program);
	return child;
}

static struct go_process *attach(const struct child *child, const char *program)
{
	struct go_process *process = NULL;
	const char *reason = "";
	int error;

	for (int try = 0; (error = go_attach(go, child->observed, &process, &reason)) == -EAGAIN && try < 5;
	     try++)
		usleep(10000);
	/* A later version than we know: refused is right. */
	if (error == -ENOTSUP && strstr(reason, "is not known")) {
		print_message("%s\n", reason);
		skip();
	}
	if (error)
		fail_msg("%s: %s, \"%s\"", program, strerror(-error), reason);
	return process;
}

static void assert_same(const char *program, const char *what, uint64_t read, uint64_t truth)
{
	if (read != truth)
		fail_msg("%s: %s is %llu, not %llu", program, what, (unsigned long long)read,
			 (unsigned long long)truth);
}

/* Exact, as ReadMemStats takes what the processors have in their caches into the sums that we read. */
static void assert_truth(const char *program, const struct child *child, struct go_process *process)
{
	unsigned long long goroutines, alloc, total, in_use, cycles, pause, processors;
	struct go_reading reading;
	char line[256];

	assert_true(child_ask(child, "truth", line, sizeof(line)));
	assert_int_equal(go_read(go, process, &reading), 0);
	assert_int_equal(sscanf(line, "%llu %llu %llu %llu %llu %llu %llu", &goroutines, &alloc, &total,
				&in_use, &cycles, &pause, &processors),
			 7);
	assert_same(program, "goroutines", reading.goroutines, goroutines);
	assert_same(program, "gc_cycles", reading.gc_cycles, cycles);
	assert_same(program, "gc_pause_total_ns", reading.gc_pause_total_ns, pause);
	assert_same(program, "processors", reading.processors, processors);
	assert_same(program, "alloc_bytes", reading.alloc_bytes, alloc);
	assert_same(program, "alloc_bytes_total", reading.alloc_bytes_total, total);
	assert_same(program, "heap_in_use_bytes", reading.heap_in_use_bytes, in_use);
	assert_true(reading.threads >= 2 && reading.threads <= 64);
	assert_true(reading.threads_created >= 2 && reading.threads_created < 64);
}

static void tell(const struct child *child, const char *line)
{
	char answer[64];

	assert_true(child_ask(child, line, answer, sizeof(answer)));
	assert_string_equal(answer, "done");
}

static void check_numbers(const char *program)
{
	struct child child = start(program);
	struct go_process *process = attach(&child, program);

	assert_truth(program, &child, process);
	tell(&child, "goroutines");
	assert_truth(program, &child, process);
	tell(&child, "allocate");
	assert_truth(program, &child, process);
	tell(&child, "collect");
	assert_truth(program, &child, process);
	go_detach(process);
	child_stop(&child);
}

/* The variables are found by what they hold, which is another thing after many collections. */
static void check_late(const char *program)
{
	struct child child = start(program);
	struct go_process *process;

	tell(&child, "goroutines");
	for (int i = 0; i < 20; i++)
		tell(&child, "collect");
	tell(&child, "allocate");
	process = attach(&child, program);
	assert_truth(program, &child, process);
	go_detach(process);
	child_stop(&child);
}

static void check_while_it_works(const char *program)
{
	struct child child = start(program);
	struct go_process *process = attach(&child, program);
	struct go_reading reading, last = {0};
	unsigned good = 0;

	tell(&child, "busy");
	for (int i = 0; i < 2000; i++) {
		int error = go_read(go, process, &reading);

		assert_true(error == 0 || error == -EAGAIN);
		if (error)
			continue;
		good++;
		assert_true(reading.gc_cycles >= last.gc_cycles && reading.goroutines < 1000);
		assert_true(reading.alloc_bytes_total >= last.alloc_bytes_total);
		assert_true(reading.gc_pause_total_ns >= last.gc_pause_total_ns);
		last = reading;
	}
	assert_true(good > 1900);
	go_detach(process);
	/* Attaching in the middle of it, with nothing known of the file. */
	tear_down(NULL);
	assert_int_equal(set_up(NULL), 0);
	go_detach(attach(&child, program));
	child_stop(&child);
}

static void check_cost(const char *program)
{
	struct child child = start(program);
	struct go_process *process;
	struct go_reading reading;
	struct timespec times[3];
	double attached, read;

	clock_gettime(CLOCK_MONOTONIC, &times[0]);
	process = attach(&child, program);
	clock_gettime(CLOCK_MONOTONIC, &times[1]);
	for (int i = 0; i < 1000; i++)
		go_read(go, process, &reading);
	clock_gettime(CLOCK_MONOTONIC, &times[2]);
	attached = (double)(times[1].tv_sec - times[0].tv_sec) * 1e3 +
		   (double)(times[1].tv_nsec - times[0].tv_nsec) / 1e6;
	read = (double)(times[2].tv_sec - times[1].tv_sec) * 1e3 +
	       (double)(times[2].tv_nsec - times[1].tv_nsec) / 1e6;
	print_message("%s, %s: %.1f ms to attach, %.1f us a read\n", program, reading.version, attached,
		      read);
	go_detach(process);
	child_stop(&child);
}

static void each(void (*check)(const char *program))
{
	char list[sizeof(programs)], *rest;

	if (!programs[0]) {
		print_message("there is no Go here\n");
		skip();
	}
	memcpy(list, programs, sizeof(list));
	for (char *name = strtok_r(list, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		check(name);
}

static void all_numbers_are_those_of_the_runtime(void **state)
{
	(void)state;
	each(check_numbers);
}

static void programs_that_have_long_run_are_found_their_way_in(void **state)
{
	(void)state;
	each(check_late);
}

static void a_program_at_work_is_read_without_nonsense(void **state)
{
	(void)state;
	each(check_while_it_works);
}

static void a_read_costs_little(void **state)
{
	(void)state;
	each(check_cost);
}

static void check_end(const char *program)
{
	struct child child = start(program);
	struct go_process *process = attach(&child, program);
	struct go_reading reading;
	const char *reason = NULL;

	child_stop(&child);
	assert_int_equal(go_read(go, process, &reading), -ESRCH);
	go_detach(process);
	assert_int_equal(go_attach(go, child.observed, &process, &reason), -ESRCH);
	assert_null(reason);
}

static void a_process_that_ends_is_gone(void **state)
{
	(void)state;
	each(check_end);
}

static void another_program_is_refused_with_a_reason(void **state)
{
	static const char *const arguments[] = {"sh", "-c", "echo ready $$; cat", NULL};
	struct go_process *process = NULL;
	const char *reason = NULL;
	struct child child;

	(void)state;
	assert_true(child_start(arguments, &child));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(go_attach(go, child.observed, &process, &reason), -ENOTSUP);
		assert_non_null(reason);
	}
	assert_null(process);
	child_stop(&child);
}

static void only_known_versions_have_a_layout(void **state)
{
	static const char *const known[] = {"1.19",
					    "1.20.14",
					    "1.26.8",
					    "1.24.1 X:boringcrypto",
					    "1.22.9 (Red Hat 1.22.9-2.el9)",
					    "1.25.0 X:jsonv2,systemcrypto"};
	static const char *const others[] = {"",
					     "1.18.10",
					     "1.28.0",
					     "1.27rc1",
					     "2.0.1",
					     "1.",
					     "1.x",
					     "1.27-devel",
					     "19",
					     "1.25.1 X:greenteagc",
					     "1.25.1 X:jsonv2,arenas"};
	const char *reason;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_non_null(go_layout_find(known[i], &reason));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		reason = NULL;
		if (go_layout_find(others[i], &reason) || !reason)
			fail_msg("\"%s\" has a layout", others[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_known_versions_have_a_layout),
		cmocka_unit_test_setup_teardown(all_numbers_are_those_of_the_runtime, set_up, tear_down),
		cmocka_unit_test_setup_teardown(programs_that_have_long_run_are_found_their_way_in, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_program_at_work_is_read_without_nonsense, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_process_that_ends_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_program_is_refused_with_a_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_read_costs_little, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, build_programs, remove_programs);
}
