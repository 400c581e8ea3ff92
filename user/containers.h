// SPDX-License-Identifier: Apache-2.0
// What is known of containers, by id: a copy of what the Docker observer told.
#ifndef RINGSIDE_CONTAINERS_H
#define RINGSIDE_CONTAINERS_H

#include <stdbool.h>

#include <uthash.h>

struct docker_container;

struct container {
	char id[65];
	char name[129];
	char image[256];
	char service_label[129];
	char compose_service[129];
	char compose_project[129];
	char orchestrator_service[129];
	double started_s; ///< since the epoch, 0 if unknown
	long pid;         ///< of its init process, 0 if unknown
	long restarts;    ///< -1 if unknown
	unsigned version; ///< another one when something that names a service is new
	UT_hash_handle hh;
};

struct containers {
	struct container *table;
};

/// Adds or replaces. True if something that names a service is new. Silently without effect when memory is
/// out.
bool containers_put(struct containers *containers, const struct docker_container *facts);
void containers_remove(struct containers *containers, const char *id);
const struct container *containers_find(const struct containers *containers, const char *id);
void containers_free(struct containers *containers);

#endif
