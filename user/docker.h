// SPDX-License-Identifier: Apache-2.0
// Follows the Docker daemon's containers over its Unix socket: a list at start, then the events stream.
// A daemon that is absent, slow or restarting is normal: calls never block and the connection is tried again.
#ifndef RINGSIDE_DOCKER_H
#define RINGSIDE_DOCKER_H

#include <stdbool.h>
#include <stddef.h>

/// What identity needs of a container. Strings are empty, never NULL, and valid during the callback.
struct docker_container {
	const char *id;              ///< 64 hexadecimal digits
	const char *name;            ///< without the leading slash
	const char *image;           ///< as given to `docker run`
	const char *service_label;   ///< ringside.service
	const char *compose_service; ///< com.docker.compose.service
	const char *compose_project; ///< com.docker.compose.project
	const char
		*orchestrator_service; ///< com.docker.swarm.service.name, else io.kubernetes.container.name
	double started_s;              ///< seconds since the epoch, 0 if unknown
	long pid;                      ///< init process in the host's PID namespace, 0 if unknown
	long restarts;                 ///< by its restart policy, -1 if unknown
};

struct docker_observer {
	void (*on_container)(void *context,
			     const struct docker_container *container); ///< appeared, or its facts changed
	void (*on_gone)(void *context, const char *id);                 ///< died or was removed
	void (*on_oom)(void *context, const char *id); ///< the kernel killed for want of memory; may be NULL
	void *context;
};

struct docker;

/// `socket` is the path of the daemon's socket. Never fails because the daemon is absent. -errno on ENOMEM
/// and the like.
int docker_new(const char *socket, const struct docker_observer *observer, struct docker **ret_docker);
void docker_free(struct docker *docker);

int docker_fd(const struct docker
		      *docker); ///< an epoll descriptor; readable when docker_run has work (timers included)
void docker_run(struct docker *docker); ///< bounded, never blocks; calls the observer

bool docker_listed(
	const struct docker *docker); ///< the first list is complete (or the daemon is known to be absent)
/// NULL while connected, else why not, one line for the user ("no socket at /var/run/docker.sock"); owned by
/// `docker`.
const char *docker_trouble(const struct docker *docker);

#endif
