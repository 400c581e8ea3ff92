// SPDX-License-Identifier: Apache-2.0
// ringside: picks the command that the command line asks for. commands.c lists them.
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "log.h"
#include "options.h"

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
