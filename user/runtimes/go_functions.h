// SPDX-License-Identifier: Apache-2.0
// Go's function table (pclntab), which is in every Go executable, stripped or not. Format: pcHeader, functab
// and _func of src/runtime/symtab.go, as they are since Go 1.18.
#ifndef RINGSIDE_RUNTIMES_GO_FUNCTIONS_H
#define RINGSIDE_RUNTIMES_GO_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

#define GO_FUNCTIONS_MAX 8              ///< names of one call
#define GO_FUNCTION_SIZE_MAX (64 << 10) ///< longer ones are not found

/// Zero if there is none of that name.
struct go_function {
	uint32_t offset; ///< from the beginning of Go's code, which the table does not tell (runtime.text)
	uint32_t size_bytes;
};

/// 0 with all that were found and the table's own address as linked; -ENOENT if the file has no such table,
/// -E2BIG, -EIO.
int go_functions_find(const struct elf_file *file, const char *const names[], size_t count,
		      struct go_function ret_functions[], uint64_t *ret_table_address);

#endif
