// SPDX-License-Identifier: Apache-2.0
// Wires the stages together, in the order in which data flows. run.c starts it, turns the loop that drives
// it, and shows what comes out.
#include "pipeline.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "connections.h"
#include "docker.h"
#include "event.h"
#include "events.h"
#include "http2_connections.h"
#include "listeners.h"
#include "log.h"
#include "loop.h"
#include "maps.h"
#include "monotonic.h"
#include "network_sums.h"
#include "runtime_figures.h"
#include "services.h"
#include "tcp_survey.h"
#include "tls_closes.h"
#include "tls_processes.h"
#include "websockets.h"
#include "workloads.h"

/* Events → connections and listeners. */

static void on_exchange(void *context, const struct exchange_event *event)
{
	connections_on_exchange(((struct pipeline *)context)->connections, event);
}

static void on_request(void *context, const struct request_event *event)
{
	connections_on_request(((struct pipeline *)context)->connections, event);
}

static void on_response(void *context, const struct response_event *event)
{
	struct pipeline *pipeline = context;

	connections_on_response(pipeline->connections, event);
	if (event->header.flags & EVENT_FIN)
		websockets_on_close(pipeline->websockets, event);
}

static void on_unanswered(void *context, const struct exchange_event *event)
{
	connections_on_unanswered(((struct pipeline *)context)->connections, event);
}

static void on_close(void *context, const struct response_event *event)
{
	struct pipeline *pipeline = context;

	connections_on_close(pipeline->connections, event);
	http2_connections_on_close(pipeline->http2, event);
	websockets_on_close(pipeline->websockets, event);
}

static void on_tls_close(void *context, const struct tls_close_event *event)
{
	tls_closes_add(((struct pipeline *)context)->tls_closes, event);
}

/* The same, once the last pieces of it have come. */
static void on_tls_over(void *context, const struct tls_close_event *event)
{
	const struct response_event close = {.header = event->header, .last_ns = event->header.time_ns};

	on_close(context, &close);
}

static void on_listen(void *context, const struct listen_event *event)
{
	struct pipeline *pipeline = context;

	listeners_on_event(pipeline->listeners, event);
	if (event->tgid)
		tls_processes_look(pipeline->tls, event->tgid);
}

static void on_process(void *context, const struct process_event *event)
{
	tls_processes_look(((struct pipeline *)context)->tls, event->tgid);
}

/* Connections → services. */

static void on_finished(void *context, const struct exchange *exchange)
{
	struct pipeline *pipeline = context;

	if (exchange->h2c) {
		http2_connections_upgrade(pipeline->http2, exchange);
		return;
	}
	services_on_exchange(pipeline->services, exchange);
	if (exchange->websocket)
		websockets_open(pipeline->websockets, exchange);
}

/* Services → what is kept for them. */

static void on_over(void *context, struct service *service)
{
	struct pipeline *pipeline = context;

	aggregate_on_over(&pipeline->aggregate, service);
	websockets_forget_service(pipeline->websockets, service);
}

static void on_named(void *context, struct service *service, const struct exchange *exchange)
{
	aggregate_on_exchange(&((struct pipeline *)context)->aggregate, service, exchange);
}

/* What user space decodes, by enum stream_protocol. */
static void on_stream(void *context, const struct stream_event *event)
{
	struct pipeline *pipeline = context;

	if (event->header.flags & EVENT_CLIENT)
		return;
	switch (event->protocol) {
	case STREAM_HTTP1:
		connections_on_stream(pipeline->connections, event);
		break;
	case STREAM_HTTP2:
		http2_connections_on_stream(pipeline->http2, event);
		break;
	case STREAM_WEBSOCKET:
		websockets_on_stream(pipeline->websockets, event);
		break;
	}
}

/* Docker → services → workloads. */

static void on_container(void *context, const struct docker_container *container)
{
	struct pipeline *pipeline = context;

	services_on_container(pipeline->services, container);
	workloads_on_container(pipeline->workloads, container->id);
}

static void on_gone(void *context, const char *id)
{
	struct pipeline *pipeline = context;

	services_on_gone(pipeline->services, id);
	workloads_on_gone(pipeline->workloads, id);
}

static void on_oom(void *context, const char *id)
{
	workloads_on_oom(((struct pipeline *)context)->workloads, id);
}

static void configure_runtimes(struct pipeline *pipeline, const struct config *config)
{
	runtime_figures_set_exact_loops(pipeline->figures, config->runtimes.exact_event_loop);
}

static void limit(struct pipeline *pipeline, const struct config *config)
{
	pipeline->aggregate.series_limit = config->limits.series;
	pipeline->aggregate.routes_per_service = config->limits.routes_per_service;
}

/* In the order in which data flows, backwards: each is given the next one. */
static int make_stages(struct pipeline *pipeline, const struct config *config, const char *docker_socket)
{
	const struct event_handlers handlers = {on_exchange, on_request, on_response, on_unanswered,
						on_close,    on_listen,  on_process,  on_tls_close,
						on_stream,   pipeline};
	const struct services_options naming = {
		.config = config,
		.capture = &pipeline->capture,
		.on_exchange = on_named,
		.on_over = on_over,
		.context = pipeline,
	};
	int error = services_new(&naming, &pipeline->services);
	const struct docker_observer containers = {on_container, on_gone, on_oom, pipeline};

	limit(pipeline, config);
	if (!error)
		error = connections_new(on_finished, pipeline, &pipeline->connections);
	if (!error)
		error = http2_connections_new(services_on_exchange, pipeline->services, &pipeline->http2);
	if (!error) {
		pipeline->websockets = websockets_new(pipeline->services);
		error = pipeline->websockets ? 0 : -ENOMEM;
	}
	if (!error)
		error = workloads_new(pipeline->services, &pipeline->capture, &pipeline->workloads);
	if (!error)
		error = network_sums_new(&pipeline->capture, pipeline->workloads, &pipeline->network);
	if (!error)
		error = tcp_survey_new(&pipeline->capture, pipeline->workloads, &pipeline->tcp_survey);
	if (!error)
		error = listeners_new(pipeline->services, pipeline->capture.cgroup_fd, &pipeline->listeners);
	if (!error) {
		pipeline->figures = runtime_figures_new(pipeline->services, pipeline->capture.skeleton);
		error = pipeline->figures ? 0 : -ENOMEM;
	}
	if (!error)
		configure_runtimes(pipeline, config);
	if (!error) {
		pipeline->tls = tls_processes_new(pipeline->capture.skeleton);
		error = pipeline->tls ? 0 : -ENOMEM;
	}
	if (!error) {
		pipeline->tls_closes = tls_closes_new(pipeline->capture.skeleton, on_tls_over, pipeline);
		error = pipeline->tls_closes ? 0 : -ENOMEM;
	}
	if (!error)
		error = events_new(&pipeline->capture, &handlers, &pipeline->events);
	if (!error)
		error = docker_new(docker_socket, &containers, &pipeline->docker);
	return error ? log_err(error, "cannot start: %s", strerror(-error)) : 0;
}

int pipeline_start(struct pipeline *pipeline, const struct config *config, const char *docker_socket)
{
	int error = capture_start(&pipeline->capture);

	if (!error)
		error = make_stages(pipeline, config, docker_socket);
	if (error)
		return error;
	/* Docker first: names of containers before the processes in them. */
	services_tick(pipeline->services, true, monotonic_ns());
	tcp_survey_inventory(pipeline->tcp_survey);
	tls_processes_scan(pipeline->tls);
	error = listeners_scan(pipeline->listeners);
	return error ? log_err(error, "cannot read /proc: %s", strerror(-error)) : 0;
}

void pipeline_stop(struct pipeline *pipeline)
{
	struct service *service;

	docker_free(pipeline->docker);
	events_free(pipeline->events);
	connections_free(pipeline->connections);
	http2_connections_free(pipeline->http2);
	websockets_free(pipeline->websockets);
	listeners_free(pipeline->listeners);
	runtime_figures_free(pipeline->figures);
	tls_closes_free(pipeline->tls_closes);
	tls_processes_free(pipeline->tls);
	for (service = pipeline->services ? services_first(pipeline->services) : NULL; service;
	     service = service->hh.next)
		service_stats_free(service->stats);
	tcp_survey_free(pipeline->tcp_survey);
	network_sums_free(pipeline->network);
	workloads_free(pipeline->workloads);
	services_free(pipeline->services);
	capture_stop(&pipeline->capture);
}

static void on_docker(void *context)
{
	docker_run(((struct pipeline *)context)->docker);
}

static void on_processes(void *context)
{
	struct pipeline *pipeline = context;

	/* Their last requests are in the ring: take them in under their names. */
	pipeline_drain(pipeline);
	services_run(pipeline->services);
}

static void on_events(void *context)
{
	pipeline_drain(context);
}

int pipeline_watch(struct pipeline *pipeline, struct loop *loop)
{
	int error = loop_watch(loop, docker_fd(pipeline->docker), LOOP_LEVEL, on_docker, pipeline);

	if (!error)
		error = loop_watch(loop, services_fd(pipeline->services), LOOP_LEVEL, on_processes, pipeline);
	/* By the edge: most events do not wake us, and a ring that is never empty would turn the loop without
	 * end. */
	if (!error)
		error = loop_watch(loop, events_fd(pipeline->events), LOOP_EDGE, on_events, pipeline);
	return error;
}

void pipeline_configure(struct pipeline *pipeline, const struct config *config)
{
	services_configure(pipeline->services, config);
	configure_runtimes(pipeline, config);
	limit(pipeline, config);
	listeners_scan(pipeline->listeners);
}

void pipeline_idle(struct pipeline *pipeline)
{
	runtime_figures_attach(pipeline->figures, monotonic_ns());
}

void pipeline_drain(struct pipeline *pipeline)
{
	pipeline->aggregate.now_s = monotonic_ns() / 1000000000;
	events_drain(pipeline->events);
	tls_closes_run(pipeline->tls_closes, monotonic_ns());
}

void pipeline_tick(struct pipeline *pipeline, uint64_t now_ns)
{
	services_tick(pipeline->services, !docker_trouble(pipeline->docker), now_ns);
	runtime_figures_tick(pipeline->figures);
	tls_processes_tick(pipeline->tls, now_ns);
	workloads_refresh(pipeline->workloads);
	network_sums_tick(pipeline->network, now_ns);
	tcp_survey_tick(pipeline->tcp_survey, now_ns);
	connections_tick(pipeline->connections, now_ns);
	http2_connections_tick(pipeline->http2, now_ns);
	websockets_tick(pipeline->websockets, capture_counter(&pipeline->capture, COUNT_LOST_CLOSE), now_ns);
	listeners_tick(pipeline->listeners, capture_counter(&pipeline->capture, COUNT_LOST_LISTEN));
}

struct observation pipeline_observation(struct pipeline *pipeline)
{
	return (struct observation){
		.aggregate = &pipeline->aggregate,
		.capture = &pipeline->capture,
		.connections = pipeline->connections,
		.docker = pipeline->docker,
		.events = pipeline->events,
		.figures = pipeline->figures,
		.http2 = pipeline->http2,
		.listeners = pipeline->listeners,
		.services = pipeline->services,
		.tls = pipeline->tls,
		.network = pipeline->network,
		.websockets = pipeline->websockets,
		.workloads = pipeline->workloads,
	};
}
