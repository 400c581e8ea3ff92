// SPDX-License-Identifier: Apache-2.0
// The runtimes that ringside knows, a function each: is a process one of its programs, and what does that
// program say of itself. The table of them is in user/program.c.
#ifndef RINGSIDE_RUNTIMES_PROGRAMS_H
#define RINGSIDE_RUNTIMES_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct program;

/// A process's command line as proc_argument takes it. Borrowed.
struct command_line {
	const char *text;
	size_t len;
	pid_t pid;
};

/// Each of these: false if `program->executable` is none of its own. Else name and runtime_version are what
/// can be told, or stay empty. A process that dies meanwhile tells less.
bool go_inspect(const struct command_line *command, struct program *program);
bool java_inspect(const struct command_line *command, struct program *program);
bool node_inspect(const struct command_line *command, struct program *program);
bool python_inspect(const struct command_line *command, struct program *program);

#endif
