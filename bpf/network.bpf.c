// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Packets and bytes of each cgroup's sockets, for the programs that see every packet anyway. user/network.c
// reads the sums.
#include "network.bpf.h"

/* Per CPU, as every packet adds: CPUs would fight for the sums of a busy container. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, CGROUPS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct network_traffic);
} network_sums SEC(".maps");

static __always_inline struct network_traffic *sums_new(__u64 cgroup)
{
	const struct network_traffic none = {0};
	struct network_traffic *sums;

	/* Another CPU may have been first: look again, whatever comes of it. */
	bpf_map_update_elem(&network_sums, &cgroup, &none, BPF_NOEXIST);
	sums = bpf_map_lookup_elem(&network_sums, &cgroup);
	if (!sums)
		count(COUNT_LOST_NETWORK);
	return sums;
}

/* A global function: one more call for packets that go far anyway, and the verifier looks at it once. The
 * length begins at the IP header; interfaces count from the Ethernet header on, and what is yet to be cut
 * into segments, or was put together of some, as one packet. A softirq may interrupt a process that sends on
 * the same CPU: add atomically. */
__noinline int network_add(struct __sk_buff *skb, __u32 direction)
{
	__u64 cgroup = bpf_skb_cgroup_id(skb);
	struct network_traffic *sums;

	if (!cgroup) /* no socket of its own: a shadow of one that has ended, or is to come */
		return 0;
	sums = bpf_map_lookup_elem(&network_sums, &cgroup);
	if (!sums)
		sums = sums_new(cgroup);
	if (!sums)
		return 0;
	if (direction == NETWORK_IN) {
		__sync_fetch_and_add(&sums->received_bytes, skb->len + ETH_HLEN);
		__sync_fetch_and_add(&sums->received_packets, 1);
	} else {
		__sync_fetch_and_add(&sums->transmitted_bytes, skb->len + ETH_HLEN);
		__sync_fetch_and_add(&sums->transmitted_packets, 1);
	}
	return 0;
}
