// SPDX-License-Identifier: Apache-2.0
// Keeps the workloads in step with Docker's containers and the processes that services.c knows, and knows
// which cgroups are theirs.
#include "workloads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "cgroup.h"
#include "cgroup_owners.h"
#include "containers.h"
#include "identity.h"
#include "maps.h"
#include "monotonic.h"
#include "ooms.h"
#include "proc.h"
#include "processes.h"
#include "services.h"
#include "waits.h"

#define WORKLOADS_MAX 10000

struct workloads {
	struct services *services;
	struct capture *capture;
	struct cgroup_mounts mounts;
	struct workload *table;
	struct cgroup_owners owners;
	struct ooms ooms;
	uint64_t lost;
	double boot_s; ///< when CLOCK_BOOTTIME began, since the epoch
	char own_container[65];
	unsigned round, measurement;
};

static double real_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double boot_time(void)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (double)(real.tv_sec - boot.tv_sec) + (double)(real.tv_nsec - boot.tv_nsec) / 1e9;
}

int workloads_new(struct services *services, struct capture *capture, struct workloads **ret_workloads)
{
	struct workloads *workloads = calloc(1, sizeof(*workloads));

	if (!workloads)
		return -ENOMEM;
	workloads->services = services;
	workloads->capture = capture;
	workloads->boot_s = boot_time();
	proc_container(getpid(), workloads->own_container);
	cgroup_mounts_open(&workloads->mounts, capture->cgroup_fd);
	cgroup_owners_init(&workloads->owners, capture);
	*ret_workloads = workloads;
	return 0;
}

static struct workload *find_workload(const struct workloads *workloads, const char *key)
{
	struct workload *workload;

	HASH_FIND_STR(workloads->table, key, workload);
	return workload;
}

/* The table. */

static void free_workload(struct workload *workload)
{
	if (!workload)
		return;
	cgroup_paths_free(&workload->paths);
	free(workload->key);
	free(workload);
}

/* Takes the paths. */
static struct workload *add_workload(struct workloads *workloads, const char *key, struct cgroup_paths *paths)
{
	struct workload *workload =
		HASH_COUNT(workloads->table) < WORKLOADS_MAX ? calloc(1, sizeof(*workload)) : NULL;

	if (workload)
		workload->key = strdup(key);
	if (!workload || !workload->key) {
		workloads->lost++;
		cgroup_paths_free(paths);
		free_workload(workload);
		return NULL;
	}
	workload->paths = *paths;
	*paths = (struct cgroup_paths){0};
	workload->restarts = -1;
	workload->run_queue_ns = UINT64_MAX;
	workload->cgroup = cgroup_paths_id(&workloads->mounts, &workload->paths);
	HASH_ADD_KEYPTR(hh, workloads->table, workload->key, strlen(workload->key), workload);
	if (workload->cgroup)
		cgroup_owners_add(&workloads->owners, workload->cgroup, workload);
	return workload;
}

static void remove_workload(struct workloads *workloads, struct workload *workload)
{
	ooms_end(&workloads->ooms, workload->key);
	cgroup_owners_remove_of(&workloads->owners, workload);
	HASH_DEL(workloads->table, workload);
	free_workload(workload);
}

void workloads_free(struct workloads *workloads)
{
	struct workload *workload, *next;

	if (!workloads)
		return;
	HASH_ITER (hh, workloads->table, workload, next)
		remove_workload(workloads, workload);
	cgroup_owners_remove_of(&workloads->owners, NULL);
	ooms_free(&workloads->ooms);
	cgroup_mounts_close(&workloads->mounts);
	free(workloads);
}

/* Containers. */

static void set_text(char *field, size_t size, const char *text)
{
	if (strcmp(field, text) != 0)
		snprintf(field, size, "%s", text);
}

/* By its init process. A process of it that serves goes before (name_by_process): the configuration may know
 * that by its program or port. */
static void name_container(const struct workloads *workloads, struct workload *workload,
			   const struct container *container)
{
	unsigned naming = services_naming(workloads->services);
	struct identity identity;

	if (workload->service[0] && workload->version == container->version && workload->naming == naming)
		return;
	if (!services_identify(workloads->services, container, &identity))
		snprintf(identity.name, sizeof(identity.name), "%s", container->name);
	set_text(workload->service, sizeof(workload->service), identity.name);
	set_text(workload->container, sizeof(workload->container), container->name);
	set_text(workload->image, sizeof(workload->image), container->image);
	workload->version = container->version;
	workload->naming = naming;
}

static void refresh_container(struct workloads *workloads, const struct container *container)
{
	struct workload *workload = find_workload(workloads, container->id);
	struct cgroup_paths paths = {0};

	if (workload && workload->pid != container->pid) { /* it was started again */
		remove_workload(workloads, workload);
		workload = NULL;
	}
	if (!workload && container->pid && cgroup_paths_of_container(container->pid, container->id, &paths)) {
		workload = add_workload(workloads, container->id, &paths);
		ooms_begin(&workloads->ooms, container->id, container->started_s);
	}
	if (!workload)
		return;
	workload->round = workloads->round;
	workload->pid = container->pid;
	workload->started_s = container->started_s;
	workload->restarts = container->restarts;
	workload->shown = strcmp(container->id, workloads->own_container) != 0;
	name_container(workloads, workload, container);
}

void workloads_on_container(struct workloads *workloads, const char *id)
{
	const struct container *container = services_container(workloads->services, id);

	if (container)
		refresh_container(workloads, container);
}

void workloads_on_gone(struct workloads *workloads, const char *id)
{
	struct workload *workload = find_workload(workloads, id);

	if (workload)
		remove_workload(workloads, workload);
}

void workloads_on_oom(struct workloads *workloads, const char *container_id)
{
	ooms_tell(&workloads->ooms, container_id, find_workload(workloads, container_id) != NULL,
		  real_time());
}

uint64_t workloads_ooms(struct workloads *workloads, const struct workload *workload, uint64_t in_cgroup)
{
	return workload->container[0] ? ooms_total(&workloads->ooms, workload->key, in_cgroup) : in_cgroup;
}

static bool runs(void *context, const char *container_id)
{
	return find_workload(context, container_id) != NULL;
}

/* Units. */

static struct workload *unit_of(struct workloads *workloads, const struct process *process)
{
	struct cgroup_paths paths = {0};
	struct workload *workload = NULL;
	const char *key = NULL;

	if (process->container_id[0] || !cgroup_paths_of_unit(process->pid, &paths))
		return NULL;
	for (unsigned i = 0; i < CGROUP_HIERARCHIES && !key; i++)
		key = paths.paths[i];
	workload = find_workload(workloads, key);
	if (!workload)
		return add_workload(workloads, key, &paths);
	cgroup_paths_free(&paths);
	return workload;
}

/* The first that was met names its container or unit, as long as it lives. */
static void name_by_process(const struct workloads *workloads, struct workload *workload,
			    const struct service *service)
{
	if (service->hidden || workload->named_by_process == workloads->round)
		return;
	workload->named_by_process = workloads->round;
	set_text(workload->service, sizeof(workload->service), service->name);
}

static void refresh_process(struct workloads *workloads, struct process *process)
{
	struct workload *workload;

	if (!process->service)
		return;
	if (process->container_id[0]) {
		workload = find_workload(workloads, process->container_id);
		if (workload)
			name_by_process(workloads, workload, process->service);
		return;
	}
	if (!process->unit_known)
		process->unit = unit_of(workloads, process);
	process->unit_known = true;
	workload = process->unit;
	if (!workload)
		return;
	if (workload->round != workloads->round)
		workload->shown = false;
	workload->round = workloads->round;
	workload->pid = process->pid;
	workload->shown |= !process->service->hidden;
	name_by_process(workloads, workload, process->service);
}

void workloads_refresh(struct workloads *workloads)
{
	struct workload *workload, *next;

	workloads->round++;
	for (const struct container *container = services_first_container(workloads->services); container;
	     container = container->hh.next)
		refresh_container(workloads, container);
	for (struct process *process = services_first_process(workloads->services); process;
	     process = process->hh.next)
		refresh_process(workloads, process);
	/* No process points to a unit that no process has touched. */
	HASH_ITER (hh, workloads->table, workload, next)
		if (workload->round != workloads->round)
			remove_workload(workloads, workload);
	ooms_expire(&workloads->ooms, runs, workloads, monotonic_ns());
}

/* Waits: those of the ended, which the kernel keeps for each cgroup, and those of the living. A thread that
 * ends between the two looks is in neither until the next scrape; so a sum may stand still, but it never
 * falls. A thread brings with it what it has waited before it came into the cgroup, usually at its start. */

static void add_living(void *context, const struct thread_wait *thread)
{
	struct workloads *workloads = context;
	struct cgroup_owner *owner = cgroup_owners_get(&workloads->owners, thread->cgroup);
	struct workload *workload = owner ? owner->workload : NULL;

	if (owner)
		owner->round = workloads->measurement;
	if (!workload)
		return;
	workload->wait_ns += thread->wait_ns;
	if (!workload->oldest_ns || thread->start_ns < workload->oldest_ns)
		workload->oldest_ns = thread->start_ns;
}

static void add_ended(const struct workloads *workloads)
{
	for (const struct cgroup_owner *owner = workloads->owners.table; owner; owner = owner->hh.next)
		if (owner->workload)
			owner->workload->wait_ns += waits_ended(workloads->capture, owner->id);
}

/* Cgroups without a thread: gone, as a rule. A workload's own stays with it. */
static void forget_empty_cgroups(struct workloads *workloads)
{
	struct cgroup_owner *owner, *next;

	HASH_ITER (hh, workloads->owners.table, owner, next) {
		if (owner->round == workloads->measurement || owner->own)
			continue;
		if (owner->workload && cgroup_lives(workloads->capture->cgroup_fd, owner->id))
			continue;
		if (owner->workload)
			owner->workload->past_wait_ns += waits_ended(workloads->capture, owner->id);
		cgroup_owners_remove(&workloads->owners, owner);
	}
}

static void finish(const struct workloads *workloads, struct workload *workload, bool known)
{
	if (!workload->started_s && workload->oldest_ns)
		workload->started_s = workloads->boot_s + (double)workload->oldest_ns / 1e9;
	if (!known || !workload->cgroup)
		return;
	if (workload->run_queue_ns == UINT64_MAX || workload->wait_ns > workload->run_queue_ns)
		workload->run_queue_ns = workload->wait_ns;
}

void workloads_measure(struct workloads *workloads)
{
	struct workload *workload;
	bool known;

	workloads_refresh(workloads);
	workloads->measurement++;
	for (workload = workloads->table; workload; workload = workload->hh.next)
		workload->wait_ns = workload->past_wait_ns;
	add_ended(workloads);
	known = !waits_living(workloads->capture, add_living, workloads);
	for (workload = workloads->table; workload; workload = workload->hh.next)
		finish(workloads, workload, known);
	if (known)
		forget_empty_cgroups(workloads);
}

bool workload_is_shown(const struct workload *workload, const char *only_service)
{
	return workload->shown && (!only_service || !strcmp(only_service, workload->service));
}

int workload_compare(const struct workload *a, const struct workload *b)
{
	int order = strcmp(a->service, b->service);

	if (!order)
		order = strcmp(a->container, b->container);
	return order ? order : strcmp(a->image, b->image);
}

const struct workload *workloads_first(const struct workloads *workloads)
{
	return workloads->table;
}

unsigned workloads_count(const struct workloads *workloads)
{
	return HASH_COUNT(workloads->table);
}

const struct cgroup_mounts *workloads_mounts(const struct workloads *workloads)
{
	return &workloads->mounts;
}

const struct workload *workloads_find(struct workloads *workloads, uint64_t cgroup)
{
	const struct cgroup_owner *owner = cgroup_owners_get(&workloads->owners, cgroup);

	return owner ? owner->workload : NULL;
}

struct workload_losses workloads_losses(const struct workloads *workloads)
{
	return (struct workload_losses){
		.workloads = workloads->lost,
		.cgroups = workloads->owners.lost,
		.ooms = workloads->ooms.lost,
	};
}
