// SPDX-License-Identifier: Apache-2.0
// Packets and bytes of cgroups, as bpf/network.bpf.c counts them. network_sums.c adds up.
#ifndef RINGSIDE_NETWORK_H
#define RINGSIDE_NETWORK_H

#include <stdint.h>

struct capture;
struct network_traffic;

/// Calls back for every cgroup that the kernel has counted packets of, with its sums over all CPUs. -ENOMEM.
int network_each(const struct capture *capture,
		 void (*each)(void *context, uint64_t cgroup, const struct network_traffic *traffic),
		 void *context);
/// The cgroup is gone: makes room for another one.
void network_forget(const struct capture *capture, uint64_t cgroup);

#endif
