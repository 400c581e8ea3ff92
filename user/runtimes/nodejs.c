// SPDX-License-Identifier: Apache-2.0
// A node process from its attachment to its end: which version it is, where its loop and its isolates are
// (nodejs_variables.c leads there), and what they say when they are read. runtime_readers.c asks.
#include "nodejs.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "file_facts.h"
#include "memory.h"
#include "nodejs_isolates.h"
#include "nodejs_layout.h"
#include "nodejs_variables.h"
#include "proc.h"

#define FILES_MAX 256
#define VERSION_MAX 24
#define START_SECONDS 3 ///< of a process's life: what is not there then, may come

struct nodejs {
	struct memory_counts *counts;
	struct file_facts *files;
};

struct nodejs_process {
	pid_t pid;
	struct proc_life life;
	char version[VERSION_MAX];
	const struct nodejs_layout *layout;
	uint64_t isolates; ///< for nodejs_isolates_read()
	uint64_t main_isolate;
	uint64_t heap; ///< offset in each of them
	struct nodejs_loop loop;
};

struct nodejs *nodejs_new(struct memory_counts *counts)
{
	struct nodejs *nodejs = calloc(1, sizeof(*nodejs));

	if (!nodejs)
		return NULL;
	nodejs->counts = counts;
	nodejs->files = file_facts_new(FILES_MAX, sizeof(struct nodejs_variables));
	if (nodejs->files)
		return nodejs;
	nodejs_free(nodejs);
	return NULL;
}

void nodejs_free(struct nodejs *nodejs)
{
	if (!nodejs)
		return;
	file_facts_free(nodejs->files);
	free(nodejs);
}

void nodejs_detach(struct nodejs_process *process)
{
	free(process);
}

const char *nodejs_version(const struct nodejs_process *process)
{
	return process->version;
}

struct nodejs_loop nodejs_loop(const struct nodejs_process *process)
{
	return process->loop;
}

/* --- attaching --- */

/* metadata begins with its versions, of which the first is node's own: a std::string {text, len, …} (src/
 * node_metadata.h). */
static int read_version(struct nodejs *nodejs, struct nodejs_process *process,
			const struct nodejs_variables *variables)
{
	uint64_t string[2];
	int error = memory_read(process->pid, variables->metadata, string, sizeof(string), nodejs->counts);

	if (error)
		return error;
	if (!string[0])
		return -EAGAIN;
	if (!string[1] || string[1] >= VERSION_MAX)
		return -EINVAL;
	error = memory_read(process->pid, string[0], process->version, string[1], nodejs->counts);
	if (!error && !isdigit((unsigned char)process->version[0]))
		return -EINVAL;
	for (const char *at = process->version; !error && *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr(".-+", *at))
			return -EINVAL;
	return error;
}

static int choose_layout(struct nodejs *nodejs, struct nodejs_process *process,
			 const struct nodejs_variables *variables, const char **ret_reason)
{
	uint32_t major, minor;
	const struct memory_part parts[] = {
		{variables->v8_major, &major, sizeof(major)},
		{variables->v8_minor, &minor, sizeof(minor)},
	};
	int error = memory_read_parts(process->pid, parts, 2, nodejs->counts);

	if (!error)
		error = read_version(nodejs, process, variables);
	*ret_reason = "the version of node is not where it should be";
	if (error)
		return error;
	process->layout = nodejs_layout_find(major, minor);
	*ret_reason = "the layout of this version of V8 is not known: those of Node.js 18, 20, 22 and 24 are";
	return process->layout ? 0 : -ENOTSUP;
}

static int find_heaps(struct nodejs *nodejs, struct nodejs_process *process,
		      const struct nodejs_variables *variables)
{
	pid_t pid = process->pid;
	int error = nodejs_isolates_find(pid, variables->platform, variables->platform_vtable, nodejs->counts,
					 &process->isolates);

	if (!error)
		error = nodejs_isolates_find_main(pid, process->isolates, process->loop.address,
						  nodejs->counts, &process->main_isolate);
	if (error)
		return error;
	return nodejs_heap_find(pid, process->main_isolate, process->layout, nodejs->counts, &process->heap);
}

static int find_all(struct nodejs *nodejs, struct nodejs_process *process, const char **ret_reason)
{
	struct nodejs_variables variables;
	int error = nodejs_variables_find(nodejs->files, process->pid, &variables, ret_reason);

	if (!error)
		error = choose_layout(nodejs, process, &variables, ret_reason);
	if (error)
		return error;
	*ret_reason = "libuv's loop does not look as in the versions known";
	error = nodejs_loop_find(process->pid, variables.loop, nodejs->counts, &process->loop);
	if (error)
		return error;
	*ret_reason = "V8's heap does not look as this version has it";
	return find_heaps(nodejs, process, &variables);
}

/* Libraries are not loaded yet, objects half made: it may still become what we know. */
static bool is_starting(const struct nodejs_process *process)
{
	struct timespec now; /* since boot, as the process's start */

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec <
	       process->life.started_ticks / (uint64_t)sysconf(_SC_CLK_TCK) + START_SECONDS;
}

int nodejs_attach(struct nodejs *nodejs, pid_t pid, struct nodejs_process **ret_process,
		  const char **ret_reason)
{
	AUTO_FREE struct nodejs_process *process = calloc(1, sizeof(*process));
	int error;

	if (!process)
		return -ENOMEM;
	process->pid = pid;
	error = proc_life(pid, &process->life);
	if (!error)
		error = find_all(nodejs, process, ret_reason);
	if ((error == -EINVAL || error == -EFAULT || error == -ENOTSUP) && is_starting(process))
		return -EAGAIN;
	if (error == -EINVAL || error == -EFAULT) {
		nodejs->counts->implausible++;
		return -ENOTSUP;
	}
	if (error)
		return error;
	*ret_process = TAKE_PTR(process);
	return 0;
}

/* --- reading --- */

static int read_heaps(struct nodejs *nodejs, const struct nodejs_process *process,
		      struct nodejs_reading *reading)
{
	struct nodejs_isolate isolates[NODEJS_ISOLATES_MAX];
	bool has_main = false;
	size_t count;
	int error = nodejs_isolates_read(process->pid, process->isolates, nodejs->counts, isolates, &count);

	for (size_t i = 0; !error && i < count; i++) {
		struct nodejs_heap heap;

		error = nodejs_heap_read(process->pid, isolates[i].address + process->heap, process->layout,
					 nodejs->counts, &heap);
		if (error)
			break;
		if (isolates[i].address == process->main_isolate) {
			reading->heap = heap;
			has_main = true;
			continue;
		}
		reading->workers++;
		reading->workers_heap.total_bytes += heap.total_bytes;
		reading->workers_heap.used_bytes += heap.used_bytes;
	}
	return error ? error : has_main ? 0 : -EINVAL;
}

int nodejs_read(struct nodejs *nodejs, struct nodejs_process *process, struct nodejs_reading *ret_reading)
{
	struct nodejs_reading reading;
	struct proc_life life;
	int error = -EINVAL;

	/* Collections move what we read. */
	for (int try = 0; try < 3 && (error == -EINVAL || error == -EFAULT); try++) {
		memset(&reading, 0, sizeof(reading));
		error = memory_read(process->pid, process->loop.handle_count_address, &reading.active_handles,
				    sizeof(reading.active_handles), nodejs->counts);
		if (!error)
			error = read_heaps(nodejs, process, &reading);
	}
	/* Asked afterwards: still the same program, so it was that while it was read. */
	if (error == -ESRCH || proc_life(process->pid, &life) ||
	    life.started_ticks != process->life.started_ticks ||
	    life.stack_start != process->life.stack_start)
		return -ESRCH;
	if (error == -EINVAL)
		nodejs->counts->implausible++;
	if (error)
		return error == -EPERM ? error : -EAGAIN;
	*ret_reading = reading;
	return 0;
}
