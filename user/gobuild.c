// SPDX-License-Identifier: Apache-2.0
// Reads a Go executable's build information. Format: debug/buildinfo in Go's sources: 16 bytes of magic,
// pointer size and flags, padding to 32, then (flag 2, Go 1.18) two strings, each behind its length as a
// varint.
#include "gobuild.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "elf_file.h"

#define MAGIC "\xff Go buildinf:"
#define HEADER_LEN 32
#define FLAG_INLINE_STRINGS 2
#define SEARCH_LEN (64 * 1024) ///< as far as debug/buildinfo looks itself

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

/* Without section headers: the linker puts it at the beginning of the writable data, at a multiple of 16. */
static bool find_in_data(const struct elf_file *file, uint64_t *ret_offset, uint64_t *ret_size)
{
	const size_t step = 16;

	for (unsigned i = 0; i < file->segment_count; i++) {
		const struct elf_segment *segment = &file->segments[i];
		AUTO_FREE uint8_t *bytes = NULL;
		uint64_t size = segment->file_size < SEARCH_LEN ? segment->file_size : SEARCH_LEN;

		if (!segment->writable || elf_file_load(file, segment->offset, size, &bytes))
			continue;
		for (size_t at = 0; at + HEADER_LEN <= size; at += step)
			if (!memcmp(bytes + at, MAGIC, strlen(MAGIC))) {
				*ret_offset = segment->offset + at;
				*ret_size = segment->file_size - at < SEARCH_LEN ? segment->file_size - at
										 : SEARCH_LEN;
				return true;
			}
	}
	return false;
}

bool gobuild_read(int fd, struct gobuild *ret_gobuild)
{
	AUTO_ELF_FILE struct elf_file file = {0};
	AUTO_FREE uint8_t *bytes = NULL;
	struct elf_section section;
	uint64_t offset, size;

	if (elf_file_open(fd, &file))
		return false;
	if (elf_file_section(&file, ".go.buildinfo", &section) && section.in_file) {
		offset = section.offset;
		size = section.size;
	} else if (!find_in_data(&file, &offset, &size)) {
		return false;
	}
	return !elf_file_load(&file, offset, size, &bytes) && parse((struct bytes){bytes, size}, ret_gobuild);
}
