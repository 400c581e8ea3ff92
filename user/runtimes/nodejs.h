// SPDX-License-Identifier: Apache-2.0
// Node.js 18, 20, 22 and 24 from outside, by reading its memory: its version, its V8 heaps, its libuv loop.
// Nothing is asked of the process, it is not stopped. Reading costs 10 to 30 microseconds and as much for
// each worker; attaching, some milliseconds for the first process of an executable. How late the loop is,
// takes a look at more than one moment: user/event_loop.h.
//
// Not readable: pauses of the collector (V8 keeps no sum of them; uretprobes are a risk under seccomp), which
// kinds of handles, timers (libuv sees one for all), Electron, Bun, Deno, other architectures than x86-64.
#ifndef RINGSIDE_RUNTIMES_NODEJS_H
#define RINGSIDE_RUNTIMES_NODEJS_H

#include <stdint.h>
#include <sys/types.h>

#include "nodejs_heap.h"
#include "nodejs_loop.h"

struct memory_counts;
struct nodejs;
struct nodejs_process;

struct nodejs_reading {
	struct nodejs_heap heap;         ///< of the main thread: what its process.memoryUsage() says
	struct nodejs_heap workers_heap; ///< of all its worker threads
	unsigned workers;
	/// uv_loop_t.active_handles of the main thread: process._getActiveHandles() has those that keep the
	/// process alive or not, but not libuv's one timer for all of JavaScript's, nor its own wake-ups;
	/// they differ by one to three.
	uint32_t active_handles;
};

/// Borrows the counts of failed reads. NULL without memory.
struct nodejs *nodejs_new(struct memory_counts *counts);
void nodejs_free(struct nodejs *nodejs); ///< accepts NULL; detach all processes before
/// 0 with a process to be read, and detached in the end. -ENOTSUP with the reason if this one can never be
/// read, -EAGAIN if it cannot now (it is starting), -EPERM, -ESRCH if it is gone.
int nodejs_attach(struct nodejs *nodejs, pid_t pid, struct nodejs_process **ret_process,
		  const char **ret_reason);
/// 0, -EAGAIN if it cannot be read now (it collects, or its workers come and go), -EPERM, or -ESRCH if the
/// process has ended or executes another program: detach it then.
int nodejs_read(struct nodejs *nodejs, struct nodejs_process *process, struct nodejs_reading *ret_reading);
void nodejs_detach(struct nodejs_process *process); ///< accepts NULL

/// "20.20.2"; valid until the process is detached.
const char *nodejs_version(const struct nodejs_process *process);
/// Of the main thread.
struct nodejs_loop nodejs_loop(const struct nodejs_process *process);

#endif
