// SPDX-License-Identifier: Apache-2.0
// The command line: a command and flags in the manner of the Prometheus exporters.
#ifndef RINGSIDE_OPTIONS_H
#define RINGSIDE_OPTIONS_H

#include <stddef.h>

#include "log.h"

#define LISTEN_ADDRESSES_MAX 16

struct options {
	const char *command; ///< as given; "run" if none was
	const char *listen_addresses[LISTEN_ADDRESSES_MAX];
	size_t listen_addresses_len; ///< 0 if none was given
	const char *config_file;     ///< NULL if none was given
	const char *docker_socket;
	enum log_level log_level;
	enum log_format log_format;
};

/// Exit status for the caller, or -1 to go on: `--help` ends with 0, a mistake with 2 after one line that
/// quotes it. The strings are argv's.
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
