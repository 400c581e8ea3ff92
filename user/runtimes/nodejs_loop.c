// SPDX-License-Identifier: Apache-2.0
// Follows libuv's variable to its default loop and checks that one is there. What the loop counts, nodejs.c
// reads; how late it is, event_loop.c looks at.
#include "nodejs_loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "proc.h"

/* uv_loop_t is part of libuv's stable interface: its layout is that of all 1.x. */
#define HANDLE_COUNT 0x08
#define HANDLES 0x10 ///< {next, previous} of a circular list
#define BACKEND_FD 0x40
#define TIME 0x220
#define HANDLES_MAX (1 << 24)

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_epoll(pid_t pid, int fd)
{
	char link[32], target[32];

	snprintf(link, sizeof(link), "fd/%d", fd);
	return proc_link(pid, link, target, sizeof(target)) > 0 && !strcmp(target, "anon_inode:[eventpoll]");
}

int nodejs_loop_find(pid_t pid, uint64_t variable, struct memory_counts *counts, struct nodejs_loop *ret_loop)
{
	uint64_t address, time_ms, handles[2], back;
	uint32_t handle_count;
	int epoll_fd, error = memory_read(pid, variable, &address, sizeof(address), counts);

	if (error)
		return error;
	if (!address)
		return -EAGAIN;
	error = memory_read_parts(pid,
				  (struct memory_part[]){
					  {address + HANDLE_COUNT, &handle_count, sizeof(handle_count)},
					  {address + HANDLES, handles, sizeof(handles)},
					  {address + BACKEND_FD, &epoll_fd, sizeof(epoll_fd)},
					  {address + TIME, &time_ms, sizeof(time_ms)},
				  },
				  4, counts);
	if (error)
		return error;
	if (!handles[0])
		return -EAGAIN; /* not initialized yet */
	if (memory_read(pid, handles[1], &back, sizeof(back), counts) || back != address + HANDLES ||
	    handle_count > HANDLES_MAX || time_ms > now_ms() + 1 || !is_epoll(pid, epoll_fd))
		return -EINVAL;
	*ret_loop = (struct nodejs_loop){address, address + HANDLE_COUNT, address + TIME, epoll_fd};
	return 0;
}
