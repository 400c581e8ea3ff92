// SPDX-License-Identifier: Apache-2.0
// Adds up what the interpreters of a process counted. python_find.c has found them.
#include "python.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file_facts.h"
#include "memory.h"
#include "proc.h"
#include "python_find.h"

#define FILES_MAX 256
#define INTERPRETERS_MAX 64

struct stats {
	int64_t collections, collected, uncollectable;
};

struct totals {
	uint64_t collections, collected, uncollectable;
};

struct interpreter {
	int64_t id;
	int64_t thread_count;
	struct stats stats[PYTHON_GENERATIONS];
};

struct python {
	struct memory_counts *counts;
	struct file_facts *files;
};

struct python_process {
	pid_t pid;
	struct proc_life life;
	struct python_place place;
	size_t interpreter_count;
	struct interpreter interpreters[INTERPRETERS_MAX]; ///< as last read
	struct totals ended[PYTHON_GENERATIONS];           ///< of interpreters that are no more
};

struct python *python_new(struct memory_counts *counts)
{
	struct python *python = calloc(1, sizeof(*python));

	if (!python)
		return NULL;
	python->counts = counts;
	python->files = file_facts_new(FILES_MAX, sizeof(struct python_facts));
	if (python->files)
		return python;
	python_free(python);
	return NULL;
}

void python_free(struct python *python)
{
	if (!python)
		return;
	file_facts_free(python->files);
	free(python);
}

void python_detach(struct python_process *process)
{
	free(process);
}

int python_attach(struct python *python, pid_t pid, struct python_process **ret_process,
		  const char **ret_reason)
{
	const struct python_finder finder = {.pid = pid, .counts = python->counts, .files = python->files};
	AUTO_FREE struct python_process *process = calloc(1, sizeof(*process));
	int error;

	if (!process)
		return -ENOMEM;
	process->pid = pid;
	error = proc_life(pid, &process->life);
	if (!error)
		error = python_find(&finder, &process->place, ret_reason);
	if (error)
		return error;
	*ret_process = TAKE_PTR(process);
	return 0;
}

static int read_interpreter(struct python *python, const struct python_process *process, uint64_t address,
			    struct interpreter *ret_interpreter, uint64_t *ret_next)
{
	const struct python_layout *layout = &process->place.layout;
	const struct memory_part parts[] = {
		{address + layout->next, ret_next, sizeof(*ret_next)},
		{address + layout->id, &ret_interpreter->id, sizeof(ret_interpreter->id)},
		{address + layout->thread_count, &ret_interpreter->thread_count,
		 sizeof(ret_interpreter->thread_count)},
		{python_collector(&process->place, address) + layout->stats, ret_interpreter->stats,
		 sizeof(ret_interpreter->stats)},
	};

	return memory_read_parts(process->pid, parts, 4, python->counts);
}

static bool is_plausible(const struct interpreter *interpreter)
{
	const int64_t limit = (int64_t)1 << 56;

	if (interpreter->id < 0 || interpreter->thread_count < 0 || interpreter->thread_count > 1 << 22)
		return false;
	for (unsigned i = 0; i < PYTHON_GENERATIONS; i++) {
		const struct stats *stats = &interpreter->stats[i];

		if (stats->collections < 0 || stats->collections > limit || stats->collected < 0 ||
		    stats->collected > limit || stats->uncollectable < 0 || stats->uncollectable > limit)
			return false;
	}
	return true;
}

/* The list of interpreters, twice its head: what ended in between may have been freed under us. */
static int read_interpreters(struct python *python, const struct python_process *process,
			     struct interpreter *ret_interpreters, size_t *ret_count)
{
	uint64_t head_address = process->place.runtime + process->place.layout.interpreters, head, again;
	size_t count = 0;
	int error = memory_read(process->pid, head_address, &head, sizeof(head), python->counts);

	for (uint64_t at = head; !error && at && count < INTERPRETERS_MAX; count++) {
		error = read_interpreter(python, process, at, &ret_interpreters[count], &at);
		if (!error && !is_plausible(&ret_interpreters[count]))
			error = -EINVAL;
		/* One collector serves all of them: it counts as the main interpreter's, which outlives them.
		 */
		if (process->place.layout.collector_in_runtime && ret_interpreters[count].id != 0)
			memset(ret_interpreters[count].stats, 0, sizeof(ret_interpreters[count].stats));
		if (!error && count + 1 == INTERPRETERS_MAX && at)
			error = -EINVAL;
	}
	if (!error)
		error = memory_read(process->pid, head_address, &again, sizeof(again), python->counts);
	if (error)
		return error;
	*ret_count = count;
	return head == again && count ? 0 : -EAGAIN;
}

static const struct interpreter *find_interpreter(const struct interpreter *interpreters, size_t count,
						  int64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (interpreters[i].id == id)
			return &interpreters[i];
	return NULL;
}

/* Counters of interpreters that have ended, or began anew under their number, are kept: the sum never falls.
 */
static void keep_ended(struct python_process *process, const struct interpreter *now, size_t count)
{
	for (size_t i = 0; i < process->interpreter_count; i++) {
		const struct interpreter *before = &process->interpreters[i];
		const struct interpreter *after = find_interpreter(now, count, before->id);

		for (unsigned g = 0; g < PYTHON_GENERATIONS; g++) {
			if (after && after->stats[g].collections >= before->stats[g].collections)
				continue;
			process->ended[g].collections += (uint64_t)before->stats[g].collections;
			process->ended[g].collected += (uint64_t)before->stats[g].collected;
			process->ended[g].uncollectable += (uint64_t)before->stats[g].uncollectable;
		}
	}
}

static void add_up(const struct python_process *process, struct python_reading *ret_reading)
{
	*ret_reading = (struct python_reading){.threads = 1};
	snprintf(ret_reading->version, sizeof(ret_reading->version), "3.%u.%u",
		 process->place.version.minor & 0xff, process->place.version.patch & 0xff);
	for (unsigned g = 0; g < PYTHON_GENERATIONS; g++) {
		ret_reading->collections[g] = process->ended[g].collections;
		ret_reading->collected[g] = process->ended[g].collected;
		ret_reading->uncollectable[g] = process->ended[g].uncollectable;
	}
	for (size_t i = 0; i < process->interpreter_count; i++) {
		const struct interpreter *interpreter = &process->interpreters[i];

		ret_reading->threads += (unsigned)interpreter->thread_count;
		for (unsigned g = 0; g < PYTHON_GENERATIONS; g++) {
			ret_reading->collections[g] += (uint64_t)interpreter->stats[g].collections;
			ret_reading->collected[g] += (uint64_t)interpreter->stats[g].collected;
			ret_reading->uncollectable[g] += (uint64_t)interpreter->stats[g].uncollectable;
		}
	}
}

int python_read(struct python *python, struct python_process *process, struct python_reading *ret_reading)
{
	struct interpreter interpreters[INTERPRETERS_MAX];
	struct proc_life life;
	size_t count = 0;
	int error = read_interpreters(python, process, interpreters, &count);

	/* Asked afterwards: still the same program, so it was that while it was read. */
	if (error == -ESRCH || proc_life(process->pid, &life) ||
	    life.started_ticks != process->life.started_ticks ||
	    life.stack_start != process->life.stack_start)
		return -ESRCH;
	if (error == -EINVAL)
		python->counts->implausible++;
	if (error)
		return error == -EPERM ? error : -EAGAIN;
	keep_ended(process, interpreters, count);
	memcpy(process->interpreters, interpreters, count * sizeof(*interpreters));
	process->interpreter_count = count;
	add_up(process, ret_reading);
	ret_reading->os_threads = life.threads;
	return 0;
}
