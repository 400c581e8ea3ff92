// SPDX-License-Identifier: Apache-2.0
// Finds the owner of a cgroup that was not met before by going up the tree, and remembers it, also where
// there is none.
#include "cgroup_owners.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture.h"
#include "cgroup.h"
#include "cleanup.h"
#include "maps.h"
#include "waits.h"

/* From deeper down no owner is looked for. */
#define DEPTH_MAX 32

void cgroup_owners_init(struct cgroup_owners *owners, struct capture *capture)
{
	struct stat status;

	*owners = (struct cgroup_owners){.capture = capture};
	if (fstat(capture->cgroup_fd, &status))
		return;
	owners->root_inode = status.st_ino;
	owners->root_device = status.st_dev;
}

static struct cgroup_owner *find(const struct cgroup_owners *owners, uint64_t id)
{
	struct cgroup_owner *owner;

	HASH_FIND(hh, owners->table, &id, sizeof(id), owner);
	return owner;
}

static struct cgroup_owner *add(struct cgroup_owners *owners, uint64_t id, struct workload *workload)
{
	struct cgroup_owner *owner =
		HASH_COUNT(owners->table) < CGROUPS_MAX ? calloc(1, sizeof(*owner)) : NULL;

	if (!owner) {
		owners->lost++;
		return NULL;
	}
	owner->id = id;
	owner->workload = workload;
	HASH_ADD(hh, owners->table, id, sizeof(id), owner);
	if (workload && waits_watch(owners->capture, id))
		owners->lost++;
	return owner;
}

void cgroup_owners_remove(struct cgroup_owners *owners, struct cgroup_owner *owner)
{
	if (owner->workload)
		waits_forget(owners->capture, owner->id);
	HASH_DEL(owners->table, owner);
	free(owner);
}

void cgroup_owners_remove_of(struct cgroup_owners *owners, const struct workload *workload)
{
	struct cgroup_owner *owner, *next;

	HASH_ITER (hh, owners->table, owner, next)
		if (owner->workload == workload)
			cgroup_owners_remove(owners, owner);
}

void cgroup_owners_add(struct cgroup_owners *owners, uint64_t id, struct workload *workload)
{
	struct cgroup_owner *owner = find(owners, id);

	if (owner) /* was within another one's until now */
		cgroup_owners_remove(owners, owner);
	/* What is nobody's may be within this one. */
	cgroup_owners_remove_of(owners, NULL);
	owner = add(owners, id, workload);
	if (owner)
		owner->own = true;
}

/* By "..", to the first directory that is a workload's. */
static struct workload *look_up(const struct cgroup_owners *owners, int fd)
{
	char path[3 * DEPTH_MAX + 1] = "";

	for (size_t depth = 0; depth < DEPTH_MAX; depth++) {
		struct cgroup_owner *owner;
		struct stat status;

		memcpy(path + 3 * depth, "../", 4);
		if (fstatat(fd, path, &status, 0) || status.st_dev != owners->root_device ||
		    status.st_ino == owners->root_inode)
			return NULL;
		owner = find(owners, status.st_ino);
		if (owner && owner->workload)
			return owner->workload;
	}
	return NULL;
}

struct cgroup_owner *cgroup_owners_get(struct cgroup_owners *owners, uint64_t id)
{
	struct cgroup_owner *owner = find(owners, id);
	AUTO_CLOSE int fd = -1;

	if (owner || !id)
		return owner;
	if (HASH_COUNT(owners->table) >= CGROUPS_MAX) {
		owners->lost++;
		return NULL;
	}
	fd = cgroup_open(owners->capture->cgroup_fd, id);
	return fd < 0 ? NULL : add(owners, id, look_up(owners, fd));
}
