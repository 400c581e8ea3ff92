// SPDX-License-Identifier: Apache-2.0
// The id is also kernfs's file handle (linux/exportfs.h: FILEID_KERNFS), so no path has to be looked for.
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILEID_KERNFS 0xfe

int cgroup_open(int root_fd, uint64_t id)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + sizeof(id)];
	} wanted = {.handle = {.handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS}};
	int fd;

	memcpy(wanted.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(root_fd, &wanted.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool cgroup_lives(int root_fd, uint64_t id)
{
	int fd = cgroup_open(root_fd, id);

	if (fd >= 0)
		close(fd);
	return fd != -ESTALE;
}
