// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// How TCP connections fare, by the cgroup of their socket: segments sent again, resets both ways, round trips.
// All of these are rare; user/tcp_health.c reads the sums.
#include "shared.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGROUPS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct tcp_health);
} tcp_health_sums SEC(".maps");

/* From Linux 6.17 on the tracepoint tells failed attempts, too, and has a third argument that says so. Set
 * before loading. */
const volatile bool retransmit_has_result = false;

/* What BPF programs with an skb know as its cgroup id. 0: none but the root's. */
static __always_inline __u64 cgroup_of(const struct sock *sk)
{
	const struct sock_cgroup_data *data = &sk->sk_cgrp_data;
	struct cgroup *cgroup;

	if (bpf_core_field_exists(data->cgroup)) {
		cgroup = BPF_CORE_READ(data, cgroup);
	} else {
		__u64 value = BPF_CORE_READ((const struct sock_cgroup_data___shared *)data, val);

		cgroup = value & 3 ? NULL : (struct cgroup *)value;
	}
	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

/* The shadows of sockets that are to come or have ended have no cgroup. */
static __always_inline bool is_full(const struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

/* NULL where there is no room, which is counted, or nothing to count for. */
static __always_inline struct tcp_health *health_of(const struct sock *sk)
{
	const struct tcp_health none = {0};
	struct tcp_health *health;
	__u64 cgroup;

	if (!sk || !is_full(sk))
		return NULL;
	cgroup = cgroup_of(sk);
	if (!cgroup)
		return NULL;
	health = bpf_map_lookup_elem(&tcp_health_sums, &cgroup);
	if (health)
		return health;
	bpf_map_update_elem(&tcp_health_sums, &cgroup, &none, BPF_NOEXIST);
	health = bpf_map_lookup_elem(&tcp_health_sums, &cgroup);
	if (!health)
		count(COUNT_LOST_HEALTH);
	return health;
}

static __always_inline void add_retransmits(const struct sock *sk, __u64 segments)
{
	struct tcp_health *health = health_of(sk);

	if (health)
		__sync_fetch_and_add(&health->retransmits, segments);
}

/* As the kernel's own TcpRetransSegs counts: by segments, of which a packet on its way down may carry many. */
SEC("tp_btf/tcp_retransmit_skb")
int ringside_retransmit(unsigned long long *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx[1];
	const struct tcp_skb_cb *control = (const void *)&skb->cb;

	if (retransmit_has_result && (int)ctx[2])
		return 0;
	add_retransmits((const struct sock *)ctx[0], BPF_CORE_READ(control, tcp_gso_segs));
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(ringside_retransmit_synack, const struct sock *sk)
{
	add_retransmits(sk, 1);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(ringside_send_reset, const struct sock *sk)
{
	struct tcp_health *health = health_of(sk);

	if (health)
		__sync_fetch_and_add(&health->resets_sent, 1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(ringside_receive_reset, const struct sock *sk)
{
	struct tcp_health *health = health_of(sk);

	if (health)
		__sync_fetch_and_add(&health->resets_received, 1);
	return 0;
}

static __always_inline __u32 rtt_bucket(__u32 rtt_us)
{
	static const __u32 bounds[RTT_BOUNDS_LEN] = RTT_BOUNDS_US;
	__u32 bucket = 0;

	for (__u32 i = 0; i < RTT_BOUNDS_LEN; i++)
		bucket += rtt_us > bounds[i];
	return bucket;
}

/* A connection's last smoothed round trip, at its end; none if it was never measured. */
static __always_inline void sample_rtt(const struct sock *sk)
{
	__u32 rtt_us = BPF_CORE_READ((const struct tcp_sock *)sk, srtt_us) >> 3;
	struct tcp_health *health = rtt_us ? health_of(sk) : NULL;
	__u32 bucket = rtt_bucket(rtt_us);

	if (!health || bucket > RTT_BOUNDS_LEN)
		return;
	__sync_fetch_and_add(&health->rtt_sum_us, rtt_us);
	__sync_fetch_and_add(&health->rtt_counts[bucket], 1);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ringside_close, const struct sock *sk, int oldstate, int newstate)
{
	if (newstate == TCP_CLOSE && sk->sk_protocol == IPPROTO_TCP)
		sample_rtt(sk);
	return 0;
}
