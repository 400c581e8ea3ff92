// SPDX-License-Identifier: Apache-2.0
// Finds node's variables by the symbols that it exports, in stripped builds too, and libuv's default loop by
// the machine code of uv_default_loop() (src/uv-common.c, tags v1.44.2 to v1.52.1). nodejs.c follows them
// into the process.
#include "nodejs_variables.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "elf_symbols.h"
#include "file_facts.h"
#include "process_image.h"

#define CODE_SIZE 48 ///< of uv_default_loop()

/* Its first load relative to the instruction pointer is that of default_loop_ptr: REX.W 8B /r, mod 0, rm 5.
 */
static uint64_t loop_variable(const struct elf_file *file, uint64_t function)
{
	uint8_t code[CODE_SIZE];
	uint64_t offset;
	int32_t displacement;

	if (!function || file->machine != EM_X86_64 ||
	    !elf_file_offset(file, function, sizeof(code), &offset) ||
	    elf_file_read(file, offset, code, sizeof(code)))
		return 0;
	for (size_t i = 0; i + 7 <= sizeof(code); i++) {
		if ((code[i] & 0xfb) != 0x48 || code[i + 1] != 0x8b || (code[i + 2] & 0xc7) != 5)
			continue;
		memcpy(&displacement, code + i + 3, sizeof(displacement));
		return function + i + 7 + (int64_t)displacement;
	}
	return 0;
}

static struct nodejs_variables variables_of(struct file_facts *files, const struct process_image *image)
{
	static const char *const names[] = {
		"_ZN4node11per_process11v8_platformE", "_ZTVN4node12NodePlatformE",
		"_ZN2v88internal7Version6major_E",     "_ZN2v88internal7Version6minor_E",
		"_ZN4node11per_process8metadataE",     "uv_default_loop",
	};
	struct elf_symbol symbols[6];
	struct nodejs_variables variables;

	if (file_facts_find(files, &image->id, &variables))
		return variables;
	elf_symbols_find(&image->file, names, 6, symbols);
	memset(&variables, 0, sizeof(variables));
	variables.platform = symbols[0].address;
	variables.platform_vtable = symbols[1].address;
	variables.v8_major = symbols[2].address;
	variables.v8_minor = symbols[3].address;
	variables.metadata = symbols[4].address;
	variables.loop = loop_variable(&image->file, symbols[5].address);
	variables.machine = image->file.machine;
	file_facts_keep(files, &image->id, &variables);
	return variables;
}

static bool is_libnode(const char *base_name)
{
	return !strncmp(base_name, "libnode.so", strlen("libnode.so"));
}

static bool is_libuv(const char *base_name)
{
	return !strncmp(base_name, "libuv.so", strlen("libuv.so"));
}

static bool is_final(int error)
{
	return error && error != -ENOENT && error != -ENOEXEC;
}

/* All of it raised by the load bias. */
static int find_node(struct file_facts *files, pid_t pid, struct nodejs_variables *ret_variables,
		     const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	struct nodejs_variables variables = {0};
	int error = process_image_executable(pid, &image);

	if (is_final(error))
		return error;
	if (!error)
		variables = variables_of(files, &image);
	if (!variables.platform) {
		process_image_close(&image);
		error = process_image_library(pid, is_libnode, &image);
		if (is_final(error))
			return error;
		if (!error)
			variables = variables_of(files, &image);
	}
	*ret_reason = "neither the executable nor a libnode of it has node's symbols";
	if (!variables.platform || !variables.platform_vtable || !variables.v8_major || !variables.v8_minor ||
	    !variables.metadata)
		return -ENOTSUP;
	*ret_reason = "the layout of node is known for x86-64 only";
	if (variables.machine != EM_X86_64)
		return -ENOTSUP;
	variables.platform += image.bias;
	variables.platform_vtable += image.bias;
	variables.v8_major += image.bias;
	variables.v8_minor += image.bias;
	variables.metadata += image.bias;
	variables.loop += variables.loop ? image.bias : 0;
	*ret_variables = variables;
	return 0;
}

/* Distributions have libuv by itself. */
static int find_libuv(struct file_facts *files, pid_t pid, struct nodejs_variables *variables,
		      const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	int error;

	if (variables->loop)
		return 0;
	error = process_image_library(pid, is_libuv, &image);
	if (is_final(error))
		return error;
	if (!error)
		variables->loop = variables_of(files, &image).loop;
	*ret_reason = "uv_default_loop() does not look as in the builds known";
	if (!variables->loop)
		return -ENOTSUP;
	variables->loop += image.bias;
	return 0;
}

int nodejs_variables_find(struct file_facts *files, pid_t pid, struct nodejs_variables *ret_variables,
			  const char **ret_reason)
{
	struct nodejs_variables variables;
	int error = find_node(files, pid, &variables, ret_reason);

	if (!error)
		error = find_libuv(files, pid, &variables, ret_reason);
	if (!error)
		*ret_variables = variables;
	return error;
}
