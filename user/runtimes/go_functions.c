// SPDX-License-Identifier: Apache-2.0
// Looks functions up by name in the function table, which is taken into memory for that once for each file.
// Nothing in it is believed: every offset is checked against the end. go_variables.c reads the functions'
// code.
#include "go_functions.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cleanup.h"
#include "elf_file.h"

#define HEADER_SIZE 72
#define FUNCTIONS_LIMIT (4u << 20)
#define SCAN_STEP 8 ///< the table's alignment from 1.26 on; 32 before

struct table {
	const uint8_t *bytes;
	uint64_t len;
};

/* pcHeader: u32 magic (1.20 on, 1.18 on), u16 zero, u8 size of an instruction, u8 of a pointer, u64
 * functions, u64 files, u64 text, then the offsets of the names (32) … and of the functions (64). */
static bool is_header(const uint8_t *header)
{
	static const uint8_t magic[8] = {0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8},
			     older[8] = {0xf0, 0xff, 0xff, 0xff, 0, 0, 1, 8};

	return !memcmp(header, magic, sizeof(magic)) || !memcmp(header, older, sizeof(older));
}

static bool take(const struct table *table, uint64_t offset, void *ret, size_t len)
{
	if (offset > table->len || len > table->len - offset)
		return false;
	memcpy(ret, table->bytes + offset, len);
	return true;
}

static bool find_by_section(const struct elf_file *file, struct elf_section *ret_section)
{
	static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab"};

	for (size_t i = 0; i < 2; i++)
		if (elf_file_section(file, names[i], ret_section) && ret_section->in_file)
			return true;
	return false;
}

/* Without section headers: the table ends with its segment at the latest. */
static bool find_by_scan(const struct elf_file *file, struct elf_section *ret_section)
{
	for (unsigned i = 0; i < file->segment_count; i++) {
		const struct elf_segment *segment = &file->segments[i];
		AUTO_FREE uint8_t *bytes = NULL;

		if (segment->file_size < HEADER_SIZE ||
		    elf_file_load(file, segment->offset, segment->file_size, &bytes))
			continue;
		for (uint64_t at = 0; at <= segment->file_size - HEADER_SIZE; at += SCAN_STEP)
			if (is_header(bytes + at)) {
				*ret_section = (struct elf_section){
					.address = segment->address + at,
					.offset = segment->offset + at,
					.size = segment->file_size - at,
				};
				return true;
			}
	}
	return false;
}

static bool has_name(const struct table *table, uint64_t at, const char *name)
{
	size_t len = strlen(name) + 1;

	return at <= table->len && len <= table->len - at && !memcmp(table->bytes + at, name, len);
}

static void search(const struct table *table, const char *const names[], size_t count,
		   struct go_function ret_functions[])
{
	uint64_t functions = 0, names_offset = 0, table_offset = 0;
	size_t found = 0;

	if (!take(table, 8, &functions, 8) || !take(table, 32, &names_offset, 8) ||
	    !take(table, 64, &table_offset, 8) || functions > FUNCTIONS_LIMIT || names_offset > table->len ||
	    table_offset > table->len)
		return;
	for (uint64_t i = 0; i < functions && found < count; i++) {
		uint32_t entry[3], name_offset; /* its offset, its _func's, the next one's offset */

		if (!take(table, table_offset + i * 8, entry, sizeof(entry)) ||
		    !take(table, table_offset + entry[1] + 4, &name_offset, sizeof(name_offset)))
			return;
		for (size_t n = 0; n < count; n++) {
			if (ret_functions[n].size_bytes ||
			    !has_name(table, names_offset + name_offset, names[n]))
				continue;
			if (entry[2] <= entry[0] || entry[2] - entry[0] > GO_FUNCTION_SIZE_MAX)
				break;
			ret_functions[n] = (struct go_function){entry[0], entry[2] - entry[0]};
			found++;
		}
	}
}

int go_functions_find(const struct elf_file *file, const char *const names[], size_t count,
		      struct go_function ret_functions[], uint64_t *ret_table_address)
{
	AUTO_FREE uint8_t *bytes = NULL;
	struct elf_section section;
	int error;

	memset(ret_functions, 0, count * sizeof(*ret_functions));
	if (!find_by_section(file, &section) && !find_by_scan(file, &section))
		return -ENOENT;
	error = elf_file_load(file, section.offset, section.size, &bytes);
	if (error)
		return error == -E2BIG ? error : -EIO;
	if (section.size < HEADER_SIZE || !is_header(bytes))
		return -ENOENT;
	search(&(struct table){bytes, section.size}, names, count, ret_functions);
	*ret_table_address = section.address;
	return 0;
}
