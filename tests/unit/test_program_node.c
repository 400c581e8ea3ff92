// SPDX-License-Identifier: Apache-2.0
// What Node programs say of themselves, and their workers, which say nothing. Where there is no Node, all are
// skipped.
#include "started_program.h"

#define NODE_WAITS "console.log('ready', process.pid); process.stdin.resume();\n"

static void a_node_script_has_the_name_of_its_package(void **state)
{
	char absolute[128];

	need("node");
	write_file("package.json", "{\"name\": \"web-shop\", \"version\": \"1.0.0\"}");
	write_file("server.js", NODE_WAITS);
	write_file("ecosystem", NODE_WAITS);
	snprintf(absolute, sizeof(absolute), "node %s/server.js", (char *)*state);
	assert_name("node server.js", RUNTIME_NODEJS, "web-shop");
	assert_name("node ./server.js", RUNTIME_NODEJS, "web-shop");
	assert_name("node server", RUNTIME_NODEJS, "web-shop");
	assert_name("node ecosystem", RUNTIME_NODEJS, "web-shop");
	assert_name(absolute, RUNTIME_NODEJS, "web-shop");
}

static void a_scope_is_no_part_of_a_name(void **state)
{
	(void)state;
	need("node");
	write_file("package.json", "{\"name\": \"@acme/web-shop\"}");
	write_file("server.js", NODE_WAITS);
	assert_name("node server.js", RUNTIME_NODEJS, "web-shop");
}

static void a_script_in_an_inner_directory_belongs_to_the_package_around_it(void **state)
{
	char absolute[128];

	need("node");
	write_file("package.json", "{\"name\": \"web-shop\"}");
	write_file("dist/main.js", NODE_WAITS);
	write_file("build/src/main.js", NODE_WAITS);
	write_file("src/package.json", "{\"type\": \"commonjs\"}");
	write_file("src/main.js", NODE_WAITS);
	snprintf(absolute, sizeof(absolute), "node %s/build/src/main.js", (char *)*state);
	assert_name(absolute, RUNTIME_NODEJS, "web-shop");
	assert_name("node ./dist/main.js", RUNTIME_NODEJS, "web-shop");
	assert_name("node ./src/main.js", RUNTIME_NODEJS, "web-shop");
}

static void an_inner_directory_may_be_named_relative_to_where_we_stand(void **state)
{
	(void)state;
	need("node");
	write_file("package.json", "{\"name\": \"web-shop\"}");
	write_file("dist/main.js", NODE_WAITS);
	write_file("build/src/main.js", NODE_WAITS);
	assert_name("node build/src/main.js", RUNTIME_NODEJS, "web-shop");
	assert_name("node dist/main.js", RUNTIME_NODEJS, "web-shop");
}

static void a_script_elsewhere_does_not_belong_to_a_package_further_out(void **state)
{
	(void)state;
	need("node");
	write_file("package.json", "{\"name\": \"monorepo\"}");
	write_file("tools/mailer.js", NODE_WAITS);
	assert_name("node ./tools/mailer.js", RUNTIME_NODEJS, "mailer");
}

static void a_script_without_a_named_package_has_its_own_name(void **state)
{
	static const char *const packages[] = {"", "{", "[]", "{\"name\": 7}", "{\"name\": \"\"}", "{}"};

	(void)state;
	need("node");
	write_file("stock.service.js", NODE_WAITS);
	assert_name("node stock.service.js", RUNTIME_NODEJS, "stock.service");
	for (size_t i = 0; i < COUNT(packages); i++) {
		struct process process = start("node stock.service.js");
		struct program program;

		/* Written later: node itself refuses some of them. */
		write_file("package.json", packages[i]);
		program_inspect(process.observed, &program);
		stop(&process);
		remove("package.json");
		assert_string_equal(program.name, "stock.service");
	}
}

static void the_options_of_node_are_not_its_script(void **state)
{
	(void)state;
	need("node");
	write_file("package.json", "{\"name\": \"web-shop\"}");
	write_file("hook.js", "");
	write_file("server.js", NODE_WAITS);
	assert_name("node --no-warnings --max-old-space-size=100 server.js --port 80", RUNTIME_NODEJS,
		    "web-shop");
	assert_name("node -r ./hook.js server.js", RUNTIME_NODEJS, "web-shop");
	assert_name("node --require ./hook.js --import ./hook.js server.js", RUNTIME_NODEJS, "web-shop");
	assert_name("node --require=./hook.js -C development server.js", RUNTIME_NODEJS, "web-shop");
	assert_name("node -- server.js", RUNTIME_NODEJS, "web-shop");
}

static void any_option_of_node_may_take_the_next_argument(void **state)
{
	(void)state;
	need("node");
	write_file("package.json", "{\"name\": \"web-shop\"}");
	write_file("elsewhere/server.js", NODE_WAITS);
	assert_name("node --unhandled-rejections strict ./elsewhere/server.js", RUNTIME_NODEJS, "server");
	assert_name("node --dns-result-order ipv4first ./elsewhere/server.js", RUNTIME_NODEJS, "server");
	assert_name("node --max-http-header-size 32768 ./elsewhere/server.js", RUNTIME_NODEJS, "server");
}

static void a_node_worker_without_a_script_is_called_like_who_started_it(void **state)
{
	(void)state;
	need("node");
	write_file("package.json", "{\"name\": \"web-shop\"}");
	write_file("server.js", "require('child_process').spawn(process.execPath, ['-e', "
				"\"console.log('ready', process.pid); process.stdin.resume();\"],"
				"{stdio: 'inherit'});\n");
	assert_name("node server.js", RUNTIME_NODEJS, "web-shop");
}

static void a_worker_is_not_called_like_a_program_of_another_runtime(void **state)
{
	(void)state;
	need("node");
	need("python3");
	write_file("server.js",
		   "require('child_process').spawn('python3', ['-c', "
		   "\"import os, sys; print('ready', os.getpid(), flush=True); sys.stdin.read()\"],"
		   "{stdio: 'inherit'});\n");
	assert_name("node server.js", RUNTIME_PYTHON, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROGRAM_TEST(a_node_script_has_the_name_of_its_package),
		PROGRAM_TEST(a_scope_is_no_part_of_a_name),
		PROGRAM_TEST(a_script_in_an_inner_directory_belongs_to_the_package_around_it),
		PROGRAM_TEST(an_inner_directory_may_be_named_relative_to_where_we_stand),
		PROGRAM_TEST(a_script_elsewhere_does_not_belong_to_a_package_further_out),
		PROGRAM_TEST(a_script_without_a_named_package_has_its_own_name),
		PROGRAM_TEST(the_options_of_node_are_not_its_script),
		PROGRAM_TEST(any_option_of_node_may_take_the_next_argument),
		PROGRAM_TEST(a_node_worker_without_a_script_is_called_like_who_started_it),
		PROGRAM_TEST(a_worker_is_not_called_like_a_program_of_another_runtime),
	};

	return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
