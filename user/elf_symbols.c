// SPDX-License-Identifier: Apache-2.0
// Goes through symbol tables in pieces of fixed size; only the names are in memory at once, up to
// ELF_FILE_LOAD_MAX. The runtimes ask for the few variables they read.
#include "elf_symbols.h"

#include <elf.h>
#include <string.h>

#include "cleanup.h"
#include "elf_file.h"

#define PIECE 1024 ///< symbols read at once

struct search {
	const char *const *names;
	struct elf_symbol *symbols;
	size_t count;
	unsigned found;
	const uint8_t *strings;
	uint64_t strings_len;
};

static void look_at(struct search *search, const Elf64_Sym *symbol)
{
	if (symbol->st_shndx == SHN_UNDEF || !symbol->st_value || symbol->st_name >= search->strings_len)
		return;
	for (size_t i = 0; i < search->count; i++) {
		size_t len = strlen(search->names[i]) + 1;

		if (search->symbols[i].address || search->strings_len - symbol->st_name < len ||
		    memcmp(search->strings + symbol->st_name, search->names[i], len) != 0)
			continue;
		search->symbols[i] = (struct elf_symbol){symbol->st_value, symbol->st_size};
		search->found++;
		return;
	}
}

static void search_table(const struct elf_file *file, const char *name, struct search *search)
{
	AUTO_FREE Elf64_Sym *piece = malloc(PIECE * sizeof(*piece));
	AUTO_FREE uint8_t *strings = NULL;
	struct elf_section table, names;
	uint64_t count;

	if (!piece || !elf_file_section(file, name, &table) || !table.in_file ||
	    table.entry_size != sizeof(*piece) || !elf_file_section_at(file, table.link, &names) ||
	    !names.in_file || elf_file_load(file, names.offset, names.size, &strings))
		return;
	search->strings = strings;
	search->strings_len = names.size;
	count = table.size / sizeof(*piece);
	for (uint64_t at = 0; at < count && search->found < search->count; at += PIECE) {
		size_t some = count - at < PIECE ? count - at : PIECE;

		if (elf_file_read(file, table.offset + at * sizeof(*piece), piece, some * sizeof(*piece)))
			return;
		for (size_t i = 0; i < some; i++)
			look_at(search, &piece[i]);
	}
}

unsigned elf_symbols_find(const struct elf_file *file, const char *const names[], size_t count,
			  struct elf_symbol ret_symbols[])
{
	struct search search = {.names = names, .symbols = ret_symbols, .count = count};

	memset(ret_symbols, 0, count * sizeof(*ret_symbols));
	search_table(file, ".dynsym", &search);
	if (search.found < count)
		search_table(file, ".symtab", &search);
	return search.found;
}
