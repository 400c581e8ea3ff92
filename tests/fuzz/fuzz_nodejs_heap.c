// SPDX-License-Identifier: Apache-2.0
// A V8 heap as a hostile process would have it: the input is the memory that the reader walks in, its words
// being addresses into itself where they are odd.
#include "runtimes/nodejs_heap.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "runtimes/nodejs_layout.h"

#define MEMORY_SIZE 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(uint64_t at, const struct nodejs_layout *layout, bool find)
{
	struct memory_counts counts = {0};
	struct nodejs_heap heap = {0};
	uint64_t offset;

	if (!nodejs_heap_read(getpid(), at, layout, &counts, &heap) && heap.used_bytes > heap.total_bytes)
		abort();
	if (find) /* which is slow */
		nodejs_heap_find(getpid(), at, layout, &counts, &offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t memory[MEMORY_SIZE / 8];
	static const unsigned versions[][2] = {{10, 2}, {11, 3}, {12, 4}, {13, 6}};

	memset(memory, 0, sizeof(memory));
	memcpy(memory, data, size < sizeof(memory) ? size : sizeof(memory));
	for (size_t i = 0; i < MEMORY_SIZE / 8 && i * 8 < size; i++)
		if (memory[i] & 1)
			memory[i] = (uint64_t)(uintptr_t)memory + (memory[i] >> 1) % MEMORY_SIZE / 8 * 8;
	for (size_t i = 0; i < 4; i++)
		read_all((uint64_t)(uintptr_t)memory, nodejs_layout_find(versions[i][0], versions[i][1]),
			 size % 16 == i);
	return 0;
}
