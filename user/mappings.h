// SPDX-License-Identifier: Apache-2.0
// What a process has mapped, from /proc/PID/maps (proc_pid_maps(5)).
#ifndef RINGSIDE_MAPPINGS_H
#define RINGSIDE_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MAPPINGS_MAX 65536 ///< lines looked at; the kernel's usual limit (vm.max_map_count) is 65 530

struct mapping {
	uint64_t start, end; ///< addresses in the process; end is the first one behind
	uint64_t offset;     ///< in the file
	bool readable, writable, executable;
	const char *path; ///< as the process sees it, "[heap]" and the like, or ""; borrowed
};

/// One line without its newline; the path then points into it. False if it is no such line.
bool mapping_parse(const char *line, struct mapping *ret_mapping);
/// Calls back for each mapping, in the order of addresses, until it returns false. 0, -ESRCH if the process
/// is gone, -EPERM if it may not be read, -E2BIG if there are more than MAPPINGS_MAX.
int mappings_each(pid_t pid, bool (*each)(void *context, const struct mapping *mapping), void *context);

#endif
