// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// How TCP connections fare, by the cgroup of their socket: segments sent again, resets both ways, round
// trips. All of these are rare; user/tcp_health.c reads the sums.
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

/* As the kernel's own TcpRetransSegs counts: by segments, of which a packet on its way down may carry many.
 */
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

/* The smoothed round trip as it is now; no sample if it was never measured. */
static __always_inline void sample_rtt(const struct sock *sk, struct tcp_health *health)
{
	__u32 rtt_us = BPF_CORE_READ((const struct tcp_sock *)sk, srtt_us) >> 3;
	__u32 bucket = rtt_bucket(rtt_us);

	if (!rtt_us || bucket > RTT_BOUNDS_LEN)
		return;
	__sync_fetch_and_add(&health->rtt_sum_us, rtt_us);
	__sync_fetch_and_add(&health->rtt_counts[bucket], 1);
}

/* Which end of its connection this is: a connection that was accepted is a copy of the socket that listens,
 * backlog included; one that has connected never had one. */
static __always_inline enum tcp_role role_of(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_max_ack_backlog) ? TCP_SERVER : TCP_CLIENT;
}

/* Connections that are older than ringside are counted by an inventory (user/tcp_survey.c). While it goes on,
 * who counts a connection first leaves a mark, and nobody takes away one that has none. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} counted SEC(".maps");

volatile bool inventory_goes_on = true;

static __always_inline bool is_first_to_count(struct sock *sk)
{
	__u32 *mark;

	if (!storage_in_tracing || !inventory_goes_on)
		return true;
	mark = bpf_sk_storage_get(&counted, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	/* No exchange of values: 5.10 refuses a program that contains one. Both who count hold the socket. */
	if (!mark || *mark)
		return false;
	*mark = 1;
	return true;
}

static __always_inline bool was_counted(struct sock *sk)
{
	return !storage_in_tracing || !inventory_goes_on || bpf_sk_storage_get(&counted, sk, 0, 0);
}

/* Sockets that listen, with a number of their own each: the moment at which they were met. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} listening SEC(".maps");

static __always_inline void keep_listener(struct sock *sk)
{
	__u64 *id = bpf_sk_storage_get(&listening, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!id)
		count(COUNT_LOST_HEALTH);
	else if (!*id)
		*id = bpf_ktime_get_ns() << 8 | (bpf_get_smp_processor_id() & 0xff);
}

static __always_inline void state_changed(struct sock *sk, int oldstate, int newstate)
{
	struct tcp_health *health = health_of(sk);
	enum tcp_role role = role_of(sk);

	if (!health)
		return;
	if (newstate == TCP_ESTABLISHED && is_first_to_count(sk))
		__sync_fetch_and_add(&health->connections[role], 1);
	else if (oldstate == TCP_ESTABLISHED && was_counted(sk))
		__sync_fetch_and_add(&health->connections[role], -1);
	if (newstate == TCP_CLOSE)
		sample_rtt(sk, health);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ringside_connection, struct sock *sk, int oldstate, int newstate)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (newstate == TCP_LISTEN && storage_in_tracing)
		keep_listener(sk);
	else if (newstate == TCP_ESTABLISHED || oldstate == TCP_ESTABLISHED || newstate == TCP_CLOSE)
		state_changed(sk, oldstate, newstate);
	return 0;
}

/* The full socket that an iterator is at; NULL for a shadow, and at the end. */
static __always_inline struct sock *socket_at(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;

	return common ? (struct sock *)bpf_skc_to_tcp_sock(common) : NULL;
}

/* All TCP sockets of one network namespace, once, when ringside begins. */
SEC("iter/tcp")
int ringside_inventory(struct bpf_iter__tcp *ctx)
{
	struct sock *sk = socket_at(ctx);
	struct tcp_health *health;
	__u8 state;

	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_LISTEN && storage_in_tracing)
		keep_listener(sk);
	if (state != TCP_ESTABLISHED)
		return 0;
	health = health_of(sk);
	if (health && is_first_to_count(sk))
		__sync_fetch_and_add(&health->connections[role_of(sk)], 1);
	return 0;
}

/* Connections that had no packet since then are not sampled: their round trip is an old one. */
volatile __u64 rtt_since_us = 0;

/* The same now and then, for connections that stay: otherwise nothing would be known of them before they end.
 */
SEC("iter/tcp")
int ringside_rtt(struct bpf_iter__tcp *ctx)
{
	struct sock *sk = socket_at(ctx);
	struct tcp_health *health;

	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_ESTABLISHED ||
	    BPF_CORE_READ((struct tcp_sock *)sk, tcp_mstamp) < rtt_since_us)
		return 0;
	health = health_of(sk);
	if (health)
		sample_rtt(sk, health);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int ringside_listeners(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct listening_socket socket = {0};
	struct sock *sk = ctx->sk;
	__u64 *id = ctx->value;

	if (!sk || !id || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return 0;
	socket.id = *id;
	socket.cgroup = cgroup_of(sk);
	socket.queue = BPF_CORE_READ(sk, sk_ack_backlog);
	socket.drops = BPF_CORE_READ(sk, sk_drops.counter);
	bpf_seq_write(ctx->meta->seq, &socket, sizeof(socket));
	return 0;
}
