// SPDX-License-Identifier: Apache-2.0
// Reads the memory of another process: never more than asked for, never a signal, nothing is stopped. The
// process may die or unmap its memory under any call; each failure is counted by its kind.
#ifndef RINGSIDE_MEMORY_H
#define RINGSIDE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MEMORY_PARTS_MAX 256       ///< of one call
#define MEMORY_BYTES_MAX (4 << 20) ///< of one call

/// The caller's; all calls add to it. `reads` counts the calls that gave all that was asked for.
struct memory_counts {
	uint64_t reads;
	uint64_t gone;     ///< the process has ended
	uint64_t denied;   ///< CAP_SYS_PTRACE is missing, or Yama or seccomp forbids it
	uint64_t unmapped; ///< an address that is not, or no longer, readable there
	uint64_t other;
	uint64_t implausible; ///< read, but not what it must look like: counted by who knows what that is
};

struct memory_part {
	uint64_t address; ///< in the other process
	void *to;
	size_t len;
};

/// 0, or -ESRCH, -EPERM, -EFAULT (not all of it is mapped), -E2BIG (over the limits above). `ret` is zeroed
/// on failure.
int memory_read(pid_t pid, uint64_t address, void *ret, size_t len, struct memory_counts *counts);
/// The same for scattered parts, in one system call. All or nothing.
int memory_read_parts(pid_t pid, const struct memory_part *parts, size_t count, struct memory_counts *counts);

#endif
