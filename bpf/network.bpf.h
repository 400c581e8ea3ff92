/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Counts every packet of every socket by cgroup, whatever its protocol, but for the loopback's: the test for
 * that is all that those pay. */
#ifndef RINGSIDE_NETWORK_BPF_H
#define RINGSIDE_NETWORK_BPF_H

#include "shared.bpf.h"

enum network_direction { NETWORK_IN, NETWORK_OUT };

/* Adds the packet to its socket's cgroup. Returns nothing of use. */
int network_add(struct __sk_buff *skb, __u32 direction);

static __always_inline void network_count(struct __sk_buff *skb, enum network_direction direction)
{
	if (skb->ifindex != LOOPBACK_IFINDEX)
		network_add(skb, direction);
}

#endif
