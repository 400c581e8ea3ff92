// SPDX-License-Identifier: Apache-2.0
// Writes what websockets.c has added up for each service, behind the request families.
#include "websocket_families.h"

#include <string.h>

#include "exposition.h"
#include "observation.h"
#include "service.h"
#include "services.h"
#include "websockets.h"

static const double duration_bounds[] = WEBSOCKET_DURATION_BOUNDS;

static const struct service *next_shown(const struct observation *observation, const struct service *service)
{
	while (service && (!service->websockets || service->hidden ||
			   (observation->only_service && strcmp(observation->only_service, service->name))))
		service = service->hh.next;
	return service;
}

#define EACH_SERVICE(service, observation)                                             \
	for (const struct service *service =                                           \
		     next_shown(observation, services_first((observation)->services)); \
	     service; service = next_shown(observation, service->hh.next))

/* One of its numbers for each service, under a label more or none. */
static void write_number(struct exposition *exposition, const struct service *service, const char *name,
			 const char *value, double number)
{
	struct label labels[] = {
		{"service", service->name}, {"container", service->container}, {name, value}};

	exposition_value(exposition, labels, name ? 3 : 2, number);
}

static void write_closes(struct exposition *exposition, const struct observation *observation)
{
	char code[8];

	exposition_family(exposition, "websocket_closes_total", METRIC_COUNTER,
			  "WebSocket sessions that have ended, by close code; 1006 without a close frame.");
	EACH_SERVICE(service, observation)
	for (unsigned i = 0; i < WEBSOCKET_CODES; i++)
		if (service->websockets->closes[i])
			write_number(exposition, service, "code", websocket_code_name(i, code),
				     service->websockets->closes[i]);
}

static void write_durations(struct exposition *exposition, const struct observation *observation)
{
	exposition_family(exposition, "websocket_session_duration_seconds", METRIC_HISTOGRAM,
			  "Length of WebSocket sessions that have ended.");
	EACH_SERVICE(service, observation)
	{
		struct label labels[] = {{"service", service->name}, {"container", service->container}};

		exposition_histogram(exposition, labels, 2, duration_bounds, WEBSOCKET_DURATION_BOUNDS_LEN,
				     service->websockets->durations, service->websockets->duration_seconds);
	}
}

void websocket_families_write(struct exposition *exposition, const struct observation *observation)
{
	if (!next_shown(observation, services_first(observation->services)))
		return;
	exposition_family(exposition, "websocket_connections_active", METRIC_GAUGE,
			  "WebSocket sessions that are open.");
	EACH_SERVICE(service, observation)
	write_number(exposition, service, NULL, NULL, service->websockets->active);
	exposition_family(exposition, "websocket_connections_total", METRIC_COUNTER,
			  "WebSocket sessions that were opened.");
	EACH_SERVICE(service, observation)
	write_number(exposition, service, NULL, NULL, service->websockets->opened);
	exposition_family(exposition, "websocket_messages_total", METRIC_COUNTER,
			  "WebSocket messages, each counted once however many frames it has.");
	EACH_SERVICE(service, observation)
	{
		write_number(exposition, service, "direction", "received", service->websockets->received);
		write_number(exposition, service, "direction", "sent", service->websockets->sent);
	}
	write_closes(exposition, observation);
	write_durations(exposition, observation);
}
