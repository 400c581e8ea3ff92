// SPDX-License-Identifier: Apache-2.0
// Finds a file among a process's mappings and opens it: by /proc/PID/exe, /proc/PID/map_files (no path
// needed, but CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE), else through /proc/PID/root. The runtimes look into
// it.
#include "process_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "mappings.h"
#include "proc.h"

struct wanted {
	bool (*matches)(const char *base_name); ///< NULL: the path must be the one below
	char path[PATH_MAX];
	uint64_t start, end, offset;
	bool found;
};

static bool look(void *context, const struct mapping *mapping)
{
	struct wanted *wanted = context;
	const char *slash = strrchr(mapping->path, '/');

	if (mapping->path[0] != '/' || !slash)
		return true;
	if (wanted->matches ? !wanted->matches(slash + 1) : strcmp(mapping->path, wanted->path) != 0)
		return true;
	/* V8 maps a piece of its executable's code a second time, nearer to the code that it makes (mremap in
	 * src/codegen/code-range.cc, RemapEmbeddedBuiltins): the one with the file's head is where it is. */
	if (wanted->found && mapping->offset)
		return true;
	wanted->start = mapping->start;
	wanted->end = mapping->end;
	wanted->offset = mapping->offset;
	wanted->found = true;
	snprintf(wanted->path, sizeof(wanted->path), "%s", mapping->path);
	return mapping->offset != 0;
}

static int open_mapped(pid_t pid, const struct wanted *wanted)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)wanted->start,
		 (unsigned long long)wanted->end);
	fd = open(path, flags);
	return fd >= 0 ? fd : proc_open(pid, wanted->path);
}

/* Takes the descriptor. */
static int make_image(int fd, const struct wanted *wanted, struct process_image *ret_image)
{
	AUTO_PROCESS_IMAGE struct process_image image = {.fd = fd};

	if (elf_file_open(fd, &image.file) || !file_facts_id(fd, &image.id) ||
	    !elf_file_bias(&image.file, wanted->start, wanted->offset, &image.bias))
		return -ENOEXEC;
	*ret_image = image;
	image = (struct process_image)PROCESS_IMAGE_NONE;
	return 0;
}

int process_image_executable(pid_t pid, struct process_image *ret_image)
{
	struct wanted wanted = {.matches = NULL};
	char path[32];
	int fd, error;

	if (proc_link(pid, "exe", wanted.path, sizeof(wanted.path)) < 0)
		return -ESRCH;
	error = mappings_each(pid, look, &wanted);
	if (error || !wanted.found)
		return error ? error : -ENOENT;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -ESRCH : make_image(fd, &wanted, ret_image);
}

int process_image_library(pid_t pid, bool (*matches)(const char *base_name), struct process_image *ret_image)
{
	struct wanted wanted = {.matches = matches};
	int fd, error = mappings_each(pid, look, &wanted);

	if (error || !wanted.found)
		return error ? error : -ENOENT;
	fd = open_mapped(pid, &wanted);
	return fd < 0 ? -ENOENT : make_image(fd, &wanted, ret_image);
}

struct several {
	bool (*matches)(const char *base_name);
	struct wanted found[PROCESS_IMAGES_MAX];
	unsigned len;
};

static bool look_for_several(void *context, const struct mapping *mapping)
{
	struct several *several = context;
	const char *slash = strrchr(mapping->path, '/');
	struct wanted *wanted = &several->found[several->len];

	if (mapping->path[0] != '/' || !slash || !several->matches(slash + 1))
		return true;
	for (unsigned i = 0; i < several->len; i++)
		if (!strcmp(several->found[i].path, mapping->path))
			return true;
	wanted->start = mapping->start;
	wanted->end = mapping->end;
	wanted->offset = mapping->offset;
	snprintf(wanted->path, sizeof(wanted->path), "%s", mapping->path);
	return ++several->len < PROCESS_IMAGES_MAX;
}

int process_image_each_library(pid_t pid, bool (*matches)(const char *base_name),
			       void (*each)(void *context, const struct process_image *image,
					    const char *path),
			       void *context)
{
	AUTO_FREE struct several *several = calloc(1, sizeof(*several));
	int error;

	if (!several)
		return -ENOMEM;
	several->matches = matches;
	error = mappings_each(pid, look_for_several, several);
	for (unsigned i = 0; !error && i < several->len; i++) {
		AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
		int fd = open_mapped(pid, &several->found[i]);

		if (fd >= 0 && !make_image(fd, &several->found[i], &image))
			each(context, &image, several->found[i].path);
	}
	return error;
}

void process_image_close(struct process_image *image)
{
	elf_file_close(&image->file);
	if (image->fd >= 0)
		close(image->fd);
	image->fd = -1;
}
