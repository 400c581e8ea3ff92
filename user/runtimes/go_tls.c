// SPDX-License-Identifier: Apache-2.0
// Finds crypto/tls in a Go program by its function table, which stripped programs have, too. tls_files.c puts
// probes on what is found.
#include "go_tls.h"

#include <errno.h>

#include "gobuild.h"
#include "go_code.h"
#include "memory.h"
#include "process_image.h"

enum { READ, WRITE, FUNCTIONS };

static const char *const names[FUNCTIONS] = {
	[READ] = "crypto/tls.(*Conn).Read",
	[WRITE] = "crypto/tls.(*Conn).Write",
};

int go_tls_find(pid_t pid, const struct process_image *image, struct go_tls *ret_tls)
{
	struct memory_counts counts = {0};
	struct go_code code = {.pid = pid, .image = image, .counts = &counts};
	struct go_function functions[FUNCTIONS];
	struct gobuild build;
	uint64_t table;
	int error;

	if (!gobuild_read(image->fd, &build))
		return -ENOENT;
	error = go_functions_find(&image->file, names, FUNCTIONS, functions, &table);
	if (error)
		return -ENOTSUP;
	if (!functions[READ].size_bytes || !functions[WRITE].size_bytes)
		return -ENOENT;
	if (!go_code_find_text(&code, table))
		return counts.gone ? -ESRCH : counts.denied ? -EPERM : -ENOTSUP;
	*ret_tls = (struct go_tls){
		.read = code.text + functions[READ].offset,
		.write = code.text + functions[WRITE].offset,
		.read_len = functions[READ].size_bytes,
		.write_len = functions[WRITE].size_bytes,
	};
	return 0;
}
