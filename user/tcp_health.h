// SPDX-License-Identifier: Apache-2.0
// How the TCP connections of cgroups fare, as bpf/tcp_health.bpf.c tells it. network_sums.c adds up.
#ifndef RINGSIDE_TCP_HEALTH_H
#define RINGSIDE_TCP_HEALTH_H

#include <stdint.h>

struct capture;
struct listening_socket;
struct tcp_health;

/// Calls back for every cgroup that the kernel knows something of.
void tcp_health_each(const struct capture *capture,
		     void (*each)(void *context, uint64_t cgroup, const struct tcp_health *health),
		     void *context);
/// The cgroup is gone: makes room for another one.
void tcp_health_forget(const struct capture *capture, uint64_t cgroup);
/// Calls back for every listening socket of the host, in whichever network namespace. -errno where this
/// kernel cannot tell.
int tcp_health_listeners(const struct capture *capture,
			 void (*each)(void *context, const struct listening_socket *socket), void *context);

/* Each of these looks at all sockets of the network namespace that the caller is in. */

/// Counts connections and finds listening sockets that are older than ringside. Once per namespace, then
/// tcp_health_inventory_ends.
int tcp_health_inventory(const struct capture *capture);
void tcp_health_inventory_ends(struct capture *capture);
/// Takes a sample of each connection's round trip that had a packet since then (CLOCK_MONOTONIC).
int tcp_health_sample(struct capture *capture, uint64_t since_ns);

#endif
