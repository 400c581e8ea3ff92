// SPDX-License-Identifier: Apache-2.0
// The command `run`: starts the loop, the server and the pipeline, and turns the loop until a signal ends it.
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "config.h"
#include "docker.h"
#include "endpoints.h"
#include "inventory.h"
#include "log.h"
#include "loop.h"
#include "monotonic.h"
#include "options.h"
#include "pipeline.h"
#include "server.h"

#define DEFAULT_LISTEN_ADDRESS "127.0.0.1:10707"

/* The kernel wakes us only when a burst fills an eighth of a ring; what else there is waits this long. */
#define DRAIN_NS 50000000

/* How long readiness waits for Docker's list of containers. */
#define DISCOVERY_PATIENCE_NS 5000000000ULL

struct runner {
	const struct options *options;
	struct config *config;
	struct loop *loop;
	struct server *server;
	struct pipeline pipeline;
	struct site site;
	uint64_t start_ns;
	uint64_t last_tick_s;
	bool ended;
};

static int reload(void *context)
{
	struct runner *runner = context;
	struct config *fresh;
	int error = config_load(runner->options->config_file, &fresh);

	if (error)
		return error;
	pipeline_configure(&runner->pipeline, fresh);
	config_free(runner->config);
	runner->config = fresh;
	log_info("configuration reloaded");
	return 0;
}

static void refresh(void *context)
{
	pipeline_drain(&((struct runner *)context)->pipeline);
}

static void tick(struct runner *runner, uint64_t now_ns)
{
	const struct docker *docker = runner->pipeline.docker;

	runner->last_tick_s = now_ns / 1000000000;
	pipeline_tick(&runner->pipeline, now_ns);
	if (!runner->site.ready &&
	    (docker_listed(docker) || now_ns - runner->start_ns > DISCOVERY_PATIENCE_NS)) {
		runner->site.ready = true;
		inventory_print(&runner->site.observation);
		log_info("ready");
	}
}

/* What the loop waits for, beside the pipeline's own. */

static void on_clock(void *context)
{
	struct runner *runner = context;
	uint64_t now_ns;

	pipeline_drain(&runner->pipeline);
	now_ns = monotonic_ns();
	if (now_ns / 1000000000 != runner->last_tick_s || !runner->site.ready)
		tick(runner, now_ns);
	else
		pipeline_idle(&runner->pipeline);
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

static int turn(struct runner *runner)
{
	int count = loop_turn(runner->loop, server_timeout_ms(runner->server));

	if (!count)
		server_run(runner->server);
	return count < 0 ? count : 0;
}

/* Start; the first that fails has said why. */

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

static void start_site(struct runner *runner)
{
	runner->site.observation = pipeline_observation(&runner->pipeline);
	runner->site.observation.start_ns = runner->start_ns;
	runner->site.refresh = refresh;
	runner->site.reload = reload;
	runner->site.context = runner;
}

static int start_watching(struct runner *runner)
{
	int error = loop_watch_signals(runner->loop, on_signal, runner);

	if (!error)
		error = loop_watch(runner->loop, server_fd(runner->server), LOOP_LEVEL, on_server, runner);
	if (!error)
		error = pipeline_watch(&runner->pipeline, runner->loop);
	if (!error)
		error = loop_watch_clock(runner->loop, DRAIN_NS, on_clock, runner);
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
		error = pipeline_start(&runner->pipeline, runner->config, runner->options->docker_socket);
	if (error)
		return error;
	start_site(runner);
	return start_watching(runner);
}

static void stop(struct runner *runner)
{
	server_free(runner->server);
	pipeline_stop(&runner->pipeline);
	config_free(runner->config);
	loop_free(runner->loop);
}

int run(const struct options *options)
{
	struct runner runner = {
		.options = options,
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
