// SPDX-License-Identifier: Apache-2.0
// How late a libuv event loop (Node.js, uvloop) is, from outside: the lengths of its stretches between two
// waits for events, which bpf/event_loop.bpf.c measures, turned into the lateness of a timer.
#ifndef RINGSIDE_EVENT_LOOP_H
#define RINGSIDE_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ringside; // the skeleton
struct loop;     // include/maps.h

/// Since the previous read; all in nanoseconds. The quantiles are of a timer that fires every 10 ms, as that
/// of perf_hooks.monitorEventLoopDelay(), less those 10 ms. The worst is the longest stretch: what the
/// unluckiest event had to wait. Good to 3.2 % or half a tick of the scheduler, the greater counts; in the
/// exact way to 3.2 %.
struct event_loop_lag {
	uint64_t worst_ns, p50_ns, p90_ns, p99_ns;
};

struct event_loops;
struct event_loop;

/// Borrows the loaded skeleton. While at least one loop is watched, the kernel runs two small programs at
/// each switch between threads and at each tick of the scheduler, on the whole host. NULL without memory.
struct event_loops *event_loops_new(struct ringside *skeleton);
void event_loops_free(struct event_loops *loops); ///< accepts NULL; forget all loops before
/// Measures at the system calls by which loops wait, to the microsecond, from now on: while at least one loop
/// is watched, each system call of each process on the host takes the kernel's slow path. Or no longer so.
void event_loops_set_exact(struct event_loops *loops, bool exact);
/// Why no loop can be watched, as far as it was tried; NULL.
const char *event_loops_trouble(const struct event_loops *loops);

/// Begin to watch the loop that the thread `tid` runs; `time_address` is that of its uv_loop_t.time,
/// `epoll_fd` its uv_loop_t.backend_fd. 0, -EXDEV if the process has a clock of its own (a time namespace),
/// -ENOSPC when LOOPS_MAX loops are watched, -EOPNOTSUPP where the kernel refuses the programs, -errno.
int event_loop_watch(struct event_loops *loops, pid_t tid, uint64_t time_address, int epoll_fd,
		     struct event_loop **ret_loop);
/// 0; -ENODATA if the loop could not be read in its process: it executes another program.
int event_loop_read(struct event_loop *loop, struct event_loop_lag *ret_lag);
/// Stops watching. Accepts NULL.
void event_loop_forget(struct event_loop *loop);

/// The lag between two states of the kernel's sums; `before` NULL: since the loop is watched. Pure.
struct event_loop_lag event_loop_lag(const struct loop *loop, const struct loop *before, uint64_t now_ns);

#endif
