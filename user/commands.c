// SPDX-License-Identifier: Apache-2.0
// The commands of the command line, in the order of the help text.
#include "commands.h"

#include <stdio.h>

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
