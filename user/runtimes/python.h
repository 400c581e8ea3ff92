// SPDX-License-Identifier: Apache-2.0
// CPython 3.8 to 3.14 from outside, by reading its memory: which version it is and what its garbage collector
// did. Nothing is asked of the process, it is not stopped. Reading costs a few microseconds; attaching, some
// milliseconds for the first process of an executable.
//
// Not readable: pauses of the collector and waiting for the GIL (no counters of theirs exist), free-threaded
// builds, PyPy, other architectures than x86-64.
#ifndef RINGSIDE_RUNTIMES_PYTHON_H
#define RINGSIDE_RUNTIMES_PYTHON_H

#include <stdint.h>
#include <sys/types.h>

#include "python_layout.h"

struct memory_counts;
struct python;
struct python_process;

struct python_reading {
	char version[16]; ///< "3.11.2"; the implementation is always "CPython"
	/// Since the process began, by generation, over all interpreters, those that have ended, too.
	uint64_t collections[PYTHON_GENERATIONS];
	uint64_t collected[PYTHON_GENERATIONS];     ///< objects
	uint64_t uncollectable[PYTHON_GENERATIONS]; ///< objects
	unsigned threads;    ///< started by Python (threading, _thread) and the main one
	unsigned os_threads; ///< all of the process
};

/// Borrows the counts of failed reads. NULL without memory.
struct python *python_new(struct memory_counts *counts);
void python_free(struct python *python); ///< accepts NULL; detach all processes before
/// Attach a process that does its work already: a library that is not loaded yet is not there.
/// 0 with a process to be read, and detached in the end. -ENOTSUP with the reason if this one can never be
/// read, -EAGAIN if it cannot now (it is starting, or collecting), -EPERM, -ESRCH if it is gone.
int python_attach(struct python *python, pid_t pid, struct python_process **ret_process,
		  const char **ret_reason);
/// 0, -EAGAIN if it cannot be read now (its interpreters come and go), -EPERM, or -ESRCH if the process has
/// ended or executes another program: detach it then.
int python_read(struct python *python, struct python_process *process, struct python_reading *ret_reading);
void python_detach(struct python_process *process); ///< accepts NULL

#endif
