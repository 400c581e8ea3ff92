// SPDX-License-Identifier: Apache-2.0
// Where in a process CPython is, and what version of it.
#ifndef RINGSIDE_RUNTIMES_PYTHON_FIND_H
#define RINGSIDE_RUNTIMES_PYTHON_FIND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "python_layout.h"

struct file_facts;
struct memory_counts;

/// What is kept of a file: addresses as linked, 0 if it has none.
struct python_facts {
	uint64_t runtime;
	uint64_t version;
	uint16_t machine;
};

/// All borrowed.
struct python_finder {
	pid_t pid;
	struct memory_counts *counts;
	struct file_facts *files; ///< of struct python_facts
};

struct python_place {
	uint64_t runtime; ///< the address of _PyRuntime in the process
	struct python_version version;
	struct python_layout layout;
};

/// As python_attach() of python.h.
int python_find(const struct python_finder *finder, struct python_place *ret_place, const char **ret_reason);
/// Where the offsets of the collector count from, for the interpreter at this address.
uint64_t python_collector(const struct python_place *place, uint64_t interpreter);

#endif
