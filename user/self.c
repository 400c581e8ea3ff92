// SPDX-License-Identifier: Apache-2.0
// Writes ringside_*: every loss with its reason, every capability with its state. The endpoint /metrics has
// it written after the request families.
#include "self.h"

#include <stdio.h>
#include <string.h>

#include "aggregate.h"
#include "capture.h"
#include "connections.h"
#include "docker.h"
#include "events.h"
#include "exposition.h"
#include "http2_connections.h"
#include "listeners.h"
#include "maps.h"
#include "observation.h"
#include "own_process.h"
#include "runtime_figures.h"
#include "services.h"
#include "tls_files.h"
#include "tls_processes.h"
#include "websockets.h"

struct reason {
	const char *name;
	uint64_t value;
};

#define LOSSES_MAX 16

static unsigned losses(const struct observation *observation, struct reason ret_losses[LOSSES_MAX])
{
	const struct connection_losses *unpaired = connections_losses(observation->connections);
	const struct http2_losses *http2 = http2_connections_losses(observation->http2);
	const struct websocket_losses *websockets = websockets_losses(observation->websockets);
	const struct service_losses *unnamed = services_losses(observation->services);
	const struct capture *capture = observation->capture;
	const struct reason all[] = {
		{"ring_full", capture_counter(capture, COUNT_LOST_EXCHANGE) +
				      capture_counter(capture, COUNT_LOST_REQUEST) +
				      capture_counter(capture, COUNT_LOST_CLOSE)},
		{"no_kernel_memory", capture_counter(capture, COUNT_LOST_STATE)},
		{"unmatched", unpaired->unmatched + http2->unmatched},
		{"malformed", unpaired->malformed},
		{"http2_state", http2->state},
		{"tls_session", capture_counter(capture, COUNT_LOST_TLS)},
		{"table_full", unpaired->table_full + http2->table_full},
		{"websocket", websockets->lost + websockets->table_full},
		{"container_unnamed", unnamed->held_too_many},
	};

	memcpy(ret_losses, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

uint64_t self_lost(const struct observation *observation)
{
	struct reason reasons[LOSSES_MAX];
	uint64_t total = 0;

	for (unsigned i = losses(observation, reasons); i--;)
		total += reasons[i].value;
	return total;
}

static void write_reasons(struct exposition *exposition, const char *label, const struct reason *reasons,
			  unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		struct label labels[] = {{label, reasons[i].name}};

		exposition_value(exposition, labels, 1, reasons[i].value);
	}
}

static void write_events(struct exposition *exposition, const struct observation *observation)
{
	const struct event_counts *counts = events_counts(observation->events);
	const struct reason kinds[] = {
		{"exchange", counts->exchange}, {"request", counts->request},
		{"response", counts->response}, {"close", counts->close},
		{"listen", counts->listen},     {"process", counts->process},
		{"stream", counts->stream},     {"malformed", counts->malformed},
	};
	struct reason lost[LOSSES_MAX];
	unsigned lost_len = losses(observation, lost);

	exposition_family(exposition, "ringside_events_total", METRIC_COUNTER,
			  "Events from the kernel side, by kind.");
	write_reasons(exposition, "kind", kinds, sizeof(kinds) / sizeof(kinds[0]));
	exposition_family(exposition, "ringside_events_lost_total", METRIC_COUNTER,
			  "Requests that were seen but could not be reported, by reason.");
	write_reasons(exposition, "reason", lost, lost_len);
}

static void write_unparsed(struct exposition *exposition, const struct observation *observation)
{
	const struct reason unparsed[] = {
		{"tls-opaque", capture_counter(observation->capture, COUNT_UNPARSED_TLS_OPAQUE)},
		{"http2", http2_connections_losses(observation->http2)->connections},
		{"other_protocol", capture_counter(observation->capture, COUNT_UNPARSED_OTHER)},
		{"incomplete_request", connections_losses(observation->connections)->incomplete_request},
	};

	exposition_family(exposition, "ringside_connections_unparsed_total", METRIC_COUNTER,
			  "Connections that carry something that is not decoded, by reason.");
	write_reasons(exposition, "reason", unparsed, sizeof(unparsed) / sizeof(unparsed[0]));
}

/* Containers of one service share its ratio: the first of them speaks for all. */
static bool is_first_of_name(const struct observation *observation, const struct service *service)
{
	for (const struct service *each = services_first(observation->services); each != service;
	     each = each->hh.next)
		if (each->stats && !each->hidden && !strcmp(each->name, service->name))
			return false;
	return true;
}

static double coverage(const struct observation *observation, const struct service *first)
{
	uint64_t reported = 0, seen = 0, in_flight, bytes;

	for (const struct service *each = first; each; each = each->hh.next) {
		if (!each->stats || each->hidden || strcmp(each->name, first->name))
			continue;
		services_traffic(observation->services, each, &in_flight, &bytes);
		reported += each->stats->request_bytes + each->stats->response_bytes;
		seen += bytes;
	}
	/* The kernel counts a service's bytes from its second request on, as it learns the place from the
	 * first. */
	return seen > reported ? (double)reported / seen : 1;
}

static void write_coverage(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "ringside_coverage_ratio", METRIC_GAUGE,
			  "Share of the bytes of recognised connections that became reported requests.");
	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next) {
		struct label labels[] = {{"service", service->name}};

		if (service->hidden || !service->stats || !is_first_of_name(observation, service) ||
		    (observation->only_service && strcmp(observation->only_service, service->name)))
			continue;
		exposition_value(exposition, labels, 1, coverage(observation, service));
	}
}

static void write_overflow(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(
		exposition, "ringside_series_overflow_total", METRIC_COUNTER,
		"Requests counted under (other), or not by their status, because a limit was reached.");
	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next) {
		struct label labels[] = {{"service", service->name}};
		uint64_t overflow = 0;

		if (service->hidden || !service->stats || !is_first_of_name(observation, service) ||
		    (observation->only_service && strcmp(observation->only_service, service->name)))
			continue;
		for (const struct service *each = service; each; each = each->hh.next)
			if (each->stats && !strcmp(each->name, service->name))
				overflow += each->stats->overflow + routes_overflow(each->stats->routes);
		exposition_value(exposition, labels, 1, overflow);
	}
}

static void write_capabilities(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "ringside_capability", METRIC_GAUGE,
			  "What this host lets ringside do: 1 for the state that holds.");
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
		const struct capability *capability = &observation->capture->capabilities[i];
		struct label labels[] = {{"name", capability->name},
					 {"state", capability->reason ? "off" : "on"}};

		exposition_value(exposition, labels, 2, 1);
	}
	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next) {
		char name[SERVICE_LABEL_MAX + 16];
		struct label labels[] = {{"name", name}, {"state", "off"}};

		if (service->hidden || !service->figures || !service->figures->unreadable)
			continue;
		snprintf(name, sizeof(name), "%s:%s", runtime_name(service->runtime), service->name);
		exposition_value(exposition, labels, 2, 1);
	}
	const struct tls_files *libraries = tls_processes_files(observation->tls);
	for (const struct tls_file *file = tls_files_next(libraries, NULL); file;
	     file = tls_files_next(libraries, file)) {
		char name[80];
		struct label labels[] = {{"name", name}, {"state", "off"}};

		if (!tls_file_trouble(file))
			continue;
		snprintf(name, sizeof(name), "tls:%s", tls_file_name(file));
		exposition_value(exposition, labels, 2, 1);
	}
	struct label loops[] = {{"name", "event_loop"},
				{"state", runtime_figures_loop_trouble(observation->figures) ? "off" : "on"}};

	exposition_value(exposition, loops, 2, 1);
	struct label docker[] = {{"name", "docker"},
				 {"state", docker_trouble(observation->docker) ? "off" : "on"}};

	exposition_value(exposition, docker, 2, 1);
}

static void write_programs(struct exposition *exposition, const struct observation *observation)
{
	struct program_statistics programs[PROGRAMS_MAX];
	unsigned len = capture_programs(observation->capture, programs);

	if (!len)
		return;
	exposition_family(exposition, "ringside_bpf_program_runs_total", METRIC_COUNTER,
			  "Runs of a kernel program.");
	for (unsigned i = 0; i < len; i++)
		exposition_value(exposition, &(struct label){"program", programs[i].name}, 1,
				 programs[i].runs);
	exposition_family(exposition, "ringside_bpf_program_run_seconds_total", METRIC_COUNTER,
			  "Time spent in a kernel program.");
	for (unsigned i = 0; i < len; i++)
		exposition_value(exposition, &(struct label){"program", programs[i].name}, 1,
				 programs[i].run_ns / 1e9);
}

/* Of other processes' memory, which the runtimes' figures are read from. */
static void write_reads(struct exposition *exposition, const struct observation *observation)
{
	const struct memory_counts *counts = runtime_figures_counts(observation->figures);
	const struct reason results[] = {
		{"ok", counts->reads},
		{"gone", counts->gone},
		{"denied", counts->denied},
		{"unmapped", counts->unmapped},
		{"implausible", counts->implausible},
		{"other", counts->other},
	};

	exposition_family(exposition, "ringside_process_reads_total", METRIC_COUNTER,
			  "Reads of other processes' memory, by result.");
	write_reasons(exposition, "result", results, sizeof(results) / sizeof(results[0]));
}

/* Of processes and sockets, not of requests: these are counted all the same. */
static void write_limits(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "ringside_services_overflow_total", METRIC_COUNTER,
			  "Processes whose service is (other), because there are too many services.");
	exposition_value(exposition, NULL, 0, services_losses(observation->services)->processes_past_limit);
	exposition_family(exposition, "ringside_listeners_overflow_total", METRIC_COUNTER,
			  "Times that a listening socket was passed over, because there are too many.");
	exposition_value(exposition, NULL, 0, listeners_table_full(observation->listeners));
}

void self_write(struct exposition *exposition, const struct observation *observation)
{
	struct label build[] = {{"version", RINGSIDE_VERSION}, {"revision", RINGSIDE_REVISION}};

	exposition_family(exposition, "ringside_build_info", METRIC_GAUGE, "Version of ringside; always 1.");
	exposition_value(exposition, build, 2, 1);
	write_events(exposition, observation);
	write_unparsed(exposition, observation);
	write_coverage(exposition, observation);
	write_overflow(exposition, observation);
	write_limits(exposition, observation);
	write_capabilities(exposition, observation);
	write_programs(exposition, observation);
	write_reads(exposition, observation);
	exposition_family(exposition, "ringside_scrape_duration_seconds", METRIC_SUMMARY,
			  "Time spent on writing expositions.");
	exposition_summary(exposition, NULL, 0, NULL, NULL, 0, observation->scrapes,
			   observation->scrape_seconds);
	exposition_family(exposition, "ringside_series_limit", METRIC_GAUGE,
			  "Series of the request families past which new routes go to (other).");
	exposition_value(exposition, NULL, 0, observation->aggregate->series_limit);
	exposition_family(exposition, "ringside_series", METRIC_GAUGE,
			  "Series that the request families have.");
	exposition_value(exposition, NULL, 0, observation->aggregate->series);
	own_process_write(exposition);
}
