// SPDX-License-Identifier: Apache-2.0
// Where V8 keeps the sizes of its heap, by version. V8 is the same within one line of Node.js releases.
// Adding a row: nodejs_layout.c says which functions of V8 to disassemble; then test_nodejs must pass under
// that node (RINGSIDE_NODES).
#ifndef RINGSIDE_RUNTIMES_NODEJS_LAYOUT_H
#define RINGSIDE_RUNTIMES_NODEJS_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define NODEJS_SPACES_MAX 16
#define NODEJS_ALLOCATORS 4
/// Bytes of a space that are looked at: the new space is the largest.
#define NODEJS_SPACE_SIZE 0x2a0

/// Offsets in bytes, of words of eight.
struct nodejs_layout {
	unsigned v8_major, v8_minor;
	uint32_t heap; ///< of the Heap in the Isolate, in the builds known; only where it is looked for first

	/* In the Heap. */
	uint32_t spaces;      ///< of its spaces' addresses; the first is read-only and does not count
	uint32_t space_count; ///< with that one
	uint32_t new_space;   ///< index
	uint32_t large;       ///< bit mask of the indices of large-object spaces
	uint32_t allocator;   ///< of the HeapAllocator's address; 0 where sizes do not count what it holds

	/* In spaces. */
	uint32_t paged_used;
	uint32_t large_total, large_used;
	uint32_t new_capacity;
	uint32_t new_total[2]; ///< to be added up
	uint32_t new_top[2];   ///< to be added up; the second 0: there is none
	bool new_top_indirect; ///< the first is the address of a {start, top, limit}
	uint32_t new_page;     ///< of the current page's address …
	uint32_t page_start;   ///< … in which this is where its objects begin
	uint32_t page_bytes;   ///< for objects, in a page of NODEJS_PAGE_SIZE

	/* In the HeapAllocator: its MainAllocators, for each the address of its {start, top, limit}. */
	uint32_t areas[NODEJS_ALLOCATORS];
};

#define NODEJS_PAGE_SIZE 0x40000

/// NULL if this version is not known.
const struct nodejs_layout *nodejs_layout_find(unsigned v8_major, unsigned v8_minor);

#endif
