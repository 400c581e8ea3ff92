// SPDX-License-Identifier: Apache-2.0
// One row a series of the runtimes' families, in the contract's names. The figures come from
// runtime_figures.c, refreshed before; the endpoint /metrics has this written behind the request families.
#include "runtime_families.h"

#include <string.h>

#include "exposition.h"
#include "observation.h"
#include "runtime_figures.h"
#include "services.h"

/* The scale of what is kept in nanoseconds and shown in seconds. */
#define SECONDS 1e-9

struct row {
	enum figure figure;
	enum metric_type type;
	const char *family; /* NULL: another series of the one above */
	const char *help;
	double scale;
	const char *generation; /* label, NULL: none */
};

static const struct row rows[] = {
	{FIGURE_NODEJS_HEAP_TOTAL_BYTES, METRIC_GAUGE, "nodejs_heap_size_total_bytes",
	 "Heap of V8's main isolates, as process.memoryUsage().heapTotal.", 1, NULL},
	{FIGURE_NODEJS_HEAP_USED_BYTES, METRIC_GAUGE, "nodejs_heap_size_used_bytes",
	 "Used part of it, as process.memoryUsage().heapUsed.", 1, NULL},
	{FIGURE_NODEJS_ACTIVE_HANDLES, METRIC_GAUGE, "nodejs_active_handles",
	 "Active handles of libuv's main loops.", 1, NULL},
	{FIGURE_NODEJS_LAG_WORST_NS, METRIC_GAUGE, "nodejs_eventloop_lag_seconds",
	 "Longest time that an event had to wait for its loop since the last scrape.", SECONDS, NULL},
	{FIGURE_NODEJS_LAG_P50_NS, METRIC_GAUGE, "nodejs_eventloop_lag_seconds_p50",
	 "Median lateness of a timer of 10 ms since the last scrape.", SECONDS, NULL},
	{FIGURE_NODEJS_LAG_P90_NS, METRIC_GAUGE, "nodejs_eventloop_lag_seconds_p90", "90th percentile of it.",
	 SECONDS, NULL},
	{FIGURE_NODEJS_LAG_P99_NS, METRIC_GAUGE, "nodejs_eventloop_lag_seconds_p99", "99th percentile of it.",
	 SECONDS, NULL},
	{FIGURE_PYTHON_COLLECTIONS, METRIC_COUNTER, "python_gc_collections_total",
	 "Collections by Python's cyclic garbage collector.", 1, "0"},
	{FIGURE_PYTHON_COLLECTIONS + 1, METRIC_COUNTER, NULL, NULL, 1, "1"},
	{FIGURE_PYTHON_COLLECTIONS + 2, METRIC_COUNTER, NULL, NULL, 1, "2"},
	{FIGURE_PYTHON_COLLECTED, METRIC_COUNTER, "python_gc_objects_collected_total",
	 "Objects that it freed.", 1, "0"},
	{FIGURE_PYTHON_COLLECTED + 1, METRIC_COUNTER, NULL, NULL, 1, "1"},
	{FIGURE_PYTHON_COLLECTED + 2, METRIC_COUNTER, NULL, NULL, 1, "2"},
	{FIGURE_PYTHON_UNCOLLECTABLE, METRIC_COUNTER, "python_gc_objects_uncollectable_total",
	 "Objects that it could not free.", 1, "0"},
	{FIGURE_PYTHON_UNCOLLECTABLE + 1, METRIC_COUNTER, NULL, NULL, 1, "1"},
	{FIGURE_PYTHON_UNCOLLECTABLE + 2, METRIC_COUNTER, NULL, NULL, 1, "2"},
	{FIGURE_PYTHON_THREADS, METRIC_GAUGE, "python_threads",
	 "Threads that Python started, and the main ones.", 1, NULL},
	{FIGURE_GO_GOROUTINES, METRIC_GAUGE, "go_goroutines", "Goroutines, as runtime.NumGoroutine().", 1,
	 NULL},
	{FIGURE_GO_THREADS, METRIC_GAUGE, "go_threads", "Threads that the Go runtime has made.", 1, NULL},
	{FIGURE_GO_ALLOC_BYTES, METRIC_GAUGE, "go_memstats_alloc_bytes",
	 "Bytes of heap objects, as MemStats.Alloc at the last collection or shortly before now.", 1, NULL},
	{FIGURE_GO_ALLOC_BYTES_TOTAL, METRIC_COUNTER, "go_memstats_alloc_bytes_total",
	 "Bytes ever allocated on the heap.", 1, NULL},
	{FIGURE_GO_HEAP_IN_USE_BYTES, METRIC_GAUGE, "go_memstats_heap_inuse_bytes",
	 "Bytes of heap spans in use.", 1, NULL},
	{FIGURE_GO_GC_CYCLES, METRIC_COUNTER, "go_gc_cycles_total", "Garbage collections.", 1, NULL},
	{FIGURE_GO_GC_PAUSE_NS, METRIC_COUNTER, "go_gc_pause_seconds_total",
	 "Time in which they stopped the world.", SECONDS, NULL},
};

static bool is_shown(const struct observation *observation, const struct service *service)
{
	return !service->hidden && service->figures &&
	       (!observation->only_service || !strcmp(observation->only_service, service->name));
}

static bool has(const struct service *service, enum figure figure)
{
	return service->figures->known >> figure & 1;
}

static void write_row(struct exposition *exposition, const struct observation *observation,
		      const struct row *row)
{
	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next) {
		struct label labels[] = {
			{"service", service->name},
			{"container", service->container},
			{"generation", row->generation},
		};

		if (is_shown(observation, service) && has(service, row->figure))
			exposition_value(exposition, labels, row->generation ? 3 : 2,
					 service->figures->values[row->figure] * row->scale);
	}
}

static void write_python_info(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "python_info", METRIC_GAUGE, "Version of the interpreter; always 1.");
	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next) {
		struct label labels[] = {
			{"service", service->name},
			{"container", service->container},
			{"version", service->figures ? service->figures->version : ""},
			{"implementation", "CPython"},
		};

		if (is_shown(observation, service) && has(service, FIGURE_PYTHON_COLLECTIONS))
			exposition_value(exposition, labels, 4, 1);
	}
}

void runtime_families_write(struct exposition *exposition, const struct observation *observation)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].family)
			exposition_family(exposition, rows[i].family, rows[i].type, rows[i].help);
		write_row(exposition, observation, &rows[i]);
	}
	write_python_info(exposition, observation);
}
