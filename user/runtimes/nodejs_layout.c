// SPDX-License-Identifier: Apache-2.0
// Offsets in V8's objects, read off the machine code of nodejs.org's x86-64 builds of Node 18.20.8 (V8
// 10.2.154.26), 20.20.2 (11.3.244.8), 22.23.3 (12.4.254.21) and 24.21.0 (13.6.233.17) and compared with their
// v8.getHeapStatistics(). nodejs_heap.c reads by them.
//
// For a new row disassemble, in a build that is not stripped: Heap::CommittedMemory,
// Heap::CommittedOldGenerationMemory, SpaceIterator::HasNext and ::Next (spaces, space_count),
// PagedSpaceBase::Size (paged_used), LargeObjectSpace::Size and ::SizeOfObjects, SemiSpaceNewSpace::Size and
// ::CommittedMemory, MemoryChunkLayout::AllocatableMemoryInDataPage (page_bytes), each 2 to 25 instructions;
// and where Isolate::GetHeapStatistics begins with Heap::FreeMainThreadLinearAllocationAreas (22, 24), that
// one (allocator), HeapAllocator::FreeLinearAllocationAreas and MainAllocator::FreeLinearAllocationArea: what
// it gives back, the statistics do not count, but the spaces do until then.
#include "nodejs_layout.h"

#include <stddef.h>

#define LAST_FROM(first, count) ((1U << (count)) - (1U << (first)))
#define AREA 0xa0 ///< in a MainAllocator

static const struct nodejs_layout rows[] = {
	{
		.v8_major = 10,
		.v8_minor = 2,
		.heap = 0xc638,
		.spaces = 0x1d0,
		.space_count = 8,
		.new_space = 7,
		.large = LAST_FROM(4, 7),
		.paged_used = 0x110,
		.large_total = 0xc8,
		.large_used = 0xd8,
		.new_capacity = 0x228,
		.new_total = {0x178, 0x280},
		.new_top = {0xc8, 0},
		.new_top_indirect = true,
		.new_page = 0x260,
		.page_start = 0x18,
		.page_bytes = 0x3eed8,
	},
	{
		.v8_major = 11,
		.v8_minor = 3,
		.heap = 0xd2c0,
		.spaces = 0x1c8,
		.space_count = 9,
		.new_space = 1,
		.large = LAST_FROM(5, 9),
		.paged_used = 0x98,
		.large_total = 0x50,
		.large_used = 0x60,
		.new_capacity = 0x1b8,
		.new_total = {0x180, 0x290},
		.new_top = {0x50, 0},
		.new_top_indirect = true,
		.new_page = 0x1f0,
		.page_start = 0x18,
		.page_bytes = 0x3eec0,
	},
	{
		.v8_major = 12,
		.v8_minor = 4,
		.heap = 0xdea0,
		.spaces = 0x138,
		.space_count = 11,
		.new_space = 1,
		.large = LAST_FROM(6, 11),
		.allocator = 0x20,
		.paged_used = 0x70,
		.large_total = 0x50,
		.large_used = 0x60,
		.new_capacity = 0xc8,
		.new_total = {0x90, 0x120},
		.new_top = {0x1b0, 0},
		.new_page = 0x100,
		.page_start = 0x20,
		.page_bytes = 0x3eec0,
		.areas = {0x70 + AREA, 0x198 + AREA, 0x2c0 + AREA, 0x3e8 + AREA},
	},
	{
		.v8_major = 13,
		.v8_minor = 6,
		.heap = 0xeff8,
		.spaces = 0x160,
		.space_count = 13,
		.new_space = 1,
		.large = LAST_FROM(7, 13),
		.allocator = 0x20,
		.paged_used = 0x78,
		.large_total = 0x58,
		.large_used = 0x68,
		.new_capacity = 0xb8,
		.new_total = {0x78, 0xf8},
		.new_top = {0x160, 0x180},
		.new_page = 0xd0,
		.page_start = 0x48,
		.page_bytes = 0x3fff0,
		.areas = {0x80 + AREA, 0x178 + AREA, 0x270 + AREA, 0x368 + AREA},
	},
};

const struct nodejs_layout *nodejs_layout_find(unsigned v8_major, unsigned v8_minor)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].v8_major == v8_major && rows[i].v8_minor == v8_minor)
			return &rows[i];
	return NULL;
}
