// SPDX-License-Identifier: Apache-2.0
// Keeps the table of running containers. Lists and events only say which one is worth a look; what the
// observer is told comes from an inspection, so that an event that comes twice or late does no harm.
#include "docker_containers.h"
#include "docker_http.h"
#include "docker_parse.h"
#include "log.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>
#include <xxhash.h>

enum {
	CONTAINERS_MAX = 10000,
	INSPECTIONS_MAX = 8, ///< under way at a time
	INSPECTION_TIMEOUT_MS = 5000,
	INSPECTION_SIZE_MAX = 8 << 20,
};

struct container {
	UT_hash_handle hh;
	struct container *prev, *next;     ///< in the queue
	struct docker_request *inspection; ///< under way
	uint64_t told;                     ///< hash of the facts that the observer has, 0 if it has none
	unsigned heard_of; ///< the newest list when this container was last in one, or had an event
	bool queued;
	bool current; ///< inspected since the last event and in this connection
	char id[DOCKER_ID_LEN + 1];
};

struct docker_containers {
	struct docker_observer observer;
	struct docker_http *http;
	struct container *by_id;
	struct container *queue; ///< due for inspection
	unsigned inspections;    ///< under way
	unsigned list;           ///< number of the newest list
	bool warned_of_limit;
};

struct docker_containers *docker_containers_new(struct docker_http *http,
						const struct docker_observer *observer)
{
	struct docker_containers *containers = calloc(1, sizeof(*containers));

	if (containers) {
		containers->http = http;
		containers->observer = *observer;
	}
	return containers;
}

static struct container *find(const struct docker_containers *containers, const char *id)
{
	struct container *container;

	HASH_FIND_STR(containers->by_id, id, container);
	return container;
}

/// The container of that id, new if need be; NULL when there is no room for another one.
static struct container *follow(struct docker_containers *containers, const char *id)
{
	struct container *container = find(containers, id);

	if (!container && HASH_COUNT(containers->by_id) < CONTAINERS_MAX) {
		container = calloc(1, sizeof(*container));
		if (container) {
			snprintf(container->id, sizeof(container->id), "%s", id);
			HASH_ADD_STR(containers->by_id, id, container);
		}
	}
	if (!container && !containers->warned_of_limit) {
		containers->warned_of_limit = true;
		log_warn("docker: following %u containers, the others stay unnamed",
			 HASH_COUNT(containers->by_id));
	}
	if (container)
		container->heard_of = containers->list;
	return container;
}

static void queue(struct docker_containers *containers, struct container *container)
{
	if (!container->queued)
		DL_APPEND(containers->queue, container);
	container->queued = true;
	container->current = false;
}

static void unqueue(struct docker_containers *containers, struct container *container)
{
	if (container->queued)
		DL_DELETE(containers->queue, container);
	container->queued = false;
}

static void give_up_inspection(struct docker_containers *containers, struct container *container)
{
	if (container->inspection)
		containers->inspections--;
	docker_request_free(containers->http, container->inspection);
	container->inspection = NULL;
}

static void drop(struct docker_containers *containers, struct container *container)
{
	unqueue(containers, container);
	give_up_inspection(containers, container);
	HASH_DEL(containers->by_id, container);
	free(container);
}

static void drop_gone(struct docker_containers *containers, struct container *container)
{
	if (container->told)
		containers->observer.on_gone(containers->observer.context, container->id);
	drop(containers, container);
}

void docker_containers_free(struct docker_containers *containers)
{
	struct container *container, *next;

	if (!containers)
		return;
	HASH_ITER (hh, containers->by_id, container, next)
		drop(containers, container);
	free(containers);
}

void docker_containers_begin_list(struct docker_containers *containers)
{
	containers->list++;
}

void docker_containers_listed(struct docker_containers *containers, const char *id)
{
	struct container *container = follow(containers, id);

	if (container && !container->current)
		queue(containers, container);
}

void docker_containers_end_list(struct docker_containers *containers)
{
	struct container *container, *next;

	HASH_ITER (hh, containers->by_id, container, next)
		if (container->heard_of != containers->list)
			drop_gone(containers, container);
}

void docker_containers_changed(struct docker_containers *containers, const char *id)
{
	struct container *container = follow(containers, id);

	if (container)
		queue(containers, container);
}

void docker_containers_gone(struct docker_containers *containers, const char *id)
{
	struct container *container = find(containers, id);

	if (container)
		drop_gone(containers, container);
}

/// An event that comes twice counts twice; that takes a connection that breaks within the second.
void docker_containers_oom(struct docker_containers *containers, const char *id)
{
	if (containers->observer.on_oom)
		containers->observer.on_oom(containers->observer.context, id);
}

int docker_containers_inspect(struct docker_containers *containers)
{
	struct container *container, *next;
	char path[sizeof("/containers//json") + DOCKER_ID_LEN];

	DL_FOREACH_SAFE(containers->queue, container, next)
	{
		if (containers->inspections == INSPECTIONS_MAX)
			break;
		if (container->inspection) // of before an event: its answer may be out of date, so another
					   // one follows
			continue;
		snprintf(path, sizeof(path), "/containers/%s/json", container->id);
		container->inspection = docker_http_get(containers->http, path, INSPECTION_SIZE_MAX,
							INSPECTION_TIMEOUT_MS, container);
		if (!container->inspection)
			return -ENOMEM;
		containers->inspections++;
		unqueue(containers, container);
	}
	return 0;
}

static void tell(struct docker_containers *containers, struct container *container,
		 const struct docker_container *facts)
{
	const char *const texts[] = {
		facts->name,
		facts->image,
		facts->service_label,
		facts->compose_service,
		facts->compose_project,
		facts->orchestrator_service,
	};
	const double numbers[] = {(double)facts->pid, facts->started_s, (double)facts->restarts};
	uint64_t hash = XXH3_64bits(numbers, sizeof(numbers));

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		hash = XXH3_64bits_withSeed(texts[i], strlen(texts[i]) + 1, hash);
	hash |= 1; // never the 0 of "not told"
	if (container->told != hash)
		containers->observer.on_container(containers->observer.context, facts);
	container->told = hash;
}

static int read_inspection(const struct docker_containers *containers, struct docker_request *request,
			   struct docker_inspection *ret_inspection, char *ret_trouble, size_t size)
{
	if (!docker_request_ok(containers->http, request, ret_trouble, size))
		return docker_request_status(request) ? -EREMOTEIO : -ETIMEDOUT;

	int err = docker_parse_inspection(request->body.data, request->body.len, ret_inspection);
	if (err)
		snprintf(ret_trouble, size, "the answer does not describe a container");
	return err;
}

int docker_containers_take(struct docker_containers *containers, struct docker_request *request,
			   char *ret_trouble, size_t size)
{
	struct container *container = request->owner;
	struct docker_inspection inspection = {.running = false};
	int err = 0;

	if (docker_request_status(request) != 404) // which is one more way not to run
		err = read_inspection(containers, request, &inspection, ret_trouble, size);
	give_up_inspection(containers, container);
	if (err)
		return err;
	container->current = !container->queued; // if not, the answer is out of date already
	if (container->current && inspection.running)
		tell(containers, container, &inspection.container);
	else if (container->current)
		drop_gone(containers, container);
	docker_inspection_free(&inspection);
	return 0;
}

void docker_containers_doubt(struct docker_containers *containers)
{
	struct container *container, *next;

	HASH_ITER (hh, containers->by_id, container, next) {
		unqueue(containers, container);
		give_up_inspection(containers, container);
		container->current = false;
	}
}

bool docker_containers_settled(const struct docker_containers *containers)
{
	return !containers->queue && !containers->inspections;
}

unsigned docker_containers_count(const struct docker_containers *containers)
{
	return HASH_COUNT(containers->by_id);
}
