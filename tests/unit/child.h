// SPDX-License-Identifier: Apache-2.0
// A program that a test starts and talks to in lines. It says "ready PID" first and ends with its input.
#ifndef RINGSIDE_TESTS_CHILD_H
#define RINGSIDE_TESTS_CHILD_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_TIMEOUT_MS = 30000 };

struct child {
	pid_t pid; ///< the one that was started
	pid_t observed;
	int input, output;
};

/// Its next line, without the newline. False if there is none in time.
static inline bool child_line(const struct child *child, char *line, size_t size)
{
	for (size_t len = 0; len + 1 < size; len++) {
		struct pollfd readable = {.fd = child->output, .events = POLLIN};

		if (poll(&readable, 1, CHILD_TIMEOUT_MS) != 1 || read(child->output, line + len, 1) != 1)
			break;
		if (line[len] == '\n') {
			line[len] = '\0';
			return true;
		}
	}
	return false;
}

static inline void child_stop(struct child *child)
{
	close(child->input);
	close(child->output);
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}

/// False if it cannot be started or does not say that it is ready.
static inline bool child_start(const char *const arguments[], struct child *ret_child)
{
	char line[128] = "";
	int input[2], output[2];
	struct child child;

	if (pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC))
		return false;
	child.pid = fork();
	if (child.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is ended leaves nothing behind */
		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	child.input = input[1];
	child.output = output[0];
	if (child.pid > 0 && child_line(&child, line, sizeof(line)) &&
	    sscanf(line, "ready %d", &child.observed) == 1) {
		*ret_child = child;
		return true;
	}
	child_stop(&child);
	return false;
}

/// Writes a line to it and gets the one it answers with.
static inline bool child_ask(const struct child *child, const char *question, char *answer, size_t size)
{
	size_t len = strlen(question);

	return write(child->input, question, len) == (ssize_t)len && write(child->input, "\n", 1) == 1 &&
	       child_line(child, answer, size);
}

#endif
