// SPDX-License-Identifier: Apache-2.0
// Files that claim to be ELF: sections, symbols, Go's build information and function table. What is found
// lies inside the file.
#include "elf_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf_symbols.h"
#include "gobuild.h"
#include "runtimes/go_functions.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void check_sections(const struct elf_file *file)
{
	static const char *const names[] = {".text", ".dynsym", ".gopclntab", ".bss", ""};
	struct elf_section section;

	for (size_t i = 0; i < COUNT(names); i++) {
		uint8_t *bytes = NULL;

		if (!elf_file_section(file, names[i], &section) ||
		    elf_file_load(file, section.offset, section.size, &bytes))
			continue;
		CHECK(section.offset <= file->size_bytes &&
		      section.size <= file->size_bytes - section.offset);
		free(bytes);
	}
}

static void check_addresses(const struct elf_file *file)
{
	for (unsigned i = 0; i < file->segment_count; i++) {
		uint64_t offset = 0, bias = 0;

		if (elf_file_offset(file, file->segments[i].address, 1, &offset))
			CHECK(offset >= file->segments[0].offset || file->segment_count > 1);
		elf_file_bias(file, 0x400000, file->segments[i].offset & ~(uint64_t)0xfff, &bias);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const char *const symbols[] = {"main", "_PyRuntime", "runtime.sched"};
	static const char *const functions[] = {"runtime.schedinit", "main.main"};
	struct go_function found_functions[COUNT(functions)];
	struct elf_symbol found_symbols[COUNT(symbols)];
	int fd = memfd_create("hostile", MFD_CLOEXEC);
	struct elf_file file = {0};
	struct gobuild build;
	uint64_t table;

	if (fd < 0 || write(fd, input, size) != (ssize_t)size)
		abort();
	if (!elf_file_open(fd, &file)) {
		CHECK(file.segment_count <= ELF_FILE_SEGMENTS_MAX && file.size_bytes == size);
		check_sections(&file);
		check_addresses(&file);
		CHECK(elf_symbols_find(&file, symbols, COUNT(symbols), found_symbols) <= COUNT(symbols));
		if (!go_functions_find(&file, functions, COUNT(functions), found_functions, &table))
			for (size_t i = 0; i < COUNT(functions); i++)
				CHECK(found_functions[i].size_bytes <= GO_FUNCTION_SIZE_MAX);
		elf_file_close(&file);
	}
	if (gobuild_read(fd, &build))
		CHECK(memchr(build.version, 0, sizeof(build.version)) &&
		      memchr(build.module, 0, sizeof(build.module)));
	close(fd);
	return 0;
}
