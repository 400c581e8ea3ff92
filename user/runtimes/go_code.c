// SPDX-License-Identifier: Apache-2.0
// A stripped Go executable has no symbols of variables, but its function table has the functions, and x86-64
// code names a variable by its distance from the next instruction. No disassembler is needed: every four
// bytes behind what looks like such an operand are one candidate more. go_variables.c tells which is which.
#include "go_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "memory.h"
#include "process_image.h"

#define MODULE_SEARCH_MAX (256 << 20)
#define PIECE (1 << 20)

static const char *const function_names[GO_FUNCTION_INDEXES] = {
	[GO_SCHEDINIT] = "runtime.schedinit",
	[GO_ALLGADD] = "runtime.allgadd",
	[GO_PROCRESIZE] = "runtime.procresize",
	[GO_GCINIT] = "runtime.gcinit",
	[GO_MARK_TERMINATION] = "runtime.gcMarkTermination",
};

bool go_code_live(const struct go_code *code, uint64_t linked, void *ret, size_t len)
{
	return !memory_read(code->pid, linked + code->image->bias, ret, len, code->counts);
}

/* moduledata (src/runtime/symtab.go): the first word is the function table's address, the 20th and the 22nd
 * are minpc and text, equal in every program since 1.18. The table itself says text only until 1.25. */
static bool find_text_in(const uint64_t *words, size_t count, uint64_t table, uint64_t *ret_text)
{
	for (size_t i = 0; i + 22 < count; i++)
		if (words[i] == table && words[i + 22] && words[i + 20] == words[i + 22]) {
			*ret_text = words[i + 22];
			return true;
		}
	return false;
}

bool go_code_find_text(struct go_code *code, uint64_t table_address)
{
	const struct process_image *image = code->image;
	AUTO_FREE uint64_t *piece = malloc(PIECE);
	uint64_t left = MODULE_SEARCH_MAX;

	if (!piece)
		return false;
	for (unsigned i = 0; i < image->file.segment_count; i++) {
		const struct elf_segment *segment = &image->file.segments[i];
		uint64_t at = (segment->address + 7) & ~(uint64_t)7,
			 end = segment->address + segment->file_size;

		if (!segment->writable)
			continue;
		/* Pieces overlap by the 23 words that belong together. */
		for (; at < end && end - at >= 8 && left; at += PIECE - 22 * 8) {
			size_t len = end - at < PIECE ? (end - at) & ~(uint64_t)7 : PIECE;

			if (go_code_live(code, at, piece, len) &&
			    find_text_in(piece, len / 8, table_address + image->bias, &code->text)) {
				code->text -= image->bias;
				return true;
			}
			left -= len < left ? len : left;
		}
	}
	return false;
}

bool go_code_load(const struct go_code *code, enum go_function_index function,
		  struct go_instructions *ret_instructions)
{
	const struct go_function *found = &code->functions[function];
	uint64_t address = code->text + found->offset, offset;
	uint8_t *bytes;

	if (!found->size_bytes || !elf_file_offset(&code->image->file, address, found->size_bytes, &offset) ||
	    elf_file_load(&code->image->file, offset, found->size_bytes, &bytes))
		return false;
	*ret_instructions = (struct go_instructions){bytes, found->size_bytes, address};
	return true;
}

static bool is_writable(const struct elf_file *file, uint64_t address)
{
	for (unsigned i = 0; i < file->segment_count; i++)
		if (file->segments[i].writable && address >= file->segments[i].address &&
		    address - file->segments[i].address < file->segments[i].memory_size)
			return true;
	return false;
}

void go_operands_add(struct go_operands *operands, uint64_t address)
{
	for (size_t i = 0; i < operands->count; i++)
		if (operands->at[i] == address)
			return;
	if (operands->count < GO_OPERANDS_MAX)
		operands->at[operands->count++] = address;
}

uint64_t go_code_target(const struct go_instructions *instructions, uint32_t at, uint32_t immediate)
{
	int32_t distance;

	memcpy(&distance, instructions->bytes + at, sizeof(distance));
	return instructions->address + at + 4 + immediate + (uint64_t)(int64_t)distance;
}

/* ModRM with mod 0 and r/m 5 is followed by the distance, that by an immediate of 0, 1 or 4 bytes (Intel SDM
 * volume 2, 2.2.1.6). */
bool go_code_operands(const struct go_code *code, enum go_function_index function,
		      struct go_operands *ret_operands)
{
	static const uint32_t immediates[] = {0, 1, 4};
	struct go_instructions instructions;

	ret_operands->count = 0;
	if (!go_code_load(code, function, &instructions))
		return false;
	for (uint32_t at = 1; at + 4 <= instructions.len; at++) {
		if ((instructions.bytes[at - 1] & 0xc7) != 5)
			continue;
		for (unsigned i = 0; i < 3; i++) {
			uint64_t target = go_code_target(&instructions, at, immediates[i]);

			if (is_writable(&code->image->file, target))
				go_operands_add(ret_operands, target);
		}
	}
	free(instructions.bytes);
	return ret_operands->count > 0;
}

int go_code_open(struct go_code *code, const char **ret_reason)
{
	uint64_t table_address, word;
	int error = go_functions_find(&code->image->file, function_names, GO_FUNCTION_INDEXES,
				      code->functions, &table_address);

	if (error) {
		*ret_reason = "neither symbols nor a function table of Go that can be read";
		return -ENOTSUP;
	}
	error = memory_read(code->pid, table_address + code->image->bias, &word, sizeof(word), code->counts);
	if (error == -ESRCH || error == -EPERM)
		return error;
	if (error || !go_code_find_text(code, table_address)) {
		*ret_reason = "no symbols, and the beginning of Go's code was not found";
		return -ENOTSUP;
	}
	return 0;
}
