// SPDX-License-Identifier: Apache-2.0
// The JSON answers, built with jansson out of what the metric families show.
#include "api.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "aggregate.h"
#include "buffer.h"
#include "capture.h"
#include "docker.h"
#include "monotonic.h"
#include "observation.h"
#include "runtime_figures.h"
#include "self.h"
#include "services.h"

static int append(const char *text, size_t len, void *context)
{
	buffer_bytes(context, text, len);
	return 0;
}

/* Takes the document. Labels that are no UTF-8 make jansson return NULL values: they are left out then. */
static void write_and_free(json_t *document, struct buffer *out)
{
	if (document)
		json_dump_callback(document, append, out, JSON_COMPACT);
	json_decref(document);
	buffer_text(out, "\n");
}

static bool is_listed(const struct service *service)
{
	return !service->hidden && (service->listeners || service->stats);
}

static json_t *service_json(const struct observation *observation, const struct service *service)
{
	struct second recent = {0};
	uint64_t in_flight = 0, bytes;

	if (service->stats)
		recent = service_stats_recent(service->stats, observation->aggregate->now_s, 15);
	services_traffic(observation->services, service, &in_flight, &bytes);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:f, s:I, s:s?}", "service", service->name,
			 "container", service->container, "image", service->image, "runtime",
			 runtime_name(service->runtime), "up", service->listeners > 0, "requests",
			 (json_int_t)(service->stats ? service->stats->requests : 0), "requests_per_second",
			 recent.requests / 15.0, "in_flight", (json_int_t)in_flight, "runtime_unreadable",
			 service->figures ? service->figures->unreadable : NULL);
}

void api_services(const struct observation *observation, struct buffer *out)
{
	json_t *list = json_array();

	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next)
		if (is_listed(service))
			json_array_append_new(list, service_json(observation, service));
	write_and_free(json_pack("{s:o}", "services", list), out);
}

static json_t *routes_json(const struct service *service)
{
	json_t *list = json_array();

	for (uint32_t i = 0; service->stats && i < service->stats->table_capacity; i++) {
		const struct route_method *row = &service->stats->table[i];
		uint64_t requests = 0;

		if (!row->used)
			continue;
		for (uint16_t j = 0; j < row->statuses_len; j++)
			requests += row->statuses[j].count;
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:f}", "method", row->method, "path",
						routes_name(service->stats->routes, row->route), "requests",
						(json_int_t)requests, "seconds", row->duration.sum_ns / 1e9));
	}
	return list;
}

bool api_service(const struct observation *observation, const char *name, struct buffer *out)
{
	json_t *list = json_array();

	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next) {
		json_t *entry;

		if (!is_listed(service) || strcmp(service->name, name))
			continue;
		entry = service_json(observation, service);
		json_object_set_new(entry, "routes", routes_json(service));
		json_array_append_new(list, entry);
	}
	if (!json_array_size(list)) {
		json_decref(list);
		return false;
	}
	write_and_free(json_pack("{s:s, s:o}", "service", name, "containers", list), out);
	return true;
}

void api_status(const struct observation *observation, struct buffer *out)
{
	json_t *capabilities = json_array();
	const char *trouble = docker_trouble(observation->docker);

	for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
		const struct capability *capability = &observation->capture->capabilities[i];

		json_array_append_new(capabilities,
				      json_pack("{s:s, s:b, s:s?}", "name", capability->name, "on",
						!capability->reason, "reason", capability->reason));
	}
	json_array_append_new(capabilities, json_pack("{s:s, s:b, s:s?}", "name", "docker", "on", !trouble,
						      "reason", trouble));
	write_and_free(json_pack("{s:s, s:s, s:f, s:I, s:I, s:I, s:o}", "version", RINGSIDE_VERSION,
				 "revision", RINGSIDE_REVISION, "uptime_seconds",
				 (monotonic_ns() - observation->start_ns) / 1e9, "series",
				 (json_int_t)observation->aggregate->series, "series_limit",
				 (json_int_t)observation->aggregate->series_limit, "requests_lost",
				 (json_int_t)self_lost(observation), "capabilities", capabilities),
		       out);
}

void api_targets(const struct observation *observation, const char *host, struct buffer *out)
{
	json_t *targets = json_array(), *seen = json_object();

	for (const struct service *service = services_first(observation->services); service;
	     service = service->hh.next) {
		if (!is_listed(service) || json_object_get(seen, service->name))
			continue;
		json_object_set_new(seen, service->name, json_true());
		json_array_append_new(targets,
				      json_pack("{s:[s], s:{s:s, s:s, s:s}}", "targets", host, "labels",
						"__param_service", service->name, "__meta_ringside_service",
						service->name, "__meta_ringside_runtime",
						runtime_name(service->runtime)));
	}
	json_decref(seen);
	write_and_free(targets, out);
}
