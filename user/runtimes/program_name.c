// SPDX-License-Identifier: Apache-2.0
// Puts a name into a program, as long as fits.
#include "runtimes/program_name.h"

#include <string.h>

#include "program.h"

const char *name_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void name_set(struct program *program, const char *name, size_t len)
{
	if (len >= sizeof(program->name))
		len = sizeof(program->name) - 1;
	memcpy(program->name, name, len);
	program->name[len] = '\0';
}

void name_set_from_file(struct program *program, const char *path)
{
	const char *base = name_base(path), *dot = strrchr(base, '.');

	name_set(program, base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}
