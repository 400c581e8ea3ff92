// SPDX-License-Identifier: Apache-2.0
// Where libuv's default loop, which node's main thread runs, is in a process.
#ifndef RINGSIDE_RUNTIMES_NODEJS_LOOP_H
#define RINGSIDE_RUNTIMES_NODEJS_LOOP_H

#include <stdint.h>
#include <sys/types.h>

struct memory_counts;

/// A uv_loop_t. event_loop_watch() wants to know the last two.
struct nodejs_loop {
	uint64_t address;
	uint64_t handle_count_address; ///< of its active_handles, four bytes
	uint64_t time_address;         ///< of its time
	int epoll_fd;                  ///< its backend_fd
};

/// `variable` is the address of the pointer to it. 0, -EAGAIN if it is not initialized yet, -EINVAL if what
/// is there is no loop, or an error of memory_read().
int nodejs_loop_find(pid_t pid, uint64_t variable, struct memory_counts *counts,
		     struct nodejs_loop *ret_loop);

#endif
