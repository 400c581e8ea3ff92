// SPDX-License-Identifier: Apache-2.0
// Keeps processes, containers, places and services, and gives each exchange its service on its way to the
// aggregate.
#include "services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "containers.h"
#include "docker.h"
#include "held.h"
#include "identity.h"
#include "maps.h"
#include "places.h"
#include "processes.h"

/* Docker names a container within milliseconds of its start. Past this we go by what the process says. */
#define NAMING_PATIENCE_NS 2000000000ULL

struct services {
	struct services_options options;
	struct service *table;
	struct processes processes;
	struct places places;
	struct containers containers;
	struct held_queue held;
	unsigned renamings;
	bool docker_answers;
	unsigned naming;
	uint64_t now_ns;
	struct service_losses losses;
};

int services_new(const struct services_options *options, struct services **ret_services)
{
	struct services *services = calloc(1, sizeof(*services));
	int error;

	if (!services)
		return -ENOMEM;
	services->options = *options;
	services->places.capture = options->capture;
	held_init(&services->held);
	error = processes_init(&services->processes);
	if (error) {
		free(services);
		return error;
	}
	*ret_services = services;
	return 0;
}

void services_free(struct services *services)
{
	struct service *service, *next;

	if (!services)
		return;
	processes_free(&services->processes);
	places_free(&services->places);
	HASH_ITER (hh, services->table, service, next)
		service_remove(&services->table, service);
	held_free(&services->held);
	containers_free(&services->containers);
	free(services);
}

static bool is_past_limit(const struct service *service, const struct identity *identity)
{
	return !strcmp(service->name, SERVICE_PAST_LIMIT) && strcmp(identity->name, SERVICE_PAST_LIMIT) != 0;
}

/* Finds out who the process is; false if it is gone. Leaves process->service NULL while its container's name
 * is on its way. */
static bool process_resolve(struct services *services, struct process *process)
{
	const struct container *container = NULL;
	struct identity identity;

	if (process->container_id[0]) {
		container = containers_find(&services->containers, process->container_id);
		if (!container && services->docker_answers &&
		    services->now_ns - process->met_ns < NAMING_PATIENCE_NS)
			return true;
	}
	if (!identity_find(process->pid, container, services->options.config, process->ports,
			   process->ports_len, &identity))
		return false;
	process->service = service_get(&services->table, identity.name, container ? container->name : "");
	if (!process->service)
		return true;
	services->losses.processes_past_limit += is_past_limit(process->service, &identity);
	process->service->processes++;
	services->renamings += process->was && process->was != process->service;
	process->was = NULL;
	service_describe(process->service, services->options.config, &identity, container);
	if (process->pid == getpid())
		process->service->hidden = true;
	return true;
}

static bool is_port_asked_for(const struct config *config, uint16_t port)
{
	for (unsigned i = 0; config && i < config->services_len; i++)
		if (config->services[i].match.port == port)
			return true;
	return false;
}

/* NULL if it is gone: then nothing is kept that a later process of its number could be taken for. */
static struct process *process_get(struct services *services, pid_t pid, uint16_t port)
{
	struct process *process = processes_find(&services->processes, pid);

	if (!process)
		process = processes_add(&services->processes, pid, services->now_ns);
	if (process && process_meet(process, port) && is_port_asked_for(services->options.config, port))
		process_rename(process);
	if (!process || process->service || process_resolve(services, process))
		return process;
	processes_remove(&services->processes, process);
	return NULL;
}

struct service *services_of_process(struct services *services, pid_t pid, uint16_t port)
{
	struct process *process = process_get(services, pid, port);

	return process ? process->service : NULL;
}

void services_forget_process(struct services *services, pid_t pid)
{
	struct process *process = processes_find(&services->processes, pid);

	if (process)
		process_rename(process);
}

static struct place place_of(const struct exchange *exchange)
{
	return (struct place){
		.cgroup = exchange->cgroup,
		.netns = exchange->netns,
		.port = exchange->local_port,
	};
}

void services_note_place(struct services *services, const struct place *place, struct service *service)
{
	struct place_entry *entry = places_get(&services->places, place, services->now_ns);

	if (entry)
		entry->service = service;
}

/* Remember who serves at this place. Nearly always it is who served the last exchange there. */
static void place_note(struct services *services, struct process *process, const struct exchange *exchange)
{
	struct place place = place_of(exchange);
	struct place_entry *entry;

	if (!memcmp(&process->place, &place, sizeof(place)))
		return;
	process->place = place;
	entry = places_get(&services->places, &place, services->now_ns);
	if (entry)
		entry->service = process->service;
}

/* Who read the request; where that was not seen, or is gone, who else serves at the same place. */
struct service *services_find(struct services *services, const struct exchange *exchange)
{
	struct process *process =
		exchange->tgid ? process_get(services, exchange->tgid, exchange->local_port) : NULL;
	struct place place = place_of(exchange);
	struct place_entry *entry;

	if (process && process->service) {
		place_note(services, process, exchange);
		return process->service;
	}
	if (process)
		return NULL;
	entry = places_get(&services->places, &place, services->now_ns);
	if (entry && entry->service)
		return entry->service;
	return service_get(&services->table, "(unknown)", "");
}

void services_on_exchange(void *context, const struct exchange *exchange)
{
	struct services *services = context;
	struct service *service = services_find(services, exchange);

	if (!service)
		services->losses.held_too_many += !held_push(&services->held, exchange);
	if (!service || service->hidden)
		return;
	service->idle_since_ns = 0;
	services->options.on_exchange(services->options.context, service, exchange);
}

/* Try again what was held; what cannot be named yet is held again. */
static void release_held(struct services *services)
{
	held_release(&services->held, services_on_exchange, services);
}

static void rename_container(struct services *services, const char *id)
{
	struct process *process, *next;

	HASH_ITER (hh, services->processes.table, process, next) {
		if (strcmp(process->container_id, id) != 0)
			continue;
		process_rename(process);
		if (!process_resolve(services, process))
			processes_remove(&services->processes, process);
	}
}

void services_on_container(void *context, const struct docker_container *facts)
{
	struct services *services = context;

	if (!containers_put(&services->containers, facts))
		return;
	rename_container(services, facts->id);
	release_held(services);
}

void services_on_gone(void *context, const char *container_id)
{
	struct services *services = context;

	/* Its last exchanges may still be in the ring: they go by the processes that are known. */
	containers_remove(&services->containers, container_id);
}

void services_configure(struct services *services, const struct config *config)
{
	struct process *process, *next;
	struct service *service, *next_service;

	services->options.config = config;
	services->naming++;
	HASH_ITER (hh, services->processes.table, process, next)
		process_rename(process);
	HASH_ITER (hh, services->table, service, next_service) {
		service->routes = NULL;
		service->routes_len = 0;
	}
}

int services_fd(const struct services *services)
{
	return services->processes.epoll_fd;
}

void services_run(struct services *services)
{
	processes_remove_ended(&services->processes);
}

void services_tick(struct services *services, bool docker_answers, uint64_t now_ns)
{
	struct service *service, *next;

	services->docker_answers = docker_answers;
	services->now_ns = now_ns;
	release_held(services);
	HASH_ITER (hh, services->table, service, next) {
		if (!service_is_over(service, now_ns))
			continue;
		services->options.on_over(services->options.context, service);
		places_forget_service(&services->places, service);
		service_remove(&services->table, service);
	}
}

struct service *services_first(const struct services *services)
{
	return services->table;
}

const struct container *services_first_container(const struct services *services)
{
	return services->containers.table;
}

const struct container *services_container(const struct services *services, const char *id)
{
	return containers_find(&services->containers, id);
}

struct process *services_first_process(const struct services *services)
{
	return services->processes.table;
}

bool services_identify(const struct services *services, const struct container *container,
		       struct identity *ret_identity)
{
	return identity_find(container->pid, container, services->options.config, NULL, 0, ret_identity);
}

unsigned services_naming(const struct services *services)
{
	return services->naming;
}

void services_traffic(const struct services *services, const struct service *service, uint64_t *ret_in_flight,
		      uint64_t *ret_bytes)
{
	places_traffic(&services->places, service, ret_in_flight, ret_bytes);
}

unsigned services_renamings(const struct services *services)
{
	return services->renamings;
}

const struct service_losses *services_losses(const struct services *services)
{
	return &services->losses;
}
