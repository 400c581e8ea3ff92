// SPDX-License-Identifier: Apache-2.0
// What a program says of itself: asks each runtime in turn whether the program is one of its own. Identity
// falls back to it where nobody configured a name.
#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "proc.h"
#include "runtimes/programs.h"

#define COMMAND_MAX 16384

const char *runtime_name(enum runtime runtime)
{
	static const char *const names[] = {
		[RUNTIME_OTHER] = "other", [RUNTIME_NODEJS] = "nodejs", [RUNTIME_PYTHON] = "python",
		[RUNTIME_GO] = "go",       [RUNTIME_JAVA] = "java",
	};

	return names[runtime];
}

/* The first that recognises the program is it. Go comes last: it has to open the executable. */
static const struct {
	bool (*inspect)(const struct command_line *command, struct program *program);
	enum runtime runtime;
} runtimes[] = {
	{node_inspect, RUNTIME_NODEJS},
	{python_inspect, RUNTIME_PYTHON},
	{java_inspect, RUNTIME_JAVA},
	{go_inspect, RUNTIME_GO},
};

static void inspect(pid_t pid, unsigned depth, struct program *ret_program)
{
	AUTO_FREE char *text = malloc(COMMAND_MAX);
	struct command_line command = {.text = text, .pid = pid};
	ssize_t len;

	memset(ret_program, 0, sizeof(*ret_program));
	if (!text || proc_link(pid, "exe", ret_program->executable, sizeof(ret_program->executable)) < 0)
		return;
	len = proc_read(pid, "cmdline", text, COMMAND_MAX);
	if (len < 0)
		return;
	command.len = len;
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (runtimes[i].inspect(&command, ret_program)) {
			ret_program->runtime = runtimes[i].runtime;
			break;
		}
	/* Workers that say nothing ("-c from multiprocessing.spawn …", "-e …") belong to who started them. */
	if (!ret_program->name[0] && depth && ret_program->runtime != RUNTIME_OTHER) {
		struct program parent;

		inspect(proc_parent(pid), depth - 1, &parent);
		if (parent.runtime == ret_program->runtime)
			memcpy(ret_program->name, parent.name, sizeof(parent.name));
	}
}

void program_inspect(pid_t pid, struct program *ret_program)
{
	inspect(pid, 3, ret_program);
}
