// SPDX-License-Identifier: Apache-2.0
// Keeps processes, containers, places and services, and gives each exchange its service on its way to the
// aggregate.
#include "services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "config.h"
#include "containers.h"
#include "docker.h"
#include "held.h"
#include "identity.h"
#include "log.h"
#include "maps.h"
#include "places.h"
#include "processes.h"

/* A stranger can fill this through names. */
#define SERVICES_MAX 1000

/* Docker names a container within milliseconds of its start. Past this we go by what the process says. */
#define NAMING_PATIENCE_NS 2000000000ULL

/* How long a service without process, listener or request is remembered. */
#define IDLE_PATIENCE_NS 60000000000ULL

struct services {
	struct services_options options;
	struct service *table;
	struct processes processes;
	struct places places;
	struct containers containers;
	struct held_queue held;
	bool docker_answers;
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
	HASH_ITER (hh, services->table, service, next) {
		HASH_DEL(services->table, service);
		free(service);
	}
	held_free(&services->held);
	containers_free(&services->containers);
	free(services);
}

/* Both labels, one behind the other, are the key; the rest of each is zero. */
#define SERVICE_KEY_LEN (2 * SERVICE_LABEL_MAX)

static struct service *service_get(struct services *services, const char *name, const char *container)
{
	struct service *service = NULL, *fresh = calloc(1, sizeof(*fresh));

	if (!fresh)
		return NULL;
	snprintf(fresh->name, sizeof(fresh->name), "%s", name);
	snprintf(fresh->container, sizeof(fresh->container), "%s", container);
	HASH_FIND(hh, services->table, fresh->name, SERVICE_KEY_LEN, service);
	if (service) {
		free(fresh);
		return service;
	}
	if (HASH_COUNT(services->table) >= SERVICES_MAX && strcmp(name, "(other)")) {
		free(fresh);
		return service_get(services, "(other)", "");
	}
	HASH_ADD(hh, services->table, name, SERVICE_KEY_LEN, fresh);
	return fresh;
}

static void service_describe(struct services *services, struct service *service,
			     const struct identity *identity, const struct container *container)
{
	const struct config *config = services->options.config;
	const struct config_service *configured = identity->configured;

	service->runtime = identity->program.runtime;
	memcpy(service->runtime_version, identity->program.runtime_version, sizeof(service->runtime_version));
	if (container) {
		memcpy(service->image, container->image, sizeof(service->image));
		snprintf(service->compose_project, sizeof(service->compose_project), "%s",
			 container->compose_project);
	}
	for (unsigned i = 0; !configured && config && i < config->services_len; i++)
		if (!strcmp(config->services[i].name, service->name) && config->services[i].routes_len)
			configured = &config->services[i];
	service->routes = configured ? configured->routes : NULL;
	service->routes_len = configured ? configured->routes_len : 0;
	service->hidden = identity->plumbing;
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
	if (!identity_find(process->pid, container, services->options.config, process->port, &identity))
		return false;
	process->service = service_get(services, identity.name, container ? container->name : "");
	if (!process->service)
		return true;
	process->service->processes++;
	service_describe(services, process->service, &identity, container);
	if (process->pid == getpid())
		process->service->hidden = true;
	return true;
}

/* NULL if it is gone: then nothing is kept that a later process of its number could be taken for. */
static struct process *process_get(struct services *services, pid_t pid, uint16_t port)
{
	struct process *process = processes_find(&services->processes, pid);

	if (!process)
		process = processes_add(&services->processes, pid, port, services->now_ns);
	if (!process || process->service || process_resolve(services, process))
		return process;
	processes_remove(&services->processes, process);
	return NULL;
}

struct service *services_of_process(struct services *services, pid_t pid)
{
	return services_of_listener(services, pid, 0);
}

struct service *services_of_listener(struct services *services, pid_t pid, uint16_t port)
{
	struct process *process = process_get(services, pid, port);

	return process ? process->service : NULL;
}

void services_forget_process(struct services *services, pid_t pid)
{
	struct process *process = processes_find(&services->processes, pid);

	if (process)
		processes_remove(&services->processes, process);
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
static struct service *service_find(struct services *services, const struct exchange *exchange)
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
	return service_get(services, "(unknown)", "");
}

void services_on_exchange(void *context, const struct exchange *exchange)
{
	struct services *services = context;
	struct service *service = service_find(services, exchange);

	if (!service)
		services->losses.held_too_many += !held_push(&services->held, exchange);
	else if (!service->hidden)
		services->options.on_exchange(services->options.context, service, exchange);
}

/* Try again what was held; what cannot be named yet is held again. */
static void release_held(struct services *services)
{
	held_release(&services->held, services_on_exchange, services);
}

static void forget_container(struct services *services, const char *id)
{
	struct process *process, *next;

	HASH_ITER (hh, services->processes.table, process, next)
		if (!strcmp(process->container_id, id))
			processes_remove(&services->processes, process);
}

void services_on_container(void *context, const struct docker_container *facts)
{
	struct services *services = context;

	if (!containers_put(&services->containers, facts))
		return;
	/* Its processes may be called otherwise now. */
	forget_container(services, facts->id);
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
	HASH_ITER (hh, services->processes.table, process, next)
		processes_remove(&services->processes, process);
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
		if (service->stats || service->listeners || service->processes) {
			service->idle_since_ns = 0;
			continue;
		}
		/* The last of its connections may outlive its process. */
		if (!service->idle_since_ns)
			service->idle_since_ns = now_ns;
		if (now_ns - service->idle_since_ns < IDLE_PATIENCE_NS)
			continue;
		places_forget_service(&services->places, service);
		HASH_DEL(services->table, service);
		free(service);
	}
}

struct service *services_first(const struct services *services)
{
	return services->table;
}

void services_traffic(const struct services *services, const struct service *service, uint64_t *ret_in_flight,
		      uint64_t *ret_bytes)
{
	places_traffic(&services->places, service, ret_in_flight, ret_bytes);
}

const struct service_losses *services_losses(const struct services *services)
{
	return &services->losses;
}
