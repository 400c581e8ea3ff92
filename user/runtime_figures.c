// SPDX-License-Identifier: Apache-2.0
// Keeps a reader for each process that serves and whose runtime has one, and adds up what they say for each
// service.
#include "runtime_figures.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "processes.h"
#include "services.h"

/* What cannot be read yet is starting: tried again after this time, and given up in the end. */
#define AGAIN_NS 1000000000ULL
#define TRIES_MAX 30

struct reader {
	pid_t pid;
	struct service *service;
	struct runtime_process *process; /* NULL while not attached */
	struct runtime_reading last;
	uint64_t try_ns; /* not before */
	unsigned tries;
	const char *unreadable; /* why it is given up; NULL */
	bool serves;            /* still, or it has ended */
	UT_hash_handle hh;
};

struct runtime_figures {
	struct services *services;
	struct runtime_readers *readers;
	struct reader *table;
};

struct runtime_figures *runtime_figures_new(struct services *services, struct ringside *skeleton)
{
	struct runtime_figures *figures = calloc(1, sizeof(*figures));

	if (!figures)
		return NULL;
	figures->services = services;
	figures->readers = runtime_readers_new(skeleton);
	if (figures->readers)
		return figures;
	free(figures);
	return NULL;
}

void runtime_figures_set_exact_loops(struct runtime_figures *figures, bool exact)
{
	runtime_readers_set_exact_loops(figures->readers, exact);
}

const char *runtime_figures_loop_trouble(const struct runtime_figures *figures)
{
	return runtime_readers_loop_trouble(figures->readers);
}

static bool is_counter(enum figure figure)
{
	return (figure >= FIGURE_PYTHON_COLLECTIONS && figure < FIGURE_PYTHON_THREADS) ||
	       (figure >= FIGURE_GO_ALLOC_BYTES_TOTAL && figure <= FIGURE_GO_GC_PAUSE_NS);
}

static bool is_lag(enum figure figure)
{
	return figure >= FIGURE_NODEJS_LAG_WORST_NS && figure <= FIGURE_NODEJS_LAG_P99_NS;
}

/* The process has ended, or executes another program: its counters stay. */
static void reader_detach(struct reader *reader)
{
	struct service_figures *figures = reader->service->figures;

	for (unsigned i = 0; figures && i < FIGURE_COUNT; i++)
		if (is_counter(i))
			figures->past[i] += reader->last.values[i];
	runtime_detach(reader->process);
	reader->process = NULL;
	reader->last = (struct runtime_reading){0};
	reader->try_ns = 0;
	reader->tries = 0;
	reader->unreadable = NULL;
}

static void reader_remove(struct runtime_figures *figures, struct reader *reader)
{
	reader_detach(reader);
	HASH_DEL(figures->table, reader);
	free(reader);
}

void runtime_figures_free(struct runtime_figures *figures)
{
	struct reader *reader = NULL, *next;

	if (!figures)
		return;
	HASH_ITER (hh, figures->table, reader, next)
		reader_remove(figures, reader);
	runtime_readers_free(figures->readers);
	free(figures);
}

static struct reader *reader_get(struct runtime_figures *figures, pid_t pid, struct service *service)
{
	struct reader *reader = NULL;

	HASH_FIND_INT(figures->table, &pid, reader);
	/* Its service has another name now. */
	if (reader && reader->service != service) {
		reader_remove(figures, reader);
		reader = NULL;
	}
	if (reader)
		return reader;
	if (!service->figures)
		service->figures = calloc(1, sizeof(*service->figures));
	reader = service->figures ? calloc(1, sizeof(*reader)) : NULL;
	if (!reader)
		return NULL;
	reader->pid = pid;
	reader->service = service;
	HASH_ADD_INT(figures->table, pid, reader);
	return reader;
}

static void reader_attach(struct runtime_figures *figures, struct reader *reader, uint64_t now_ns)
{
	const char *reason = "its memory never looked as it should";
	int error = runtime_attach(figures->readers, reader->service->runtime, reader->pid, &reader->process,
				   &reason);

	if (!error || error == -ESRCH)
		return;
	if (error == -EPERM)
		reason = "reading its memory is not permitted (CAP_SYS_PTRACE)";
	reader->try_ns = now_ns + AGAIN_NS;
	if (error != -EAGAIN || ++reader->tries == TRIES_MAX)
		reader->unreadable = reason;
}

void runtime_figures_attach(struct runtime_figures *figures, uint64_t now_ns)
{
	struct reader *reader = figures->table;

	while (reader && (reader->process || reader->unreadable || reader->try_ns > now_ns))
		reader = reader->hh.next;
	if (!reader)
		return;
	reader_attach(figures, reader, now_ns);
	/* That took megabytes for a moment, in pieces that the allocator would keep. */
	malloc_trim(0);
}

static void meet(struct runtime_figures *figures, pid_t pid, struct service *service)
{
	struct reader *reader;

	if (!service || service->hidden || !runtime_readers_have(service->runtime))
		return;
	reader = reader_get(figures, pid, service);
	if (!reader)
		return;
	reader->serves = true;
	if (reader->unreadable)
		service->figures->unreadable = reader->unreadable;
}

void runtime_figures_tick(struct runtime_figures *figures)
{
	struct reader *reader = NULL, *next;
	const struct process *process;
	struct service *service;

	for (service = services_first(figures->services); service; service = service->hh.next)
		if (service->figures)
			service->figures->unreadable = NULL;
	for (reader = figures->table; reader; reader = reader->hh.next)
		reader->serves = false;
	for (process = services_first_process(figures->services); process; process = process->hh.next)
		meet(figures, process->pid, process->service);
	HASH_ITER (hh, figures->table, reader, next)
		if (!reader->serves)
			reader_remove(figures, reader);
}

static void add(struct service_figures *sum, const struct runtime_reading *reading)
{
	for (unsigned i = 0; i < FIGURE_COUNT; i++) {
		if (!is_lag(i))
			sum->values[i] += reading->values[i];
		else if (reading->values[i] > sum->values[i])
			sum->values[i] = reading->values[i];
	}
	sum->known |= reading->known;
	if (reading->version[0])
		memcpy(sum->version, reading->version, sizeof(sum->version));
}

static bool is_wanted(const struct service *service, const char *only)
{
	return service->figures && (!only || !strcmp(only, service->name));
}

void runtime_figures_refresh(struct runtime_figures *figures, const char *only)
{
	struct service *service;
	struct reader *reader;

	for (service = services_first(figures->services); service; service = service->hh.next)
		if (is_wanted(service, only))
			memcpy(service->figures->values, service->figures->past,
			       sizeof(service->figures->values));
	for (reader = figures->table; reader; reader = reader->hh.next) {
		if (!is_wanted(reader->service, only))
			continue;
		if (reader->process && runtime_read(reader->process, &reader->last) == -ESRCH)
			reader_detach(reader);
		add(reader->service->figures, &reader->last);
	}
}

const struct memory_counts *runtime_figures_counts(const struct runtime_figures *figures)
{
	return runtime_readers_counts(figures->readers);
}
