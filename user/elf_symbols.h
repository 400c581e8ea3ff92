// SPDX-License-Identifier: Apache-2.0
// Symbols of an ELF file, from .dynsym and then .symtab.
#ifndef RINGSIDE_ELF_SYMBOLS_H
#define RINGSIDE_ELF_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

struct elf_symbol {
	uint64_t address; ///< as linked, without the load bias; 0 if the symbol is not defined here
	uint64_t size_bytes;
};

#define ELF_SYMBOLS_MAX 16 ///< names of one call

/// Looks for all names in one pass; ret_symbols[i] belongs to names[i]. How many were found.
unsigned elf_symbols_find(const struct elf_file *file, const char *const names[], size_t count,
			  struct elf_symbol ret_symbols[]);

#endif
