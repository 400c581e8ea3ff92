// SPDX-License-Identifier: Apache-2.0
// What is known of containers, by id. Bounded by what docker.c follows.
#include "containers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docker.h"

static void set(char *field, size_t size, const char *value, bool *changed)
{
	if (!strncmp(field, value, size - 1) && strlen(field) == strnlen(value, size - 1))
		return;
	snprintf(field, size, "%s", value);
	*changed = true;
}

bool containers_put(struct containers *containers, const struct docker_container *facts)
{
	struct container *container = NULL;
	bool changed = false;

	if (strlen(facts->id) != 64)
		return false;
	HASH_FIND_STR(containers->table, facts->id, container);
	if (!container) {
		container = calloc(1, sizeof(*container));
		if (!container)
			return false;
		memcpy(container->id, facts->id, 65);
		HASH_ADD_STR(containers->table, id, container);
		changed = true;
	}
	set(container->name, sizeof(container->name), facts->name, &changed);
	set(container->image, sizeof(container->image), facts->image, &changed);
	set(container->service_label, sizeof(container->service_label), facts->service_label, &changed);
	set(container->compose_service, sizeof(container->compose_service), facts->compose_service, &changed);
	set(container->compose_project, sizeof(container->compose_project), facts->compose_project, &changed);
	set(container->orchestrator_service, sizeof(container->orchestrator_service),
	    facts->orchestrator_service, &changed);
	container->started_s = facts->started_s;
	container->pid = facts->pid;
	container->restarts = facts->restarts;
	container->version += changed;
	return changed;
}

const struct container *containers_find(const struct containers *containers, const char *id)
{
	struct container *container = NULL;

	HASH_FIND_STR(containers->table, id, container);
	return container;
}

void containers_remove(struct containers *containers, const char *id)
{
	struct container *container = (struct container *)containers_find(containers, id);

	if (!container)
		return;
	HASH_DEL(containers->table, container);
	free(container);
}

void containers_free(struct containers *containers)
{
	struct container *container, *next;

	HASH_ITER (hh, containers->table, container, next) {
		HASH_DEL(containers->table, container);
		free(container);
	}
}
