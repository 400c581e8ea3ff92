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

/// More than these of one process are not kept.
#define PROCESS_PORTS_MAX 8

struct process {
	pid_t pid;
	int pidfd;               ///< -1 if the kernel gave none
	struct service *service; ///< NULL while its container has no name
	uint64_t met_ns;
	char container_id[65];             ///< empty outside containers
	const void *was;                   ///< the service before process_rename, to be compared only
	uint16_t ports[PROCESS_PORTS_MAX]; ///< that it was met at; the configuration may ask for one
	unsigned ports_len;
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
struct process *processes_add(struct processes *processes, pid_t pid, uint64_t now_ns);
void processes_remove(struct processes *processes, struct process *process);
/// Notes the port. True if it is new; 0 never is.
bool process_meet(struct process *process, uint16_t port);
/// Forgets what it is called: its program or its container may be another one by now.
void process_rename(struct process *process);
void processes_remove_ended(struct processes *processes);

#endif
