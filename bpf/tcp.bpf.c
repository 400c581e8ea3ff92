// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The life of sockets: who listens, which connections end, and whether they owe an answer.
#include "early.bpf.h"
#include "tls.bpf.h"

static __always_inline void listen_address(__u8 address[16], const struct sock *sk, __u16 family)
{
	__u32 words[4] = {0, 0, bpf_htonl(0xffff), 0};

	if (family == AF_INET6)
		BPF_CORE_READ_INTO(&words, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
	else
		words[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	__builtin_memcpy(address, words, sizeof(words));
}

static __always_inline void listen_send(const struct sock *sk, __u16 flags)
{
	__u32 index = 0;
	void *ring = bpf_map_lookup_elem(&rings, &index);
	struct listen_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event), 0) : NULL;

	if (!event) {
		count(COUNT_LOST_LISTEN);
		return;
	}
	event->header.time_ns = bpf_ktime_get_ns();
	event->header.socket = 0;
	event->header.kind = EVENT_LISTEN;
	event->header.flags = flags;
	event->header.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	event->cgroup = bpf_get_current_cgroup_id();
	event->tgid = flags & EVENT_LISTEN_END ? 0 : bpf_get_current_pid_tgid() >> 32;
	/* Not skc_num: an ephemeral port has been given back by the time a listener is closed. */
	event->port = bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	event->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	listen_address(event->address, sk, event->family);
	/* Rare, and the process may be gone soon: the only event that wakes the reader, who asks /proc for
	 * its name. */
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
}

/* Whether it was the client that ended the connection: it closed first, reset it, or vanished. */
static __always_inline bool client_left(const struct sock *sk, int oldstate)
{
	int error = BPF_CORE_READ(sk, sk_err);

	if (error == ECONNRESET || error == EPIPE || error == ETIMEDOUT)
		return true;
	return oldstate == TCP_CLOSE_WAIT || oldstate == TCP_LAST_ACK;
}

static __always_inline bool unanswered_send(const struct sock *sk, struct connection *connection,
					    int oldstate)
{
	void *ring = ring_of(connection->at.socket);
	struct exchange_event *event;

	event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + REQUEST_CAPTURE_MAX, 0) : NULL;
	if (!event)
		return false;
	header_fill(&event->header, connection, EVENT_CLOSE, bpf_ktime_get_ns());
	event->header.flags |= EVENT_UNANSWERED | (client_left(sk, oldstate) ? EVENT_CLIENT_LEFT : 0);
	exchange_fill(event, connection, REQUEST_CAPTURE_MAX);
	event_submit(ring, event, sizeof(*event) + REQUEST_CAPTURE_MAX);
	return true;
}

static __always_inline bool answered_send(const struct sock *sk, struct connection *connection, int oldstate)
{
	void *ring = ring_of(connection->at.socket);
	struct response_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event), 0) : NULL;

	if (!event)
		return false;
	header_fill(&event->header, connection, EVENT_CLOSE, bpf_ktime_get_ns());
	event->header.flags |= client_left(sk, oldstate) ? EVENT_CLIENT_LEFT : 0;
	event->response_end = connection->response_end;
	event->last_ns = connection->last_ns;
	event->response_bytes = 0;
	event->response_len = 0;
	__builtin_memset(event->tail, 0, 8);
	event_submit(ring, event, sizeof(*event));
	return true;
}

static __always_inline void tls_closed(struct sock *sk, int oldstate)
{
	struct tls_socket *socket = bpf_sk_storage_get(&tls_sockets, sk, 0, 0);

	if (socket && !socket->own)
		tls_end(socket->at.socket,
			(client_left(sk, oldstate) ? 1 : 0) |
				(socket->data_bytes >= TLS_DATA_MIN && !socket->judged ? 2 : 0));
}

static __always_inline void connection_closed(struct sock *sk, int oldstate)
{
	struct connection *connection = bpf_sk_storage_get(&connections, sk, 0, 0);

	if (!connection) {
		tls_closed(sk, oldstate);
		return;
	}
	if (connection->state == CONNECTION_WAITING) {
		connection_settle(connection, CONNECTION_IDLE);
		if (!unanswered_send(sk, connection, oldstate))
			count(COUNT_LOST_CLOSE);
	} else if (connection->state == CONNECTION_FRAMED || connection->state == CONNECTION_UPGRADED ||
		   (connection->state == CONNECTION_IDLE && (connection->answered || connection->streamed) &&
		    !connection->fin_sent)) {
		/* Reset, or the end of our side was lost: user space may be waiting for more of the answer.
		 * Of what is no HTTP any more, it is never told in any other way. */
		if (!answered_send(sk, connection, oldstate))
			count(COUNT_LOST_CLOSE);
	}
}

static __always_inline void connection_opened(struct sock *sk)
{
	struct connection *connection;

	if (!early_worth_a_look(bpf_ktime_get_ns()))
		return;
	connection = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection) {
		count(COUNT_LOST_STATE);
		return;
	}
	endpoint_fill(&connection->at, sk);
	connection->next_seq_out = BPF_CORE_READ((struct tcp_sock *)sk, snd_nxt);
	if (!early_claim(connection))
		bpf_sk_storage_delete(&connections, sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ringside_state, struct sock *sk, int oldstate, int newstate)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (newstate == TCP_LISTEN)
		listen_send(sk, 0);
	else if (oldstate == TCP_LISTEN &&
		 newstate == TCP_CLOSE) /* a new connection begins as LISTEN, too: a clone */
		listen_send(sk, EVENT_LISTEN_END);
	else if (!storage_in_tracing)
		return 0;
	else if (newstate == TCP_CLOSE)
		connection_closed(sk, oldstate);
	else if (oldstate == TCP_SYN_RECV && newstate == TCP_ESTABLISHED)
		connection_opened(sk);
	return 0;
}
