// SPDX-License-Identifier: Apache-2.0
// The commands of the command line; main picks one, the help text lists them.
#ifndef RINGSIDE_COMMANDS_H
#define RINGSIDE_COMMANDS_H

struct options;

struct command {
	const char *name;
	const char *help;
	int (*run)(const struct options *options); ///< exit status
};

/// Ends in a row without a name.
extern const struct command commands[];

#endif
