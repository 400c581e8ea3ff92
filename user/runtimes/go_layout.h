// SPDX-License-Identifier: Apache-2.0
// Where Go's runtime keeps what we read, by version. Adding one: tools/go_layout.go prints the row from the
// DWARF of a program built by it; then test_go must pass with programs of it (RINGSIDE_GO_PROGRAMS).
#ifndef RINGSIDE_RUNTIMES_GO_LAYOUT_H
#define RINGSIDE_RUNTIMES_GO_LAYOUT_H

#include <stdint.h>

/// Offsets in bytes, in the variable that the comment names.
struct go_layout {
	unsigned minor;                     ///< of Go 1.minor
	uint16_t ngsys, mnext, max_threads; ///< runtime.sched; i32, i64, i32
	uint16_t free_stack,
		free_no_stack; ///< runtime.sched: goroutines to be used again, i32; the second 0: none
	uint16_t p_free;       ///< each runtime.p: the same, i32
	uint16_t gc_count, gc_last_unix_ns;    ///< runtime.memstats; u32, u64
	uint16_t gc_pause_total_ns, gc_pauses; ///< runtime.memstats; u64, u64[256]
	uint16_t heap_minimum, heap_in_use;    ///< runtime.gcController; u64
	uint16_t total_alloc, total_free;      ///< runtime.gcController; u64
};

#define GO_GC_PAUSES 256
#define GO_GC_PERCENT 0          ///< runtime.gcController; i32
#define GO_MEMORY_LIMIT 8        ///< runtime.gcController; i64
#define GO_DEFAULT_THREADS 10000 ///< what schedinit sets max_threads to

/// By the version of the build information, "1.26.8". NULL with the reason if there is none that we know.
const struct go_layout *go_layout_find(const char *version, const char **ret_reason);

#endif
