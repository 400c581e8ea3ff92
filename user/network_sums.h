// SPDX-License-Identifier: Apache-2.0
// What the sockets of each workload have sent, received and suffered: the kernel's figures of its cgroup and
// of those within, kept when these go. network_families.c writes them out.
#ifndef RINGSIDE_NETWORK_SUMS_H
#define RINGSIDE_NETWORK_SUMS_H

#include <stdint.h>

#include "maps.h"

struct capture;
struct workload;
struct workloads;
struct network_sums;

enum network_sum {
	SUM_RECEIVED_BYTES,
	SUM_RECEIVED_PACKETS,
	SUM_TRANSMITTED_BYTES,
	SUM_TRANSMITTED_PACKETS,
	SUM_RETRANSMITS,
	SUM_RESETS_SENT,
	SUM_RESETS_RECEIVED,
	SUM_RTT_US,
	SUM_RTT_COUNTS, ///< RTT_BOUNDS_LEN + 1 of them
	SUM_OVERFLOWS = SUM_RTT_COUNTS + RTT_BOUNDS_LEN + 1,
	SUM_COUNTERS,
	/* What is now: not kept when a cgroup goes. */
	SUM_SERVER_CONNECTIONS = SUM_COUNTERS,
	SUM_CLIENT_CONNECTIONS,
	SUM_LISTENERS,
	SUM_ACCEPT_QUEUE,
	SUMS,
};

/// Borrows both. -ENOMEM.
int network_sums_new(struct capture *capture, struct workloads *workloads, struct network_sums **ret_sums);
void network_sums_free(struct network_sums *sums);
/// Asks the kernel. Before a scrape.
void network_sums_refresh(struct network_sums *sums);
/// Once a second; the same, if it was long ago: whose a cgroup is can only be told while it is there.
void network_sums_tick(struct network_sums *sums, uint64_t now_ns);
/// Of the last refresh, by enum network_sum; SUMS zeros for who has done nothing yet. Valid until the next
/// one.
const uint64_t *network_sums_find(const struct network_sums *sums, const struct workload *workload);
/// Cgroups and listening sockets that found no room in a table, since the start.
uint64_t network_sums_lost(const struct network_sums *sums);

#endif
