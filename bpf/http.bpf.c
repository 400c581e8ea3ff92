// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Watches the segments of every TCP socket for requests and their answers; user/connections.c makes exchanges
// of them. One event for a request whose answer fits a segment; a small one for each later segment that may
// be the answer's end.
#include "shared.bpf.h"
#include "segment.bpf.h"
#include "early.bpf.h"
#include "phases.bpf.h"

/* Connections that are not ours to decode, so that their packets cost one look-up. The value says nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u8);
} ignored SEC(".maps");

struct early_requests early_requests SEC(".maps");
volatile __u64 early_last_ns = 0;

static const struct early_request early_empty;

/* The full socket; NULL for one that is still, or already, only a shadow of it (SYN received, TIME_WAIT). */
static __always_inline struct bpf_sock *socket_of(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? bpf_sk_fullsock(sk) : NULL;
}

static __always_inline void socket_ignore(struct bpf_sock *sk)
{
	bpf_sk_storage_get(&ignored, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
}

/* State for a socket that has none. */
static __always_inline struct connection *connection_new(struct bpf_sock *sk)
{
	struct connection *connection = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	struct tcp_sock *kernel_tcp = bpf_skc_to_tcp_sock(sk);

	if (!connection || !tcp || !kernel_tcp) {
		count(COUNT_LOST_STATE);
		return NULL;
	}
	connection_place(connection, (struct sock *)kernel_tcp);
	connection->next_seq_out = tcp->snd_nxt;
	/* The first bytes of a connection are its first request's, if ringside saw it begin. */
	connection->midstream = tcp->bytes_received != 0;
	return connection;
}

/* What only a cgroup_skb program can ask. */
static __always_inline void connection_identify(struct __sk_buff *skb, struct connection *connection)
{
	connection->socket = bpf_get_socket_cookie(skb);
	connection->cgroup = bpf_skb_cgroup_id(skb);
}

/* Keep the segment's bytes as far as there is room, at their place: segments may come out of order. */
static __always_inline void request_keep(struct __sk_buff *skb, struct connection *connection,
					 const struct segment *segment)
{
	__u32 at = segment->seq - connection->request_seq;
	__u32 len = segment->len;

	/* The verifier bounds place and length, not their sum: hence the spare room behind request[]. */
	if (len > REQUEST_SPARE)
		len = REQUEST_SPARE;
	asm volatile("" : "+r"(at), "+r"(len));
	if (at >= REQUEST_CAPTURE_MAX || len == 0 || len > REQUEST_SPARE)
		return;
	if (!load_clamped(skb, segment->offset, connection->request + at, len, REQUEST_SPARE))
		return;
	len += at;
	if (len > REQUEST_CAPTURE_MAX)
		len = REQUEST_CAPTURE_MAX;
	if (len > connection->request_len)
		connection->request_len = len;
}

static __always_inline void request_begin(struct __sk_buff *skb, struct connection *connection,
					  const struct segment *segment, __u64 now)
{
	__u32 len = segment->len;

	connection->arrival_ns = now;
	connection->request_seq = segment->seq;
	connection->next_seq_in = segment->seq + segment->len;
	connection->request_start = connection->request_end;
	connection->request_end += segment->len;
	connection->sequence++;
	connection->read_ns = 0;
	connection->read_tgid = 0;
	if (len > REQUEST_CAPTURE_MAX)
		len = REQUEST_CAPTURE_MAX;
	asm volatile("" : "+r"(len));
	if (load_clamped(skb, segment->offset, connection->request, len, REQUEST_CAPTURE_MAX))
		connection->request_len = len;
	else
		connection->request_len = 0;
	if (!connection->traffic)
		traffic_find(connection);
	connection_wait(connection);
}

/* Whether the waiting request could be over: what has come of it ends like a head without a body. */
static __always_inline bool request_head_ends(const struct connection *connection)
{
	__u32 len = connection->request_len;

	if (connection->request_end - connection->request_start != len)
		return true; /* longer than what is kept: user space will tell a body from a request */
	asm volatile("" : "+r"(len));
	if (len < 4 || len > REQUEST_CAPTURE_MAX)
		return false;
	return connection->request[len - 4] == '\r' && connection->request[len - 3] == '\n' &&
	       connection->request[len - 2] == '\r' && connection->request[len - 1] == '\n';
}

static __always_inline void request_pipelined(struct __sk_buff *skb, struct connection *connection,
					      const struct segment *segment, __u64 now)
{
	void *ring = ring_of(connection->socket);
	__u32 len = segment->len;
	struct request_event *event;

	connection->sequence++;
	event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + REQUEST_CAPTURE_MAX, 0) : NULL;
	if (!event) {
		count(COUNT_LOST_REQUEST);
		return;
	}
	header_fill(&event->header, connection, EVENT_REQUEST, now);
	event->request_start = connection->request_end;
	event->request_bytes = segment->len;
	event->cgroup = connection->cgroup;
	event->sequence = connection->sequence;
	event->tgid = connection->read_tgid;
	event->local_port = connection->local_port;
	__builtin_memset(event->reserved, 0, sizeof(event->reserved));
	if (len > REQUEST_CAPTURE_MAX)
		len = REQUEST_CAPTURE_MAX;
	asm volatile("" : "+r"(len));
	if (load_clamped(skb, segment->offset, event->data, len, REQUEST_CAPTURE_MAX))
		event->request_len = len;
	else
		event->request_len = 0;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

/* A connection without state whose payload begins no request. What was seen from its first byte on is
 * settled; what is older may be in the middle of a body and is looked at again. */
static __always_inline void not_a_request(struct bpf_sock *sk, const struct start *start)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

	if (!tcp)
		return;
	if (start_is_response(start)) { /* a client's socket */
		socket_ignore(sk);
		return;
	}
	if (tcp->bytes_received)
		return;
	/* Who has sent nothing yet is the server; the client's end of the same connection is not counted
	 * again. */
	if (!tcp->data_segs_out)
		count(start_is_tls(start)     ? COUNT_UNPARSED_TLS
		      : start_is_http2(start) ? COUNT_UNPARSED_HTTP2
					      : COUNT_UNPARSED_OTHER);
	socket_ignore(sk);
}

static __always_inline void early_keep(struct __sk_buff *skb, struct bpf_sock *sk,
				       const struct segment *segment)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct early_request *request;
	struct early_key key = {};
	__u32 len = segment->len;

	if (!tcp)
		return;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		bpf_skb_load_bytes(skb, __builtin_offsetof(struct iphdr, saddr), key.remote_address, 4);
	else
		bpf_skb_load_bytes(skb, __builtin_offsetof(struct ipv6hdr, saddr), key.remote_address, 16);
	key.remote_port = segment->remote_port;
	key.local_port = segment->local_port;
	key.netns = BPF_CORE_READ(&tcp->inet_conn.icsk_inet.sk, __sk_common.skc_net.net, ns.inum);
	/* A retransmission of what is here already does not make it younger. */
	if (bpf_map_update_elem(&early_requests, &key, &early_empty, BPF_NOEXIST))
		return;
	request = bpf_map_lookup_elem(&early_requests, &key);
	if (!request)
		return;
	if (len > REQUEST_CAPTURE_MAX)
		len = REQUEST_CAPTURE_MAX;
	asm volatile("" : "+r"(len));
	if (!load_clamped(skb, segment->offset, request->request, len, REQUEST_CAPTURE_MAX))
		return;
	request->request_len = len;
	request->request_bytes = segment->len;
	request->seq = segment->seq;
	request->arrival_ns = bpf_ktime_get_ns();
	early_last_ns = request->arrival_ns;
}

static __always_inline void positions_advance(struct connection *connection, const struct segment *segment)
{
	connection->request_end += segment->seq + segment->len - connection->next_seq_in;
	connection->next_seq_in = segment->seq + segment->len;
}

static __always_inline void segment_came_in(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);
	struct connection *connection;
	struct traffic *traffic;
	struct segment segment;
	struct start start;

	if (!sk || sk->protocol != IPPROTO_TCP)
		return;
	connection = bpf_sk_storage_get(&connections, sk, 0, 0);
	if (connection && connection->state >= CONNECTION_UPGRADED)
		return;
	if (!connection && bpf_sk_storage_get(&ignored, sk, 0, 0))
		return;
	if (!segment_load(skb, &segment) || segment.len == 0)
		return;
	if (connection && connection->request_end && !segment_trim(&segment, connection->next_seq_in))
		return;
	if (!start_load(skb, &segment, &start))
		return;

	if (sk->state == BPF_TCP_LISTEN) {
		if (start_is_request(&start))
			early_keep(skb, sk, &segment);
		return;
	}
	if (connection && connection->state == CONNECTION_WAITING) {
		/* The rest of a body or of a head, or a request that does not wait for the answer. */
		if (start.len == START_LEN && start_is_request(&start) && request_head_ends(connection))
			request_pipelined(skb, connection, &segment, bpf_ktime_get_ns());
		else if (!request_head_ends(connection))
			request_keep(skb, connection, &segment);
		positions_advance(connection, &segment);
	} else if (start_is_request(&start) && !start_is_http2(&start)) {
		if (!connection) {
			connection = connection_new(sk);
			if (!connection)
				return;
			connection_identify(skb, connection);
		}
		request_begin(skb, connection, &segment, bpf_ktime_get_ns());
	} else if (connection) {
		positions_advance(connection,
				  &segment); /* the rest of a body that was answered before it was whole */
	} else {
		not_a_request(sk, &start);
		return;
	}
	traffic = traffic_of(connection);
	if (traffic)
		__sync_fetch_and_add(&traffic->bytes_in, segment.len);
}

SEC("cgroup_skb/ingress")
int ringside_ingress(struct __sk_buff *skb)
{
	segment_came_in(skb);
	return 1;
}

/* Fill and send an exchange event whose parts have room for `request_room` and `response_room` bytes:
 * constants, because the ring reserves only what the verifier knows. */
static __always_inline bool exchange_send(struct __sk_buff *skb, struct connection *connection,
					  const struct segment *segment, struct tcp_sock *tcp, __u64 now,
					  __u16 flags, const __u32 request_room, const __u32 response_room)
{
	void *ring = ring_of(connection->socket);
	struct exchange_event *event;
	__u32 len = segment->len;

	event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + request_room + response_room, 0) : NULL;
	if (!event)
		return false;
	header_fill(&event->header, connection, EVENT_EXCHANGE, now);
	event->header.flags |= flags;
	exchange_fill(event, connection, request_room);
	event->response_end = connection->response_end + segment->len;
	event->response_bytes = segment->len;
	phases_end(event, connection, tcp, now);
	segment_tail(skb, segment, event->tail);
	if (len > response_room)
		len = response_room;
	asm volatile("" : "+r"(len));
	if (load_clamped(skb, segment->offset, event->data + request_room, len, response_room))
		event->response_len = len;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return true;
}

/* "HTTP/1.1 100 Continue" and other 1xx but 101 do not answer; an answer may stand behind one in the same
 * segment. Moves the segment to the answer; false if there is none. Rare, so that it may be slow. */
static __always_inline bool skip_interim(struct __sk_buff *skb, struct segment *segment, struct start *start)
{
	const __u32 shortest = 16;

	if (start->len < 12 || start->bytes[9] != '1' || (start->bytes[10] == '0' && start->bytes[11] == '1'))
		return true;
	for (__u32 at = shortest; at < 512; at++) {
		__u64 mark;

		if (at + sizeof(mark) > segment->len ||
		    bpf_skb_load_bytes(skb, segment->offset + at, &mark, sizeof(mark)))
			return false;
		if (mark == 0x505454480a0d0a0dULL) { /* "\r\n\r\nHTTP", little-endian */
			at += 4;
			segment->offset += at;
			segment->seq += at;
			segment->len -= at;
			return start_load(skb, segment, start);
		}
	}
	return false;
}

static __always_inline void answer_began(struct __sk_buff *skb, struct connection *connection,
					 struct bpf_sock *sk, const struct segment *segment,
					 const struct start *start, __u64 now)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u16 flags =
		(segment->fin ? EVENT_FIN : 0) | (sk->state == BPF_TCP_CLOSE_WAIT ? EVENT_CLIENT_LEFT : 0);
	bool small = connection->request_len <= 128, sent;
	__u8 tail[4];

	if (segment->len <= 256)
		sent = small ? exchange_send(skb, connection, segment, tcp, now, flags, 128, 256)
			     : exchange_send(skb, connection, segment, tcp, now, flags, REQUEST_CAPTURE_MAX,
					     256);
	else if (segment->len <= 512)
		sent = small ? exchange_send(skb, connection, segment, tcp, now, flags, 128, 512)
			     : exchange_send(skb, connection, segment, tcp, now, flags, REQUEST_CAPTURE_MAX,
					     512);
	else
		sent = small ? exchange_send(skb, connection, segment, tcp, now, flags, 128,
					     RESPONSE_CAPTURE_MAX)
			     : exchange_send(skb, connection, segment, tcp, now, flags, REQUEST_CAPTURE_MAX,
					     RESPONSE_CAPTURE_MAX);
	if (!sent)
		count(COUNT_LOST_EXCHANGE);
	/* A head that ends with the segment needs no more; otherwise it may go on in the next. */
	connection->capture_left = 0;
	if (segment->len < RESPONSE_CAPTURE_MAX &&
	    (segment->len < 4 || bpf_skb_load_bytes(skb, segment->offset + segment->len - 4, tail, 4) ||
	     tail[0] != '\r' || tail[1] != '\n' || tail[2] != '\r' || tail[3] != '\n'))
		connection->capture_left = RESPONSE_CAPTURE_MAX - segment->len;
	connection->answered = 1;
	if (sent && segment->fin)
		connection->fin_sent = 1;
	connection_settle(connection,
			  start->len >= 12 && start->bytes[9] == '1' ? CONNECTION_UPGRADED : CONNECTION_IDLE);
}

static __always_inline bool response_send(struct __sk_buff *skb, struct connection *connection,
					  const struct segment *segment, __u64 now, __u32 len,
					  const __u32 room)
{
	void *ring = ring_of(connection->socket);
	struct response_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event) + room, 0) : NULL;

	if (!event)
		return false;
	header_fill(&event->header, connection, EVENT_RESPONSE, now);
	event->header.flags |= segment->fin ? EVENT_FIN : 0;
	event->response_end = connection->response_end + segment->len;
	event->last_ns = segment->len ? now : connection->last_ns;
	event->response_bytes = segment->len;
	event->response_len = 0;
	__builtin_memset(event->tail, 0, 8);
	segment_tail(skb, segment, event->tail);
	if (room) {
		asm volatile("" : "+r"(len));
		if (load_clamped(skb, segment->offset, event->data, len, room))
			event->response_len = len;
	}
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return true;
}

static __always_inline void answer_went_on(struct __sk_buff *skb, struct connection *connection,
					   struct bpf_sock *sk, const struct segment *segment,
					   const struct start *start, __u64 now)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	bool next = segment->len && start_is_response(start);
	__u32 len = next ? RESPONSE_CAPTURE_MAX : connection->capture_left;
	bool sent;

	if (len > segment->len)
		len = segment->len;
	if (!next)
		connection->capture_left -= len;
	/* The end of an answer empties the send queue: other segments need not be told. */
	if (!next && !len && !segment->fin && tcp && tcp->write_seq != segment->seq + segment->len)
		return;
	sent = len ? response_send(skb, connection, segment, now, len, RESPONSE_CAPTURE_MAX)
		   : response_send(skb, connection, segment, now, 0, 0);
	if (!sent)
		count(COUNT_LOST_RESPONSE);
	else if (segment->fin)
		connection->fin_sent = 1;
}

/* On kernels without socket storage for tracepoints, the connection of an early request gets its state only
 * here. */
static __always_inline struct connection *connection_of_early(struct bpf_sock *sk)
{
	struct connection *connection = connection_new(sk);

	if (connection && early_claim(connection))
		return connection;
	bpf_sk_storage_delete(&connections, sk);
	return NULL;
}

static __always_inline void segment_goes_out(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);
	struct connection *connection;
	struct traffic *traffic;
	struct segment segment;
	struct start start;
	__u64 now;

	if (!sk || sk->protocol != IPPROTO_TCP)
		return;
	connection = bpf_sk_storage_get(&connections, sk, 0, 0);
	if (!connection && !(early_last_ns && early_worth_a_look(bpf_ktime_get_ns())))
		return;
	if (connection && connection->state >= CONNECTION_UPGRADED)
		return;
	if (!segment_load(skb, &segment) || (segment.len == 0 && !segment.fin))
		return;
	if (!connection) {
		if (segment.len == 0)
			return;
		connection = connection_of_early(sk);
		if (!connection)
			return;
	}
	if (!connection->socket)
		connection_identify(skb, connection);
	if (!segment_trim(&segment, connection->next_seq_out))
		return;
	now = bpf_ktime_get_ns();
	if (segment.len == 0) {
		if (connection->answered && !connection->fin_sent && connection->state == CONNECTION_IDLE)
			answer_went_on(skb, connection, sk, &segment, &start, now);
		return;
	}
	if (!start_load(skb, &segment, &start))
		return;
	if (connection->state == CONNECTION_WAITING && start_is_response(&start)) {
		struct segment answer = segment;

		if (!skip_interim(skb, &answer, &start)) {
			connection->response_end += segment.len;
			connection->next_seq_out = segment.seq + segment.len;
			return;
		}
		connection->response_end += segment.len - answer.len;
		segment = answer;
		answer_began(skb, connection, sk, &segment, &start, now);
	} else if (connection->answered) {
		answer_went_on(skb, connection, sk, &segment, &start, now);
	} else if (connection->midstream) {
		/* The end of an answer to something older: the request was none. */
		if (connection->state == CONNECTION_WAITING)
			connection_settle(connection, CONNECTION_IDLE);
	} else {
		count(COUNT_UNPARSED_OTHER);
		connection_settle(connection, CONNECTION_IDLE);
		bpf_sk_storage_delete(&connections, sk);
		socket_ignore(sk);
		return;
	}
	connection->response_end += segment.len;
	connection->next_seq_out = segment.seq + segment.len;
	connection->last_ns = now;
	traffic = traffic_of(connection);
	if (traffic)
		__sync_fetch_and_add(&traffic->bytes_out, segment.len);
}

SEC("cgroup_skb/egress")
int ringside_egress(struct __sk_buff *skb)
{
	segment_goes_out(skb);
	return 1;
}
