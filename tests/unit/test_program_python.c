// SPDX-License-Identifier: Apache-2.0
// What Python programs say of themselves: scripts, modules, and what their servers were told to run. Where
// there is no Python, all are skipped.
#include "started_program.h"

#define PYTHON_WAITS "import os, sys\nprint('ready', os.getpid(), flush=True)\nsys.stdin.read()\n"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROGRAM_TEST(a_python_script_has_its_own_name),
		PROGRAM_TEST(a_python_module_has_its_own_name),
		PROGRAM_TEST(the_option_for_a_module_may_stand_with_others),
		PROGRAM_TEST(a_launcher_has_the_name_of_its_application),
		PROGRAM_TEST(a_module_that_every_project_has_says_less_than_its_package),
		PROGRAM_TEST(a_launcher_may_be_told_a_module_alone),
		PROGRAM_TEST(a_launcher_without_an_application_has_its_own_name),
		PROGRAM_TEST(a_spawned_python_worker_is_called_like_who_started_it),
		PROGRAM_TEST(the_version_of_python_is_in_the_name_of_its_file),
	};

	return cmocka_run_group_tests_name("python", tests, NULL, NULL);
}
