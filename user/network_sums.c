// SPDX-License-Identifier: Apache-2.0
// An entry for each cgroup that has ever used a socket and lives. Those within a workload's own add to its
// total; when one of them goes, its counters stay with the workload's.
#include "network_sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "capture.h"
#include "cgroup.h"
#include "monotonic.h"
#include "network.h"
#include "tcp_health.h"
#include "workloads.h"

#define LISTENERS_MAX 16384
#define REFRESH_NS 5000000000ULL
#define SWEEP_NS 10000000000ULL

struct cgroup_sums {
	uint64_t cgroup;
	uint64_t owner;              ///< the workload's own cgroup; 0: nobody's as far as we know
	uint64_t past[SUM_COUNTERS]; ///< of cgroups within that are gone, and what user space itself counts
	uint64_t now[SUMS];          ///< the kernel's figures
	uint64_t total[SUMS];        ///< with those of all that it owns
	UT_hash_handle hh;
};

/* The kernel counts what it dropped at a socket for as long as that lives: we add up the differences. */
struct listener_drops {
	uint64_t id;
	uint32_t drops;
	unsigned round; ///< of the last refresh that has met it
	UT_hash_handle hh;
};

struct network_sums {
	struct capture *capture;
	struct workloads *workloads;
	struct cgroup_sums *table;
	struct listener_drops *listeners;
	uint64_t refreshed_ns, swept_ns;
	uint64_t lost;
	unsigned round;
};

int network_sums_new(struct capture *capture, struct workloads *workloads, struct network_sums **ret_sums)
{
	struct network_sums *sums = calloc(1, sizeof(*sums));

	if (!sums)
		return -ENOMEM;
	sums->capture = capture;
	sums->workloads = workloads;
	*ret_sums = sums;
	return 0;
}

static struct cgroup_sums *find(const struct network_sums *sums, uint64_t cgroup)
{
	struct cgroup_sums *entry;

	HASH_FIND(hh, sums->table, &cgroup, sizeof(cgroup), entry);
	return entry;
}

static struct cgroup_sums *get(struct network_sums *sums, uint64_t cgroup)
{
	struct cgroup_sums *entry = find(sums, cgroup);

	if (entry)
		return entry;
	entry = HASH_COUNT(sums->table) < CGROUPS_MAX ? calloc(1, sizeof(*entry)) : NULL;
	if (!entry) {
		sums->lost++;
		return NULL;
	}
	entry->cgroup = cgroup;
	HASH_ADD(hh, sums->table, cgroup, sizeof(entry->cgroup), entry);
	return entry;
}

static void remove_entry(struct network_sums *sums, struct cgroup_sums *entry)
{
	HASH_DEL(sums->table, entry);
	free(entry);
}

static void forget_listeners(struct network_sums *sums, unsigned round)
{
	struct listener_drops *listener, *next;

	HASH_ITER (hh, sums->listeners, listener, next) {
		if (round && listener->round == round)
			continue;
		HASH_DEL(sums->listeners, listener);
		free(listener);
	}
}

void network_sums_free(struct network_sums *sums)
{
	struct cgroup_sums *entry, *next;

	if (!sums)
		return;
	HASH_ITER (hh, sums->table, entry, next)
		remove_entry(sums, entry);
	forget_listeners(sums, 0);
	free(sums);
}

/* The kernel's figures. */

static void take_traffic(void *context, uint64_t cgroup, const struct network_traffic *traffic)
{
	struct cgroup_sums *entry = get(context, cgroup);

	if (!entry)
		return;
	entry->now[SUM_RECEIVED_BYTES] = traffic->received_bytes;
	entry->now[SUM_RECEIVED_PACKETS] = traffic->received_packets;
	entry->now[SUM_TRANSMITTED_BYTES] = traffic->transmitted_bytes;
	entry->now[SUM_TRANSMITTED_PACKETS] = traffic->transmitted_packets;
}

/* A connection that ended just when the first look at the older ones came may have counted down only. */
static uint64_t not_negative(uint64_t count)
{
	return (int64_t)count < 0 ? 0 : count;
}

static void take_health(void *context, uint64_t cgroup, const struct tcp_health *health)
{
	struct cgroup_sums *entry = get(context, cgroup);

	if (!entry)
		return;
	entry->now[SUM_RETRANSMITS] = health->retransmits;
	entry->now[SUM_RESETS_SENT] = health->resets_sent;
	entry->now[SUM_RESETS_RECEIVED] = health->resets_received;
	entry->now[SUM_RTT_US] = health->rtt_sum_us;
	memcpy(&entry->now[SUM_RTT_COUNTS], health->rtt_counts, sizeof(health->rtt_counts));
	entry->now[SUM_SERVER_CONNECTIONS] = not_negative(health->connections[TCP_SERVER]);
	entry->now[SUM_CLIENT_CONNECTIONS] = not_negative(health->connections[TCP_CLIENT]);
}

static struct listener_drops *get_listener(struct network_sums *sums, uint64_t id)
{
	struct listener_drops *listener;

	HASH_FIND(hh, sums->listeners, &id, sizeof(id), listener);
	if (listener)
		return listener;
	listener = HASH_COUNT(sums->listeners) < LISTENERS_MAX ? calloc(1, sizeof(*listener)) : NULL;
	if (!listener) {
		sums->lost++;
		return NULL;
	}
	listener->id = id;
	HASH_ADD(hh, sums->listeners, id, sizeof(listener->id), listener);
	return listener;
}

static void take_listener(void *context, const struct listening_socket *socket)
{
	struct network_sums *sums = context;
	struct cgroup_sums *entry = get(sums, socket->cgroup);
	struct listener_drops *listener = get_listener(sums, socket->id);

	if (!entry)
		return;
	entry->now[SUM_LISTENERS]++;
	entry->now[SUM_ACCEPT_QUEUE] += socket->queue;
	if (!listener)
		return;
	entry->past[SUM_OVERFLOWS] += (uint32_t)(socket->drops - listener->drops); /* 32 bits, may wrap */
	listener->drops = socket->drops;
	listener->round = sums->round;
}

/* Whose they are. */

static void find_owner(struct network_sums *sums, struct cgroup_sums *entry)
{
	const struct workload *workload = workloads_find(sums->workloads, entry->cgroup);

	if (workload)
		entry->owner = workload->cgroup;
}

static void keep_past(struct network_sums *sums, const struct cgroup_sums *entry)
{
	struct cgroup_sums *owner =
		entry->owner && entry->owner != entry->cgroup ? get(sums, entry->owner) : NULL;

	for (unsigned i = 0; owner && i < SUM_COUNTERS; i++)
		owner->past[i] += entry->past[i] + entry->now[i];
}

static void sweep(struct network_sums *sums)
{
	struct cgroup_sums *entry, *next;

	HASH_ITER (hh, sums->table, entry, next) {
		if (cgroup_lives(sums->capture->cgroup_fd, entry->cgroup))
			continue;
		keep_past(sums, entry);
		network_forget(sums->capture, entry->cgroup);
		tcp_health_forget(sums->capture, entry->cgroup);
		remove_entry(sums, entry);
	}
}

static void add_up(struct network_sums *sums)
{
	struct cgroup_sums *entry, *owner;

	for (entry = sums->table; entry; entry = entry->hh.next)
		memset(entry->total, 0, sizeof(entry->total));
	/* Owners that are added here, at the end of the list, have nothing yet. */
	for (entry = sums->table; entry; entry = entry->hh.next) {
		find_owner(sums, entry);
		owner = entry->owner ? get(sums, entry->owner) : NULL;
		for (unsigned i = 0; owner && i < SUMS; i++)
			owner->total[i] += entry->now[i] + (i < SUM_COUNTERS ? entry->past[i] : 0);
	}
}

void network_sums_refresh(struct network_sums *sums)
{
	uint64_t now_ns = monotonic_ns();
	struct cgroup_sums *entry;

	sums->round++;
	sums->refreshed_ns = now_ns;
	/* Counters stay as they were where the kernel cannot be asked. */
	for (entry = sums->table; entry; entry = entry->hh.next)
		memset(&entry->now[SUM_COUNTERS], 0, (SUMS - SUM_COUNTERS) * sizeof(entry->now[0]));
	network_each(sums->capture, take_traffic, sums);
	tcp_health_each(sums->capture, take_health, sums);
	if (!tcp_health_listeners(sums->capture, take_listener, sums))
		forget_listeners(sums, sums->round);
	if (now_ns - sums->swept_ns >= SWEEP_NS) {
		sums->swept_ns = now_ns;
		sweep(sums);
	}
	add_up(sums);
}

void network_sums_tick(struct network_sums *sums, uint64_t now_ns)
{
	if (now_ns - sums->refreshed_ns >= REFRESH_NS)
		network_sums_refresh(sums);
}

const uint64_t *network_sums_find(const struct network_sums *sums, const struct workload *workload)
{
	static const uint64_t none[SUMS];
	const struct cgroup_sums *entry = find(sums, workload->cgroup);

	return entry ? entry->total : none;
}

uint64_t network_sums_lost(const struct network_sums *sums)
{
	return sums->lost;
}
