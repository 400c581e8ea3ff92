// SPDX-License-Identifier: Apache-2.0
// Reads a Go executable's build information. Format: debug/buildinfo in Go's sources: 16 bytes of magic,
// pointer size and flags, padding to 32, then (flag 2, Go 1.18) two strings, each behind its length as a
// varint.
#include "gobuild.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gelf.h>

#define MAGIC "\xff Go buildinf:"
#define HEADER_LEN 32
#define FLAG_INLINE_STRINGS 2
/* libelf reads a section into memory, and any program's file may be of any size: Go writes some kilobytes. */
#define SECTION_MAX (1 << 20)

struct bytes {
	const uint8_t *at;
	size_t len;
};

static bool take_string(struct bytes *bytes, struct bytes *ret_string)
{
	uint64_t len = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte;

		if (!bytes->len || shift > 56)
			return false;
		byte = *bytes->at++;
		bytes->len--;
		len |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	if (len > bytes->len)
		return false;
	*ret_string = (struct bytes){bytes->at, len};
	bytes->at += len;
	bytes->len -= len;
	return true;
}

/* The value of a line "key\tvalue[\t…]" of the module information. */
static void find_line(struct bytes info, const char *key, char *ret_value, size_t size)
{
	const char *at = (const char *)info.at, *end = at + info.len;
	size_t key_len = strlen(key);

	while (at < end) {
		const char *newline = memchr(at, '\n', end - at), *value, *tab;

		if (!newline)
			return;
		value = at + key_len + 1;
		if ((size_t)(newline - at) > key_len && !memcmp(at, key, key_len) && at[key_len] == '\t') {
			tab = memchr(value, '\t', newline - value);
			snprintf(ret_value, size, "%.*s", (int)((tab ? tab : newline) - value), value);
			return;
		}
		at = newline + 1;
	}
}

static bool parse(struct bytes section, struct gobuild *ret_gobuild)
{
	struct bytes version, info;

	if (section.len < HEADER_LEN || memcmp(section.at, MAGIC, strlen(MAGIC)) ||
	    !(section.at[15] & FLAG_INLINE_STRINGS))
		return false;
	section.at += HEADER_LEN;
	section.len -= HEADER_LEN;
	if (!take_string(&section, &version))
		return false;
	memset(ret_gobuild, 0, sizeof(*ret_gobuild));
	if (version.len > 2 && !memcmp(version.at, "go", 2))
		snprintf(ret_gobuild->version, sizeof(ret_gobuild->version), "%.*s", (int)version.len - 2,
			 (const char *)version.at + 2);
	if (!take_string(&section, &info))
		return true;
	find_line(info, "mod", ret_gobuild->module, sizeof(ret_gobuild->module));
	/* The first line stands behind 16 bytes that mark the beginning for tools. */
	if (info.len > 16)
		find_line((struct bytes){info.at + 16, info.len - 16}, "path", ret_gobuild->package,
			  sizeof(ret_gobuild->package));
	return true;
}

/* A header without a number of sections leaves it to the file's size: Go never does. */
static bool has_few_sections(int fd)
{
	union {
		Elf32_Ehdr narrow;
		Elf64_Ehdr wide;
	} header;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return false;
	return header.wide.e_ident[EI_CLASS] == ELFCLASS64 ? header.wide.e_shnum : header.narrow.e_shnum;
}

static bool is_readable(Elf_Scn *section, GElf_Shdr *ret_header)
{
	return gelf_getshdr(section, ret_header) && ret_header->sh_type != SHT_NOBITS &&
	       ret_header->sh_size <= SECTION_MAX && !(ret_header->sh_flags & SHF_COMPRESSED);
}

bool gobuild_read(int fd, struct gobuild *ret_gobuild)
{
	size_t names_index;
	GElf_Shdr header;
	Elf_Scn *section = NULL;
	bool found = false;
	Elf *elf;

	if (!has_few_sections(fd))
		return false;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return false;
	if (elf_kind(elf) == ELF_K_ELF && !elf_getshdrstrndx(elf, &names_index) &&
	    is_readable(elf_getscn(elf, names_index), &header))
		while (!found && (section = elf_nextscn(elf, section))) {
			const char *name;
			Elf_Data *data;

			if (!is_readable(section, &header))
				continue;
			name = elf_strptr(elf, names_index, header.sh_name);
			if (!name || strcmp(name, ".go.buildinfo"))
				continue;
			data = elf_rawdata(section, NULL);
			found = data && parse((struct bytes){data->d_buf, data->d_size}, ret_gobuild);
		}
	elf_end(elf);
	return found;
}
