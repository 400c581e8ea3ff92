// SPDX-License-Identifier: Apache-2.0
// What a program says of itself: `name` of the package.json beside a Node script, the module that a Python
// server was told to run, the main module of a Go binary. Identity falls back to it where nobody configured a
// name.
#include "program.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"
#include "gobuild.h"
#include "proc.h"

#define COMMAND_MAX 16384
#define PACKAGE_JSON_MAX (256 * 1024)

const char *runtime_name(enum runtime runtime)
{
	static const char *const names[] = {
		[RUNTIME_OTHER] = "other", [RUNTIME_NODEJS] = "nodejs", [RUNTIME_PYTHON] = "python",
		[RUNTIME_GO] = "go",       [RUNTIME_JAVA] = "java",
	};

	return names[runtime];
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_prefix(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static void set_name(struct program *program, const char *name, size_t len)
{
	if (len >= sizeof(program->name))
		len = sizeof(program->name) - 1;
	memcpy(program->name, name, len);
	program->name[len] = '\0';
}

/* "server.js" → "server" */
static void set_name_without_extension(struct program *program, const char *path)
{
	const char *base = base_name(path), *dot = strrchr(base, '.');

	set_name(program, base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

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
		set_name(program, base_name(name), strlen(base_name(name)));
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

static void name_from_node_script(pid_t pid, struct program *program, const char *script)
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
		set_name_without_extension(program, script);
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

static void inspect_node(pid_t pid, const char *command, size_t len, struct program *program)
{
	const char *argument;

	for (unsigned i = 1; (argument = proc_argument(command, len, i)); i++) {
		if (!strcmp(argument, "-e") || !strcmp(argument, "--eval") || !strcmp(argument, "-p"))
			return;
		if (argument[0] == '-' || !argument[0] || !is_script(pid, argument))
			continue;
		name_from_node_script(pid, program, argument);
		return;
	}
}

/* "shop.wsgi:application" → "shop": modules that every project has say less than their package. */
static void name_from_module(struct program *program, const char *module)
{
	static const char *const generic[] = {"main", "app",         "wsgi",     "asgi", "server",
					      "api",  "application", "__main__", NULL};
	size_t len = strcspn(module, ":(]");

	for (;;) {
		const char *last = module;
		size_t last_len;
		bool is_generic = false;

		for (size_t i = 0; i < len; i++)
			if (module[i] == '.' || module[i] == '/')
				last = module + i + 1;
		last_len = module + len - last;
		for (const char *const *each = generic; *each; each++)
			is_generic |= strlen(*each) == last_len && !memcmp(last, *each, last_len);
		if (!is_generic || last == module) {
			set_name(program, last, last_len);
			return;
		}
		len = last - module - 1;
	}
}

/* Servers that are told which application to run: its name says more than theirs. */
static bool is_python_launcher(const char *name)
{
	static const char *const launchers[] = {"gunicorn", "uvicorn",        "hypercorn", "daphne",
						"granian",  "waitress-serve", NULL};

	for (const char *const *each = launchers; *each; each++)
		if (!strcmp(name, *each))
			return true;
	return false;
}

/* The first argument from `from` on that looks like MODULE:ATTRIBUTE. */
static const char *find_application(const char *command, size_t len, unsigned from)
{
	const char *argument;

	for (unsigned i = from; (argument = proc_argument(command, len, i)); i++) {
		const char *colon = strchr(argument, ':');

		if (argument[0] != '-' && colon && colon != argument &&
		    (colon[1] == '_' || (colon[1] | 32) >= 'a') && !strstr(argument, "://"))
			return argument;
	}
	return NULL;
}

static bool is_module(const char *text)
{
	const char *end = text;

	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	while (isalnum((unsigned char)*end) || *end == '_' || *end == '.')
		end++;
	return !*end && (end - text < 3 || strcmp(end - 3, ".py") != 0);
}

/* An argument that is a module's dotted name: gunicorn's application may be one without an attribute. Values
 * of options look alike ("--worker-class gevent") but have no dot. */
static const char *find_module(const char *command, size_t len, unsigned from)
{
	const char *argument, *found = NULL;

	for (unsigned i = from; (argument = proc_argument(command, len, i)); i++)
		if (is_module(argument) && (!found || strchr(argument, '.') || !strchr(found, '.')))
			found = argument;
	return found;
}

static bool inspect_python_title(const char *command, struct program *program)
{
	const char *bracket;

	/* With the setproctitle package gunicorn calls its processes "gunicorn: worker [shop:app]". */
	if (!has_prefix(command, "gunicorn: "))
		return false;
	bracket = strchr(command, '[');
	if (bracket)
		name_from_module(program, bracket + 1);
	return true;
}

static void inspect_python_script(const char *command, size_t len, unsigned at, struct program *program)
{
	const char *script = proc_argument(command, len, at), *application;

	if (!script)
		return;
	application = is_python_launcher(base_name(script)) ? find_application(command, len, at + 1) : NULL;
	if (!application && is_python_launcher(base_name(script)))
		application = find_module(command, len, at + 1);
	if (application)
		name_from_module(program, application);
	else
		set_name_without_extension(program, script);
}

/* `-m MODULE`: the argument at `at`, from its `skip`-th letter on. */
static void inspect_python_module(const char *command, size_t len, unsigned at, size_t skip,
				  struct program *program)
{
	const char *module = proc_argument(command, len, at);

	if (!module)
		return;
	module += skip;
	if (is_python_launcher(module))
		inspect_python_script(command, len, at, program);
	else
		set_name(program, module, strlen(module));
}

static void inspect_python(const char *command, size_t len, struct program *program)
{
	const char *argument;

	if (inspect_python_title(command, program))
		return;
	for (unsigned i = 1; (argument = proc_argument(command, len, i)); i++) {
		if (argument[0] == '-' && argument[1] != '-') {
			size_t letter = strcspn(argument, "mcWX");
			bool joined = argument[letter] && argument[letter + 1];

			switch (argument[letter]) {
			case 'm':
				inspect_python_module(command, len, joined ? i : i + 1,
						      joined ? letter + 1 : 0, program);
				return;
			case 'c':
				return;
			case 'W':
			case 'X':
				i += !joined;
			}
			continue;
		}
		if (argument[0] == '-')
			continue;
		inspect_python_script(command, len, i, program);
		return;
	}
}

/* "python3.11" → "3.11": as far as the file's name goes. */
static void python_version(struct program *program)
{
	const char *digits = strpbrk(base_name(program->executable), "0123456789");

	if (digits && strchr(digits, '.'))
		snprintf(program->runtime_version, sizeof(program->runtime_version), "%.31s", digits);
}

static void inspect_go(const struct gobuild *build, struct program *program)
{
	const char *path = build->module[0] ? build->module : build->package;
	const char *base = base_name(path);
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
		set_name(program, base, path + len - base);
}

static enum runtime runtime_of(const char *executable)
{
	const char *base = base_name(executable);

	if (!strcmp(base, "node") || !strcmp(base, "nodejs"))
		return RUNTIME_NODEJS;
	if (has_prefix(base, "python") || has_prefix(base, "pypy"))
		return RUNTIME_PYTHON;
	return strcmp(base, "java") ? RUNTIME_OTHER : RUNTIME_JAVA;
}

static bool read_gobuild(pid_t pid, struct gobuild *ret_build)
{
	AUTO_CLOSE int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && gobuild_read(fd, ret_build);
}

static void inspect(pid_t pid, unsigned depth, struct program *ret_program)
{
	AUTO_FREE char *command = malloc(COMMAND_MAX);
	struct gobuild build;
	ssize_t len;

	memset(ret_program, 0, sizeof(*ret_program));
	if (!command || proc_link(pid, "exe", ret_program->executable, sizeof(ret_program->executable)) < 0)
		return;
	len = proc_read(pid, "cmdline", command, COMMAND_MAX);
	if (len < 0)
		return;
	ret_program->runtime = runtime_of(ret_program->executable);
	switch (ret_program->runtime) {
	case RUNTIME_NODEJS:
		inspect_node(pid, command, len, ret_program);
		break;
	case RUNTIME_PYTHON:
		inspect_python(command, len, ret_program);
		python_version(ret_program);
		break;
	case RUNTIME_OTHER:
		if (read_gobuild(pid, &build)) {
			ret_program->runtime = RUNTIME_GO;
			inspect_go(&build, ret_program);
		}
		break;
	default:
		break;
	}
	/* Workers that say nothing ("-c from multiprocessing.spawn …", "-e …") belong to who started them. */
	if (!ret_program->name[0] && depth && ret_program->runtime != RUNTIME_OTHER) {
		struct program parent;

		inspect(proc_parent(pid), depth - 1, &parent);
		if (parent.runtime == ret_program->runtime)
			set_name(ret_program, parent.name, strlen(parent.name));
	}
}

void program_inspect(pid_t pid, struct program *ret_program)
{
	inspect(pid, 3, ret_program);
}
