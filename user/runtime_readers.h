// SPDX-License-Identifier: Apache-2.0
// The readers of user/runtimes/ behind one face: attach to a process, read its figures, detach.
#ifndef RINGSIDE_RUNTIME_READERS_H
#define RINGSIDE_RUNTIME_READERS_H

#include <stdint.h>
#include <sys/types.h>

#include "memory.h"
#include "program.h"

struct ringside; // the skeleton

/// What a runtime says of itself. The unit is in the name; what has none is a number of things.
enum figure {
	FIGURE_NODEJS_HEAP_TOTAL_BYTES,
	FIGURE_NODEJS_HEAP_USED_BYTES,
	FIGURE_NODEJS_ACTIVE_HANDLES,
	FIGURE_NODEJS_LAG_WORST_NS, ///< since the read before, as the next three
	FIGURE_NODEJS_LAG_P50_NS,
	FIGURE_NODEJS_LAG_P90_NS,
	FIGURE_NODEJS_LAG_P99_NS,
	FIGURE_PYTHON_COLLECTIONS, ///< three each: one for each generation
	FIGURE_PYTHON_COLLECTED = FIGURE_PYTHON_COLLECTIONS + 3,
	FIGURE_PYTHON_UNCOLLECTABLE = FIGURE_PYTHON_COLLECTED + 3,
	FIGURE_PYTHON_THREADS = FIGURE_PYTHON_UNCOLLECTABLE + 3,
	FIGURE_GO_GOROUTINES,
	FIGURE_GO_THREADS,
	FIGURE_GO_HEAP_IN_USE_BYTES,
	FIGURE_GO_ALLOC_BYTES,
	FIGURE_GO_ALLOC_BYTES_TOTAL,
	FIGURE_GO_GC_CYCLES,
	FIGURE_GO_GC_PAUSE_NS,
	FIGURE_COUNT,
};

struct runtime_reading {
	uint64_t values[FIGURE_COUNT];
	uint64_t known; ///< bit by enum figure; the others are 0
	char version[32];
};

struct runtime_readers;
struct runtime_process;

/// Borrows the loaded skeleton, which may be NULL: then event loops are not watched. NULL without memory.
struct runtime_readers *runtime_readers_new(struct ringside *skeleton);
/// How event loops are measured from now on, and why they cannot be (NULL: they can): user/event_loop.h.
void runtime_readers_set_exact_loops(struct runtime_readers *readers, bool exact);
const char *runtime_readers_loop_trouble(const struct runtime_readers *readers);
void runtime_readers_free(struct runtime_readers *readers); ///< accepts NULL; detach all processes before
/// Whether there is a reader for this runtime.
bool runtime_readers_have(enum runtime runtime);
/// Attach a process that does its work already. 0 with a process to be read, and detached in the end.
/// -ENOTSUP with the reason (static) if this one can never be read, -EAGAIN if it cannot now, -EPERM, -ESRCH.
int runtime_attach(struct runtime_readers *readers, enum runtime runtime, pid_t pid,
		   struct runtime_process **ret_process, const char **ret_reason);
/// 0, -EAGAIN if it cannot be read now, -EPERM, or -ESRCH if the process has ended or executes another
/// program: detach it then.
int runtime_read(struct runtime_process *process, struct runtime_reading *ret_reading);
void runtime_detach(struct runtime_process *process); ///< accepts NULL
/// How reads of other processes' memory went.
const struct memory_counts *runtime_readers_counts(const struct runtime_readers *readers);

#endif
