// SPDX-License-Identifier: Apache-2.0
// What is known of an executable (version, layout, where its variables are) is kept by file; a process adds
// where that was loaded. A reading is three system calls, and what makes no sense is not passed on.
#include "go.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file_facts.h"
#include "go_layout.h"
#include "go_variables.h"
#include "gobuild.h"
#include "memory.h"
#include "proc.h"
#include "process_image.h"

#define FILES_MAX 256
#define PROCESSORS_MAX 1024 ///< of one reading; the kernel's and Go's own limits are higher than any machine
#define TRIES_MAX 10

struct facts {
	char version[32];
	const struct go_layout *layout; ///< NULL: there is none, for the reason below
	const char *reason;
	struct go_variables variables;
	bool found;   ///< the variables
	bool checked; ///< they held what they must
	unsigned tries;
};

struct go {
	struct memory_counts *counts;
	struct file_facts *files;
};

struct go_process {
	pid_t pid;
	struct proc_life life;
	char version[32];
	const struct go_layout *layout;
	struct go_variables variables; ///< in the process
	uint32_t gc_cycles;            ///< as last read
	uint64_t alloc_bytes_total;
};

struct go *go_new(struct memory_counts *counts)
{
	struct go *go = calloc(1, sizeof(*go));

	if (!go)
		return NULL;
	go->counts = counts;
	go->files = file_facts_new(FILES_MAX, sizeof(struct facts));
	if (go->files)
		return go;
	go_free(go);
	return NULL;
}

void go_free(struct go *go)
{
	if (!go)
		return;
	file_facts_free(go->files);
	free(go);
}

void go_detach(struct go_process *process)
{
	free(process);
}

/* What the file alone tells. */
static void inspect(const struct process_image *image, struct facts *ret_facts)
{
	struct gobuild build;

	memset(ret_facts, 0, sizeof(*ret_facts));
	if (!gobuild_read(image->fd, &build)) {
		ret_facts->reason = "the executable has no build information of Go 1.18 or later";
		return;
	}
	snprintf(ret_facts->version, sizeof(ret_facts->version), "%s", build.version);
	if (image->file.machine != EM_X86_64) {
		ret_facts->reason = "the layout of Go's runtime is known for x86-64 only";
		return;
	}
	ret_facts->layout = go_layout_find(build.version, &ret_facts->reason);
	ret_facts->found = ret_facts->layout && go_variables_by_symbol(image, &ret_facts->variables);
}

static int find_variables(struct go *go, pid_t pid, const struct process_image *image, struct facts *facts,
			  const char **ret_reason)
{
	int error = 0;

	if (facts->tries == TRIES_MAX) {
		*ret_reason = "the variables of Go's runtime are not where this version has them";
		return -ENOTSUP;
	}
	facts->tries++;
	if (!facts->found)
		error = go_variables_by_code(pid, image, facts->layout, go->counts, &facts->variables,
					     ret_reason);
	facts->found = !error;
	if (error == -ENOTSUP) {
		facts->layout = NULL;
		facts->reason = *ret_reason;
	}
	if (error)
		return error;
	/* The same in each process of the file: looked at once. */
	facts->checked = go_variables_check(pid, image, facts->layout, go->counts, &facts->variables);
	if (!facts->checked)
		go->counts->implausible++;
	return facts->checked ? 0 : -EAGAIN;
}

static int find_facts(struct go *go, pid_t pid, const struct process_image *image, struct facts *ret_facts,
		      const char **ret_reason)
{
	int error = 0;

	if (!file_facts_find(go->files, &image->id, ret_facts))
		inspect(image, ret_facts);
	if (!ret_facts->layout) {
		*ret_reason = ret_facts->reason;
		error = -ENOTSUP;
	} else if (!ret_facts->checked) {
		error = find_variables(go, pid, image, ret_facts, ret_reason);
	}
	file_facts_keep(go->files, &image->id, ret_facts);
	return error;
}

int go_attach(struct go *go, pid_t pid, struct go_process **ret_process, const char **ret_reason)
{
	AUTO_PROCESS_IMAGE struct process_image image = PROCESS_IMAGE_NONE;
	AUTO_FREE struct go_process *process = calloc(1, sizeof(*process));
	struct go_reading reading;
	struct facts facts;
	int error;

	if (!process)
		return -ENOMEM;
	process->pid = pid;
	error = proc_life(pid, &process->life);
	if (!error)
		error = process_image_executable(pid, &image);
	if (error == -ENOENT || error == -ENOEXEC) {
		*ret_reason = "the executable is no ELF file of this machine";
		return -ENOTSUP;
	}
	if (!error)
		error = find_facts(go, pid, &image, &facts, ret_reason);
	if (error)
		return error;
	memcpy(process->version, facts.version, sizeof(process->version));
	process->layout = facts.layout;
	process->variables = (struct go_variables){
		.allglen = facts.variables.allglen + image.bias,
		.allp = facts.variables.allp + image.bias,
		.sched = facts.variables.sched + image.bias,
		.memstats = facts.variables.memstats + image.bias,
		.gc_controller = facts.variables.gc_controller + image.bias,
	};
	error = go_read(go, process, &reading);
	if (error)
		return error;
	*ret_process = TAKE_PTR(process);
	return 0;
}

/* --- reading --- */

struct sums {
	uint64_t allglen, created, in_use, alloc, freed, pause_ns;
	uint64_t allp[3];
	int32_t system, free_stack, free_no_stack, max_threads;
	uint32_t gc_cycles;
};

static int read_sums(struct go *go, const struct go_process *process, struct sums *ret_sums)
{
	const struct go_layout *layout = process->layout;
	const struct go_variables *variables = &process->variables;
	const uint64_t sched = variables->sched, gc = variables->gc_controller;
	const struct memory_part parts[] = {
		{variables->allglen, &ret_sums->allglen, 8},
		{variables->allp, ret_sums->allp, sizeof(ret_sums->allp)},
		{sched + layout->ngsys, &ret_sums->system, 4},
		{sched + layout->mnext, &ret_sums->created, 8},
		{sched + layout->max_threads, &ret_sums->max_threads, 4},
		{sched + layout->free_stack, &ret_sums->free_stack, 4},
		{variables->memstats + layout->gc_count, &ret_sums->gc_cycles, 4},
		{variables->memstats + layout->gc_pause_total_ns, &ret_sums->pause_ns, 8},
		{gc + layout->heap_in_use, &ret_sums->in_use, 8},
		{gc + layout->total_alloc, &ret_sums->alloc, 8},
		{gc + layout->total_free, &ret_sums->freed, 8},
		{sched + layout->free_no_stack, &ret_sums->free_no_stack, 4},
	};
	size_t count = sizeof(parts) / sizeof(*parts);

	memset(ret_sums, 0, sizeof(*ret_sums));
	return memory_read_parts(process->pid, parts, layout->free_no_stack ? count : count - 1, go->counts);
}

/* Goroutines that wait at each processor to be used again. */
static int read_free(struct go *go, const struct go_process *process, const uint64_t allp[3],
		     int64_t *ret_free)
{
	uint64_t processors[PROCESSORS_MAX];
	int32_t counts[PROCESSORS_MAX] = {0};
	size_t count = allp[1];
	int error = memory_read(process->pid, allp[0], processors, count * 8, go->counts);

	*ret_free = 0;
	for (size_t from = 0; !error && from < count; from += MEMORY_PARTS_MAX) {
		struct memory_part parts[MEMORY_PARTS_MAX];
		size_t some = count - from < MEMORY_PARTS_MAX ? count - from : MEMORY_PARTS_MAX;

		for (size_t i = 0; i < some; i++)
			parts[i] = (struct memory_part){processors[from + i] + process->layout->p_free,
							&counts[from + i], sizeof(counts[0])};
		error = memory_read_parts(process->pid, parts, some, go->counts);
	}
	if (error)
		return error;
	for (size_t i = 0; i < count; i++) {
		if (counts[i] < 0)
			return -EINVAL;
		*ret_free += counts[i];
	}
	return 0;
}

/* Each of these holds at any time in a process of this layout; what else is read is not this. */
static bool is_plausible(const struct go_process *process, const struct sums *sums)
{
	const uint64_t limit = (uint64_t)1 << 48;

	return sums->allglen && sums->allglen < (uint64_t)1 << 32 && sums->created &&
	       sums->created < (uint64_t)1 << 40 && sums->system >= 0 && sums->max_threads > 0 &&
	       sums->free_stack >= 0 && sums->free_no_stack >= 0 && sums->allp[0] && sums->allp[1] &&
	       sums->allp[1] <= sums->allp[2] && sums->allp[1] <= PROCESSORS_MAX && sums->in_use < limit &&
	       sums->in_use % 8192 == 0 && sums->alloc >= process->alloc_bytes_total &&
	       sums->gc_cycles >= process->gc_cycles;
}

static int read_all(struct go *go, const struct go_process *process, struct sums *ret_sums,
		    int64_t *ret_goroutines)
{
	int64_t waiting;
	int error = read_sums(go, process, ret_sums);

	if (!error && !is_plausible(process, ret_sums))
		error = -EINVAL;
	if (!error)
		error = read_free(go, process, ret_sums->allp, &waiting);
	if (error)
		return error;
	*ret_goroutines = (int64_t)ret_sums->allglen - ret_sums->system - ret_sums->free_stack -
			  ret_sums->free_no_stack - waiting;
	return *ret_goroutines < 0 ? -EINVAL : 0;
}

int go_read(struct go *go, struct go_process *process, struct go_reading *ret_reading)
{
	struct proc_life life;
	struct sums sums;
	int64_t goroutines = 0;
	int error = read_all(go, process, &sums, &goroutines);

	/* Asked afterwards: still the same program, so it was that while it was read. */
	if (error == -ESRCH || proc_life(process->pid, &life) ||
	    life.started_ticks != process->life.started_ticks ||
	    life.stack_start != process->life.stack_start)
		return -ESRCH;
	if (error == -EINVAL)
		go->counts->implausible++;
	if (error)
		return error == -EPERM ? error : -EAGAIN;
	process->gc_cycles = sums.gc_cycles;
	process->alloc_bytes_total = sums.alloc;
	*ret_reading = (struct go_reading){
		.goroutines = (uint64_t)goroutines,
		.threads_created = sums.created,
		.threads = life.threads,
		.processors = (unsigned)sums.allp[1],
		.heap_in_use_bytes = sums.in_use,
		.alloc_bytes = sums.alloc > sums.freed ? sums.alloc - sums.freed : 0,
		.alloc_bytes_total = sums.alloc,
		.gc_cycles = sums.gc_cycles,
		.gc_pause_total_ns = sums.pause_ns,
	};
	memcpy(ret_reading->version, process->version, sizeof(ret_reading->version));
	return 0;
}
