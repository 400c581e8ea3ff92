// SPDX-License-Identifier: Apache-2.0
// What Go programs carry in their executables, as the compiler here builds them. Where there is none, all are
// skipped.
#include "started_program.h"

#define GO_WAITS                                                                                          \
	"package main\nimport \"os\"\nfunc main() {\n\tprintln(\"ready\", os.Getpid())\n\tos.Stdin.Read(" \
	"make([]byte, 1))\n}\n"

/* In a module of this name, unless it is empty; the compiler must not look for other versions of itself. */
static void build_go(const char *module, const char *options)
{
	char go_mod[128], command[256];

	need("go");
	snprintf(go_mod, sizeof(go_mod), "module %s\n\ngo 1.18\n", module);
	write_file("main.go", GO_WAITS);
	if (*module)
		write_file("go.mod", go_mod);
	snprintf(command, sizeof(command),
		 "GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-buildvcs=false go build -o program %s", options);
	assert_int_equal(system(command), 0);
}

static void a_go_program_has_the_name_of_its_module(void **state)
{
	struct program program;

	(void)state;
	build_go("example.com/acme/stock", ".");
	program = inspect("./program");
	assert_int_equal(program.runtime, RUNTIME_GO);
	assert_string_equal(program.name, "stock");
	assert_true(program.runtime_version[0] >= '1' && program.runtime_version[0] <= '9');
	assert_true(strchr(program.runtime_version, '.'));
	assert_non_null(strstr(program.executable, "/program"));
}

static void a_stripped_go_program_keeps_its_name(void **state)
{
	(void)state;
	build_go("stock", "-ldflags=-s\\ -w -trimpath .");
	assert_name("./program", RUNTIME_GO, "stock");
}

static void a_major_version_is_no_name(void **state)
{
	static const char *const modules[] = {"example.com/acme/stock/v2", "example.com/acme/stock/v10",
					      "example.com/stock/v2"};

	(void)state;
	for (size_t i = 0; i < COUNT(modules); i++) {
		build_go(modules[i], ".");
		assert_name("./program", RUNTIME_GO, "stock");
	}
}

static void a_name_that_begins_like_a_version_is_a_name(void **state)
{
	(void)state;
	build_go("example.com/acme/v2ray", ".");
	assert_name("./program", RUNTIME_GO, "v2ray");
}

static void a_go_program_of_loose_files_does_not_say_its_name(void **state)
{
	(void)state;
	build_go("", "main.go");
	assert_name("./program", RUNTIME_GO, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROGRAM_TEST(a_go_program_has_the_name_of_its_module),
		PROGRAM_TEST(a_stripped_go_program_keeps_its_name),
		PROGRAM_TEST(a_major_version_is_no_name),
		PROGRAM_TEST(a_name_that_begins_like_a_version_is_a_name),
		PROGRAM_TEST(a_go_program_of_loose_files_does_not_say_its_name),
	};

	return cmocka_run_group_tests_name("go", tests, NULL, NULL);
}
