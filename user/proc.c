// SPDX-License-Identifier: Apache-2.0
// What /proc says of a process (proc(5)). A leaf: identity and listeners build on it.
#include "proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/openat2.h>

#include "cleanup.h"

ssize_t proc_read(pid_t pid, const char *file, char *buffer, size_t size)
{
	AUTO_CLOSE int fd = -1;
	char path[64];
	size_t len = 0;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len + 1 < size && (got = read(fd, buffer + len, size - 1 - len)) != 0) {
		if (got < 0)
			return -errno;
		len += got;
	}
	buffer[len] = '\0';
	return len;
}

ssize_t proc_link(pid_t pid, const char *link, char *buffer, size_t size)
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, link);
	len = readlink(path, buffer, size - 1);
	if (len < 0)
		return -errno;
	buffer[len] = '\0';
	return len;
}

bool proc_environment(pid_t pid, const char *name, char *buffer, size_t size)
{
	/* The kernel limits one string to 128 KiB and all of them to 6 MiB; nobody needs that much to find a
	 * name. */
	const size_t limit = 256 * 1024;
	AUTO_FREE char *environment = malloc(limit);
	size_t name_len = strlen(name);
	ssize_t len = environment ? proc_read(pid, "environ", environment, limit) : -ENOMEM;

	for (ssize_t at = 0; at < len; at += strlen(environment + at) + 1)
		if (!strncmp(environment + at, name, name_len) && environment[at + name_len] == '=') {
			snprintf(buffer, size, "%s", environment + at + name_len + 1);
			return buffer[0] != '\0';
		}
	return false;
}

const char *proc_argument(const char *cmdline, size_t len, unsigned index)
{
	for (size_t at = 0; at < len; at += strlen(cmdline + at) + 1)
		if (index-- == 0)
			return cmdline + at;
	return NULL;
}

uint32_t proc_namespace(pid_t pid, const char *name)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return stat(path, &status) ? 0 : (uint32_t)status.st_ino;
}

uint64_t proc_cgroup(pid_t pid, int root_fd)
{
	char cgroups[8192], path[4096];
	struct stat status;
	char *line, *rest;

	if (proc_read(pid, "cgroup", cgroups, sizeof(cgroups)) <= 0)
		return 0;
	for (line = strtok_r(cgroups, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		/* The inode number of a cgroup's directory is its id (kernfs). */
		snprintf(path, sizeof(path), "./%s", line + 4);
		return fstatat(root_fd, path, &status, 0) ? 0 : status.st_ino;
	}
	return 0;
}

pid_t proc_parent(pid_t pid)
{
	char stat_line[512];
	const char *after_name;
	int parent;

	if (proc_read(pid, "stat", stat_line, sizeof(stat_line)) <= 0)
		return 0;
	/* The name in parentheses may itself hold anything. */
	after_name = strrchr(stat_line, ')');
	return after_name && sscanf(after_name + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Docker writes /docker/ID and docker-ID.scope, Kubernetes cri-containerd-ID.scope, podman libpod-ID.scope:
 * all have the 64 digits. The last such run counts, as containers can be nested. */
static bool find_container_id(const char *line, char ret_id[65])
{
	bool found = false;
	size_t run = 0;

	for (const char *at = line;; at++) {
		if (isdigit((unsigned char)*at) || (*at >= 'a' && *at <= 'f')) {
			run++;
			continue;
		}
		if (run == 64) {
			memcpy(ret_id, at - 64, 64);
			ret_id[64] = '\0';
			found = true;
		}
		run = 0;
		if (!*at)
			return found;
	}
}

bool proc_container(pid_t pid, char ret_id[65])
{
	char cgroups[8192];
	char *line, *rest;

	if (proc_read(pid, "cgroup", cgroups, sizeof(cgroups)) <= 0)
		return false;
	for (line = strtok_r(cgroups, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (find_container_id(line, ret_id))
			return true;
	return false;
}

bool proc_unit(pid_t pid, char *buffer, size_t size)
{
	char cgroups[8192];
	char *line, *rest;

	if (proc_read(pid, "cgroup", cgroups, sizeof(cgroups)) <= 0)
		return false;
	for (line = strtok_r(cgroups, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *unit = strstr(line, "/system.slice/") ? strrchr(line, '/') : NULL;
		size_t len = unit ? strlen(unit + 1) : 0;

		if (len <= strlen(".service") || strcmp(unit + 1 + len - strlen(".service"), ".service"))
			continue;
		snprintf(buffer, size, "%.*s", (int)(len - strlen(".service")), unit + 1);
		return true;
	}
	return false;
}

int proc_life(pid_t pid, struct proc_life *ret_life)
{
	char stat_line[1024], state;
	unsigned long started_ticks, stack_start;
	const char *after_name;
	unsigned threads;

	if (proc_read(pid, "stat", stat_line, sizeof(stat_line)) <= 0)
		return -ESRCH;
	after_name = strrchr(stat_line, ')');
	/* Fields 3 (state), 20 (threads), 22 (start) and 28 (stack). */
	if (!after_name ||
	    sscanf(after_name + 1,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %u %*s %lu %*s %*s "
		   "%*s %*s %*s %lu",
		   &state, &threads, &started_ticks, &stack_start) != 4 ||
	    state == 'Z' || state == 'X')
		return -ESRCH;
	*ret_life = (struct proc_life){started_ticks, stack_start, threads};
	return 0;
}

int proc_open(pid_t pid, const char *path)
{
	/* The process's own links lead within its root, as they do for itself. */
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char directory[PATH_MAX] = "", full[PATH_MAX * 2], link[64];
	AUTO_CLOSE int root = -1, found = -1;
	struct stat status;
	int fd;

	if (path[0] != '/' && proc_link(pid, "cwd", directory, sizeof(directory)) < 0)
		return -ESRCH;
	snprintf(link, sizeof(link), "/proc/%d/root", pid);
	root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	snprintf(full, sizeof(full), "%s/%s", directory, path);
	found = (int)syscall(SYS_openat2, root, full, &how, sizeof(how));
	if (found < 0)
		return -errno;
	/* Whoever runs the process chose what lies there: to open a device or a pipe can do something, to
	 * look at it cannot. */
	if (fstat(found, &status) || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
		return -EACCES;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int proc_each(void (*each)(void *context, pid_t pid), void *context)
{
	AUTO_DIR DIR *directory = opendir("/proc");
	struct dirent *entry;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory)))
		if (isdigit((unsigned char)entry->d_name[0]))
			each(context, atoi(entry->d_name));
	return 0;
}
