// SPDX-License-Identifier: Apache-2.0
// A stripped Go executable and the memory of its process, both hostile: the search for the runtime's
// variables ends, and finds only what passes its own check.
//
// Input: the version (1 byte), then the file, which is also the process's memory. There, a word 0xffff…XXXX
// is the address of the byte XXXX.
#include "runtimes/go_variables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "process_image.h"
#include "runtimes/go_layout.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define MEMORY_SIZE 65536

static uint64_t process_memory[MEMORY_SIZE / 8];

static void become(const uint8_t *input, size_t size)
{
	memset(process_memory, 0, sizeof(process_memory));
	memcpy(process_memory, input, size);
	for (size_t i = 0; i < MEMORY_SIZE / 8; i++)
		if (process_memory[i] >> 48 == 0xffff)
			process_memory[i] =
				(uint64_t)(uintptr_t)process_memory + (process_memory[i] & 0xffff);
}

/* What lies elsewhere is this process's own and changes while we look. */
static bool are_inside(const struct go_variables *variables)
{
	const uint64_t addresses[] = {variables->allglen, variables->allp, variables->sched,
				      variables->memstats, variables->gc_controller};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		if (addresses[i] >= MEMORY_SIZE / 2)
			return false;
	return true;
}

static void search(const struct process_image *image, const struct go_layout *layout)
{
	struct memory_counts counts = {0};
	struct go_variables variables = {0};
	const char *reason = NULL;
	int error = go_variables_by_code(getpid(), image, layout, &counts, &variables, &reason);

	CHECK(counts.gone == 0 && counts.denied == 0);
	if (!error && are_inside(&variables))
		CHECK(go_variables_check(getpid(), image, layout, &counts, &variables));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct process_image image = PROCESS_IMAGE_NONE;
	const char *reason;
	char version[8];

	if (size < 1 || size - 1 > MEMORY_SIZE)
		return 0;
	snprintf(version, sizeof(version), "1.%d", 19 + input[0] % 9);
	become(input + 1, size - 1);
	image.fd = memfd_create("hostile", MFD_CLOEXEC);
	if (image.fd < 0 || write(image.fd, input + 1, size - 1) != (ssize_t)size - 1)
		abort();
	image.bias = (uint64_t)(uintptr_t)process_memory;
	if (!elf_file_open(image.fd, &image.file))
		search(&image, go_layout_find(version, &reason));
	process_image_close(&image);
	return 0;
}
