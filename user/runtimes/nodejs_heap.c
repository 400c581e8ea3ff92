// SPDX-License-Identifier: Apache-2.0
// Adds up V8's spaces as Heap::CommittedMemory and Heap::SizeOfObjects do (src/heap/heap.cc, tags 10.2.154 to
// 13.6.233): three system calls a heap. nodejs.c asks for each isolate.
#include "nodejs_heap.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "cleanup.h"
#include "memory.h"
#include "nodejs_layout.h"

/* In every space of every version: BaseSpace's vtable, then these. */
#define SPACE_HEAP 8
#define SPACE_COMMITTED 0x18
#define WORDS (NODEJS_SPACE_SIZE / 8)
/* No heap is larger: the pointers of V8's cage, and a wrong offset shows. */
#define SIZE_MAX_BYTES (1ULL << 40)
/* An allocation area is cut from one page. */
#define AREA_MAX NODEJS_PAGE_SIZE
/* Isolates of the versions known have less than 96 KiB. */
#define ISOLATE_SIZE (256 * 1024)
/* Reads that a search may cost. */
#define SEARCH_MAX 20000
#define CHECKS 3

struct area {
	uint64_t start, top, limit;
};

/* All that is read of one heap. */
struct snapshot {
	uint64_t addresses[NODEJS_SPACES_MAX]; /* of spaces */
	uint64_t spaces[NODEJS_SPACES_MAX][WORDS];
	uint64_t allocator;
	uint64_t area_addresses[NODEJS_ALLOCATORS];
	struct area areas[NODEJS_ALLOCATORS];
	struct area top; /* of the new space, where it is kept apart */
	uint64_t page_start;
};

static uint64_t word(const uint64_t *object, uint32_t offset)
{
	return object[offset / 8];
}

static bool is_pointer(uint64_t value)
{
	return value >= 4096 && value < 1ULL << 47 && value % 8 == 0;
}

static int read_spaces(pid_t pid, uint64_t heap, const struct nodejs_layout *layout,
		       struct memory_counts *counts, struct snapshot *snapshot)
{
	struct memory_part parts[NODEJS_SPACES_MAX + NODEJS_ALLOCATORS] = {
		{heap + layout->spaces, snapshot->addresses, layout->space_count * sizeof(uint64_t)},
		{heap + layout->allocator, &snapshot->allocator, sizeof(uint64_t)},
	};
	size_t count = 0;
	int error = memory_read_parts(pid, parts, layout->allocator ? 2 : 1, counts);

	if (error)
		return error;
	for (unsigned i = 1; i < layout->space_count; i++) {
		if (snapshot->addresses[i] && !is_pointer(snapshot->addresses[i]))
			return -EINVAL;
		if (snapshot->addresses[i])
			parts[count++] = (struct memory_part){snapshot->addresses[i], snapshot->spaces[i],
							      NODEJS_SPACE_SIZE};
	}
	if (!snapshot->addresses[layout->new_space] ||
	    (layout->allocator && !is_pointer(snapshot->allocator)))
		return -EINVAL;
	for (unsigned i = 0; layout->allocator && i < NODEJS_ALLOCATORS; i++)
		parts[count++] = (struct memory_part){snapshot->allocator + layout->areas[i],
						      &snapshot->area_addresses[i], sizeof(uint64_t)};
	error = memory_read_parts(pid, parts, count, counts);
	for (unsigned i = 1; !error && i < layout->space_count; i++)
		if (snapshot->addresses[i] && word(snapshot->spaces[i], SPACE_HEAP) != heap)
			return -EINVAL;
	return error;
}

/* Where the spaces point to. A heap that is not set up, or is being collected, has null pointers here. */
static int read_behind(pid_t pid, const struct nodejs_layout *layout, struct memory_counts *counts,
		       struct snapshot *snapshot)
{
	const uint64_t *new_space = snapshot->spaces[layout->new_space];
	struct memory_part parts[NODEJS_ALLOCATORS + 2];
	size_t count = 0;

	parts[count++] = (struct memory_part){word(new_space, layout->new_page) + layout->page_start,
					      &snapshot->page_start, sizeof(uint64_t)};
	if (layout->new_top_indirect)
		parts[count++] = (struct memory_part){word(new_space, layout->new_top[0]), &snapshot->top,
						      sizeof(struct area)};
	for (unsigned i = 0; layout->allocator && i < NODEJS_ALLOCATORS; i++)
		if (snapshot->area_addresses[i])
			parts[count++] = (struct memory_part){snapshot->area_addresses[i],
							      &snapshot->areas[i], sizeof(struct area)};
	return memory_read_parts(pid, parts, count, counts);
}

static bool add_new_space(const struct nodejs_layout *layout, const struct snapshot *snapshot,
			  struct nodejs_heap *heap)
{
	const uint64_t *space = snapshot->spaces[layout->new_space];
	uint64_t top, capacity = word(space, layout->new_capacity);
	uint64_t total = word(space, layout->new_total[0]) + word(space, layout->new_total[1]);

	top = layout->new_top_indirect ? snapshot->top.top : word(space, layout->new_top[0]);
	if (layout->new_top[1])
		top += word(space, layout->new_top[1]);
	if (total > SIZE_MAX_BYTES || capacity < NODEJS_PAGE_SIZE || capacity > SIZE_MAX_BYTES ||
	    top < snapshot->page_start || top - snapshot->page_start > NODEJS_PAGE_SIZE)
		return false;
	heap->total_bytes += total;
	/* The current page counts as the last one. */
	heap->used_bytes +=
		(capacity / NODEJS_PAGE_SIZE - 1) * layout->page_bytes + top - snapshot->page_start;
	return true;
}

static bool add_up(const struct nodejs_layout *layout, const struct snapshot *snapshot,
		   struct nodejs_heap *ret_heap)
{
	struct nodejs_heap heap = {0};

	if (!add_new_space(layout, snapshot, &heap))
		return false;
	for (unsigned i = 1; i < layout->space_count; i++) {
		const uint64_t *space = snapshot->spaces[i];
		bool is_large = layout->large >> i & 1;
		uint64_t total = word(space, is_large ? layout->large_total : SPACE_COMMITTED);
		uint64_t used = word(space, is_large ? layout->large_used : layout->paged_used);

		if (i == layout->new_space || !snapshot->addresses[i])
			continue;
		if (used > total || total > SIZE_MAX_BYTES)
			return false;
		heap.total_bytes += total;
		heap.used_bytes += used;
	}
	for (unsigned i = 0; i < NODEJS_ALLOCATORS; i++) {
		const struct area *area = &snapshot->areas[i];
		uint64_t free_bytes = area->limit - area->top;

		if (area->start > area->top || area->top > area->limit || free_bytes > AREA_MAX ||
		    free_bytes > heap.used_bytes)
			return false;
		heap.used_bytes -= free_bytes;
	}
	if (heap.used_bytes > heap.total_bytes)
		return false;
	*ret_heap = heap;
	return true;
}

int nodejs_heap_read(pid_t pid, uint64_t heap, const struct nodejs_layout *layout,
		     struct memory_counts *counts, struct nodejs_heap *ret_heap)
{
	struct snapshot snapshot;
	int error;

	memset(snapshot.addresses, 0, sizeof(snapshot.addresses));
	memset(snapshot.areas, 0, sizeof(snapshot.areas));
	error = read_spaces(pid, heap, layout, counts, &snapshot);
	if (!error)
		error = read_behind(pid, layout, counts, &snapshot);
	if (!error && !add_up(layout, &snapshot, ret_heap))
		error = -EINVAL;
	return error;
}

/* The spaces of a heap refer back to it, and its sizes make sense: more than once, as it may change
 * meanwhile. */
static bool is_heap(pid_t pid, uint64_t heap, const struct nodejs_layout *layout, uint64_t space)
{
	struct memory_counts guesses = {0}; /* not reads of anything that should be there */
	struct nodejs_heap ignored;
	uint64_t back;
	int error = -EINVAL;

	if (!is_pointer(space) || memory_read(pid, space + SPACE_HEAP, &back, sizeof(back), &guesses) ||
	    back != heap)
		return false;
	for (int try = 0; error && try < CHECKS; try++)
		error = nodejs_heap_read(pid, heap, layout, &guesses, &ignored);
	return !error;
}

int nodejs_heap_find(pid_t pid, uint64_t isolate, const struct nodejs_layout *layout,
		     struct memory_counts *counts, uint64_t *ret_offset)
{
	/* The second space: the first is shared by all isolates. */
	const uint32_t behind = layout->spaces + sizeof(uint64_t);
	struct memory_counts guesses = {0};
	AUTO_FREE uint64_t *words = NULL;
	size_t size = ISOLATE_SIZE, reads = 0;
	uint64_t space;
	int error;

	error = memory_read(pid, isolate + layout->heap + behind, &space, sizeof(space), counts);
	if (error)
		return error;
	if (is_heap(pid, isolate + layout->heap, layout, space)) {
		*ret_offset = layout->heap;
		return 0;
	}
	words = malloc(size);
	if (!words)
		return -ENOMEM;
	while ((error = memory_read(pid, isolate, words, size, &guesses)) == -EFAULT && size > 4096)
		size /= 2;
	if (error)
		return error;
	for (size_t offset = 0; offset + behind < size && reads < SEARCH_MAX; offset += sizeof(uint64_t)) {
		space = words[(offset + behind) / sizeof(uint64_t)];
		if (!is_pointer(space))
			continue;
		reads++;
		if (is_heap(pid, isolate + offset, layout, space)) {
			*ret_offset = offset;
			return 0;
		}
	}
	return -EINVAL;
}
