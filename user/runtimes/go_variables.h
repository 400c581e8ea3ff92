// SPDX-License-Identifier: Apache-2.0
// The addresses of the five variables of Go's runtime that tell what we want to know.
#ifndef RINGSIDE_RUNTIMES_GO_VARIABLES_H
#define RINGSIDE_RUNTIMES_GO_VARIABLES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct go_layout;
struct memory_counts;
struct process_image;

/// As linked.
struct go_variables {
	uint64_t allglen;       ///< uintptr: goroutines that were ever there at once
	uint64_t allp;          ///< []*p
	uint64_t sched;         ///< schedt
	uint64_t memstats;      ///< mstats
	uint64_t gc_controller; ///< gcControllerState
};

/// From the symbols, where the executable has them.
bool go_variables_by_symbol(const struct process_image *image, struct go_variables *ret_variables);
/// From the code of functions that use them: each address that an instruction there refers to is tried, and
/// taken if the process has in that place what only this variable can hold. 0, -ENOTSUP with the reason,
/// -EAGAIN if not all could be found yet, -ESRCH, -EPERM.
int go_variables_by_code(pid_t pid, const struct process_image *image, const struct go_layout *layout,
			 struct memory_counts *counts, struct go_variables *ret_variables,
			 const char **ret_reason);
/// True if what the process has at these addresses is what this layout has there.
bool go_variables_check(pid_t pid, const struct process_image *image, const struct go_layout *layout,
			struct memory_counts *counts, const struct go_variables *variables);

#endif
