// SPDX-License-Identifier: Apache-2.0
// The command `run`: wires the stages together, in the order in which data flows, and says what
// becomes of all that the loop waits for.
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "aggregate.h"
#include "capture.h"
#include "config.h"
#include "connections.h"
#include "docker.h"
#include "endpoints.h"
#include "event.h"
#include "events.h"
#include "inventory.h"
#include "listeners.h"
#include "log.h"
#include "loop.h"
#include "maps.h"
#include "monotonic.h"
#include "options.h"
#include "server.h"
#include "services.h"

#define DEFAULT_LISTEN_ADDRESS "127.0.0.1:10707"

/* The kernel wakes us only when a burst fills an eighth of a ring; what else there is waits this long. */
#define DRAIN_NS 50000000

/* How long readiness waits for Docker's list of containers. */
#define DISCOVERY_PATIENCE_NS 5000000000ULL

struct runner {
	const struct options *options;
	struct config *config;
	struct capture capture;
	struct events *events;
	struct connections *connections;
	struct services *services;
	struct listeners *listeners;
	struct aggregate aggregate;
	struct docker *docker;
	struct server *server;
	struct site site;
	struct loop *loop;
	uint64_t start_ns;
	uint64_t last_tick_s;
	bool ended;
};

/* Events → connections and listeners. */

static void on_exchange(void *context, const struct exchange_event *event)
{
	connections_on_exchange(((struct runner *)context)->connections, event);
}

static void on_request(void *context, const struct request_event *event)
{
	connections_on_request(((struct runner *)context)->connections, event);
}

static void on_response(void *context, const struct response_event *event)
{
	connections_on_response(((struct runner *)context)->connections, event);
}

static void on_unanswered(void *context, const struct exchange_event *event)
{
	connections_on_unanswered(((struct runner *)context)->connections, event);
}

static void on_close(void *context, const struct response_event *event)
{
	connections_on_close(((struct runner *)context)->connections, event);
}

static void on_listen(void *context, const struct listen_event *event)
{
	listeners_on_event(((struct runner *)context)->listeners, event);
}

/* The clock's work, once a second. */
static void tick(struct runner *runner, uint64_t now_ns)
{
	runner->last_tick_s = now_ns / 1000000000;
	services_tick(runner->services, !docker_trouble(runner->docker), now_ns);
	connections_tick(runner->connections, now_ns);
	listeners_tick(runner->listeners, capture_counter(&runner->capture, COUNT_LOST_LISTEN));
	if (!runner->site.ready &&
	    (docker_listed(runner->docker) || now_ns - runner->start_ns > DISCOVERY_PATIENCE_NS)) {
		runner->site.ready = true;
		inventory_print(&runner->site.observation);
		log_info("ready");
	}
}

static void drain(struct runner *runner)
{
	runner->aggregate.now_s = monotonic_ns() / 1000000000;
	events_drain(runner->events);
}

static void refresh(void *context)
{
	drain(context);
}

static int reload(void *context)
{
	struct runner *runner = context;
	struct config *fresh;
	int error = config_load(runner->options->config_file, &fresh);

	if (error)
		return error;
	services_configure(runner->services, fresh);
	runner->aggregate.series_limit = fresh->limits.series;
	runner->aggregate.routes_per_service = fresh->limits.routes_per_service;
	config_free(runner->config);
	runner->config = fresh;
	listeners_scan(runner->listeners);
	log_info("configuration reloaded");
	return 0;
}

/* What the loop waits for. */

static void on_clock(void *context)
{
	struct runner *runner = context;
	uint64_t now_ns;

	drain(runner);
	now_ns = monotonic_ns();
	if (now_ns / 1000000000 != runner->last_tick_s || !runner->site.ready)
		tick(runner, now_ns);
}

static void on_signal(void *context, int signal)
{
	struct runner *runner = context;

	if (signal == SIGHUP)
		reload(runner);
	else
		runner->ended = true;
}

static void on_server(void *context)
{
	server_run(((struct runner *)context)->server);
}

static void on_docker(void *context)
{
	docker_run(((struct runner *)context)->docker);
}

static void on_processes(void *context)
{
	struct runner *runner = context;

	/* Their last requests are in the ring: take them in under their names. */
	drain(runner);
	services_run(runner->services);
}

static void on_events(void *context)
{
	drain(context);
}

static int turn(struct runner *runner)
{
	int count = loop_turn(runner->loop, server_timeout_ms(runner->server));

	if (!count)
		server_run(runner->server);
	return count < 0 ? count : 0;
}

/* Start, in the order in which data flows; the first that fails has said why. */

/* Each observed process costs a descriptor (its end is waited for): take what the host allows. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int start_server(struct runner *runner)
{
	const char *fallback[] = {DEFAULT_LISTEN_ADDRESS};
	const char *const *addresses = fallback;
	size_t len = 1;

	if (runner->options->listen_addresses_len) {
		addresses = runner->options->listen_addresses;
		len = runner->options->listen_addresses_len;
	} else if (runner->config->web.listen_addresses_len) {
		addresses = (const char *const *)runner->config->web.listen_addresses;
		len = runner->config->web.listen_addresses_len;
	}
	return server_new(addresses, len, endpoints, &runner->site, &runner->server);
}

static int start_stages(struct runner *runner)
{
	const struct event_handlers handlers = {on_exchange, on_request, on_response, on_unanswered,
						on_close,    on_listen,  runner};
	const struct services_options naming = {
		.config = runner->config,
		.capture = &runner->capture,
		.on_exchange = aggregate_on_exchange,
		.context = &runner->aggregate,
	};
	int error = services_new(&naming, &runner->services);
	const struct docker_observer containers = {services_on_container, services_on_gone, runner->services};

	runner->aggregate.series_limit = runner->config->limits.series;
	runner->aggregate.routes_per_service = runner->config->limits.routes_per_service;
	if (!error)
		error = connections_new(services_on_exchange, runner->services, &runner->connections);
	if (!error)
		error = listeners_new(runner->services, runner->capture.cgroup_fd, &runner->listeners);
	if (!error)
		error = events_new(&runner->capture, &handlers, &runner->events);
	if (!error)
		error = docker_new(runner->options->docker_socket, &containers, &runner->docker);
	return error ? log_err(error, "cannot start: %s", strerror(-error)) : 0;
}

static void start_site(struct runner *runner)
{
	runner->site.observation = (struct observation){
		.aggregate = &runner->aggregate,
		.capture = &runner->capture,
		.connections = runner->connections,
		.docker = runner->docker,
		.events = runner->events,
		.services = runner->services,
		.start_ns = runner->start_ns,
	};
	runner->site.refresh = refresh;
	runner->site.reload = reload;
	runner->site.context = runner;
}

static int start_watching(struct runner *runner)
{
	struct loop *loop = runner->loop;
	int error = loop_watch_signals(loop, on_signal, runner);

	if (!error)
		error = loop_watch(loop, server_fd(runner->server), LOOP_LEVEL, on_server, runner);
	if (!error)
		error = loop_watch(loop, docker_fd(runner->docker), LOOP_LEVEL, on_docker, runner);
	if (!error)
		error = loop_watch(loop, services_fd(runner->services), LOOP_LEVEL, on_processes, runner);
	/* By the edge: most events do not wake us, and a ring that is never empty would turn the loop without
	 * end. */
	if (!error)
		error = loop_watch(loop, events_fd(runner->events), LOOP_EDGE, on_events, runner);
	if (!error)
		error = loop_watch_clock(loop, DRAIN_NS, on_clock, runner);
	return error;
}

static int start(struct runner *runner)
{
	int error;

	raise_descriptor_limit();
	error = loop_new(&runner->loop);
	if (!error)
		error = start_server(runner);
	if (!error)
		error = capture_start(&runner->capture);
	if (!error)
		error = start_stages(runner);
	if (error)
		return error;
	start_site(runner);
	/* Docker first: names of containers before the processes in them. */
	services_tick(runner->services, true, monotonic_ns());
	error = listeners_scan(runner->listeners);
	if (error)
		return log_err(error, "cannot read /proc: %s", strerror(-error));
	return start_watching(runner);
}

static void stop(struct runner *runner)
{
	struct service *service;

	server_free(runner->server);
	docker_free(runner->docker);
	events_free(runner->events);
	connections_free(runner->connections);
	listeners_free(runner->listeners);
	for (service = runner->services ? services_first(runner->services) : NULL; service;
	     service = service->hh.next)
		service_stats_free(service->stats);
	services_free(runner->services);
	capture_stop(&runner->capture);
	config_free(runner->config);
	loop_free(runner->loop);
}

int run(const struct options *options)
{
	struct runner runner = {
		.options = options,
		.capture.cgroup_fd = -1,
		.start_ns = monotonic_ns(),
	};
	bool mistaken;
	int error;

	if (config_load(options->config_file, &runner.config))
		return 2;
	error = start(&runner);
	/* Of all that can go wrong only a bad listen address is the user's input. */
	mistaken = error == -EINVAL && !runner.server;
	while (!error && !runner.ended)
		error = turn(&runner);
	stop(&runner);
	return mistaken ? 2 : error ? 1 : 0;
}
