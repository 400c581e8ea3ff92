// SPDX-License-Identifier: Apache-2.0
// What a program says of itself: its runtime, and the name that its author gave it.
#ifndef RINGSIDE_PROGRAM_H
#define RINGSIDE_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

enum runtime { RUNTIME_OTHER, RUNTIME_NODEJS, RUNTIME_PYTHON, RUNTIME_GO, RUNTIME_JAVA };

#define PROGRAM_NAME_MAX 128

struct program {
	char name[PROGRAM_NAME_MAX]; ///< empty if it does not say
	char runtime_version[32];    ///< empty if it cannot be told from outside
	char executable[256];        ///< path in the process's own root
	enum runtime runtime;
};

/// Looks at the executable, the command line and the files beside it. Never fails: knows less.
void program_inspect(pid_t pid, struct program *ret_program);
/// "nodejs", "python", "go", "java", "other".
const char *runtime_name(enum runtime runtime);

#endif
