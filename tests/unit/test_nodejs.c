// SPDX-License-Identifier: Apache-2.0
// Real Nodes, and what each says of itself at the same moment. This machine's node, and all that
// RINGSIDE_NODES names, separated by spaces.
#include "runtimes/nodejs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "child.h"
#include "memory.h"

/* The heap's truth with a little room for what was allocated between the answer and the standstill. */
enum { SLACK_BYTES = 128 * 1024, HANDLES_SLACK = 3 };

/* Lines are commands. After "truth" it stands still for a while: nothing moves while it is read. */
static const char script[] =
	"const fs = require('fs'), v8 = require('v8'), {Worker} = require('worker_threads');\n"
	"const say = text => fs.writeSync(1, text + '\\n');\n"
	"const cell = new Int32Array(new SharedArrayBuffer(4));\n"
	"let kept = [], workers = [];\n"
	"const commands = {\n"
	"  truth() { const handles = process._getActiveHandles().length, s = v8.getHeapStatistics();\n"
	"    say(`${process.versions.node} ${s.total_heap_size} ${s.used_heap_size} "
	"${handles}`);\n"
	"    Atomics.wait(cell, 0, 0, 300); },\n"
	"  fill(n) { for (let i = 0; i < n * 1e4; i++) kept.push({a: i, b: 'x' + i}); say('done'); },\n"
	"  large() { kept.push(new Array(1e6).fill(1.5)); say('done'); },\n"
	"  drop() { kept = []; for (let i = 0; i < 3e6; i++) kept[i & 1] = [i]; say('done'); },\n"
	"  handles(n) { for (let i = 0; i < n; i++) require('net').createServer().listen(0); say('done'); "
	"},\n"
	"  worker() { const w = new Worker('setInterval(() => {}, 1e6); "
	"require(\"worker_threads\").parentPort.postMessage(0)', {eval: true});\n"
	"    w.on('message', () => say('done')); workers.push(w); },\n"
	"  end() { workers.pop().terminate().then(() => setTimeout(say, 50, 'done')); },\n"
	"};\n"
	"let input = '';\n"
	"process.stdin.on('data', data => { input += data;\n"
	"  for (let at; (at = input.indexOf('\\n')) >= 0;) {\n"
	"    const [command, argument] = input.slice(0, at).split(' '); input = input.slice(at + 1);\n"
	"    if (command) commands[command](argument); } });\n"
	"process.stdin.on('end', () => process.exit());\n"
	"setImmediate(() => say('ready ' + process.pid));\n";

static struct memory_counts counts;
static struct nodejs *nodejs;

static int set_up(void **state)
{
	(void)state;
	counts = (struct memory_counts){0};
	nodejs = nodejs_new(&counts);
	return nodejs ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	nodejs_free(nodejs);
	return 0;
}

static struct child start(const char *node)
{
	const char *const arguments[] = {node, "-e", script, NULL};
	struct child child;

	if (!child_start(arguments, &child)) {
		print_message("there is no %s here\n", node);
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

static struct nodejs_process *attach(pid_t pid)
{
	struct nodejs_process *process = NULL;
	const char *reason = "";
	int error;

	for (int try = 0; (error = nodejs_attach(nodejs, pid, &process, &reason)) == -EAGAIN && try < 1000;
	     try++)
		usleep(10000);
	if (error)
		fail_msg("process %d: %s, \"%s\"", pid, strerror(-error), reason);
	return process;
}

static void assert_close(uint64_t value, uint64_t truth, uint64_t slack)
{
	if (value > truth + slack || value + slack < truth)
		fail_msg("%llu is not %llu", (unsigned long long)value, (unsigned long long)truth);
}

static bool is_truth(const struct child *child, struct nodejs_process *process)
{
	unsigned long long total, used, handles;
	struct nodejs_reading reading;
	char truth[256], version[32];

	assert_true(child_ask(child, "truth", truth, sizeof(truth)));
	usleep(20000); /* it goes into its wait */
	assert_int_equal(nodejs_read(nodejs, process, &reading), 0);
	assert_int_equal(sscanf(truth, "%31s %llu %llu %llu", version, &total, &used, &handles), 4);
	assert_string_equal(nodejs_version(process), version);
	assert_close(reading.active_handles, handles, HANDLES_SLACK);
	return reading.heap.total_bytes == total && reading.heap.used_bytes < used + SLACK_BYTES &&
	       used < reading.heap.used_bytes + SLACK_BYTES;
}

/* To the byte; but it may take another page of 256 KiB between its answer and the
 * wait, which counts as used as long as something is allocated in it. */
static void assert_truth(const struct child *child, struct nodejs_process *process)
{
	assert_true(is_truth(child, process) || is_truth(child, process) || is_truth(child, process));
}

static void check(const char *node)
{
	struct child child = start(node);
	struct nodejs_process *process = attach(child.observed);
	struct nodejs_reading reading;

	assert_truth(&child, process);
	tell(&child, "fill 30");
	assert_truth(&child, process);
	tell(&child, "large");
	assert_truth(&child, process);
	tell(&child, "drop");
	assert_truth(&child, process);
	tell(&child, "handles 50");
	assert_truth(&child, process);
	tell(&child, "worker");
	tell(&child, "worker");
	assert_truth(&child, process);
	assert_int_equal(nodejs_read(nodejs, process, &reading), 0);
	assert_int_equal(reading.workers, 2);
	assert_true(reading.workers_heap.used_bytes > 1 << 20);
	assert_true(reading.workers_heap.used_bytes < reading.workers_heap.total_bytes);
	tell(&child, "end");
	assert_int_equal(nodejs_read(nodejs, process, &reading), 0);
	assert_int_equal(reading.workers, 1);
	assert_int_equal(counts.unmapped + counts.implausible + counts.other + counts.denied, 0);
	nodejs_detach(process);
	child_stop(&child);
}

static void test_heap_and_handles_are_those_of_this_machines_node(void **state)
{
	(void)state;
	check("node");
}

static void test_other_nodes_are_read_too(void **state)
{
	const char *others = getenv("RINGSIDE_NODES");
	char *list = others ? strdup(others) : NULL, *rest = list, *node;

	(void)state;
	if (!list)
		skip();
	while ((node = strsep(&rest, " ")))
		if (*node) {
			print_message("%s\n", node);
			counts = (struct memory_counts){0};
			check(node);
		}
	free(list);
}

/* While objects are made and collected as fast as it can, no reading is out of all proportion. */
static void test_a_heap_at_work_is_read_or_refused(void **state)
{
	static const char at_work[] = "console.log('ready', process.pid); let keep = []; function work() { "
				      "for (let i = 0; i < 2e4; "
				      "i++) keep[i] = {i, a: [i]}; if (Math.random() < .1) keep = []; "
				      "setImmediate(work); } work();";
	const char *const arguments[] = {"node", "-e", at_work, NULL};
	struct nodejs_process *process;
	struct nodejs_reading reading;
	unsigned good = 0, bad = 0;
	struct child child;

	(void)state;
	if (!child_start(arguments, &child))
		skip();
	process = attach(child.observed);
	for (unsigned i = 0; i < 20000; i++) {
		int error = nodejs_read(nodejs, process, &reading);

		assert_true(error == 0 || error == -EAGAIN);
		error ? bad++ : good++;
		if (error)
			continue;
		assert_true(reading.heap.used_bytes > 1 << 20);
		assert_true(reading.heap.used_bytes <= reading.heap.total_bytes);
		assert_true(reading.heap.total_bytes < 1 << 30);
	}
	print_message("%u read, %u refused\n", good, bad);
	assert_true(good > 20 * bad);
	nodejs_detach(process);
	child_stop(&child);
}

static void test_the_end_of_the_process_is_seen(void **state)
{
	struct child child;
	struct nodejs_process *process;
	struct nodejs_reading reading;

	(void)state;
	child = start("node");
	process = attach(child.observed);
	child_stop(&child);
	assert_int_equal(nodejs_read(nodejs, process, &reading), -ESRCH);
	nodejs_detach(process);
}

static void test_what_is_no_node_is_refused_with_the_reason(void **state)
{
	const char *const arguments[] = {"sh", "-c", "echo ready $$; exec sleep 1000", NULL};
	struct nodejs_process *process = NULL;
	const char *reason = NULL;
	struct child child;

	(void)state;
	assert_true(child_start(arguments, &child));
	assert_int_equal(nodejs_attach(nodejs, child.observed, &process, &reason), -EAGAIN);
	sleep(4);
	assert_int_equal(nodejs_attach(nodejs, child.observed, &process, &reason), -ENOTSUP);
	assert_string_equal(reason, "neither the executable nor a libnode of it has node's symbols");
	assert_null(process);
	child_stop(&child);
}

static void test_it_is_attached_from_its_first_moment_on(void **state)
{
	const char *const arguments[] = {
		"node", "-e", "console.log('ready', process.pid); setInterval(() => {}, 1e6)", NULL};

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct nodejs_process *process = NULL;
		const char *reason = "";
		int error = -EAGAIN;
		pid_t pid = fork();

		if (pid == 0) {
			close(STDOUT_FILENO);
			execvp(arguments[0], (char *const *)arguments);
			_exit(127);
		}
		for (int try = 0; error == -EAGAIN && try < 20000; try++) {
			usleep(200);
			error = nodejs_attach(nodejs, pid, &process, &reason);
		}
		nodejs_detach(process);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (error == -ESRCH)
			skip(); /* no node here */
		if (error)
			fail_msg("%s, \"%s\"", strerror(-error), reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_heap_and_handles_are_those_of_this_machines_node, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_other_nodes_are_read_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_heap_at_work_is_read_or_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_end_of_the_process_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_node_is_refused_with_the_reason, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_it_is_attached_from_its_first_moment_on, set_up,
						tear_down),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
