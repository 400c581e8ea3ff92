// SPDX-License-Identifier: Apache-2.0
// The figures of one cgroup, out of its files. A leaf: container_families.c writes them out.
// Sources: the kernel's Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/{memory,cpuacct}.rst,
// scheduler/sched-bwc.rst, accounting/psi.rst.
#ifndef RINGSIDE_CGROUP_STATS_H
#define RINGSIDE_CGROUP_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup_mounts;
struct cgroup_paths;

enum cgroup_figure {
	CGROUP_CPU_USAGE_NS,
	CGROUP_CPU_USER_NS,
	CGROUP_CPU_SYSTEM_NS,
	CGROUP_CFS_PERIODS,
	CGROUP_CFS_THROTTLED_PERIODS,
	CGROUP_CFS_THROTTLED_NS,
	CGROUP_MEMORY_USAGE_BYTES,
	CGROUP_MEMORY_WORKING_SET_BYTES, ///< usage without inactive files, as cAdvisor has it
	CGROUP_MEMORY_RSS_BYTES,
	CGROUP_MEMORY_CACHE_BYTES,
	CGROUP_MEMORY_INACTIVE_FILE_BYTES,
	CGROUP_MEMORY_LIMIT_BYTES, ///< 0: none
	CGROUP_OOM_KILLS,
	CGROUP_CPU_WAITING_NS, ///< pressure: some of its threads waited
	CGROUP_CPU_STALLED_NS, ///< all of them
	CGROUP_MEMORY_WAITING_NS,
	CGROUP_MEMORY_STALLED_NS,
	CGROUP_IO_WAITING_NS,
	CGROUP_IO_STALLED_NS,
	CGROUP_FIGURES,
};

#define CGROUP_ABSENT UINT64_MAX

struct cgroup_stats {
	uint64_t figures[CGROUP_FIGURES]; ///< CGROUP_ABSENT: the kernel does not say
};

/// Reads all there is. A cgroup that vanishes meanwhile leaves the rest absent.
void cgroup_stats_read(const struct cgroup_mounts *mounts, const struct cgroup_paths *paths,
		       struct cgroup_stats *ret_stats);

/// The number behind `key` at the beginning of a line ("usage_usec 17\n"), and behind `word` in that line if
/// given ("some avg10=0.00 total=17\n", "total="). Without a key: the number that the text is. What is cut
/// off, not a number or beyond 64 bits is absent; "max" is, too. `text` ends in NUL.
uint64_t cgroup_number(const char *text, const char *key, const char *word);

#endif
