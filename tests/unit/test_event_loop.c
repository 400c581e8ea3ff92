// SPDX-License-Identifier: Apache-2.0
// Stretches made up, and a real Node's, against what perf_hooks.monitorEventLoopDelay() says of the same
// time. The latter needs root and a kernel that takes the programs.
#include "event_loop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "child.h"
#include "maps.h"
#include "memory.h"
#include "ringside.skel.h"
#include "runtimes/nodejs.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)

/* bucket of 10 ms and of 100 ms: units of 1.024 µs, sixteenths of octaves */
enum { BUCKET_10_MS = 1 + (9 << 4) + 3, BUCKET_100_MS = 1 + (12 << 4) + 7 };

static void assert_within(uint64_t value_ns, double truth_ms)
{
	double value_ms = (double)value_ns / (double)MS, slack = truth_ms * 0.1 > 2 ? truth_ms * 0.1 : 2;

	if (value_ms > truth_ms + slack || value_ms < truth_ms - slack)
		fail_msg("%.2f ms is not %.2f ms", value_ms, truth_ms);
}

static void test_an_idle_loop_is_not_late(void **state)
{
	struct loop loop = {.state = LOOP_WAITS};
	struct event_loop_lag lag = event_loop_lag(&loop, NULL, 11 * SECOND);

	(void)state;
	assert_int_equal(lag.worst_ns, 0);
	assert_int_equal(lag.p99_ns, 0);
	lag = event_loop_lag(&loop, NULL, SECOND);
	assert_int_equal(lag.p50_ns, 0);
}

static void test_quantiles_are_those_of_a_timer(void **state)
{
	struct loop before = {.state = LOOP_WAITS, .due_ns = SECOND}, loop;
	struct event_loop_lag lag;

	(void)state;
	before.stretches[BUCKET_100_MS] = 5;
	before.late[BUCKET_100_MS] = 5;
	before.late[0] = 100;
	loop = before;
	loop.stretches[BUCKET_100_MS] += 20;
	loop.late[BUCKET_100_MS] += 20;
	loop.late[0] += 180;
	loop.due_ns = 5 * SECOND;
	lag = event_loop_lag(&loop, &before, 5 * SECOND);
	assert_within(lag.worst_ns, 100);
	assert_int_equal(lag.p50_ns, 0);
	assert_within(lag.p90_ns, 0);
	assert_within(lag.p99_ns, 100);
	/* It has waited for a second since, which nobody has added up. */
	lag = event_loop_lag(&loop, &before, 6 * SECOND);
	assert_int_equal(lag.p90_ns, 0);
	loop.late[0] = before.late[0];
	loop.late[BUCKET_10_MS] += 30;
	lag = event_loop_lag(&loop, &before, 5 * SECOND);
	assert_within(lag.p50_ns, 10);
	assert_within(lag.p90_ns, 100);
}

static void test_a_stretch_that_goes_on_counts(void **state)
{
	struct loop loop = {.state = LOOP_STRETCH, .begin_ns = 2 * SECOND, .due_ns = 2 * SECOND + 4 * MS};
	struct event_loop_lag lag = event_loop_lag(&loop, NULL, 5 * SECOND);

	(void)state;
	assert_int_equal(lag.worst_ns, 3 * SECOND);
	/* The one timer that there was has not fired yet. */
	assert_within(lag.p50_ns, 2996);
}

static void test_the_longest_stretch_has_a_bucket(void **state)
{
	struct loop loop = {.state = LOOP_STRETCH, .begin_ns = 0};

	(void)state;
	loop.stretches[LOOP_BUCKETS - 1] = UINT32_MAX;
	loop.late[LOOP_BUCKETS - 1] = UINT32_MAX;
	assert_true(event_loop_lag(&loop, NULL, 100 * SECOND).p99_ns > 60 * SECOND);
	assert_true(event_loop_lag(&loop, NULL, UINT64_MAX).worst_ns > 60 * SECOND);
}

/* --- a real one --- */

static const char script[] =
	"const {monitorEventLoopDelay, performance} = require('perf_hooks'), cp = require('child_process');\n"
	"const fs = require('fs'), delay = monitorEventLoopDelay({resolution: 10}), say = t => "
	"fs.writeSync(1, t + '\\n');\n"
	"const cell = new Int32Array(new SharedArrayBuffer(4)); let work = null, worst = 0; delay.enable();\n"
	"const kinds = {\n"
	"  spin(ms) { const end = performance.now() + ms; while (performance.now() < end); },\n"
	"  wait(ms) { Atomics.wait(cell, 0, 0, ms); },\n"
	"  exec(ms) { cp.execFileSync('sleep', [String(ms / 1000)]); },\n"
	"};\n"
	"const commands = {\n"
	"  begin(kind, ms, pause) { worst = 0; delay.reset(); work = () => { const begin = "
	"performance.now();\n"
	"    kinds[kind](+ms); worst = Math.max(worst, performance.now() - begin);\n"
	"    if (work) +pause ? setTimeout(work, +pause + Math.random() * 10) : setImmediate(work); };\n"
	"    say('done'); if (kind !== 'idle') setTimeout(work, 20); },\n"
	"  end() { work = null; const q = p => Math.max(0, delay.percentile(p) / 1e6 - 10);\n"
	"    say(`${worst} ${q(50)} ${q(90)} ${q(99)} ${delay.max / 1e6 - 10}`); },\n"
	"};\n"
	"process.stdin.on('data', data => { for (const line of String(data).split('\\n')) {\n"
	"  const [command, ...rest] = line.split(' '); if (command) commands[command](...rest); } });\n"
	"process.stdin.on('end', () => process.exit());\n"
	"setImmediate(() => say('ready ' + process.pid));\n";

static struct ringside *skeleton;
static struct event_loops *loops;
static struct memory_counts counts;
static struct nodejs *nodejs;
static struct nodejs_process *process;
static struct event_loop *loop;
static struct child child;

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* False where there is no node, or the kernel does not let us. */
static bool begin(void)
{
	const char *node = getenv("RINGSIDE_NODE");
	const char *const arguments[] = {node ? node : "node", "-e", script, NULL};
	const char *reason;
	struct nodejs_loop where;
	int error = -EAGAIN;

	libbpf_set_print(silent);
	skeleton = ringside__open_and_load();
	if (!skeleton)
		return false;
	assert_true(child_start(arguments, &child));
	assert_non_null(loops = event_loops_new(skeleton));
	assert_non_null(nodejs = nodejs_new(&counts));
	for (int try = 0; error == -EAGAIN && try < 1000; try++) {
		usleep(10000);
		error = nodejs_attach(nodejs, child.observed, &process, &reason);
	}
	assert_int_equal(error, 0);
	where = nodejs_loop(process);
	assert_int_equal(event_loop_watch(loops, child.observed, where.time_address, where.epoll_fd, &loop),
			 0);
	return true;
}

static void end(void)
{
	event_loop_forget(loop);
	nodejs_detach(process);
	nodejs_free(nodejs);
	event_loops_free(loops);
	child_stop(&child);
	ringside__destroy(skeleton);
}

static bool is_near(double ours, double truth, double slack)
{
	return ours > truth * 0.9 - slack && ours < truth * 1.1 + slack;
}

/* The machine may disturb one of both: only what is wrong five times is wrong. By ticks a stretch is known
 * to half of one at each end, and quantiles are as exact as the many that they are made of; at system calls,
 * all is. */
static void compare(const char *kind, bool exact)
{
	double worst, p50, p90, p99, max, slack = exact ? 2 : 4;
	struct event_loop_lag lag;
	char line[256];

	for (int try = 0; try < 5; try++) {
		snprintf(line, sizeof(line), "begin %s", kind);
		assert_true(child_ask(&child, line, line, sizeof(line)));
		assert_int_equal(event_loop_read(loop, &lag), 0);
		sleep(2);
		assert_true(child_ask(&child, "end", line, sizeof(line)));
		assert_int_equal(event_loop_read(loop, &lag), 0);
		assert_int_equal(sscanf(line, "%lf %lf %lf %lf %lf", &worst, &p50, &p90, &p99, &max), 5);
		print_message(
			"%-14s %s worst %.2f (%.2f, timer %.2f) p50 %.2f (%.2f) p90 %.2f (%.2f) p99 %.2f "
			"(%.2f)\n",
			kind, exact ? "exact  " : "sampled", (double)lag.worst_ns / 1e6, worst, max,
			(double)lag.p50_ns / 1e6, p50, (double)lag.p90_ns / 1e6, p90,
			(double)lag.p99_ns / 1e6, p99);
		usleep(200000);
		/* Of the longest stretch handlers know; the timer may have missed more than one in a row. */
		if ((is_near((double)lag.worst_ns / 1e6, worst, slack) ||
		     is_near((double)lag.worst_ns / 1e6, max, slack)) &&
		    is_near((double)lag.p50_ns / 1e6, p50, slack) &&
		    is_near((double)lag.p90_ns / 1e6, p90, slack) &&
		    is_near((double)lag.p99_ns / 1e6, p99, slack))
			return;
	}
	fail_msg("%s: not within 10 %% or %.0f ms", kind, slack);
}

static void compare_all(bool exact)
{
	if (!begin())
		skip();
	event_loops_set_exact(loops, exact);
	compare("idle 0 0", exact);
	compare("spin 40 60", exact);
	compare("spin 100 30", exact);
	compare("spin 30 0", exact);
	compare("wait 50 50", exact);
	compare("exec 60 60", exact);
	assert_null(event_loops_trouble(loops));
	end();
}

static void test_a_real_loop_is_as_late_as_it_says(void **state)
{
	(void)state;
	compare_all(false);
}

static void test_its_exact_way_is_exact(void **state)
{
	(void)state;
	compare_all(true);
}

static void test_a_loop_that_does_not_come_back_is_seen(void **state)
{
	struct event_loop_lag lag;
	char line[64];

	(void)state;
	if (!begin())
		skip();
	assert_true(child_ask(&child, "begin wait 3000 5000", line, sizeof(line)));
	usleep(1500000);
	assert_int_equal(event_loop_read(loop, &lag), 0);
	assert_true(lag.worst_ns > SECOND && lag.worst_ns < 3 * SECOND);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_idle_loop_is_not_late),
		cmocka_unit_test(test_quantiles_are_those_of_a_timer),
		cmocka_unit_test(test_a_stretch_that_goes_on_counts),
		cmocka_unit_test(test_the_longest_stretch_has_a_bucket),
		cmocka_unit_test(test_a_real_loop_is_as_late_as_it_says),
		cmocka_unit_test(test_its_exact_way_is_exact),
		cmocka_unit_test(test_a_loop_that_does_not_come_back_is_seen),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
