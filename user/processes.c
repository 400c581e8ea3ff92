// SPDX-License-Identifier: Apache-2.0
// One descriptor for each process tells of its end, before its number can be another's.
#include "processes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc.h"
#include "service.h"

int processes_init(struct processes *processes)
{
	processes->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return processes->epoll_fd < 0 ? -errno : 0;
}

void processes_free(struct processes *processes)
{
	struct process *process, *next;

	HASH_ITER (hh, processes->table, process, next)
		processes_remove(processes, process);
	if (processes->epoll_fd >= 0)
		close(processes->epoll_fd);
}

struct process *processes_find(const struct processes *processes, pid_t pid)
{
	struct process *process = NULL;

	HASH_FIND_INT(processes->table, &pid, process);
	return process;
}

/* Without a descriptor for it (too many) the process is kept until its number is met again or its container
 * ends. */
static void watch_end(struct processes *processes, struct process *process)
{
	struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = process->pid};

	process->pidfd = syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd >= 0)
		epoll_ctl(processes->epoll_fd, EPOLL_CTL_ADD, process->pidfd, &wanted);
}

struct process *processes_add(struct processes *processes, pid_t pid, uint64_t now_ns)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->pid = pid;
	process->met_ns = now_ns;
	HASH_ADD_INT(processes->table, pid, process);
	watch_end(processes, process);
	proc_container(pid, process->container_id);
	return process;
}

void processes_remove(struct processes *processes, struct process *process)
{
	if (process->service)
		process->service->processes--;
	if (process->pidfd >= 0)
		close(process->pidfd); /* leaves the epoll set with it */
	HASH_DEL(processes->table, process);
	free(process);
}

bool process_meet(struct process *process, uint16_t port)
{
	if (!port || process->ports_len == PROCESS_PORTS_MAX)
		return false;
	for (unsigned i = 0; i < process->ports_len; i++)
		if (process->ports[i] == port)
			return false;
	process->ports[process->ports_len++] = port;
	return true;
}

void process_rename(struct process *process)
{
	if (!process->service)
		return;
	process->was = process->service;
	process->service->processes--;
	process->service = NULL;
	process->place = (struct place){0};
	process->container_id[0] = '\0';
	proc_container(process->pid, process->container_id);
}

void processes_remove_ended(struct processes *processes)
{
	struct epoll_event ended[64];
	int count = epoll_wait(processes->epoll_fd, ended, 64, 0);

	for (int i = 0; i < count; i++) {
		struct process *process = processes_find(processes, ended[i].data.u64);

		if (process)
			processes_remove(processes, process);
	}
}
