// SPDX-License-Identifier: Apache-2.0
// Where the cgroup of a container or of a systemd unit is: v1, where each controller has a hierarchy of its
// own, v2, where all share one, and hybrids of both. A leaf; cgroup_stats.c reads what is there.
#ifndef RINGSIDE_CGROUP_MOUNTS_H
#define RINGSIDE_CGROUP_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// The hierarchies that ringside reads. A controller is in its own (v1) or in the unified one (v2), never in
/// both.
enum cgroup_hierarchy {
	CGROUP_UNIFIED,
	CGROUP_CPU,
	CGROUP_CPUACCT,
	CGROUP_MEMORY,
	CGROUP_HIERARCHIES,
};

struct cgroup_mounts {
	int fds[CGROUP_HIERARCHIES]; ///< their roots; -1: not mounted. Owned, but for CGROUP_UNIFIED
};

/// The directories of one cgroup below the roots, without a leading slash; NULL where it has none of its own.
struct cgroup_paths {
	char *paths[CGROUP_HIERARCHIES]; ///< owned
};

/// `unified_fd`: the root of v2, borrowed; -1 where there is none. Never fails: what cannot be opened is
/// absent.
void cgroup_mounts_open(struct cgroup_mounts *mounts, int unified_fd);
void cgroup_mounts_close(struct cgroup_mounts *mounts);

/// Of a container, by any process in it and its id. False if the process is gone, or not in that container.
bool cgroup_paths_of_container(pid_t pid, const char *id, struct cgroup_paths *ret_paths);
/// Of the systemd service (/system.slice/…/NAME.service) that the process runs under. False without one.
bool cgroup_paths_of_unit(pid_t pid, struct cgroup_paths *ret_paths);
void cgroup_paths_free(struct cgroup_paths *paths); ///< accepts a zeroed struct and leaves one

/// The same from the text of /proc/PID/cgroup, which is changed on the way; `id` is NULL for a unit.
bool cgroup_paths_parse(char *text, const char *id, struct cgroup_paths *ret_paths);
/// Which of the v1 hierarchies a mount's options ("rw,cpu,cpuacct") name, as bits by enum cgroup_hierarchy.
unsigned cgroup_hierarchies_of(const char *options);

/// The id of the directory in the v2 hierarchy; 0 if it is not there.
uint64_t cgroup_paths_id(const struct cgroup_mounts *mounts, const struct cgroup_paths *paths);

#endif
