// SPDX-License-Identifier: Apache-2.0
// The processes that serve, each watched for its end. Owned by services.c, which knows whose they are.
#ifndef RINGSIDE_PROCESSES_H
#define RINGSIDE_PROCESSES_H

#include <stdbool.h>
#include <sys/types.h>

#include <uthash.h>

#include "maps.h"

struct service;
struct workload;

struct process {
	pid_t pid;
	int pidfd;               ///< -1 if the kernel gave none
	struct service *service; ///< NULL while its container has no name
	uint64_t met_ns;
	char container_id[65]; ///< empty outside containers
	uint16_t port;         ///< one that it was first met at; the configuration may ask for it
	bool unit_known;       ///< `unit` has been looked for
	struct workload *unit; ///< workloads.c's: the systemd service that it runs under, or NULL
	struct place place;    ///< the last one that an exchange came from
	UT_hash_handle hh;
};

struct processes {
	struct process *table;
	int epoll_fd; ///< readable when one has ended
};

int processes_init(struct processes *processes);
void processes_free(struct processes *processes);
struct process *processes_find(const struct processes *processes, pid_t pid);
/// NULL without memory.
struct process *processes_add(struct processes *processes, pid_t pid, uint16_t port, uint64_t now_ns);
void processes_remove(struct processes *processes, struct process *process);
void processes_remove_ended(struct processes *processes);

#endif
