// SPDX-License-Identifier: Apache-2.0
// The configuration file: names for services, route templates, limits, listen addresses. Read whole or
// refused whole.
#ifndef RINGSIDE_CONFIG_H
#define RINGSIDE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

/// All given fields must match. Patterns are fnmatch(3) globs; NULL or 0 means "not asked".
struct config_match {
	char *container;
	char *executable;
	char *command; ///< the whole command line, arguments joined by spaces
	unsigned port; ///< a port that the process listens on
};

struct config_service {
	char *name;
	struct config_match match;
	char **routes; ///< templates, see routes.h
	unsigned routes_len;
};

struct config {
	struct {
		char **listen_addresses;
		unsigned listen_addresses_len;
	} web;
	struct config_service *services;
	unsigned services_len;
	struct {
		bool exact_event_loop; ///< event_loop: exact; sampled unless set
	} runtimes;
	struct {
		unsigned routes_per_service; ///< 200 unless set
		unsigned series;             ///< 10000 unless set
	} limits;
};

/// NULL path: the defaults. On failure logs one line with the file, line or key and the offending text, and
/// returns -errno; *ret_config is then untouched.
int config_load(const char *path, struct config **ret_config);
void config_free(struct config *config);

#endif
