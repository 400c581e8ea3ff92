// SPDX-License-Identifier: Apache-2.0
// One row a runtime: how its processes are attached and read, and which figures come of it. runtime_figures.c
// keeps the processes.
#include "runtime_readers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_loop.h"
#include "runtimes/go.h"
#include "runtimes/nodejs.h"
#include "runtimes/python.h"

struct runtime_readers {
	struct memory_counts counts;
	struct nodejs *nodejs;
	struct python *python;
	struct go *go;
	struct event_loops *loops; /* NULL: not watched */
};

struct runtime_process {
	const struct row *row;
	struct runtime_readers *readers;
	pid_t pid;
	struct nodejs_process *nodejs;
	struct python_process *python;
	struct go_process *go;
	struct event_loop *loop;
};

struct row {
	enum runtime runtime;
	int (*attach)(struct runtime_process *process, const char **ret_reason);
	int (*read)(struct runtime_process *process, struct runtime_reading *ret_reading);
	void (*detach)(struct runtime_process *process);
};

static void set(struct runtime_reading *reading, enum figure figure, uint64_t value)
{
	reading->values[figure] = value;
	reading->known |= 1ULL << figure;
}

/* Node.js */

static int attach_nodejs(struct runtime_process *process, const char **ret_reason)
{
	struct runtime_readers *readers = process->readers;
	struct nodejs_loop loop;
	int error = nodejs_attach(readers->nodejs, process->pid, &process->nodejs, ret_reason);

	if (error || !readers->loops)
		return error;
	loop = nodejs_loop(process->nodejs);
	/* Without its loop the rest is known all the same. */
	if (event_loop_watch(readers->loops, process->pid, loop.time_address, loop.epoll_fd, &process->loop))
		process->loop = NULL;
	return 0;
}

static int read_nodejs(struct runtime_process *process, struct runtime_reading *reading)
{
	struct nodejs_reading nodejs;
	struct event_loop_lag lag;
	int error = nodejs_read(process->readers->nodejs, process->nodejs, &nodejs);

	if (error)
		return error;
	snprintf(reading->version, sizeof(reading->version), "%s", nodejs_version(process->nodejs));
	set(reading, FIGURE_NODEJS_HEAP_TOTAL_BYTES, nodejs.heap.total_bytes);
	set(reading, FIGURE_NODEJS_HEAP_USED_BYTES, nodejs.heap.used_bytes);
	set(reading, FIGURE_NODEJS_ACTIVE_HANDLES, nodejs.active_handles);
	if (!process->loop || event_loop_read(process->loop, &lag))
		return 0;
	set(reading, FIGURE_NODEJS_LAG_WORST_NS, lag.worst_ns);
	set(reading, FIGURE_NODEJS_LAG_P50_NS, lag.p50_ns);
	set(reading, FIGURE_NODEJS_LAG_P90_NS, lag.p90_ns);
	set(reading, FIGURE_NODEJS_LAG_P99_NS, lag.p99_ns);
	return 0;
}

static void detach_nodejs(struct runtime_process *process)
{
	event_loop_forget(process->loop);
	nodejs_detach(process->nodejs);
}

/* Python */

static int attach_python(struct runtime_process *process, const char **ret_reason)
{
	return python_attach(process->readers->python, process->pid, &process->python, ret_reason);
}

static int read_python(struct runtime_process *process, struct runtime_reading *reading)
{
	struct python_reading python;
	int error = python_read(process->readers->python, process->python, &python);

	if (error)
		return error;
	memcpy(reading->version, python.version, sizeof(python.version));
	for (unsigned i = 0; i < PYTHON_GENERATIONS; i++) {
		set(reading, FIGURE_PYTHON_COLLECTIONS + i, python.collections[i]);
		set(reading, FIGURE_PYTHON_COLLECTED + i, python.collected[i]);
		set(reading, FIGURE_PYTHON_UNCOLLECTABLE + i, python.uncollectable[i]);
	}
	set(reading, FIGURE_PYTHON_THREADS, python.threads);
	return 0;
}

static void detach_python(struct runtime_process *process)
{
	python_detach(process->python);
}

/* Go */

static int attach_go(struct runtime_process *process, const char **ret_reason)
{
	return go_attach(process->readers->go, process->pid, &process->go, ret_reason);
}

static int read_go(struct runtime_process *process, struct runtime_reading *reading)
{
	struct go_reading go;
	int error = go_read(process->readers->go, process->go, &go);

	if (error)
		return error;
	memcpy(reading->version, go.version, sizeof(go.version));
	set(reading, FIGURE_GO_GOROUTINES, go.goroutines);
	set(reading, FIGURE_GO_THREADS, go.threads_created);
	set(reading, FIGURE_GO_HEAP_IN_USE_BYTES, go.heap_in_use_bytes);
	set(reading, FIGURE_GO_ALLOC_BYTES, go.alloc_bytes);
	set(reading, FIGURE_GO_ALLOC_BYTES_TOTAL, go.alloc_bytes_total);
	set(reading, FIGURE_GO_GC_CYCLES, go.gc_cycles);
	set(reading, FIGURE_GO_GC_PAUSE_NS, go.gc_pause_total_ns);
	return 0;
}

static void detach_go(struct runtime_process *process)
{
	go_detach(process->go);
}

static const struct row rows[] = {
	{RUNTIME_NODEJS, attach_nodejs, read_nodejs, detach_nodejs},
	{RUNTIME_PYTHON, attach_python, read_python, detach_python},
	{RUNTIME_GO, attach_go, read_go, detach_go},
};

static const struct row *row_of(enum runtime runtime)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].runtime == runtime)
			return &rows[i];
	return NULL;
}

bool runtime_readers_have(enum runtime runtime)
{
	return row_of(runtime);
}

struct runtime_readers *runtime_readers_new(struct ringside *skeleton)
{
	struct runtime_readers *readers = calloc(1, sizeof(*readers));

	if (!readers)
		return NULL;
	readers->nodejs = nodejs_new(&readers->counts);
	readers->python = python_new(&readers->counts);
	readers->go = go_new(&readers->counts);
	readers->loops = skeleton ? event_loops_new(skeleton) : NULL;
	if (readers->nodejs && readers->python && readers->go && (readers->loops || !skeleton))
		return readers;
	runtime_readers_free(readers);
	return NULL;
}

void runtime_readers_set_exact_loops(struct runtime_readers *readers, bool exact)
{
	if (readers->loops)
		event_loops_set_exact(readers->loops, exact);
}

const char *runtime_readers_loop_trouble(const struct runtime_readers *readers)
{
	return readers->loops ? event_loops_trouble(readers->loops) : NULL;
}

void runtime_readers_free(struct runtime_readers *readers)
{
	if (!readers)
		return;
	event_loops_free(readers->loops);
	nodejs_free(readers->nodejs);
	python_free(readers->python);
	go_free(readers->go);
	free(readers);
}

int runtime_attach(struct runtime_readers *readers, enum runtime runtime, pid_t pid,
		   struct runtime_process **ret_process, const char **ret_reason)
{
	struct runtime_process *process = calloc(1, sizeof(*process));
	int error;

	if (!process)
		return -ENOMEM;
	process->row = row_of(runtime);
	process->readers = readers;
	process->pid = pid;
	error = process->row->attach(process, ret_reason);
	if (error)
		free(process);
	else
		*ret_process = process;
	return error;
}

int runtime_read(struct runtime_process *process, struct runtime_reading *ret_reading)
{
	struct runtime_reading reading = {0};
	int error = process->row->read(process, &reading);

	if (!error)
		*ret_reading = reading;
	return error;
}

void runtime_detach(struct runtime_process *process)
{
	if (!process)
		return;
	process->row->detach(process);
	free(process);
}

const struct memory_counts *runtime_readers_counts(const struct runtime_readers *readers)
{
	return &readers->counts;
}
