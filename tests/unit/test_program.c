// SPDX-License-Identifier: Apache-2.0
// What real programs say of themselves: each is written to a temporary directory, started there, and looked
// at while it waits. One whose interpreter or compiler is absent is skipped, with the reason.
#include "program.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Each says "ready" and the process to look at, waits until its input ends, and goes. */
#define NODE_WAITS "console.log('ready', process.pid); process.stdin.resume();\n"
#define PYTHON_WAITS "import os, sys\nprint('ready', os.getpid(), flush=True)\nsys.stdin.read()\n"
#define GO_WAITS                                                                                          \
	"package main\nimport \"os\"\nfunc main() {\n\tprintln(\"ready\", os.Getpid())\n\tos.Stdin.Read(" \
	"make([]byte, 1))\n}\n"

#define READY_TIMEOUT_MS 20000

/* A directory of its own for each test, in which it stands. */

static int enter_directory(void **state)
{
	char *directory = strdup("/tmp/ringside-program-XXXXXX");

	if (!directory || !mkdtemp(directory) || chdir(directory))
		return -1;
	*state = directory;
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position)
{
	(void)status, (void)kind, (void)position;
	return remove(path);
}

static int leave_directory(void **state)
{
	int error = chdir("/") || nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return error;
}

/* Directories on the way are made. */
static void write_file(const char *path, const char *text)
{
	char directory[256];
	FILE *file;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
		mkdir(directory, 0755);
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static void need(const char *tool)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", tool);
	if (system(command) == 0)
		return;
	print_message("there is no %s here\n", tool);
	skip();
}

struct process {
	pid_t pid;      ///< the one that was started
	pid_t observed; ///< the one that says that it is ready
	int input;
};

/* Starts a command line, its arguments separated by single spaces, and waits for its "ready PID". */
static struct process start(const char *command_line)
{
	char words[512], *arguments[32] = {NULL}, line[64] = "", *rest;
	int input[2], output[2];
	struct process process;
	size_t count = 0, len = 0;

	snprintf(words, sizeof(words), "%s", command_line);
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		arguments[count++] = word;
	assert_int_equal(pipe2(input, O_CLOEXEC) | pipe2(output, O_CLOEXEC), 0);
	process.pid = fork();
	if (process.pid == 0) {
		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		dup2(output[1], STDERR_FILENO); /* where Go's println writes */
		execvp(arguments[0], arguments);
		_exit(127);
	}
	assert_true(process.pid > 0);
	close(input[0]);
	close(output[1]);
	process.input = input[1];
	while (!strchr(line, '\n') && len + 1 < sizeof(line)) {
		struct pollfd readable = {.fd = output[0], .events = POLLIN};
		ssize_t got = poll(&readable, 1, READY_TIMEOUT_MS) == 1
				      ? read(output[0], line + len, sizeof(line) - 1 - len)
				      : 0;

		if (got <= 0)
			break;
		line[len += got] = '\0';
	}
	close(output[0]);
	if (sscanf(line, "ready %d", &process.observed) != 1)
		fail_msg("\"%s\" says \"%s\"", command_line, line);
	return process;
}

static void stop(const struct process *process)
{
	int status;

	close(process->input);
	if (process->observed != process->pid)
		kill(process->observed, SIGKILL);
	kill(process->pid, SIGKILL);
	waitpid(process->pid, &status, 0);
}

static struct program inspect(const char *command_line)
{
	struct process process = start(command_line);
	struct program program;

	program_inspect(process.observed, &program);
	stop(&process);
	return program;
}

static void assert_name(const char *command_line, enum runtime runtime, const char *name)
{
	struct program program = inspect(command_line);

	if (strcmp(program.name, name) != 0 || program.runtime != runtime)
		fail_msg("\"%s\" is %s \"%s\", not %s \"%s\"", command_line, runtime_name(program.runtime),
			 program.name, runtime_name(runtime), name);
}

/* Node. */

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

/* Python. */

static void a_python_script_has_its_own_name(void **state)
{
	(void)state;
	need("python3");
	write_file("stock.py", PYTHON_WAITS);
	write_file("bin/stock-server", PYTHON_WAITS);
	assert_name("python3 stock.py", RUNTIME_PYTHON, "stock");
	assert_name("python3 -u -O -W ignore -X utf8 -Xdev stock.py --port 80", RUNTIME_PYTHON, "stock");
	assert_name("python3 bin/stock-server", RUNTIME_PYTHON, "stock-server");
}

static void a_python_module_has_its_own_name(void **state)
{
	(void)state;
	need("python3");
	write_file("stock.py", PYTHON_WAITS);
	write_file("shop/__init__.py", "");
	write_file("shop/__main__.py", PYTHON_WAITS);
	assert_name("python3 -m stock", RUNTIME_PYTHON, "stock");
	assert_name("python3 -u -m shop --workers 2", RUNTIME_PYTHON, "shop");
}

static void the_option_for_a_module_may_stand_with_others(void **state)
{
	(void)state;
	need("python3");
	write_file("stock.py", PYTHON_WAITS);
	assert_name("python3 -um stock", RUNTIME_PYTHON, "stock");
	assert_name("python3 -mstock", RUNTIME_PYTHON, "stock");
}

/* Stand-ins for servers that are told what to serve: only their command line matters. */
static void write_launchers(void)
{
	need("python3");
	write_file("bin/gunicorn", PYTHON_WAITS);
	write_file("bin/uvicorn", PYTHON_WAITS);
	write_file("uvicorn.py", PYTHON_WAITS);
	write_file("gunicorn.py", PYTHON_WAITS);
}

static void a_launcher_has_the_name_of_its_application(void **state)
{
	(void)state;
	write_launchers();
	assert_name("python3 bin/gunicorn stock:app", RUNTIME_PYTHON, "stock");
	assert_name("python3 bin/gunicorn -b 0.0.0.0:8000 --workers 2 stock:create_app()", RUNTIME_PYTHON,
		    "stock");
	assert_name("python3 bin/gunicorn --bind unix:/run/stock.sock stock:app", RUNTIME_PYTHON, "stock");
	assert_name("python3 bin/uvicorn --host 127.0.0.1 --port 8000 stock:app", RUNTIME_PYTHON, "stock");
	assert_name("python3 -m uvicorn stock:app --reload", RUNTIME_PYTHON, "stock");
	assert_name("python3 -m gunicorn -k uvicorn.workers.UvicornWorker stock:app", RUNTIME_PYTHON,
		    "stock");
}

static void a_module_that_every_project_has_says_less_than_its_package(void **state)
{
	(void)state;
	write_launchers();
	assert_name("python3 bin/gunicorn stock.wsgi:application", RUNTIME_PYTHON, "stock");
	assert_name("python3 bin/uvicorn acme.stock.api.main:app", RUNTIME_PYTHON, "stock");
	assert_name("python3 bin/uvicorn acme.stock:app", RUNTIME_PYTHON, "stock");
	assert_name("python3 bin/uvicorn main:app", RUNTIME_PYTHON, "main");
}

static void a_launcher_may_be_told_a_module_alone(void **state)
{
	(void)state;
	write_launchers();
	/* As Django's and gunicorn's manuals have it: the callable is then called "application". */
	assert_name("python3 bin/gunicorn stock.wsgi", RUNTIME_PYTHON, "stock");
	assert_name("python3 bin/gunicorn --workers 2 stock.wsgi --bind 0.0.0.0:8000", RUNTIME_PYTHON,
		    "stock");
	assert_name("python3 bin/gunicorn stock.wsgi --worker-class gevent", RUNTIME_PYTHON, "stock");
}

static void a_launcher_without_an_application_has_its_own_name(void **state)
{
	(void)state;
	write_launchers();
	assert_name("python3 bin/gunicorn -c conf.py", RUNTIME_PYTHON, "gunicorn");
}

static void a_spawned_python_worker_is_called_like_who_started_it(void **state)
{
	(void)state;
	need("python3");
	write_file("stock.py", "import multiprocessing, os, sys, time\n"
			       "def work():\n"
			       "    print('ready', os.getpid(), flush=True)\n"
			       "    time.sleep(60)\n"
			       "if __name__ == '__main__':\n"
			       "    worker = multiprocessing.get_context('spawn').Process(target=work)\n"
			       "    worker.start()\n"
			       "    worker.join()\n");
	assert_name("python3 stock.py", RUNTIME_PYTHON, "stock");
}

static void the_version_of_python_is_in_the_name_of_its_file(void **state)
{
	struct program program;

	(void)state;
	need("python3");
	write_file("stock.py", PYTHON_WAITS);
	program = inspect("python3 stock.py");
	if (!strstr(program.executable, "/python3."))
		skip();
	assert_string_equal(program.runtime_version,
			    strstr(program.executable, "/python3.") + strlen("/python"));
}

/* Go. */

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

/* Others. */

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

#define PROGRAM_TEST(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

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
		PROGRAM_TEST(a_python_script_has_its_own_name),
		PROGRAM_TEST(a_python_module_has_its_own_name),
		PROGRAM_TEST(the_option_for_a_module_may_stand_with_others),
		PROGRAM_TEST(a_launcher_has_the_name_of_its_application),
		PROGRAM_TEST(a_module_that_every_project_has_says_less_than_its_package),
		PROGRAM_TEST(a_launcher_may_be_told_a_module_alone),
		PROGRAM_TEST(a_launcher_without_an_application_has_its_own_name),
		PROGRAM_TEST(a_spawned_python_worker_is_called_like_who_started_it),
		PROGRAM_TEST(the_version_of_python_is_in_the_name_of_its_file),
		PROGRAM_TEST(a_go_program_has_the_name_of_its_module),
		PROGRAM_TEST(a_stripped_go_program_keeps_its_name),
		PROGRAM_TEST(a_major_version_is_no_name),
		PROGRAM_TEST(a_name_that_begins_like_a_version_is_a_name),
		PROGRAM_TEST(a_go_program_of_loose_files_does_not_say_its_name),
		PROGRAM_TEST(another_program_has_no_name_of_its_own),
		PROGRAM_TEST(a_process_that_is_gone_says_nothing),
		PROGRAM_TEST(each_runtime_has_the_contracts_name),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
