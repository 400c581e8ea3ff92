// SPDX-License-Identifier: Apache-2.0
// What `run` waits for: descriptors, signals and a clock, in one place and one thread.
#ifndef RINGSIDE_LOOP_H
#define RINGSIDE_LOOP_H

#include <stdint.h>

struct loop;

enum loop_trigger {
	LOOP_LEVEL, ///< as long as there is something to read
	LOOP_EDGE,  ///< each time that something more has come
};

/// From here on SIGTERM, SIGINT and SIGHUP wait for the loop, and SIGPIPE is ignored. On failure logs one
/// line, returns -errno.
int loop_new(struct loop **ret_loop);
void loop_free(struct loop *loop);

/// Calls back when the descriptor, which stays the caller's, is readable. -errno.
int loop_watch(struct loop *loop, int fd, enum loop_trigger trigger, void (*handler)(void *context),
	       void *context);
int loop_watch_signals(struct loop *loop, void (*handler)(void *context, int signal), void *context);
/// Calls back every `period_ns`, for the first time after one; once for all the times that were missed.
int loop_watch_clock(struct loop *loop, uint64_t period_ns, void (*handler)(void *context), void *context);

/// Waits for at most `timeout_ms` (-1: without end) and calls back. How many were ready: 0 if time ran out.
/// On failure logs one line, returns -errno.
int loop_turn(struct loop *loop, int timeout_ms);

#endif
