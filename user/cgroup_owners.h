// SPDX-License-Identifier: Apache-2.0
// Whose a cgroup is, by its v2 id: those within a workload's own are the workload's, too. workloads.c owns
// the table.
#ifndef RINGSIDE_CGROUP_OWNERS_H
#define RINGSIDE_CGROUP_OWNERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <uthash.h>

struct capture;
struct workload;

/// A cgroup that was met.
struct cgroup_owner {
	uint64_t id;
	struct workload *workload; ///< NULL: nobody's
	bool own;                  ///< the workload's own, not one within that
	unsigned round;            ///< workloads.c's: the last measurement that has met a living thread in it
	UT_hash_handle hh;
};

struct cgroup_owners {
	struct capture *capture;
	struct cgroup_owner *table;
	uint64_t lost; ///< times that a cgroup found no room
	ino_t root_inode;
	dev_t root_device;
};

/// Borrows the capture, which keeps the waits of threads that end in the cgroups of workloads.
void cgroup_owners_init(struct cgroup_owners *owners, struct capture *capture);
/// A workload's own cgroup.
void cgroup_owners_add(struct cgroup_owners *owners, uint64_t id, struct workload *workload);
/// NULL where the cgroup is gone, or finds no room. Looks up the tree at the first meeting.
struct cgroup_owner *cgroup_owners_get(struct cgroup_owners *owners, uint64_t id);
void cgroup_owners_remove(struct cgroup_owners *owners, struct cgroup_owner *owner);
/// Those of one workload; with NULL those that are nobody's.
void cgroup_owners_remove_of(struct cgroup_owners *owners, const struct workload *workload);

#endif
