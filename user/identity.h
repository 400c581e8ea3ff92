// SPDX-License-Identifier: Apache-2.0
// What a process is called: the contract's order, from the configuration down to comm.
#ifndef RINGSIDE_IDENTITY_H
#define RINGSIDE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "program.h"

struct config;
struct config_service;
struct container;

struct identity {
	char name[PROGRAM_NAME_MAX + 1];
	struct program program;
	const struct config_service *configured; ///< the entry that matched, or NULL; borrowed
	bool plumbing;                           ///< docker-proxy: passes on what is served elsewhere
};

/// `container` is NULL outside containers and where nothing is known of it. `ports` are those that the
/// process is known to listen on. False if the process is gone.
bool identity_find(pid_t pid, const struct container *container, const struct config *config,
		   const uint16_t *ports, unsigned ports_len, struct identity *ret_identity);

#endif
