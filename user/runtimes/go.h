// SPDX-License-Identifier: Apache-2.0
// Go 1.19 to 1.27 from outside, by reading the memory of the process, stripped or not: goroutines, the heap,
// what was allocated, collections. Nothing is asked of the process, it is not stopped. Reading costs a few
// dozen microseconds; attaching, some milliseconds for the first process of an executable.
//
// Not readable: other architectures than x86-64, releases that are no final ones, GOEXPERIMENTs that change
// the runtime, Go inside a shared library.
#ifndef RINGSIDE_RUNTIMES_GO_H
#define RINGSIDE_RUNTIMES_GO_H

#include <stdint.h>
#include <sys/types.h>

struct go;
struct go_process;
struct memory_counts;

struct go_reading {
	char version[32]; ///< "1.26.8"
	uint64_t
		goroutines; ///< as runtime.NumGoroutine(); while they come and go, off by the few on the move
	uint64_t threads_created; ///< as the Go client library's go_threads
	unsigned threads;         ///< now, of the process
	unsigned processors;      ///< GOMAXPROCS
	uint64_t heap_in_use_bytes;
	/// As MemStats.Alloc and .TotalAlloc just after a collection; between them behind by what the
	/// processors have in their caches, up to 20 % of a heap of a few MB.
	uint64_t alloc_bytes, alloc_bytes_total;
	uint64_t gc_cycles;
	uint64_t gc_pause_total_ns;
};

/// Borrows the counts of failed reads. NULL without memory.
struct go *go_new(struct memory_counts *counts);
void go_free(struct go *go); ///< accepts NULL; detach all processes before
/// 0 with a process to be read, and detached in the end. -ENOTSUP with the reason if this one can never be
/// read, -EAGAIN if it cannot now (it is starting), -EPERM, -ESRCH if it is gone.
int go_attach(struct go *go, pid_t pid, struct go_process **ret_process, const char **ret_reason);
/// 0, -EAGAIN if it cannot be read now, -EPERM, or -ESRCH if the process has ended or executes another
/// program: detach it then.
int go_read(struct go *go, struct go_process *process, struct go_reading *ret_reading);
void go_detach(struct go_process *process); ///< accepts NULL

#endif
