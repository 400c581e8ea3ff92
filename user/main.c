// SPDX-License-Identifier: Apache-2.0
// ringside: picks the command that the command line asks for.
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "doctor.h"
#include "options.h"
#include "run.h"

static int print_version(const struct options *options)
{
	(void)options;
	printf("ringside %s (revision %s)\n", RINGSIDE_VERSION, RINGSIDE_REVISION);
	return 0;
}

const struct command commands[] = {
	{"run", "observe this host and serve (the default)", run},
	{"doctor", "what this host offers, with the reason and the fix where something is missing", doctor},
	{"version", "print the version", print_version},
	{NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	struct options options;
	int done = options_parse(argc, argv, &options);

	if (done >= 0)
		return done;
	log_configure(options.log_level, options.log_format);
	for (const struct command *command = commands; command->name; command++)
		if (!strcmp(command->name, options.command))
			return command->run(&options);
	fprintf(stderr, "ringside: unknown command '%s' (see ringside --help)\n", options.command);
	return 2;
}
