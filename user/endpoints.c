// SPDX-License-Identifier: Apache-2.0
// The paths that the server answers. Each handler fills a buffer and returns: nothing here waits.
#include "endpoints.h"

#include <string.h>
#include <strings.h>

#include "api.h"
#include "container_families.h"
#include "exposition.h"
#include "families.h"
#include "monotonic.h"
#include "network_families.h"
#include "negotiation.h"
#include "runtime_families.h"
#include "runtime_figures.h"
#include "self.h"
#include "websocket_families.h"

/* Before readiness there is nothing to show: /metrics says so too, rather than giving zeros. */
static bool not_ready(const struct site *site, struct server_response *response)
{
	if (site->ready)
		return false;
	response->status = 503;
	buffer_text(&response->body, "starting\n");
	return true;
}

static void get_metrics(void *context, const struct server_request *request, struct server_response *response)
{
	struct site *site = context;
	struct observation observation = site->observation;
	struct exposition exposition = {
		.out = &response->body,
		.format = negotiation_format(request->accept),
	};
	uint64_t began_ns = monotonic_ns();

	if (not_ready(site, response))
		return;
	site->refresh(site->context);
	observation.only_service = request->service;
	runtime_figures_refresh(observation.figures, observation.only_service);
	families_write(&exposition, &observation);
	websocket_families_write(&exposition, &observation);
	runtime_families_write(&exposition, &observation);
	container_families_write(&exposition, &observation);
	network_families_write(&exposition, &observation);
	if (!request->service)
		self_write(&exposition, &observation);
	exposition_end(&exposition);
	response->content_type = negotiation_content_type(exposition.format);
	site->observation.scrapes++;
	site->observation.scrape_seconds += (monotonic_ns() - began_ns) / 1e9;
}

static void get_healthy(void *context, const struct server_request *request, struct server_response *response)
{
	(void)context, (void)request;
	buffer_text(&response->body, "ringside is alive\n");
}

static void get_ready(void *context, const struct server_request *request, struct server_response *response)
{
	(void)request;
	if (!not_ready(context, response))
		buffer_text(&response->body, "ringside is ready\n");
}

/* Any page that the operator's browser shows may POST to this host; the browser says whose page it is. */
static bool is_from_foreign_page(const struct server_request *request)
{
	const char *host = request->origin ? strstr(request->origin, "://") : NULL;

	return request->origin && (!host || !request->host || strcasecmp(host + 3, request->host) != 0);
}

static void post_reload(void *context, const struct server_request *request, struct server_response *response)
{
	struct site *site = context;

	if (is_from_foreign_page(request)) {
		response->status = 403;
		buffer_text(&response->body, "refused: the request comes from another site's page\n");
		return;
	}
	if (site->reload(site->context)) {
		response->status = 500;
		buffer_text(&response->body,
			    "the new configuration was refused, the old one stays; the log says why\n");
		return;
	}
	buffer_text(&response->body, "reloaded\n");
}

static void get_targets(void *context, const struct server_request *request, struct server_response *response)
{
	const struct site *site = context;

	if (not_ready(site, response))
		return;
	response->content_type = "application/json";
	api_targets(&site->observation, request->host ? request->host : "127.0.0.1:10707", &response->body);
}

static void get_status(void *context, const struct server_request *request, struct server_response *response)
{
	const struct site *site = context;

	(void)request;
	if (not_ready(site, response))
		return;
	response->content_type = "application/json";
	api_status(&site->observation, &response->body);
}

static void get_services(void *context, const struct server_request *request,
			 struct server_response *response)
{
	const struct site *site = context;

	(void)request;
	if (not_ready(site, response))
		return;
	site->refresh(site->context);
	response->content_type = "application/json";
	api_services(&site->observation, &response->body);
}

static void get_service(void *context, const struct server_request *request, struct server_response *response)
{
	const struct site *site = context;
	const char *name = request->path + strlen("/api/v1/services/");

	if (not_ready(site, response))
		return;
	site->refresh(site->context);
	response->content_type = "application/json";
	if (api_service(&site->observation, name, &response->body))
		return;
	response->status = 404;
	buffer_text(&response->body, "{\"error\":\"no service of this name\"}\n");
}

static void get_landing(void *context, const struct server_request *request, struct server_response *response)
{
	(void)context, (void)request;
	response->content_type = "text/html; charset=utf-8";
	buffer_text(
		&response->body,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>ringside</title>"
		"<style>body{font:16px/1.5 system-ui;margin:3rem auto;max-width:40rem;padding:0 1rem}"
		"@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}}</style>"
		"<h1>ringside</h1><p>Every HTTP request of this host's services, timed in the kernel.</p><ul>"
		"<li><a href=\"/metrics\">/metrics</a>: for Prometheus"
		"<li><a href=\"/sd/targets\">/sd/targets</a>: a target for each service, for Prometheus's "
		"http_sd_configs"
		"<li><a href=\"/api/v1/services\">/api/v1/services</a>: the services, as JSON"
		"<li><a href=\"/api/v1/status\">/api/v1/status</a>: ringside itself, as JSON"
		"<li><a href=\"/-/ready\">/-/ready</a>, <a href=\"/-/healthy\">/-/healthy</a></ul></html>\n");
}

const struct endpoint endpoints[] = {
	{"GET", "/", get_landing},
	{"GET", "/metrics", get_metrics},
	{"GET", "/sd/targets", get_targets},
	{"GET", "/-/healthy", get_healthy},
	{"GET", "/-/ready", get_ready},
	{"POST", "/-/reload", post_reload},
	{"GET", "/api/v1/status", get_status},
	{"GET", "/api/v1/services", get_services},
	{"GET", "/api/v1/services/*", get_service},
	{NULL, NULL, NULL},
};
