// SPDX-License-Identifier: Apache-2.0
// Keeps processes, containers, places and services, and gives each exchange its service on its way to the
// aggregate.
#include "services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture.h"
#include "config.h"
#include "containers.h"
#include "docker.h"
#include "identity.h"
#include "log.h"
#include "maps.h"
#include "proc.h"

/* What a stranger can fill: services through names, held exchanges through a Docker that does not answer. */
#define SERVICES_MAX 1000
#define HELD_MAX 16384
#define HELD_TEXT_MAX 512

/* Docker names a container within milliseconds of its start. Past this we go by what the process says. */
#define NAMING_PATIENCE_NS 2000000000ULL

/* How long a service without process, listener or request is remembered. */
#define IDLE_PATIENCE_NS 60000000000ULL

struct process {
	pid_t pid;
	int pidfd;               ///< -1 if the kernel gave none
	struct service *service; ///< NULL while its container has no name
	uint64_t met_ns;
	char container_id[65];
	uint16_t port;      ///< one that it was first met at; the configuration may ask for it
	struct place place; ///< the last one that an exchange came from
	UT_hash_handle hh;
};

/* A port of a network namespace and a cgroup: where the kernel counts, and who answers there when nobody was
 * seen to. */
struct place_entry {
	struct place place;
	uint32_t index; ///< 0: the kernel's table is full
	struct service *service;
	UT_hash_handle hh;
};

struct held {
	struct held *next;
	struct exchange exchange;
	char text[HELD_TEXT_MAX];
};

struct services {
	struct services_options options;
	struct service *table;
	struct process *processes;
	struct place_entry *places;
	struct containers containers;
	struct held *held_first, **held_last;
	unsigned held_count;
	uint32_t next_index;
	int epoll_fd;
	bool docker_answers;
	uint64_t now_ns;
	struct service_losses losses;
};

int services_new(const struct services_options *options, struct services **ret_services)
{
	struct services *services = calloc(1, sizeof(*services));

	if (!services)
		return -ENOMEM;
	services->options = *options;
	services->held_last = &services->held_first;
	services->next_index = 1;
	services->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (services->epoll_fd < 0) {
		free(services);
		return -errno;
	}
	*ret_services = services;
	return 0;
}

static void process_remove(struct services *services, struct process *process)
{
	if (process->service)
		process->service->processes--;
	if (process->pidfd >= 0)
		close(process->pidfd); /* leaves the epoll set with it */
	HASH_DEL(services->processes, process);
	free(process);
}

void services_free(struct services *services)
{
	struct process *process, *next_process;
	struct place_entry *place, *next_place;
	struct service *service, *next_service;
	struct held *next_held;

	if (!services)
		return;
	HASH_ITER (hh, services->processes, process, next_process)
		process_remove(services, process);
	HASH_ITER (hh, services->places, place, next_place) {
		HASH_DEL(services->places, place);
		free(place);
	}
	HASH_ITER (hh, services->table, service, next_service) {
		HASH_DEL(services->table, service);
		free(service);
	}
	for (struct held *held = services->held_first; held; held = next_held) {
		next_held = held->next;
		free(held);
	}
	containers_free(&services->containers);
	close(services->epoll_fd);
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

/* Without a descriptor for it (too many) the process is kept until its number is met again or its container
 * ends. */
static void watch_end(struct services *services, struct process *process)
{
	struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = process->pid};

	process->pidfd = syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd >= 0)
		epoll_ctl(services->epoll_fd, EPOLL_CTL_ADD, process->pidfd, &wanted);
}

static struct process *process_new(struct services *services, pid_t pid, uint16_t port)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->pid = pid;
	process->port = port;
	process->met_ns = services->now_ns;
	HASH_ADD_INT(services->processes, pid, process);
	watch_end(services, process);
	proc_container(pid, process->container_id);
	return process;
}

/* NULL if it is gone: then nothing is kept that a later process of its number could be taken for. */
static struct process *process_get(struct services *services, pid_t pid, uint16_t port)
{
	struct process *process = NULL;

	HASH_FIND_INT(services->processes, &pid, process);
	if (!process)
		process = process_new(services, pid, port);
	if (!process || process->service || process_resolve(services, process))
		return process;
	process_remove(services, process);
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
	struct process *process = NULL;

	HASH_FIND_INT(services->processes, &pid, process);
	if (process)
		process_remove(services, process);
}

static struct place place_of(const struct exchange *exchange)
{
	return (struct place){
		.cgroup = exchange->cgroup,
		.netns = exchange->netns,
		.port = exchange->local_port,
	};
}

static struct place_entry *place_get(struct services *services, const struct place *place)
{
	struct place_entry *entry = NULL;

	HASH_FIND(hh, services->places, place, sizeof(*place), entry);
	if (entry || HASH_COUNT(services->places) >= PLACES_MAX)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->place = *place;
	HASH_ADD(hh, services->places, place, sizeof(entry->place), entry);
	if (services->options.capture && services->next_index < PLACES_MAX &&
	    !capture_place(services->options.capture, place, services->next_index))
		entry->index = services->next_index++;
	return entry;
}

void services_note_place(struct services *services, const struct place *place, struct service *service)
{
	struct place_entry *entry = place_get(services, place);

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
	entry = place_get(services, &place);
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
	entry = place_get(services, &place);
	if (entry && entry->service)
		return entry->service;
	return service_get(services, "(unknown)", "");
}

static void hold(struct services *services, const struct exchange *exchange)
{
	struct held *held = services->held_count < HELD_MAX ? malloc(sizeof(*held)) : NULL;
	size_t method = exchange->method.len < 32 ? exchange->method.len : 32;
	size_t target =
		exchange->target.len < HELD_TEXT_MAX - method ? exchange->target.len : HELD_TEXT_MAX - method;

	if (!held) {
		services->losses.held_too_many++;
		return;
	}
	held->next = NULL;
	held->exchange = *exchange;
	memcpy(held->text, exchange->method.data, method);
	memcpy(held->text + method, exchange->target.data, target);
	held->exchange.method = (struct slice){held->text, method};
	held->exchange.target = (struct slice){held->text + method, target};
	*services->held_last = held;
	services->held_last = &held->next;
	services->held_count++;
}

void services_on_exchange(void *context, const struct exchange *exchange)
{
	struct services *services = context;
	struct service *service = service_find(services, exchange);

	if (!service)
		hold(services, exchange);
	else if (!service->hidden)
		services->options.on_exchange(services->options.context, service, exchange);
}

/* Try again what was held; what cannot be named yet is held again. */
static void release_held(struct services *services)
{
	struct held *held = services->held_first, *next;

	services->held_first = NULL;
	services->held_last = &services->held_first;
	services->held_count = 0;
	for (; held; held = next) {
		next = held->next;
		services_on_exchange(services, &held->exchange);
		free(held);
	}
}

static void forget_container(struct services *services, const char *id)
{
	struct process *process, *next;

	HASH_ITER (hh, services->processes, process, next)
		if (!strcmp(process->container_id, id))
			process_remove(services, process);
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
	HASH_ITER (hh, services->processes, process, next)
		process_remove(services, process);
	HASH_ITER (hh, services->table, service, next_service) {
		service->routes = NULL;
		service->routes_len = 0;
	}
}

int services_fd(const struct services *services)
{
	return services->epoll_fd;
}

void services_run(struct services *services)
{
	struct epoll_event ended[64];
	int count = epoll_wait(services->epoll_fd, ended, 64, 0);

	for (int i = 0; i < count; i++)
		services_forget_process(services, ended[i].data.u64);
}

/* Places whose service is gone make room, in the kernel too. */
static void forget_places(struct services *services, const struct service *service)
{
	struct place_entry *entry, *next;

	HASH_ITER (hh, services->places, entry, next) {
		if (entry->service != service)
			continue;
		entry->service = NULL;
	}
}

void services_tick(struct services *services, bool docker_answers, uint64_t now_ns)
{
	struct service *service, *next;

	services->docker_answers = docker_answers;
	services->now_ns = now_ns;
	if (services->held_first)
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
		forget_places(services, service);
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
	struct place_entry *entry, *next;
	struct traffic traffic;

	*ret_in_flight = 0;
	*ret_bytes = 0;
	HASH_ITER (hh, services->places, entry, next) {
		if (entry->service != service || !entry->index || !services->options.capture ||
		    capture_traffic(services->options.capture, entry->index, &traffic))
			continue;
		/* The CPUs' sums are read one after the other: a request may have ended in between. */
		if (traffic.arrived > traffic.ended)
			*ret_in_flight += traffic.arrived - traffic.ended;
		*ret_bytes += traffic.bytes_in + traffic.bytes_out;
	}
}

const struct service_losses *services_losses(const struct services *services)
{
	return &services->losses;
}
