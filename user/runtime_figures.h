// SPDX-License-Identifier: Apache-2.0
// What runtimes say of themselves, by service: a reader for each process that serves, read when somebody
// scrapes. runtime_families.c writes it out.
#ifndef RINGSIDE_RUNTIME_FIGURES_H
#define RINGSIDE_RUNTIME_FIGURES_H

#include "runtime_readers.h"

struct services;
struct runtime_figures;

/// One service's. Counters go on when one of its processes ends; the rest is of those that live.
struct service_figures {
	uint64_t values[FIGURE_COUNT]; ///< over its processes: sums, and of lags the worst
	uint64_t past[FIGURE_COUNT];   ///< counters of processes that have ended, in values, too
	uint64_t known;                ///< bit by enum figure
	char version[32];              ///< of the process read last
	const char *unreadable;        ///< why a process of it can never be read; static, NULL if none is so
};

/// Both are borrowed; the skeleton may be NULL (tests). NULL without memory.
struct runtime_figures *runtime_figures_new(struct services *services, struct ringside *skeleton);
void runtime_figures_free(struct runtime_figures *figures); ///< accepts NULL; before the services are freed
/// How event loops are measured from now on; why they cannot be, or NULL.
void runtime_figures_set_exact_loops(struct runtime_figures *figures, bool exact);
const char *runtime_figures_loop_trouble(const struct runtime_figures *figures);
/// Once a second: finds processes that are new, and forgets those that have ended.
void runtime_figures_tick(struct runtime_figures *figures);
/// Attaches to one of those that are not yet attached. That takes milliseconds where it is the first of its
/// executable: call it when nothing waits.
void runtime_figures_attach(struct runtime_figures *figures, uint64_t now_ns);
/// Reads the processes of the services of this name, or of all (NULL): their figures are then of now, and
/// their lags since the last call.
void runtime_figures_refresh(struct runtime_figures *figures, const char *only);
const struct memory_counts *runtime_figures_counts(const struct runtime_figures *figures);

#endif
