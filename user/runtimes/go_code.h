// SPDX-License-Identifier: Apache-2.0
// The code of a few functions of Go's runtime in a process, and the variables that it refers to.
#ifndef RINGSIDE_RUNTIMES_GO_CODE_H
#define RINGSIDE_RUNTIMES_GO_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "go_functions.h"

#define GO_OPERANDS_MAX 1024

struct memory_counts;
struct process_image;

enum go_function_index {
	GO_SCHEDINIT,
	GO_ALLGADD,
	GO_PROCRESIZE,
	GO_GCINIT,
	GO_MARK_TERMINATION,
	GO_FUNCTION_INDEXES,
};

/// The first three are the caller's to set, and borrowed. All addresses in here are as linked.
struct go_code {
	pid_t pid;
	const struct process_image *image;
	struct memory_counts *counts;
	uint64_t text; ///< where functions are counted from
	struct go_function functions[GO_FUNCTION_INDEXES];
};

struct go_instructions {
	uint8_t *bytes; ///< the caller's to free
	uint32_t len;
	uint64_t address;
};

/// Each once; what does not fit is left out.
struct go_operands {
	size_t count;
	uint64_t at[GO_OPERANDS_MAX];
};

/// Finds the functions. 0, -ENOTSUP with the reason, -ESRCH, -EPERM.
int go_code_open(struct go_code *code, const char **ret_reason);
/// Where the functions of the table at this address are counted from, into code->text. False if it is not
/// found.
bool go_code_find_text(struct go_code *code, uint64_t table_address);
/// What the process has at an address. False if it cannot be read.
bool go_code_live(const struct go_code *code, uint64_t linked, void *ret, size_t len);
bool go_code_load(const struct go_code *code, enum go_function_index function,
		  struct go_instructions *ret_instructions);
/// The address that the four bytes at `at` refer to, if `immediate` bytes follow them in their instruction.
uint64_t go_code_target(const struct go_instructions *instructions, uint32_t at, uint32_t immediate);
/// All addresses of variables that the function may refer to; also many that it does not. False without any.
bool go_code_operands(const struct go_code *code, enum go_function_index function,
		      struct go_operands *ret_operands);
void go_operands_add(struct go_operands *operands, uint64_t address);

#endif
