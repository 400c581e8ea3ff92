// SPDX-License-Identifier: Apache-2.0
// A cgroup by the id that the kernel side sees: the inode number in the v2 hierarchy.
#ifndef RINGSIDE_CGROUP_H
#define RINGSIDE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/// The cgroup's directory, to be closed by the caller; -errno (-ESTALE: gone). `root_fd`: any directory of
/// the hierarchy. Needs CAP_DAC_READ_SEARCH.
int cgroup_open(int root_fd, uint64_t id);
/// False only if it is known to be gone.
bool cgroup_lives(int root_fd, uint64_t id);

#endif
