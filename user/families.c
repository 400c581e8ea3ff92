// SPDX-License-Identifier: Apache-2.0
// Writes the contract's request families, one function a family, out of the aggregate's sums.
#include "families.h"

#include <stdio.h>
#include <string.h>

#include "aggregate.h"
#include "connections.h"
#include "exposition.h"
#include "http2_connections.h"
#include "observation.h"
#include "runtime_figures.h"
#include "services.h"

#define REQUESTS_PER_SECOND_WINDOW 15
#define ERROR_RATE_WINDOW 60

static const double duration_bounds[] = DURATION_BOUNDS;

static const char *const phase_names[PHASE_COUNT] = {
	[PHASE_SOCKET_WAIT] = "socket_wait",
	[PHASE_RUN_QUEUE] = "run_queue",
	[PHASE_ON_CPU] = "on_cpu",
	[PHASE_BLOCKED] = "blocked",
	[PHASE_APP] = "app",
	[PHASE_SEND] = "send",
};

static bool is_shown(const struct observation *observation, const struct service *service)
{
	return !service->hidden &&
	       (!observation->only_service || !strcmp(observation->only_service, service->name));
}

/* The next service at or after `service` that is shown and has requests, if `with_requests`. */
static const struct service *next_shown(const struct observation *observation, const struct service *service,
					bool with_requests)
{
	while (service && (!is_shown(observation, service) || (with_requests && !service->stats)))
		service = service->hh.next;
	return service;
}

#define EACH_SERVICE(service, observation, with_requests)                                             \
	for (const struct service *service =                                                          \
		     next_shown(observation, services_first((observation)->services), with_requests); \
	     service; service = next_shown(observation, service->hh.next, with_requests))

#define EACH_ROW(row, stats)                                        \
	for (const struct route_method *row = (stats)->table;       \
	     row < (stats)->table + (stats)->table_capacity; row++) \
		if (row->used)

static const char *status_text(uint16_t status, char *buffer, size_t size)
{
	if (status == EXCHANGE_ABORTED)
		return "aborted";
	if (status == EXCHANGE_NONE)
		return "none";
	snprintf(buffer, size, "%u", status);
	return buffer;
}

/* Labels of one request series: service, container, method, path, status. */
static void write_status_counts(struct exposition *exposition, const struct observation *observation,
				bool errors_only)
{
	EACH_SERVICE(service, observation, true)
	EACH_ROW(row, service->stats)
	for (uint16_t i = 0; i < row->statuses_len; i++) {
		char status[8];
		struct label labels[] = {
			{"service", service->name},
			{"container", service->container},
			{"method", row->method},
			{"path", routes_name(service->stats->routes, row->route)},
			{"status", status_text(row->statuses[i].status, status, sizeof(status))},
		};

		if (!errors_only || status_is_error(row->statuses[i].status))
			exposition_value(exposition, labels, 5, row->statuses[i].count);
	}
}

static void write_requests(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "http_requests_total", METRIC_COUNTER, "HTTP requests served.");
	write_status_counts(exposition, observation, false);
}

static void write_errors(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "http_errors_total", METRIC_COUNTER,
			  "HTTP requests that ended in 4xx, 5xx, aborted or none.");
	write_status_counts(exposition, observation, true);
}

static void write_histogram(struct exposition *exposition, const struct label *labels, size_t labels_len,
			    const struct histogram *histogram)
{
	exposition_histogram(exposition, labels, labels_len, duration_bounds, DURATION_BOUNDS_LEN,
			     histogram->counts, histogram->sum_ns / 1e9);
}

static void write_duration(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(
		exposition, "http_request_duration_seconds", METRIC_HISTOGRAM,
		"From the request's first byte at the socket to the hand-over of the answer's last.");
	EACH_SERVICE(service, observation, true)
	EACH_ROW(row, service->stats)
	{
		struct label labels[] = {
			{"service", service->name},
			{"container", service->container},
			{"method", row->method},
			{"path", routes_name(service->stats->routes, row->route)},
		};

		write_histogram(exposition, labels, 4, &row->duration);
	}
}

static void write_phases(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "http_request_phase_seconds_total", METRIC_COUNTER,
			  "Where the time of requests went; the phases add up to the duration.");
	EACH_SERVICE(service, observation, true)
	for (unsigned route = 0; route < service->stats->phases_len; route++)
		for (unsigned phase = 0; phase < PHASE_COUNT; phase++) {
			struct label labels[] = {
				{"service", service->name},
				{"container", service->container},
				{"path", routes_name(service->stats->routes, route)},
				{"phase", phase_names[phase]},
			};

			if (service->stats->phases[route][phase])
				exposition_value(exposition, labels, 4,
						 service->stats->phases[route][phase] / 1e9);
		}
}

static void write_first_byte(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(
		exposition, "http_request_first_byte_seconds", METRIC_HISTOGRAM,
		"From the request's first byte at the socket to the hand-over of the answer's first.");
	EACH_SERVICE(service, observation, true)
	{
		struct label labels[] = {{"service", service->name}, {"container", service->container}};

		write_histogram(exposition, labels, 2, &service->stats->first_byte);
	}
}

#define EACH_GRPC_METHOD(route, stats)                               \
	for (unsigned route = 0; route < (stats)->grpc_len; route++) \
		if ((stats)->grpc[route])

/* No family is written that has nothing: most hosts have no gRPC. */
static bool has_grpc(const struct observation *observation)
{
	EACH_SERVICE(service, observation, true)
	if (service->stats->grpc_len)
		return true;
	return false;
}

static void write_grpc(struct exposition *exposition, const struct observation *observation)
{
	if (!has_grpc(observation))
		return;
	exposition_family(exposition, "grpc_requests_total", METRIC_COUNTER,
			  "gRPC calls served, by the number of their status.");
	EACH_SERVICE(service, observation, true)
	EACH_GRPC_METHOD(route, service->stats)
	for (unsigned status = 0; status <= GRPC_MAX; status++) {
		char text[8];
		struct label labels[] = {
			{"service", service->name},
			{"container", service->container},
			{"method", routes_name(service->stats->routes, route)},
			{"grpc_status", text},
		};

		snprintf(text, sizeof(text), "%u", status);
		if (service->stats->grpc[route]->counts[status])
			exposition_value(exposition, labels, 4, service->stats->grpc[route]->counts[status]);
	}
	exposition_family(exposition, "grpc_request_duration_seconds", METRIC_HISTOGRAM,
			  "Duration of gRPC calls, from the request's first byte at the socket to the "
			  "hand-over of the last.");
	EACH_SERVICE(service, observation, true)
	EACH_GRPC_METHOD(route, service->stats)
	{
		struct label labels[] = {
			{"service", service->name},
			{"container", service->container},
			{"method", routes_name(service->stats->routes, route)},
		};

		write_histogram(exposition, labels, 3, &service->stats->grpc[route]->duration);
	}
}

static void write_summary(struct exposition *exposition, const struct observation *observation)
{
	static const double quantiles[] = {0.5, 0.95, 0.99};

	exposition_family(exposition, "http_request_duration_summary", METRIC_SUMMARY,
			  "Duration of requests in seconds; quantiles over the last minute.");
	EACH_SERVICE(service, observation, true)
	{
		struct label labels[] = {{"service", service->name}, {"container", service->container}};
		double values[3];

		sketch_quantiles(&service->stats->sketch, observation->aggregate->now_s, quantiles, 3,
				 values);
		exposition_summary(exposition, labels, 2, quantiles, values, 3, service->stats->requests,
				   service->stats->duration_ns / 1e9);
	}
}

/* A family with one value for each service that has requests. */
static void write_each(struct exposition *exposition, const struct observation *observation, const char *name,
		       enum metric_type type, const char *help,
		       double (*value)(const struct observation *observation, const struct service *service))
{
	exposition_family(exposition, name, type, help);
	EACH_SERVICE(service, observation, true)
	{
		struct label labels[] = {{"service", service->name}, {"container", service->container}};

		exposition_value(exposition, labels, 2, value(observation, service));
	}
}

static double requests_per_second(const struct observation *observation, const struct service *service)
{
	return (double)service_stats_recent(service->stats, observation->aggregate->now_s,
					    REQUESTS_PER_SECOND_WINDOW)
		       .requests /
	       REQUESTS_PER_SECOND_WINDOW;
}

static double error_rate(const struct observation *observation, const struct service *service)
{
	struct second recent =
		service_stats_recent(service->stats, observation->aggregate->now_s, ERROR_RATE_WINDOW);

	return recent.requests ? 100.0 * recent.failures / recent.requests : 0;
}

static double request_bytes(const struct observation *observation, const struct service *service)
{
	(void)observation;
	return service->stats->request_bytes;
}

static double response_bytes(const struct observation *observation, const struct service *service)
{
	(void)observation;
	return service->stats->response_bytes;
}

/* The first request of a service is in flight before there is anything else to show of it. */
static void write_in_flight(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "http_requests_in_flight", METRIC_GAUGE,
			  "HTTP requests that have arrived and are not answered to the last byte.");
	EACH_SERVICE(service, observation, false)
	{
		struct label labels[] = {{"service", service->name}, {"container", service->container}};
		uint64_t waiting, bytes;

		services_traffic(observation->services, service, &waiting, &bytes);
		if (service->stats || waiting)
			exposition_value(exposition, labels, 2, waiting + service->unfinished);
	}
}

static void count_unfinished(void *context, const struct exchange *exchange)
{
	const struct observation *observation = context;
	struct service *service = exchange->tgid ? services_of_process(observation->services, exchange->tgid,
								       exchange->local_port)
						 : NULL;

	if (service)
		service->unfinished++;
}

static void write_gauges(struct exposition *exposition, const struct observation *observation)
{
	for (struct service *service = services_first(observation->services); service;
	     service = service->hh.next)
		service->unfinished = 0;
	connections_unfinished(observation->connections, count_unfinished, (void *)observation);
	http2_connections_unfinished(observation->http2, count_unfinished, (void *)observation);

	write_each(exposition, observation, "http_requests_per_second", METRIC_GAUGE,
		   "HTTP requests a second over the last 15 s.", requests_per_second);
	write_each(exposition, observation, "error_rate", METRIC_GAUGE,
		   "Percentage of requests over the last minute that ended in 5xx, aborted or none.",
		   error_rate);
	write_each(exposition, observation, "http_request_size_bytes_total", METRIC_COUNTER,
		   "Bytes of HTTP requests, heads included.", request_bytes);
	write_each(exposition, observation, "http_response_size_bytes_total", METRIC_COUNTER,
		   "Bytes of HTTP answers, heads included.", response_bytes);
	write_in_flight(exposition, observation);
}

/* What the process itself has in its memory is surer than what its files are called. */
static const char *runtime_version(const struct service *service)
{
	return service->figures && service->figures->version[0] ? service->figures->version
								: service->runtime_version;
}

static void write_services(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "service_up", METRIC_GAUGE,
			  "1 while a process of the service listens.");
	EACH_SERVICE(service, observation, false)
	{
		struct label labels[] = {{"service", service->name}, {"container", service->container}};

		/* A process that neither listens nor was asked anything is no service. */
		if (service->listeners || service->stats)
			exposition_value(exposition, labels, 2, service->listeners > 0);
	}
	exposition_family(exposition, "service_info", METRIC_GAUGE,
			  "What is known of the service; always 1.");
	EACH_SERVICE(service, observation, false)
	{
		struct label labels[] = {
			{"service", service->name},
			{"container", service->container},
			{"image", service->image},
			{"runtime", runtime_name(service->runtime)},
			{"runtime_version", runtime_version(service)},
			{"compose_project", service->compose_project},
		};

		if (service->listeners || service->stats)
			exposition_value(exposition, labels, 6, 1);
	}
}

void families_write(struct exposition *exposition, const struct observation *observation)
{
	write_requests(exposition, observation);
	write_errors(exposition, observation);
	write_duration(exposition, observation);
	write_summary(exposition, observation);
	write_gauges(exposition, observation);
	write_phases(exposition, observation);
	write_first_byte(exposition, observation);
	write_grpc(exposition, observation);
	write_services(exposition, observation);
}
