// SPDX-License-Identifier: Apache-2.0
// The addresses of the variables of node, V8 and libuv that lead to all the rest.
#ifndef RINGSIDE_RUNTIMES_NODEJS_VARIABLES_H
#define RINGSIDE_RUNTIMES_NODEJS_VARIABLES_H

#include <stdint.h>
#include <sys/types.h>

struct file_facts;

/// In the process; file_facts keeps them as linked, 0 where the file has none.
struct nodejs_variables {
	uint64_t platform;           ///< node::per_process::v8_platform
	uint64_t platform_vtable;    ///< of class NodePlatform
	uint64_t v8_major, v8_minor; ///< v8::internal::Version's
	uint64_t metadata;           ///< node::per_process::metadata
	uint64_t loop;               ///< the variable that has the address of libuv's default loop
	uint16_t machine;            ///< EM_X86_64, EM_AARCH64, …
};

/// Borrows `files`, which keeps a struct nodejs_variables, as linked, of each executable and library. 0,
/// -ENOTSUP with the reason (static) if this process has not all of them, -ESRCH, -EPERM.
int nodejs_variables_find(struct file_facts *files, pid_t pid, struct nodejs_variables *ret_variables,
			  const char **ret_reason);

#endif
