// SPDX-License-Identifier: Apache-2.0
// Go: a program is called like the last element of its main module's path, which its executable carries.
// program.c asks.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "gobuild.h"
#include "program.h"
#include "runtimes/program_name.h"
#include "runtimes/programs.h"

static bool read_gobuild(pid_t pid, struct gobuild *ret_build)
{
	AUTO_CLOSE int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && gobuild_read(fd, ret_build);
}

static void take_build(const struct gobuild *build, struct program *program)
{
	const char *path = build->module[0] ? build->module : build->package;
	const char *base = name_base(path);
	size_t len = strlen(path);

	snprintf(program->runtime_version, sizeof(program->runtime_version), "%s", build->version);
	/* A major version at the end of a module path is no name: "example.com/shop/v2". */
	if (base != path && base[0] == 'v' && base[1] && !base[1 + strspn(base + 1, "0123456789")]) {
		len = base - path - 1;
		base = path;
		for (size_t i = 0; i < len; i++)
			if (path[i] == '/')
				base = path + i + 1;
	}
	if (strcmp(path, "command-line-arguments"))
		name_set(program, base, path + len - base);
}

bool go_inspect(const struct command_line *command, struct program *program)
{
	struct gobuild build;

	if (!read_gobuild(command->pid, &build))
		return false;
	take_build(&build, program);
	return true;
}
