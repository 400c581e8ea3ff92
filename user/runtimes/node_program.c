// SPDX-License-Identifier: Apache-2.0
// Node: a program is called as the package.json of its script says, else as the script. program.c asks.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cleanup.h"
#include "proc.h"
#include "program.h"
#include "runtimes/program_name.h"
#include "runtimes/programs.h"

#define PACKAGE_JSON_MAX (256 * 1024)

/* `name` of DIRECTORY/package.json, without its scope ("@shop/api" → "api"). */
static bool name_from_package(pid_t pid, struct program *program, const char *directory)
{
	AUTO_FREE char *text = malloc(PACKAGE_JSON_MAX);
	AUTO_CLOSE int fd = -1;
	char path[1100];
	const char *name;
	json_t *document;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/package.json", directory);
	fd = proc_open(pid, path);
	if (fd < 0 || !text)
		return false;
	len = read(fd, text, PACKAGE_JSON_MAX);
	document = len > 0 ? json_loadb(text, len, 0, NULL) : NULL;
	name = json_string_value(json_object_get(document, "name"));
	if (name && *name)
		name_set(program, name_base(name), strlen(name_base(name)));
	json_decref(document);
	return program->name[0] != '\0';
}

/* Directories that hold what was built or written below the package's own. */
static bool is_inner_directory(const char *name)
{
	static const char *const inner[] = {"src", "dist", "build", "lib", "bin", "out", "server", NULL};

	for (const char *const *each = inner; *each; each++)
		if (!strcmp(name, *each))
			return true;
	return false;
}

static void name_from_script(pid_t pid, struct program *program, const char *script)
{
	char directory[1024];
	char *slash;

	snprintf(directory, sizeof(directory), "%s", script);
	slash = strrchr(directory, '/');
	if (slash)
		*slash = '\0';
	else
		snprintf(directory, sizeof(directory), ".");
	while (!name_from_package(pid, program, directory)) {
		slash = strrchr(directory, '/');
		if (!is_inner_directory(slash ? slash + 1 : directory))
			break;
		if (slash)
			*slash = '\0';
		else
			snprintf(directory, sizeof(directory), ".");
	}
	if (!program->name[0])
		name_set_from_file(program, script);
}

/* node has many options that take the next argument; a script is what exists. */
static bool is_script(pid_t pid, const char *argument)
{
	static const char *const endings[] = {"", ".js", ".mjs", ".cjs", NULL};
	char path[1100];

	for (const char *const *ending = endings; *ending; ending++) {
		AUTO_CLOSE int fd = -1;

		snprintf(path, sizeof(path), "%s%s", argument, *ending);
		fd = proc_open(pid, path);
		if (fd >= 0)
			return true;
	}
	return false;
}

bool node_inspect(const struct command_line *command, struct program *program)
{
	const char *base = name_base(program->executable), *argument;

	if (strcmp(base, "node") && strcmp(base, "nodejs"))
		return false;
	for (unsigned i = 1; (argument = proc_argument(command->text, command->len, i)); i++) {
		if (!strcmp(argument, "-e") || !strcmp(argument, "--eval") || !strcmp(argument, "-p"))
			break;
		if (argument[0] == '-' || !argument[0] || !is_script(command->pid, argument))
			continue;
		name_from_script(command->pid, program, argument);
		break;
	}
	return true;
}
