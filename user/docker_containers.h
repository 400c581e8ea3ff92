// SPDX-License-Identifier: Apache-2.0
// The containers that docker.c follows: which there are, which need an inspection, what the observer knows.
#ifndef RINGSIDE_DOCKER_CONTAINERS_H
#define RINGSIDE_DOCKER_CONTAINERS_H

#include "docker.h"

struct docker_containers;
struct docker_http;
struct docker_request;

/// Both pointers are borrowed. NULL on ENOMEM.
struct docker_containers *docker_containers_new(struct docker_http *http,
						const struct docker_observer *observer);
void docker_containers_free(struct docker_containers *containers); ///< tells nobody

/// A list is about to be requested. What is not in it and was not heard of since, is gone.
void docker_containers_begin_list(struct docker_containers *containers);
void docker_containers_listed(struct docker_containers *containers,
			      const char *id); ///< for each one in the list
void docker_containers_end_list(struct docker_containers *containers);

void docker_containers_changed(struct docker_containers *containers, const char *id);
void docker_containers_gone(struct docker_containers *containers, const char *id);
void docker_containers_oom(struct docker_containers *containers, const char *id);

/// Starts the inspections that are due, some at a time. -ENOMEM
int docker_containers_inspect(struct docker_containers *containers);
/// The answer to one of them. -errno with what is wrong in *ret_trouble; that is -ETIMEDOUT if none came.
int docker_containers_take(struct docker_containers *containers, struct docker_request *request,
			   char *ret_trouble, size_t size);
/// The connection is lost: inspections are given up, and every container needs a new one at the next list.
void docker_containers_doubt(struct docker_containers *containers);

bool docker_containers_settled(
	const struct docker_containers *containers); ///< no inspection is due or under way
unsigned docker_containers_count(const struct docker_containers *containers);

#endif
