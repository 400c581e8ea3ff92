// SPDX-License-Identifier: Apache-2.0
// What is known of a process of no particular runtime, of one that is gone, and how runtimes are called.
#include "started_program.h"

static void another_program_has_no_name_of_its_own(void **state)
{
	(void)state;
	write_file("wait.sh", "echo ready $$\nread line\n");
	assert_name("sh wait.sh", RUNTIME_OTHER, "");
}

static void a_process_that_is_gone_says_nothing(void **state)
{
	struct process process;
	struct program program;

	(void)state;
	write_file("wait.sh", "echo ready $$\nread line\n");
	process = start("sh wait.sh");
	stop(&process);
	memset(&program, 0xa5, sizeof(program));
	program_inspect(process.pid, &program);
	assert_string_equal(program.name, "");
	assert_string_equal(program.executable, "");
	assert_int_equal(program.runtime, RUNTIME_OTHER);
}

static void each_runtime_has_the_contracts_name(void **state)
{
	(void)state;
	assert_string_equal(runtime_name(RUNTIME_NODEJS), "nodejs");
	assert_string_equal(runtime_name(RUNTIME_PYTHON), "python");
	assert_string_equal(runtime_name(RUNTIME_GO), "go");
	assert_string_equal(runtime_name(RUNTIME_JAVA), "java");
	assert_string_equal(runtime_name(RUNTIME_OTHER), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROGRAM_TEST(another_program_has_no_name_of_its_own),
		PROGRAM_TEST(a_process_that_is_gone_says_nothing),
		PROGRAM_TEST(each_runtime_has_the_contracts_name),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
