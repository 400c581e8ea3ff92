// SPDX-License-Identifier: Apache-2.0
// The one reader of ELF files: headers by libelf, contents by pread into memory of a limited size, so that a
// file that is cut or overwritten meanwhile ends in an error, not in SIGBUS. 64 bits, this machine's byte
// order; everything else is refused.
#ifndef RINGSIDE_ELF_FILE_H
#define RINGSIDE_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_FILE_SEGMENTS_MAX 32
#define ELF_FILE_SECTIONS_MAX 4096
#define ELF_FILE_LOAD_MAX (128 << 20)

/// A PT_LOAD of the program headers.
struct elf_segment {
	uint64_t address, memory_size;
	uint64_t offset, file_size;
	bool writable, executable;
};

struct elf_section {
	uint64_t address;
	uint64_t offset, size;
	uint64_t entry_size;
	uint32_t type;
	uint32_t link; ///< index of the section that this one refers to
	bool in_file;  ///< false for .bss
};

struct elf_file {
	struct Elf *elf;
	int fd; ///< borrowed
	uint64_t size_bytes;
	uint16_t machine; ///< EM_X86_64, …
	unsigned segment_count;
	struct elf_segment segments[ELF_FILE_SEGMENTS_MAX];
};

/// Borrows the descriptor until elf_file_close(). 0, or -ENOEXEC if it is no ELF file that can be read here.
int elf_file_open(int fd, struct elf_file *ret_file);
void elf_file_close(struct elf_file *file); ///< accepts a zeroed one
/// By name, or by its index. False without one.
bool elf_file_section(const struct elf_file *file, const char *name, struct elf_section *ret_section);
bool elf_file_section_at(const struct elf_file *file, uint32_t index, struct elf_section *ret_section);
/// All `len` bytes at an offset, or -errno.
int elf_file_read(const struct elf_file *file, uint64_t offset, void *ret, size_t len);
/// The same into new memory, which is the caller's to free. -E2BIG over ELF_FILE_LOAD_MAX.
int elf_file_load(const struct elf_file *file, uint64_t offset, uint64_t size, uint8_t **ret_bytes);
/// Where the file holds the bytes of an address (as in symbols); false if it does not hold all `len` of them.
bool elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t len, uint64_t *ret_offset);
/// What must be added to the file's addresses, given one mapping of it. False if no segment fits the mapping.
bool elf_file_bias(const struct elf_file *file, uint64_t mapping_start, uint64_t mapping_offset,
		   uint64_t *ret_bias);

#define AUTO_ELF_FILE __attribute__((cleanup(elf_file_close)))

#endif
