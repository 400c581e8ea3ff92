// SPDX-License-Identifier: Apache-2.0
// Finds cgroups by /proc/self/mounts and /proc/PID/cgroup (cgroups(7)). A process may sit in a cgroup below
// the container's or the unit's own, so paths are cut behind the element that names it; where no element
// does, the cgroup is somebody else's and its figures would be, too.
#include "cgroup_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "proc.h"

/* The names of v1's controllers, as mount options and in /proc/PID/cgroup. */
static const char *const controllers[CGROUP_HIERARCHIES] = {
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_MEMORY] = "memory",
};

unsigned cgroup_hierarchies_of(const char *options)
{
	unsigned found = 0;

	for (const char *at = options; *at;) {
		size_t len = strcspn(at, ",");

		for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
			if (controllers[i] && strlen(controllers[i]) == len &&
			    !strncmp(controllers[i], at, len))
				found |= 1U << i;
		at += len + (at[len] == ',');
	}
	return found;
}

void cgroup_mounts_open(struct cgroup_mounts *mounts, int unified_fd)
{
	AUTO_FILE FILE *table = setmntent("/proc/self/mounts", "r");
	struct mntent *entry;

	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
		mounts->fds[i] = -1;
	mounts->fds[CGROUP_UNIFIED] = unified_fd;
	while (table && (entry = getmntent(table))) {
		unsigned found =
			strcmp(entry->mnt_type, "cgroup") ? 0 : cgroup_hierarchies_of(entry->mnt_opts);

		for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
			if (found & 1U << i && mounts->fds[i] < 0)
				mounts->fds[i] = open(entry->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
}

void cgroup_mounts_close(struct cgroup_mounts *mounts)
{
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++) {
		if (i != CGROUP_UNIFIED)
			cleanup_close(&mounts->fds[i]);
		mounts->fds[i] = -1;
	}
}

/* Behind the element of the path that has the container's id in it; NULL if none has. Docker writes
 * /docker/ID and docker-ID.scope; of containers in containers each has its own. */
static char *end_of_container(char *path, const char *id)
{
	char *found = strstr(path, id);

	return found ? found + strcspn(found, "/") : NULL;
}

/* Behind the element that ends in ".service", below the system's slice. */
static char *end_of_unit(char *path)
{
	static const char slice[] = "/system.slice/", suffix[] = ".service";
	const size_t suffix_len = sizeof(suffix) - 1;
	char *at = path;

	if (strncmp(path, slice, sizeof(slice) - 1) != 0)
		return NULL;
	for (;;) {
		size_t len;

		at += *at == '/';
		len = strcspn(at, "/");
		if (len > suffix_len && !strncmp(at + len - suffix_len, suffix, suffix_len))
			return at + len;
		if (!at[len])
			return NULL;
		at += len;
	}
}

/* A path that leaves what this process can see ("/../…", other cgroup namespaces) leads nowhere from our
 * mounts. */
static bool stays_inside(const char *path)
{
	return strncmp(path, "/..", 3) != 0 && path[1] && path[1] != '/';
}

/* "4:memory:/docker/ID", "1:cpu,cpuacct:/…", "0::/…". */
static void take_line(char *line, const char *id, struct cgroup_paths *paths)
{
	char *names = strchr(line, ':');
	char *path = names ? strchr(names + 1, ':') : NULL;
	unsigned found;
	char *end;

	if (!path || path[1] != '/')
		return;
	*path++ = '\0';
	end = id ? end_of_container(path, id) : end_of_unit(path);
	if (!end || !stays_inside(path))
		return;
	*end = '\0';
	found = names[1] ? cgroup_hierarchies_of(names + 1) : 1U << CGROUP_UNIFIED;
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
		if (found & 1U << i && !paths->paths[i])
			paths->paths[i] = strdup(path + 1);
}

bool cgroup_paths_parse(char *text, const char *id, struct cgroup_paths *ret_paths)
{
	struct cgroup_paths paths = {0};
	bool any = false;
	char *line, *rest;

	if (id && !*id)
		return false;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(line, id, &paths);
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++)
		any |= paths.paths[i] != NULL;
	if (any)
		*ret_paths = paths;
	return any;
}

static bool paths_of(pid_t pid, const char *id, struct cgroup_paths *ret_paths)
{
	/* A hierarchy's line takes a path of up to 4096 bytes, there are a dozen of them; in practice all
	 * take 1 KiB. What does not fit is absent. */
	char text[16384];

	return proc_read(pid, "cgroup", text, sizeof(text)) > 0 && cgroup_paths_parse(text, id, ret_paths);
}

bool cgroup_paths_of_container(pid_t pid, const char *id, struct cgroup_paths *ret_paths)
{
	return paths_of(pid, id, ret_paths);
}

bool cgroup_paths_of_unit(pid_t pid, struct cgroup_paths *ret_paths)
{
	return paths_of(pid, NULL, ret_paths);
}

void cgroup_paths_free(struct cgroup_paths *paths)
{
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++) {
		free(paths->paths[i]);
		paths->paths[i] = NULL;
	}
}

uint64_t cgroup_paths_id(const struct cgroup_mounts *mounts, const struct cgroup_paths *paths)
{
	const char *path = paths->paths[CGROUP_UNIFIED];
	struct stat status;

	if (!path || mounts->fds[CGROUP_UNIFIED] < 0 ||
	    fstatat(mounts->fds[CGROUP_UNIFIED], path, &status, 0))
		return 0;
	return status.st_ino;
}
