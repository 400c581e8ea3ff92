// SPDX-License-Identifier: Apache-2.0
// An ELF file that a process runs, opened through the process: in any mount namespace, deleted or not.
#ifndef RINGSIDE_PROCESS_IMAGE_H
#define RINGSIDE_PROCESS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "elf_file.h"
#include "file_facts.h"

struct process_image {
	struct elf_file file;
	struct file_id id;
	uint64_t bias; ///< what the file's addresses must be raised by in this process
	int fd;
};

/// The executable.
int process_image_executable(pid_t pid, struct process_image *ret_image);
/// The first mapped library whose base name `matches` accepts. Both: 0, -ENOENT if there is none, -ESRCH,
/// -EPERM, -ENOEXEC if it is not readable as ELF.
int process_image_library(pid_t pid, bool (*matches)(const char *base_name), struct process_image *ret_image);
/// All libraries, up to PROCESS_IMAGES_MAX, whose base names `matches` accepts; calls back for each that can
/// be read as ELF, borrowed for the call. 0, -ESRCH, -EPERM.
int process_image_each_library(pid_t pid, bool (*matches)(const char *base_name),
			       void (*each)(void *context, const struct process_image *image,
					    const char *path),
			       void *context);
#define PROCESS_IMAGES_MAX 8

void process_image_close(struct process_image *image); ///< accepts one made by PROCESS_IMAGE_NONE

#define PROCESS_IMAGE_NONE {.fd = -1}
#define AUTO_PROCESS_IMAGE __attribute__((cleanup(process_image_close)))

#endif
