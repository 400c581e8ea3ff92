// SPDX-License-Identifier: Apache-2.0
// Keeps the processes that use files of tls_files.c, so that probes are there as long as somebody runs into
// them and no longer.
#include "tls_processes.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <uthash.h>

#include "proc.h"
#include "process_image.h"
#include "ringside.skel.h"
#include "tls_files.h"

#define PROCESSES_MAX 16384
#define FILES_OF_ONE (PROCESS_IMAGES_MAX + 1)
/* How often ended processes are looked for. */
#define SWEEP_NS 10000000000ULL

struct tls_process {
	pid_t pid;
	struct tls_file *files[FILES_OF_ONE];
	unsigned files_len;
	UT_hash_handle hh;
};

struct tls_processes {
	struct ringside *skeleton;
	struct tls_files *files;
	struct tls_process *table;
	uint64_t swept_ns;
	uint64_t lost;
};

struct tls_processes *tls_processes_new(struct ringside *skeleton)
{
	struct tls_processes *processes = calloc(1, sizeof(*processes));

	if (!processes)
		return NULL;
	processes->skeleton = skeleton;
	processes->files = tls_files_new(skeleton);
	if (processes->files)
		return processes;
	free(processes);
	return NULL;
}

static void process_leave(struct tls_processes *processes, struct tls_process *process)
{
	while (process->files_len)
		tls_files_leave(processes->files, process->files[--process->files_len]);
}

static void process_remove(struct tls_processes *processes, struct tls_process *process)
{
	__u32 tgid = process->pid;

	process_leave(processes, process);
	/* The next process of this number is another one. */
	bpf_map__delete_elem(processes->skeleton->maps.tls_processes, &tgid, sizeof(tgid), 0);
	HASH_DEL(processes->table, process);
	free(process);
}

void tls_processes_free(struct tls_processes *processes)
{
	struct tls_process *process, *next;

	if (!processes)
		return;
	HASH_ITER (hh, processes->table, process, next) {
		HASH_DEL(processes->table, process);
		free(process);
	}
	tls_files_free(processes->files);
	free(processes);
}

static struct tls_process *process_get(struct tls_processes *processes, pid_t pid)
{
	struct tls_process *process = NULL;

	HASH_FIND_INT(processes->table, &pid, process);
	if (process)
		return process;
	process = HASH_COUNT(processes->table) < PROCESSES_MAX ? calloc(1, sizeof(*process)) : NULL;
	if (!process) {
		processes->lost++;
		return NULL;
	}
	process->pid = pid;
	HASH_ADD_INT(processes->table, pid, process);
	return process;
}

/* Libraries that bring their own copy have names such as libssl-5c3a0d.so.1.1. */
static bool is_tls_library(const char *base_name)
{
	return !strncmp(base_name, "libssl", 6) || !strncmp(base_name, "libgnutls", 9);
}

struct look {
	struct tls_files *files;
	pid_t pid;
	struct tls_file *found[FILES_OF_ONE];
	unsigned len;
};

static void look_at(void *context, const struct process_image *image, const char *path)
{
	struct look *look = context;
	struct tls_file *file =
		look->len < FILES_OF_ONE ? tls_files_use(look->files, look->pid, image, path) : NULL;

	if (file)
		look->found[look->len++] = file;
}

static void look_at_executable(struct look *look)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	char path[4096];

	if (proc_link(look->pid, "exe", path, sizeof(path)) >= 0 &&
	    !process_image_executable(look->pid, &image))
		look_at(look, &image, path);
}

/* What it uses now; before what it used is given up, so that a file that stays keeps its probes. */
static void look(struct tls_processes *processes, pid_t pid, bool keep_empty)
{
	struct look look = {.files = processes->files, .pid = pid};
	struct tls_process *process = NULL;

	look_at_executable(&look);
	process_image_each_library(pid, is_tls_library, look_at, &look);
	if (look.len || keep_empty)
		process = process_get(processes, pid);
	else
		HASH_FIND_INT(processes->table, &pid, process);
	if (!process) {
		while (look.len)
			tls_files_leave(processes->files, look.found[--look.len]);
		return;
	}
	process_leave(processes, process);
	memcpy(process->files, look.found, sizeof(process->files));
	process->files_len = look.len;
}

/* Where the kernel cannot tell sockets in TLS (Linux 5.10), probes would tell nothing. */
static bool is_on(const struct tls_processes *processes)
{
	return bpf_program__autoload(processes->skeleton->progs.ringside_read);
}

void tls_processes_look(struct tls_processes *processes, pid_t pid)
{
	if (!is_on(processes))
		return;
	look(processes, pid, true);
}

static void scan_one(void *context, pid_t pid)
{
	look(context, pid, false);
}

int tls_processes_scan(struct tls_processes *processes)
{
	int error = is_on(processes) ? proc_each(scan_one, processes) : 0;

	/* Symbol and function tables of large programs were in memory for a moment. */
	malloc_trim(0);
	return error;
}

void tls_processes_tick(struct tls_processes *processes, uint64_t now_ns)
{
	struct tls_process *process, *next;

	if (now_ns - processes->swept_ns < SWEEP_NS)
		return;
	processes->swept_ns = now_ns;
	HASH_ITER (hh, processes->table, process, next)
		if (kill(process->pid, 0) && errno == ESRCH)
			process_remove(processes, process);
}

const struct tls_files *tls_processes_files(const struct tls_processes *processes)
{
	return processes->files;
}

uint64_t tls_processes_lost(const struct tls_processes *processes)
{
	return processes->lost;
}
