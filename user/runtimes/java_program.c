// SPDX-License-Identifier: Apache-2.0
// Java: recognised, but what its programs are called is not looked for. program.c asks.
#include <string.h>

#include "program.h"
#include "runtimes/program_name.h"
#include "runtimes/programs.h"

bool java_inspect(const struct command_line *command, struct program *program)
{
	(void)command;
	return !strcmp(name_base(program->executable), "java");
}
