// SPDX-License-Identifier: Apache-2.0
// The sizes of one V8 heap, from the memory of the process that it is in.
#ifndef RINGSIDE_RUNTIMES_NODEJS_HEAP_H
#define RINGSIDE_RUNTIMES_NODEJS_HEAP_H

#include <stdint.h>
#include <sys/types.h>

struct memory_counts;
struct nodejs_layout;

/// v8.getHeapStatistics()'s total_heap_size and used_heap_size; process.memoryUsage()'s heapTotal and
/// heapUsed.
struct nodejs_heap {
	uint64_t total_bytes, used_bytes;
};

/// Where the Heap is in an Isolate: the place that all its spaces refer back to. 0, -EINVAL if there is none,
/// or an error of memory_read().
int nodejs_heap_find(pid_t pid, uint64_t isolate, const struct nodejs_layout *layout,
		     struct memory_counts *counts, uint64_t *ret_offset);
/// 0, -EINVAL if what is there is no heap of this layout, or changes while it is read, or an error of
/// memory_read().
int nodejs_heap_read(pid_t pid, uint64_t heap, const struct nodejs_layout *layout,
		     struct memory_counts *counts, struct nodejs_heap *ret_heap);

#endif
