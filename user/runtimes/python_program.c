// SPDX-License-Identifier: Apache-2.0
// Python: a program is called like its script or module, or like the application that its server was told to
// run. program.c asks.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "proc.h"
#include "program.h"
#include "runtimes/program_name.h"
#include "runtimes/programs.h"

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
			name_set(program, last, last_len);
			return;
		}
		len = last - module - 1;
	}
}

/* Servers that are told which application to run: its name says more than theirs. */
static bool is_launcher(const char *name)
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

static bool inspect_title(const char *command, struct program *program)
{
	const char *bracket;

	/* With the setproctitle package gunicorn calls its processes "gunicorn: worker [shop:app]". */
	if (strncmp(command, "gunicorn: ", strlen("gunicorn: ")) != 0)
		return false;
	bracket = strchr(command, '[');
	if (bracket)
		name_from_module(program, bracket + 1);
	return true;
}

static void inspect_script(const char *command, size_t len, unsigned at, struct program *program)
{
	const char *script = proc_argument(command, len, at), *application;

	if (!script)
		return;
	application = is_launcher(name_base(script)) ? find_application(command, len, at + 1) : NULL;
	if (!application && is_launcher(name_base(script)))
		application = find_module(command, len, at + 1);
	if (application)
		name_from_module(program, application);
	else
		name_set_from_file(program, script);
}

/* `-m MODULE`: the argument at `at`, from its `skip`-th letter on. */
static void inspect_module(const char *command, size_t len, unsigned at, size_t skip, struct program *program)
{
	const char *module = proc_argument(command, len, at);

	if (!module)
		return;
	module += skip;
	if (is_launcher(module))
		inspect_script(command, len, at, program);
	else
		name_set(program, module, strlen(module));
}

static void inspect_command(const char *command, size_t len, struct program *program)
{
	const char *argument;

	if (inspect_title(command, program))
		return;
	for (unsigned i = 1; (argument = proc_argument(command, len, i)); i++) {
		if (argument[0] == '-' && argument[1] != '-') {
			size_t letter = strcspn(argument, "mcWX");
			bool joined = argument[letter] && argument[letter + 1];

			switch (argument[letter]) {
			case 'm':
				inspect_module(command, len, joined ? i : i + 1, joined ? letter + 1 : 0,
					       program);
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
		inspect_script(command, len, i, program);
		return;
	}
}

/* "python3.11" → "3.11": as far as the file's name goes. */
static void set_version(struct program *program)
{
	const char *digits = strpbrk(name_base(program->executable), "0123456789");

	if (digits && strchr(digits, '.'))
		snprintf(program->runtime_version, sizeof(program->runtime_version), "%.31s", digits);
}

bool python_inspect(const struct command_line *command, struct program *program)
{
	const char *base = name_base(program->executable);

	if (strncmp(base, "python", strlen("python")) != 0 && strncmp(base, "pypy", strlen("pypy")) != 0)
		return false;
	inspect_command(command->text, command->len, program);
	set_version(program);
	return true;
}
