// SPDX-License-Identifier: Apache-2.0
// The isolates of V8 in a node process: one of the main thread, one of each worker.
#ifndef RINGSIDE_RUNTIMES_NODEJS_ISOLATES_H
#define RINGSIDE_RUNTIMES_NODEJS_ISOLATES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NODEJS_ISOLATES_MAX 257 ///< the main thread's and 256 workers'

struct memory_counts;

/// Addresses in the process.
struct nodejs_isolate {
	uint64_t address;
	uint64_t data; ///< node's own about it: PerIsolatePlatformData
};

/// Where node keeps them: the address of a std::unordered_map. `variable` is that of v8_platform, `vtable`
/// that of NodePlatform's. All three: 0, -EAGAIN if it is not there yet, -EINVAL if it does not look as it
/// should, or an error of memory_read().
int nodejs_isolates_find(pid_t pid, uint64_t variable, uint64_t vtable, struct memory_counts *counts,
			 uint64_t *ret_isolates);
int nodejs_isolates_read(pid_t pid, uint64_t isolates, struct memory_counts *counts,
			 struct nodejs_isolate ret_isolates[NODEJS_ISOLATES_MAX], size_t *ret_count);
/// The one that has this loop.
int nodejs_isolates_find_main(pid_t pid, uint64_t isolates, uint64_t loop, struct memory_counts *counts,
			      uint64_t *ret_isolate);

#endif
