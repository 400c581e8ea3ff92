// SPDX-License-Identifier: Apache-2.0
// What has a cgroup of its own and is shown: every running container that Docker tells of, whether it serves
// or not, and every systemd service one of whose processes is known. container_families.c writes out what
// they use; whoever counts by cgroup finds here whose a cgroup is.
#ifndef RINGSIDE_WORKLOADS_H
#define RINGSIDE_WORKLOADS_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "cgroup_mounts.h"
#include "service.h"

struct capture;
struct services;

struct workload {
	char *key; ///< a container's id, a unit's path
	char service[SERVICE_LABEL_MAX];
	char container[SERVICE_LABEL_MAX]; ///< empty for a unit
	char image[256];
	struct cgroup_paths paths;
	uint64_t cgroup;       ///< its own in the v2 hierarchy; 0: it has none there
	double started_s;      ///< since the epoch, 0: unknown
	uint64_t run_queue_ns; ///< UINT64_MAX: unknown
	long restarts;         ///< by Docker, -1: unknown
	long pid;              ///< of a container's init process, of one of a unit's
	bool shown;            ///< not plumbing, and nothing of ringside's

	/* The rest is workloads.c's. */
	uint64_t past_wait_ns;     ///< of cgroups within its own that are gone
	uint64_t wait_ns;          ///< being added up
	uint64_t oldest_ns;        ///< CLOCK_BOOTTIME of its oldest thread
	unsigned version, naming;  ///< of what its name was made
	unsigned round;            ///< the last refresh that has seen it
	unsigned named_by_process; ///< the same, with a process that serves
	UT_hash_handle hh;
};

/// What did not fit into a table, since the start.
struct workload_losses {
	uint64_t workloads; ///< not shown
	uint64_t cgroups;   ///< not counted towards the workload that they are within
	uint64_t ooms;      ///< forgotten at the end of a container
};

struct workloads;

/// Borrows both. -ENOMEM.
int workloads_new(struct services *services, struct capture *capture, struct workloads **ret_workloads);
void workloads_free(struct workloads *workloads);

/// Who is there, and what it is called, as of now. Cheap where nothing is new; once a second and before a
/// scrape.
void workloads_refresh(struct workloads *workloads);
/// The same, and how long their threads have waited. Before a scrape.
void workloads_measure(struct workloads *workloads);
/// From the Docker observer, when the services know: at once, as the next kill may be its last.
void workloads_on_container(struct workloads *workloads, const char *id);
void workloads_on_gone(struct workloads *workloads, const char *id);
/// From the Docker observer: the kernel has killed a process of this container for want of memory.
void workloads_on_oom(struct workloads *workloads, const char *container_id);

/// Whether it is to be written; `only_service` NULL: for all.
bool workload_is_shown(const struct workload *workload, const char *only_service);
/// Order by labels. Two units can have one name: 0, their series are one.
int workload_compare(const struct workload *a, const struct workload *b);
/// In no particular order, those that are not shown included; valid until the next refresh.
const struct workload *workloads_first(const struct workloads *workloads);
unsigned workloads_count(const struct workloads *workloads);
/// Whose the cgroup of this v2 id is, those within a container's own included. NULL: nobody's that is shown
/// or known.
const struct workload *workloads_find(struct workloads *workloads, uint64_t cgroup);
/// Kills for want of memory since ringside knows the container, over its restarts; `in_cgroup` is what its
/// present cgroup says. That knows nothing of a kill which ends the container, and Docker misses some of
/// several at a time.
uint64_t workloads_ooms(struct workloads *workloads, const struct workload *workload, uint64_t in_cgroup);
const struct cgroup_mounts *workloads_mounts(const struct workloads *workloads);
struct workload_losses workloads_losses(const struct workloads *workloads);

#endif
