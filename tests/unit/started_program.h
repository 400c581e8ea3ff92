// SPDX-License-Identifier: Apache-2.0
// Real programs, each written to a temporary directory, started there, and looked at while it waits: it says
// "ready" and the process to look at, waits until its input ends, and goes.
#ifndef RINGSIDE_TESTS_STARTED_PROGRAM_H
#define RINGSIDE_TESTS_STARTED_PROGRAM_H

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define READY_TIMEOUT_MS 20000

/* A directory of its own for each test, in which it stands. */

static inline int enter_directory(void **state)
{
	char *directory = strdup("/tmp/ringside-program-XXXXXX");

	if (!directory || !mkdtemp(directory) || chdir(directory))
		return -1;
	*state = directory;
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position)
{
	(void)status, (void)kind, (void)position;
	return remove(path);
}

static inline int leave_directory(void **state)
{
	int error = chdir("/") || nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return error;
}

/* Directories on the way are made. */
static inline void write_file(const char *path, const char *text)
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

static inline void need(const char *tool)
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
static inline struct process start(const char *command_line)
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
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is ended leaves nothing behind */
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

static inline void stop(const struct process *process)
{
	int status;

	close(process->input);
	if (process->observed != process->pid)
		kill(process->observed, SIGKILL);
	kill(process->pid, SIGKILL);
	waitpid(process->pid, &status, 0);
}

static inline struct program inspect(const char *command_line)
{
	struct process process = start(command_line);
	struct program program;

	program_inspect(process.observed, &program);
	stop(&process);
	return program;
}

static inline void assert_name(const char *command_line, enum runtime runtime, const char *name)
{
	struct program program = inspect(command_line);

	if (strcmp(program.name, name) != 0 || program.runtime != runtime)
		fail_msg("\"%s\" is %s \"%s\", not %s \"%s\"", command_line, runtime_name(program.runtime),
			 program.name, runtime_name(runtime), name);
}

#define PROGRAM_TEST(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

#endif
