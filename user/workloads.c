// SPDX-License-Identifier: Apache-2.0
// Keeps the workloads in step with Docker's containers and the processes that services.c knows, and knows
// which cgroups are theirs.
#include "workloads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "cgroup.h"
#include "cleanup.h"
#include "containers.h"
#include "identity.h"
#include "maps.h"
#include "monotonic.h"
#include "proc.h"
#include "processes.h"
#include "services.h"
#include "waits.h"

#define WORKLOADS_MAX 10000

/* A container that comes back within this time goes on counting where it was. */
#define OOMS_MAX 1000
#define OOM_PATIENCE_NS 300000000000ULL

/* Deeper is not looked for a cgroup's owner. */
#define DEPTH_MAX 32

/* A cgroup that was met: a workload's own, one within that, or (with NULL) one that is nobody's. */
struct cgroup_entry {
	uint64_t id;
	struct workload *workload;
	unsigned round; ///< the last measurement that has met a living thread in it
	UT_hash_handle hh;
};

/* Kills in a container, kept over its restarts. Docker tells of the one that ends it, the cgroup of those
 * before ringside came and of all of several at a time. */
struct ooms {
	char id[65];
	uint64_t past;      ///< before it began the last time
	uint64_t told;      ///< by Docker, since
	uint64_t unmet;     ///< by Docker, while the container was not known
	double unmet_s;     ///< when, since the epoch
	uint64_t untold;    ///< in the cgroup, but not told by Docker
	uint64_t in_cgroup; ///< at the last look, since it began
	uint64_t idle_since_ns;
	UT_hash_handle hh;
};

struct workloads {
	struct services *services;
	struct capture *capture;
	struct cgroup_mounts mounts;
	struct workload *table;
	struct cgroup_entry *cgroups;
	struct ooms *ooms;
	struct workload_losses losses;
	ino_t root_inode;
	dev_t root_device;
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
	struct stat status;

	if (!workloads)
		return -ENOMEM;
	workloads->services = services;
	workloads->capture = capture;
	workloads->boot_s = boot_time();
	proc_container(getpid(), workloads->own_container);
	cgroup_mounts_open(&workloads->mounts, capture->cgroup_fd);
	if (!fstat(capture->cgroup_fd, &status)) {
		workloads->root_inode = status.st_ino;
		workloads->root_device = status.st_dev;
	}
	*ret_workloads = workloads;
	return 0;
}

static struct workload *find_workload(const struct workloads *workloads, const char *key)
{
	struct workload *workload;

	HASH_FIND_STR(workloads->table, key, workload);
	return workload;
}

/* Cgroups. */

static struct cgroup_entry *find_entry(const struct workloads *workloads, uint64_t id)
{
	struct cgroup_entry *entry;

	HASH_FIND(hh, workloads->cgroups, &id, sizeof(id), entry);
	return entry;
}

static struct cgroup_entry *add_entry(struct workloads *workloads, uint64_t id, struct workload *workload)
{
	struct cgroup_entry *entry =
		HASH_COUNT(workloads->cgroups) < CGROUPS_MAX ? calloc(1, sizeof(*entry)) : NULL;

	if (!entry) {
		workloads->losses.cgroups++;
		return NULL;
	}
	entry->id = id;
	entry->workload = workload;
	entry->round = workloads->measurement;
	HASH_ADD(hh, workloads->cgroups, id, sizeof(id), entry);
	if (workload)
		waits_watch(workloads->capture, id);
	return entry;
}

static void remove_entry(struct workloads *workloads, struct cgroup_entry *entry)
{
	if (entry->workload)
		waits_forget(workloads->capture, entry->id);
	HASH_DEL(workloads->cgroups, entry);
	free(entry);
}

/* What is nobody's may be within a workload that has come since. */
static void forget_strangers(struct workloads *workloads)
{
	struct cgroup_entry *entry, *next;

	HASH_ITER (hh, workloads->cgroups, entry, next)
		if (!entry->workload)
			remove_entry(workloads, entry);
}

static void forget_cgroups_of(struct workloads *workloads, const struct workload *workload)
{
	struct cgroup_entry *entry, *next;

	HASH_ITER (hh, workloads->cgroups, entry, next)
		if (entry->workload == workload)
			remove_entry(workloads, entry);
}

/* Up the tree, by "..", to the first directory that is a workload's. */
static struct workload *find_owner(const struct workloads *workloads, int fd)
{
	char path[3 * DEPTH_MAX + 1] = "";

	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		struct cgroup_entry *entry;
		struct stat status;

		memcpy(path + 3 * (size_t)depth, "../", 4);
		if (fstatat(fd, path, &status, 0) || status.st_dev != workloads->root_device ||
		    status.st_ino == workloads->root_inode)
			return NULL;
		entry = find_entry(workloads, status.st_ino);
		if (entry && entry->workload)
			return entry->workload;
	}
	return NULL;
}

/* NULL where the cgroup is gone, too. */
static struct cgroup_entry *get_entry(struct workloads *workloads, uint64_t id)
{
	struct cgroup_entry *entry = find_entry(workloads, id);
	AUTO_CLOSE int fd = -1;

	if (entry || !id)
		return entry;
	if (HASH_COUNT(workloads->cgroups) >= CGROUPS_MAX) {
		workloads->losses.cgroups++;
		return NULL;
	}
	fd = cgroup_open(workloads->capture->cgroup_fd, id);
	return fd < 0 ? NULL : add_entry(workloads, id, find_owner(workloads, fd));
}

const struct workload *workloads_find(struct workloads *workloads, uint64_t cgroup)
{
	struct cgroup_entry *entry = get_entry(workloads, cgroup);

	return entry ? entry->workload : NULL;
}

/* Kills for want of memory. */

static struct ooms *find_ooms(const struct workloads *workloads, const char *id)
{
	struct ooms *ooms;

	HASH_FIND_STR(workloads->ooms, id, ooms);
	return ooms;
}

static struct ooms *get_ooms(struct workloads *workloads, const char *id)
{
	struct ooms *ooms = find_ooms(workloads, id);

	if (ooms || strlen(id) >= sizeof(ooms->id))
		return ooms;
	ooms = HASH_COUNT(workloads->ooms) < OOMS_MAX ? calloc(1, sizeof(*ooms)) : NULL;
	if (!ooms) {
		workloads->losses.ooms++;
		return NULL;
	}
	memcpy(ooms->id, id, strlen(id) + 1);
	HASH_ADD_STR(workloads->ooms, id, ooms);
	return ooms;
}

void workloads_on_oom(struct workloads *workloads, const char *container_id)
{
	struct ooms *ooms = get_ooms(workloads, container_id);

	if (!ooms)
		return;
	if (find_workload(workloads, container_id)) {
		ooms->told++;
		return;
	}
	ooms->unmet++;
	ooms->unmet_s = real_time();
}

/* The container is met: what was told before was in its present cgroup, or before that. */
static void settle_ooms(const struct workloads *workloads, const struct container *container)
{
	struct ooms *ooms = find_ooms(workloads, container->id);

	if (!ooms)
		return;
	*(ooms->unmet_s < container->started_s ? &ooms->past : &ooms->told) += ooms->unmet;
	ooms->unmet = 0;
}

static uint64_t ooms_since_start(const struct ooms *ooms)
{
	uint64_t told = ooms->told + ooms->untold;

	return told > ooms->in_cgroup ? told : ooms->in_cgroup;
}

uint64_t workloads_ooms(struct workloads *workloads, const struct workload *workload, uint64_t in_cgroup)
{
	struct ooms *ooms = find_ooms(workloads, workload->key);

	if (!ooms && in_cgroup && workload->container[0])
		ooms = get_ooms(workloads, workload->key);
	if (!ooms)
		return in_cgroup;
	/* By the last look, as Docker's word for the newest kill may be on its way. */
	if (ooms->in_cgroup > ooms->told + ooms->untold)
		ooms->untold = ooms->in_cgroup - ooms->told;
	ooms->in_cgroup = in_cgroup;
	return ooms->past + ooms_since_start(ooms);
}

static void keep_ooms(struct workloads *workloads, const struct workload *workload)
{
	struct ooms *ooms = find_ooms(workloads, workload->key);

	if (!ooms)
		return;
	ooms->past += ooms_since_start(ooms);
	ooms->told = ooms->untold = ooms->in_cgroup = 0;
}

static void forget_old_ooms(struct workloads *workloads)
{
	uint64_t now_ns = monotonic_ns();
	struct ooms *ooms, *next;

	HASH_ITER (hh, workloads->ooms, ooms, next) {
		if (find_workload(workloads, ooms->id)) {
			ooms->idle_since_ns = 0;
			continue;
		}
		if (!ooms->idle_since_ns)
			ooms->idle_since_ns = now_ns;
		if (now_ns - ooms->idle_since_ns < OOM_PATIENCE_NS)
			continue;
		HASH_DEL(workloads->ooms, ooms);
		free(ooms);
	}
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
	struct cgroup_entry *entry;

	if (workload)
		workload->key = strdup(key);
	if (!workload || !workload->key) {
		workloads->losses.workloads++;
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
	forget_strangers(workloads);
	entry = workload->cgroup ? find_entry(workloads, workload->cgroup) : NULL;
	if (entry) /* was within another one's until now */
		remove_entry(workloads, entry);
	if (workload->cgroup)
		add_entry(workloads, workload->cgroup, workload);
	return workload;
}

static void remove_workload(struct workloads *workloads, struct workload *workload)
{
	keep_ooms(workloads, workload);
	forget_cgroups_of(workloads, workload);
	HASH_DEL(workloads->table, workload);
	free_workload(workload);
}

void workloads_free(struct workloads *workloads)
{
	struct workload *workload, *next;
	struct ooms *ooms, *next_ooms;

	if (!workloads)
		return;
	HASH_ITER (hh, workloads->table, workload, next)
		remove_workload(workloads, workload);
	forget_strangers(workloads);
	HASH_ITER (hh, workloads->ooms, ooms, next_ooms) {
		HASH_DEL(workloads->ooms, ooms);
		free(ooms);
	}
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
		settle_ooms(workloads, container);
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
	forget_old_ooms(workloads);
}

/* Waits: those of the ended, which the kernel keeps for each cgroup, and those of the living. A thread that
 * ends between the two looks is in neither until the next scrape; so a sum may stand still, but it never
 * falls. A thread brings with it what it has waited before it came into the cgroup, usually at its start. */

static void add_living(void *context, const struct thread_wait *thread)
{
	struct workloads *workloads = context;
	struct cgroup_entry *entry = get_entry(workloads, thread->cgroup);
	struct workload *workload = entry ? entry->workload : NULL;

	if (entry)
		entry->round = workloads->measurement;
	if (!workload)
		return;
	workload->wait_ns += thread->wait_ns;
	if (!workload->oldest_ns || thread->start_ns < workload->oldest_ns)
		workload->oldest_ns = thread->start_ns;
}

static void add_ended(struct workloads *workloads)
{
	struct cgroup_entry *entry;

	for (entry = workloads->cgroups; entry; entry = entry->hh.next)
		if (entry->workload)
			entry->workload->wait_ns += waits_ended(workloads->capture, entry->id);
}

/* Cgroups without a thread: gone, as a rule. A workload's own stays with it. */
static void forget_empty_cgroups(struct workloads *workloads)
{
	struct cgroup_entry *entry, *next;

	HASH_ITER (hh, workloads->cgroups, entry, next) {
		struct workload *workload = entry->workload;

		if (entry->round == workloads->measurement || (workload && workload->cgroup == entry->id))
			continue;
		if (workload && cgroup_lives(workloads->capture->cgroup_fd, entry->id))
			continue;
		if (workload)
			workload->past_wait_ns += waits_ended(workloads->capture, entry->id);
		remove_entry(workloads, entry);
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

const struct workload_losses *workloads_losses(const struct workloads *workloads)
{
	return &workloads->losses;
}
