// SPDX-License-Identifier: Apache-2.0
// Keeps services by their labels, as many as there may be and as long as there is a reason to. services.c
// decides which one an exchange belongs to.
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "containers.h"
#include "identity.h"

/* How long a service without process or listener is remembered; from the last request on, if it had any. By
 * then everybody who scrapes has seen its last sums, and who comes again begins at zero, as counters may. */
#define IDLE_PATIENCE_NS 60000000000ULL
#define SERVED_PATIENCE_NS 300000000000ULL

/* Both labels, one behind the other, are the key; the rest of each is zero. */
#define SERVICE_KEY_LEN (2 * SERVICE_LABEL_MAX)

struct service *service_get(struct service **table, const char *name, const char *container)
{
	struct service *service = NULL, *fresh = calloc(1, sizeof(*fresh));

	if (!fresh)
		return NULL;
	snprintf(fresh->name, sizeof(fresh->name), "%s", name);
	snprintf(fresh->container, sizeof(fresh->container), "%s", container);
	HASH_FIND(hh, *table, fresh->name, SERVICE_KEY_LEN, service);
	if (service) {
		free(fresh);
		return service;
	}
	if (HASH_COUNT(*table) >= SERVICES_MAX && strcmp(name, SERVICE_PAST_LIMIT)) {
		free(fresh);
		return service_get(table, SERVICE_PAST_LIMIT, "");
	}
	HASH_ADD(hh, *table, name, SERVICE_KEY_LEN, fresh);
	return fresh;
}

void service_remove(struct service **table, struct service *service)
{
	HASH_DEL(*table, service);
	free(service->figures);
	free(service->websockets);
	free(service);
}

void service_describe(struct service *service, const struct config *config, const struct identity *identity,
		      const struct container *container)
{
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

bool service_is_over(struct service *service, uint64_t now_ns)
{
	if (service->listeners || service->processes) {
		service->idle_since_ns = 0;
		return false;
	}
	/* The last of its connections may outlive its process. */
	if (!service->idle_since_ns)
		service->idle_since_ns = now_ns;
	return now_ns - service->idle_since_ns >= (service->stats ? SERVED_PATIENCE_NS : IDLE_PATIENCE_NS);
}
